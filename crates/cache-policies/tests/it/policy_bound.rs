//! Belady's MIN as the bound: with unit sizes and every missed entry inserted, no policy misses less.

use cache_policies::{AnyConfig, AnyPolicy, Belady, BeladySize, Policy};

use crate::policy_random::{Random, Workload};
use crate::policy_ranked::replay;

/// The online policies with their default parameters; those that draw lots, with eight seeds.
fn online() -> Vec<AnyConfig> {
    let online = AnyConfig::all()
        .into_iter()
        .filter(|config| !config.is_offline());
    online
        .flat_map(|config| {
            let is_seeded = config.parameters().iter().any(|(name, ..)| *name == "seed");
            match is_seeded {
                true => (1..=8)
                    .map(|seed| format!("{}:seed={seed}", config.name()).parse().unwrap())
                    .collect(),
                false => vec![config],
            }
        })
        .collect()
}

#[test]
fn belady_is_never_beaten() {
    let online = online();
    assert!(online.len() >= 5);
    for seed in 0..8 {
        for workload in Workload::ALL {
            for capacity in [1, 3, 10, 33, 100] {
                let mut random = Random::new(seed);
                let universe = capacity * 2 + 5;
                let keys = (0..1_500).map(|position| workload.key(&mut random, position, universe));
                let requests: Vec<(u64, u32)> = keys.map(|key| (key, 1)).collect();
                let mut belady = Belady::new(capacity, &Default::default()).unwrap();
                let least = replay(&mut belady, &requests).misses;
                let mut size = BeladySize::new(capacity, &Default::default()).unwrap();
                assert_eq!(replay(&mut size, &requests).misses, least);
                for config in &online {
                    let mut policy = AnyPolicy::new(capacity, config).unwrap();
                    let misses = replay(&mut policy, &requests).misses;
                    assert!(
                        least <= misses,
                        "{config} misses {misses} and MIN {least}: {workload:?}, capacity {capacity}, seed {seed}"
                    );
                }
            }
        }
    }
}
