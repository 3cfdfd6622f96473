//! Deliberate faults, by which the loom models prove that they would see a real one.
//!
//! In a normal build [`active`] is `false` and [`weaken`] gives back the ordering it was given, both at compile time.
//! Under loom a model switches one fault on for its run; the model must then fail.

use crate::sync::atomic::Ordering;

/// One fault a variant.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A taker reads the head of a shelf in one critical section and unlinks it in another.
    #[cfg(buffer_pool_loom)]
    TakeInTwoSections,
    /// A taker that saw an empty shelf in one critical section unlinks, in another, a block that came since.
    #[cfg(buffer_pool_loom)]
    UnlinkUnseen,
    /// A putter reads `closed` in one critical section and pushes in another.
    ClosedReadBeforeLock,
    /// Who enters a rack may read that it is open before others can read that somebody is inside.
    LatchUnfenced,
    /// Who bars a rack may read that nobody is inside before others can read that it is barred.
    BarUnfenced,
    /// Who leaves a rack publishes nothing.
    LatchLeaveRelaxed,
    /// A robber does not wait for the owner.
    RobWithoutWaiting,
    /// An owner lifts the bar of its rack while robbers may be there.
    LiftUnlocked,
    /// A thread that ends leaves its blocks behind.
    ExitForgets,
    /// Who finds no idle block looks only once.
    LookOnce,
    /// The decrement of a shared block's count publishes nothing.
    DropRelaxed,
    /// Whoever drops the only reference that is left does not wait for what the others did.
    SoleRelaxed,
    /// A clone reads the count of a shared block in one step and sets it in another.
    CloneInTwoSteps,
    /// Whoever drops the last reference does not wait for what the others did.
    LastRelaxed,
    /// Whoever turns a sole reference into a buffer does not wait for what earlier owners did.
    UniqueRelaxed,
    /// The budget is compared in one step and charged in another.
    ChargeInTwoSteps,
    /// Who finds no idle block does not wait for those that others are giving back.
    DeparturesIgnored,
    /// Who waits for those sees them gone, and not what that gave back.
    DepartureRelaxed,
    /// Who refunds bytes may have looked for waiters before.
    RefundLooksEarly,
    /// A waiter looks for memory without being ordered against refunds.
    Unconfirmed,
    /// A waiter looks for memory before it enters the line, and not again.
    LookBeforeEntry,
    /// Who releases a block looks for waiters before the block is where they look.
    ServeBeforePut,
    /// A waiter that leaves forgets what it was handed.
    GrantForgotten,
    /// A waiter that leaves serves nobody.
    LeaveWithoutServing,
    /// A waiter reads whether the line is closed in one critical section and enters in another.
    LineClosedReadBeforeLock,
    /// Closing wakes the first in line only.
    CloseWakesOne,
    /// The last in line is served first.
    #[cfg(buffer_pool_loom)]
    LastComeFirst,
    /// A request takes what others wait for.
    Overtake,
    /// A task that moved is woken where it was.
    WakerNotReplaced,
}

#[cfg(not(buffer_pool_loom))]
#[inline(always)]
pub(crate) const fn active(_: Mutant) -> bool {
    false
}

#[cfg(buffer_pool_loom)]
pub(crate) fn active(mutant: Mutant) -> bool {
    chosen::active(mutant)
}

/// `ordering`, or Relaxed when `mutant` is on.
#[inline(always)]
pub(crate) fn weaken(ordering: Ordering, mutant: Mutant) -> Ordering {
    if active(mutant) {
        Ordering::Relaxed
    } else {
        ordering
    }
}

#[cfg(all(test, buffer_pool_loom))]
pub(crate) use chosen::choose;

#[cfg(buffer_pool_loom)]
mod chosen {
    use std::cell::Cell;

    use super::Mutant;

    thread_local! {
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
