//! Reading ahead: runs of keys are found in memory before they are asked for.

use crate::doubles::{Gate, Random};
use cache_tiered::{
    Blocking, BlockingSource, BuildError, Loaded, ManualClock, MemoryTier, Place, ReadAhead, Tier,
    Tiered, TieredStats,
};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::thread;

/// Looks after which what is at work is taken never to come to rest.
const FOREVER: u32 = 50_000_000;

/// A source of `key * 10` for the keys that it has.
struct Shelf {
    has: fn(u64) -> bool,
    /// The questions for several keys.
    windows: Mutex<Vec<Vec<u64>>>,
    /// Passed by these before they are answered.
    gate: Gate,
}

#[derive(Clone)]
struct Shelves(Arc<Shelf>);

impl BlockingSource<u64, u64> for Shelves {
    type Error = Infallible;

    fn load(&self, key: &u64) -> Result<Loaded<u64>, Infallible> {
        Ok(Loaded::from((self.0.has)(*key).then_some(key * 10)))
    }

    fn load_many(&self, keys: &[u64]) -> Result<Vec<Loaded<u64>>, Infallible> {
        self.0.windows.lock().unwrap().push(keys.to_vec());
        self.0.gate.pass();
        keys.iter().map(|key| self.load(key)).collect()
    }
}

struct Reader {
    cache: Tiered<u64, u64>,
    shelf: Arc<Shelf>,
    clock: ManualClock,
}

impl Reader {
    fn of(entries: u64, has: fn(u64) -> bool, read_ahead: Option<ReadAhead<u64>>) -> Self {
        let shelf = Arc::new(Shelf {
            has,
            windows: Mutex::default(),
            gate: Gate::default(),
        });
        let clock = ManualClock::new();
        let tier = MemoryTier::entries(entries).policy("lru".parse().unwrap());
        let mut builder = Tiered::builder()
            .memory(tier.shards(1).clock(clock.clone()))
            .source(Blocking::new(Shelves(Arc::clone(&shelf))));
        if let Some(read_ahead) = read_ahead {
            builder = builder.read_ahead(read_ahead);
        }
        Self {
            cache: builder.build().unwrap(),
            shelf,
            clock,
        }
    }

    fn new() -> Self {
        Self::of(10_000, |_| true, Some(ReadAhead::sequential()))
    }

    /// Waits until nothing more is prefetched.
    fn rest(&self) {
        let at_rest = (0..FOREVER).any(|_| {
            thread::yield_now();
            self.clock.at_work().0 == 0
        });
        assert!(at_rest, "the cache does not come to rest");
    }

    /// Reads a key, and lets what that has set going come to its end; where the value was.
    fn read(&self, key: u64) -> Option<Tier> {
        let hit = self.cache.get(&key).wait().unwrap();
        self.rest();
        hit.map(|hit| {
            assert_eq!(hit.value, key * 10);
            hit.tier
        })
    }

    /// How many of some keys are not in memory when they are read one after the other.
    fn misses(&self, keys: impl Iterator<Item = u64>) -> usize {
        keys.filter(|&key| self.read(key) != Some(Tier::Memory))
            .count()
    }

    /// How many keys each prefetch asked for.
    fn windows(&self) -> Vec<usize> {
        let windows = self.shelf.windows.lock().unwrap();
        windows.iter().map(Vec::len).collect()
    }

    fn stats(&self) -> TieredStats {
        self.cache.stats()
    }
}

#[test]
fn a_run_misses_until_it_is_one_and_then_finds_all_in_memory() {
    let reader = Reader::new();
    assert_eq!(reader.misses(0..3), 3);
    assert_eq!(reader.misses(3..500), 0);
    let windows = reader.windows();
    assert_eq!(windows[..6], [4, 16, 32, 64, 128, 128], "each is larger");
    let asked_for = reader.shelf.windows.lock().unwrap().concat();
    let ahead: Vec<u64> = (3..3 + asked_for.len() as u64).collect();
    assert_eq!(asked_for, ahead, "none twice, and none left out");
    let stats = reader.stats();
    assert_eq!((stats.prefetch_hits, stats.prefetches_wasted), (497, 0));
    assert_eq!(stats.prefetches_late, 0);
    assert_eq!(stats.prefetched, asked_for.len() as u64);
    // They were counted once.
    assert_eq!(reader.misses(0..500), 0);
    assert_eq!(reader.stats().prefetch_hits, 497);
}

#[test]
fn without_runs_or_without_reading_ahead_nothing_is_prefetched() {
    let mut random = Random(7);
    let keys: Vec<u64> = (0..1_000).map(|_| random.below(1 << 40)).collect();
    let reader = Reader::new();
    assert_eq!(reader.misses(keys.into_iter()), 1_000);
    assert_eq!((reader.windows().len(), reader.stats().prefetched), (0, 0));
    let reader = Reader::of(10_000, |_| true, None);
    assert_eq!(reader.misses(0..1_000), 1_000);
    assert_eq!((reader.windows().len(), reader.stats().prefetched), (0, 0));
    // A prefetch that was asked for is no matter of these statistics.
    reader.cache.prefetch(2_000..2_010);
    reader.rest();
    assert_eq!(reader.misses(2_000..2_010), 0);
    let stats = reader.stats();
    assert_eq!((stats.prefetched, stats.prefetch_hits), (10, 0));
}

#[test]
fn runs_go_down_go_by_strides_and_go_on_among_others() {
    let reader = Reader::new();
    let mut random = Random(1);
    let mut missed = 0;
    for step in 0..300 {
        missed += reader.misses([1_000_000 - step, 2_000_000 + 7 * step].into_iter());
        reader.read((1 << 40) + random.below(1 << 40));
    }
    assert_eq!(missed, 6, "three of each");
}

