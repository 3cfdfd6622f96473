//! What the papers of the sampling and learning policies say comes true: golden facts, each over several seeds.

use std::collections::HashMap;

use cache_policies::{
    AnyConfig, AnyPolicy, ClockPro, ClockProConfig, Hint, Hyperbolic, HyperbolicConfig, LeCaR,
    LeCaRConfig, Lhd, LhdConfig, Policy, Random, RandomConfig, Slot,
};

use crate::policy_random::{self, mix};

/// The misses of a policy, all entries of weight 1.
fn misses(policy: &str, capacity: u64, keys: impl IntoIterator<Item = u64>) -> u64 {
    let config: AnyConfig = policy.parse().unwrap();
    let mut policy = AnyPolicy::new(capacity, &config).unwrap();
    let mut slots: HashMap<u64, Slot> = HashMap::new();
    let mut residents: Vec<u64> = Vec::new();
    let mut misses = 0;
    for key in keys {
        if let Some(slot) = slots.get(&key) {
            policy.hit(*slot, mix(key));
            continue;
        }
        misses += 1;
        let hint = policy.miss(mix(key));
        let slot = if policy.weight() < capacity {
            residents.push(key);
            Slot::new(residents.len() as u32 - 1)
        } else {
            let victim = policy.evict().unwrap();
            slots.remove(&residents[victim.index()]);
            residents[victim.index()] = key;
            victim
        };
        policy.insert(slot, mix(key), 1, hint);
        slots.insert(key, slot);
    }
    policy.check();
    misses
}

/// Requests that follow Zipf's law over `universe` keys: a key's rank is e to the power of a fair share of its
/// logarithm.
fn zipf(seed: u64, universe: u64, requests: u64) -> impl Iterator<Item = u64> {
    let mut random = policy_random::Random::new(seed);
    (0..requests).map(move |_| (universe as f64).powf(random.share()) as u64)
}

/// Zipf's requests, each other one of them replaced by a key of a scan that never comes back.
fn scanned_zipf(seed: u64, universe: u64, requests: u64) -> impl Iterator<Item = u64> {
    let scan = universe..;
    let both = zipf(seed, universe, requests / 2).zip(scan);
    both.flat_map(|(frequent, scanned)| [frequent, scanned])
}

#[test]
fn random_hits_a_loop_that_lru_never_hits() {
    let requests = || (0..200).cycle().take(20_000);
    assert_eq!(misses("lru", 150, requests()), 20_000);
    for seed in 0..8 {
        // An entry outlives the round with (1 - 1 / 150) to the power of the misses in it: a fixed point near 0.47.
        let share = misses(&format!("random:seed={seed}"), 150, requests()) as f64 / 20_000.0;
        assert!((0.44..0.50).contains(&share), "{share}");
    }
}

#[test]
fn random_evicts_by_its_seed() {
    let victims = |seed| {
        let mut random = Random::new(100, &RandomConfig::default().with_seed(seed)).unwrap();
        for number in 0..100 {
            random.insert(Slot::new(number), 0, 1, Hint::NONE);
        }
        std::iter::from_fn(|| random.evict()).collect::<Vec<Slot>>()
    };
    assert_eq!(victims(5), victims(5));
    assert_ne!(victims(5), victims(6));
}

/// The example of the authors' talk: A A B C C, the priorities after each request.
#[test]
fn hyperbolic_goes_by_requests_over_time() {
    let mut hyperbolic = Hyperbolic::new(3, &HyperbolicConfig::default()).unwrap();
    let [a, b, c] = [0, 1, 2].map(Slot::new);
    hyperbolic.insert(a, 0, 1, Hint::NONE);
    hyperbolic.hit(a, 0);
    hyperbolic.insert(b, 1, 1, Hint::NONE);
    // A: 2 / 3, B: 1 / 1.
    assert_eq!(hyperbolic.victim(), Some(a));
    hyperbolic.insert(c, 2, 1, Hint::NONE);
    // A: 2 / 4, B: 1 / 2, C: 1 / 1. Then A: 2 / 5, B: 1 / 3, C: 2 / 2.
    hyperbolic.hit(c, 2);
    assert_eq!(hyperbolic.evict(), Some(b));
    assert_eq!(hyperbolic.evict(), Some(a));
}

