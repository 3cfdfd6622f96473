//! Short sequences with known outcomes for the policies that rank their entries, followed by hand or from textbooks.

use std::collections::HashMap;

use cache_policies::{
    AnyConfig, Arithmetic, Belady, BeladySize, Gdsf, GdsfConfig, Hint, Lfu, Lfuda, LfudaConfig,
    Policy, Promotion, Sieve, Slot,
};

use crate::policy_random::{Random, mix};

/// What came of a replay.
#[derive(PartialEq, Debug)]
pub(crate) struct Outcome {
    pub(crate) misses: u64,
    pub(crate) victims: Vec<u64>,
}

/// Drives a policy through requests for keys with weights, each told in advance when it comes again.
pub(crate) fn replay<P: Policy>(policy: &mut P, requests: &[(u64, u32)]) -> Outcome {
    let mut distances = vec![u64::MAX; requests.len()];
    let mut upcoming: HashMap<u64, usize> = HashMap::new();
    for (at, (key, _)) in requests.iter().enumerate().rev() {
        if let Some(next) = upcoming.insert(*key, at) {
            distances[at] = (next - at) as u64;
        }
    }
    let mut slots: HashMap<u64, Slot> = HashMap::new();
    let (mut keys, mut free) = (Vec::new(), Vec::new());
    let (mut misses, mut victims) = (0, Vec::new());
    for (&(key, weight), distance) in requests.iter().zip(distances) {
        policy.foresee(distance);
        if let Some(slot) = slots.get(&key) {
            policy.hit(*slot, mix(key));
            continue;
        }
        misses += 1;
        let hint = policy.miss(mix(key));
        if u64::from(weight) > policy.capacity() {
            continue;
        }
        while policy.weight() + u64::from(weight) > policy.capacity() {
            let victim = policy.evict().expect("nothing is pinned");
            let gone: u64 = keys[victim.index()];
            slots.remove(&gone);
            victims.push(gone);
            free.push(victim);
        }
        let slot = free.pop().unwrap_or_else(|| {
            keys.push(0);
            Slot::new(keys.len() as u32 - 1)
        });
        keys[slot.index()] = key;
        slots.insert(key, slot);
        policy.insert(slot, mix(key), weight, hint);
    }
    policy.check();
    Outcome { misses, victims }
}

fn unit(keys: &[u64]) -> Vec<(u64, u32)> {
    keys.iter().map(|key| (*key, 1)).collect()
}

fn run<P: Policy>(capacity: u64, config: &P::Config, requests: &[(u64, u32)]) -> Outcome {
    replay(&mut P::new(capacity, config).unwrap(), requests)
}

/// The string of Silberschatz, Galvin and Gagne, "Operating System Concepts": 9 faults with 3 frames.
#[test]
fn belady_misses_what_the_textbook_counts() {
    let string = [7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1];
    let outcome = run::<Belady>(3, &Default::default(), &unit(&string));
    assert_eq!(outcome.misses, 9);
    assert_eq!(outcome.victims, [7, 1, 0, 4, 3, 2]);
}

/// A loop one longer than the cache: MIN keeps all but one of it, LRU nothing.
#[test]
fn belady_keeps_what_fits_of_a_loop() {
    let requests: Vec<u64> = (0..1_100).map(|position| position % 11).collect();
    let outcome = run::<Belady>(10, &Default::default(), &unit(&requests));
    // 11 come in; after that one is missed for every 10 requests.
    assert_eq!(outcome.misses, 11 + (1_100 - 11) / 10);
}

#[test]
fn belady_size_weighs_time_by_size() {
    // When 9 comes in: 2 for 3 requests more, 10 for 1, 3 for 2.
    let requests = [(0, 2), (1, 10), (2, 3), (9, 5), (1, 10), (2, 3), (0, 2)];
    let outcome = run::<BeladySize>(15, &Default::default(), &requests);
    assert_eq!(outcome.victims, [1, 9]);
    let outcome = run::<Belady>(15, &Default::default(), &requests);
    assert_eq!(outcome.victims, [0, 2, 1]);
}

/// 10 for the shorter time is worth more than 2 for the longer, until both times have shrunk.
#[test]
fn belady_size_sees_the_order_turn_without_a_request_for_either() {
    let mut policy = BeladySize::new(100, &Default::default()).unwrap();
    for (number, weight, distance) in [(0, 2, 99), (1, 10, 28)] {
        policy.foresee(distance);
        policy.insert(
            Slot::new(number),
            mix(u64::from(number)),
            weight,
            Hint::NONE,
        );
    }
    let mut victims = Vec::new();
    for _ in 3..30 {
        policy.foresee(u64::MAX);
        policy.check();
        victims.push(policy.victim().unwrap().get());
        policy.check();
    }
    // 2 * (100 - t) > 10 * (30 - t) from t = 13 on.
    let turned = victims.iter().position(|slot| *slot == 0);
    assert_eq!(turned, Some(13 - 3));
    assert!(victims[10..].iter().all(|slot| *slot == 0));
}

