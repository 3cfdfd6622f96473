//! The frequency sketch: what it may say too much, and never too little.

use cache_policies::FrequencySketch;

use crate::policy_random::{Random, mix};

/// Zipf-like numbers: few keys often, many seldom. True counts by key.
fn counted(sketch: &mut FrequencySketch, keys: u64, requests: u64, seed: u64) -> Vec<u64> {
    let mut counts = vec![0; keys as usize];
    let mut random = Random::new(seed);
    for _ in 0..requests {
        let key = (random.share().powi(4) * keys as f64) as usize;
        counts[key] += 1;
        sketch.increment(mix(key as u64));
    }
    counts
}

#[test]
fn estimates_are_never_too_low_before_ageing() {
    for seed in 0..8 {
        let mut sketch = FrequencySketch::new(256, u64::MAX);
        let counts = counted(&mut sketch, 3_000, 5_000, seed);
        for (key, count) in counts.iter().enumerate() {
            let estimate = u64::from(sketch.estimate(mix(key as u64)));
            assert!(estimate >= (*count).min(15), "{key}: {estimate} of {count}");
        }
        assert_eq!(sketch.ageings(), 0);
    }
}

/// The bound of count-min: an estimate is above the count by more than e * N / width with a probability of at most
/// exp(-depth), if the counters of a key are independent. Those of one block are less so; 4 bits bound the error as
/// well.
#[test]
fn estimates_are_seldom_too_high() {
    for seed in 0..8 {
        // 32 counters a row in each block of 8 words: a width of 4 for each word.
        let (words, requests) = (1_024, 4_096);
        let mut sketch = FrequencySketch::new(words, u64::MAX);
        let counts = counted(&mut sketch, 10_000, requests, seed);
        let bound = std::f64::consts::E * requests as f64 / (4.0 * words as f64);
        let error = |key: usize, count: u64| {
            f64::from(sketch.estimate(mix(key as u64))) - count.min(15) as f64
        };
        let errors: Vec<f64> = (0..)
            .zip(&counts)
            .map(|(key, count)| error(key, *count))
            .collect();
        let above = errors.iter().filter(|error| **error > bound).count() as f64;
        let share = above / errors.len() as f64;
        assert!(
            share < (-4.0_f64).exp(),
            "{share} of the keys are off by more than {bound:.2}"
        );
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        assert!(mean < 0.3, "the mean error is {mean}");
    }
}

/// One word a key, all counted once: the load that a cache has. A key that was never counted seems to have been where
/// four others hit its counters: each row has 8 keys on 32 counters, so (1 - (31/32)^8)^4 = 0.0025, and more as keys
/// gather in some blocks.
#[test]
fn a_key_that_was_never_counted_seldom_seems_to_have_been() {
    let mut sketch = FrequencySketch::new(20_000, u64::MAX);
    for key in 0..20_000 {
        sketch.increment(mix(key));
    }
    let strangers = 200_000;
    let seen = (0..strangers)
        .filter(|key| sketch.estimate(mix(1_000_000 + key)) > 0)
        .count() as f64;
    let share = seen / strangers as f64;
    assert!((0.0015..0.005).contains(&share), "{share}");
}

#[test]
fn counting_stops_at_fifteen() {
    let mut sketch = FrequencySketch::new(8, 100);
    for count in 1..=40_u8 {
        sketch.increment(mix(1));
        assert_eq!(sketch.estimate(mix(1)), count.min(15));
    }
    // What changes no counter does not bring ageing nearer.
    for _ in 0..1_000 {
        sketch.increment(mix(1));
    }
    assert_eq!((sketch.estimate(mix(1)), sketch.ageings()), (15, 0));
}

#[test]
fn ageing_halves_every_count_after_a_sample() {
    let mut sketch = FrequencySketch::new(512, 1_000);
    for key in 0..100 {
        for _ in 0..=key % 9 {
            sketch.increment(mix(key));
        }
    }
    let before: Vec<u8> = (0..100).map(|key| sketch.estimate(mix(key))).collect();
    let mut filler = 1_000_000;
    while sketch.ageings() == 0 {
        filler += 1;
        sketch.increment(mix(filler));
    }
    for (key, before) in (0..).zip(before) {
        // Fillers may have fallen on it.
        let after = sketch.estimate(mix(key));
        assert!(
            (before / 2..=before / 2 + 2).contains(&after),
            "{key}: {before} became {after}"
        );
    }
    // Half of the sample is left at most: the next ageing comes sooner than the first.
    let mut increments = 0;
    while sketch.ageings() == 1 {
        filler += 1;
        increments += 1;
        sketch.increment(mix(filler));
    }
    assert!((500..900).contains(&increments), "{increments}");
}

