//! W-TinyLFU: a small window for what is new, a gate that only the more frequent pass, a large main region behind it.

mod climber;
mod config;
mod regions;

pub use config::{WTinyLfuAdaptiveConfig, WTinyLfuConfig};

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::policy::{Hint, Insight, Policy};
use crate::slot::Slot;
use regions::Regions;

/// W-TinyLFU with a window of fixed size (G. Einziger, R. Friedman, B. Manes, "TinyLFU: A Highly Efficient Cache
/// Admission Policy", ACM ToS 13(4), 2017), as Caffeine has it.
///
/// ```text
///              hit: to the newest           loser: goes                     hit: to the newest
///  insert --> [ window, LRU ] --oldest--> duel --winner--> [ probation ] --hit--> [ protected ]
///                                          against the oldest  ^                       |
///                                          of probation        +------ oldest ---------+ over its share
/// ```
/// - Every request, hit or miss, is counted in a [`FrequencySketch`](crate::FrequencySketch): 4 bits, four counters,
///   all halved after `sample` times as many requests as there is room for entries.
/// - A new entry goes into the window, of which `window` is the share of the capacity. What falls out of it while the
///   main region has room goes there. From then on, an eviction sets the oldest of the window, the candidate, against
///   the main region's victim: the oldest of probation, or of protected if that is empty.
/// - The candidate wins if it is more frequent than the victim; or, if it was counted 6 times or more, in one of 128
///   duels by lot, so that nobody can keep it out by making the victim's hash seem frequent.
/// - `protected` times the main region, rounded down, is the protected segment's share: entries hit in probation. One
///   that weighs more than all of it stays in probation, and is renewed there.
///
/// All shares are weights; the weight of pinned entries counts in the total and in no segment. An entry that weighs
/// more than the window's share is the next candidate. Where entries leave other than by eviction, or change their
/// weights, or the capacity changes, what has to move does so over the calls that follow, 4 entries each. A hit while
/// pinned counts in the sketch, not for promotion. Nothing is remembered of departed entries but the sketch.
///
/// All calls take constant time, but an insert that finds the sketch too small for the entries doubles it: to what the
/// capacity over the mean weight lets expect, and up to twice the number of entries beyond 65,536; constant time
/// amortised. A change of the capacity makes it smaller, in time in proportion to it, where half would do. 12 bytes a slot, 4 more once weights differ from 1, and 8 bytes for each entry that the
/// sketch is made for.
///
/// ```
/// use cache_policies::{Hint, Policy, Slot, WTinyLfu, WTinyLfuConfig};
///
/// let mut policy = WTinyLfu::new(100, &WTinyLfuConfig::default())?;
/// for number in 0..100 {
///     let hash = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
///     for _ in 0..2 {
///         policy.miss(hash);
///     }
///     policy.insert(Slot::new(number), hash, 1, Hint::NONE);
/// }
/// // The window holds one entry, the last; it is not more frequent than the first.
/// assert_eq!(policy.evict(), Some(Slot::new(99)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct WTinyLfu {
    regions: Regions,
}

/// W-TinyLFU that finds the size of its window itself (G. Einziger, O. Eytan, R. Friedman, B. Manes, "Adaptive Software
/// Cache Management", Middleware 2018; the density rule is Caffeine's since).
///
/// Everything is as with [`WTinyLfu`], whose window is the first here, but that a climber moves the border between the
/// window and the main region after each sample of requests, beginning with the first eviction. The protected segment
/// keeps its share of the main region.
///
/// - Up to 4,096 resident entries it goes by the hit ratio, in samples of 10 requests an entry: on in the direction
///   in which it went as long as the ratio does not fall, back where it does, by 6.25% of the capacity at first (to a
///   smaller window), by 2% less each time, by 6.25% again when the ratio has changed by 5 percentage points or more.
/// - Above, by the density of hits, in samples of 4 requests an entry: it moves the window by 3% of the capacity times
///   ln(hits in the window / its capacity / (hits in the main region / its capacity)), by at most 30%, and
///   never below 2% of the capacity. A region without a hit counts as having had one for 8,192 requests.
///
/// The window's share has a weight of 1 at least, and never takes what is probation with the first window: with the
/// default parameters it is at most 80.2%. After a step entries move over to the larger region, 4 a call; where the
/// main region has to give, the oldest of it goes to the newest end of the window. Where the capacity changes, the
/// window keeps its share, and the sample begins anew. Costs are those of [`WTinyLfu`].
///
/// ```
/// use cache_policies::{Policy, Slot, WTinyLfuAdaptive, WTinyLfuAdaptiveConfig};
///
/// let policy = WTinyLfuAdaptive::new(1_000, &WTinyLfuAdaptiveConfig::default())?;
/// assert_eq!((policy.window_capacity(), policy.adaptations()), (10, 0));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct WTinyLfuAdaptive {
    regions: Regions,
}

