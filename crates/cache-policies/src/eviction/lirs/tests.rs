//! The parts of LIRS against dull ones, and what no sequence of requests of a bearable length comes to.

use super::keys::{Keys, Mixed};
use super::numbers::Numbers;
use super::{Lirs, LirsConfig};
use crate::policy::{Hint, Policy};
use crate::random::Random;
use crate::slot::Slot;
use std::collections::BTreeMap;
use std::vec::Vec;

/// As many numbers of a few hashes as there is room for leave nobody out, also once filters and numbers are made anew.
#[test]
fn keys_are_found_by_hash_and_number() {
    for (seed, room) in (0..6).zip([0, 5, 100, 400, 1_000, 1_000]) {
        let mut random = Random::new(seed);
        let mut keys = Keys::new(room);
        let mut model: BTreeMap<u32, u64> = BTreeMap::new();
        let (mut next, mut bottom) = (1_u32, 1_u32);
        let distinct = if seed == 5 { 3 } else { 2 * room + 1 };
        let mixed = |hash: u64| Mixed::new(hash.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for _ in 0..20_000 {
            if next as usize == keys.numbers() || model.len() > room {
                let lowest = model.keys().copied().nth(model.len() / 2 + 1);
                let lowest = lowest.unwrap_or(next);
                model = model.split_off(&lowest);
                bottom = lowest;
                let by = bottom - 1;
                keys.shift(by, bottom);
                model = model.into_iter().map(|(n, hash)| (n - by, hash)).collect();
                (next, bottom) = (next - by, bottom - by);
            }
            let hash = random.below(distinct) as u64;
            if random.below(3) > 0 {
                keys.push(mixed(hash), next, bottom);
                model.insert(next, hash);
                next += 1;
            } else {
                // Those of odd numbers alone.
                let odd = |number: &&u32| *number % 2 == 1 && model[*number] == hash;
                let highest = model.keys().rev().find(odd).copied();
                let taken = keys.take(mixed(hash), |number| number >= bottom && number % 2 == 1);
                assert_eq!(taken, highest);
                highest.map(|number| model.remove(&number));
            }
            keys.check();
        }
        let mut left: Vec<_> = keys.iter(bottom).collect();
        left.sort_by_key(|key| key.0);
        assert!(
            left.into_iter()
                .eq(model.iter().map(|(n, h)| (*n, mixed(*h))))
        );
    }
}

#[test]
fn numbers_leave_from_below_and_from_between() {
    for seed in 0..8 {
        let mut random = Random::new(seed);
        let mut numbers = Numbers::new(1, 1_024);
        // Number and weight of each; below `head` all are gone.
        let mut model: BTreeMap<u32, u64> = (1..1_000).map(|number| (number, 1)).collect();
        let mut head = 500;
        for number in 1..head {
            if seed % 2 == 1 {
                numbers.set_weight(number, number % 5 + 1);
                model.insert(number, u64::from(number % 5 + 1));
            }
        }
        for _ in 0..400 {
            let number = 1 + random.below(998) as u32;
            match random.below(10) {
                0..=3 if numbers.contains(number) => {
                    numbers.leave(number);
                    model.remove(&number);
                }
                4 if !numbers.contains(number) && number < head => {
                    numbers.come_back(number);
                    numbers.set_weight(number, 2);
                    model.insert(number, 2);
                }
                5 => {
                    let lowest = model.first_key_value().map(|(n, w)| (*n, *w));
                    let lowest = lowest.filter(|lowest| lowest.0 < head);
                    assert_eq!(numbers.leave_lowest(head), lowest.map(|lowest| lowest.1));
                    lowest.map(|lowest| model.remove(&lowest.0));
                }
                6 => {
                    let bottom = numbers.bottom() + random.below(5) as u32;
                    let kept = model.split_off(&bottom);
                    let gone = model.range(..head).map(|(_, weight)| *weight);
                    assert_eq!(numbers.leave_below(bottom, head), gone.sum::<u64>());
                    model = kept;
                }
                7 => {
                    numbers.settle(head);
                    let lowest = model.first_key_value().map_or(head, |(n, _)| *n);
                    assert!(numbers.bottom() >= lowest.min(head));
                }
                8 => head = (head + 3).min(990),
                _ => {}
            }
            assert!((1..1_000).all(|n| numbers.contains(n) == model.contains_key(&n)));
            let bottom = numbers.bottom();
            assert_eq!(numbers.count(bottom, 1_000), model.len());
        }
    }
}

/// A skewed sequence of requests, and what of it hit.
fn hits(lirs: &mut Lirs, requests: u32, pinned: bool) -> Vec<bool> {
    let mut keys = Vec::new();
    let mut random = Random::new(7);
    let mut hits = Vec::new();
    for _ in 0..requests {
        let key = random.below(200).min(random.below(200)) as u64;
        let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let found = keys.iter().position(|other| *other == hash);
        hits.push(found.is_some());
        if let Some(at) = found {
            lirs.hit(Slot::new(at as u32), hash);
        } else {
            let hint = lirs.miss(hash);
            let slot = if lirs.weight() < lirs.capacity() {
                Slot::new(keys.len() as u32)
            } else {
                lirs.evict().unwrap()
            };
            keys.resize(keys.len().max(slot.index() + 1), 0);
            keys[slot.index()] = hash;
            lirs.insert(slot, hash, 1, hint);
            // An entry that keeps its place in S while all numbers are given anew.
            if pinned && slot.index() == 45 {
                lirs.pin(slot);
            }
        }
        lirs.check();
    }
    hits
}

#[test]
fn numbers_are_given_anew_before_they_run_out() {
    for pinned in [false, true] {
        let config = LirsConfig::default().with_hir(0.2);
        let mut lirs = Lirs::new(50, &config).unwrap();
        let expected = hits(&mut lirs, 20_000, pinned);
        assert!(lirs.keys.numbers() < 2_000, "the numbers did not run out");
        // Where they are given for many more keys, they run out at other times.
        let mut lirs = Lirs::new(50, &config).unwrap();
        lirs.keys = Keys::new(2_000);
        lirs.numbers = Numbers::new(1, lirs.keys.numbers());
        lirs.count_room();
        assert!(hits(&mut lirs, 20_000, pinned) == expected);
    }
}

#[test]
fn what_leaves_from_the_midst_of_q_is_remembered_and_bounded() {
    let config = LirsConfig::default().with_hir(0.5).with_stack(1.0);
    let mut lirs = Lirs::new(10, &config).unwrap();
    for number in 0..10 {
        lirs.insert(Slot::new(number), u64::from(number), 1, Hint::NONE);
    }
    // 0 to 4 are LIR. 7 and 8 are gone and in S, whose limit is 10.
    lirs.remove(Slot::new(7), true);
    lirs.remove(Slot::new(8), true);
    lirs.check();
    assert_eq!(lirs.ghost_len(), 2);
    // Another one, and the lower of them is dropped.
    lirs.insert(Slot::new(7), 20, 1, Hint::NONE);
    lirs.check();
    assert_eq!((lirs.ghost_len(), lirs.miss(7)), (1, Hint::NONE));
    assert_ne!(lirs.miss(8), Hint::NONE);
    assert_eq!(lirs.ghost_len(), 0);
    lirs.check();
}