#[test]
fn hyperbolic_prefers_small_entries() {
    let mut hyperbolic = Hyperbolic::new(100, &HyperbolicConfig::default()).unwrap();
    for (number, weight) in [(0, 30), (1, 1), (2, 0), (3, 10)] {
        hyperbolic.insert(Slot::new(number), 0, weight, Hint::NONE);
    }
    hyperbolic.hit(Slot::new(0), 0);
    hyperbolic.hit(Slot::new(0), 0);
    // 3 / (6 * 30), 1 / (5 * 1), weightless, 1 / (3 * 10).
    let victims: Vec<u32> = std::iter::from_fn(|| hyperbolic.evict())
        .map(Slot::get)
        .collect();
    assert_eq!(victims, [0, 3, 1, 2]);
}

#[test]
fn hyperbolic_beats_lru_where_popularity_is_skewed() {
    for seed in 0..8 {
        let requests = || zipf(seed, 10_000, 50_000);
        let hyperbolic = misses(&format!("hyperbolic:seed={seed}"), 300, requests());
        let lru = misses("lru", 300, requests());
        assert!(hyperbolic * 100 < lru * 95, "{hyperbolic} {lru}");
    }
}

/// A loop that is a little larger than the cache: all but the cold share of 1% hits, as with LIRS, whereas LRU and
/// CLOCK miss all.
#[test]
fn clock_pro_hits_a_loop_that_clock_never_hits() {
    let requests = || (0..1_100).cycle().take(110_000);
    assert_eq!(misses("clock", 1_000, requests()), 110_000);
    let clock_pro = misses("clock-pro", 1_000, requests());
    // The best that any policy can do is to keep 999 keys for good: 101 misses a round after the first.
    assert!(clock_pro < 1_100 + 99 * 125, "{clock_pro}");
}

#[test]
fn clock_pro_keeps_its_hot_entries_through_a_scan() {
    for seed in 0..8 {
        let requests = || scanned_zipf(seed, 5_000, 60_000);
        let [clock_pro, clock] = ["clock-pro", "clock"].map(|name| misses(name, 300, requests()));
        assert!(clock_pro * 100 < clock * 95, "{clock_pro} {clock}");
    }
}

/// Where every key is asked for again soon, and never after that, a large cold share is right; a loop wants a small
/// one.
#[test]
fn clock_pro_adapts_the_share_of_cold_entries() {
    let mut clock_pro = ClockPro::new(100, &ClockProConfig::default()).unwrap();
    let mut slots: HashMap<u64, Slot> = HashMap::new();
    let mut residents: Vec<u64> = Vec::new();
    let mut request = |clock_pro: &mut ClockPro, key: u64| {
        if let Some(slot) = slots.get(&key) {
            clock_pro.hit(*slot, mix(key));
            return;
        }
        let hint = clock_pro.miss(mix(key));
        let slot = if clock_pro.len() < 100 {
            residents.push(key);
            Slot::new(residents.len() as u32 - 1)
        } else {
            let victim = clock_pro.evict().unwrap();
            slots.remove(&residents[victim.index()]);
            residents[victim.index()] = key;
            victim
        };
        clock_pro.insert(slot, mix(key), 1, hint);
        slots.insert(key, slot);
        clock_pro.check();
    };
    assert_eq!(clock_pro.cold_share(), 1);
    for position in 0..3_000_u64 {
        request(&mut clock_pro, position);
        if position >= 20 {
            request(&mut clock_pro, position - 20);
        }
    }
    let after_pairs = clock_pro.cold_share();
    assert!(after_pairs > 20, "{after_pairs}");
    for position in 0..20_000 {
        request(&mut clock_pro, 10_000 + position % 150);
    }
    assert!(clock_pro.cold_share() < 10, "{}", clock_pro.cold_share());
}