/// The methods of [`Policy`] that both have of their regions.
macro_rules! regions_answer {
    ($config:ident) => {
        type Config = $config;

        fn new(capacity: u64, config: &$config) -> Result<Self, ConfigError> {
            config.validate()?;
            Ok(Self {
                regions: Regions::new(capacity, config.shape()),
            })
        }

        #[inline]
        fn miss(&mut self, hash: u64) -> Hint {
            self.regions.miss(hash);
            Hint::NONE
        }

        #[inline]
        fn insert(&mut self, slot: Slot, hash: u64, weight: u32, _hint: Hint) {
            self.regions.insert(slot, hash, weight);
        }

        #[inline]
        fn hit(&mut self, slot: Slot, _hash: u64) {
            self.regions.hit(slot);
        }

        #[inline]
        fn victim(&mut self) -> Option<Slot> {
            self.regions.victim()
        }

        #[inline]
        fn evict(&mut self) -> Option<Slot> {
            self.regions.evict()
        }

        fn remove(&mut self, slot: Slot, _remember: bool) {
            self.regions.remove(slot);
        }

        #[inline]
        fn weight_of(&self, slot: Slot) -> u32 {
            self.regions.weight_of(slot)
        }

        fn reweigh(&mut self, slot: Slot, weight: u32) {
            self.regions.reweigh(slot, weight);
        }

        fn pin(&mut self, slot: Slot) {
            self.regions.pin(slot);
        }

        fn unpin(&mut self, slot: Slot) {
            self.regions.unpin(slot);
        }

        fn set_capacity(&mut self, capacity: u64) {
            self.regions.set_capacity(capacity);
        }

        #[inline]
        fn capacity(&self) -> u64 {
            self.regions.ledger().capacity()
        }

        #[inline]
        fn weight(&self) -> u64 {
            self.regions.ledger().weight()
        }

        #[inline]
        fn len(&self) -> usize {
            self.regions.ledger().len()
        }

        fn check(&self) {
            self.regions.check();
        }
    };
}

impl Policy for WTinyLfu {
    regions_answer!(WTinyLfuConfig);
}

impl Policy for WTinyLfuAdaptive {
    regions_answer!(WTinyLfuAdaptiveConfig);

    fn explain(&self, tell: &mut dyn FnMut(Insight)) {
        let capacity = self.capacity().max(1) as f64;
        tell(Insight::Share {
            name: "window",
            share: self.window_capacity() as f64 / capacity,
        });
    }
}

impl WTinyLfu {
    /// How often a key of this hash was asked for lately, as far as the sketch knows: from 0 to 15.
    #[must_use]
    pub fn frequency(&self, hash: u64) -> u8 {
        self.regions.frequency(hash)
    }

    /// The window's share of the capacity, as a weight.
    #[must_use]
    pub fn window_capacity(&self) -> u64 {
        self.regions.window_capacity()
    }
}

impl WTinyLfuAdaptive {
    /// As [`WTinyLfu::frequency`].
    #[must_use]
    pub fn frequency(&self, hash: u64) -> u8 {
        self.regions.frequency(hash)
    }

    /// The window's share of the capacity at present, as a weight.
    #[must_use]
    pub fn window_capacity(&self) -> u64 {
        self.regions.window_capacity()
    }

    /// How often the climber has decided on the window's share.
    #[must_use]
    pub fn adaptations(&self) -> u64 {
        self.regions.adaptations()
    }
}
