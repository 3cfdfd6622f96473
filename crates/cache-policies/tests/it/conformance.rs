//! The one suite that every policy passes: its contract, whatever its order is.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cache_policies::{
    AnyConfig, AnyPolicy, Clock, ClockConfig, ClockPro, ClockProConfig, Fifo, FifoConfig,
    GhostKind, Hint, Hyperbolic, HyperbolicConfig, LeCaR, LeCaRConfig, Lhd, LhdConfig, Lru,
    LruConfig, Policy, Random, RandomConfig, S3Fifo, S3FifoConfig, Sieve, SieveConfig, Slot,
    WarmUp,
};
use cache_policies::{
    Arc, ArcConfig, ArcStep, Lirs, LirsConfig, Slru, SlruConfig, TwoQ, TwoQConfig,
};
use cache_policies::{Arithmetic, GdsfConfig};
use cache_policies::{Duel, DuelConfig, DuelMode};

use cache_policies::{Belady, BeladySize, Gdsf, Lfu, Lfuda, LfudaConfig, Promotion};

use cache_policies::{
    TinyLfu, TinyLfuConfig, WTinyLfu, WTinyLfuAdaptive, WTinyLfuAdaptiveConfig, WTinyLfuConfig,
};

use crate::policy_owner::{Owner, Sequence, cases};
use crate::policy_random::mix;

/// Runs the suite on one policy, with several configurations.
fn conforms<P: Policy>(configs: &[P::Config]) {
    for config in configs {
        for sequence in Sequence::several(cases().div_ceil(configs.len() as u64)) {
            Owner::<P>::run(config, None, sequence);
        }
        takes_capacity_0_and_1::<P>(config);
        counts_weights_of_0_and_of_the_most::<P>(config);
        evicts_nothing_that_is_pinned::<P>(config);
        changes_nothing_on_what_it_remembers::<P>(config);
        refuses_mistakes::<P>(config);
        keeps_what_was_hit_or_came_late_over_what_left::<P>(config);
    }
}

fn filled<P: Policy>(config: &P::Config, capacity: u64, entries: u32) -> P {
    let mut policy = P::new(capacity, config).unwrap();
    for number in 0..entries {
        let hash = mix(u64::from(number));
        let hint = policy.miss(hash);
        policy.insert(Slot::new(number), hash, 1, hint);
    }
    policy.check();
    policy
}

fn takes_capacity_0_and_1<P: Policy>(config: &P::Config) {
    let mut none = P::new(0, config).unwrap();
    assert_eq!(
        (none.capacity(), none.weight(), none.len(), none.evict()),
        (0, 0, 0, None)
    );
    none.check();
    let mut one = P::new(1, config).unwrap();
    for key in 0..100 {
        let hint = one.miss(mix(key % 3));
        if !one.is_empty() {
            assert_eq!(one.evict(), Some(Slot::new(0)));
        }
        one.insert(Slot::new(0), mix(key % 3), 1, hint);
        one.hit(Slot::new(0), mix(key % 3));
        one.check();
    }
}

fn counts_weights_of_0_and_of_the_most<P: Policy>(config: &P::Config) {
    let most = u32::MAX;
    let mut policy = P::new(u64::MAX, config).unwrap();
    for (number, weight) in [0, most, 1, most, 0].into_iter().enumerate() {
        policy.insert(
            Slot::new(number as u32),
            mix(number as u64),
            weight,
            Hint::NONE,
        );
        policy.check();
    }
    assert_eq!(
        (policy.len(), policy.weight()),
        (5, 2 * u64::from(most) + 1)
    );
    policy.pin(Slot::new(1));
    policy.reweigh(Slot::new(1), 0);
    policy.reweigh(Slot::new(0), most);
    assert_eq!(policy.weight(), 2 * u64::from(most) + 1);
    let evicted = std::iter::from_fn(|| policy.evict()).count();
    assert_eq!((evicted, policy.len(), policy.weight()), (4, 1, 0));
    policy.check();
}

fn evicts_nothing_that_is_pinned<P: Policy>(config: &P::Config) {
    let mut policy = filled::<P>(config, 10, 10);
    for number in 0..10 {
        policy.pin(Slot::new(number));
        policy.pin(Slot::new(number));
        policy.hit(Slot::new(number), mix(u64::from(number)));
        policy.check();
    }
    assert_eq!(
        (policy.evict(), policy.len(), policy.weight()),
        (None, 10, 10)
    );
    policy.unpin(Slot::new(4));
    policy.unpin(Slot::new(4));
    policy.remove(Slot::new(7), true);
    policy.remove(Slot::new(8), false);
    policy.check();
    assert_eq!((policy.evict(), policy.evict()), (Some(Slot::new(4)), None));
    assert_eq!((policy.len(), policy.weight()), (7, 7));
}

