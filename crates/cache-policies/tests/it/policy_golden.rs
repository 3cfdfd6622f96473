//! Short sequences with known outcomes: from textbooks, or followed by hand through the papers' rules.

use std::collections::HashMap;

use cache_policies::{
    Clock, ClockConfig, Fifo, Hint, Lru, Policy, S3Fifo, S3FifoConfig, Sieve, Slot, WarmUp,
};

use crate::policy_random::mix;

/// A cache of keys alone, each of weight 1.
pub(crate) struct Keys<P> {
    pub(crate) policy: P,
    slots: HashMap<u64, Slot>,
    keys: Vec<u64>,
    free: Vec<Slot>,
    pub(crate) misses: u32,
    pub(crate) victims: Vec<u64>,
}

impl<P: Policy> Keys<P> {
    pub(crate) fn new(capacity: u64, config: &P::Config) -> Self {
        let policy = P::new(capacity, config).unwrap();
        Keys {
            policy,
            slots: HashMap::new(),
            keys: Vec::new(),
            free: Vec::new(),
            misses: 0,
            victims: Vec::new(),
        }
    }

    fn request(&mut self, key: u64) {
        if let Some(slot) = self.slots.get(&key) {
            self.policy.hit(*slot, mix(key));
            return;
        }
        self.misses += 1;
        let hint = self.policy.miss(mix(key));
        while self.policy.weight() + 1 > self.policy.capacity() {
            let victim = self.policy.evict().unwrap();
            let gone = self.keys[victim.index()];
            self.slots.remove(&gone);
            self.victims.push(gone);
            self.free.push(victim);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.keys.push(0);
            Slot::new(self.keys.len() as u32 - 1)
        });
        self.keys[slot.index()] = key;
        self.slots.insert(key, slot);
        self.policy.insert(slot, mix(key), 1, hint);
        self.policy.check();
    }

    /// Whether a key is resident, without a request for it.
    pub(crate) fn contains(&self, key: u64) -> bool {
        self.slots.contains_key(&key)
    }

    pub(crate) fn requests(mut self, keys: impl IntoIterator<Item = u64>) -> Self {
        keys.into_iter().for_each(|key| self.request(key));
        self
    }
}

fn misses<P: Policy>(capacity: u64, keys: &[u64]) -> u32 {
    Keys::<P>::new(capacity, &P::Config::default())
        .requests(keys.iter().copied())
        .misses
}

/// The string of Belady, Nelson and Shedler, "An anomaly in space-time characteristics of certain programs running in a
/// paging machine", CACM 12(6), 1969: FIFO misses more with more room.
#[test]
fn fifo_shows_beladys_anomaly_and_lru_does_not() {
    let string = [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5];
    assert_eq!(
        (misses::<Fifo>(3, &string), misses::<Fifo>(4, &string)),
        (9, 10)
    );
    assert_eq!(
        (misses::<Lru>(3, &string), misses::<Lru>(4, &string)),
        (10, 8)
    );
}

/// The string of Silberschatz, Galvin and Gagne, "Operating System Concepts".
#[test]
fn fifo_and_lru_miss_what_the_textbook_counts() {
    let string = [7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1];
    assert_eq!(
        (misses::<Fifo>(3, &string), misses::<Lru>(3, &string)),
        (15, 12)
    );
}

#[test]
fn clock_gives_a_second_chance_once() {
    // 1 and 2 were hit: the hand passes them and takes 3, then 4; the next round finds them unmarked, 1 first.
    let clock = Keys::<Clock>::new(4, &ClockConfig::default());
    let clock = clock.requests([1, 2, 3, 4, 1, 2, 1, 5, 6, 7]);
    assert_eq!(clock.victims, [3, 4, 1]);
}

#[test]
fn clock_with_two_bits_gives_three_chances() {
    let clock = Keys::<Clock>::new(2, &ClockConfig::default().with_bits(2));
    let clock = clock.requests([1, 2]).requests([1; 9]).requests(3..=9);
    assert_eq!(clock.victims, [2, 3, 4, 1, 5, 6, 7]);
}

#[test]
fn sieve_keeps_the_place_of_its_hand() {
    // 1 is passed and 2 goes; the hand stays at 3, so 3 and 4 go before 1 is looked at again, now unvisited, after 5.
    let sieve = Keys::<Sieve>::new(4, &Default::default());
    let sieve = sieve.requests([1, 2, 3, 4, 1, 5, 6, 7, 8, 9]);
    assert_eq!(sieve.victims, [2, 3, 4, 5, 6]);
}

