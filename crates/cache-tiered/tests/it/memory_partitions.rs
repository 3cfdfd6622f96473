//! Partitions of the memory tier: what each may have, whatever the others do.

use crate::doubles::Random;
use cache_policies::{AnyConfig, AnyPolicy, Cache};
use cache_tiered::{
    BuildError, Cause, InMemory, Insight, ManualClock, MemoryCache, MemoryTier, PartitionError,
    PartitionStats, Quota, Raw, RejectReason, ResizeError, Tiered,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

type Numbers = MemoryCache<(u8, u64), u64>;

fn of_pair((partition, _): &(u8, u64)) -> usize {
    usize::from(*partition)
}

const PLAIN: Quota = Quota {
    min: 0,
    max: u64::MAX,
    weight: 1,
};

fn parted(capacity: u64, shards: usize, policy: &str, quotas: &[Quota]) -> Numbers {
    let builder = MemoryCache::builder().capacity(capacity).shards(shards);
    let builder = builder.policy(policy.parse().unwrap());
    let builder = builder.partitions(quotas.iter().copied(), of_pair);
    builder.build().unwrap()
}

fn fill(cache: &Numbers, partition: u8, keys: std::ops::Range<u64>) {
    for key in keys {
        cache.insert((partition, key), key);
    }
}

fn weights(cache: &Numbers) -> Vec<u64> {
    let stats = cache.partition_stats();
    stats.iter().map(|stats| stats.weight).collect()
}

/// What has come is still there or has left in one way, in each partition and in all.
fn assert_accounts_balance(cache: &Numbers) {
    let all = cache.partition_stats();
    for PartitionStats {
        inserts,
        evictions,
        expirations,
        removals,
        cleared,
        len,
        ..
    } in all.iter().copied()
    {
        assert_eq!(
            inserts,
            evictions + expirations + removals + cleared + len as u64
        );
    }
    let stats = cache.stats();
    let sum = |of: fn(&PartitionStats) -> u64| all.iter().map(of).sum::<u64>();
    assert_eq!(sum(|one| one.inserts), stats.inserts);
    assert_eq!(sum(|one| one.updates), stats.updates);
    assert_eq!(sum(|one| one.rejections), stats.rejections);
    assert_eq!(sum(|one| one.evictions), stats.evictions);
    assert_eq!(sum(|one| one.expirations), stats.expirations);
    assert_eq!(sum(|one| one.removals), stats.removals);
    assert_eq!(sum(|one| one.cleared), stats.cleared);
    assert_eq!(sum(|one| one.hits), stats.hits);
    assert_eq!(sum(|one| one.weight), stats.weight);
    assert_eq!(sum(|one| one.len as u64), stats.len as u64);
}

#[test]
fn one_partition_of_all_has_the_victims_of_a_cache_without() {
    for policy in [
        "fifo",
        "sieve",
        "s3-fifo",
        "s3-fifo:threshold=5",
        "lru",
        "2q",
    ] {
        let capacity = 100;
        let tier = parted(capacity, 1, policy, &[PLAIN]);
        let config: AnyConfig = policy.parse().unwrap();
        let builder = Cache::<u64, u64>::builder().capacity(capacity);
        let mut exact = builder.policy::<AnyPolicy>(config).build().unwrap();
        let mut random = Random(capacity);
        for step in 0..20_000 {
            let key = random.below(20) * random.below(20);
            let (found, expected) = match random.below(16) {
                0 => (tier.remove(&(0, key)), exact.remove(&key)),
                1 => (
                    tier.insert((0, key), step),
                    exact.insert(key, step).unwrap(),
                ),
                _ => {
                    let both = (tier.get(&(0, key)), exact.get(&key).copied());
                    if both.1.is_none() {
                        tier.insert((0, key), step);
                        exact.insert(key, step).unwrap();
                    }
                    both
                }
            };
            assert_eq!(found, expected, "{policy}, step {step}");
        }
        assert_accounts_balance(&tier);
    }
}

#[test]
fn under_load_each_partition_has_what_its_quota_says() {
    // Of 12,000: 6,000 at least and no more; 1,000 at most; and what is left in proportion of 2 to 1.
    let quotas = [
        Quota {
            min: 6_000,
            weight: 0,
            ..PLAIN
        },
        Quota {
            max: 1_000,
            ..PLAIN
        },
        Quota { weight: 2, ..PLAIN },
        PLAIN,
    ];
    for (shards, policy) in [(1, "s3-fifo"), (4, "s3-fifo"), (4, "lru"), (16, "sieve")] {
        let cache = parted(12_000, shards, policy, &quotas);
        let mut random = Random(7);
        for _ in 0..300_000 {
            let key = (random.below(4) as u8, random.below(20_000));
            if cache.get(&key).is_none() {
                cache.insert(key, 1);
            }
        }
        let stats = cache.partition_stats();
        for (stats, expected) in stats.iter().zip([6_000, 1_000, 3_333, 1_667]) {
            // The shards' parts are rounded down.
            assert!(stats.share <= expected && stats.share + shards as u64 >= expected);
            let (weight, share) = (stats.weight as f64, expected as f64);
            assert!((weight / share - 1.0).abs() < 0.03, "{policy}: {stats:?}");
            assert!(stats.weight <= stats.quota.max);
        }
        assert_accounts_balance(&cache);
    }
}

#[test]
fn a_flood_in_one_partition_takes_nothing_from_what_others_have_within_their_shares() {
    let quotas = [
        Quota {
            min: 4_000,
            ..PLAIN
        },
        PLAIN,
    ];
    let cache = parted(8_000, 4, "s3-fifo", &quotas);
    fill(&cache, 0, 0..3_600);
    fill(&cache, 1, 0..100_000);
    assert_eq!(weights(&cache)[0], 3_600);
    let survivors = (0..3_600).filter(|&key| cache.get(&(0, key)).is_some());
    assert_eq!(survivors.count(), 3_600);
    assert_accounts_balance(&cache);
}

#[test]
fn room_that_nobody_else_wants_is_borrowed_and_given_back() {
    let cache = parted(1_000, 1, "lru", &[PLAIN, PLAIN]);
    fill(&cache, 0, 0..1_000);
    assert_eq!(weights(&cache), [1_000, 0]);
    fill(&cache, 1, 0..400);
    assert_eq!(weights(&cache), [600, 400]);
    fill(&cache, 1, 400..1_000);
    assert_eq!(weights(&cache), [500, 500]);
    assert_eq!(cache.partition_stats()[0].evictions, 500);
}

#[test]
fn what_is_too_heavy_for_its_partition_comes_back() {
    let weigher = |_: &(u8, u64), value: &u64| u32::try_from(*value).unwrap();
    let cache: Numbers = MemoryCache::builder()
        .capacity(100)
        .shards(1)
        .weigher(weigher)
        .partitions(
            [Quota { max: 10, ..PLAIN }, Quota { min: 50, ..PLAIN }],
            of_pair,
        )
        .build()
        .unwrap();
    let rejected = cache.try_insert((0, 1), 11).unwrap_err();
    assert_eq!(
        (rejected.value, rejected.reason),
        (11, RejectReason::TooHeavy)
    );
    fill(&cache, 1, 50..51);
    let rejected = cache.try_insert((0, 1), 11).unwrap_err();
    assert_eq!(rejected.reason, RejectReason::TooHeavy);
    cache.set_quota(0, PLAIN).unwrap();
    let rejected = cache.try_insert((0, 1), 60).unwrap_err();
    assert_eq!(rejected.reason, RejectReason::OverShare);
    assert_eq!(cache.try_insert((0, 1), 50), Ok(None));
    // Heavier than before, in its own place.
    assert_eq!(cache.try_insert((0, 1), 40), Ok(Some(50)));
    assert_eq!(cache.try_insert((0, 1), 45), Ok(Some(40)));
    assert_eq!(weights(&cache), [45, 50]);
    assert_eq!(cache.partition_stats()[0].rejections, 3);
    assert_eq!(cache.remove(&(0, 1)), Some(45));
    assert_accounts_balance(&cache);
}

#[test]
fn quotas_and_capacity_change_at_run_time() {
    let cache = parted(1_000, 2, "fifo", &[PLAIN, PLAIN]);
    fill(&cache, 0, 0..1_000);
    fill(&cache, 1, 0..1_000);
    cache.set_quota(0, Quota { max: 100, ..PLAIN }).unwrap();
    let after = weights(&cache);
    assert!(after[0] == 100 && after[1] >= 450);
    fill(&cache, 1, 0..2_000);
    assert_eq!(weights(&cache), [100, 900]);
    cache.resize(400).unwrap();
    assert_eq!(cache.weight(), 400);
    cache.set_quota(1, Quota { min: 300, ..PLAIN }).unwrap();
    assert_eq!(
        cache.resize(299),
        Err(ResizeError::Reserved {
            min: 300,
            capacity: 299
        })
    );
    assert_eq!(
        cache.set_quota(0, Quota { min: 101, ..PLAIN }),
        Err(PartitionError::Overcommitted {
            min: 401,
            capacity: 400
        })
    );
    assert_eq!(
        cache.set_quota(0, Quota { max: 1, ..PLAIN }),
        Err(PartitionError::TooSmall { max: 1, shards: 2 })
    );
    assert_eq!(
        (cache.capacity(), cache.partition_stats()[0].quota.max),
        (400, 100)
    );
    // A partition is given up.
    cache
        .set_quota(
            0,
            Quota {
                max: 0,
                weight: 0,
                ..PLAIN
            },
        )
        .unwrap();
    assert_eq!(weights(&cache)[0], 0);
    assert_eq!(cache.insert((0, 1), 1), None);
    assert_eq!(cache.get(&(0, 1)), None);
    assert_accounts_balance(&cache);
}

#[test]
fn what_is_pinned_stays_and_is_a_limit_of_quotas() {
    let cache = parted(100, 1, "lru", &[PLAIN, PLAIN]);
    fill(&cache, 0, 0..60);
    assert!((0..20).all(|key| cache.pin(&(0, key))));
    fill(&cache, 1, 0..1_000);
    assert!((0..20).all(|key| cache.contains(&(0, key))));
    let quota = Quota { max: 10, ..PLAIN };
    assert_eq!(
        cache.set_quota(0, quota),
        Err(PartitionError::Pinned { max: 10 })
    );
    assert_eq!(cache.resize(19), Err(ResizeError::Pinned { capacity: 19 }));
    assert!(cache.unpin(&(0, 0)) && !cache.unpin(&(0, 0)));
    cache.clear();
    assert_accounts_balance(&cache);
}

#[test]
fn lives_end_in_each_partition() {
    let clock = ManualClock::new();
    let cache: Numbers = MemoryCache::builder()
        .capacity(100)
        .shards(1)
        .clock(clock.clone())
        .time_to_idle(Duration::from_millis(10))
        .partitions([PLAIN, PLAIN], of_pair)
        .build()
        .unwrap();
    fill(&cache, 0, 0..10);
    fill(&cache, 1, 0..10);
    clock.advance(Duration::from_millis(6));
    assert_eq!(cache.get(&(1, 3)), Some(3));
    clock.advance(Duration::from_millis(6));
    cache.expire();
    let stats = cache.partition_stats();
    assert_eq!(
        (stats[0].len, stats[0].expirations, stats[0].hits),
        (0, 10, 0)
    );
    assert_eq!(
        (stats[1].len, stats[1].expirations, stats[1].hits),
        (1, 9, 1)
    );
    assert_accounts_balance(&cache);
}

#[test]
fn victims_of_other_partitions_are_told_of() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = {
        let told = Arc::clone(&told);
        move |key: (u8, u64), _: u64, cause| told.lock().unwrap().push((key, cause))
    };
    let cache: Numbers = MemoryCache::builder()
        .capacity(4)
        .policy("lru".parse().unwrap())
        .partitions([PLAIN, PLAIN], of_pair)
        .shards(1)
        .listener(listener)
        .build()
        .unwrap();
    fill(&cache, 0, 0..4);
    fill(&cache, 1, 0..1);
    assert_eq!(*told.lock().unwrap(), [((0, 0), Cause::Capacity)]);
}

