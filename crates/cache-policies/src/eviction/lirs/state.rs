//! What an entry is: a word for each slot.

/// Absent, or resident: LIR, HIR, or a phantom, linked or pinned, with a number that says where in S it is.
///
/// ```text
///  bit   31       30    29    28 ... 0
///        pinned   out   LIR   number
/// ```
/// A LIR entry has the number that was given last before its last request, a HIR one its own. One that is out has not
/// been asked for since it was LIR: it is in Q and not in S. LIR and out at once is a phantom.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct State(u32);

const PINNED: u32 = 1 << 31;
const OUT: u32 = 1 << 30;
const LIR: u32 = 1 << 29;

impl State {
    /// Not resident: no HIR entry has the number 0.
    pub(super) const ABSENT: State = State(0);

    #[inline(always)]
    pub(super) fn lir(number: u32) -> State {
        State(LIR | number)
    }

    #[inline(always)]
    pub(super) fn hir(number: u32) -> State {
        State(number)
    }

    #[inline(always)]
    pub(super) fn out(number: u32) -> State {
        State(OUT | number)
    }

    pub(super) fn phantom(number: u32) -> State {
        State(OUT | LIR | number)
    }

    #[must_use]
    pub(super) fn pinned(self) -> State {
        State(self.0 | PINNED)
    }

    #[must_use]
    pub(super) fn unpinned(self) -> State {
        State(self.0 & !PINNED)
    }

    #[inline(always)]
    pub(super) fn number(self) -> u32 {
        self.0 & (LIR - 1)
    }

    /// The same with another number.
    #[must_use]
    pub(super) fn renumbered(self, number: u32) -> State {
        State(self.0 & !(LIR - 1) | number)
    }

    pub(super) fn is_pinned(self) -> bool {
        self.0 & PINNED != 0
    }

    pub(super) fn is_phantom(self) -> bool {
        self.0 & (OUT | LIR) == OUT | LIR
    }

    /// Whether it is LIR, linked or pinned.
    #[inline(always)]
    pub(super) fn is_lir(self) -> bool {
        self.0 & (OUT | LIR) == LIR
    }

    #[inline(always)]
    pub(super) fn is_linked_lir(self) -> bool {
        self.0 & (PINNED | OUT | LIR) == LIR
    }

    /// Whether it is HIR and linked, so that it is in Q.
    #[inline(always)]
    pub(super) fn is_in_queue(self) -> bool {
        self.0 & (PINNED | LIR) == 0 && self != State::ABSENT
    }

    /// Whether it is in S if it is HIR, or a phantom: the bottom of S is a LIR entry with this number.
    #[inline(always)]
    pub(super) fn is_above(self, floor: u32) -> bool {
        self.number() > floor && self.0 & (OUT | LIR) != OUT
    }
}
