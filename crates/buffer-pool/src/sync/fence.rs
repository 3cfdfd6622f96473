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

/// An asymmetric fence: what this process has for two threads that each write, and then read what the other wrote, one
/// far more often than the other.
///
/// Of two threads that do that with a full fence in between, one at least reads what the other wrote. Here the frequent
/// side pays for no fence at all where the system can put one into every running thread of the process on behalf of
/// the rare side (`membarrier`, Linux 4.14). Elsewhere both sides pay for a full one. Each `light` fence must have a
/// `heavy` one opposite: two light ones order nothing.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// let (inside, barred) = (AtomicBool::new(false), AtomicBool::new(false));
/// let fence = buffer_pool::Fence::of_process();
/// // The frequent side, on one thread:
/// inside.store(true, Ordering::Relaxed);
/// fence.light();
/// let may_stay = !barred.load(Ordering::Relaxed);
/// // The rare side, on another:
/// barred.store(true, Ordering::Relaxed);
/// let is_empty = fence.heavy() && !inside.load(Ordering::Acquire);
/// assert!(!(may_stay && is_empty));
/// ```
#[derive(Copy, Clone, Debug)]
pub struct Fence {
    /// Whether the system does it.
    remote: bool,
}

impl Fence {
    /// For whoever has no rare side.
    pub(crate) fn full() -> Self {
        Self { remote: false }
    }

    /// What this process has: asks the system the first time, and answers the same to all from then on.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            remote: remote::is_there(),
        }
    }

    /// The frequent side's: an order of instructions for the compiler, or a full fence.
    #[inline(always)]
    pub fn light(self) {
        match self.remote {
            true => compiler_fence(Ordering::SeqCst),
            false => fence(Ordering::SeqCst),
        }
    }

    /// The rare side's. Microseconds, and an interrupt on each core that runs a thread of the process. `false` when the
    /// system refuses it, as a filter of system calls may that came after `of_process`: then nothing may be concluded of
    /// what the other side has not been seen to write.
    #[must_use]
    pub fn heavy(self) -> bool {
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
        // Who comes second goes by the first answer, even if it got another: a light fence here and a full one there order
        // nothing.
        match REGISTERED.set(registered) {
            Ok(()) => registered,
            Err(_) => REGISTERED.get().copied().unwrap_or(false),
        }
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