#[test]
fn partitions_that_can_not_be_are_refused() {
    let build = |shards, quotas: &[Quota]| {
        let builder = MemoryCache::<u8, u8>::builder()
            .capacity(100)
            .shards(shards);
        let built = builder.partitions(quotas.iter().copied(), |_| 0).build();
        match built {
            Err(BuildError::Partitions(error)) => Some(error),
            _ => None,
        }
    };
    assert_eq!(
        build(1, &[]),
        Some(PartitionError::Number { partitions: 0 })
    );
    let many = vec![PLAIN; (1 << 16) + 1];
    assert_eq!(
        build(1, &many),
        Some(PartitionError::Number { partitions: 65_537 })
    );
    let crossed = Quota {
        min: 2,
        max: 1,
        weight: 1,
    };
    assert_eq!(
        build(1, &[crossed]),
        Some(PartitionError::Crossed { min: 2, max: 1 })
    );
    let narrow = Quota { max: 7, ..PLAIN };
    assert_eq!(
        build(8, &[narrow]),
        Some(PartitionError::TooSmall { max: 7, shards: 8 })
    );
    assert_eq!(build(4, &[narrow]), None);
    // The sum of the minima is the capacity, and no shard has too little for its part of them.
    let thirds = [33, 33, 34].map(|min| Quota { min, ..PLAIN });
    assert_eq!(build(8, &thirds), None);
}

