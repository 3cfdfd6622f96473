//! W-TinyLFU and TinyLFU: against naive models, and what they are for.

use cache_policies::{
    AnyConfig, AnyPolicy, Belady, BeladyConfig, Cache, Duel, DuelConfig, Hint, Lru, LruConfig,
    Policy, Slot, Slru, SlruConfig, TinyLfu, TinyLfuConfig, WTinyLfu, WTinyLfuAdaptive,
    WTinyLfuAdaptiveConfig, WTinyLfuConfig,
};

use crate::policy_models::{TinyLfuModel, WTinyLfuModel};
use crate::policy_owner::{Owner, Sequence, cases};
use crate::policy_random::{Random, mix};

const SHAPES: [(f64, f64, u32); 6] = [
    (0.01, 0.8, 10),
    (0.2, 0.8, 10),
    (0.5, 0.5, 1),
    (0.0, 0.8, 10),
    (1.0, 0.8, 2),
    (0.1, 1.0, 3),
];

#[test]
fn w_tinylfu_equals_its_model() {
    for (shape, (window, protected, sample)) in (0..).zip(SHAPES) {
        let config = WTinyLfuConfig::default()
            .with_window(window)
            .with_protected(protected)
            .with_sample(sample)
            .with_seed(shape);
        for sequence in Sequence::several(cases().div_ceil(10)) {
            let shares = (window, protected);
            let luck = (u64::from(sample), shape);
            let model = WTinyLfuModel::new(sequence.capacity, shares, luck, false);
            Owner::<WTinyLfu>::run(&config, Some(Box::new(model)), sequence);
        }
    }
}

#[test]
fn w_tinylfu_adaptive_equals_its_model() {
    for (shape, (window, protected, sample)) in (0..).zip(SHAPES) {
        let config = WTinyLfuAdaptiveConfig::default()
            .with_window(window)
            .with_protected(protected)
            .with_sample(sample)
            .with_seed(shape);
        for sequence in Sequence::several(cases().div_ceil(10)) {
            let shares = (window, protected);
            let luck = (u64::from(sample), shape);
            let model = WTinyLfuModel::new(sequence.capacity, shares, luck, true);
            Owner::<WTinyLfuAdaptive>::run(&config, Some(Box::new(model)), sequence);
        }
    }
}

#[test]
fn tinylfu_before_lru_equals_its_model() {
    for seed in 0..4 {
        let config = TinyLfuConfig::new(LruConfig::default()).with_seed(seed);
        for sequence in Sequence::several(cases().div_ceil(10)) {
            let model = TinyLfuModel::new(sequence.capacity, 10, seed);
            Owner::<TinyLfu<Lru>>::run(&config, Some(Box::new(model)), sequence);
        }
    }
}

/// Asks for keys through a policy; each hit or miss in turn.
fn hits<P: Policy>(policy: &mut P, keys: impl Iterator<Item = u64>) -> Vec<bool> {
    let mut slots = std::collections::HashMap::new();
    let mut resident: Vec<u64> = Vec::new();
    let mut free = Vec::new();
    let mut request = |key: u64| {
        if let Some(slot) = slots.get(&key) {
            policy.hit(*slot, mix(key));
            return true;
        }
        let hint = policy.miss(mix(key));
        while policy.weight() >= policy.capacity() {
            let victim = policy.evict().unwrap();
            slots.remove(&resident[victim.index()]);
            free.push(victim);
        }
        let slot = free.pop().unwrap_or_else(|| {
            resident.push(0);
            Slot::new(resident.len() as u32 - 1)
        });
        resident[slot.index()] = key;
        slots.insert(key, slot);
        policy.insert(slot, mix(key), 1, hint);
        false
    };
    keys.map(&mut request).collect()
}

/// Hot keys, then a scan, then the hot keys again.
fn survivors<P: Policy>(policy: &mut P) -> usize {
    let hot = (0..10).flat_map(|_| 0..100);
    let keys = hot.chain(10_000..10_400).chain(0..100);
    let hits = hits(policy, keys);
    hits[hits.len() - 100..].iter().filter(|hit| **hit).count()
}

