//! What the disk tier does, one thing after the other.

use cache_tiered::{
    BuildError, DiskErrorKind, DiskTier, Hit, InMemory, Life, ManualClock, MemoryTier, Operation,
    Overflow, Tier, Tiered,
};
use rustix::fs::{Advice, fadvise};
use rustix::io::{ReadWriteFlags, preadv2};
use std::fs::{self, File};
use std::future::Future;
use std::io::IoSliceMut;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tempfile::TempDir;

type Cache = Tiered<u64, String>;

fn tier(folder: &TempDir) -> DiskTier {
    DiskTier::new(folder.path().join("cache"))
        .capacity(8 << 20)
        .overflow(Overflow::Wait)
}

/// Least recently used first, so that it is known what leaves.
fn memory() -> MemoryTier<u64, String> {
    MemoryTier::entries(10).policy("lru".parse().unwrap())
}

fn open(folder: &TempDir, store: &InMemory<u64, String>) -> Cache {
    let builder = Tiered::builder().memory(memory());
    builder
        .disk(tier(folder))
        .store(store.clone())
        .build()
        .unwrap()
}

fn value(key: u64) -> String {
    format!("the value of {key}")
}

fn fill(cache: &Cache, keys: u64) {
    for key in 0..keys {
        cache.put(key, value(key)).wait().unwrap();
    }
}

/// The tier that has a key, if one below the store's has it.
fn tier_of(cache: &Cache, key: u64) -> Option<Tier> {
    let hit = cache.get_cached(&key).wait().unwrap()?;
    assert_eq!(hit.value, value(key));
    Some(hit.tier)
}

#[test]
fn what_leaves_memory_is_found_on_the_disk_and_seen_twice_moves_up() {
    let folder = TempDir::new().unwrap();
    let cache = open(&folder, &InMemory::new());
    fill(&cache, 100);
    assert!((0..100).all(|key| tier_of(&cache, key).is_some()));
    let loads = cache.stats().loads;
    let tiers: Vec<_> = (0..3)
        .map(|_| cache.get(&1).wait().unwrap().unwrap().tier)
        .collect();
    // It was seen by `get_cached` before.
    assert_eq!(tiers, [Tier::Disk, Tier::Memory, Tier::Memory]);
    assert_eq!(cache.stats().loads, loads, "the store was not asked");
    let stats = cache.disk_stats().unwrap();
    // The key that moved up ousted one more.
    assert_eq!((stats.stored, stats.dropped, stats.lost), (91, 0, 0));
    // What it ousted was written, and when it leaves itself, nothing is.
    let clean = stats.clean;
    for key in 50..70 {
        cache.get(&key).wait().unwrap();
        cache.get(&key).wait().unwrap();
    }
    assert!(cache.disk_stats().unwrap().clean > clean);
}

#[test]
fn g1_a_change_is_never_followed_by_what_was_on_the_disk() {
    let folder = TempDir::new().unwrap();
    let store = InMemory::new();
    let cache = open(&folder, &store);
    fill(&cache, 100);
    for key in 0..30 {
        match key % 3 {
            0 => cache.put(key, "new".to_owned()).wait().unwrap(),
            1 => assert!(cache.remove(&key).wait().unwrap()),
            _ => assert!(cache.invalidate(&key)),
        }
        assert!(!cache.explain(&key).on_disk);
    }
    let check = |cache: &Cache| {
        for key in 0..30 {
            let found = cache.get(&key).wait().unwrap().map(|hit| hit.value);
            match key % 3 {
                0 => assert_eq!(found.as_deref(), Some("new")),
                1 => assert_eq!(found, None),
                _ => assert_eq!(found, Some(value(key))),
            }
        }
    };
    check(&cache);
    // As after kill -9: what was not closed is taken up as it is.
    drop(cache);
    let cache = open(&folder, &store);
    assert!(cache.disk_stats().unwrap().entries > 60);
    check(&cache);
}

#[test]
fn a_closed_cache_opens_with_all_it_had() {
    let folder = TempDir::new().unwrap();
    let store = InMemory::new();
    let cache = open(&folder, &store);
    fill(&cache, 100);
    cache.close().wait().unwrap();
    drop(cache);
    let cache = open(&folder, &store);
    assert_eq!(cache.disk_stats().unwrap().entries, 100);
    assert!((0..100).all(|key| tier_of(&cache, key) == Some(Tier::Disk)));
    let report = cache.verify_disk().wait().unwrap();
    assert_eq!((report.sound, report.damaged, report.unread), (100, 0, 0));
    drop(cache);
    let cache = open(&folder, &store);
    assert_eq!(
        cache.disk_stats().unwrap().entries,
        100,
        "nor was it closed"
    );
}

