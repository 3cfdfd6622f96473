//! One request of a trace.

/// One request: which object, how large, when, and when it is wanted again if the trace knows.
///
/// ```
/// use strata_cli::trace::Request;
///
/// let request = Request { time: 0, key: 7, size: 1, next: None };
/// assert_eq!(request.key, 7);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Seconds since the trace began; 0 where the format holds no time (ARC, LIRS).
    pub time: u32,
    /// The object asked for.
    pub key: u64,
    /// The object's size in bytes; 1 where the format holds no sizes (ARC, LIRS).
    pub size: u32,
    /// The position of the next request of the same object, counted from 1; `None` if there is none or the format does
    /// not say (ARC, LIRS).
    pub next: Option<u64>,
}