#[test]
fn sieve_goes_on_past_an_entry_that_is_removed_under_its_hand() {
    let mut sieve = Sieve::new(4, &Default::default()).unwrap();
    for number in 0..4 {
        sieve.insert(Slot::new(number), mix(u64::from(number)), 1, Hint::NONE);
    }
    sieve.hit(Slot::new(0), mix(0));
    assert_eq!(sieve.evict(), Some(Slot::new(1)));
    sieve.remove(Slot::new(2), true);
    sieve.check();
    assert_eq!(sieve.evict(), Some(Slot::new(3)));
    assert_eq!(sieve.evict(), Some(Slot::new(0)));
}

#[test]
fn s3_fifo_fills_the_main_queue_before_the_first_eviction() {
    // Small holds 1: 0. Main holds 9: 1 to 9. 10 drives 0 into the ghost; 0 comes back into main and drives 10 out of
    // small; main is over its share then, and 11 drives out main's oldest.
    let s3_fifo = Keys::<S3Fifo>::new(10, &S3FifoConfig::default());
    let s3_fifo = s3_fifo.requests(0..10).requests([10, 0, 11]);
    assert_eq!(s3_fifo.victims, [0, 10, 1]);
}

#[test]
fn s3_fifo_as_in_the_paper_fills_the_small_queue() {
    // All of 0 to 9 are in small. 0 was hit twice and moves to main, 1 was hit once and goes; it comes back into main,
    // 2 goes for it.
    let paper = S3FifoConfig::default().with_warm_up(WarmUp::Small);
    let s3_fifo = Keys::<S3Fifo>::new(10, &paper)
        .requests(0..10)
        .requests([0, 0, 1, 10, 1]);
    assert_eq!(s3_fifo.victims, [1, 2]);
    assert_eq!(s3_fifo.policy.ghost_len(), 1);
    // Small empties itself from 3 on; what came back stays.
    let s3_fifo = s3_fifo.requests(20..28);
    assert_eq!(s3_fifo.victims[2..], [3, 4, 5, 6, 7, 8, 9, 10]);
}

/// Owners that compare the victim with a newcomer first, and let it go by `remove`, end the warm-up as others do: what
/// comes into room that an entry of the main queue left later goes into the small one.
#[test]
fn s3_fifo_ends_its_warm_up_when_a_victim_is_named() {
    let victims = |compares: bool| -> Vec<Slot> {
        let mut s3_fifo = S3Fifo::new(20, &S3FifoConfig::default()).unwrap();
        let insert = |s3_fifo: &mut S3Fifo, slot, key: u64| {
            s3_fifo.insert(slot, mix(key), 1, Hint::NONE);
            s3_fifo.check();
        };
        for number in 0..20 {
            insert(&mut s3_fifo, Slot::new(number), u64::from(number));
        }
        let step = |key: u64| {
            let removed = Slot::new((key * 7 % 20) as u32);
            s3_fifo.remove(removed, false);
            insert(&mut s3_fifo, removed, key);
            let victim = match compares {
                false => s3_fifo.evict().unwrap(),
                true => {
                    let victim = s3_fifo.victim().unwrap();
                    s3_fifo.remove(victim, true);
                    victim
                }
            };
            insert(&mut s3_fifo, victim, 1_000 + key);
            victim
        };
        (20..400).map(step).collect()
    };
    assert_eq!(victims(true), victims(false));
}

/// At a capacity of 1, the small queue's share is floor(0.1) = 0.
#[test]
fn s3_fifo_works_where_the_small_share_rounds_to_nothing() {
    for capacity in 1..=9 {
        let s3_fifo = Keys::<S3Fifo>::new(capacity, &S3FifoConfig::default())
            .requests((0..100).chain(0..100));
        assert_eq!(s3_fifo.policy.len() as u64, capacity);
        // The first eviction takes 0 from main, where all the others stay and are hit in the second round.
        assert_eq!(u64::from(s3_fifo.misses), 201 - capacity);
    }
}

