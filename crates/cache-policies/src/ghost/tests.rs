//! The ghost against the dullest one, at its limits, and its memory.

use super::Ghost;
use super::layout::mixed;
use crate::random::Random;
use std::collections::VecDeque;
use std::vec::Vec;

/// The dullest ghost.
struct Model {
    limit: u64,
    keys: VecDeque<(u64, u64)>,
}

impl Model {
    fn weight(&self) -> u64 {
        self.keys.iter().map(|key| key.1).sum()
    }

    fn remember(&mut self, hash: u64, weight: u32) {
        let weight = u64::from(weight.max(1));
        if weight > self.limit {
            return;
        }
        while self.weight() + weight > self.limit {
            self.keys.pop_front();
        }
        self.keys.push_back((hash, weight));
    }

    fn take(&mut self, hash: u64) -> bool {
        let newest = self.keys.iter().rposition(|key| key.0 == hash);
        newest.and_then(|at| self.keys.remove(at)).is_some()
    }
}

fn against_model(seed: u64, limit: u64, weight_max: u64, hash_of: impl Fn(u64) -> u64) {
    let mut random = Random::new(seed);
    let mut below = |bound: u64| random.below(bound as usize) as u64;
    let mut ghost = Ghost::new(limit);
    let mut model = Model {
        limit,
        keys: VecDeque::new(),
    };
    for _ in 0..3_000 {
        let hash = hash_of(below(limit * 3 + 2));
        match below(20) {
            0..=11 => {
                let weight = below(weight_max + 1) as u32;
                let weight = if weight_max == 1 { 1 } else { weight };
                ghost.remember(hash, weight);
                model.remember(hash, weight);
            }
            12..=18 => assert_eq!(ghost.take(hash), model.take(hash)),
            _ => {
                let limit = below(limit * 2 + 1);
                ghost.set_limit(limit);
                model.limit = limit;
                while model.weight() > limit {
                    model.keys.pop_front();
                }
            }
        }
        ghost.check();
        assert_eq!(
            (ghost.len(), ghost.weight()),
            (model.keys.len(), model.weight())
        );
    }
    for (hash, _) in model.keys.drain(..) {
        assert!(ghost.take(hash));
    }
    assert_eq!(ghost.len(), 0);
}

#[test]
fn equals_the_model() {
    let mixed = |key: u64| (key + 1).wrapping_mul(0xd6e8_feb8_6659_fd93);
    for seed in 0..6 {
        against_model(seed, [0, 1, 2, 17, 90, 200][seed as usize], 1, mixed);
        against_model(seed, [0, 1, 30, 170, 500, 90][seed as usize], 40, mixed);
    }
}

#[test]
fn equals_the_model_where_all_keys_share_a_bucket() {
    // Their hashes have the upper bits of the mix in common: so have their buckets, as long as those are few.
    let share = |hash: &u64| mixed(*hash) >> 56 == 0xa5;
    let hashes: Vec<_> = (0..).filter(share).take(400).collect();
    against_model(1, 40, 1, |key| hashes[key as usize]);
    against_model(2, 100, 9, |key| hashes[key as usize]);
}

/// Two of the dullest ghosts against a pair, as ARC has them.
#[test]
fn a_pair_equals_two_models() {
    for (seed, keys, weight_max) in [(1, 9, 1), (2, 90, 1), (3, 90, 30), (4, 700, 1), (5, 700, 3)] {
        let mut random = Random::new(seed);
        let mut below = |bound: u64| random.below(bound as usize) as u64;
        let mut pair = Ghost::pair();
        pair.expect(keys / 2);
        let mut models = [0, 1].map(|_| Model {
            limit: u64::MAX,
            keys: VecDeque::new(),
        });
        for step in 0..6_000 {
            let hash = (below(keys) + 1).wrapping_mul(0xd6e8_feb8_6659_fd93);
            let queue = usize::from(below(5) == 0) ^ usize::from(step / 1_500 % 2 == 1);
            match below(20) {
                0..=9 => {
                    let is_new = |model: &Model| model.keys.iter().all(|key| key.0 != hash);
                    if models.iter().all(is_new) {
                        let weight = 1 + below(weight_max) as u32;
                        pair.remember_in(queue, hash, weight);
                        models[queue].remember(hash, weight);
                    }
                }
                10..=14 => {
                    let has = |model: &Model| model.keys.iter().find(|key| key.0 == hash).copied();
                    let found = [0, 1].map(|queue| has(&models[queue]));
                    let expected = match found {
                        [Some(key), _] => Some((0, key.1 as u32)),
                        [_, Some(key)] => Some((1, key.1 as u32)),
                        _ => None,
                    };
                    models.iter_mut().for_each(|model| _ = model.take(hash));
                    assert_eq!(pair.take_from_either(hash), expected);
                }
                _ => {
                    if models[queue].keys.pop_front().is_some() {
                        pair.forget_oldest_in(queue);
                    }
                }
            }
            pair.check();
            for (queue, model) in models.iter().enumerate() {
                assert_eq!(pair.len_of(queue), model.keys.len());
                assert_eq!(pair.weight_of(queue), model.weight());
            }
        }
    }
}

