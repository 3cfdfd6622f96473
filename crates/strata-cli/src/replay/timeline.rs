//! Who answered in the course of a replay: counts for slices of the requests, all slices as long.

use serde::Serialize;

use super::answer::{Answer, ByAnswer};

/// The most slices; where more requests come, each slice has twice as many.
const SLICES_MAX: usize = 160;

/// Counts by slice, whose length is a power of two.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Timeline {
    /// Requests of a slice.
    length: u64,
    slices: Vec<ByAnswer<u64>>,
}

/// A slice of the requests, in the order in which they came, and who answered them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Slice {
    /// How many requests there had been at its end.
    pub end: u64,
    /// Answered by the memory tier.
    pub memory: u64,
    /// Answered by the disk tier.
    pub disk: u64,
    /// Answered by the store.
    pub store: u64,
    /// Produced by the origin.
    pub origin: u64,
}

impl Slice {
    /// Requests in it.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.memory + self.disk + self.store + self.origin
    }
}

impl Timeline {
    pub(crate) fn new() -> Self {
        Self {
            length: 1,
            slices: Vec::new(),
        }
    }

    /// Counts the request that came after `ordinal` others.
    pub(crate) fn record(&mut self, ordinal: u64, answer: Answer) {
        while ordinal / self.length >= SLICES_MAX as u64 {
            self.double();
        }
        // Below SLICES_MAX.
        let slice = (ordinal / self.length) as usize;
        if slice >= self.slices.len() {
            self.slices.resize(slice + 1, ByAnswer::default());
        }
        self.slices[slice][answer] += 1;
    }

    /// Adds what another thread counted of the same requests.
    pub(crate) fn merge(&mut self, mut other: Self) {
        while self.length < other.length {
            self.double();
        }
        while other.length < self.length {
            other.double();
        }
        if self.slices.len() < other.slices.len() {
            self.slices.resize(other.slices.len(), ByAnswer::default());
        }
        for (slice, other) in self.slices.iter_mut().zip(&other.slices) {
            slice.merge(other, |count, more| *count += more);
        }
    }

    /// The slices; the last one may have fewer requests.
    pub(crate) fn slices(&self) -> Vec<Slice> {
        let mut end = 0;
        let slice = |counts: &ByAnswer<u64>| {
            end += counts.values().sum::<u64>();
            Slice {
                end,
                memory: counts[Answer::Memory],
                disk: counts[Answer::Disk],
                store: counts[Answer::Store],
                origin: counts[Answer::Origin],
            }
        };
        self.slices.iter().map(slice).collect()
    }

    fn double(&mut self) {
        self.length *= 2;
        let pairs = self.slices.chunks(2).map(|pair| {
            let mut joined = pair[0];
            if let Some(second) = pair.get(1) {
                joined.merge(second, |count, more| *count += more);
            }
            joined
        });
        self.slices = pairs.collect();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a list of all answers, cut into slices at the end.
        #[test]
        fn threads_together_count_what_came(
            answers in prop::collection::vec((0_usize..4, 0_usize..3), 0..2000),
        ) {
            let mut threads = [Timeline::new(), Timeline::new(), Timeline::new()];
            for (ordinal, &(answer, thread)) in (0..).zip(&answers) {
                threads[thread].record(ordinal, Answer::ALL[answer]);
            }
            let mut timeline = Timeline::new();
            for thread in threads {
                timeline.merge(thread);
            }
            let slices = timeline.slices();
            let length = answers.len().div_ceil(SLICES_MAX).next_power_of_two();
            let wanted: Vec<Slice> = answers
                .chunks(length)
                .enumerate()
                .map(|(place, chunk)| {
                    let count = |wanted| chunk.iter().filter(|(answer, _)| *answer == wanted).count() as u64;
                    Slice {
                        end: (place * length + chunk.len()) as u64,
                        memory: count(0),
                        disk: count(1),
                        store: count(2),
                        origin: count(3),
                    }
                })
                .collect();
            prop_assert_eq!(slices, wanted);
        }
    }
}
