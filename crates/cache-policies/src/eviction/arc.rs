//! ARC: two LRU queues, of entries asked for once and more than once, that divide the room as their ghosts teach.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::any::{Choice, Parameter, Parameters, choice};
use crate::error::ConfigError;
use crate::ghost::Ghost;
use crate::hashes::Hashes;
use crate::policy::{Hint, Policy};
use crate::segments::Segments;
use crate::slot::Slot;

/// By what a ghost's hit moves the target of [`Arc`], where entries differ in weight.
///
/// ```
/// use cache_policies::{ArcConfig, ArcStep};
///
/// assert_eq!(ArcConfig::default().step(), ArcStep::Weight);
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum ArcStep {
    /// By the weight of the entry that was remembered, times what the paper has: to count in bytes instead of kilobytes
    /// changes nothing.
    #[default]
    Weight,
    /// By what the paper has, as one unit of weight is all that an entry there can weigh: as libCacheSim 0.3.5 has it.
    /// With bytes for weights, the target hardly moves. That need not be worse: on the block trace `cpIO`, at eight
    /// capacities from 128 MiB to 1 GiB, `Weight` misses from 0.2% less to 4.2% more.
    Unit,
}

/// The parameters of [`Arc`].
///
/// ```
/// use cache_policies::{Arc, ArcConfig, ArcStep, Policy};
///
/// let config = ArcConfig::default().with_step(ArcStep::Unit);
/// assert_eq!(config.step(), ArcStep::Unit);
/// assert!(Arc::new(100, &config).is_ok());
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ArcConfig {
    step: ArcStep,
}

impl ArcConfig {
    /// By what a ghost's hit moves the target. [`ArcStep::Weight`] by default; with weights of 1 both are the same.
    #[must_use]
    pub fn with_step(self, step: ArcStep) -> Self {
        ArcConfig { step }
    }

    /// See [`ArcConfig::with_step`].
    #[must_use]
    pub fn step(&self) -> ArcStep {
        self.step
    }
}

choice!(ArcStep: Weight = "weight" or Unit = "unit");

const STEP: Parameter = Parameter {
    name: "step",
    expected: ArcStep::EXPECTED,
};

impl Parameters for ArcConfig {
    const POLICY: &'static str = "arc";
    const KNOWN: &'static [Parameter] = &[STEP];

    fn value(&self, _parameter: &Parameter) -> String {
        self.step.name().to_string()
    }

    fn set(&mut self, _parameter: &Parameter, value: &str) -> Option<()> {
        self.step = Choice::named(value)?;
        Some(())
    }
}

/// The hints that the key was in one of the ghosts.
const IN_B1: Hint = Hint::from_bits(1);
const IN_B2: Hint = Hint::from_bits(2);

const T1: usize = 0;
const T2: usize = 1;

/// Victims that wait for the insert they went for; past this many, they wait no longer.
const PENDING_MAX: usize = 256;

