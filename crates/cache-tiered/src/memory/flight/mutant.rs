//! Deliberate faults of what is under way for keys, by which its models prove that they would see a real one.
//!
//! In a normal build [`active`] is `false` and [`weaken`] gives back the ordering it was given, both at compile time.
//! Under loom a model switches one fault on for its run; the model must then fail.

use std::sync::atomic::Ordering;

/// One fault a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::memory) enum Mutant {
    /// Those who joined a load are not told of its end.
    EndUnheard,
    /// Who joined waits without having looked again since it listens.
    EndUnlooked,
    /// A load that its leader gave up has no end.
    Unabandoned,
    /// A load that its leader gave up stays the key's.
    AbandonedStays,
    /// Who comes later does not find the load that is under way.
    Unjoined,
    /// A load lands whatever happened to the key.
    LandsDetached,
    /// What a mutation shows leaves the key its load.
    ShownAttached,
    /// Who invalidates leaves the key its load.
    InvalidatedAttached,
    /// A mutation shows its value although the key was invalidated.
    InvalidatedShown,
    /// A mutation has the key at once, whoever has it.
    TurnAtOnce,
    /// A mutation that ends hands the key to nobody.
    HandedToNobody,
    /// The turn comes unheard.
    TurnUnheard,
    /// Who waits for its turn waits without having looked again since it listens.
    TurnUnlooked,
    /// The turn is granted without publishing what was done before.
    GrantRelaxed,
    /// The owner does not look at what was published with its turn.
    GrantedRelaxed,
    /// Who gives up its turn stays in the queue.
    WithdrawnStays,
}

#[cfg(not(cache_tiered_loom))]
#[inline(always)]
pub(in crate::memory) const fn active(_: Mutant) -> bool {
    false
}

#[cfg(cache_tiered_loom)]
pub(in crate::memory) fn active(mutant: Mutant) -> bool {
    chosen::active(mutant)
}

/// `ordering`, or Relaxed when `mutant` is on.
#[inline(always)]
pub(in crate::memory) fn weaken(ordering: Ordering, mutant: Mutant) -> Ordering {
    if active(mutant) {
        Ordering::Relaxed
    } else {
        ordering
    }
}

#[cfg(all(test, cache_tiered_loom))]
pub(in crate::memory) use chosen::choose;

#[cfg(cache_tiered_loom)]
mod chosen {
    use super::Mutant;
    use std::cell::Cell;

    thread_local! {
        // std's: loom runs all threads of a model on the thread that started it.
        static CHOSEN: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    pub(super) fn active(mutant: Mutant) -> bool {
        CHOSEN.get() == Some(mutant)
    }

    /// Switches `mutant` on for the models that this thread runs, or all off.
    #[cfg(test)]
    pub(in crate::memory) fn choose(mutant: Option<Mutant>) {
        CHOSEN.set(mutant);
    }
}
