//! A parker: a thread that waits, as a waker sees it.

#![expect(
    clippy::disallowed_types,
    reason = "the standard library's Wake wants its own Arc, which guards no memory of the pool"
)]

use core::mem;
use core::task::Waker;
use std::sync::Arc;
use std::task::Wake;
use std::time::Instant;

use crate::sync::{Condvar, Mutex};

/// Works in the destructors of thread-locals too, and leaves nothing behind that another wait could trip over.
pub(crate) struct Parker(Arc<Bell>);

struct Bell {
    /// Set by wakers, cleared by the thread that was woken.
    rung: Mutex<bool>,
    ringing: Condvar,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Bell {
            rung: Mutex::new(false),
            ringing: Condvar::new(),
        }))
    }

    /// Wakes the thread that parks here.
    pub(crate) fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }

    /// Returns at the next wake, or at once after one that came before; `false` when `deadline` came first.
    pub(crate) fn park(&self, deadline: Option<Instant>) -> bool {
        let mut rung = self.0.rung.lock();
        // Ends: by a wake or the deadline.
        while !*rung {
            let (guard, in_time) = self.0.ringing.wait(rung, deadline);
            rung = guard;
            if !in_time {
                break;
            }
        }
        mem::take(&mut *rung)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.rung.lock() = true;
        self.ringing.notify_one();
    }
}

#[cfg(all(test, not(buffer_pool_loom)))]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn a_wake_is_kept_once_and_a_deadline_that_has_passed_does_not_wait() {
        let parker = Parker::new();
        let waker = parker.waker();
        waker.wake_by_ref();
        waker.wake_by_ref();
        assert!(parker.park(None));
        let now = Instant::now();
        assert!(!parker.park(Some(now)), "it was taken");
        waker.wake();
        assert!(parker.park(now.checked_add(Duration::from_secs(1 << 40))));
    }
}