#[test]
fn a_scan_does_not_drive_out_what_is_asked_for_often() {
    let lru = &mut Lru::new(100, &LruConfig::default()).unwrap();
    assert_eq!(survivors(lru), 0);
    let gated = &mut TinyLfu::<Lru>::new(100, &TinyLfuConfig::default()).unwrap();
    assert!(survivors(gated) >= 98);
    let w_tinylfu = &mut WTinyLfu::new(100, &WTinyLfuConfig::default()).unwrap();
    assert!(survivors(w_tinylfu) >= 98);
}

#[test]
fn a_doorkeeper_keeps_what_came_once_out_of_the_sketch() {
    let config = TinyLfuConfig::new(LruConfig::default()).with_doorkeeper(true);
    let mut policy = TinyLfu::<Lru>::new(10_000, &config).unwrap();
    // The first insert tells how many entries there is room for.
    policy.insert(Slot::new(0), mix(1 << 40), 1, Hint::NONE);
    for (round, frequency) in [1, 2, 3].into_iter().enumerate() {
        for key in 0..5_000 {
            policy.miss(mix(key));
        }
        let right = (0..5_000).filter(|key| policy.frequency(mix(*key)) == frequency);
        assert!(right.count() > 4_800, "round {round}");
    }
    let strangers = (1_000_000..1_010_000).filter(|key| policy.frequency(mix(*key)) > 0);
    assert!(strangers.count() < 100);
    // The doorkeeper forgets as the sketch ages.
    for key in 0..200_000 {
        policy.miss(mix(5_000_000 + key % 12_000));
    }
    let kept = (0..5_000).filter(|key| policy.frequency(mix(*key)) > 2);
    assert!(kept.count() < 500);
}

/// The first entry tells how large the sketch is to be, and what came before counts in it all the same.
#[test]
fn requests_before_the_first_entry_count() {
    let asked = |policy: &mut dyn FnMut(u64)| {
        // More than are kept, of which the last 64 are: 4 keys that come 15 times each, and 4 once.
        (0..1_000).for_each(|number| policy(mix(1_000_000 + number)));
        (0..60).for_each(|number| policy(mix(number % 4)));
        (4..8).for_each(|key| policy(mix(key)));
    };
    for (capacity, weight) in [(10_000, 1), (50, 1), (10_000, 300)] {
        let w_tinylfu = &mut WTinyLfu::new(capacity, &WTinyLfuConfig::default()).unwrap();
        asked(&mut |hash| assert_eq!(w_tinylfu.miss(hash), Hint::NONE));
        w_tinylfu.insert(Slot::new(0), mix(7), weight, Hint::NONE);
        let counted = |key: u64| w_tinylfu.frequency(mix(key));
        assert_eq!([0, 3, 4, 7].map(counted), [15, 15, 1, 1]);
        assert!((0..1_000).all(|number| counted(1_000_000 + number) <= 1));
        for doorkeeper in [false, true] {
            let config = TinyLfuConfig::new(LruConfig::default()).with_doorkeeper(doorkeeper);
            let tinylfu = &mut TinyLfu::<Lru>::new(capacity, &config).unwrap();
            asked(&mut |hash| assert_eq!(tinylfu.miss(hash), Hint::NONE));
            tinylfu.insert(Slot::new(0), mix(7), weight, Hint::NONE);
            let counted = |key: u64| tinylfu.frequency(mix(key));
            assert_eq!([0, 3, 4, 7].map(counted), [15, 15, 1, 1]);
        }
    }
}

/// What comes but once has no part in the sketch, and ages it all the same.
#[test]
fn first_requests_age_the_sketch_behind_a_doorkeeper() {
    let config = TinyLfuConfig::new(LruConfig::default()).with_doorkeeper(true);
    let mut policy = TinyLfu::<Lru>::new(1_000, &config).unwrap();
    policy.insert(Slot::new(0), mix(1 << 40), 1, Hint::NONE);
    for _ in 0..9 {
        policy.miss(mix(1));
    }
    assert_eq!(policy.frequency(mix(1)), 9);
    for key in 100..10_100 {
        policy.miss(mix(key));
    }
    assert_eq!(policy.frequency(mix(1)), 4);
}

