//! The remote word: who owns a slab, and which of its slots were freed by others.
//!
//! ```text
//!   | state 31..30 | 0 29..26 | pending 25..13 | head 12..0 |
//!
//!   OWNED     somebody allocates from the slab, or keeps it ready
//!   DETACHED  nobody does, and nobody looks at it
//!   QUEUED    on its way to the depot, in it, or just out
//!
//!               detach, settle                 first free
//!      OWNED ------------------> DETACHED ------------------> QUEUED
//!        ^ |                         ^                         | |
//!        | +-------- queue --------- | ----------------------->+ |
//!        |                           +--------- settle ----------+
//!        +------------------------ adopt ------------------------+
//! ```
//!
//! `pending` slots are linked from `head` through their first two bytes. A free links its slot in front and counts it
//! in one compare-exchange, in every state; the one that finds DETACHED makes it QUEUED and has the duty to push the
//! slab on the depot. Nobody touches a slab after the compare-exchange that frees its slot, except who has that duty:
//! the slab may be gone.
//!
//! Only the possessor (the owner of an OWNED slab, the one who queues or took a QUEUED one) does anything else. It knows
//! how many slots are in use by its own count less `pending`.
//!
//! # Memory ordering
//!
//! A free releases: the value's last use, and the link. `collect` and `settle` acquire it; further frees in between are
//! read-modify-writes, so they carry it on. Letting go (`detach`, `settle`) releases the possessor's private part of
//! the header; the free that then queues the slab acquires it, writes the depot's link there, and releases all by the
//! push.

use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Mutant, active, weaken};

/// Slots of a slab at most: an index and the end mark fit into 13 bits, and so does a count.
#[cfg(not(slab_core_loom))]
pub(crate) const CAPACITY_MAX: usize = 4096;
/// Small in models, so that a slab fills up.
#[cfg(slab_core_loom)]
pub(crate) const CAPACITY_MAX: usize = 2;

/// The end of a list of slots.
pub(super) const END: u16 = 0x1fff;

const _: () = assert!(CAPACITY_MAX <= END as usize);

/// Who may touch the private part of a slab's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Owned = 0,
    Detached = 1,
    Queued = 2,
}

const STATE_SHIFT: u32 = 30;
const STATE_MASK: u32 = 3 << STATE_SHIFT;
const PENDING_SHIFT: u32 = 13;
const FIELD: u32 = 0x1fff;

/// One value of the word.
#[derive(Clone, Copy)]
struct Word(u32);

impl Word {
    const fn new(state: State, pending: u16, head: u16) -> Self {
        Self((state as u32) << STATE_SHIFT | (pending as u32) << PENDING_SHIFT | head as u32)
    }

    fn is(self, state: State) -> bool {
        self.0 >> STATE_SHIFT == state as u32
    }

    fn pending(self) -> u16 {
        (self.0 >> PENDING_SHIFT & FIELD) as u16
    }

    fn head(self) -> u16 {
        (self.0 & FIELD) as u16
    }

    fn with(self, state: State) -> Self {
        Self(self.0 & !STATE_MASK | (state as u32) << STATE_SHIFT)
    }

    /// With `slot` in front of the list.
    fn freed(self, slot: u16) -> Self {
        let state = self.0 >> STATE_SHIFT << STATE_SHIFT;
        Self(state | u32::from(self.pending() + 1) << PENDING_SHIFT | u32::from(slot))
    }
}

/// Slots that others freed, as `collect` takes them.
pub(super) struct Collected {
    /// The first of them, or `END`.
    pub(super) head: u16,
    /// How many there are.
    pub(super) count: u16,
}

/// What became of a slab that its possessor let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// No slot is in use, so nobody else knows the slab: it is still the caller's.
    Empty,
    /// It is DETACHED: nothing of it may be touched any more.
    Detached,
    /// It is QUEUED and the caller's to push.
    Queued,
}

/// Written by every thread that frees a slot, and by the slab's possessor.
pub(super) struct RemoteWord(AtomicU32);

