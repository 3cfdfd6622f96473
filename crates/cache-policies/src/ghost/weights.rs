//! What few ghosts keep for each number: weights other than 1.

use alloc::collections::VecDeque;

/// By number less the oldest one.
#[derive(Clone, Debug, Default)]
pub(super) struct Weights {
    column: VecDeque<u32>,
}

impl Weights {
    /// Those of so many numbers, all 1.
    pub(super) fn ones(span: usize) -> Self {
        let mut column = VecDeque::new();
        column.reserve_exact(span);
        column.resize(span, 1);
        Weights { column }
    }

    pub(super) fn get(&self, index: usize) -> u32 {
        self.column[index]
    }

    /// Adds the newest, the column growing by an eighth where it must.
    pub(super) fn push(&mut self, weight: u32) {
        if self.column.len() == self.column.capacity() {
            self.column.reserve_exact(self.column.len() / 8 + 16);
        }
        self.column.push_back(weight);
    }

    /// Takes the oldest out.
    pub(super) fn pop(&mut self) -> u32 {
        self.column.pop_front().unwrap_or(1)
    }

    /// Asserts that there is one for each number.
    pub(super) fn check(&self, span: usize) {
        assert_eq!(self.column.len(), span, "the weights are of other numbers");
    }
}
