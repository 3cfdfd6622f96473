//! What happened so far.

use std::sync::atomic::{AtomicU64, Ordering};

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

/// The same while it is counted. Relaxed: only told.
#[derive(Debug, Default)]
pub(super) struct Counters {
    connected: AtomicU64,
    unanswered: AtomicU64,
    ended: AtomicU64,
    redirected: AtomicU64,
}

impl Counters {
    pub(super) fn connected(&self) {
        self.connected.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn unanswered(&self) {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ended(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn redirected(&self) {
        self.redirected.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> RedisStats {
        RedisStats {
            connected: self.connected.load(Ordering::Relaxed),
            unanswered: self.unanswered.load(Ordering::Relaxed),
            ended: self.ended.load(Ordering::Relaxed),
            redirected: self.redirected.load(Ordering::Relaxed),
        }
    }
}
