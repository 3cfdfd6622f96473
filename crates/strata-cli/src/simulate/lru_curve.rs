//! LRU's misses at every size, from one reading.

use crate::trace::summary::{StackDistances, TooManyObjects};

use super::access::Access;
use super::fan_out::Run;

/// The exact miss-ratio curve of LRU, each object counting 1.
///
/// A cache of LRU holds what a larger one holds too, so that a request hits in every cache that is larger than the number of other
/// objects since the last request for its own: its stack distance (Mattson, Gecsei, Slutz, Traiger: "Evaluation techniques for
/// storage hierarchies", IBM Systems Journal 1970).
///
/// Cost: O(log n) a request for n objects. Memory: 8 to 24 bytes an object.
///
/// ```
/// use strata_cli::simulate::{Catalogue, LruCurve};
/// use strata_cli::trace::Request;
///
/// let mut catalogue = Catalogue::new();
/// let mut curve = LruCurve::new();
/// for key in [1, 2, 1, 3, 1, 2] {
///     curve.extend(&[catalogue.access(&Request { time: 0, key, size: 1, next: None })])?;
/// }
/// assert_eq!(curve.misses(2), 4);
/// assert_eq!((curve.smallest(0.5), curve.smallest(0.4)), (Some(3), None));
/// assert_eq!(curve.steps().collect::<Vec<_>>(), [(1, 6), (2, 4), (3, 3)]);
/// # Ok::<(), strata_cli::trace::summary::TooManyObjects>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct LruCurve {
    stack: StackDistances,
    /// The slot of each object in the stack.
    slots: Vec<u32>,
    /// The requests at each stack distance.
    at_distance: Vec<u64>,
    requests: u64,
}

impl LruCurve {
    /// The curve of no request.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on with these requests, whose objects one [`Catalogue`](super::Catalogue) numbered.
    ///
    /// # Errors
    ///
    /// [`TooManyObjects`] beyond [`StackDistances::OBJECTS_MAX`] objects; the requests from there on do not count.
    pub fn extend(&mut self, block: &[Access]) -> Result<(), TooManyObjects> {
        for access in block {
            if self.stack.is_full() {
                self.stack.compact(&mut self.slots);
            }
            let Some(slot) = self.slots.get_mut(access.object as usize) else {
                if self.stack.is_at_limit() {
                    return Err(TooManyObjects);
                }
                self.requests += 1;
                self.slots.push(self.stack.push());
                continue;
            };
            self.requests += 1;
            let (distance, moved) = self.stack.touch(*slot);
            *slot = moved;
            let distance = distance as usize;
            if distance >= self.at_distance.len() {
                self.at_distance.resize(distance + 1, 0);
            }
            self.at_distance[distance] += 1;
        }
        Ok(())
    }

    /// As if there were no more than these objects to be told apart.
    #[cfg(test)]
    pub(super) fn with_objects_max(mut self, objects_max: u32) -> Self {
        self.stack = self.stack.with_objects_max(objects_max);
        self
    }

    /// The misses of a cache of this size.
    #[must_use]
    pub fn misses(&self, capacity: u64) -> u64 {
        let distances = usize::try_from(capacity).unwrap_or(usize::MAX);
        let hits: u64 = self.at_distance.iter().take(distances).sum();
        self.requests - hits
    }

    /// The smallest size at which the share of the requests that miss is at most this; `None` where it is above it at every size.
    #[must_use]
    pub fn smallest(&self, miss_ratio: f64) -> Option<u64> {
        let requests = self.requests as f64;
        let reaches = |(_, misses): &(u64, u64)| *misses as f64 / requests <= miss_ratio;
        self.steps().find(reaches).map(|(capacity, _)| capacity)
    }

    /// The sizes at which the misses become fewer, ascending from 1, with the misses there.
    pub fn steps(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut misses = self.requests;
        (1..)
            .zip(&self.at_distance)
            .filter(|(capacity, hits)| **hits > 0 || *capacity == 1)
            .map(move |(capacity, hits)| {
                misses -= hits;
                (capacity, misses)
            })
    }
}

impl Run for LruCurve {
    fn run(&mut self, block: &[Access]) -> Result<(), TooManyObjects> {
        self.extend(block)
    }
}
