//! Random: any entry, each as likely as any other, goes next.

use alloc::string::{String, ToString};

use crate::any::{Parameter, Parameters};
use crate::error::ConfigError;
use crate::policy::{Hint, Policy, SharedHit};
use crate::random::Random as Lots;
use crate::sample::Sample;
use crate::slot::Slot;

/// The parameters of [`Random`].
///
/// ```
/// use cache_policies::{AnyConfig, RandomConfig};
///
/// let config = RandomConfig::default().with_seed(7);
/// assert_eq!(AnyConfig::from(config).to_string(), "random:seed=7");
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RandomConfig {
    seed: u64,
}

impl RandomConfig {
    /// What the lots are drawn from: policies with the same seed and the same calls evict the same. 0 unless set.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

pub(crate) const SEED: Parameter = Parameter {
    name: "seed",
    expected: "a whole number from 0 to 2^64 - 1",
};

impl Parameters for RandomConfig {
    const POLICY: &'static str = "random";
    const KNOWN: &'static [Parameter] = &[SEED];

    fn value(&self, _parameter: &Parameter) -> String {
        self.seed.to_string()
    }

    fn set(&mut self, _parameter: &Parameter, value: &str) -> Option<()> {
        self.seed = value.parse().ok()?;
        Some(())
    }
}

/// Random replacement (L. A. Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
/// Journal 5(2), 1966): the yardstick for every policy that claims to have learned something.
///
/// Hits do nothing. The lots come from SplitMix64, so that runs with one seed are equal everywhere. Each call takes
/// constant time; 8 bytes a slot, 12 once weights differ from 1.
///
/// ```
/// use cache_policies::{Hint, Policy, Random, RandomConfig, Slot};
///
/// let mut random = Random::new(3, &RandomConfig::default())?;
/// for number in 0..3 {
///     random.insert(Slot::new(number), 10 + u64::from(number), 1, Hint::NONE);
/// }
/// random.pin(Slot::new(0));
/// random.pin(Slot::new(2));
/// assert_eq!(random.evict(), Some(Slot::new(1)));
/// assert_eq!(random.evict(), None);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Random {
    sample: Sample<()>,
    /// Each victim costs a draw, also one that was only named.
    lots: Lots,
}

impl Policy for Random {
    type Config = RandomConfig;

    fn new(capacity: u64, config: &RandomConfig) -> Result<Self, ConfigError> {
        Ok(Random {
            sample: Sample::new(capacity),
            lots: Lots::new(config.seed),
        })
    }

    #[inline]
    fn insert(&mut self, slot: Slot, _hash: u64, weight: u32, _hint: Hint) {
        self.sample.insert(slot, weight, ());
    }

    #[inline]
    fn hit(&mut self, _slot: Slot, _hash: u64) {}

    #[inline]
    fn victim(&mut self) -> Option<Slot> {
        self.sample.draw(&mut self.lots).map(|(slot, ())| slot)
    }

    #[inline]
    fn try_touch(&self, slot: Slot) -> bool {
        self.touch(slot);
        true
    }

    #[inline]
    fn touches_max(&self) -> Option<u8> {
        Some(0)
    }

    #[inline]
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
    }
}

impl SharedHit for Random {
    #[inline]
    fn touch(&self, _slot: Slot) {}
}