impl RemoteWord {
    /// The word of a new slab, which is its creator's.
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(Word::new(State::Owned, 0, END).0))
    }

    /// Frees `slot`; `link` writes the slot's successor into it. True if the caller now has to push the slab.
    ///
    /// The caller must not touch the slab after `false`.
    #[inline]
    pub(super) fn free(&self, slot: u16, link: impl Fn(u16)) -> bool {
        // Release pairs with `collect` and `settle`, Acquire with the Release of `detach` and `settle`.
        let both = weaken(
            Ordering::AcqRel,
            Mutant::FreeReleasesNothing,
            Ordering::Acquire,
        );
        let both = weaken(both, Mutant::FreeAcquiresNothing, Ordering::Release);
        // Relaxed: the value is only a guess, which the exchange checks.
        let mut seen = Word(self.0.load(Ordering::Relaxed));
        loop {
            link(seen.head());
            let mover = seen.is(State::Detached);
            let freed = seen.freed(slot);
            let next = if mover {
                freed.with(State::Queued)
            } else {
                freed
            };
            let exchange = self
                .0
                .compare_exchange_weak(seen.0, next.0, both, Ordering::Relaxed);
            match exchange {
                Ok(_) => return mover,
                Err(current) => seen = Word(current),
            }
        }
    }

    /// Slots that others freed and the possessor has not taken back, at some moment up to now.
    pub(super) fn pending(&self) -> u16 {
        // Acquire pairs with the Release of each `free`: if all slots are free, the slab may go to the provider.
        let acquire = weaken(Ordering::Acquire, Mutant::PendingRelaxed, Ordering::Relaxed);
        Word(self.0.load(acquire)).pending()
    }

    /// Takes the freed slots of an OWNED slab.
    pub(super) fn collect(&self) -> Collected {
        // A look spares the swap where nothing is pending. Models go without: of the accesses that a free conflicts with
        // loom retries the last alone, which the load before its exchange would be.
        if cfg!(not(slab_core_loom)) && self.pending() == 0 {
            return Collected {
                head: END,
                count: 0,
            };
        }
        let acquire = weaken(Ordering::Acquire, Mutant::CollectRelaxed, Ordering::Relaxed);
        // Acquire pairs with the Release of each `free` since the last collection.
        let taken = Word(self.0.swap(Word::new(State::Owned, 0, END).0, acquire));
        debug_assert!(taken.is(State::Owned), "only the owner collects");
        Collected {
            head: taken.head(),
            count: taken.pending(),
        }
    }

    /// Lets go of an OWNED slab without a free slot. False if one was freed meanwhile: the slab is still the caller's.
    pub(super) fn detach(&self) -> bool {
        let free_of_none = Word::new(State::Owned, 0, END);
        let release = weaken(Ordering::Release, Mutant::DetachRelaxed, Ordering::Relaxed);
        // Release pairs with the Acquire of the free that queues the slab. Relaxed: on failure `collect` follows.
        self.0
            .compare_exchange(
                free_of_none.0,
                free_of_none.with(State::Detached).0,
                release,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// Makes a slab that came out of the depot OWNED by the caller, and says how many slots are pending.
    pub(super) fn adopt(&self) -> u16 {
        // Acquire pairs with the Release of each `free`: a slab whose slots turn out to be all free may go back to the
        // provider.
        let acquire = weaken(Ordering::Acquire, Mutant::AdoptRelaxed, Ordering::Relaxed);
        if active(Mutant::AdoptOverwrites) {
            let seen = Word(self.0.load(acquire));
            self.0.store(seen.with(State::Owned).0, Ordering::Release);
            return seen.pending();
        }
        let before = Word(self.0.fetch_and(!STATE_MASK, acquire));
        debug_assert!(before.is(State::Queued), "only the depot gives slabs away");
        const { assert!(State::Owned as u32 == 0) };
        before.pending()
    }

    /// Lets go of a slab of which the possessor counts `used` slots in use: to be pushed if `reusable` says so of the
    /// number of pending slots, else to be left alone until the next free.
    pub(super) fn settle(&self, used: u16, reusable: impl Fn(u16) -> bool) -> Settled {
        // Acquire pairs with the Release of each `free`: an empty slab goes back to the provider.
        let load = weaken(
            Ordering::Acquire,
            Mutant::SettleLoadRelaxed,
            Ordering::Relaxed,
        );
        let mut seen = Word(self.0.load(load));
        loop {
            debug_assert!(!seen.is(State::Detached), "a detached slab is nobody's");
            debug_assert!(seen.pending() <= used, "a slot was freed twice");
            if seen.pending() == used {
                return Settled::Empty;
            }
            let (state, outcome) = if reusable(seen.pending()) {
                (State::Queued, Settled::Queued)
            } else {
                (State::Detached, Settled::Detached)
            };
            let next = seen.with(state);
            if active(Mutant::SettleOverwrites) {
                self.0.store(next.0, Ordering::Release);
                return outcome;
            }
            // Release as in `detach`; Acquire on failure as in the load.
            let release = weaken(
                Ordering::Release,
                Mutant::SettleReleasesNothing,
                Ordering::Relaxed,
            );
            let retry = weaken(
                Ordering::Acquire,
                Mutant::SettleRetryRelaxed,
                Ordering::Relaxed,
            );
            match self.0.compare_exchange_weak(seen.0, next.0, release, retry) {
                Ok(_) => return outcome,
                Err(current) => seen = Word(current),
            }
        }
    }

    /// Makes the OWNED word of a slab without a slot in use QUEUED.
    pub(super) fn queue_empty(&self) {
        // Relaxed: nobody else uses the word before the push, which releases.
        self.0
            .store(Word::new(State::Queued, 0, END).0, Ordering::Relaxed);
    }

    /// Tells loom that nobody else uses the word any more.
    #[cfg(slab_core_loom)]
    pub(super) fn retire(&mut self) {
        self.0.with_mut(|_| ());
    }
}
