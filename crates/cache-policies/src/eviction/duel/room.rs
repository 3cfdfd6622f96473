//! How large the miniatures are.

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
    /// By how much a sample moves the mean.
    step: f64,
}

impl Room {
    /// For this part of the capacity, and so many entries in it.
    pub(super) fn new(part: f64, entries: f64) -> Self {
        Room {
            part,
            held: part,
            step: 1.0 / (SLOWNESS * entries),
        }
    }

    /// Notes what the cache, which is full, holds of the sample at the time of one.
    #[inline]
    pub(super) fn follow(&mut self, held: u64) {
        self.held += (held as f64 - self.held) * self.step;
    }

    /// The capacity of a miniature: 1 at least.
    #[inline]
    pub(super) fn capacity(&self) -> u64 {
        libm::round(self.held.min(self.part)).max(1.0) as u64
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