#[test]
fn a_narrow_partition_has_a_part_in_each_of_few_shards() {
    let builder = MemoryCache::<u64, u64>::builder().capacity(1 << 20);
    let quotas = [PLAIN, Quota { max: 100, ..PLAIN }];
    let cache = builder
        .partitions(quotas, |key| usize::from(*key < 1_000))
        .build()
        .unwrap();
    assert_eq!(cache.shards(), 1);
    for key in 0..1_000 {
        cache.insert(key, key);
    }
    assert_eq!(cache.partition_stats()[1].len, 100);
}

#[test]
fn a_key_of_no_partition_panics_and_changes_nothing() {
    let cache = parted(10, 1, "fifo", &[PLAIN]);
    fill(&cache, 0, 0..5);
    let inserted = catch_unwind(AssertUnwindSafe(|| cache.insert((1, 1), 1)));
    let message = *inserted.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("partition 1"), "{message}");
    assert_eq!((cache.len(), cache.get(&(1, 1))), (5, None));
}

#[test]
fn a_snapshot_of_a_parted_cache_starts_another_one_warm() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hot");
    let build = |capacity| -> MemoryCache<Vec<u8>, Vec<u8>> {
        let builder = MemoryCache::builder().capacity(capacity).shards(1);
        let first = |key: &Vec<u8>| usize::from(key[0]);
        let policy = "lru".parse().unwrap();
        builder
            .policy(policy)
            .partitions([PLAIN, PLAIN], first)
            .build()
            .unwrap()
    };
    let cache = build(100);
    for key in 0..50 {
        cache.insert(vec![0, key], vec![key]);
        cache.insert(vec![1, key], vec![key]);
    }
    assert!(cache.pin(&vec![1, 0]));
    assert_eq!(cache.snapshot(&path, &Raw, &Raw).unwrap().entries, 100);
    let warm = build(20);
    warm.restore(&path, &Raw, &Raw).unwrap();
    // The hottest of both, and what was pinned.
    let stats = warm.partition_stats();
    assert_eq!((stats[0].len, stats[1].len), (10, 10));
    assert!(warm.contains(&vec![0, 49]) && warm.contains(&vec![1, 49]));
    assert!(!warm.contains(&vec![0, 10]) && !warm.contains(&vec![1, 10]));
}