#[test]
fn a_queue_of_a_pair_that_never_forgets_outlasts_all_numbers() {
    let mut pair = Ghost::pair();
    for key in 0..100 {
        pair.remember_in(1, key, 1);
    }
    for key in 100..100_000 {
        pair.remember_in(0, key, 1);
        if pair.len_of(0) > 100 {
            pair.forget_oldest_in(0);
        }
    }
    pair.check();
    assert!((0..100).all(|key| pair.take_from_either(key) == Some((1, 1))));
    assert!((99_900..100_000).all(|key| pair.take_from_either(key) == Some((0, 1))));
    assert_eq!(pair.take_from_either(99_899), None);
}

/// Hashes as they may come: keys in a row times an odd number, or shifted, are as good as others.
#[test]
fn hashes_in_a_row_spread_over_the_buckets() {
    let kinds: [fn(u64) -> u64; 5] = [
        |key| key,
        |key| key << 32,
        |key| key.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        |key| key.wrapping_mul(0xd6e8_feb8_6659_fd93),
        |key| key.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32),
    ];
    for hash_of in kinds {
        let mut ghost = Ghost::new(60_000);
        for key in 0..200_000 {
            ghost.remember(hash_of(key), 1);
        }
        let strays = ghost.table.strays();
        assert!(strays <= 240, "{strays} of 60,000 keys are strays");
        assert!((140_000..200_000).all(|key| ghost.take(hash_of(key))));
    }
}

/// With n keys, n in 2^40 probes for others are answered wrongly.
#[test]
fn keys_are_told_apart_by_40_bits() {
    let mut ghost = Ghost::new(1 << 21);
    for key in 0..1_u64 << 21 {
        ghost.remember(key.wrapping_mul(0xd6e8_feb8_6659_fd93), 1);
    }
    let others = 1 << 21..(1_u64 << 21) + (1 << 23);
    let wrong = others.filter(|key| ghost.take(key.wrapping_mul(0xd6e8_feb8_6659_fd93)));
    // 16 are expected; with two bits less it would be 64.
    let wrong = wrong.count();
    assert!(wrong <= 32, "{wrong} of 8,388,608 answers are wrong");
}

#[test]
fn hashes_that_differ_in_few_bits_are_told_apart() {
    let mut ghost = Ghost::new(1_000);
    for bit in 0..64 {
        ghost.remember(1 << bit, 1);
    }
    assert!(!ghost.take(0));
    for bit in (0..64).rev() {
        assert!(ghost.take(1 << bit));
        assert!(!ghost.take(1 << bit));
    }
}

#[test]
fn weightless_keys_do_not_pile_up() {
    let mut ghost = Ghost::new(100);
    for hash in 0..10_000_u64 {
        ghost.remember(hash, 0);
    }
    assert_eq!(ghost.len(), 100);
    ghost.check();
}

#[test]
fn a_full_ghost_takes_less_than_eight_bytes_a_key() {
    for limit in [90_000, 104_857, 900_000] {
        let mut ghost = Ghost::new(limit);
        for hash in 0..4 * limit {
            ghost.remember(hash, 1);
        }
        let bytes = ghost.table.allocated_bytes() + ghost.queues[0].allocated_bytes();
        assert_eq!(ghost.len() as u64, limit);
        assert!(bytes <= 8 * ghost.len(), "{bytes} bytes");
        let strays = ghost.table.strays();
        assert!(strays * 250 <= ghost.len(), "{strays} strays");
    }
}

#[test]
fn a_probe_for_another_key_seldom_looks_further() {
    let mut ghost = Ghost::new(20_000);
    let mut further = 0;
    for key in 0..200_000_u64 {
        ghost.remember(key, 1);
        // Every twelfth key comes back.
        if key % 12 == 0 && key > 5_000 {
            assert!(ghost.take(key - 5_000));
        }
        further += u32::from(ghost.table.may_have(mixed(!key)));
        assert!(!ghost.take(!key));
    }
    assert!(further <= 4_000, "{further} probes of 200,000 look further");
}

#[test]
fn a_ghost_that_grows_and_shrinks_keeps_its_keys() {
    let mut ghost = Ghost::new(u64::MAX);
    for key in 0..100_000_u64 {
        ghost.remember(key, 1);
    }
    ghost.check();
    while ghost.len() > 1_000 {
        ghost.forget_oldest();
    }
    ghost.set_limit(2_000);
    assert!(ghost.table.buckets() < 200);
    ghost.check();
    assert!(!ghost.take(98_999));
    assert!((99_000..100_000).all(|key| ghost.take(key)));
}
