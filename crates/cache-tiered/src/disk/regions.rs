//! What each region is at present, and in which order they were begun.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

/// A region, for those who read.
struct Region {
    /// Of this use of it; zero while there is none. Set before any place in it is in the index
    /// (Release), and cleared after the last one has left it.
    ordinal: AtomicU64,
    /// What lies before this offset is in the file (Release by who wrote it, Acquire by readers).
    written: AtomicU64,
}

/// Which regions may be written, and which were, the oldest first.
#[derive(Debug, Default)]
struct Order {
    free: Vec<u32>,
    sealed: VecDeque<u32>,
    /// The last ordinal that was given.
    ordinal: u64,
}

/// free, open (one at most), sealed, and free again.
pub(super) struct Regions {
    regions: Box<[Region]>,
    order: Mutex<Order>,
}

impl Regions {
    /// `sealed` holds the regions in use with their ordinals, in the order of these; all others
    /// are free. Ordinals begin behind `ordinal`.
    pub(super) fn new(count: u32, sealed: &[(u32, u64)], ordinal: u64) -> Self {
        let regions: Box<[Region]> = (0..count)
            .map(|_| Region {
                ordinal: AtomicU64::new(0),
                written: AtomicU64::new(0),
            })
            .collect();
        for &(region, ordinal) in sealed {
            let region = &regions[region as usize];
            region.ordinal.store(ordinal, Ordering::Release);
            region.written.store(u64::MAX, Ordering::Release);
        }
        let is_free = |region: &u32| regions[*region as usize].ordinal.load(Ordering::Relaxed) == 0;
        let free = (0..count).rev().filter(is_free).collect();
        let sealed = sealed.iter().map(|&(region, _)| region).collect();
        Self {
            regions,
            order: Mutex::new(Order {
                free,
                sealed,
                ordinal,
            }),
        }
    }

    /// The ordinal of a region; none if nothing in it counts.
    pub(super) fn ordinal(&self, region: u32) -> Option<u64> {
        let region = self.regions.get(region as usize)?;
        let ordinal = region.ordinal.load(Ordering::Acquire);
        (ordinal != 0).then_some(ordinal)
    }

    /// Whether what lies before `end` is in the file.
    pub(super) fn is_written(&self, region: u32, end: u64) -> bool {
        self.regions[region as usize]
            .written
            .load(Ordering::Acquire)
            >= end
    }

    pub(super) fn set_written(&self, region: u32, end: u64) {
        self.regions[region as usize]
            .written
            .store(end, Ordering::Release);
    }

    /// Takes a free region; none if there is none.
    pub(super) fn open(&self) -> Option<(u32, u64)> {
        let mut order = self.order.lock();
        let region = order.free.pop()?;
        order.ordinal += 1;
        self.set_written(region, 0);
        self.regions[region as usize]
            .ordinal
            .store(order.ordinal, Ordering::Release);
        Some((region, order.ordinal))
    }

    /// An open region is written to no more.
    pub(super) fn seal(&self, region: u32) {
        self.order.lock().sealed.push_back(region);
    }

    /// How many are free.
    pub(super) fn free(&self) -> usize {
        self.order.lock().free.len()
    }

    /// The oldest sealed region, which is the next to be reclaimed, and its ordinal; none if it is
    /// not in the file yet.
    pub(super) fn oldest(&self) -> Option<(u32, u64)> {
        let region = *self.order.lock().sealed.front()?;
        let ordinal = self.ordinal(region)?;
        self.is_written(region, u64::MAX)
            .then_some((region, ordinal))
    }

    /// The least ordinal of all regions in use, or that the next one will have.
    pub(super) fn oldest_ordinal(&self) -> u64 {
        // Under the lock: a region that is being opened has its ordinal when this looks.
        let order = self.order.lock();
        let ordinals = (self.regions.iter()).map(|region| region.ordinal.load(Ordering::Acquire));
        let used = ordinals.filter(|ordinal| *ordinal != 0);
        used.min().unwrap_or(order.ordinal + 1)
    }

    /// The oldest sealed region holds nothing that counts any more.
    pub(super) fn release(&self, region: u32) {
        self.regions[region as usize]
            .ordinal
            .store(0, Ordering::Release);
        let mut order = self.order.lock();
        let oldest = order.sealed.pop_front();
        debug_assert_eq!(oldest, Some(region), "the oldest goes first");
        order.free.insert(0, region);
    }

    /// The last ordinal that was given.
    pub(super) fn last_ordinal(&self) -> u64 {
        self.order.lock().ordinal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_goes_round() {
        let regions = Regions::new(3, &[(1, 5)], 9);
        assert_eq!((regions.free(), regions.ordinal(1)), (2, Some(5)));
        assert!(regions.is_written(1, 1 << 24));
        assert_eq!(regions.open(), Some((0, 10)));
        assert!(!regions.is_written(0, 1));
        regions.set_written(0, 4096);
        assert!(regions.is_written(0, 4096) && !regions.is_written(0, 4097));
        regions.seal(0);
        assert_eq!(regions.oldest(), Some((1, 5)));
        regions.release(1);
        assert_eq!(regions.ordinal(1), None);
        assert_eq!(
            [regions.open(), regions.open()],
            [Some((2, 11)), Some((1, 12))]
        );
        assert_eq!((regions.open(), regions.last_ordinal()), (None, 12));
    }
}
