//! Admission: what of that which leaves memory is worth a write.

use cache_policies::FrequencySketch;
use parking_lot::Mutex;

/// Words of the sketch for so many bytes of capacity, where an entry has 4 KiB or so.
const BYTES_A_WORD: u64 = 4096;
/// The sketch has so many words at least, and at most.
const WORDS: std::ops::RangeInclusive<u64> = 1 << 10..=1 << 22;
/// A key that was looked for so often is worth a write.
const FREQUENT: u8 = 2;

/// What may be written of that which comes.
pub(super) struct Admission {
    /// How often keys were looked for and not found; none where that does not matter.
    missed: Option<Mutex<FrequencySketch>>,
    budget: Option<Mutex<Budget>>,
}

/// Bytes that may be written: so many a second, and those of one second at once.
struct Budget {
    bytes_per_second: u64,
    /// In thousandths of a byte, so that each millisecond counts.
    left: u64,
    since: u64,
}

impl Budget {
    fn take(&mut self, bytes: u64, now: u64) -> bool {
        let came = (now.saturating_sub(self.since)).saturating_mul(self.bytes_per_second);
        let most = self.bytes_per_second.saturating_mul(1_000);
        self.left = self.left.saturating_add(came).min(most);
        self.since = self.since.max(now);
        let wanted = bytes.saturating_mul(1_000);
        let is_there = self.left >= wanted;
        if is_there {
            self.left -= wanted;
        }
        is_there
    }
}

impl Admission {
    /// For a tier of so many bytes. `frequent` admits only keys that were looked for twice of late.
    pub(super) fn new(frequent: bool, bytes_per_second: Option<u64>, capacity: u64) -> Self {
        let words = (capacity / BYTES_A_WORD).clamp(*WORDS.start(), *WORDS.end());
        let sketch = || Mutex::new(FrequencySketch::new(words as usize, 10 * words));
        let budget = |bytes_per_second: u64| {
            Mutex::new(Budget {
                bytes_per_second,
                left: bytes_per_second.saturating_mul(1_000),
                since: 0,
            })
        };
        Self {
            missed: frequent.then(sketch),
            budget: bytes_per_second.map(budget),
        }
    }

    /// A key was looked for that is not there.
    pub(super) fn missed(&self, hash: u64) {
        if let Some(missed) = &self.missed {
            missed.lock().increment(hash);
        }
    }

    /// Whether a key is looked for often enough.
    pub(super) fn is_frequent(&self, hash: u64) -> bool {
        let frequent = |missed: &Mutex<FrequencySketch>| missed.lock().estimate(hash) >= FREQUENT;
        self.missed.as_ref().is_none_or(frequent)
    }

    /// Whether so many bytes may be written at `now`; then they count as written.
    pub(super) fn affords(&self, bytes: u64, now: u64) -> bool {
        let affords = |budget: &Mutex<Budget>| budget.lock().take(bytes, now);
        self.budget.as_ref().is_none_or(affords)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_missed_twice_is_admitted() {
        let admission = Admission::new(true, None, 1 << 20);
        admission.missed(1);
        assert!(!admission.is_frequent(1) && !admission.is_frequent(2));
        admission.missed(1);
        assert!(admission.is_frequent(1) && !admission.is_frequent(2));
        assert!(Admission::new(false, None, 1 << 20).is_frequent(3));
    }

    #[test]
    fn no_more_is_written_than_the_budget_allows() {
        let admission = Admission::new(false, Some(1_000), 1 << 20);
        let mut admitted = 0;
        for now in 0..10_000 {
            admitted += u64::from(admission.affords(10, now)) * 10;
        }
        // Those of one second at once, and then each second those of one.
        assert!((10_900..=11_000).contains(&admitted), "{admitted}");
        assert!(
            !admission.affords(2_000, 1 << 40),
            "more than is ever there"
        );
    }
}