/// Removals from the middle of the small queue leave holes, and packing those moves the entries that stay.
#[test]
fn s3_fifo_finds_entries_of_a_small_queue_that_was_packed() {
    let config = S3FifoConfig::default().with_small(1.0);
    let mut s3_fifo = S3Fifo::new(100, &config).unwrap();
    for number in 0..100 {
        s3_fifo.insert(Slot::new(number), mix(u64::from(number)), 1, Hint::NONE);
    }
    for number in (1..90).rev() {
        s3_fifo.remove(Slot::new(number), false);
        s3_fifo.check();
    }
    s3_fifo.remove(Slot::new(95), true);
    s3_fifo.pin(Slot::new(93));
    s3_fifo.unpin(Slot::new(93));
    s3_fifo.check();
    let victims: Vec<u32> = std::iter::from_fn(|| s3_fifo.evict())
        .map(Slot::get)
        .collect();
    assert_eq!(victims, [0, 90, 91, 92, 94, 96, 97, 98, 99, 93]);
    assert!(
        [90, 95, 93]
            .into_iter()
            .all(|key| s3_fifo.miss(mix(key)) != Hint::NONE),
        "the hashes moved"
    );
}

#[test]
fn s3_fifo_counts_the_ghost_by_weight() {
    let mut s3_fifo =
        S3Fifo::new(100, &S3FifoConfig::default().with_warm_up(WarmUp::Small)).unwrap();
    for number in 0..10 {
        s3_fifo.insert(Slot::new(number), mix(u64::from(number)), 30, Hint::NONE);
        assert_eq!(s3_fifo.evict(), Some(Slot::new(number)));
        s3_fifo.check();
    }
    // 90 remembers three of 30.
    assert_eq!(s3_fifo.ghost_len(), 3);
    let remembered: Vec<u64> = (0..10)
        .filter(|key| s3_fifo.miss(mix(*key)) != Hint::NONE)
        .collect();
    assert_eq!(remembered, [7, 8, 9]);
    s3_fifo.insert(Slot::new(0), mix(0), 91, Hint::NONE);
    assert_eq!(s3_fifo.evict(), Some(Slot::new(0)));
    assert_eq!(
        s3_fifo.miss(mix(0)),
        Hint::NONE,
        "what is heavier than the ghost is not remembered"
    );
}

#[test]
fn s3_fifo_forgets_what_a_smaller_ghost_cannot_hold() {
    let s3_fifo = Keys::<S3Fifo>::new(1_000, &S3FifoConfig::default()).requests(0..5_000);
    let mut policy = s3_fifo.policy;
    assert_eq!(policy.ghost_len(), 900);
    policy.set_capacity(100);
    policy.check();
    assert_eq!((policy.ghost_len(), policy.len()), (90, 1_000));
}

#[test]
fn unpinning_makes_an_entry_the_newest_of_its_queue() {
    fn order<P: Policy>() -> Vec<u32> {
        let mut policy = P::new(3, &P::Config::default()).unwrap();
        for number in 0..3 {
            policy.insert(Slot::new(number), mix(u64::from(number)), 1, Hint::NONE);
        }
        policy.pin(Slot::new(0));
        policy.unpin(Slot::new(0));
        std::iter::from_fn(|| policy.evict())
            .map(Slot::get)
            .collect()
    }
    assert_eq!(order::<Fifo>(), [1, 2, 0]);
    assert_eq!(order::<Lru>(), [1, 2, 0]);
    assert_eq!(order::<Clock>(), [1, 2, 0]);
    assert_eq!(order::<Sieve>(), [1, 2, 0]);
    assert_eq!(order::<S3Fifo>(), [1, 2, 0]);
}

#[test]
fn hits_on_a_pinned_entry_count_once_it_is_unpinned() {
    fn first_victim<P: Policy>() -> Slot {
        let mut policy = P::new(2, &P::Config::default()).unwrap();
        policy.insert(Slot::new(0), mix(0), 1, Hint::NONE);
        policy.pin(Slot::new(0));
        policy.hit(Slot::new(0), mix(0));
        policy.hit(Slot::new(0), mix(0));
        policy.unpin(Slot::new(0));
        policy.insert(Slot::new(1), mix(1), 1, Hint::NONE);
        policy.evict().unwrap()
    }
    assert_eq!(first_victim::<Clock>(), Slot::new(1));
    assert_eq!(first_victim::<Sieve>(), Slot::new(1));
    assert_eq!(first_victim::<S3Fifo>(), Slot::new(1));
    assert_eq!(first_victim::<Fifo>(), Slot::new(0));
}
