//! `duel`: it keeps up with a workload that changes, repeats itself for a seed, and says what it does.

use cache_policies::{
    AnyConfig, AnyPolicy, Cache, Duel, DuelConfig, DuelMode, DuelStats, Insight, One, Policy,
};
use foldhash::quality::FixedState;

use crate::policy_random::Random;

/// Those whose best `duel` has to come near to.
const OTHERS: [&str; 12] = [
    "fifo",
    "lru",
    "clock",
    "sieve",
    "s3-fifo",
    "slru",
    "2q",
    "arc",
    "lirs",
    "lfu",
    "w-tinylfu",
    "w-tinylfu-adaptive",
];

const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;

/// Requests of each phase for each entry that there is room for. `duel` takes 1.5 to 3 requests an entry here to follow a change:
/// 40 make that a small part of a phase, which it would not be of one of 5, and leave it visible, which 1,000 would not.
const PHASE: u64 = 40;

/// Keys that come two times each on the average, within half a capacity, and never again.
fn short_lived(random: &mut Random, capacity: u64, requests: u64, first: u64) -> Vec<u64> {
    let key = |position: u64| {
        let back = (position % 2) * random.below(capacity);
        first + (position / 2).saturating_sub(back / 2)
    };
    (0..requests).map(key).collect()
}

/// Short-lived keys, a loop over a quarter more keys than there is room for, and short-lived keys again.
fn phases(capacity: u64, seed: u64, phase: u64) -> Vec<u64> {
    let mut random = Random::new(seed);
    let requests = phase * capacity;
    let mut keys = short_lived(&mut random, capacity, requests, 1 << 32);
    keys.extend((0..requests).map(|position| position % (capacity * 5 / 4)));
    keys.extend(short_lived(&mut random, capacity, requests, 2 << 32));
    keys
}

type Keys<P> = Cache<u64, (), P, One, (), FixedState>;

fn cache<P: Policy>(capacity: u64, config: P::Config) -> Keys<P> {
    let builder = Cache::builder().capacity(capacity).policy::<P>(config);
    builder.hasher(FixedState::with_seed(1)).build().unwrap()
}

/// Asks for a key, and puts it in where it is not; whether it was there.
fn hit<P: Policy>(cache: &mut Keys<P>, key: u64) -> bool {
    let found = cache.get(&key).is_some();
    if !found {
        cache.insert(key, ()).unwrap();
    }
    found
}

/// The share of the requests that miss.
fn miss_ratio(config: AnyConfig, capacity: u64, keys: &[u64]) -> f64 {
    let mut cache = cache::<AnyPolicy>(capacity, config);
    let misses = keys.iter().filter(|key| !hit(&mut cache, **key)).count();
    misses as f64 / keys.len() as f64
}

/// The mean over the seeds, which are those of the keys and of policies that draw lots.
fn mean_miss_ratio(policy: &str, capacity: u64) -> f64 {
    let ratios = SEEDS.map(|seed| {
        let seeded = match policy {
            "duel" | "w-tinylfu" | "w-tinylfu-adaptive" => format!("{policy}:seed={seed}"),
            _ => policy.to_string(),
        };
        miss_ratio(
            seeded.parse().unwrap(),
            capacity,
            &phases(capacity, seed, PHASE),
        )
    });
    ratios.sum::<f64>() / SEEDS.count() as f64
}

#[test]
fn phases_cost_little_more_misses_than_under_the_best_other_policy() {
    for capacity in [256, 512, 1_024, 2_048] {
        let ratio = |policy| (mean_miss_ratio(policy, capacity), policy);
        let (duel, _) = ratio("duel");
        let others = OTHERS.map(ratio);
        let lines = others.map(|(ratio, policy)| format!("{policy} {ratio:.4}"));
        println!("{capacity} entries: duel {duel:.4}, {}", lines.join(", "));
        let (best, policy) = others
            .into_iter()
            .min_by(|one, other| one.0.total_cmp(&other.0))
            .unwrap();
        assert!(
            duel <= best + 0.005,
            "{duel:.4} at {capacity}, {policy} {best:.4}"
        );
    }
}

/// A sample of the keys may have so few of a loop by chance that all of them find room in miniatures that are as large a part of
/// the cache; whatever their mode, these would miss nothing then.
#[test]
fn a_loop_of_which_the_sample_has_few_is_seen() {
    for capacity in [137, 512] {
        let keys: Vec<u64> = (0..200 * capacity)
            .map(|position| position % (capacity * 11 / 10))
            .collect();
        for seed in 1..=40 {
            let config = DuelConfig::default().with_start(DuelMode::Lru);
            let ratio = miss_ratio(config.with_seed(seed).into(), capacity, &keys);
            assert!(ratio < 0.6, "{ratio:.3} at {capacity}, seed {seed}");
        }
    }
}

