//! 2Q: a FIFO queue for entries that are new, an LRU queue for those that came back after they had left it.

use alloc::string::{String, ToString};

use crate::any::{Parameter, Parameters};
use crate::error::ConfigError;
use crate::ghost::Ghost;
use crate::hashes::Hashes;
use crate::ledger::share;
use crate::policy::{Hint, Policy};
use crate::segments::Segments;
use crate::slot::Slot;

/// The parameters of [`TwoQ`].
///
/// ```
/// use cache_policies::{Policy, TwoQ, TwoQConfig};
///
/// let config = TwoQConfig::default().with_kin(0.1);
/// assert_eq!((config.kin(), config.kout()), (0.1, 0.5));
/// assert!(TwoQ::new(100, &config).is_ok());
/// ```
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct TwoQConfig {
    kin: f64,
    kout: f64,
}

impl Default for TwoQConfig {
    fn default() -> Self {
        TwoQConfig {
            kin: 0.25,
            kout: 0.5,
        }
    }
}

impl TwoQConfig {
    /// The share of the capacity, from 0 to 1, that A1in is brought back to. 0.25 by default.
    #[must_use]
    pub fn with_kin(self, kin: f64) -> Self {
        TwoQConfig { kin, ..self }
    }

    /// The weight of the departed keys that A1out remembers, as a share of the capacity from 0 to 16. 0.5 by default.
    #[must_use]
    pub fn with_kout(self, kout: f64) -> Self {
        TwoQConfig { kout, ..self }
    }

    /// See [`TwoQConfig::with_kin`].
    #[must_use]
    pub fn kin(&self) -> f64 {
        self.kin
    }

    /// See [`TwoQConfig::with_kout`].
    #[must_use]
    pub fn kout(&self) -> f64 {
        self.kout
    }
}

const KIN: Parameter = Parameter {
    name: "kin",
    expected: "a share of the capacity from 0 to 1",
};
const KOUT: Parameter = Parameter {
    name: "kout",
    expected: "a share of the capacity from 0 to 16",
};

impl Parameters for TwoQConfig {
    const POLICY: &'static str = "2q";
    const KNOWN: &'static [Parameter] = &[KIN, KOUT];

    fn value(&self, parameter: &Parameter) -> String {
        match parameter.name {
            "kin" => self.kin.to_string(),
            _ => self.kout.to_string(),
        }
    }

    fn set(&mut self, parameter: &Parameter, value: &str) -> Option<()> {
        match parameter.name {
            "kin" => self.kin = value.parse().ok()?,
            _ => self.kout = value.parse().ok()?,
        }
        Some(())
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.require((0.0..=1.0).contains(&self.kin), &KIN)?;
        self.require((0.0..=16.0).contains(&self.kout), &KOUT)
    }
}

/// The hint that the key was in A1out.
const REMEMBERED: Hint = Hint::from_bits(1);

const A1_IN: usize = 0;
const AM: usize = 1;

/// 2Q, the full version (T. Johnson, D. Shasha, "2Q: a low overhead high performance buffer management replacement
/// algorithm", VLDB 1994).
///
/// - A new entry goes into the queue A1in, or into Am if A1out remembers its key (and forgets it then).
/// - A hit in Am makes its entry the newest there. A hit in A1in does nothing.
/// - To evict: if A1in is over its share, or Am is empty, the oldest of A1in, whose key A1out remembers; otherwise the
///   least recently used of Am, which is forgotten.
///
/// `kin` times the capacity, rounded down, is the share of A1in, Am has the rest, and `kout` times the capacity is what
/// A1out remembers; all are weights. Where entries differ in weight, Am can come to be over its share although the whole
/// has room: the reference simulator evicts from Am then, as [`Policy::overflow`] does. It also refuses entries that
/// are heavier than A1in's share, which this does not.
///
/// All calls take constant time, amortised where A1out drops holes; 17 bytes a slot, 4 more once weights differ from 1;
/// a remembered key takes less than 10 bytes, and 4 more once weights differ. The weight of pinned entries counts in
/// the total and in neither queue.
///
/// ```
/// use cache_policies::{Hint, Policy, Slot, TwoQ, TwoQConfig};
///
/// let mut two_q = TwoQ::new(4, &TwoQConfig::default())?;
/// for number in 0..4 {
///     two_q.insert(Slot::new(number), 100 + u64::from(number), 1, Hint::NONE);
/// }
/// two_q.hit(Slot::new(0), 100);
/// assert_eq!(two_q.evict(), Some(Slot::new(0)));
/// // It comes back into Am, where it outlives what came before and after it.
/// let hint = two_q.miss(100);
/// two_q.insert(Slot::new(0), 100, 1, hint);
/// assert_eq!(two_q.evict(), Some(Slot::new(1)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TwoQ {
    /// `A1_IN` and `AM`.
    queues: Segments<2>,
    hashes: Hashes,
    a1_out: Ghost,
    config: TwoQConfig,
    /// The shares of the capacity.
    a1_in_capacity: u64,
    am_capacity: u64,
}