#[test]
fn threads_that_do_everything_at_once_leave_the_accounts_balanced() {
    let quotas = [
        Quota { min: 500, ..PLAIN },
        Quota { max: 300, ..PLAIN },
        PLAIN,
    ];
    for policy in ["s3-fifo", "lru", "lirs"] {
        let clock = ManualClock::new();
        let cache: Numbers = MemoryCache::builder()
            .capacity(2_000)
            .shards(4)
            .policy(policy.parse().unwrap())
            .clock(clock.clone())
            .partitions(quotas, of_pair)
            .build()
            .unwrap();
        thread::scope(|scope| {
            for thread in 0..4_u64 {
                let (cache, clock) = (&cache, &clock);
                scope.spawn(move || {
                    let mut random = Random(thread);
                    for step in 0..20_000 {
                        let key = (random.below(3) as u8, random.below(3_000));
                        match random.below(12) {
                            0 => {
                                let _former = cache.remove(&key);
                            }
                            1 => {
                                let _former =
                                    cache.insert_with_ttl(key, step, Duration::from_millis(3));
                            }
                            2..6 => {
                                let _former = cache.insert(key, step);
                            }
                            6 if step % 64 == 0 => clock.advance(Duration::from_millis(1)),
                            7 if step % 64 == 0 => {
                                let max = 300 + random.below(200);
                                cache.set_quota(1, Quota { max, ..PLAIN }).unwrap();
                            }
                            8 if step % 64 == 0 => cache.resize(1_500 + random.below(500)).unwrap(),
                            9 if step % 512 == 0 => cache.retain(|_, value| value % 2 == 0),
                            _ => {
                                let _former = cache.get(&key);
                            }
                        }
                    }
                });
            }
        });
        assert_accounts_balance(&cache);
        assert!(cache.weight() <= cache.capacity());
        assert!(weights(&cache)[1] <= cache.partition_stats()[1].quota.max);
    }
}

