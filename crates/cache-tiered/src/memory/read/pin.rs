//! Pins: while a thread holds one, nothing that it can find in an index is freed.

use std::cell::Cell;
use std::marker::PhantomData;

use super::mutant::{Mutant, active};
use super::participant::Participant;
use super::sync::local;

local! {
    /// This thread's participant. Without a destructor, so that it can be used while the thread
    /// ends.
    static MINE: Cell<Option<&'static Participant>> = const { Cell::new(None) };
    /// Gives the participant back when the thread ends.
    static LEAVER: Leaver = const { Leaver };
}

struct Leaver;

impl Drop for Leaver {
    fn drop(&mut self) {
        leave();
    }
}

/// Gives this thread's participant back. It gets another at its next pin.
pub(super) fn leave() {
    if active(Mutant::ExitForgets) {
        return;
    }
    // An error, which only loom's locals give: the participant stays unused.
    if let Ok(Some(participant)) = MINE.try_with(Cell::take) {
        participant.give_back();
    }
}

/// Proof that the current thread is pinned: for as long as a reference to it lives, entries that
/// were found or unlinked under it stay where they are.
#[derive(Debug)]
pub(crate) struct Pin {
    participant: &'static Participant,
    /// A pin is about the thread that it was made on.
    _thread: PhantomData<*mut ()>,
}

impl Pin {
    /// A small number that no other thread has while this one is pinned. Who has it next sees all that was done
    /// under it.
    #[inline(always)]
    pub(crate) fn number(&self) -> usize {
        self.participant.number()
    }
}

/// What is done pinned, as a type: [`pinned_for`] inlines it where it may be called from two places.
pub(crate) trait Work {
    type Output;

    fn run(self, pin: &Pin) -> Self::Output;
}

/// [`pinned`], for work that should be inlined: a closure that is called from two places is not.
#[inline(always)]
pub(crate) fn pinned_for<W: Work>(work: W) -> W::Output {
    match Held::begin() {
        Ok(held) => work.run(&held.pin),
        Err(mine) => pinned_otherwise(mine, |pin| work.run(pin)),
    }
}

/// Runs `work` with this thread pinned, which may be within another pin: the outer one counts.
/// Costs a store, or, without `membarrier`, a full fence; the first time on a thread, a lock.
///
/// While `work` runs, what any thread unlinks from any arena waits to be reclaimed, and needs
/// memory: it should be short. If it panics the pin ends as well.
#[inline(always)]
pub(crate) fn pinned<R>(work: impl FnOnce(&Pin) -> R) -> R {
    match Held::begin() {
        Ok(held) => work(&held.pin),
        Err(mine) => pinned_otherwise(mine, work),
    }
}

/// [`pinned`], on a thread that is pinned already, or has no participant, as [`Held::begin`] found.
#[cold]
#[inline(never)]
pub(super) fn pinned_otherwise<R>(
    mine: Option<&'static Participant>,
    work: impl FnOnce(&Pin) -> R,
) -> R {
    let held = match mine {
        Some(participant) => Held::new(participant, Ending::Nothing),
        // An error where the thread's locals have been destroyed: nobody would give it back then.
        None => Held::enter_until(match LEAVER.try_with(|_| ()) {
            Ok(()) => Ending::Unpin,
            Err(_) => Ending::GiveBack,
        }),
    };
    work(&held.pin)
}

/// As [`pinned`], on a thread without a participant that is ending.
#[cfg(all(test, cache_tiered_loom))]
pub(super) fn pinned_while_ending<R>(work: impl FnOnce(&Pin) -> R) -> R {
    let held = Held::enter_until(Ending::GiveBack);
    work(&held.pin)
}

/// What is to be done when a pin ends.
enum Ending {
    /// It was within another.
    Nothing,
    Unpin,
    /// The thread is ending, and has given its participant back already: this one was for this
    /// pin only.
    GiveBack,
}

/// A pin that ends when it is dropped. Only functions that call others in between make one, and never let
/// go of it, so that pins end in the order opposite to their beginnings: an inner one never outlives the
/// outer one that it relies on.
pub(super) struct Held {
    ending: Ending,
    pub(super) pin: Pin,
}

impl Held {
    #[inline(always)]
    fn new(participant: &'static Participant, ending: Ending) -> Self {
        Self {
            ending,
            pin: Pin {
                participant,
                _thread: PhantomData,
            },
        }
    }

    /// Pins a thread that has a participant and is not pinned: how that ends is known at once, so that it has
    /// nothing to decide. Otherwise what the thread has, for [`pinned_otherwise`].
    #[inline(always)]
    pub(super) fn begin() -> Result<Self, Option<&'static Participant>> {
        let mine = MINE.with(Cell::get);
        match mine {
            Some(participant) if participant.pin() => Ok(Self::new(participant, Ending::Unpin)),
            _ => Err(mine),
        }
    }

    /// Pins a thread that has no participant.
    fn enter_until(ending: Ending) -> Self {
        let participant = Participant::obtain();
        MINE.with(|mine| mine.set(Some(participant)));
        let first = participant.pin();
        debug_assert!(first, "a participant that was given back is not pinned");
        Self::new(participant, ending)
    }

    #[cold]
    fn end_for_good(&self) {
        MINE.with(|mine| mine.set(None));
        if active(Mutant::GivenBackPinned) {
            self.pin.participant.give_back();
            self.pin.participant.unpin();
        } else {
            self.pin.participant.unpin();
            self.pin.participant.give_back();
        }
    }
}

impl Drop for Held {
    #[inline(always)]
    fn drop(&mut self) {
        match self.ending {
            Ending::Unpin => self.pin.participant.unpin(),
            Ending::GiveBack => self.end_for_good(),
            Ending::Nothing if active(Mutant::NestedUnpins) => self.pin.participant.unpin(),
            Ending::Nothing => {}
        }
    }
}