/// What the policy behind has no room for in a queue leaves through the gate.
#[test]
fn tinylfu_hands_on_what_overflows() {
    let slru = SlruConfig::default();
    let mut policy = TinyLfu::<Slru>::new(100, &TinyLfuConfig::new(slru)).unwrap();
    let insert = |policy: &mut TinyLfu<Slru>, number: u32| {
        let (hash, weight) = (mix(u64::from(number)), if number < 25 { 1 } else { 5 });
        policy.insert(Slot::new(number), hash, weight, Hint::NONE);
    };
    // The lowest two of its four segments are full, and one is at the door.
    (0..31).for_each(|number| insert(&mut policy, number));
    // A light entry moves up and a heavy one down.
    policy.hit(Slot::new(0), mix(0));
    for number in 1..5 {
        assert_eq!(policy.overflow(), Some(Slot::new(number)));
        policy.check();
    }
    assert_eq!((policy.overflow(), policy.len()), (None, 27));
    insert(&mut policy, 1);
    policy.check();
}

/// Nobody keeps a key out for good by making its victim's hash seem frequent.
#[test]
fn a_frequent_candidate_wins_by_lot_now_and_then() {
    let mut policy = WTinyLfu::new(100, &WTinyLfuConfig::default().with_window(0.0)).unwrap();
    let mut won = 0;
    for number in 0..100 {
        for _ in 0..15 {
            policy.miss(mix(number));
        }
        policy.insert(Slot::new(number as u32), mix(number), 1, Hint::NONE);
    }
    for _ in 0..2_000 {
        let candidate = policy.evict().unwrap();
        let hash = mix(u64::from(candidate.get()));
        won += u32::from(candidate.get() != 99);
        policy.insert(candidate, hash, 1, Hint::NONE);
        if won > 0 {
            break;
        }
    }
    assert_eq!(won, 1, "in 2,000 duels at 1 in 128");
}

/// Keys that come twice within half a capacity and never again: the wider the window, the more of them hit.
fn recent(capacity: u64) -> impl Iterator<Item = u64> {
    let mut random = Random::new(1);
    (0..300 * capacity).map(move |position| {
        let back = (position % 2) * random.below(capacity);
        1_000_000 + (position / 2).saturating_sub(back / 2)
    })
}

/// Few keys now and then, between many that come but once: only what is kept for its frequency hits.
fn frequent(capacity: u64) -> impl Iterator<Item = u64> {
    let mut random = Random::new(2);
    (0..100 * capacity).map(move |position| match random.below(10) {
        0 => random.below(capacity * 3 / 10),
        _ => 1_000_000 + position,
    })
}

/// The mean frequency of keys that were never asked for.
fn frequency_of_strangers(policy: &WTinyLfu) -> f64 {
    let strangers = (0..2_000).map(|key| policy.frequency(mix(1_000_000_000 + key)));
    strangers.map(f64::from).sum::<f64>() / 2_000.0
}

#[test]
fn a_lower_capacity_does_not_fill_the_sketch_for_good() {
    let mut cache = Cache::<u64, u64>::builder()
        .capacity(60_000)
        .policy::<WTinyLfu>(WTinyLfuConfig::default())
        .build()
        .unwrap();
    let mut random = Random::new(1);
    let mut run = |cache: &mut Cache<u64, u64, WTinyLfu>, requests: u64, base: u64| {
        for _ in 0..requests {
            let key = base + 200_000_f64.powf(random.share()) as u64;
            if cache.get(&key).is_none() {
                let _ = cache.insert(key, key);
            }
        }
    };
    run(&mut cache, 1_500_000, 0);
    cache.set_capacity(600).unwrap();
    while cache.shed(64) > 0 {}
    run(&mut cache, 100_000, 1_000_000);
    let strangers = frequency_of_strangers(cache.policy());
    assert!(strangers < 2.0, "{strangers}");
}