/// Of entries that weigh 1,000 there is nearly always room left for less than one: that is no room in the main region.
#[test]
fn a_loop_hits_as_often_where_entries_weigh_more_than_1() {
    let keys: Vec<u64> = (0..40 * 512).map(|position| position % 640).collect();
    let light = miss_ratio(DuelConfig::default().into(), 512, &keys);
    let builder = Cache::builder()
        .capacity(512_777)
        .policy::<Duel>(DuelConfig::default());
    let builder = builder.hasher(FixedState::with_seed(1));
    let mut cache = builder.weigher(|_: &u64, (): &()| 1_000).build().unwrap();
    for key in &keys {
        if cache.get(key).is_none() {
            cache.insert(*key, ()).unwrap();
        }
    }
    let heavy = cache.stats().misses as f64 / keys.len() as f64;
    assert!(light < 0.4, "{light}");
    assert!((heavy - light).abs() < 0.01, "{heavy}, {light} of weight 1");
}

#[test]
fn requests_and_seed_tell_all_that_happens() {
    let keys = phases(512, 1, 20);
    let run = |seed: u64| {
        let mut cache = cache::<Duel>(512, DuelConfig::default().with_seed(seed));
        let hits: Vec<bool> = keys.iter().map(|key| hit(&mut cache, *key)).collect();
        (hits, cache.policy().stats())
    };
    let (hits, stats) = run(7);
    assert!(stats.changes() > 0, "{stats:?}");
    // Another seed takes other keys for the sample.
    assert_ne!(run(8).1.samples(), stats.samples());
    assert_eq!((hits, stats), run(7));
}

/// What `explain` tells, as text without the figures, after it was held against the stats.
fn explained(policy: &AnyPolicy, stats: &DuelStats) -> Vec<String> {
    let mut names = Vec::new();
    let mut modes = DuelMode::ALL.into_iter();
    policy.explain(&mut |insight| match insight {
        Insight::Choice { name, chosen, of } => {
            assert_eq!(of, DuelMode::ALL.map(DuelMode::name));
            assert_eq!(of[chosen], stats.mode().name());
            names.push(format!("choice {name}"));
        }
        Insight::Ratio { name, part, whole } => {
            let mode = modes.next().expect("one ratio a mode");
            assert_eq!((part, whole), (stats.misses(mode), stats.samples()));
            names.push(format!("ratio {name}"));
        }
        _ => panic!("{insight:?} is neither"),
    });
    assert_eq!(modes.next(), None, "each mode has its ratio");
    names
}

/// The stats of a `duel` behind a name.
fn stats_of(policy: &AnyPolicy) -> DuelStats {
    match policy {
        AnyPolicy::Duel(duel) => duel.stats(),
        _ => panic!("another policy"),
    }
}

#[test]
fn it_counts_what_it_says_and_says_it_in_one_order() {
    let mut cache = cache::<AnyPolicy>(512, "duel:seed=3".parse().unwrap());
    let mut before = stats_of(cache.policy());
    let names = explained(cache.policy(), &before);
    let ratios = ["f", "l", "i", "m", "h"].map(|mode| format!("ratio misses of {mode}"));
    assert_eq!(
        (names[0].as_str(), &names[1..]),
        ("choice mode", &ratios[..])
    );
    let mut changes = 0;
    for (position, key) in (0..).zip(phases(512, 3, 20)) {
        hit(&mut cache, key);
        let stats = stats_of(cache.policy());
        let sampled = stats.samples() - before.samples();
        assert!(sampled <= 1, "a request is seen once");
        for mode in DuelMode::ALL {
            let missed = stats.misses(mode) - before.misses(mode);
            assert!(missed <= sampled, "nothing is missed that is not seen");
        }
        changes += u64::from(stats.mode() != before.mode());
        assert_eq!(stats.changes(), changes, "each change is to another mode");
        if position % 100 == 0 {
            assert_eq!(explained(cache.policy(), &stats), names);
        }
        before = stats;
    }
    let requests = 3.0 * 20.0 * 512.0;
    let share = before.samples() as f64 / requests;
    // At 512 entries 1 key in 8 is of the sample.
    assert!((0.1..0.15).contains(&share), "{share} of the requests");
    // Each of the three phases is good for another mode than the one before, and no mode misses as few as all.
    assert!(changes >= 2, "{before:?}");
}
