//! Deliberate faults, by which the loom models prove that they would see a real one.
//!
//! In a normal build [`active`] is `false` and [`weaken`] gives back the ordering it was given, both at compile time.
//! Under loom a model switches one fault on for its run; the model must then fail.

use super::atomic::Ordering;

/// One fault a variant.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A free publishes nothing: neither the value's last use nor the link.
    FreeReleasesNothing,
    /// Whoever queues a slab does not wait for what its last owner did.
    FreeAcquiresNothing,
    /// An owner takes back freed slots without waiting for what was done with them.
    CollectRelaxed,
    /// An owner that lets go of a slab without a free slot publishes nothing.
    DetachRelaxed,
    /// An owner that lets go of a slab as it ends publishes nothing.
    SettleReleasesNothing,
    /// A push on the depot publishes nothing.
    PushReleasesNothing,
    /// A push on the depot does not see that the last handle went.
    PushAcquiresNothing,
    /// Whoever takes the depot's slabs does not wait for who pushed them.
    TakeAcquiresNothing,
    /// The last handle's take does not tell those who push later that it went.
    TakeReleasesNothing,
    /// Who lets a slab go writes the state over frees that arrived since it looked.
    SettleOverwrites,
    /// Who queued a slab after the last handle went does not look after it.
    NobodyDrains,
    /// Who lets a slab go and finds every slot free does not wait for what was done with them.
    SettleLoadRelaxed,
    /// Nor does who finds it so when a free came in between.
    SettleRetryRelaxed,
    /// Who looks whether others freed the last slots does not wait for what was done with them.
    PendingRelaxed,
    /// Who takes a slab out of the depot does not wait for the frees that came after it was queued.
    AdoptRelaxed,
    /// Who makes a slab its own writes the state over frees that arrived since it looked.
    AdoptOverwrites,
    /// The last count of the control block is given up without waiting for the others.
    LastRelaxed,
}

#[cfg(not(slab_core_loom))]
#[inline(always)]
pub(crate) const fn active(_: Mutant) -> bool {
    false
}

#[cfg(slab_core_loom)]
pub(crate) fn active(mutant: Mutant) -> bool {
    chosen::active(mutant)
}

/// `ordering`, or `weaker` when `mutant` is on.
#[inline(always)]
pub(crate) fn weaken(ordering: Ordering, mutant: Mutant, weaker: Ordering) -> Ordering {
    if active(mutant) { weaker } else { ordering }
}

#[cfg(all(test, slab_core_loom))]
pub(crate) use chosen::choose;

#[cfg(slab_core_loom)]
mod chosen {
    use std::cell::Cell;

    use super::Mutant;

    std::thread_local! {
        // std's: loom runs all threads of a model on the thread that started it.
        static CHOSEN: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    pub(super) fn active(mutant: Mutant) -> bool {
        CHOSEN.with(Cell::get) == Some(mutant)
    }

    /// Switches `mutant` on for the models that this thread runs, or all off.
    #[cfg(test)]
    pub(crate) fn choose(mutant: Option<Mutant>) {
        CHOSEN.with(|chosen| chosen.set(mutant));
    }
}