#[test]
fn many_keys_at_once_make_a_run_too() {
    let reader = Reader::new();
    for answer in reader.cache.get_many(&[1, 2, 3]).wait() {
        answer.unwrap().unwrap();
    }
    reader.rest();
    assert_eq!(reader.misses(4..100), 0);
}

#[test]
fn a_run_goes_on_whichever_way_its_keys_are_read() {
    let reader = Reader::new();
    assert_eq!(reader.misses(0..3), 3);
    for key in 3..300 {
        let hit = match key % 3 {
            0 => reader.cache.get_cached(&key).wait(),
            1 => reader.cache.get_many(&[key]).wait().remove(0),
            _ => {
                let load = |_| async { Err::<Loaded<u64>, _>(std::fmt::Error) };
                reader.cache.get_or_load(&key, load).wait()
            }
        };
        assert_eq!(hit.unwrap().unwrap().tier, Tier::Memory, "{key}");
        reader.rest();
    }
    assert_eq!(reader.stats().prefetch_hits, 297);
}

#[test]
fn a_run_goes_on_through_what_is_in_memory() {
    let reader = Reader::new();
    for parts in [8..30, 50..60, 90..300] {
        assert_eq!(reader.cache.warm(parts).wait().failed, 0);
    }
    assert_eq!(reader.misses(0..3), 3);
    assert_eq!(reader.misses(3..400), 0);
    // What was there already is no merit of the run.
    let stats = reader.stats();
    assert_eq!(stats.prefetch_hits, 397 - (22 + 10 + 210));
}

#[test]
fn what_leaves_unused_is_counted_and_makes_windows_small() {
    let reader = Reader::of(60, |_| true, Some(ReadAhead::sequential().window(2, 64)));
    let mut random = Random(3);
    for key in 0..2_000 {
        reader.read(key);
        for _ in 0..5 {
            reader.read((1 << 40) + random.below(1 << 40));
        }
    }
    let windows = reader.windows();
    let (first, last) = (&windows[..10], &windows[windows.len() - 20..]);
    assert!(first.iter().any(|&keys| keys > 12), "{first:?}");
    assert!(last.iter().all(|&keys| keys <= 12), "{last:?}");
    let stats = reader.stats();
    assert!(stats.prefetches_wasted >= 10, "{stats:?}");
    // Every one of them was used, has left, or is still there.
    let ended = stats.prefetch_hits + stats.prefetches_wasted;
    assert!(
        (ended..=ended + 60).contains(&stats.prefetched),
        "{stats:?}"
    );
    let wasted = stats.prefetches_wasted;
    reader.cache.invalidate_all();
    reader.rest();
    assert_eq!(
        reader.stats().prefetches_wasted - wasted,
        stats.prefetched - ended
    );
}

#[test]
fn keys_without_a_value_make_windows_small() {
    let has = |key: u64| key.is_multiple_of(2);
    let reader = Reader::of(10_000, has, Some(ReadAhead::sequential().window(2, 64)));
    let found = (0..1_000).filter(|&key| reader.read(key).is_some()).count();
    assert_eq!(found, 500);
    let windows = reader.windows();
    assert!(windows.len() > 20);
    assert!(windows[10..].iter().all(|&keys| keys <= 8), "{windows:?}");
}

#[test]
fn who_asks_for_what_is_still_to_come_is_late_and_gets_it_by_the_same_load() {
    let reader = Reader::new();
    for key in 0..2 {
        reader.read(key);
    }
    reader.shelf.gate.hold(1);
    reader.cache.get(&2).wait().unwrap();
    let asks = (0..FOREVER).any(|_| {
        thread::yield_now();
        reader.windows().len() == 1
    });
    assert!(asks, "the rest of the run is prefetched");
    let late = [reader.cache.get(&3), reader.cache.get(&3)];
    assert_eq!(reader.stats().prefetches_late, 1, "once a key");
    thread::scope(|scope| {
        let waits = late.map(|late| scope.spawn(|| late.wait().unwrap().unwrap().value));
        reader.shelf.gate.open();
        for waiting in waits {
            assert_eq!(waiting.join().unwrap(), 30);
        }
    });
    reader.rest();
    // Else the next one would have come with key 4.
    assert_eq!(reader.windows(), [4, 16]);
    assert_eq!(reader.misses(3..5), 0);
    let stats = reader.stats();
    assert_eq!(stats.prefetch_hits, 1, "the late one is none: {stats:?}");
    assert_eq!((stats.prefetches_wasted, stats.prefetches_late), (0, 1));
}

#[test]
fn keys_of_any_kind_have_the_order_that_they_are_given() {
    let number = |key: &u64| key.checked_sub(100);
    let ahead = ReadAhead::by(
        move |key| {
            let position = number(key)?;
            Some(Place {
                sequence: 1,
                position,
            })
        },
        |_, position| (position < 50).then_some(position + 100),
    );
    let reader = Reader::of(1_000, |_| true, Some(ahead));
    assert_eq!(reader.misses(0..100), 100, "these have no place");
    assert_eq!(reader.misses(100..150), 3);
    let asked_for = reader.shelf.windows.lock().unwrap().concat();
    assert_eq!(asked_for, (103..150).collect::<Vec<_>>(), "and no more");
}

#[test]
fn settings_out_of_their_range_are_refused() {
    let built = Tiered::<u64, u64>::builder()
        .memory(MemoryTier::entries(10))
        .store(cache_tiered::InMemory::new())
        .read_ahead(ReadAhead::sequential().confirm(1))
        .build();
    assert!(matches!(built, Err(BuildError::ReadAhead(_))));
}
