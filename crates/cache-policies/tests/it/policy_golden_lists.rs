//! Short sequences with known outcomes for SLRU, 2Q, ARC and LIRS: from the papers, or followed by hand through their
//! rules.

use cache_policies::{
    Arc, ArcConfig, ArcStep, Hint, Lirs, LirsConfig, Policy, Slot, Slru, SlruConfig, TwoQ,
    TwoQConfig,
};

use crate::policy_golden::Keys;
use crate::policy_random::{Random, mix};
use crate::policy_ranked::replay;

/// Whether each key is resident, without a request for it.
fn resident<P: Policy>(keys: &Keys<P>, wanted: impl IntoIterator<Item = u64>) -> bool {
    wanted.into_iter().all(|key| keys.contains(key))
}

#[test]
fn slru_protects_what_was_hit_from_a_scan() {
    let two = SlruConfig::default().with_shares(&[1, 1]);
    // 1 to 4 fill the lower segment, 5 to 8 the upper; 1 and 2 go up, 5 and 6 come down in their stead.
    let slru = Keys::<Slru>::new(8, &two).requests(1..=8).requests([1, 2]);
    let slru = slru.requests(10..18);
    assert_eq!(slru.victims, [3, 4, 5, 6, 10, 11, 12, 13]);
    assert!(resident(&slru, [7, 8, 1, 2]));
}

#[test]
fn slru_lifts_by_one_segment_a_hit() {
    let three = SlruConfig::default().with_shares(&[1, 1, 1]);
    // Each segment holds one; 3 is in the highest from the start. 1 goes up, 2 down; 1 goes up again, 3 down.
    let slru = Keys::<Slru>::new(3, &three).requests([1, 2, 3, 1, 1]);
    let slru = slru.requests([4, 5, 6]);
    assert_eq!(slru.victims, [2, 4, 5]);
    assert!(resident(&slru, [1, 3]));
}

/// What is heavier than the upper segment cannot stay there: it does not drive out the others first, neither by a hit nor
/// where it falls past a segment.
#[test]
fn slru_keeps_what_is_too_heavy_for_a_segment_out_of_it() {
    let victims = |mut slru: Slru| -> Vec<u32> {
        slru.check();
        std::iter::from_fn(|| slru.evict()).map(Slot::get).collect()
    };
    let insert = |slru: &mut Slru, number: u32, weight| {
        slru.insert(
            Slot::new(number),
            mix(u64::from(number)),
            weight,
            Hint::NONE,
        );
    };
    let hit = |slru: &mut Slru, number: u32| slru.hit(Slot::new(number), mix(u64::from(number)));

    let two = SlruConfig::default().with_shares(&[1, 1]);
    let mut slru = Slru::new(100, &two).unwrap();
    for number in 0..3 {
        insert(&mut slru, number, 10);
        hit(&mut slru, number);
    }
    insert(&mut slru, 3, 60);
    insert(&mut slru, 4, 10);
    hit(&mut slru, 3);
    // 4 found room in the upper segment, as the lower one is full.
    assert_eq!(victims(slru), [3, 0, 1, 2, 4]);

    // Segments of 30, 10 and 60: 0 is in the lowest, 1 and 2 found room in the highest alone.
    let three = SlruConfig::default().with_shares(&[3, 1, 6]);
    let mut slru = Slru::new(100, &three).unwrap();
    for (number, weight) in [(0, 25), (1, 35), (2, 20)] {
        insert(&mut slru, number, weight);
    }
    // 3 goes into the middle one, 4 and 5 through it; 5 drives out 1, which falls past 3.
    for (number, hits) in [(3, 1), (4, 2), (5, 2)] {
        insert(&mut slru, number, 5);
        (0..hits).for_each(|_| hit(&mut slru, number));
    }
    assert_eq!(victims(slru), [0, 1, 3, 2, 4, 5]);
}

/// The reference's rule: four segments of floor(5 / 4) = 1, and one entry more in the lowest.
#[test]
fn slru_is_over_its_lowest_share_only_until_a_promotion() {
    let mut slru = Slru::new(5, &SlruConfig::default()).unwrap();
    for number in 0..5 {
        slru.insert(Slot::new(number), mix(u64::from(number)), 1, Hint::NONE);
        assert_eq!(slru.overflow(), None);
    }
    // 0 and 4 are in the lowest. 4 goes up, 1 comes down to 0: one of the two is too many.
    slru.hit(Slot::new(4), mix(4));
    assert_eq!(slru.overflow(), Some(Slot::new(0)));
    assert_eq!((slru.overflow(), slru.weight()), (None, 4));
    slru.check();
}

/// The paper's point: what is asked for twice in quick succession and never again does not enter Am.
#[test]
fn two_q_takes_correlated_requests_for_one() {
    // A1in holds 2 of 8. 1 is asked for again while it is there: nothing comes of that, and it leaves like the others.
    let two_q = Keys::<TwoQ>::new(8, &TwoQConfig::default());
    let two_q = two_q.requests(1..=8).requests([1, 1, 2, 9]);
    assert_eq!(two_q.victims, [1]);
    // 1 comes back from A1out into Am, 2 goes for it; a scan passes through A1in.
    let two_q = two_q.requests([1]).requests(20..40);
    assert!(resident(&two_q, [1]));
    assert_eq!(two_q.victims[1..5], [2, 3, 4, 5]);
}

