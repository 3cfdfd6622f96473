//! The index: where on the disk each key's entry is, in memory.
//!
//! It knows keys by 40 bits of their hashes: 8 say which shard, 32 which entry of it. Two keys
//! that agree in them share one entry, so the later one ousts the earlier; which of them an entry
//! is of, the key on the disk says.

mod place;
mod table;

pub(super) use place::{ENTRY_BYTES_MAX, GRAIN, Place, REGION_BYTES_MAX, REGIONS_MAX};

use parking_lot::Mutex;
use table::Table;

const SHARD_BITS: u32 = 8;

/// Places by hashes. All calls lock one shard and take O(1), but for [`retain`](Self::retain).
pub(super) struct Index {
    shards: Box<[Mutex<Table>]>,
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..1 << SHARD_BITS).map(|_| Mutex::default()).collect(),
        }
    }

    /// What the index knows a key by: keys with one id share one entry.
    pub(super) const fn id(hash: u64) -> u64 {
        hash >> (u64::BITS - SHARD_BITS - u32::BITS)
    }

    /// The shard of a hash, and the hash within it.
    fn shard(&self, hash: u64) -> (&Mutex<Table>, u32) {
        let shard = hash >> (u64::BITS - SHARD_BITS);
        (&self.shards[shard as usize], Self::id(hash) as u32)
    }

    pub(super) fn get(&self, hash: u64) -> Option<Place> {
        let (shard, hash) = self.shard(hash);
        shard.lock().get(hash)
    }

    /// The place of a hash, to which a hit is counted.
    pub(super) fn touch(&self, hash: u64) -> Option<Place> {
        let (shard, hash) = self.shard(hash);
        let mut table = shard.lock();
        let place = table.get(hash)?;
        let touched = place.touched();
        if touched != place {
            table.set(hash, touched);
        }
        Some(place)
    }

    /// Puts a place if `permitted`, which is asked under the lock, that [`remove`](Self::remove)
    /// takes too, and told what is there; false if it is not.
    pub(super) fn insert_if(
        &self,
        hash: u64,
        place: Place,
        permitted: impl FnOnce(Option<Place>) -> bool,
    ) -> bool {
        let (shard, hash) = self.shard(hash);
        let mut table = shard.lock();
        let permitted = permitted(table.get(hash));
        if permitted {
            table.insert(hash, place);
        }
        permitted
    }

    /// Moves an entry from one place to another, with no hits; false if it is not at the first any
    /// more.
    pub(super) fn relocate(&self, hash: u64, from: Place, to: Place) -> bool {
        let (shard, hash) = self.shard(hash);
        let mut table = shard.lock();
        let is_there = table.get(hash).is_some_and(|place| place.is_at(from));
        if is_there {
            table.set(hash, to);
        }
        is_there
    }

    /// Removes everything. O(capacity).
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            *shard.lock() = Table::default();
        }
    }

    /// Removes an entry if it is at this place.
    pub(super) fn remove_at(&self, hash: u64, place: Place) -> bool {
        let (shard, hash) = self.shard(hash);
        let mut table = shard.lock();
        let is_there = table.get(hash).is_some_and(|found| found.is_at(place));
        if is_there {
            table.remove(hash);
        }
        is_there
    }

    /// Entries. O(shards).
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}