/// A ghost changes hints, never what is resident.
fn changes_nothing_on_what_it_remembers<P: Policy>(config: &P::Config) {
    let mut policy = filled::<P>(config, 10, 10);
    let victim = policy.evict().unwrap();
    let hash = mix(u64::from(victim.get()));
    let first = policy.miss(hash);
    assert_eq!(
        policy.miss(hash),
        Hint::NONE,
        "a key that was asked for is forgotten"
    );
    policy.insert(victim, hash, 1, first);
    policy.check();
    assert_eq!((policy.len(), policy.weight()), (10, 10));
    policy.remove(Slot::new(5), false);
    assert_eq!(
        policy.miss(mix(5)),
        Hint::NONE,
        "a key that was to be forgotten is remembered"
    );
}

fn refuses_mistakes<P: Policy>(config: &P::Config) {
    let mistakes: [fn(&mut P); 8] = [
        |policy| policy.insert(Slot::new(3), 0, 1, Hint::NONE),
        |policy| policy.insert(Slot::new(u32::MAX), 0, 1, Hint::NONE),
        |policy| policy.remove(Slot::new(20), true),
        |policy| policy.reweigh(Slot::new(20), 2),
        |policy| policy.pin(Slot::new(9)),
        |policy| policy.unpin(Slot::new(9)),
        |policy| policy.remove(Slot::new(9), false),
        |policy| policy.reweigh(Slot::new(9), 2),
    ];
    for (number, mistake) in mistakes.into_iter().enumerate() {
        let mut policy = filled::<P>(config, 10, 10);
        policy.remove(Slot::new(9), false);
        let outcome = catch_unwind(AssertUnwindSafe(|| mistake(&mut policy)));
        assert!(outcome.is_err(), "mistake {number} went unseen");
        policy.check();
        assert_eq!((policy.len(), policy.weight()), (9, 9));
    }
}

/// However often all entries were hit, an eviction ends, and later ones go on through all of them.
fn keeps_what_was_hit_or_came_late_over_what_left<P: Policy>(config: &P::Config) {
    let mut policy = filled::<P>(config, 1_000, 1_000);
    for round in 0..300 {
        for number in 0..1_000 {
            policy.hit(Slot::new(number), mix(u64::from(number)));
        }
        if round % 100 == 0 {
            policy.check();
        }
    }
    let mut victims: Vec<u32> = std::iter::from_fn(|| policy.evict())
        .map(Slot::get)
        .collect();
    victims.sort_unstable();
    assert_eq!(victims, (0..1_000).collect::<Vec<_>>());
}

#[test]
fn fifo_conforms() {
    conforms::<Fifo>(&[FifoConfig::default()]);
}

#[test]
fn lru_conforms() {
    conforms::<Lru>(&[LruConfig::default()]);
}

#[test]
fn clock_conforms() {
    let bits = |bits| ClockConfig::default().with_bits(bits);
    conforms::<Clock>(&[bits(1), bits(2), bits(8)]);
}

#[test]
fn sieve_conforms() {
    conforms::<Sieve>(&[SieveConfig::default()]);
}

#[test]
fn s3_fifo_conforms() {
    let config = S3FifoConfig::default;
    conforms::<S3Fifo>(&[
        config(),
        config().with_warm_up(WarmUp::Small),
        config().with_small(0.0).with_threshold(31),
        config().with_small(1.0).with_threshold(1).with_ghost(16.0),
        config().with_small(0.5).with_ghost(0.0),
        config().with_ghost_kind(GhostKind::Prints),
        config()
            .with_ghost_kind(GhostKind::Prints)
            .with_small(0.3)
            .with_ghost(3.0),
        S3FifoConfig::clock2q_plus().with_ghost_kind(GhostKind::Prints),
    ]);
}

#[test]
fn random_conforms() {
    let config = RandomConfig::default;
    conforms::<Random>(&[config(), config().with_seed(u64::MAX)]);
}

#[test]
fn hyperbolic_conforms() {
    let config = HyperbolicConfig::default;
    conforms::<Hyperbolic>(&[
        config(),
        config().with_sample(1).with_seed(1),
        config().with_sample(1_024),
    ]);
}

