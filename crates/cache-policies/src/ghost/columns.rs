//! What few ghosts keep for each number: weights other than 1.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

/// By number less the oldest one.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    /// None while all weigh 1.
    weights: Option<VecDeque<u32>>,
}

/// A column with this for each of `span` numbers, and memory for `span_max`.
fn column(value: u32, span: usize, span_max: usize) -> VecDeque<u32> {
    let mut column = VecDeque::new();
    column.reserve_exact(span_max);
    column.resize(span, value);
    column
}

impl Columns {
    /// The same columns, without a number in them.
    pub(super) fn emptied(&self, span_max: usize) -> Box<Columns> {
        let empty = |_: &VecDeque<u32>| column(0, 0, span_max);
        Box::new(Columns {
            weights: self.weights.as_ref().map(empty),
        })
    }

    pub(super) fn with_weights(&mut self, span: usize, span_max: usize) {
        self.weights
            .get_or_insert_with(|| column(1, span, span_max));
    }

    #[inline]
    pub(super) fn weight(&self, index: usize) -> u32 {
        self.weights.as_ref().map_or(1, |weights| weights[index])
    }

    #[inline]
    pub(super) fn push(&mut self, weight: u32) {
        if let Some(weights) = &mut self.weights {
            weights.push_back(weight);
        }
    }

    /// Takes the oldest number out, and returns its weight.
    #[inline]
    pub(super) fn pop(&mut self) -> u32 {
        let weights = self.weights.as_mut();
        weights.and_then(VecDeque::pop_front).unwrap_or(1)
    }

    /// Asserts that there is one of each for each number.
    pub(super) fn check(&self, span: usize) {
        if let Some(weights) = &self.weights {
            assert_eq!(weights.len(), span, "the weights are of other numbers");
        }
    }
}
