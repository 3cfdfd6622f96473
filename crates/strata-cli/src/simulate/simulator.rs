//! One policy at one size, driven by a trace.

use cache_policies::Policy;

use super::access::{Access, Weighing};
use super::history::History;
use super::index::{ByNumber, Index};

/// A cache without values: which slot holds which object, the policy, and the count of misses.
///
/// Memory: that of the index, and the policy's own.
///
/// ```
/// use cache_policies::{Lru, LruConfig, Policy};
/// use strata_cli::simulate::{Catalogue, Simulator, Weighing};
/// use strata_cli::trace::Request;
///
/// let mut catalogue = Catalogue::new();
/// let mut simulator = Simulator::new(Lru::new(2, &LruConfig::default())?, Weighing::Objects);
/// for key in [1, 2, 1, 3, 1, 2] {
///     simulator.run(&[catalogue.access(&Request { time: 0, key, size: 10, next: None })]);
/// }
/// assert_eq!((simulator.counts().misses, simulator.counts().missed_bytes), (4, 40));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Simulator<P, I = ByNumber> {
    policy: P,
    weighing: Weighing,
    index: I,
    counts: Counts,
    /// The misses of each object, where `counts.missed_squares` is wanted.
    object_misses: Option<Vec<u32>>,
    requests: u64,
    /// What the policy tells of itself, where that is wanted.
    history: Option<History>,
}

/// What a simulator counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// The requests that found nothing.
    pub misses: u64,
    /// The bytes that they asked for.
    pub missed_bytes: u64,
    /// The squares of each object's misses, summed, which say how far a sample may be off; 0 unless a sample is simulated.
    pub missed_squares: u64,
    /// The largest number of objects that were resident at a time.
    pub resident_max: u64,
}

impl<P: Policy> Simulator<P> {
    /// An empty cache under `policy`, which must be empty too; its objects are found by their numbers.
    ///
    /// # Panics
    ///
    /// If the policy has entries already: nothing is known of their slots.
    #[must_use]
    pub fn new(policy: P, weighing: Weighing) -> Self {
        Self::with_index(policy, weighing)
    }
}

impl<P: Policy, I: Index> Simulator<P, I> {
    /// An empty cache under `policy`, which must be empty too, with an index of any kind.
    ///
    /// # Panics
    ///
    /// If the policy has entries already: nothing is known of their slots.
    #[must_use]
    pub fn with_index(policy: P, weighing: Weighing) -> Self {
        assert!(policy.is_empty(), "the policy must be empty");
        Self {
            policy,
            weighing,
            index: I::default(),
            counts: Counts::default(),
            object_misses: None,
            requests: 0,
            history: None,
        }
    }

    /// Counts [`Counts::missed_squares`] as well, which takes 4 bytes more for each object.
    pub(super) fn count_squares(&mut self) {
        self.object_misses = Some(Vec::new());
    }

    /// Listens to what the policy tells of itself.
    pub(super) fn explain(&mut self) {
        self.history = Some(History::new());
    }

    /// What the policy told of itself until now, if that was wanted.
    pub(super) fn history(&self) -> Option<History> {
        let history = self.history.as_ref()?;
        Some(history.ended(&self.policy, self.requests, self.counts.misses))
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            // Slots are made only when no other is free, so there are as many as were ever resident together.
            resident_max: self.index.slots() as u64,
            ..self.counts
        }
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &P {
        &self.policy
    }

    /// Serves the requests in order: a hit tells the policy (a changed size is not looked at, as in the reference); a miss
    /// evicts until the object fits and inserts it, unless it weighs more than the whole cache. The accesses of one
    /// simulator come from one [`Catalogue`](super::Catalogue).
    ///
    /// # Panics
    ///
    /// If there are more resident objects than slots, 2^32 less 64.
    pub fn run(&mut self, block: &[Access]) {
        let mut block = block;
        while let Some(history) = &self.history {
            let until_next = history.until_next() - self.requests;
            let Some((before, after)) = block.split_at_checked(until_next as usize) else {
                break;
            };
            self.serve(before);
            if let Some(history) = &mut self.history {
                history.note(&self.policy, self.requests, self.counts.misses);
            }
            block = after;
        }
        self.serve(block);
    }

    fn serve(&mut self, block: &[Access]) {
        self.requests += block.len() as u64;
        for access in block {
            self.policy.foresee(access.distance);
            match self.index.find(access) {
                Some(slot) => self.policy.hit(slot, access.hash),
                None => self.miss(access),
            }
            // In the reference, hits and inserts evict what a queue has no room for.
            while let Some(victim) = self.policy.overflow() {
                self.index.leave(victim);
            }
        }
    }

    fn miss(&mut self, access: &Access) {
        self.counts.misses += 1;
        self.counts.missed_bytes += u64::from(access.size);
        if self.object_misses.is_some() {
            self.count_square(access);
        }
        let hint = self.policy.miss(access.hash);
        let weight = self.weighing.weight(access.size);
        if u64::from(weight) > self.policy.capacity() {
            return;
        }
        let room = self.policy.capacity() - u64::from(weight);
        while self.policy.weight() > room {
            let victim = self
                .policy
                .evict()
                .expect("nothing is pinned, so what has weight can be evicted");
            self.index.leave(victim);
        }
        let slot = self.index.enter(access);
        self.policy.insert(slot, access.hash, weight, hint);
    }

    #[cold]
    fn count_square(&mut self, access: &Access) {
        let Some(misses) = &mut self.object_misses else {
            return;
        };
        let object = access.object as usize;
        if object >= misses.len() {
            misses.resize(object + 1, 0);
        }
        // (m + 1)^2 = m^2 + 2m + 1.
        self.counts.missed_squares += 2 * u64::from(misses[object]) + 1;
        misses[object] = misses[object].saturating_add(1);
    }
}