/// Owners that compare the victim with a newcomer first, and let it go by `remove`, end the warm-up as others do: what
/// comes into room that an entry left later is cold.
#[test]
fn clock_pro_ends_its_warm_up_when_a_victim_is_named() {
    let victims = |compares: bool| -> Vec<Slot> {
        let mut clock_pro = ClockPro::new(20, &ClockProConfig::default()).unwrap();
        let mut random = policy_random::Random::new(1);
        for number in 0..20 {
            clock_pro.insert(Slot::new(number), mix(u64::from(number)), 1, Hint::NONE);
        }
        let step = |key: u64| {
            let victim = match (key % 3, compares) {
                (0, _) => {
                    let removed = Slot::new(random.below(20) as u32);
                    clock_pro.remove(removed, false);
                    removed
                }
                (_, false) => clock_pro.evict().unwrap(),
                (_, true) => {
                    let victim = clock_pro.victim().unwrap();
                    clock_pro.remove(victim, true);
                    victim
                }
            };
            clock_pro.insert(victim, mix(key), 1, Hint::NONE);
            clock_pro.hit(Slot::new(random.below(20) as u32), 0);
            clock_pro.check();
            victim
        };
        (20..400).map(step).collect()
    };
    assert_eq!(victims(true), victims(false));
}

/// One that can never be hot does not make the others cold.
#[test]
fn clock_pro_leaves_the_hot_alone_for_what_is_heavier_than_their_share() {
    let config = ClockProConfig::default().with_cold(0.5);
    let mut clock_pro = ClockPro::new(100, &config).unwrap();
    for number in 0..30 {
        clock_pro.insert(Slot::new(number), mix(u64::from(number)), 1, Hint::NONE);
    }
    clock_pro.insert(Slot::new(30), mix(30), 60, Hint::NONE);
    clock_pro.hit(Slot::new(30), mix(30));
    // It begins a new test, leaves in it, comes back, and is the first to go again.
    assert_eq!(clock_pro.evict(), Some(Slot::new(30)));
    let hint = clock_pro.miss(mix(30));
    assert_ne!(hint, Hint::NONE);
    clock_pro.insert(Slot::new(30), mix(30), 60, hint);
    clock_pro.check();
    assert_eq!(clock_pro.evict(), Some(Slot::new(30)));
    assert_eq!(clock_pro.evict(), Some(Slot::new(0)));
}

/// Followed by hand through the rules, with a cold share of 1.
#[test]
fn clock_pro_takes_the_steps_of_its_paper() {
    let mut clock_pro = ClockPro::new(4, &ClockProConfig::default()).unwrap();
    for number in 0..4 {
        let hint = clock_pro.miss(mix(u64::from(number)));
        clock_pro.insert(Slot::new(number), mix(u64::from(number)), 1, hint);
    }
    // 0, 1 and 2 are hot, 3 is cold and in its test; it was hit and becomes hot for it, the cold share grows to 2. The
    // hot hand spares 0, and makes 1 and 2 cold, of which 1 goes: it was in no test.
    clock_pro.hit(Slot::new(3), mix(3));
    clock_pro.hit(Slot::new(0), mix(0));
    assert_eq!(clock_pro.evict(), Some(Slot::new(1)));
    assert_eq!((clock_pro.cold_share(), clock_pro.ghost_len()), (2, 0));
    // 4 is cold and in its test. 2, hit out of test, begins one; 4 goes and is remembered.
    clock_pro.insert(Slot::new(1), mix(4), 1, Hint::NONE);
    clock_pro.hit(Slot::new(2), mix(2));
    assert_eq!(clock_pro.evict(), Some(Slot::new(1)));
    assert_eq!(clock_pro.ghost_len(), 1);
    // 4 comes back within its test: the cold share grows to 3, 4 is hot and 3 and 0, the older hot ones, become cold.
    // That ends the test of 2, without a hit: 2 again.
    let hint = clock_pro.miss(mix(4));
    assert_ne!(hint, Hint::NONE);
    clock_pro.insert(Slot::new(1), mix(4), 1, hint);
    assert_eq!(clock_pro.cold_share(), 2);
    clock_pro.check();
    let victims: Vec<u32> = std::iter::from_fn(|| clock_pro.evict())
        .map(Slot::get)
        .collect();
    assert_eq!(victims, [2, 3, 0, 1]);
}