#[test]
fn two_q_evicts_from_am_where_a1in_is_within_its_share() {
    // 1 to 4 come back into Am one by one, until A1in holds its share of 1; the next goes for Am's oldest, unremembered.
    let two_q = Keys::<TwoQ>::new(4, &TwoQConfig::default().with_kout(4.0));
    let two_q = two_q.requests(1..=7).requests([1, 2, 3]);
    assert_eq!(two_q.victims, [1, 2, 3, 4, 5, 6]);
    assert!(resident(&two_q, [7, 1, 2, 3]));
    let two_q = two_q.requests([4, 2, 5]);
    assert_eq!(two_q.victims[6..], [1, 3]);
    assert_eq!(two_q.policy.ghost_len(), 1, "A1out has 6 alone");
}

#[test]
fn two_q_forgets_beyond_kout() {
    let two_q = Keys::<TwoQ>::new(10, &TwoQConfig::default()).requests(0..100);
    assert_eq!(two_q.policy.ghost_len(), 5);
    let mut policy = two_q.policy;
    let known: Vec<u64> = (0..100)
        .filter(|key| policy.miss(mix(*key)) != Hint::NONE)
        .collect();
    assert_eq!(known, [85, 86, 87, 88, 89]);
}

/// Figure 4 of the paper, case by case, at c = 2.
#[test]
fn arc_learns_from_both_ghosts() {
    // Case IV with |L1| < c: T1 = [1, 2]; 1 is hit, T2 = [1]; 3 comes, REPLACE takes 2 into B1 (|T1| = 1 > p = 0).
    let arc = Keys::<Arc>::new(2, &Default::default()).requests([1, 2, 1, 3]);
    assert_eq!((&arc.victims[..], arc.policy.target()), (&[2][..], 0.0));
    // Case II: 2 is in B1, p = 1; |T1| = 1 is not above it, so REPLACE takes 1 from T2 into B2. 2 goes to T2.
    let arc = arc.requests([2]);
    assert_eq!((&arc.victims[1..], arc.policy.target()), (&[1][..], 1.0));
    // Case III: 1 is in B2, p = 0; REPLACE takes 3 from T1 into B1.
    let arc = arc.requests([1]);
    assert_eq!((&arc.victims[2..], arc.policy.target()), (&[3][..], 0.0));
    assert!(resident(&arc, [1, 2]));
    assert_eq!(arc.policy.ghost_len(), 1);
}

/// Case IV A: T1 is the whole cache, so that its oldest goes without being remembered.
#[test]
fn arc_remembers_nothing_of_a_scan_through_an_empty_cache() {
    let arc = Keys::<Arc>::new(10, &Default::default()).requests(0..100);
    assert_eq!(arc.victims, (0..90).collect::<Vec<_>>());
    assert_eq!((arc.policy.ghost_len(), arc.misses), (0, 100));
}

/// The delta is the ratio of the ghosts, not rounded.
#[test]
fn arc_learns_faster_from_the_shorter_ghost() {
    let arc = Keys::<Arc>::new(4, &Default::default());
    // T2 = [1, 2, 3], T1 = [4]; 5 drives 4 into B1. Then 4 comes back: p = 1, T2's 1 into B2, T2 = [2, 3, 4], T1 = [5].
    let arc = arc.requests([1, 2, 3, 1, 2, 3, 4, 5, 4]);
    assert_eq!((&arc.victims[..], arc.policy.target()), (&[4, 1][..], 1.0));
    // 6: |T1| = 1 = p, so T2's 2 goes, B2 = [1, 2]; 7: |T1| = 2, 5 goes into B1; 5 comes back: p = 1 + 2 / 1.
    let arc = arc.requests([6, 7, 5]);
    assert_eq!(
        (&arc.victims[2..4], arc.policy.target()),
        (&[2, 5][..], 3.0)
    );
}

