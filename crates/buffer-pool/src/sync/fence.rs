//! An asymmetric fence: for two threads that each write, and then read what the other wrote, one far more often.
//!
//! Of two threads that do that with a full fence in between, one at least reads what the other wrote (store
//! buffering). Here the frequent side pays nothing but the order of its instructions, and the rare side has the system
//! put a fence into every thread of the process that runs (`membarrier`, Linux 4.14; who does not run has passed one).
//! Where there is no such call both sides pay for a full fence.
//!
//! Under loom both are full fences: what a model proves of a protocol holds for the cheaper pair, as long as each light
//! fence has a heavy one on the other side.

#![cfg_attr(
    any(not(buffer_pool_loom), buffer_pool_shuttle),
    expect(
        clippy::disallowed_methods,
        reason = "part of the seam that the ban points to"
    )
)]

#[cfg(all(buffer_pool_loom, not(buffer_pool_shuttle)))]
use loom::sync::atomic::fence;
#[cfg(any(not(buffer_pool_loom), buffer_pool_shuttle))]
use std::sync::atomic::fence;
use std::sync::atomic::{Ordering, compiler_fence};

/// What this process has for the rare side.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Fence {
    /// Whether the system does it.
    remote: bool,
}

impl Fence {
    /// For whoever has no rare side.
    pub(crate) fn full() -> Self {
        Self { remote: false }
    }

    /// Asks the system, the first time in a process.
    pub(crate) fn of_process() -> Self {
        Self {
            remote: remote::is_there(),
        }
    }

    /// The frequent side's.
    #[inline(always)]
    pub(crate) fn light(self) {
        match self.remote {
            true => compiler_fence(Ordering::SeqCst),
            false => fence(Ordering::SeqCst),
        }
    }

    /// The rare side's. Microseconds, and an interrupt on each core that runs a thread of the process. `false` when the
    /// system refuses it, as a filter of system calls may that came after `of_process`: then nothing may be concluded,
    /// and idle blocks in other threads' racks stay out of reach until those threads release more, or end.
    #[must_use]
    pub(crate) fn heavy(self) -> bool {
        #[cfg(all(test, not(buffer_pool_loom)))]
        if REFUSED.with(std::cell::Cell::get) {
            return false;
        }
        match self.remote {
            true => remote::fence(),
            false => {
                fence(Ordering::SeqCst);
                true
            }
        }
    }
}

#[cfg(all(test, not(buffer_pool_loom)))]
std::thread_local! {
    static REFUSED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs `work` while the system refuses this thread its fences.
#[cfg(all(test, not(buffer_pool_loom)))]
pub(crate) fn without_fences<R>(work: impl FnOnce() -> R) -> R {
    REFUSED.with(|refused| refused.set(true));
    let result = work();
    REFUSED.with(|refused| refused.set(false));
    result
}

#[cfg(all(target_os = "linux", not(buffer_pool_loom)))]
mod remote {
    use rustix::thread::{MembarrierCommand, membarrier};

    use crate::sync::Once;

    pub(super) fn is_there() -> bool {
        static REGISTERED: Once<bool> = Once::new();
        if let Some(&registered) = REGISTERED.get() {
            return registered;
        }
        let registered = membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok();
        // Who comes second got the same answer, or one that is as true.
        let _ = REGISTERED.set(registered);
        registered
    }

    pub(super) fn fence() -> bool {
        membarrier(MembarrierCommand::PrivateExpedited).is_ok()
    }
}

#[cfg(not(all(target_os = "linux", not(buffer_pool_loom))))]
mod remote {
    pub(super) fn is_there() -> bool {
        false
    }

    pub(super) fn fence() -> bool {
        unreachable!("asked for only where it is there")
    }
}
