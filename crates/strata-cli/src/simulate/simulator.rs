//! One policy at one size, driven by a trace.

use cache_policies::{Policy, Slot};

use super::access::{Access, Weighing};

/// What stands for "not resident" where a slot's number would.
const ABSENT: u32 = u32::MAX;

const _: () = assert!(Slot::MAX.get() < ABSENT);

/// A cache without values: which slot holds which object, the policy, and the count of misses.
///
/// Memory: 4 bytes for each object of the trace, 4 for each resident one, and the policy's own.
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
pub struct Simulator<P> {
    policy: P,
    weighing: Weighing,
    /// The slot of each object, by the object's number; objects past the end are not resident.
    slots: Vec<u32>,
    /// The object in each slot; stale in free ones.
    objects: Vec<u32>,
    /// Slots below `objects.len()` that hold nothing.
    free: Vec<Slot>,
    counts: Counts,
    /// The misses of each object, where `counts.missed_squares` is wanted.
    object_misses: Option<Vec<u32>>,
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
    /// An empty cache under `policy`, which must be empty too.
    ///
    /// # Panics
    ///
    /// If the policy has entries already: nothing is known of their slots.
    #[must_use]
    pub fn new(policy: P, weighing: Weighing) -> Self {
        assert!(policy.is_empty(), "the policy must be empty");
        Self {
            policy,
            weighing,
            slots: Vec::new(),
            objects: Vec::new(),
            free: Vec::new(),
            counts: Counts::default(),
            object_misses: None,
        }
    }

    /// Counts [`Counts::missed_squares`] as well, which takes 4 bytes more for each object.
    pub(super) fn count_squares(&mut self) {
        self.object_misses = Some(Vec::new());
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            // Slots are made only when no other is free, so there are as many as were ever resident together.
            resident_max: self.objects.len() as u64,
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
        for access in block {
            self.policy.foresee(access.distance);
            match self.slots.get(access.object as usize) {
                Some(&slot) if slot != ABSENT => self.policy.hit(Slot::new(slot), access.hash),
                _ => self.miss(access),
            }
            // In the reference, hits and inserts evict what a queue has no room for.
            while let Some(victim) = self.policy.overflow() {
                self.let_go(victim);
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
            self.let_go(victim);
        }
        let slot = self.take_slot(access.object);
        let object = access.object as usize;
        if object >= self.slots.len() {
            self.slots.resize(object + 1, ABSENT);
        }
        self.slots[object] = slot.get();
        self.policy.insert(slot, access.hash, weight, hint);
    }

    fn let_go(&mut self, victim: Slot) {
        self.slots[self.objects[victim.index()] as usize] = ABSENT;
        self.free.push(victim);
    }

    fn take_slot(&mut self, object: u32) -> Slot {
        if let Some(slot) = self.free.pop() {
            self.objects[slot.index()] = object;
            return slot;
        }
        let number =
            u32::try_from(self.objects.len()).expect("fewer than 2^32 objects are resident");
        self.objects.push(object);
        Slot::new(number)
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
