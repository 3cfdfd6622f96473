//! Bloom filters: no member is denied, and strangers are taken for members as often as theory has it.

use std::collections::HashMap;

use cache_policies::{BloomFilter, CountingBloomFilter, ScalableBloomFilter};

use crate::policy_random::{Random, mix};

const STRANGERS: u64 = 400_000;

/// The share of strangers that are taken for members.
fn measured(contains: impl Fn(u64) -> bool) -> f64 {
    let strangers = (0..STRANGERS).map(|number| mix(1 << 40 | number));
    strangers.filter(|hash| contains(*hash)).count() as f64 / STRANGERS as f64
}

/// Four standard deviations of the measured share, and two percent for what double hashing costs.
fn tolerance(rate: f64) -> f64 {
    4.0 * (rate / STRANGERS as f64).sqrt() + 0.02 * rate
}

/// (1 - e^(-kn/m))^k.
fn theory(bits: u64, hashes: u32, items: u64) -> f64 {
    let hashes = f64::from(hashes);
    (1.0 - (-hashes * items as f64 / bits as f64).exp()).powf(hashes)
}

#[test]
fn false_positives_are_as_frequent_as_theory_says() {
    for rate in [0.1, 0.03, 0.01, 0.001] {
        let mut filter = BloomFilter::new(20_000, rate);
        let mut counting = CountingBloomFilter::new(20_000, rate);
        for items in 1..=40_000_u64 {
            filter.insert(mix(items));
            counting.insert(mix(items));
            if ![5_000, 10_000, 20_000, 40_000].contains(&items) {
                continue;
            }
            let expected = theory(filter.bits(), filter.hashes(), items);
            let share = measured(|hash| filter.contains(hash));
            assert!(
                (share - expected).abs() < tolerance(expected),
                "{items} items: {share}, not {expected}"
            );
            assert!((filter.false_positive_rate() - expected).abs() < 0.03 * expected);
            assert_eq!(share, measured(|hash| counting.contains(hash)));
            assert_eq!(filter.false_positive_rate(), counting.false_positive_rate());
            if items == 20_000 {
                assert!(expected < 1.05 * rate, "made for {rate}: {expected}");
            }
        }
        let bits_an_item = filter.bits() as f64 / 20_000.0;
        let fewest = (1.0 / rate).ln() / 2.0_f64.ln().powi(2);
        assert!((fewest..fewest + 0.01).contains(&bits_an_item));
    }
}

#[test]
fn no_member_is_denied() {
    let mut filter = BloomFilter::new(1_000, 0.05);
    let mut counting = CountingBloomFilter::new(1_000, 0.05);
    let mut scalable = ScalableBloomFilter::new(10, 0.05);
    for key in 0..5_000 {
        filter.insert(mix(key));
        counting.insert(mix(key));
        scalable.insert(mix(key));
    }
    for key in 0..5_000 {
        assert!(filter.contains(mix(key)), "{key}");
        assert!(counting.contains(mix(key)), "{key}");
        assert!(scalable.contains(mix(key)), "{key}");
    }
}

#[test]
fn an_insert_tells_whether_the_hash_is_new() {
    let mut filter = BloomFilter::new(1_000, 0.001);
    let mut counting = CountingBloomFilter::new(1_000, 0.001);
    let mut scalable = ScalableBloomFilter::new(100, 0.001);
    for (new, keys) in [(true, 0..100), (false, 0..100)] {
        for key in keys {
            assert_eq!(filter.insert(mix(key)), new);
            assert_eq!(counting.insert(mix(key)), new);
            assert_eq!(scalable.insert(mix(key)), new);
        }
    }
}

#[test]
fn the_number_of_members_is_estimated() {
    let mut filter = BloomFilter::new(10_000, 0.01);
    let mut counting = CountingBloomFilter::new(10_000, 0.01);
    let mut scalable = ScalableBloomFilter::new(100, 0.01);
    assert_eq!(filter.estimated_items(), 0.0);
    for items in 1..=20_000_u64 {
        for _ in 0..2 {
            filter.insert(mix(items));
            scalable.insert(mix(items));
        }
        counting.insert(mix(items));
        if items % 5_000 == 0 {
            let near = |estimate: f64| (estimate / items as f64 - 1.0).abs() < 0.02;
            assert!(near(filter.estimated_items()));
            assert!(near(counting.estimated_items()));
            assert!(near(scalable.estimated_items()));
        }
    }
    // More than can be told: high, but a number.
    for items in 0..1_000_000 {
        filter.insert(mix(items));
    }
    assert!(filter.estimated_items() > 80_000.0 && filter.estimated_items().is_finite());
}