/// ARC (N. Megiddo, D. S. Modha, "ARC: a self-tuning, low overhead replacement cache", FAST 2003).
///
/// - A new entry goes into T1, or into T2 if one of the ghosts B1 and B2 remembers its key (and forgets it then).
/// - A hit makes its entry the newest of T2.
/// - p is the share of T1, from 0 to the capacity c. A key that is found in B1 adds max(|B2| / |B1|, 1) to it, one in B2
///   takes max(|B1| / |B2|, 1) off, not rounded; both times the weight that the entry had ([`ArcStep`]).
/// - To evict: the oldest of T1, into B1, if |T1| > p, or if |T1| = p and the key to insert was in B2; otherwise the
///   oldest of T2, into B2.
/// - Where the key to insert was in neither: before each eviction, B1 forgets its oldest if |T1| + |B1| would come to
///   be more than c (and if B1 is empty, the victim goes without being remembered); otherwise B2 does if all four
///   together are 2c or more.
///
/// Sizes are weights. Where they differ from 1, a ghost may hold more than those bounds for a while, as in the reference
/// simulator, since one eviction forgets one key; never more keys than they allowed before. The last rule needs the weight
/// of what is inserted, so a victim's key enters its ghost at that insert, or at the next miss if there was none.
///
/// All calls take constant time, amortised where a ghost drops holes; 17 bytes a slot, 4 more once weights differ from
/// 1; a remembered key takes less than 8 bytes, and 5 more once weights differ. The weight of pinned entries counts in
/// the total and in neither queue.
///
/// ```
/// use cache_policies::{Arc, ArcConfig, Hint, Policy, Slot};
///
/// let mut arc = Arc::new(2, &ArcConfig::default())?;
/// arc.insert(Slot::new(0), 10, 1, Hint::NONE);
/// arc.insert(Slot::new(1), 11, 1, Hint::NONE);
/// arc.hit(Slot::new(0), 10);
/// // A scan passes through T1 and leaves T2 alone.
/// for hash in 20..30 {
///     let hint = arc.miss(hash);
///     assert_eq!(arc.evict(), Some(Slot::new(1)));
///     arc.insert(Slot::new(1), hash, 1, hint);
/// }
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Arc {
    /// `T1` and `T2`.
    queues: Segments<2>,
    hashes: Hashes,
    config: ArcConfig,
    /// B1 and B2, without limits of their own.
    ghosts: [Ghost; 2],
    /// The share of T1, from 0 to the capacity.
    p: f64,
    /// What the last miss said, until the insert.
    missed: Hint,
    /// The victims since the last insert or miss, the oldest first.
    pending: Vec<Victim>,
}

/// An entry that left and is not in its ghost yet.
#[derive(Copy, Clone, Debug)]
struct Victim {
    hash: u64,
    weight: u32,
    queue: u8,
}

impl Arc {
    /// How many departed keys are remembered.
    #[must_use]
    pub fn ghost_len(&self) -> usize {
        self.ghosts[T1].len() + self.ghosts[T2].len() + self.pending.len()
    }

    /// What is now aimed at for the weight of the entries that were asked for once: the paper's p.
    #[must_use]
    pub fn target(&self) -> f64 {
        self.p
    }

    /// By what p moves for a key that was just taken from this ghost; `sizes` are the ghosts' before that.
    #[inline]
    fn step(&self, found: usize, sizes: [u64; 2]) -> f64 {
        let taken = sizes[found] - self.ghosts[found].weight();
        let ratio = (sizes[1 - found] as f64 / sizes[found] as f64).max(1.0);
        match self.config.step {
            ArcStep::Weight => ratio * taken as f64,
            ArcStep::Unit => ratio,
        }
    }

    #[inline]
    fn victim_queue(&self) -> usize {
        if self.queues.len(T1) == 0 {
            return T2;
        }
        let weight = self.queues.weight(T1) as f64;
        let is_over = weight > self.p || (self.missed == IN_B2 && weight == self.p);
        if is_over || self.queues.len(T2) == 0 {
            T1
        } else {
            T2
        }
    }

    /// Keeps what an eviction took, until it is known what for.
    #[inline]
    fn await_insert(&mut self, queue: usize, slot: Slot, weight: u32) {
        if self.pending.len() == PENDING_MAX {
            self.give_up_waiting();
        }
        self.pending.push(Victim {
            hash: self.hashes.get(slot),
            weight,
            queue: queue as u8,
        });
    }

    /// Remembers the victims that an insert of this weight took. Its key was in no ghost.
    #[inline]
    fn remember_for_new(&mut self, inserted: u32) {
        let capacity = self.queues.ledger.capacity();
        let mut sizes = [T1, T2].map(|queue| self.queues.weight(queue));
        for victim in &self.pending {
            sizes[usize::from(victim.queue)] += u64::from(victim.weight);
        }
        for victim in &self.pending {
            let queue = usize::from(victim.queue);
            let once = sizes[T1] + self.ghosts[T1].weight();
            let twice = sizes[T2] + self.ghosts[T2].weight();
            sizes[queue] -= u64::from(victim.weight);
            if once + u64::from(inserted) > capacity {
                if self.ghosts[T1].len() > 0 {
                    self.ghosts[T1].forget_oldest();
                } else if queue == T1 {
                    continue;
                }
            } else if once + twice >= capacity.saturating_mul(2) && self.ghosts[T2].len() > 0 {
                self.ghosts[T2].forget_oldest();
            }
            self.ghosts[queue].remember(victim.hash, victim.weight);
        }
        self.pending.clear();
    }

