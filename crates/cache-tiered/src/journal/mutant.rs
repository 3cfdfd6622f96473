//! Deliberate faults of group commit, by which its models prove that they would see a real one.
//!
//! In a normal build [`active`] is `false` at compile time. Under loom a model switches one fault on
//! for its run; the model must then fail.

/// One fault a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    /// A leader that is done appoints nobody.
    LeadKept,
    /// Who does not lead sits down when the leader may have passed by.
    SeatTakenLate,
    /// Who waits for room is not told that records were settled.
    SettledUnheard,
}

#[cfg(not(cache_tiered_loom))]
#[inline(always)]
pub(super) const fn active(_: Mutant) -> bool {
    false
}

#[cfg(cache_tiered_loom)]
pub(super) fn active(mutant: Mutant) -> bool {
    chosen::active(mutant)
}

#[cfg(all(test, cache_tiered_loom))]
pub(super) use chosen::choose;

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
    pub(in crate::journal) fn choose(mutant: Option<Mutant>) {
        CHOSEN.set(mutant);
    }
}
