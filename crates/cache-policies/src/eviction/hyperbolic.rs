//! Hyperbolic caching: of a sample, the entry with the fewest requests for its time in the cache goes.

use alloc::string::{String, ToString};

use crate::any::{Parameter, Parameters};
use crate::error::ConfigError;
use crate::policy::{Hint, Policy};
use crate::random::Random;
use crate::sample::{SAMPLE, Sample};
use crate::slot::Slot;

use super::random::SEED;

/// The parameters of [`Hyperbolic`].
///
/// ```
/// use cache_policies::{AnyConfig, HyperbolicConfig};
///
/// let config = HyperbolicConfig::default().with_sample(16).with_seed(7);
/// assert_eq!(AnyConfig::from(config).to_string(), "hyperbolic:sample=16,seed=7");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HyperbolicConfig {
    sample: u16,
    seed: u64,
}

impl Default for HyperbolicConfig {
    fn default() -> Self {
        HyperbolicConfig {
            sample: 64,
            seed: 0,
        }
    }
}

impl HyperbolicConfig {
    /// How many entries an eviction chooses among, drawn with replacement: 1 to 1,024, 64 unless set, as in the paper.
    #[must_use]
    pub fn with_sample(mut self, sample: u16) -> Self {
        self.sample = sample;
        self
    }

    /// What the lots are drawn from: policies with the same seed and the same calls evict the same. 0 unless set.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many entries an eviction chooses among.
    #[must_use]
    pub fn sample(&self) -> u16 {
        self.sample
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

impl Parameters for HyperbolicConfig {
    const POLICY: &'static str = "hyperbolic";
    const KNOWN: &'static [Parameter] = &[SAMPLE, SEED];

    fn value(&self, parameter: &Parameter) -> String {
        match parameter.name {
            "sample" => self.sample.to_string(),
            _ => self.seed.to_string(),
        }
    }

    fn set(&mut self, parameter: &Parameter, value: &str) -> Option<()> {
        match parameter.name {
            "sample" => self.sample = value.parse().ok()?,
            _ => self.seed = value.parse().ok()?,
        }
        Some(())
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.require((1..=1_024).contains(&self.sample), &SAMPLE)
    }
}

/// Requests and time of an entry. Both are halved before either runs over, which leaves their ratio.
#[derive(Copy, Clone, Debug)]
struct Use {
    /// The requests for the entry, that which inserted it among them.
    requests: u32,
    /// The request at which it entered the cache, or as much later as its count was halved. The clock wraps around.
    since: u32,
}

/// An entry of this age, or with this many requests, is halved.
const HALVED: u32 = 1 << 31;

impl Use {
    #[inline]
    fn age(self, clock: u32) -> u32 {
        clock.wrapping_sub(self.since)
    }

    /// What an entry of this weight is worth to the cache: requests a time and a unit of weight.
    #[inline]
    fn priority(self, clock: u32, weight: u32) -> f64 {
        if weight == 0 {
            // It takes no room, so that evicting it makes none.
            return f64::INFINITY;
        }
        f64::from(self.requests) / (f64::from(self.age(clock)) * f64::from(weight))
    }
}

/// Hyperbolic caching (A. Blankstein, S. Sen, M. J. Freedman, "Hyperbolic caching: flexible caching for web
/// applications", USENIX ATC 2017).
///
/// The priority of an entry is the number of requests for it, the first one included, over the number of requests since
/// it entered the cache; with weights, over its weight as well (the paper's cost of 1 / size), and an entry of weight 0
/// goes last. It decays while the entry is not asked for, along a hyperbola, so that no order of the entries holds: an
/// eviction draws `sample` entries and takes the one of lowest priority, the first drawn among equals.
///
/// A request is a hit or an insert. After 2^31 requests, age and count of an entry are halved when it is next hit or
/// drawn; one that is neither in 2^32 requests looks young for a while.
///
/// Hits add 1 to a counter and take constant time, as all calls do but `evict`: `sample` steps. 16 bytes a slot, 20
/// once weights differ from 1.
///
/// ```
/// use cache_policies::{Hint, Hyperbolic, HyperbolicConfig, Policy, Slot};
///
/// let mut hyperbolic = Hyperbolic::new(2, &HyperbolicConfig::default())?;
/// hyperbolic.insert(Slot::new(0), 10, 1, Hint::NONE);
/// hyperbolic.insert(Slot::new(1), 11, 1, Hint::NONE);
/// hyperbolic.hit(Slot::new(0), 10);
/// // Two requests in a time of 3, against one in a time of 2.
/// assert_eq!(hyperbolic.evict(), Some(Slot::new(1)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Hyperbolic {
    sample: Sample<Use>,
    draws: u16,
    lots: Random,
    /// The requests so far.
    clock: u32,
}

impl Hyperbolic {
    #[cold]
    fn halve(&mut self, slot: Slot) {
        let clock = self.clock;
        let known = self.sample.known_mut(slot);
        known.requests = (known.requests / 2).max(1);
        known.since = clock.wrapping_sub(known.age(clock) / 2);
    }
}

impl Policy for Hyperbolic {
    type Config = HyperbolicConfig;