/// Entries that get lighter bit by bit make the cache hold ever more of them.
#[test]
fn drifting_weights_do_not_wear_out_what_was_counted() {
    let mut cache = Cache::<u64, u32>::builder()
        .capacity(16 << 20)
        .weigher(|_: &u64, size: &u32| *size)
        .policy::<WTinyLfu>(WTinyLfuConfig::default())
        .build()
        .unwrap();
    let mut random = Random::new(7);
    for key in 0..30_000 {
        let drift = 2_048 * u32::try_from(key).unwrap().saturating_sub(10_000) / 20_000;
        let _ = cache.insert(key, 4_096 - drift - random.below(16) as u32);
        // So often that it stays.
        for _ in 0..3 {
            cache.get(&key);
        }
    }
    assert!(cache.len() > 4_500, "{}", cache.len());
    let strangers = frequency_of_strangers(cache.policy());
    assert!(strangers < 2.0, "{strangers}");
}

#[test]
fn a_hit_on_what_protected_cannot_hold_demotes_nothing() {
    let mut policy = WTinyLfu::new(1_000, &WTinyLfuConfig::default()).unwrap();
    let insert = |policy: &mut WTinyLfu, number: u32, weight: u32| {
        policy.miss(mix(u64::from(number)));
        policy.insert(
            Slot::new(number),
            mix(u64::from(number)),
            weight,
            Hint::NONE,
        );
    };
    for number in 0..101 {
        insert(&mut policy, number, 1);
    }
    for _ in 0..3 {
        (0..90).for_each(|number| policy.hit(Slot::new(number), mix(u64::from(number))));
    }
    insert(&mut policy, 200, 850);
    for number in 201..220 {
        insert(&mut policy, number, 1);
    }
    for _ in 0..10 {
        policy.hit(Slot::new(200), mix(200));
    }
    // What was hit often is in protected still: all others go first, and of these the heavy one last.
    let leaving: Vec<u32> = (0..31).map(|_| policy.evict().unwrap().get()).collect();
    assert!(leaving.iter().all(|number| *number >= 90), "{leaving:?}");
    assert_eq!(leaving[30], 200);
}

#[test]
fn the_window_keeps_its_share_where_the_capacity_changes() {
    let mut policy = WTinyLfuAdaptive::new(1_000, &Default::default()).unwrap();
    hits(&mut policy, recent(1_000));
    let (wide, adaptations) = (policy.window_capacity(), policy.adaptations());
    assert!(wide > 500, "{wide}");
    policy.set_capacity(1_000);
    assert_eq!(policy.window_capacity(), wide);
    policy.set_capacity(2_000);
    assert!(policy.window_capacity().abs_diff(2 * wide) <= 1);
    policy.set_capacity(0);
    policy.set_capacity(1_000);
    assert!(policy.window_capacity().abs_diff(wide) <= 1);
    assert_eq!(policy.adaptations(), adaptations);
    policy.check();
}

#[test]
fn the_climber_widens_the_window_where_recency_earns() {
    // By the hit ratio, and by the densities.
    for capacity in [1_000, 5_000] {
        let mut policy = WTinyLfuAdaptive::new(capacity, &Default::default()).unwrap();
        hits(&mut policy, recent(capacity));
        let wide = policy.window_capacity();
        assert!(wide > capacity / 2, "{wide} of {capacity}");
        assert!(policy.adaptations() >= 20);
        policy.check();
    }
}

#[test]
fn the_climber_narrows_the_window_where_frequency_earns() {
    let config = WTinyLfuAdaptiveConfig::default().with_window(0.6);
    let mut policy = WTinyLfuAdaptive::new(5_000, &config).unwrap();
    hits(&mut policy, frequent(5_000));
    assert_eq!(policy.window_capacity(), 100, "the floor is 2%");
    policy.check();
}

