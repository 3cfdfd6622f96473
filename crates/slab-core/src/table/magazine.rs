//! `Magazine`: a few slots that are neither free nor live, to be filled next.

/// Rounds that a magazine holds. Few enough that a table of any kind may carry one, enough that most
/// insertions and removals, in bursts too, touch no bitmap.
pub(super) const ROUNDS: u32 = 64;

/// Indices of slots of resident slabs, the last one in the first one out. After the magazines of Bonwick and
/// Adams (USENIX 2001): they are loaded and unloaded many slots at a time.
#[derive(Clone, Copy)]
pub(super) struct Magazine {
    /// At most `ROUNDS`.
    len: u32,
    /// The first `len` count.
    rounds: [u32; ROUNDS as usize],
}

impl Magazine {
    pub(super) const EMPTY: Self = Self {
        len: 0,
        rounds: [0; ROUNDS as usize],
    };

    #[inline]
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.len == ROUNDS
    }

    /// The index that `pop` gives.
    #[inline]
    pub(super) fn top(&self) -> Option<u32> {
        let last = self.len.checked_sub(1)?;
        self.rounds.get(last as usize).copied()
    }

    #[inline]
    pub(super) fn pop(&mut self) {
        debug_assert!(self.len != 0, "a magazine without rounds");
        self.len -= 1;
    }

    /// Adds an index. The magazine is not full.
    #[inline]
    pub(super) fn push(&mut self, index: u32) {
        debug_assert!(!self.is_full(), "a magazine with all its rounds");
        if let Some(round) = self.rounds.get_mut(self.len as usize) {
            *round = index;
            self.len += 1;
        }
    }

    /// Takes the `count` indices out that were added first.
    pub(super) fn take_oldest(&mut self, count: u32) -> Self {
        let mut taken = *self;
        taken.len = count.min(self.len);
        self.rounds
            .copy_within(taken.len as usize..self.len as usize, 0);
        self.len -= taken.len;
        taken
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.rounds.iter().copied().take(self.len as usize)
    }
}
