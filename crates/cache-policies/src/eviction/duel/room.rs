//! How large the miniatures are.

use core::mem;
use core::ops::Range;

/// What the cache holds of the sample is followed so slowly: by a factor of e in so many samples for each entry of a miniature.
const SLOWNESS: f64 = 16.0;

/// As large a part of the cache as the sample is of the keys; less where the cache holds less of the sample than that, in the
/// mean over some time.
///
/// Of few keys, the sample may have by chance so few that they all find room in a part as large, although the cache has not room for all
/// keys: the miniatures would miss nothing, whatever their mode, and never vote. What a cache that is full holds of the sample is then
/// less as well.
#[derive(Clone, Debug)]
pub(super) struct Room {
    /// The part of the capacity.
    part: f64,
    /// The mean of what was held.
    held: f64,
    /// The mean is within these as long as a miniature has this capacity.
    within: Range<f64>,
    capacity: u64,
    /// By how much a sample moves the mean.
    step: f64,
}

impl Room {
    /// For this part of the capacity, and so many entries in it.
    pub(super) fn new(part: f64, entries: f64) -> Self {
        let mut room = Room {
            part,
            held: part,
            within: 0.0..0.0,
            capacity: 0,
            step: 1.0 / (SLOWNESS * entries),
        };
        room.round();
        room
    }

    /// Notes what the cache, which is full, holds of the sample at the time of one; whether the capacity of a miniature is
    /// another one by it.
    #[inline]
    pub(super) fn follow(&mut self, held: u64) -> bool {
        self.held += (held as f64 - self.held) * self.step;
        !self.within.contains(&self.held) && self.round()
    }

    /// The capacity of a miniature: 1 at least.
    #[inline]
    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Rounds the mean to a capacity; whether that is another one.
    #[cold]
    fn round(&mut self) -> bool {
        let capacity = libm::round(self.held.min(self.part)).max(1.0);
        // Whatever is below 1, or above the part, makes no difference.
        let start = if capacity > 1.0 { capacity - 0.5 } else { 0.0 };
        let end = if self.part < capacity + 0.5 {
            f64::INFINITY
        } else {
            capacity + 0.5
        };
        self.within = start..end;
        let before = mem::replace(&mut self.capacity, capacity as u64);
        before != self.capacity
    }
}

#[cfg(test)]
mod tests {
    use super::Room;

    #[test]
    fn less_is_followed_slowly_and_more_never() {
        let mut room = Room::new(100.0, 50.0);
        assert_eq!(room.capacity(), 100);
        for _ in 0..800 {
            room.follow(50);
        }
        assert_eq!(room.capacity(), 68, "50 + 50 / e");
        for _ in 0..10_000 {
            room.follow(1_000);
        }
        assert_eq!(room.capacity(), 100);
        assert_eq!(Room::new(0.0, 1.0).capacity(), 1);
    }
}
