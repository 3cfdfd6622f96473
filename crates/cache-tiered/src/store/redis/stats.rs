//! What happened so far.

use crate::count::Count;

/// What happened in a [`Redis`](crate::Redis) store so far.
///
/// ```no_run
/// use cache_tiered::Redis;
///
/// let store = Redis::options().connect("redis://127.0.0.1")?;
/// assert_eq!(store.stats().connected, 1);
/// # Ok::<(), cache_tiered::RedisError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisStats {
    /// Connections that were made.
    pub connected: u64,
    /// Writes that were sent and had no answer in time, or lost their connection.
    pub unanswered: u64,
    /// Connections whose end at the server was made sure of, because a write on them had no answer.
    pub ended: u64,
    /// Calls that a cluster sent on to another node.
    pub redirected: u64,
}

/// The same while it is counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) connected: Count,
    pub(super) unanswered: Count,
    pub(super) ended: Count,
    pub(super) redirected: Count,
}

impl Counters {
    pub(super) fn stats(&self) -> RedisStats {
        RedisStats {
            connected: self.connected.get(),
            unanswered: self.unanswered.get(),
            ended: self.ended.get(),
            redirected: self.redirected.get(),
        }
    }
}