    /// Remembers the victims, whatever they went for.
    fn remember_all(&mut self) {
        for victim in &self.pending {
            self.ghosts[usize::from(victim.queue)].remember(victim.hash, victim.weight);
        }
        self.pending.clear();
    }

    /// Remembers victims that no insert followed, within |T1| + |B1| <= c and all together <= 2c.
    #[cold]
    fn give_up_waiting(&mut self) {
        self.remember_all();
        let capacity = self.queues.ledger.capacity();
        let size = |arc: &Self, queue: usize| arc.queues.weight(queue) + arc.ghosts[queue].weight();
        while size(self, T1) > capacity && self.ghosts[T1].len() > 0 {
            self.ghosts[T1].forget_oldest();
        }
        let all = |arc: &Self| size(arc, T1) + size(arc, T2);
        while all(self) > capacity.saturating_mul(2) && self.ghosts[T2].len() > 0 {
            self.ghosts[T2].forget_oldest();
        }
    }
}

impl Policy for Arc {
    type Config = ArcConfig;

    fn new(capacity: u64, config: &ArcConfig) -> Result<Self, ConfigError> {
        Ok(Arc {
            queues: Segments::new(capacity),
            hashes: Hashes::new(),
            config: config.clone(),
            ghosts: [Ghost::new(u64::MAX), Ghost::new(u64::MAX)],
            p: 0.0,
            missed: Hint::NONE,
            pending: Vec::new(),
        })
    }

    #[inline]
    fn miss(&mut self, hash: u64) -> Hint {
        if !self.pending.is_empty() {
            self.give_up_waiting();
        }
        let sizes = [T1, T2].map(|ghost| self.ghosts[ghost].weight());
        self.missed = if self.ghosts[T1].take(hash) {
            let capacity = self.queues.ledger.capacity() as f64;
            self.p = (self.p + self.step(T1, sizes)).min(capacity);
            IN_B1
        } else if self.ghosts[T2].take(hash) {
            self.p = (self.p - self.step(T2, sizes)).max(0.0);
            IN_B2
        } else {
            Hint::NONE
        };
        self.missed
    }

    #[inline]
    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        if !self.pending.is_empty() {
            if hint == Hint::NONE {
                self.remember_for_new(weight);
            } else {
                self.remember_all();
            }
        }
        let queue = if hint == Hint::NONE { T1 } else { T2 };
        self.queues.insert(slot, queue, weight);
        self.hashes.set(slot, hash);
        self.missed = Hint::NONE;
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        self.queues.assign(slot, T2);
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
        self.await_insert(queue, victim, weight);
        Some(victim)
    }

    fn remove(&mut self, slot: Slot, remember: bool) {
        let (queue, weight) = self.queues.remove(slot);
        if remember {
            self.await_insert(queue, slot, weight);
        }
    }

    fn pin(&mut self, slot: Slot) {
        self.queues.pin(slot);
    }

    fn unpin(&mut self, slot: Slot) {
        self.queues.unpin(slot);
    }

    /// The ghosts forget at once what they may no longer hold: time in proportion to that.
    fn set_capacity(&mut self, capacity: u64) {
        self.queues.ledger.set_capacity(capacity);
        self.p = self.p.min(capacity as f64);
        self.give_up_waiting();
        for ghost in &mut self.ghosts {
            // Gives back memory.
            ghost.set_limit(u64::MAX);
        }
    }

    segments_answer!(queues);

    fn check(&self) {
        self.queues.check();
        self.ghosts.iter().for_each(Ghost::check);
        assert!(self.pending.len() <= PENDING_MAX);
        assert!(0.0 <= self.p && self.p <= self.queues.ledger.capacity() as f64);
    }
}