/// The example of the paper's section 3.3 in this implementation's terms: A and B are LIR, D leaves S when the oldest LIR
/// entry is asked for, and a key in S that comes back takes the place of a LIR entry.
/// Weights in bytes or in pages: only the unit of the target differs. The reference's step is one unit in both.
#[test]
fn arc_adapts_alike_whatever_the_unit_of_weight() {
    for seed in 0..8 {
        let mut random = Random::new(seed);
        let requests: Vec<(u64, u32)> = (0..20_000_u64)
            .map(|position| {
                let skewed = (400.0 * random.share().powi(3)) as u64;
                // Phases of recency and of frequency, so that both ghosts are hit.
                let key = match position / 2_500 % 2 {
                    0 => skewed,
                    _ if random.below(3) == 0 => skewed,
                    _ => 1_000 + position / 3 * 2 % 300,
                };
                (key, 1 + (mix(key) % 5) as u32)
            })
            .collect();
        let scaled: Vec<(u64, u32)> = requests.iter().map(|(key, w)| (*key, w * 4_096)).collect();
        let outcome = |step, unit: u64, requests: &[(u64, u32)]| {
            let config = ArcConfig::default().with_step(step);
            replay(&mut Arc::new(300 * unit, &config).unwrap(), requests)
        };
        let expected = outcome(ArcStep::Weight, 1, &requests);
        assert!(expected.misses > 2_000 && expected.misses < 18_000);
        assert_eq!(outcome(ArcStep::Weight, 4_096, &scaled), expected);
        let pages = outcome(ArcStep::Unit, 1, &requests);
        assert_ne!(outcome(ArcStep::Unit, 4_096, &scaled), pages);
    }
}

#[test]
fn lirs_exchanges_states_by_recency() {
    let config = LirsConfig::default().with_hir(0.34);
    let [a, b, d, e] = [1, 2, 4, 5];
    // L has room for 2, Q for 1: A and B are LIR, D is HIR.
    let lirs = Keys::<Lirs>::new(3, &config).requests([a, b, d]);
    // E drives D out of Q; D is still in S, comes back, is LIR, and A goes into Q in the stead of E.
    let lirs = lirs.requests([e, d]);
    assert_eq!(lirs.victims, [d, e]);
    assert!(resident(&lirs, [a, b, d]));
    // A is no longer in S: its hit brings it to the top of S and, as in the reference, B into Q. So there is room for another
    // LIR entry, and A, the older one in Q, goes for it.
    let lirs = lirs.requests([a, 6]);
    assert_eq!(lirs.victims[2..], [a]);
    assert!(resident(&lirs, [b, d, 6]));
}

#[test]
fn lirs_keeps_a_part_of_a_loop_that_does_not_fit() {
    // LRU hits nothing in a loop of 120 at 100. The 99 LIR entries stay; Q takes what is left of the loop.
    let rounds = (0..50).flat_map(|_| 0..120);
    let lirs = Keys::<Lirs>::new(100, &LirsConfig::default()).requests(rounds);
    assert_eq!(u64::from(lirs.misses), 50 * 120 - 49 * 99);
}

#[test]
fn lirs_bounds_its_stack() {
    let lirs = Keys::<Lirs>::new(100, &LirsConfig::default()).requests(0..10_000);
    // S holds 200: 99 LIR, 1 HIR in Q, 100 that are gone.
    assert_eq!(lirs.policy.ghost_len(), 100);
    let mut policy = lirs.policy;
    let known: Vec<u64> = (0..10_000)
        .filter(|key| policy.miss(mix(*key)) != Hint::NONE)
        .collect();
    assert_eq!(known, (9_899..9_999).collect::<Vec<_>>());
}

/// The reference's defect: the hit on the only entry of Q, out of S, demotes a LIR entry into Q and drives out the very
/// entry that was hit, which is counted as resident all the same.
#[test]
fn lirs_has_phantoms_on_request_alone() {
    for (phantoms, then) in [(false, Some(2)), (true, None)] {
        let config = LirsConfig::default().with_phantoms(phantoms);
        let mut lirs = Lirs::new(3, &config).unwrap();
        for number in 0..3 {
            lirs.insert(Slot::new(number), mix(u64::from(number)), 1, Hint::NONE);
        }
        // 2 is in Q and in S; the hits on 0 and 1 prune it from S.
        lirs.hit(Slot::new(0), mix(0));
        lirs.hit(Slot::new(1), mix(1));
        lirs.hit(Slot::new(2), mix(2));
        assert_eq!(lirs.overflow().map(Slot::get), then);
        lirs.check();
        assert_eq!(
            (lirs.weight(), lirs.len()),
            (2, if phantoms { 3 } else { 2 })
        );
        if phantoms {
            lirs.hit(Slot::new(2), mix(2));
            assert_eq!(lirs.weight(), 3);
        }
        lirs.check();
    }
}

#[test]
fn unpinning_makes_an_entry_the_newest_of_its_queue_in_these_too() {
    fn order<P: Policy>() -> Vec<u32> {
        let mut policy = P::new(4, &P::Config::default()).unwrap();
        for number in 0..4 {
            policy.insert(Slot::new(number), mix(u64::from(number)), 1, Hint::NONE);
        }
        policy.pin(Slot::new(0));
        policy.unpin(Slot::new(0));
        let victims = std::iter::from_fn(|| policy.evict());
        victims.map(Slot::get).collect()
    }
    // SLRU: each in a segment of its own. LIRS: 3 is in Q, the others are LIR.
    assert_eq!(order::<Slru>(), [0, 1, 2, 3]);
    assert_eq!(order::<TwoQ>(), [1, 2, 3, 0]);
    assert_eq!(order::<Arc>(), [1, 2, 3, 0]);
    assert_eq!(order::<Lirs>(), [3, 1, 2, 0]);
}