#[test]
fn lfu_conforms() {
    conforms::<Lfu>(&[Default::default()]);
}

#[test]
fn lfuda_conforms() {
    let by_age = LfudaConfig::default().with_promotion(Promotion::Age);
    conforms::<Lfuda>(&[LfudaConfig::default(), by_age]);
}

#[test]
fn gdsf_conforms() {
    let double = GdsfConfig::default().with_arithmetic(Arithmetic::Double);
    conforms::<Gdsf>(&[GdsfConfig::default(), double]);
}

#[test]
fn belady_conforms() {
    conforms::<Belady>(&[Default::default()]);
}

#[test]
fn belady_size_conforms() {
    conforms::<BeladySize>(&[Default::default()]);
}

#[test]
fn w_tinylfu_conforms() {
    let config = WTinyLfuConfig::default;
    conforms::<WTinyLfu>(&[
        config(),
        config().with_window(0.5),
        config().with_window(0.0).with_protected(0.0),
        config().with_window(1.0),
        config().with_window(0.3).with_protected(1.0).with_sample(1),
    ]);
}

#[test]
fn w_tinylfu_adaptive_conforms() {
    let config = WTinyLfuAdaptiveConfig::default;
    conforms::<WTinyLfuAdaptive>(&[config(), config().with_window(0.5).with_protected(0.5)]);
}

#[test]
fn duel_conforms() {
    let config = DuelConfig::default;
    let starts = DuelMode::ALL.map(|mode| config().with_start(mode).with_rate(1.0));
    conforms::<Duel>(&starts);
    conforms::<Duel>(&[config(), config().with_seed(u64::MAX).with_rate(0.01)]);
}

#[test]
fn clock_pro_conforms() {
    let config = ClockProConfig::default;
    conforms::<ClockPro>(&[
        config(),
        config().with_cold(0.5),
        config().with_cold(0.0).with_ghost(16.0),
        config().with_cold(0.2).with_ghost(0.0),
    ]);
}

#[test]
fn slru_conforms() {
    let shares = |shares: &[u32]| SlruConfig::default().with_shares(shares);
    conforms::<Slru>(&[
        SlruConfig::default(),
        shares(&[20, 80]),
        shares(&[1]),
        shares(&[1, 2, 3, 4, 5, 6, 7, 8]),
    ]);
}

#[test]
fn two_q_conforms() {
    let config = TwoQConfig::default;
    conforms::<TwoQ>(&[
        config(),
        config().with_kin(0.0).with_kout(16.0),
        config().with_kin(1.0).with_kout(0.0),
    ]);
}

#[test]
fn arc_conforms() {
    let config = ArcConfig::default;
    conforms::<Arc>(&[config(), config().with_step(ArcStep::Unit)]);
}

#[test]
fn lirs_conforms() {
    let config = LirsConfig::default;
    conforms::<Lirs>(&[
        config(),
        config().with_hir(0.4).with_stack(1.0),
        config().with_hir(1.0).with_stack(16.0),
    ]);
}

#[test]
fn lhd_conforms() {
    let config = LhdConfig::default;
    conforms::<Lhd>(&[config(), config().with_interval(90).with_seed(1)]);
}

#[test]
fn lecar_conforms() {
    let config = LeCaRConfig::default;
    conforms::<LeCaR>(&[
        config(),
        config().with_rate(0.0).with_ghost(16.0),
        config().with_rate(10.0).with_seed(3),
        config().with_ghost(0.0),
    ]);
}

#[test]
fn s3_fifo_conforms_where_it_skips_hits() {
    let config = S3FifoConfig::default;
    conforms::<S3Fifo>(&[
        S3FifoConfig::clock2q_plus(),
        config().with_small(0.7).with_skip(1.0).with_threshold(31),
        config().with_small(1.0).with_skip(0.3).with_chances(31),
    ]);
}

#[test]
fn tinylfu_before_any_policy_conforms() {
    let mut configs = Vec::new();
    for text in ["lru", "s3-fifo", "sieve", "w-tinylfu-adaptive"] {
        for doorkeeper in [true, false] {
            let behind: AnyConfig = text.parse().unwrap();
            configs.push(TinyLfuConfig::new(behind).with_doorkeeper(doorkeeper));
        }
    }
    conforms::<TinyLfu<AnyPolicy>>(&configs);
}

#[test]
fn any_policy_conforms() {
    conforms::<AnyPolicy>(&AnyConfig::all());
}