#[test]
fn tags_and_invalidate_all_reach_the_disk_and_the_next_run() {
    let folder = TempDir::new().unwrap();
    let store = InMemory::new();
    let cache = open(&folder, &store);
    for key in 0..100 {
        let life = Life::FOREVER.tag(if key % 2 == 0 { "even" } else { "odd" });
        cache.put_with(key, value(key), life).wait().unwrap();
    }
    cache.invalidate_tag("even");
    let check = |cache: &Cache| {
        for key in 0..80 {
            assert_eq!(tier_of(cache, key).is_some(), key % 2 == 1, "{key}");
        }
    };
    check(&cache);
    drop(cache);
    let cache = open(&folder, &store);
    check(&cache);
    // What comes from the disk still has its tag.
    cache.get(&1).wait().unwrap();
    cache.get(&1).wait().unwrap();
    assert_eq!(cache.explain(&1).tags.len(), 1);
    cache.invalidate_all();
    assert!((0..100).all(|key| tier_of(&cache, key).is_none()));
    fill(&cache, 30);
    drop(cache);
    let cache = open(&folder, &store);
    for key in 0..100 {
        assert!(key < 30 || tier_of(&cache, key).is_none(), "{key}");
    }
    assert!(tier_of(&cache, 3).is_some());
}

#[test]
fn lives_go_on_on_the_disk() {
    let folder = TempDir::new().unwrap();
    let clock = ManualClock::new();
    let store = InMemory::new();
    let memory = memory().clock(clock.clone());
    let builder = Tiered::builder().memory(memory.time_to_live(Duration::from_secs(60)));
    let cache: Cache = builder
        .disk(tier(&folder).promote_after(0))
        .store(store)
        .build()
        .unwrap();
    fill(&cache, 100);
    clock.advance(Duration::from_secs(40));
    assert_eq!(tier_of(&cache, 1), Some(Tier::Disk));
    // Moved up to memory, it has the rest of its time.
    cache.get(&1).wait().unwrap();
    assert_eq!(tier_of(&cache, 1), Some(Tier::Memory));
    clock.advance(Duration::from_secs(19));
    assert!(tier_of(&cache, 1).is_some() && tier_of(&cache, 2).is_some());
    clock.advance(Duration::from_secs(2));
    assert!(tier_of(&cache, 1).is_none() && tier_of(&cache, 2).is_none());
    assert_eq!(cache.disk_stats().unwrap().expired, 2);
}

#[test]
fn a_load_replaces_what_the_disk_has() {
    let folder = TempDir::new().unwrap();
    let clock = ManualClock::new();
    let memory = memory().clock(clock.clone());
    let store = InMemory::new();
    let cache: Cache = Tiered::builder()
        .memory(memory.refresh_after(Duration::from_secs(1)))
        .disk(tier(&folder).promote_after(0))
        .store(store.clone())
        .build()
        .unwrap();
    fill(&cache, 100);
    // The store changes behind the cache, which loads the key anew once it is due.
    assert_eq!(cache.get(&1).wait().unwrap().unwrap().tier, Tier::Disk);
    cache.store().load(&1).wait().unwrap();
    let direct = cache_tiered::Mutation::put(1, "new".to_owned(), u64::MAX);
    cache_tiered::BlockingSink::apply(&store, &[direct]).unwrap();
    clock.advance(Duration::from_secs(2));
    cache.get(&1).wait().unwrap();
    let is_new = |_: &u32| {
        std::thread::yield_now();
        cache.get(&1).wait().unwrap().unwrap().value == "new"
    };
    assert!((0..1_000_000).any(|turn| is_new(&turn)));
    // Ousted from memory, it is the new one that the disk has.
    fill_from(&cache, 50);
    let hit = cache.get(&1).wait().unwrap().unwrap();
    assert_eq!((hit.value.as_str(), hit.tier), ("new", Tier::Disk));
}

/// Reads enough to oust what memory has.
fn fill_from(cache: &Cache, first: u64) {
    for key in first..first + 40 {
        cache.get(&key).wait().unwrap();
        cache.get(&key).wait().unwrap();
    }
}

