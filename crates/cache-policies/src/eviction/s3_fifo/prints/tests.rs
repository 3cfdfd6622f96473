//! Prints against the dullest ghost, and how far they are from an exact one.

use super::{PLACES, Prints};
use crate::ghost::mixed;
use crate::random::Random;
use std::vec;
use std::vec::Vec;

fn hash(key: u64) -> u64 {
    mixed((key + 1).wrapping_mul(0xd6e8_feb8_6659_fd93))
}

/// Remembers a key, of which as many are expected as are given.
fn remember(prints: &mut Prints, hash: u64, expected: usize) {
    if !prints.remember(hash) {
        prints.fit(expected);
        assert!(prints.remember(hash));
    }
}

/// Whether a key is remembered, which it is afterwards as it was.
fn has(prints: &Prints, key: u64) -> bool {
    prints.clone().take(hash(key))
}

#[test]
fn each_bucket_is_a_queue_of_its_own() {
    for (seed, expected) in [1_usize, 9, 32, 33, 200, 512].into_iter().enumerate() {
        let mut random = Random::new(seed as u64);
        let mut prints = Prints::new();
        let buckets = expected.div_ceil(PLACES);
        let depth = expected / buckets;
        // The bits that are kept, the newest last.
        let mut models = vec![Vec::new(); buckets];
        for _ in 0..4_000 {
            let hash = hash(random.below(expected * 3) as u64);
            let print = hash >> 24 & 0xffff;
            let home = (u128::from(hash) * buckets as u128) >> 64;
            let model = &mut models[home as usize];
            if random.below(3) == 0 {
                let newest = model.iter().rposition(|other| *other == print);
                let taken = newest.map(|at| model.remove(at));
                assert_eq!(prints.take(hash), taken.is_some());
            } else {
                remember(&mut prints, hash, expected);
                model.push(print);
                if model.len() > depth {
                    model.remove(0);
                }
            }
            prints.check();
            assert_eq!(prints.len(), models.iter().map(Vec::len).sum::<usize>());
        }
    }
}

#[test]
fn it_remembers_about_as_long_as_one_queue_would() {
    for expected in [100_usize, 3_000, 57_000, 100_000] {
        let mut prints = Prints::new();
        // While it grows, too, but for some of the first: one queue would have them all.
        let before = 0..expected as u64 / 2;
        for key in before.clone() {
            remember(&mut prints, hash(key), expected);
        }
        let kept = before.filter(|key| has(&prints, *key)).count();
        assert!(kept * 10 >= expected / 2 * 9, "{kept} of {expected} / 2");

        let all = 10 * expected as u64;
        for key in expected as u64 / 2..all {
            remember(&mut prints, hash(key), expected);
        }
        let share = |from: f64, to: f64| {
            let age = |times: f64| all - 1 - (expected as f64 * times) as u64;
            let keys = age(to) + 1..=age(from);
            let asked = keys.clone().count();
            keys.filter(|key| has(&prints, *key)).count() as f64 / asked as f64
        };
        assert!(share(0.0, 0.5) > 0.98, "{expected}: {}", share(0.0, 0.5));
        assert!(share(1.6, 3.0) < 0.02, "{expected}: {}", share(1.6, 3.0));
        let all = share(0.0, 3.0) * 3.0;
        assert!((0.9..1.03).contains(&all), "{expected}: {all}");
        let bytes = prints.allocated_bytes() as f64 / expected as f64;
        assert!(bytes <= 2.6, "{expected}: {bytes} bytes a key");
        assert!(
            expected < 1_000 || bytes <= 2.3,
            "{expected}: {bytes} bytes a key"
        );
    }
}

#[test]
fn a_probe_for_another_key_is_seldom_answered_wrongly() {
    let mut prints = Prints::new();
    for key in 0..50_000 {
        remember(&mut prints, hash(key), 10_000);
    }
    let wrong = (50_000..1_050_000).filter(|key| prints.take(hash(*key)));
    let wrong = wrong.count();
    assert!((100..1_000).contains(&wrong), "{wrong} of 1,000,000");
}

#[test]
fn what_is_no_longer_expected_gives_its_memory_back() {
    let mut prints = Prints::new();
    for key in 0..100_000 {
        remember(&mut prints, hash(key), 50_000);
    }
    let bytes = prints.allocated_bytes();
    prints.give_back(40_000);
    assert_eq!(prints.allocated_bytes(), bytes);
    assert!(has(&prints, 99_999));
    prints.give_back(400);
    assert_eq!(prints.allocated_bytes(), 0);
    assert!(!has(&prints, 99_999));
    remember(&mut prints, hash(0), 400);
    assert!(prints.allocated_bytes() <= 1_024);
    assert!(has(&prints, 0));
}

#[test]
fn nothing_is_remembered_where_nothing_is_expected() {
    let mut prints = Prints::new();
    for key in 0..100 {
        remember(&mut prints, hash(key), 0);
        assert!(!prints.take(hash(key)));
    }
    assert_eq!(prints.allocated_bytes(), 0);
}