    fn new(capacity: u64, config: &HyperbolicConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Hyperbolic {
            sample: Sample::new(capacity),
            draws: config.sample,
            lots: Random::new(config.seed),
            clock: 0,
        })
    }

    #[inline]
    fn insert(&mut self, slot: Slot, _hash: u64, weight: u32, _hint: Hint) {
        let fresh = Use {
            requests: 1,
            since: self.clock,
        };
        self.sample.insert(slot, weight, fresh);
        self.clock = self.clock.wrapping_add(1);
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        let clock = self.clock;
        let known = self.sample.known_mut(slot);
        known.requests += 1;
        if known.requests >= HALVED || known.age(clock) >= HALVED {
            self.halve(slot);
        }
        self.clock = clock.wrapping_add(1);
    }

    fn victim(&mut self) -> Option<Slot> {
        let mut victim = None;
        let mut lowest = f64::INFINITY;
        for _ in 0..self.draws {
            let (slot, known) = self.sample.draw(&mut self.lots)?;
            let known = *known;
            let priority = known.priority(self.clock, self.sample.ledger.weight_of(slot));
            if victim.is_none() || priority < lowest {
                victim = Some(slot);
                lowest = priority;
            }
            if known.age(self.clock) >= HALVED {
                self.halve(slot);
            }
        }
        victim
    }

    fn remove(&mut self, slot: Slot, _remember: bool) {
        self.sample.remove(slot);
    }

    fn pin(&mut self, slot: Slot) {
        self.sample.pin(slot);
    }

    fn unpin(&mut self, slot: Slot) {
        self.sample.unpin(slot);
    }

    queue_answers!(sample);

    fn check(&self) {
        self.sample.check();
        assert!(
            self.sample
                .residents()
                .all(|(_, known)| known.requests >= 1 && known.requests < HALVED),
            "a count is out of range"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{HALVED, Hyperbolic, HyperbolicConfig};
    use crate::policy::{Hint, Policy};
    use crate::slot::Slot;

    /// Both entries are asked for once in two requests; the clock then runs for half its range.
    #[test]
    fn old_entries_keep_their_ratio_when_the_clock_wraps_around() {
        let mut policy = Hyperbolic::new(2, &HyperbolicConfig::default()).unwrap();
        policy.clock = u32::MAX - 50;
        for number in 0..2 {
            policy.insert(Slot::new(number), u64::from(number), 1, Hint::NONE);
        }
        for _ in 0..50 {
            policy.hit(Slot::new(0), 0);
            policy.hit(Slot::new(1), 1);
        }
        policy.hit(Slot::new(1), 1);
        assert_eq!(policy.victim(), Some(Slot::new(0)));
        for _ in 0..3 {
            policy.clock = policy.clock.wrapping_add(HALVED);
            assert_eq!(policy.victim(), Some(Slot::new(0)));
            policy.check();
        }
        assert!(policy.sample.known(Slot::new(0)).requests < 26);
        policy.sample.known_mut(Slot::new(0)).requests = HALVED - 1;
        policy.hit(Slot::new(0), 0);
        policy.check();
        assert_eq!(policy.victim(), Some(Slot::new(1)));
    }
}