#[test]
fn lfu_takes_the_fewest_requests_and_of_those_the_longest_there() {
    // 1: 3 requests, 2 and 3: 2 each, and 3 had its second before 2.
    let requests = [1, 2, 3, 1, 3, 2, 1, 4, 5, 4, 4, 4, 6, 7];
    let outcome = run::<Lfu>(3, &Default::default(), &unit(&requests));
    // 4 drives out 3, 5 drives out 4, then 4, 6 and 7 the one before each that has 1: 5, but not 4 with its 3.
    assert_eq!(outcome.victims, [3, 4, 5, 2, 6]);
}

#[test]
fn lfu_keeps_for_ever_what_was_hit_often_and_ageing_does_not() {
    let mut requests = vec![(0, 1); 20];
    requests.extend((1..=60).flat_map(|key| [(key, 1), (key, 1)]));
    let lfu = run::<Lfu>(2, &Default::default(), &requests);
    assert!(!lfu.victims.contains(&0));
    // Each key that goes has the age plus 2, so the tenth has 20, as 0 has, which is older.
    let lfuda = run::<Lfuda>(2, &Default::default(), &requests);
    assert_eq!(lfuda.victims.iter().position(|key| *key == 0), Some(9));
    // By age alone: nothing counted before the first eviction.
    let by_age = LfudaConfig::default().with_promotion(Promotion::Age);
    let lfuda = run::<Lfuda>(2, &by_age, &requests);
    assert_eq!(lfuda.victims[0], 0);
}

#[test]
fn lfuda_by_age_leaves_behind_what_falls_below_the_age() {
    let by_age = LfudaConfig::default().with_promotion(Promotion::Age);
    let mut lfuda = Lfuda::new(10, &by_age).unwrap();
    let insert = |lfuda: &mut Lfuda, number: u32| {
        lfuda.insert(Slot::new(number), mix(u64::from(number)), 1, Hint::NONE);
    };
    // The age is 1 after the first eviction; 1 gets 2, 3, 4, 5, and 2 stays at 1, so does the age.
    (0..3).for_each(|number| insert(&mut lfuda, number));
    assert_eq!(lfuda.evict(), Some(Slot::new(0)));
    (0..4).for_each(|_| lfuda.hit(Slot::new(1), mix(1)));
    // 2 leaves the age of 1 for 2; the age goes on to 5 without it, past it.
    lfuda.hit(Slot::new(2), mix(2));
    lfuda.check();
    insert(&mut lfuda, 3);
    // Numbers 5, 2 (passed) and 6.
    let victims: Vec<u32> = std::iter::from_fn(|| lfuda.evict())
        .map(Slot::get)
        .collect();
    assert_eq!(victims, [1, 3, 2]);
}

#[test]
fn gdsf_ranks_by_requests_for_each_byte_and_by_age() {
    let mut gdsf = Gdsf::new(1_000, &Default::default()).unwrap();
    for (number, weight) in [(0, 100), (1, 10), (2, 1), (3, 0)] {
        gdsf.insert(
            Slot::new(number),
            mix(u64::from(number)),
            weight,
            Hint::NONE,
        );
    }
    (0..20).for_each(|_| gdsf.hit(Slot::new(0), mix(0)));
    // 21 / 100, 1 / 10, 1, 1.
    assert_eq!(gdsf.evict(), Some(Slot::new(1)));
    // 0.1 + 1 / 8 = 0.225 comes after 0.21.
    gdsf.insert(Slot::new(1), mix(1), 8, Hint::NONE);
    assert_eq!(gdsf.evict(), Some(Slot::new(0)));
    assert_eq!(gdsf.evict(), Some(Slot::new(1)));
    assert_eq!(
        (gdsf.evict(), gdsf.evict()),
        (Some(Slot::new(2)), Some(Slot::new(3)))
    );
}

/// An entry counts from the clock before its own miss drove others out: 0.5 after that, where another one that came
/// without a miss counts from 1.
#[test]
fn gdsf_counts_a_new_entry_from_the_clock_at_its_miss() {
    let mut gdsf = Gdsf::new(10, &Default::default()).unwrap();
    gdsf.insert(Slot::new(0), mix(0), 1, Hint::NONE);
    let hint = gdsf.miss(mix(1));
    assert_eq!(gdsf.evict(), Some(Slot::new(0)));
    gdsf.insert(Slot::new(0), mix(2), 10, Hint::NONE);
    gdsf.insert(Slot::new(1), mix(1), 2, hint);
    // The miss belonged to another key's insert, so both count from 1: 1.1 and 1.5.
    assert_eq!(gdsf.evict(), Some(Slot::new(0)));
    let hint = gdsf.miss(mix(3));
    assert_eq!(gdsf.evict(), Some(Slot::new(1)));
    gdsf.insert(Slot::new(0), mix(3), 10, hint);
    gdsf.insert(Slot::new(1), mix(4), 8, Hint::NONE);
    // 1.1 + 0.1, and 1.5 + 0.125; the clock does not go back to 1.2.
    assert_eq!(gdsf.evict(), Some(Slot::new(0)));
    gdsf.check();
    gdsf.insert(Slot::new(0), mix(5), 10, Hint::NONE);
    assert_eq!(gdsf.evict(), Some(Slot::new(0)));
}

