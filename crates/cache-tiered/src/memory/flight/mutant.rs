//! Deliberate faults of what is under way for keys; see [`mutant`](crate::mutant).

use crate::mutant::mutant_switch;
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

mutant_switch!(pub(in crate::memory), weaken Ordering);