#[test]
fn lhd_beats_lru_on_a_scan_beside_skewed_requests() {
    for seed in 0..8 {
        let requests = || scanned_zipf(seed, 5_000, 60_000);
        let lhd = misses(&format!("lhd:interval=4096,seed={seed}"), 300, requests());
        let lru = misses("lru", 300, requests());
        // The scan, 30,000 requests, misses with any policy.
        assert!((lhd - 30_000) * 100 < (lru - 30_000) * 95, "{lhd} {lru}");
    }
}

/// Beside a few popular keys, a loop over a range that fits together with them, and a scan: once the densities are
/// learned, the keys of the loop have their hits ahead at the very age at which those of the scan have none any more.
#[test]
fn lhd_learns_that_what_loops_comes_back() {
    for seed in 0..8 {
        let mut random = policy_random::Random::new(seed);
        let requests: Vec<u64> = (0..120_000)
            .map(|position: u64| match position % 3 {
                0 => 1_000_000 + position,
                1 => 10_000 + position / 3 % 450,
                _ => random.below(50),
            })
            .collect();
        let lhd = misses(
            &format!("lhd:interval=4096,seed={seed}"),
            400,
            requests.iter().copied(),
        );
        let lru = misses("lru", 400, requests.iter().copied());
        let hyperbolic = misses("hyperbolic", 400, requests.iter().copied());
        // The scan, 40,000 requests, misses with any policy.
        assert!((lhd - 40_000) * 100 < (lru - 40_000) * 95, "{lhd} {lru}");
        assert!(lhd < hyperbolic, "{lhd} {hyperbolic}");
    }
}

#[test]
fn lhd_divides_by_the_weight_and_lets_the_oldest_go() {
    let mut lhd = Lhd::new(1_000, &LhdConfig::default().with_sample(1_024)).unwrap();
    for (number, weight) in [(0, 1), (1, 200), (2, 0), (3, 40)] {
        lhd.insert(Slot::new(number), 0, weight, Hint::NONE);
    }
    lhd.check();
    let victims: Vec<u32> = std::iter::from_fn(|| lhd.evict()).map(Slot::get).collect();
    assert_eq!(victims, [1, 3, 0, 2]);
    // Of two alike, the one that was not hit for longer.
    lhd.insert(Slot::new(0), 0, 1, Hint::NONE);
    lhd.insert(Slot::new(1), 0, 1, Hint::NONE);
    lhd.hit(Slot::new(0), 0);
    assert_eq!(lhd.evict(), Some(Slot::new(1)));
}

/// Two entries: 0 has more requests, 1 the latest one. LRU takes 0, LFU takes 1; the one taken comes back after
/// `elapsed` requests. Whom it had blamed, and the weight after that.
fn regretted(rate: f64, seed: u64, elapsed: u32) -> (bool, f64) {
    let config = LeCaRConfig::default().with_rate(rate).with_seed(seed);
    let mut lecar = LeCaR::new(2, &config).unwrap();
    lecar.insert(Slot::new(0), mix(0), 1, Hint::NONE);
    lecar.hit(Slot::new(0), mix(0));
    lecar.insert(Slot::new(1), mix(1), 1, Hint::NONE);
    let victim = lecar.evict().unwrap();
    assert_eq!(lecar.ghost_len(), 1);
    lecar.insert(victim, mix(2), 1, Hint::NONE);
    for _ in 1..elapsed {
        lecar.hit(victim, mix(2));
    }
    assert_ne!(lecar.miss(mix(u64::from(victim.get()))), Hint::NONE);
    lecar.check();
    (victim == Slot::new(0), lecar.recency_weight())
}

#[test]
fn lecar_moves_its_weights_as_the_rule_says() {
    let mut blamed = [0, 0];
    for seed in 0..32 {
        for (rate, elapsed) in [(0.45, 1), (0.45, 2), (0.45, 9), (0.0, 1), (2.0, 1)] {
            let (lru, weight) = regretted(rate, seed, elapsed);
            let regret = 0.005_f64.powf(f64::from(elapsed) / 2.0);
            let kept = 0.5 * (-rate * regret).exp();
            let expected = if lru { kept } else { 0.5 } / (kept + 0.5);
            assert!((weight - expected).abs() < 1e-12, "{weight} {expected}");
            blamed[usize::from(lru)] += 1;
        }
    }
    // Half of the lots each: 80 and 80 of 160, in blocks of 5.
    assert!(blamed.iter().all(|count| *count >= 40), "{blamed:?}");
}