/// The clock shows 200,000, and a millionth of a millionth still tells two entries apart: floating-point numbers have lost
/// it by then.
#[test]
fn gdsf_is_exact_however_far_the_clock_has_come() {
    let order = |gdsf: &mut Gdsf| -> Vec<u32> {
        for (number, weight) in [(0, 7), (1, 1_000_002), (2, 1_000_003), (3, u32::MAX)] {
            gdsf.insert(
                Slot::new(number),
                mix(u64::from(number)),
                weight,
                Hint::NONE,
            );
        }
        std::iter::from_fn(|| gdsf.evict()).map(Slot::get).collect()
    };
    for arithmetic in [Arithmetic::Fixed, Arithmetic::Double] {
        let config = GdsfConfig::default().with_arithmetic(arithmetic);
        let mut gdsf = Gdsf::new(u64::MAX, &config).unwrap();
        assert_eq!(order(&mut gdsf), [3, 2, 1, 0]);
        for _ in 0..40 {
            gdsf.insert(Slot::new(0), 0, 1, Hint::NONE);
            (0..5_000).for_each(|_| gdsf.hit(Slot::new(0), 0));
            gdsf.evict();
        }
        let aged = match arithmetic {
            Arithmetic::Double => [3, 1, 2, 0],
            _ => [3, 2, 1, 0],
        };
        assert_eq!(order(&mut gdsf), aged);
    }
}

/// As long as SIEVE's hand does not come around and LFU finds entries without a hit, both take the oldest of those.
#[test]
fn lfu_is_sieve_while_there_is_always_a_newcomer_to_evict() {
    let mut random = Random::new(7);
    // Each key is new, or asked for the second time soon after the first.
    let requests: Vec<u64> = (0..5_000)
        .map(|position| position - random.below(2) * random.below(20).min(position))
        .collect();
    // As much is hit as fits: the hand has not come around before the end.
    let lfu = run::<Lfu>(4_000, &Default::default(), &unit(&requests));
    let sieve = run::<Sieve>(4_000, &Default::default(), &unit(&requests));
    assert_eq!(lfu, sieve);
    let small = 100;
    let lfu = run::<Lfu>(small, &Default::default(), &unit(&requests));
    let sieve = run::<Sieve>(small, &Default::default(), &unit(&requests));
    assert_ne!(lfu, sieve);
}

#[test]
fn lfu_finds_its_place_again_after_a_pin() {
    let mut lfu = Lfu::new(10, &Default::default()).unwrap();
    for number in 0..6 {
        lfu.insert(Slot::new(number), mix(u64::from(number)), 1, Hint::NONE);
        (0..number).for_each(|_| lfu.hit(Slot::new(number), mix(u64::from(number))));
    }
    lfu.pin(Slot::new(0));
    lfu.pin(Slot::new(3));
    (0..2).for_each(|_| lfu.hit(Slot::new(0), mix(0)));
    lfu.check();
    // 0 has 3 requests now, as 2 has, and 3 has 4 as before: alone.
    lfu.unpin(Slot::new(0));
    lfu.unpin(Slot::new(3));
    lfu.check();
    let victims: Vec<u32> = std::iter::from_fn(|| lfu.evict()).map(Slot::get).collect();
    assert_eq!(victims, [1, 2, 0, 3, 4, 5]);
}

#[test]
fn the_rules_of_the_reference_are_switches_with_names() {
    for text in [
        "arc:step=unit",
        "lfuda:promotion=age",
        "gdsf:arithmetic=double",
    ] {
        let config: AnyConfig = text.parse().unwrap();
        assert_eq!(config.to_string(), text);
    }
    for (text, name) in [
        ("lfuda:promotion=recount", "lfuda"),
        ("gdsf:arithmetic=fixed", "gdsf"),
        ("arc:step=weight", "arc"),
    ] {
        let config: AnyConfig = text.parse().unwrap();
        assert_eq!(config.to_string(), name);
    }
    let refused = |text: &str| text.parse::<AnyConfig>().unwrap_err().to_string();
    assert_eq!(
        refused("lfuda:promotion=old"),
        "lfuda: promotion=old is refused: give recount or age"
    );
    assert_eq!(
        refused("arc:step=byte"),
        "arc: step=byte is refused: give weight or unit"
    );
    assert_eq!(
        refused("gdsf:arithmetic=float"),
        "gdsf: arithmetic=float is refused: give fixed or double"
    );
}

/// What the policies that know the future say of themselves.
#[test]
fn only_the_bounds_are_offline() {
    let offline: Vec<&str> = AnyConfig::all()
        .iter()
        .filter(|config| config.is_offline())
        .map(AnyConfig::name)
        .collect();
    assert_eq!(offline, ["belady", "belady-size"]);
}
