//! Deliberate faults of group commit; see [`mutant`](crate::mutant).

use crate::mutant::mutant_switch;

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

mutant_switch!(pub(super));