fn refused(path: &Path) -> DiskErrorKind {
    let built = Cache::builder()
        .memory(memory())
        .disk(DiskTier::new(path))
        .store(InMemory::new())
        .build();
    match built {
        Err(BuildError::Disk(error)) => error.kind(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_directory_that_is_not_its_own_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("mine");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("letter"), "dear").unwrap();
    assert_eq!(refused(&path), DiskErrorKind::Foreign);
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1);
    assert_eq!(refused(&path.join("letter")), DiskErrorKind::Directory);
    let cache = open(&folder, &InMemory::new());
    assert_eq!(refused(&folder.path().join("cache")), DiskErrorKind::Locked);
    drop(cache);
    let other = Tiered::<u64, u64>::builder()
        .memory(MemoryTier::entries(10))
        .disk(DiskTier::new(folder.path().join("cache")))
        .store(InMemory::new())
        .build();
    match other {
        Err(BuildError::Disk(error)) => assert_eq!(error.kind(), DiskErrorKind::Codec),
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_capacity_is_no_reason_to_begin_anew() {
    let folder = TempDir::new().unwrap();
    let store = InMemory::new();
    let cache = open(&folder, &store);
    fill(&cache, 1_000);
    cache.close().wait().unwrap();
    drop(cache);
    for capacity in [16 << 20, 1 << 20, 8 << 20] {
        let cache: Cache = Tiered::builder()
            .memory(memory())
            .disk(tier(&folder).capacity(capacity))
            .store(store.clone())
            .build()
            .unwrap();
        let stats = cache.disk_stats().unwrap();
        assert_eq!((stats.entries, stats.capacity_bytes), (1_000, capacity));
        assert_eq!(tier_of(&cache, 7), Some(Tier::Disk));
    }
}

/// Whether the file system tells what it has in memory.
fn tells_what_it_has(folder: &TempDir) -> bool {
    let path = folder.path().join("probe");
    fs::write(&path, b"bytes").unwrap();
    let (file, mut out) = (File::open(&path).unwrap(), [0; 5]);
    let out = &mut [IoSliceMut::new(&mut out)];
    preadv2(&file, out, 0, ReadWriteFlags::NOWAIT) == Ok(5)
}

fn poll<T: Send + 'static>(operation: &mut Operation<T>) -> Poll<T> {
    Pin::new(operation).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_task_has_at_once_what_the_system_has_in_memory() {
    let folder = TempDir::new().unwrap();
    let at_once = tells_what_it_has(&folder);
    let store = InMemory::new();
    let cache = open(&folder, &store);
    fill(&cache, 100);
    cache.close().wait().unwrap();
    drop(cache);
    for overflow in [Overflow::Drop, Overflow::Wait] {
        reads_at_once(&folder, &store, overflow, at_once);
    }
}

fn reads_at_once(
    folder: &TempDir,
    store: &InMemory<u64, String>,
    overflow: Overflow,
    at_once: bool,
) {
    let cache = Tiered::builder()
        .memory(memory())
        .disk(tier(folder).overflow(overflow))
        .store(store.clone())
        .build()
        .unwrap();
    let tier = |answer: Option<Hit<String>>, key: u64| {
        let hit = answer.unwrap();
        assert_eq!(hit.value, value(key));
        hit.tier
    };
    for key in 0..100 {
        let mut first = cache.get(&key);
        match poll(&mut first) {
            Poll::Ready(answer) => assert_eq!(tier(answer.unwrap(), key), Tier::Disk),
            Poll::Pending => {
                assert!(!at_once, "the system has it in memory");
                assert_eq!(tier(first.wait().unwrap(), key), Tier::Disk);
            }
        }
        // Memory is to have it now, which may take another value to the disk.
        let mut second = cache.get(&key);
        match poll(&mut second) {
            Poll::Ready(answer) => assert_eq!(tier(answer.unwrap(), key), Tier::Disk),
            Poll::Pending => {
                // It may have to wait for room; a thread may be as fast all the same.
                assert!(!at_once || overflow == Overflow::Wait);
                assert_eq!(tier(second.wait().unwrap(), key), Tier::Disk);
            }
        }
        assert_eq!(tier(cache.get(&key).wait().unwrap(), key), Tier::Memory);
    }
    let stats = cache.disk_stats().unwrap();
    assert_eq!((stats.hits, stats.misses), (200, 0));
    assert_eq!(cache.stats().disk_hits, 200);
    // One that no tier has takes a thread, as the store may.
    let mut absent = cache.get(&1_000);
    let answer = match poll(&mut absent) {
        Poll::Ready(answer) => answer,
        Poll::Pending => absent.wait(),
    };
    assert!(answer.unwrap().is_none());
    cache.close().wait().unwrap();
}

#[test]
fn what_the_system_has_not_in_memory_is_read_by_a_thread() {
    let folder = TempDir::new().unwrap();
    let store = InMemory::new();
    let cache = open(&folder, &store);
    fill(&cache, 100);
    cache.close().wait().unwrap();
    drop(cache);
    for file in fs::read_dir(folder.path().join("cache")).unwrap() {
        let file = File::open(file.unwrap().path()).unwrap();
        file.sync_all().unwrap();
        fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    }
    let cache = open(&folder, &store);
    for key in 0..100 {
        let mut get = cache.get(&key);
        let answer = match poll(&mut get) {
            Poll::Ready(answer) => answer,
            Poll::Pending => get.wait(),
        };
        let hit = answer.unwrap().unwrap();
        assert_eq!((hit.value, hit.tier), (value(key), Tier::Disk));
    }
    cache.close().wait().unwrap();
}
