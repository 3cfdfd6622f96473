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
    /// Seconds, as the trace counts them: since it began, or since 1970; 0 where the format holds no time (ARC, LIRS, plain
    /// keys).
    pub time: u32,
    /// The object asked for.
    pub key: u64,
    /// The object's size in bytes; 1 where the format holds no sizes (ARC, LIRS, plain keys).
    pub size: u32,
    /// The position in the trace of the next request of the same object: the trace's first request is number 1. `None` if
    /// there is none or the trace does not say.
    ///
    /// This is oracleGeneral's last column, which libCacheSim calls the virtual time of the next access: -1 in files, the
    /// largest `i64` in its memory, where there is none. Oracle policies (Belady) need it, and trust it.
    pub next: Option<u64>,
}

impl Request {
    /// A request of a format that holds keys only.
    pub(super) fn of_key(key: u64) -> Self {
        Self {
            time: 0,
            key,
            size: 1,
            next: None,
        }
    }
}
