//! The objects of a trace, numbered: one look-up a request serves all simulators.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::trace::Request;

use super::access::{Access, mix};

/// Numbers objects from 0 as they come up, so that simulators find them in arrays.
///
/// Memory: 20 to 40 bytes for each object of the trace, however many simulators there are.
///
/// ```
/// use strata_cli::simulate::Catalogue;
/// use strata_cli::trace::Request;
///
/// let request = |key| Request { time: 0, key, size: 4096, next: None };
/// let mut catalogue = Catalogue::new();
/// let numbers = [7, 90, 7].map(|key| catalogue.access(&request(key)).object);
/// assert_eq!((numbers, catalogue.len()), ([0, 1, 0], 2));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Found by a seeded hash of the hash, since a trace may be made to collide.
    index: HashTable<Entry>,
    seed: RandomState,
    requests: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u64,
    object: u32,
}

impl Catalogue {
    /// The objects that a catalogue has numbers for.
    pub const LEN_MAX: usize = u32::MAX as usize;

    /// A catalogue without objects.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next request of the trace as simulators see it: a call for each, in order, since they are counted.
    ///
    /// # Panics
    ///
    /// At the object after [`LEN_MAX`](Self::LEN_MAX), for which more than 100 GB of memory went before.
    #[inline]
    #[must_use]
    pub fn access(&mut self, request: &Request) -> Access {
        self.requests += 1;
        let hash = mix(request.key);
        Access::new(request, self.requests, hash, self.number(hash))
    }

    /// How many objects came up.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no object came up.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    #[inline]
    fn number(&mut self, hash: u64) -> u32 {
        let spread = self.seed.hash_one(hash);
        match self.index.find(spread, |entry| entry.hash == hash) {
            Some(entry) => entry.object,
            None => self.enter(hash, spread),
        }
    }

    fn enter(&mut self, hash: u64, spread: u64) -> u32 {
        assert!(self.len() < Self::LEN_MAX, "fewer than 2^32 objects");
        let object = self.len() as u32;
        let seed = &self.seed;
        self.index
            .insert_unique(spread, Entry { hash, object }, |entry| {
                seed.hash_one(entry.hash)
            });
        object
    }
}
