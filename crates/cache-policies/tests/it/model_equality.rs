//! Every policy against the naive model of its paper: the same victim each time, the same ghost at each miss.

use cache_policies::{
    AnyPolicy, Clock, ClockConfig, ClockPro, ClockProConfig, Fifo, Hyperbolic, HyperbolicConfig,
    LeCaR, LeCaRConfig, Lhd, LhdConfig, Lru, Policy, Random, RandomConfig, S3Fifo, S3FifoConfig,
    Sieve, WarmUp,
};
use cache_policies::{
    Arc, ArcConfig, ArcStep, Lirs, LirsConfig, Slru, SlruConfig, TwoQ, TwoQConfig,
};
use cache_policies::{Arithmetic, GdsfConfig};
use cache_policies::{Duel, DuelConfig, DuelMode};

use cache_policies::{Belady, BeladySize, Gdsf, Lfu, Lfuda, LfudaConfig, Promotion};

use crate::policy_models::{
    ArcModel, LeCaRModel, LhdModel, LirsModel, S3FifoModel, SlruModel, TwoQModel,
};
use crate::policy_models::{
    ClockProModel, DuelModel, Kind, Model, QueueModel, SampledKind, SampledModel,
};
use crate::policy_models::{Rank, RankModel};
use crate::policy_owner::{Owner, Sequence, cases};
use crate::policy_random::Workload;

/// Models search their queues for each operation: a tenth of the cases takes as long as the conformance suite.
fn equals_model<P: Policy, M: Model + 'static>(config: &P::Config, model: impl Fn(u64) -> M) {
    for sequence in Sequence::several(cases().div_ceil(10)) {
        let model = Box::new(model(sequence.capacity));
        Owner::<P>::run(config, Some(model), sequence);
    }
}

fn equals_its_model<P: Policy>(config: &P::Config, kind: &Kind) {
    equals_model::<P, _>(config, |capacity| QueueModel::new(kind.clone(), capacity));
}

#[test]
fn fifo_equals_its_model() {
    equals_its_model::<Fifo>(&Default::default(), &Kind::Fifo);
}

#[test]
fn lru_equals_its_model() {
    equals_its_model::<Lru>(&Default::default(), &Kind::Lru);
}

#[test]
fn clock_equals_its_model() {
    for bits in [1, 3] {
        let config = ClockConfig::default().with_bits(bits);
        equals_its_model::<Clock>(
            &config,
            &Kind::Clock {
                count_max: (1 << bits) - 1,
            },
        );
    }
}

#[test]
fn sieve_equals_its_model() {
    equals_its_model::<Sieve>(&Default::default(), &Kind::Sieve);
}

#[test]
fn s3_fifo_equals_its_model() {
    let paper = S3FifoConfig::default().with_warm_up(WarmUp::Small);
    let wide = paper
        .clone()
        .with_small(0.4)
        .with_threshold(1)
        .with_ghost(2.0);
    let late = S3FifoConfig::default()
        .with_small(0.25)
        .with_threshold(5)
        .with_ghost(0.3);
    for config in [S3FifoConfig::default(), paper, wide, late] {
        let kind = Kind::S3Fifo {
            small: config.small(),
            threshold: u32::from(config.threshold()),
            ghost: config.ghost(),
            warm_up_in_main: config.warm_up() == WarmUp::Main,
        };
        equals_its_model::<S3Fifo>(&config, &kind);
    }
}

#[test]
fn random_equals_its_model() {
    for seed in 0..8 {
        let config = RandomConfig::default().with_seed(seed);
        equals_model::<Random, _>(&config, |_| SampledModel::new(SampledKind::Random, seed));
    }
}

#[test]
fn hyperbolic_equals_its_model() {
    for (seed, sample) in (0..8).zip([64, 1, 2, 5, 64, 10, 100, 3]) {
        let config = HyperbolicConfig::default()
            .with_sample(sample)
            .with_seed(seed);
        let sample = usize::from(sample);
        let kind = SampledKind::Hyperbolic { sample };
        equals_model::<Hyperbolic, _>(&config, |_| SampledModel::new(kind.clone(), seed));
    }
}

fn equals_rank<P: Policy>(config: &P::Config, rank: Rank) {
    equals_model::<P, _>(config, |_capacity| RankModel::new(rank));
}

#[test]
fn lfu_equals_its_model() {
    equals_rank::<Lfu>(&Default::default(), Rank::Lfu);
}

#[test]
fn lfuda_equals_its_model() {
    equals_rank::<Lfuda>(&Default::default(), Rank::Lfuda);
    let by_age = LfudaConfig::default().with_promotion(Promotion::Age);
    equals_rank::<Lfuda>(&by_age, Rank::LfudaByAge);
}

#[test]
fn gdsf_equals_its_model() {
    equals_rank::<Gdsf>(&Default::default(), Rank::Gdsf);
    let double = GdsfConfig::default().with_arithmetic(Arithmetic::Double);
    equals_rank::<Gdsf>(&double, Rank::GdsfDouble);
}

#[test]
fn belady_equals_its_model() {
    equals_rank::<Belady>(&Default::default(), Rank::Belady);
}

#[test]
fn belady_size_equals_its_model() {
    equals_rank::<BeladySize>(&Default::default(), Rank::BeladySize);
}

