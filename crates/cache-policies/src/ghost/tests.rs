//! The ghost against the dullest one, at its limits, and its memory.

use super::bucket::Bucket;
use super::{Ghost, Stray, mixed};
use std::collections::VecDeque;

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

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn against_model(seed: u64, limit: u64, weight_max: u64, hash_of: impl Fn(u64) -> u64) {
    let mut random = Random(seed);
    let mut ghost = Ghost::new(limit);
    let mut model = Model {
        limit,
        keys: VecDeque::new(),
    };
    for _ in 0..3_000 {
        let hash = hash_of(random.below(limit * 3 + 2));
        match random.below(20) {
            0..=11 => {
                let weight = random.below(weight_max + 1) as u32;
                let weight = if weight_max == 1 { 1 } else { weight };
                ghost.remember(hash, weight);
                model.remember(hash, weight);
            }
            12..=18 => assert_eq!(ghost.take(hash), model.take(hash)),
            _ => {
                let limit = random.below(limit * 2 + 1);
                ghost.set_limit(limit);
                model.limit = limit;
                while model.weight() > limit {
                    model.keys.pop_front();
                }
            }
        }
        ghost.check();
        assert_eq!(
            (ghost.len, ghost.weight),
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
    // The upper bits of the mixed hash are the same for all: multiply by the inverse of the mix.
    let inverse = {
        let mut inverse = 1_u64;
        for _ in 0..6 {
            let error = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(inverse);
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(error));
        }
        inverse
    };
    let crowded = |key: u64| (0xffff_fffe_0000_0000 | key << 24).wrapping_mul(inverse);
    against_model(1, 40, 1, crowded);
    against_model(2, 100, 9, crowded);
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
    let mut ghost = Ghost::new(90_000);
    for hash in 0..500_000_u64 {
        ghost.remember(hash, 1);
    }
    let bytes = size_of::<Bucket>() * ghost.buckets.capacity()
        + 8 * ghost.words.capacity()
        + size_of::<Stray>() * ghost.strays.capacity();
    assert!(ghost.columns.is_none());
    assert_eq!(ghost.len(), 90_000);
    assert!(bytes <= 8 * ghost.len(), "{bytes} bytes");
    let strays = ghost.strays.len();
    assert!(strays <= 200, "{strays} keys are outside of the buckets");
    ghost.check();
}

#[test]
fn a_probe_for_another_key_reads_one_line() {
    let mut ghost = Ghost::new(20_000);
    let mut further = 0;
    for key in 0..200_000_u64 {
        ghost.remember(key, 1);
        // Every twelfth key comes back.
        if key % 12 == 0 && key > 5_000 {
            assert!(ghost.take(key - 5_000));
        }
        let place = ghost.layout.place(mixed(!key));
        let home = &ghost.buckets[place.bucket];
        further += u32::from(home.has_print(place.print) || home.may_be_away(place.print));
        assert!(!ghost.take(!key));
    }
    assert!(
        further <= 20_000,
        "{further} probes of 200,000 look further"
    );
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
    assert!(ghost.buckets.len() < 200);
    ghost.check();
    assert!(!ghost.take(98_999));
    assert!((99_000..100_000).all(|key| ghost.take(key)));
}