/// Beside many pinned entries there are a frequent one and one that is new each round: LRU errs whenever it evicts, LFU
/// never does.
#[test]
fn lecar_never_gives_an_expert_up() {
    for seed in 0..8 {
        let config = LeCaRConfig::default().with_seed(seed);
        let mut lecar = LeCaR::new(300, &config).unwrap();
        for number in 2..202 {
            lecar.insert(Slot::new(number), mix(u64::from(number)), 1, Hint::NONE);
            lecar.pin(Slot::new(number));
        }
        let [frequent, fresh] = [0, 1].map(Slot::new);
        lecar.insert(frequent, mix(0), 1, Hint::NONE);
        lecar.hit(frequent, mix(0));
        let mut mistakes = 0;
        for round in 1_000..3_000 {
            lecar.insert(fresh, mix(round), 1, Hint::NONE);
            if lecar.evict() == Some(frequent) {
                mistakes += 1;
                let hint = lecar.miss(mix(0));
                lecar.insert(frequent, mix(0), 1, hint);
                // It came back with its requests, and is the most recent.
                assert_eq!(lecar.evict(), Some(fresh));
            }
            lecar.check();
        }
        assert!((lecar.recency_weight() - 0.01).abs() < 1e-12);
        assert!((8..80).contains(&mistakes), "{mistakes}");
    }
}

/// The paper's claim: near the better of LRU and LFU, whichever that is.
#[test]
fn lecar_follows_the_better_expert() {
    for seed in 0..8 {
        // Popular keys beside a scan are LFU's; a set of keys that moves on is LRU's.
        let frequent: Vec<u64> = scanned_zipf(seed, 2_000, 40_000).collect();
        let mut random = policy_random::Random::new(seed);
        let moving: Vec<u64> = (0..40_000)
            .map(|position| position / 40 + random.below(150))
            .collect();
        for requests in [frequent, moving] {
            let count = |policy: &str| misses(policy, 200, requests.iter().copied()) as f64;
            let (lru, lfu) = (count("lru"), count("lfu"));
            let lecar = count(&format!("lecar:seed={seed}"));
            assert!(lru.max(lfu) > 1.1 * lru.min(lfu), "{lru} {lfu}");
            let lost = (lecar - lru.min(lfu)) / (lru.max(lfu) - lru.min(lfu));
            assert!(lost < 0.5, "{lecar} {lru} {lfu}");
        }
    }
}

/// A small queue of 10, its newer half the window: the hit on an entry counts once five others came after it.
#[test]
fn clock2q_plus_skips_hits_in_its_window() {
    let config: AnyConfig = "clock2q+".parse().unwrap();
    for late in 0..10 {
        let mut policy = AnyPolicy::new(100, &config).unwrap();
        // The main queue is full, so that the small one gives the victims.
        for number in 0..100 {
            policy.insert(Slot::new(number), mix(u64::from(number)), 1, Hint::NONE);
        }
        for number in 0..10 {
            assert_eq!(policy.evict(), Some(Slot::new(number)));
        }
        for number in 0..=late {
            policy.insert(Slot::new(number), mix(u64::from(number)), 1, Hint::NONE);
        }
        policy.hit(Slot::new(0), mix(0));
        for number in late + 1..10 {
            policy.insert(Slot::new(number), mix(u64::from(number)), 1, Hint::NONE);
        }
        policy.check();
        let kept = late >= 5;
        assert_eq!(policy.evict() == Some(Slot::new(0)), !kept, "{late}");
    }
}

/// Requests that come in twos: where one hit is enough, the second of each pair brings every key into the main queue.
#[test]
fn clock2q_plus_is_not_misled_by_correlated_requests() {
    for seed in 0..8 {
        let requests = || scanned_zipf(seed, 5_000, 60_000).flat_map(|key| [key, key]);
        let clock2q_plus = misses("clock2q+", 300, requests());
        let s3_fifo = misses("s3-fifo:threshold=1,chances=1,ghost=0.5", 300, requests());
        assert!(
            clock2q_plus * 100 < s3_fifo * 95,
            "{clock2q_plus} {s3_fifo}"
        );
    }
}