#[test]
fn clock_pro_equals_its_model() {
    for (cold, ghost) in [(0.01, 1.0), (0.3, 1.0), (0.1, 2.0), (0.0, 0.5), (0.5, 0.0)] {
        let config = ClockProConfig::default().with_cold(cold).with_ghost(ghost);
        equals_model::<ClockPro, _>(&config, |capacity| {
            ClockProModel::new(cold, ghost, capacity)
        });
    }
}

#[test]
fn slru_equals_its_model() {
    for shares in [&[1, 1, 1, 1][..], &[20, 80], &[3, 1, 2], &[1]] {
        let config = SlruConfig::default().with_shares(shares);
        equals_model::<Slru, _>(&config, |capacity| SlruModel::new(shares, capacity));
    }
}

#[test]
fn two_q_equals_its_model() {
    for (kin, kout) in [(0.25, 0.5), (0.0, 2.0), (1.0, 0.1), (0.6, 0.0)] {
        let config = TwoQConfig::default().with_kin(kin).with_kout(kout);
        equals_model::<TwoQ, _>(&config, |capacity| TwoQModel::new(kin, kout, capacity));
    }
}

#[test]
fn arc_equals_its_model() {
    for step in [ArcStep::Weight, ArcStep::Unit] {
        let config = ArcConfig::default().with_step(step);
        equals_model::<Arc, _>(&config, |capacity| ArcModel::new(step, capacity));
    }
}

#[test]
fn lirs_equals_its_model() {
    for (hir, stack) in [(0.01, 2.0), (0.3, 1.0), (0.0, 16.0), (1.0, 3.0), (0.1, 1.2)] {
        let config = LirsConfig::default().with_hir(hir).with_stack(stack);
        equals_model::<Lirs, _>(&config, |capacity| LirsModel::new(hir, stack, capacity));
    }
}

#[test]
fn lhd_equals_its_model() {
    for (seed, sample) in (0..8).zip([32, 1, 2, 5, 32, 10, 100, 3]) {
        let interval = [1 << 20, 120, 200, 300][seed as usize % 4];
        let config = LhdConfig::default()
            .with_sample(sample)
            .with_interval(interval)
            .with_seed(seed);
        let (sample, interval) = (usize::from(sample), u64::from(interval));
        equals_model::<Lhd, _>(&config, |capacity| {
            LhdModel::new(sample, interval, seed, capacity)
        });
    }
}

#[test]
fn lecar_equals_its_model() {
    for (seed, rate) in (0..8).zip([0.45, 0.0, 10.0, 1.0, 0.45, 0.1, 3.0, 0.45]) {
        let ghost = [0.5, 1.0, 0.1, 2.0, 0.5, 16.0, 0.5, 0.0][seed as usize];
        let config = LeCaRConfig::default()
            .with_rate(rate)
            .with_ghost(ghost)
            .with_seed(seed);
        equals_model::<LeCaR, _>(&config, |capacity| {
            LeCaRModel::new(rate, ghost, seed, capacity)
        });
    }
}

#[test]
fn s3_fifo_with_all_parameters_equals_its_model() {
    let config = S3FifoConfig::default;
    for config in [
        config(),
        S3FifoConfig::clock2q_plus(),
        S3FifoConfig::clock2q_plus().with_small(0.6),
        config().with_small(0.5).with_skip(1.0).with_chances(1),
        config().with_small(0.4).with_skip(0.25).with_threshold(1),
        config()
            .with_small(1.0)
            .with_skip(0.5)
            .with_warm_up(WarmUp::Small),
        config()
            .with_small(0.3)
            .with_skip(0.7)
            .with_threshold(31)
            .with_chances(31),
        config().with_chances(7).with_ghost(2.0),
    ] {
        equals_model::<S3Fifo, _>(&config, |capacity| {
            S3FifoModel::new(config.clone(), capacity)
        });
    }
}

#[test]
fn duel_equals_its_model() {
    for (start, rate, seed) in [
        (DuelMode::Recency, 0.25, 0),
        (DuelMode::Frequency, 1.0, 1),
        (DuelMode::Lru, 1.0, 2),
        (DuelMode::Mixed, 0.5, 3),
        (DuelMode::Half, 1.0, 4),
    ] {
        let config = DuelConfig::default().with_start(start);
        let config = config.with_rate(rate).with_seed(seed);
        equals_model::<Duel, _>(&config, |capacity| {
            DuelModel::new(capacity, start, rate, seed)
        });
    }
}

#[test]
fn duel_equals_its_model_where_modes_change() {
    let config = DuelConfig::default().with_rate(1.0);
    let mut changes = 0;
    for seed in 0..6 {
        let sequence = Sequence {
            seed,
            operations: 30_000,
            workload: Workload::Mixed,
            // The last ones sample fewer keys, for either of two reasons.
            capacity: [40, 50, 60, 70, 240, 400][seed as usize],
            weight_max: 1 + seed % 2,
        };
        let model = DuelModel::new(sequence.capacity, DuelMode::Recency, 1.0, 0);
        let counted = model.changes();
        Owner::<Duel>::run(&config, Some(Box::new(model)), sequence);
        changes += counted.get();
    }
    println!("{changes} changes of the mode");
    assert!(changes >= 10, "{changes} changes");
}

#[test]
fn any_policy_equals_the_model_of_what_it_is() {
    equals_its_model::<AnyPolicy>(&"sieve".parse().unwrap(), &Kind::Sieve);
    equals_its_model::<AnyPolicy>(
        &"clock:bits=2".parse().unwrap(),
        &Kind::Clock { count_max: 3 },
    );
}
