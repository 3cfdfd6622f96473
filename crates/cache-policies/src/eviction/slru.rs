//! Segmented LRU: hits lift an entry from segment to segment, and what a segment has no room for falls into the one
//! below.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::any::{Parameter, Parameters};
use crate::error::ConfigError;
use crate::policy::{Hint, Policy};
use crate::segments::Segments;
use crate::slot::Slot;

/// The most segments there can be.
const SEGMENTS_MAX: usize = 8;

/// The parameters of [`Slru`].
///
/// ```
/// use cache_policies::{Policy, Slru, SlruConfig};
///
/// let config = SlruConfig::default().with_shares(&[20, 80]);
/// assert_eq!(config.shares(), [20, 80]);
/// assert!(Slru::new(100, &config).is_ok());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SlruConfig {
    shares: Vec<u32>,
}

impl Default for SlruConfig {
    fn default() -> Self {
        SlruConfig {
            shares: Vec::from([1; 4]),
        }
    }
}

impl SlruConfig {
    /// One segment for each of 1 to 8 numbers, in their proportion, the lowest first. Four equal ones by default; the
    /// paper has two, `[20, 80]` for instance.
    #[must_use]
    pub fn with_shares(self, shares: &[u32]) -> Self {
        SlruConfig {
            shares: shares.to_vec(),
        }
    }

    /// See [`SlruConfig::with_shares`].
    #[must_use]
    pub fn shares(&self) -> &[u32] {
        &self.shares
    }
}

const SHARES: Parameter = Parameter {
    name: "shares",
    expected: "1 to 8 numbers above 0, divided by colons, such as 20:80",
};

impl Parameters for SlruConfig {
    const POLICY: &'static str = "slru";
    const KNOWN: &'static [Parameter] = &[SHARES];

    fn value(&self, _parameter: &Parameter) -> String {
        let shares: Vec<String> = self.shares.iter().map(u32::to_string).collect();
        shares.join(":")
    }

    fn set(&mut self, _parameter: &Parameter, value: &str) -> Option<()> {
        let shares: Result<Vec<u32>, _> = value.split(':').map(str::parse).collect();
        self.shares = shares.ok()?;
        Some(())
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let count = (1..=SEGMENTS_MAX).contains(&self.shares.len());
        self.require(count && !self.shares.contains(&0), &SHARES)
    }
}

/// Segmented LRU (R. Karedla, J. S. Love, B. G. Wherry, "Caching strategies to improve disk system performance", IEEE
/// Computer 27(3), 1994), with any number of segments.
///
/// - A new entry goes into the lowest segment that has room for it; into the lowest of all if none has.
/// - A hit makes its entry the newest of the segment above its own, in the highest the newest of that. What the
///   segment has no room for then, its oldest, become the newest of the one below, and so on downwards.
/// - An entry heavier than a segment's share never comes into it, as it would drive out all others there: where it
///   would, it goes into the next one below whose share it is within, or into the lowest.
/// - To evict: the oldest entry of the lowest segment that has any.
///
/// The shares of the segments are rounded down, and what the rounding leaves over is the lowest segment's until a
/// promotion: where entries fall into it then, it counts as over its share although the whole has room. The reference
/// simulator evicts at that hit; [`Policy::overflow`] does the same. (Without, the four equal segments of a capacity
/// that 4 divides behave the same with unit weights.) It also refuses entries that are heavier than the lowest
/// segment's share; here those fall into the lowest segment.
///
/// The weight of pinned entries counts in the total and in no segment; a hit lifts them too. Shares of a new capacity
/// hold from the next promotions on. All calls take time in proportion to the number of segments at most, amortised; 9
/// bytes a slot, 13 once weights differ from 1.
///
/// ```
/// use cache_policies::{Hint, Policy, Slot, Slru, SlruConfig};
///
/// let mut slru = Slru::new(4, &SlruConfig::default().with_shares(&[1, 1]))?;
/// for number in 0..4 {
///     slru.insert(Slot::new(number), 10 + u64::from(number), 1, Hint::NONE);
/// }
/// // The upper segment takes 0 and drops 2, the older of those that found room in it.
/// slru.hit(Slot::new(0), 10);
/// assert_eq!([(); 4].map(|()| slru.evict().map(Slot::get)), [Some(1), Some(2), Some(3), Some(0)]);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Slru {
    segments: Segments<SEGMENTS_MAX>,
    config: SlruConfig,
    /// The share of each segment; 0 for those that the configuration does not have.
    capacities: [u64; SEGMENTS_MAX],
    /// Whether something fell into the lowest segment since the last insert or eviction.
    fell: bool,
}