#[test]
fn the_memory_of_a_tiered_cache_has_partitions_too() {
    let quotas = [PLAIN, Quota { max: 10, ..PLAIN }];
    let tier = MemoryTier::entries(100).shards(1);
    let cache: Tiered<u64, u64> = Tiered::builder()
        .memory(tier.partitions(quotas, |key| usize::from(*key >= 1_000)))
        .store(InMemory::new())
        .build()
        .unwrap();
    for key in 0..50 {
        cache.put(key, key).wait().unwrap();
        cache.put(1_000 + key, key).wait().unwrap();
    }
    let stats = cache.partition_stats();
    assert_eq!((stats[0].len, stats[1].len), (50, 10));
    cache.set_quota(1, PLAIN).unwrap();
    for key in 0..50 {
        assert!(cache.get(&(1_000 + key)).wait().unwrap().is_some());
    }
    assert_eq!(cache.partition_stats()[1].len, 50);
}

#[test]
fn each_policy_tells_what_it_has_found_out() {
    let cache = parted(1_000, 2, "duel:start=m", &[PLAIN, PLAIN]);
    // A loop over twice as many keys as there is room for, in the first partition alone.
    for key in (0..2_000).cycle().take(60_000) {
        if cache.get(&(0, key)).is_none() {
            cache.insert((0, key), key);
        }
    }
    let insights = cache.explain_policy();
    // Of the first, the mode depends on the keys that are sampled, and so on the seed of the hashes.
    let modes = insights.iter().filter_map(|told| match told.insight {
        Insight::Choice { chosen, of, .. } => {
            let kept = (told.partition == 1).then_some(of[chosen]);
            Some((told.shard, told.partition, kept))
        }
        _ => None,
    });
    assert_eq!(
        modes.collect::<Vec<_>>(),
        [
            (0, 0, None),
            (0, 1, Some("m")),
            (1, 0, None),
            (1, 1, Some("m"))
        ]
    );
    for told in &insights {
        let Insight::Ratio { name, part, whole } = told.insight else {
            continue;
        };
        assert_eq!(whole > 0, told.partition == 0, "{told:?}");
        // LRU hits nothing of such a loop, LIRS some of it, whichever keys are sampled.
        match name {
            "misses of l" => assert_eq!(part, whole, "{told:?}"),
            "misses of i" => assert_eq!(part < whole, told.partition == 0, "{told:?}"),
            _ => {}
        }
    }
    assert_eq!(parted(1_000, 2, "lru", &[PLAIN]).explain_policy(), []);

    let policy = "w-tinylfu-adaptive".parse().unwrap();
    let tier = MemoryTier::entries(1_000).shards(2).policy(policy);
    let builder = Tiered::<u64, u64>::builder().name("explained").memory(tier);
    let tiered = builder.store(InMemory::new()).build().unwrap();
    let windows = tiered.explain_policy();
    let told = |index: usize| (windows[index].shard, windows[index].partition);
    assert_eq!((windows.len(), told(0), told(1)), (2, (0, 0), (1, 0)));
    assert!(matches!(windows[1].insight, Insight::Share { share, .. } if share > 0.0));
}