#[test]
fn resizing_keeps_what_was_counted() {
    for words in [8, 64, 200, 512, 520, 1_000, 4_096] {
        let mut sketch = FrequencySketch::new(512, 10_000);
        let counts = counted(&mut sketch, 500, 1_000, 3);
        let before: Vec<u8> = (0..500).map(|key| sketch.estimate(mix(key))).collect();
        sketch.resize(words, 20_000);
        assert_eq!((sketch.words(), sketch.sample()), (words, 20_000));
        for (key, count) in (0..).zip(counts) {
            let estimate = sketch.estimate(mix(key));
            assert!(u64::from(estimate) >= count.min(15));
            assert!(estimate >= before[key as usize]);
        }
    }
    // In the midst of ageing, too.
    let mut sketch = FrequencySketch::new(4_096, 1_000);
    for key in 0..1_010 {
        sketch.increment(mix(key % 100));
    }
    let before: Vec<u8> = (0..100).map(|key| sketch.estimate(mix(key))).collect();
    sketch.resize(4_096, 1_000);
    let after: Vec<u8> = (0..100).map(|key| sketch.estimate(mix(key))).collect();
    assert_eq!((before, sketch.ageings()), (after, 1));
}

/// Merged by their maximum, the counters of a hundred blocks are full; what is full does not count towards the sample.
#[test]
fn a_sketch_that_was_made_much_smaller_goes_on_ageing() {
    let mut sketch = FrequencySketch::new(60_000, 600_000);
    counted(&mut sketch, 200_000, 1_500_000, 5);
    sketch.resize(600, 6_000);
    let strangers = |sketch: &FrequencySketch| {
        let estimates = (0..1_000).map(|key| sketch.estimate(mix(1_000_000_000 + key)));
        estimates.map(f64::from).sum::<f64>() / 1_000.0
    };
    assert!(strangers(&sketch) < 4.0, "{}", strangers(&sketch));
    let ageings = sketch.ageings();
    counted(&mut sketch, 200_000, 50_000, 6);
    assert!(sketch.ageings() > ageings + 5);
    // As in one that was as small from the start, but for the phase of the ageing.
    let mut small = FrequencySketch::new(600, 6_000);
    counted(&mut small, 200_000, 50_000, 6);
    let difference = strangers(&sketch) - strangers(&small);
    assert!(difference.abs() < 1.0, "{difference}");
}

/// Counters that are split are in two blocks each: the larger sketch must not wait for as many increments more.
#[test]
fn a_sketch_that_doubles_again_and_again_goes_on_ageing() {
    let mut sketch = FrequencySketch::new(64, 640);
    for doublings in 1..=10 {
        // Not half a sample of new keys each time.
        let keys = 32_u64 << doublings;
        for request in 0..keys * 49 / 10 {
            sketch.increment(mix((doublings << 32) + request));
        }
        let before: Vec<u8> = (0..keys)
            .map(|key| sketch.estimate(mix((doublings << 32) + key)))
            .collect();
        let ageings = sketch.ageings();
        let words = 64 << doublings;
        sketch.resize(words, 10 * words as u64);
        let after: Vec<u8> = (0..keys)
            .map(|key| sketch.estimate(mix((doublings << 32) + key)))
            .collect();
        assert_eq!(
            (before, ageings),
            (after, sketch.ageings()),
            "a split smears"
        );
    }
    let strangers = (0..1_000).map(|key| u32::from(sketch.estimate(mix(1_000_000_000 + key))));
    let strangers = strangers.sum::<u32>();
    assert!(strangers < 2_000, "{strangers} for 1,000 strangers");
}

#[test]
fn clearing_forgets() {
    let mut sketch = FrequencySketch::new(64, 300);
    for key in 0..1_000 {
        sketch.increment(mix(key % 50));
    }
    sketch.clear();
    assert!((0..50).all(|key| sketch.estimate(mix(key)) == 0));
    assert_eq!(
        (sketch.ageings(), sketch.words(), sketch.sample()),
        (0, 64, 300)
    );
}

#[test]
fn a_sketch_takes_eight_bytes_a_word_and_a_bit_a_block() {
    let sketch = FrequencySketch::new(100_000, 1_000_000);
    let bytes = sketch.memory_bytes();
    assert!(
        (800_000..=800_000 + 100_000 / 64 + 8).contains(&bytes),
        "{bytes}"
    );
}
