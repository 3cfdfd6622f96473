//! Who answers a request: a tier, the store, or the origin where none of them has the key.

use std::ops::{Index, IndexMut};

use cache_tiered::Tier;

/// Who answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Memory,
    Disk,
    Store,
    Origin,
}

impl Answer {
    /// From the fastest on.
    pub(crate) const ALL: [Self; 4] = [Self::Memory, Self::Disk, Self::Store, Self::Origin];

    /// Of a read that found a value.
    pub(crate) fn of(tier: Tier) -> Self {
        match tier {
            Tier::Memory => Self::Memory,
            Tier::Disk => Self::Disk,
            // The only tier beneath, and what answers where no loader is given.
            _ => Self::Store,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Store => "store",
            Self::Origin => "origin",
        }
    }
}

/// One of each for everyone who answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct ByAnswer<T>([T; Answer::ALL.len()]);

impl<T> ByAnswer<T> {
    pub(crate) fn from_fn(make: impl FnMut(Answer) -> T) -> Self {
        Self(Answer::ALL.map(make))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// Joins each with its fellow.
    pub(crate) fn merge(&mut self, other: &Self, mut join: impl FnMut(&mut T, &T)) {
        for (one, other) in self.0.iter_mut().zip(&other.0) {
            join(one, other);
        }
    }
}

impl<T> Index<Answer> for ByAnswer<T> {
    type Output = T;

    fn index(&self, answer: Answer) -> &T {
        &self.0[answer as usize]
    }
}

impl<T> IndexMut<Answer> for ByAnswer<T> {
    fn index_mut(&mut self, answer: Answer) -> &mut T {
        &mut self.0[answer as usize]
    }
}
