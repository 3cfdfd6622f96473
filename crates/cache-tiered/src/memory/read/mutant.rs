//! Deliberate faults of the concurrent read path; see [`mutant`](crate::mutant).

use super::sync::atomic::Ordering;
use crate::mutant::mutant_switch;

/// One fault a variant.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    /// A slot is put into its cell without publishing the entry.
    SlotRelaxed,
    /// A cell gets its slot while it still has the tag that others saw.
    SlotBeforeTag,
    /// A cell that is vacated keeps its slot.
    SlotStays,
    /// An update takes the old entry out of the index before it puts the new one there.
    ReplaceInTwoSteps,
    /// A new table is not published with what is in it.
    TableRelaxed,
    /// A new table is shown before it is filled.
    TableShownEmpty,
    /// An old table is freed while readers may be in it.
    TableFreedAtOnce,
    /// Who passed a full bucket is not counted there.
    PassageUncounted,
    /// A reader may look for entries before others can see that it is pinned.
    PinUnfenced,
    /// The writer may look for readers before they can see what it has unlinked.
    GraceUnfenced,
    /// A batch is closed, for others to fence for it, without publishing what was unlinked.
    ClosedRelaxed,
    /// Whoever has fenced for others does not tell them what it came after.
    FencedRelaxed,
    /// The writer takes stock of the participants before its fence.
    ParticipantsReadEarly,
    /// Whoever unpins publishes nothing.
    UnpinRelaxed,
    /// Whoever pins again hides from the writer what unpinning published.
    PinRelaxed,
    /// A slot is vacant as soon as it is unlinked.
    NoGrace,
    /// A reader that was pinned when the writer looked is not waited for.
    PinnedForgotten,
    /// The inner of two pins unpins.
    NestedUnpins,
    /// A participant is given back before it is unpinned.
    GivenBackPinned,
    /// A thread that ends keeps its participant.
    ExitForgets,
    /// A number in a column is raised by a store, whatever it is by then.
    RaisedByStore,
    /// A slot gets its number in a column when readers can find it already.
    ColumnAfterSlot,
}

mutant_switch!(pub(super), weaken Ordering);
