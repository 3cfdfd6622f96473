//! What few ghosts keep for each number: weights other than 1, and stamps.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

/// By number less the oldest one.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    /// None while all weigh 1.
    weights: Option<VecDeque<u32>>,
    /// None while no key has a stamp.
    stamps: Option<VecDeque<u32>>,
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
            stamps: self.stamps.as_ref().map(empty),
        })
    }

    pub(super) fn with_weights(&mut self, span: usize, span_max: usize) {
        self.weights
            .get_or_insert_with(|| column(1, span, span_max));
    }

    pub(super) fn with_stamps(&mut self, span: usize, span_max: usize) -> &mut VecDeque<u32> {
        self.stamps.get_or_insert_with(|| column(0, span, span_max))
    }

    #[inline]
    pub(super) fn weight(&self, index: usize) -> u32 {
        self.weights.as_ref().map_or(1, |weights| weights[index])
    }

    #[inline]
    pub(super) fn stamp(&self, index: usize) -> u32 {
        self.stamps.as_ref().map_or(0, |stamps| stamps[index])
    }

    #[inline]
    pub(super) fn push(&mut self, weight: u32) {
        if let Some(weights) = &mut self.weights {
            weights.push_back(weight);
        }
        if let Some(stamps) = &mut self.stamps {
            stamps.push_back(0);
        }
    }

    pub(super) fn stamp_newest(&mut self, stamp: u32) {
        if let Some(newest) = self.stamps.as_mut().and_then(VecDeque::back_mut) {
            *newest = stamp;
        }
    }

    /// Takes the oldest number out, and returns its weight.
    #[inline]
    pub(super) fn pop(&mut self) -> u32 {
        if let Some(stamps) = &mut self.stamps {
            stamps.pop_front();
        }
        let weights = self.weights.as_mut();
        weights.and_then(VecDeque::pop_front).unwrap_or(1)
    }

    /// Asserts that there is one of each for each number.
    pub(super) fn check(&self, span: usize) {
        for column in [&self.weights, &self.stamps].into_iter().flatten() {
            assert_eq!(column.len(), span, "a column has another number of places");
        }
    }
}
