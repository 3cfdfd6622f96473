//! Participants: where each thread says whether it is reading, and the writer looks.

use std::ptr;

use super::mutant::{Mutant, active, weaken};
use super::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use super::sync::{Fence, Mutex, process_wide};

/// What one thread at a time tells of itself, on cache lines that no other thread writes. Never
/// freed, but used again by threads that come later.
#[repr(align(128))]
#[derive(Debug)]
pub(super) struct Participant {
    /// Odd while its thread is pinned; never falls. Written by its thread alone, each time with
    /// Release, so that a writer whose Acquire reads anything later than a pin sees all of that
    /// pin's reads behind it. (After a Relaxed store of the next pin it would not.)
    state: AtomicU64,
    /// The fence of the process, at hand for whoever pins.
    fence: Fence,
    /// How many were made before; constant.
    number: u32,
    /// The participant made before; set before this one is published, and constant.
    older: Option<&'static Participant>,
}

impl Participant {
    /// One that nobody uses, or a new one. O(1). Takes a lock of the process.
    pub(super) fn obtain() -> &'static Self {
        let mut idle = REGISTRY.idle.lock();
        // Relaxed, here and below: changed under the lock alone.
        let used = REGISTRY.used.load(Ordering::Relaxed) + 1;
        REGISTRY.used.store(used, Ordering::Relaxed);
        if let Some(participant) = idle.pop() {
            return participant;
        }
        let all = REGISTRY.all.load(Ordering::Relaxed) + 1;
        // Whoever gives one back needs no memory for that.
        idle.reserve(all as usize);
        let newest = Box::leak(Box::new(Self {
            state: AtomicU64::new(0),
            fence: Fence::of_process(),
            number: u32::try_from(all - 1).expect("fewer threads than that"),
            older: participants().next(),
        }));
        REGISTRY.newest.store(newest, Ordering::Release);
        // Relaxed: a hint for the size of batches.
        REGISTRY.all.store(all, Ordering::Relaxed);
        newest
    }

    /// Gives it back for other threads, unless it is pinned: then it stays as it is for ever.
    pub(super) fn give_back(&'static self) {
        if self.is_pinned() && !active(Mutant::GivenBackPinned) {
            return;
        }
        let mut idle = REGISTRY.idle.lock();
        let used = REGISTRY.used.load(Ordering::Relaxed) - 1;
        REGISTRY.used.store(used, Ordering::Relaxed);
        idle.push(self);
    }

    /// Its number: of all threads at a time, one alone has it. Small, those without a thread being used again.
    #[inline(always)]
    pub(super) const fn number(&self) -> usize {
        self.number as usize
    }

    /// How often its thread has pinned and unpinned: odd while it is pinned. For the writer, after a heavy fence.
    pub(super) fn state(&self) -> u64 {
        // Acquire: pairs with the Release of `pin` and `unpin`.
        self.state.load(Ordering::Acquire)
    }

    #[inline(always)]
    fn is_pinned(&self) -> bool {
        // Relaxed: its thread's own stores; whoever had it before gave it back under a lock.
        self.state.load(Ordering::Relaxed) % 2 == 1
    }

    /// Pins its thread; `false` if it is pinned already.
    #[inline(always)]
    pub(super) fn pin(&self) -> bool {
        // Relaxed: as in `is_pinned`.
        let state = self.state.load(Ordering::Relaxed);
        if state % 2 == 1 {
            return false;
        }
        let release = weaken(Ordering::Release, Mutant::PinRelaxed);
        self.state.store(state + 1, release);
        if !active(Mutant::PinUnfenced) {
            self.fence.light();
        }
        true
    }

    /// Ends what the `pin` began that returned `true`.
    #[inline(always)]
    pub(super) fn unpin(&self) {
        let state = self.state.load(Ordering::Relaxed);
        debug_assert!(
            state % 2 == 1,
            "pins end in the order opposite to their beginnings"
        );
        let release = weaken(Ordering::Release, Mutant::UnpinRelaxed);
        self.state.store(state + 1, release);
    }
}

/// All participants of the process.
#[derive(Debug)]
struct Registry {
    /// The participant made last; the others follow by `older`. Stored with `idle` locked, and
    /// Release, for the writers that walk along.
    newest: AtomicPtr<Participant>,
    /// How many there are. Stored with `idle` locked.
    all: AtomicU64,
    /// How many of them have a thread. Stored with `idle` locked.
    used: AtomicU64,
    /// Those without a thread.
    idle: Mutex<Vec<&'static Participant>>,
}

process_wide! {
    static REGISTRY: Registry = Registry {
        newest: AtomicPtr::new(ptr::null_mut()),
        all: AtomicU64::new(0),
        used: AtomicU64::new(0),
        idle: Mutex::new(Vec::new()),
    };
}

/// Participants there are, those without a thread included.
pub(super) fn number() -> usize {
    // Relaxed: a hint.
    REGISTRY.all.load(Ordering::Relaxed) as usize
}

/// How many slots are worth a look at all participants: as many as there are with a thread, whose lines move by that.
/// Those without one cost a sixteenth, so that a process that once had thousands of threads does not keep as many
/// values for ever.
pub(super) fn looks() -> usize {
    // Relaxed: a hint.
    let used = REGISTRY.used.load(Ordering::Relaxed) as usize;
    used.max(number() / 16)
}

/// All participants there are now.
pub(super) fn participants() -> impl Iterator<Item = &'static Participant> {
    let newest = REGISTRY.newest.load(Ordering::Acquire);
    // SAFETY: null, or from the `Box::leak` of a participant, which is there for ever and of which
    // there are only shared references since; published by the Release store of its pointer.
    let newest = unsafe { newest.as_ref() };
    std::iter::successors(newest, |participant| participant.older)
}