impl Slru {
    fn highest(&self) -> usize {
        self.config.shares.len() - 1
    }

    /// The segment for an entry that is to come into this one: it, or the next one below whose share the entry is not
    /// heavier than.
    #[inline]
    fn landing(&self, segment: usize, slot: Slot) -> usize {
        let weight = u64::from(self.segments.weight_of(slot));
        let has_share = |segment: &usize| weight <= self.capacities[*segment];
        (1..=segment).rev().find(has_share).unwrap_or(0)
    }

    /// Moves the oldest entries of segments over their shares downwards, from this segment on.
    #[inline]
    fn settle(&mut self, highest: usize) {
        // The lowest segment that something came into: nothing changed in those below.
        let mut lowest = highest;
        for segment in (1..=highest).rev() {
            if segment < lowest {
                return;
            }
            while self.segments.weight(segment) > self.capacities[segment] {
                let Some(oldest) = self.segments.oldest(segment) else {
                    break;
                };
                let below = self.landing(segment - 1, oldest);
                self.segments.assign(oldest, below);
                self.fell |= below == 0;
                lowest = lowest.min(below);
            }
        }
    }
}

impl Policy for Slru {
    type Config = SlruConfig;

    fn new(capacity: u64, config: &SlruConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut slru = Slru {
            segments: Segments::new(capacity),
            config: config.clone(),
            capacities: [0; SEGMENTS_MAX],
            fell: false,
        };
        slru.set_capacity(capacity);
        Ok(slru)
    }

    #[inline]
    fn miss(&mut self, _hash: u64) -> Hint {
        Hint::NONE
    }

    #[inline]
    fn insert(&mut self, slot: Slot, _hash: u64, weight: u32, _hint: Hint) {
        let has_room = |segment: &usize| {
            self.segments.weight(*segment) + u64::from(weight) <= self.capacities[*segment]
        };
        let segment = (0..=self.highest()).find(has_room).unwrap_or(0);
        self.segments.insert(slot, segment, weight);
        self.fell = false;
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        let segment = self.segments.segment_of(slot);
        let wanted = (segment + 1).min(self.highest());
        let landing = self.landing(wanted, slot);
        self.segments.assign(slot, landing);
        self.fell |= landing == 0 && segment > 0;
        self.settle(landing);
    }

    #[inline]
    fn victim(&mut self) -> Option<Slot> {
        (0..=self.highest()).find_map(|segment| self.segments.oldest(segment))
    }

    #[inline]
    fn overflow(&mut self) -> Option<Slot> {
        if !self.fell {
            return None;
        }
        if self.segments.weight(0) <= self.capacities[0] {
            self.fell = false;
            return None;
        }
        let victim = self.segments.oldest(0)?;
        self.segments.evict(0, victim);
        Some(victim)
    }

    fn remove(&mut self, slot: Slot, _remember: bool) {
        self.segments.remove(slot);
    }

    fn pin(&mut self, slot: Slot) {
        self.segments.pin(slot);
    }

    fn unpin(&mut self, slot: Slot) {
        self.segments.unpin(slot);
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.segments.ledger.set_capacity(capacity);
        let total: u128 = self
            .config
            .shares
            .iter()
            .map(|share| u128::from(*share))
            .sum();
        for (place, share) in self.capacities.iter_mut().zip(&self.config.shares) {
            *place = (u128::from(capacity) * u128::from(*share) / total) as u64;
        }
    }

    segments_answer!(segments);

    fn check(&self) {
        self.segments.check();
        assert!(
            (self.highest() + 1..SEGMENTS_MAX).all(|segment| self.segments.len(segment) == 0),
            "a segment has entries that there is not"
        );
        let residents = (0..SEGMENTS_MAX).flat_map(|segment| self.segments.iter(segment));
        assert!(
            residents
                .chain(self.segments.pinned())
                .all(|slot| self.segments.segment_of(slot) <= self.highest())
        );
        assert!(self.capacities.iter().sum::<u64>() <= self.segments.ledger.capacity());
    }
}