impl TwoQ {
    /// How many departed keys are remembered.
    #[must_use]
    pub fn ghost_len(&self) -> usize {
        self.a1_out.len()
    }

    #[inline]
    fn victim_queue(&self) -> usize {
        let in_is_over = self.queues.weight(A1_IN) > self.a1_in_capacity;
        if in_is_over || self.queues.len(AM) == 0 {
            A1_IN
        } else {
            AM
        }
    }
}

impl Policy for TwoQ {
    type Config = TwoQConfig;

    fn new(capacity: u64, config: &TwoQConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut two_q = TwoQ {
            queues: Segments::new(capacity),
            hashes: Hashes::new(),
            a1_out: Ghost::new(0),
            config: config.clone(),
            a1_in_capacity: 0,
            am_capacity: 0,
        };
        two_q.set_capacity(capacity);
        Ok(two_q)
    }

    #[inline]
    fn miss(&mut self, hash: u64) -> Hint {
        if self.a1_out.take(hash) {
            REMEMBERED
        } else {
            Hint::NONE
        }
    }

    #[inline]
    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        let queue = if hint == REMEMBERED { AM } else { A1_IN };
        self.queues.insert(slot, queue, weight);
        self.hashes.set(slot, hash);
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        if self.queues.segment_of(slot) == AM {
            self.queues.renew(slot);
        }
    }

    #[inline]
    fn victim(&mut self) -> Option<Slot> {
        self.queues.oldest(self.victim_queue())
    }

    #[inline]
    fn evict(&mut self) -> Option<Slot> {
        let queue = self.victim_queue();
        let victim = self.queues.oldest(queue)?;
        let weight = self.queues.evict(queue, victim);
        if queue == A1_IN {
            self.a1_out.remember(self.hashes.get(victim), weight);
        }
        Some(victim)
    }

    #[inline]
    fn overflow(&mut self) -> Option<Slot> {
        if self.queues.weight(AM) <= self.am_capacity {
            return None;
        }
        let victim = self.queues.oldest(AM)?;
        self.queues.evict(AM, victim);
        Some(victim)
    }

    fn remove(&mut self, slot: Slot, remember: bool) {
        let (queue, weight) = self.queues.remove(slot);
        if remember && queue == A1_IN {
            self.a1_out.remember(self.hashes.get(slot), weight);
        }
    }

    fn pin(&mut self, slot: Slot) {
        self.queues.pin(slot);
    }

    fn unpin(&mut self, slot: Slot) {
        self.queues.unpin(slot);
    }

    /// A1out forgets at once what it may no longer hold: time in proportion to that.
    fn set_capacity(&mut self, capacity: u64) {
        self.queues.ledger.set_capacity(capacity);
        self.a1_in_capacity = share(capacity, self.config.kin).min(capacity);
        self.am_capacity = capacity - self.a1_in_capacity;
        self.a1_out.set_limit(share(capacity, self.config.kout));
    }

    segments_answer!(queues);

    fn check(&self) {
        self.queues.check();
        self.a1_out.check();
        assert_eq!(
            self.a1_in_capacity + self.am_capacity,
            self.queues.ledger.capacity()
        );
    }
}