#[test]
fn a_union_has_the_members_of_both() {
    let (mut one, mut other) = (BloomFilter::new(2_000, 0.01), BloomFilter::new(2_000, 0.01));
    let mut both = one.clone();
    for key in 0..2_000 {
        if key % 2 == 0 { &mut one } else { &mut other }.insert(mix(key));
        both.insert(mix(key));
    }
    one.union(&other);
    assert_eq!(one, both);
    assert_eq!(one.estimated_items(), both.estimated_items());
}

#[test]
#[should_panic(expected = "the same number of bits")]
fn filters_of_different_shapes_are_not_united() {
    BloomFilter::new(1_000, 0.01).union(&BloomFilter::new(2_000, 0.01));
}

#[test]
fn clearing_removes_all() {
    let mut filter = BloomFilter::new(100, 0.01);
    let mut counting = CountingBloomFilter::new(100, 0.01);
    let mut scalable = ScalableBloomFilter::new(10, 0.01);
    let empty = (filter.clone(), counting.clone(), scalable.clone());
    for key in 0..100 {
        filter.insert(mix(key));
        counting.insert(mix(key));
        scalable.insert(mix(key));
    }
    filter.clear();
    counting.clear();
    scalable.clear();
    assert_eq!((filter, counting, scalable), empty);
}

#[test]
fn what_is_removed_is_gone_and_nothing_else() {
    let mut filter = CountingBloomFilter::new(500, 0.01);
    let mut members: HashMap<u64, u32> = HashMap::new();
    let mut random = Random::new(5);
    for _ in 0..20_000 {
        let key = random.below(600);
        let count = members.entry(key).or_default();
        if *count > 0 && random.below(2) == 0 {
            *count -= 1;
            assert!(filter.remove(mix(key)));
        } else if *count < 2 {
            *count += 1;
            filter.insert(mix(key));
        }
        assert!(*count == 0 || filter.contains(mix(key)));
    }
    for (key, count) in &members {
        assert!(*count == 0 || filter.contains(mix(*key)));
    }
    for (key, count) in members {
        (0..count).for_each(|_| assert!(filter.remove(mix(key))));
    }
    // No counter was full: the filter is as new, and refuses to remove what is not there.
    assert_eq!(filter, CountingBloomFilter::new(500, 0.01));
    assert!(!filter.remove(mix(1)));
}

#[test]
fn a_full_counter_stays_full() {
    let mut filter = CountingBloomFilter::new(100, 0.01);
    for _ in 0..20 {
        filter.insert(mix(1));
    }
    for _ in 0..40 {
        assert!(filter.remove(mix(1)));
    }
    assert!(filter.contains(mix(1)));
    // One that was not full comes down to 0, but for the counters that it shares with a full one.
    filter.insert(mix(2));
    assert!(filter.remove(mix(2)) && !filter.contains(mix(2)));
}

#[test]
fn a_scalable_filter_keeps_its_rate() {
    for (rate, tightening, growth) in [(0.05, 0.85, 2), (0.01, 0.5, 4), (0.002, 0.9, 2)] {
        let mut filter = ScalableBloomFilter::with_ratios(100, rate, tightening, growth);
        let mut items = 0;
        for target in [1_000, 10_000, 60_000] {
            while items < target {
                items += 1;
                filter.insert(mix(items));
            }
            let share = measured(|hash| filter.contains(hash));
            let expected = filter.false_positive_rate();
            assert!(share < rate, "{share} at {target} items");
            assert!(
                (share - expected).abs() < tolerance(expected),
                "{share}, not {expected}"
            );
        }
        // Stages of 100, 100 growth, ... members, up to the first that holds the rest.
        let mut room = 0;
        let stages = (0..).find(|stage| {
            room += 100 * growth.pow(*stage) as u64;
            room >= items
        });
        assert_eq!(filter.filters(), stages.unwrap() as usize + 1);
        assert_eq!(filter.rate(), rate);
    }
}

#[test]
fn tiny_filters_work() {
    for (items, rate) in [(0, 0.5), (1, 0.01), (2, 0.999), (3, 1e-9)] {
        let mut filter = BloomFilter::new(items, rate);
        assert!(filter.hashes() >= 1 && filter.bits() >= 64);
        assert!(!filter.contains(mix(1)));
        filter.insert(mix(1));
        assert!(filter.contains(mix(1)));
        assert!(filter.false_positive_rate() <= rate);
    }
}

#[test]
#[should_panic(expected = "between 0 and 1")]
fn a_rate_of_0_is_refused() {
    let _ = BloomFilter::new(10, 0.0);
}

#[test]
#[should_panic(expected = "2 at least")]
fn filters_of_one_size_are_refused() {
    let _ = ScalableBloomFilter::with_ratios(10, 0.01, 0.85, 1);
}