#[test]
fn what_cannot_stand_behind_tinylfu_is_refused() {
    let offline = TinyLfuConfig::new(BeladyConfig::default());
    let refused = TinyLfu::<Belady>::new(100, &offline).unwrap_err();
    let text = "tinylfu: policy=BeladyConfig is refused: give one that need not be told the future";
    assert!(refused.to_string().starts_with(text), "{refused}");
    let nested: AnyConfig = TinyLfuConfig::new("tinylfu/lru".parse().unwrap()).into();
    assert!(AnyPolicy::new(100, &nested).is_err());
    let any = TinyLfuConfig::new(AnyConfig::from(LruConfig::default()));
    let policy: AnyPolicy = TinyLfu::new(100, &any).unwrap().into();
    assert!(matches!(policy, AnyPolicy::TinyLfu(_)));
    assert_eq!(AnyConfig::from(any).to_string(), "tinylfu/lru");
    let unclear = WTinyLfuConfig::default().with_sample(61);
    assert!(WTinyLfu::new(100, &unclear).is_err());
}

#[test]
fn tinylfu_before_a_policy_is_read_and_written() {
    let parse = |text: &str| text.parse::<AnyConfig>();
    for text in [
        "tinylfu/lru",
        "tinylfu/s3-fifo:small=0.2",
        "tinylfu:doorkeeper=on,sample=5/clock:bits=2",
    ] {
        let config = parse(text).unwrap();
        assert_eq!(
            (config.to_string().as_str(), config.name()),
            (text, "tinylfu")
        );
        let mut policy = AnyPolicy::new(100, &config).unwrap();
        hits(&mut policy, 0..1_000);
        policy.check();
        assert_eq!(policy.len(), 100);
    }
    assert_eq!(
        parse("TinyLFU : sample = 10 / lru").unwrap().to_string(),
        "tinylfu/lru"
    );
    let refused = |text: &str| parse(text).unwrap_err().to_string();
    let behind = "give one that need not be told the future, and is not tinylfu itself";
    for text in ["tinylfu/lru", "TinyLFU:seed=1/tinylfu/lru", "belady"] {
        let error = refused(&format!("tinylfu/{text}"));
        assert_eq!(
            error,
            format!("tinylfu: policy={text} is refused: {behind}")
        );
    }
    assert!(refused("tinylfu/lru/lru").starts_with("unknown policy `lru/lru`"));
    assert!(refused("lru/lru").starts_with("unknown policy `lru/lru`"));
    assert!(refused("tinylfu/mru").starts_with("unknown policy `mru`"));
    assert_eq!(
        refused("tinylfu:doorkeeper=ajar/lru"),
        "tinylfu: doorkeeper=ajar is refused: give on or off"
    );
    assert_eq!(
        refused("tinylfu:door=on/lru"),
        "tinylfu has no parameter `door`: it takes doorkeeper, sample, seed"
    );
}

/// How often a key seems to have been asked for after many requests for others, in a cache that was emptied and made smaller.
fn frequency_after_shrinking<P: Policy>(config: &P::Config, frequency: fn(&P, u64) -> u8) -> u8 {
    let mut policy = P::new(60_000, config).unwrap();
    let insert = |policy: &mut P, hash: u64| {
        let hint = policy.miss(hash);
        policy.insert(Slot::new(0), hash, 1, hint);
    };
    insert(&mut policy, mix(0));
    policy.remove(Slot::new(0), false);
    policy.set_capacity(100);
    insert(&mut policy, mix(0));
    for _ in 0..14 {
        policy.hit(Slot::new(0), mix(0));
    }
    assert_eq!(frequency(&policy, mix(0)), 15);
    for number in 1..20_000 {
        policy.remove(Slot::new(0), false);
        insert(&mut policy, mix(number));
    }
    frequency(&policy, mix(0))
}

#[test]
fn an_emptied_cache_that_is_made_smaller_forgets_as_soon_as_a_small_one() {
    let found = [
        frequency_after_shrinking(&WTinyLfuConfig::default(), WTinyLfu::frequency),
        frequency_after_shrinking(&DuelConfig::default(), Duel::frequency),
        frequency_after_shrinking(
            &TinyLfuConfig::new(LruConfig::default()),
            TinyLfu::<Lru>::frequency,
        ),
    ];
    assert!(found.iter().all(|found| *found < 6), "{found:?}");
}
