//! Which version of each key must be current: what a replay holds every read against.

use hashbrown::HashMap;
use hashbrown::hash_map::{Entry, Iter};

use super::value::Identity;
use crate::trace::generate::scramble;

/// A version for each key; hashed with a seed, since a trace may come from anywhere.
pub(crate) type Versions = HashMap<u64, u32, foldhash::fast::RandomState>;

/// The current version of each key that one thread drives; about 18 to 36 bytes a key.
///
/// Every key belongs to one thread, so that what is expected of a read is exact and needs no lock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    versions: Versions,
}

/// What a version that was read means to a ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Entered {
    /// It is the version that must be current.
    Expected,
    /// The key was unknown; from now on this is its version.
    Learnt,
    /// Another version must be current.
    Instead(u32),
}

impl Ledger {
    /// The version that must be current, if any is known.
    pub(crate) fn version(&self, key: u64) -> Option<u32> {
        self.versions.get(&key).copied()
    }

    /// What must become current with the next write of `key`.
    pub(crate) fn successor(&self, key: u64) -> Identity {
        // Wrapping: 2^32 writes of one key are beyond any trace, and equality would still hold.
        let version = self
            .version(key)
            .map_or(1, |version| version.wrapping_add(1));
        Identity { key, version }
    }

    /// The store has acknowledged this write.
    pub(crate) fn acknowledge(&mut self, written: Identity) {
        self.versions.insert(written.key, written.version);
    }

    /// Holds a version that was read against the one that must be current.
    pub(crate) fn enter(&mut self, read: Identity) -> Entered {
        match self.versions.entry(read.key) {
            Entry::Vacant(entry) => {
                entry.insert(read.version);
                Entered::Learnt
            }
            Entry::Occupied(entry) if *entry.get() == read.version => Entered::Expected,
            Entry::Occupied(entry) => Entered::Instead(*entry.get()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.versions.len()
    }

    pub(crate) fn iter(&self) -> Iter<'_, u64, u32> {
        self.versions.iter()
    }
}

/// Which of `threads` drives `key`.
pub(crate) fn thread_of(key: u64, threads: usize) -> usize {
    // The high half of the product: no division, and every thread gets an equal share of the hashes.
    ((u128::from(scramble(key)) * threads as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_acknowledged_last_is_the_one_expected() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.successor(9), Identity { key: 9, version: 1 });
        ledger.acknowledge(Identity { key: 9, version: 1 });
        ledger.acknowledge(Identity { key: 9, version: 2 });
        assert_eq!(
            ledger.enter(Identity { key: 9, version: 2 }),
            Entered::Expected
        );
        assert_eq!(
            ledger.enter(Identity { key: 9, version: 1 }),
            Entered::Instead(2)
        );
        assert_eq!(ledger.successor(9), Identity { key: 9, version: 3 });
    }

    #[test]
    fn an_unknown_key_takes_the_version_that_was_read() {
        let mut ledger = Ledger::default();
        assert_eq!(
            ledger.enter(Identity { key: 1, version: 8 }),
            Entered::Learnt
        );
        assert_eq!(ledger.successor(1), Identity { key: 1, version: 9 });
        assert_eq!((ledger.len(), ledger.iter().next()), (1, Some((&1, &8))));
    }

    #[test]
    fn keys_are_shared_out_evenly() {
        for threads in [1, 2, 3, 7] {
            let mut shares = vec![0_u32; threads];
            for key in 0..10_000 {
                shares[thread_of(key, threads)] += 1;
            }
            let fair = 10_000 / threads as u32;
            assert!(
                shares.iter().all(|share| share.abs_diff(fair) < fair / 10),
                "{shares:?}"
            );
        }
    }
}
