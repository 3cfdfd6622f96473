//! A store that fails by plan, hangs until it is released, and remembers what it was given.

use crate::doubles::{Gate, Told};
use cache_tiered::{
    Applied, ApplyError, Blocking, BlockingSink, BlockingSource, Loaded, ManualClock, MemoryTier,
    Mutation, Retry, Tiered, TieredBuilder, Writes,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(super) type Cache = Tiered<u64, u64>;

/// How calls fail while they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Manner {
    #[default]
    Refuse,
    Unknown,
    Panic,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<u64, u64>,
    /// The stamp of the last mutation of each key.
    stamps: BTreeMap<u64, u64>,
    /// The keys of each call, whether it succeeded or not.
    calls: Vec<(Vec<u64>, bool)>,
    /// Every value that was applied to a key, in order; none for a removal.
    history: BTreeMap<u64, Vec<Option<u64>>>,
    poison: BTreeSet<u64>,
    down: bool,
    manner: Manner,
}

/// The store.
#[derive(Default)]
pub(super) struct Faulty {
    state: Mutex<State>,
    /// Passed by a call before it takes effect, if it has this key, or any.
    pub(super) hanging: Gate,
    pub(super) hangs_with: Mutex<Option<u64>>,
    pub(super) loads: AtomicUsize,
    pub(super) loads_fail: AtomicBool,
}

impl Faulty {
    pub(super) fn value(&self, key: u64) -> Option<u64> {
        self.state.lock().unwrap().entries.get(&key).copied()
    }

    pub(super) fn stamp(&self, key: u64) -> Option<u64> {
        self.state.lock().unwrap().stamps.get(&key).copied()
    }

    pub(super) fn history(&self, key: u64) -> Vec<Option<u64>> {
        let state = self.state.lock().unwrap();
        state.history.get(&key).cloned().unwrap_or_default()
    }

    /// Calls so far, and among them those that succeeded.
    pub(super) fn calls(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        let good = state.calls.iter().filter(|call| call.1).count();
        (state.calls.len(), good)
    }

    /// Calls that had this key.
    pub(super) fn calls_with(&self, key: u64) -> usize {
        let state = self.state.lock().unwrap();
        let with = |call: &&(Vec<u64>, bool)| call.0.contains(&key);
        state.calls.iter().filter(with).count()
    }

    pub(super) fn poison(&self, key: u64) {
        self.state.lock().unwrap().poison.insert(key);
    }

    pub(super) fn cure(&self, key: u64) {
        self.state.lock().unwrap().poison.remove(&key);
    }

    pub(super) fn set_down(&self, down: bool) {
        self.state.lock().unwrap().down = down;
    }

    pub(super) fn fail_by(&self, manner: Manner) {
        self.state.lock().unwrap().manner = manner;
    }

    pub(super) fn set(&self, key: u64, value: u64) {
        self.state.lock().unwrap().entries.insert(key, value);
    }

    /// Waits until the store is in a certain state, which needs no time to pass.
    pub(super) fn wait_until(&self, reached: impl Fn(&Self) -> bool) {
        while !reached(self) {
            std::thread::yield_now();
        }
    }

    fn attempt(&self, batch: &[Mutation<u64, u64>]) -> Result<Applied, ApplyError<Told>> {
        let mut state = self.state.lock().unwrap();
        let keys: Vec<u64> = batch.iter().map(|mutation| *mutation.key()).collect();
        let fails = state.down || keys.iter().any(|key| state.poison.contains(key));
        state.calls.push((keys, !fails));
        if fails {
            let manner = state.manner;
            drop(state);
            return match manner {
                Manner::Refuse => Err(ApplyError::Refused(Told)),
                Manner::Unknown => Err(ApplyError::Unknown(Told)),
                Manner::Panic => panic!("the store was told to panic"),
            };
        }
        let mut applied = Applied::new();
        for mutation in batch {
            let (key, value) = (*mutation.key(), mutation.value().copied());
            let former = match value {
                Some(value) => state.entries.insert(key, value),
                None => state.entries.remove(&key),
            };
            let stamp = state.stamps.insert(key, mutation.stamp()).unwrap_or(0);
            assert!(stamp <= mutation.stamp(), "key {key} went back in time");
            state.history.entry(key).or_default().push(value);
            applied.push(former.is_some());
        }
        Ok(applied)
    }
}

/// A handle to the store.
#[derive(Clone, Default)]
pub(super) struct FaultyStore(pub(super) Arc<Faulty>);

impl BlockingSource<u64, u64> for FaultyStore {
    type Error = Told;

    fn load(&self, key: &u64) -> Result<Loaded<u64>, Told> {
        self.0.loads.fetch_add(1, Ordering::SeqCst);
        if self.0.loads_fail.load(Ordering::SeqCst) {
            return Err(Told);
        }
        Ok(self.0.value(*key).into())
    }
}

impl BlockingSink<u64, u64> for FaultyStore {
    type Error = Told;

    fn apply(&self, batch: &[Mutation<u64, u64>]) -> Result<Applied, ApplyError<Told>> {
        let hangs_with = *self.0.hangs_with.lock().unwrap();
        if hangs_with.is_none_or(|key| batch.iter().any(|mutation| *mutation.key() == key)) {
            self.0.hanging.pass();
        }
        self.0.attempt(batch)
    }
}

/// A store, a clock and a directory: what outlives a cache.
pub(super) struct World {
    pub(super) store: Arc<Faulty>,
    pub(super) clock: ManualClock,
    directory: tempfile::TempDir,
}

pub(super) const DELAY: Duration = Duration::from_secs(1);

impl World {
    pub(super) fn new() -> Self {
        Self {
            store: Arc::default(),
            clock: ManualClock::new(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Settings that the tests begin with: nothing is due before a second has passed.
    pub(super) fn behind(&self) -> cache_tiered::Behind {
        let pauses = Retry::times(2).pauses(Duration::from_millis(100), Duration::from_secs(10));
        Writes::behind(self.path().join("journal"))
            .journal_bytes(1 << 20, 64 << 10)
            .max_delay(DELAY)
            .max_dirty(1_000)
            .retry(pauses.seed(1))
    }

    pub(super) fn builder(&self, writes: cache_tiered::Behind) -> TieredBuilder<u64, u64> {
        Tiered::builder()
            .memory(MemoryTier::entries(100).clock(self.clock.clone()))
            .store(Blocking::new(FaultyStore(Arc::clone(&self.store))))
            .writes(writes)
    }

    pub(super) fn open_with(&self, writes: cache_tiered::Behind) -> Cache {
        self.builder(writes).build().unwrap()
    }

    pub(super) fn open(&self) -> Cache {
        self.open_with(self.behind())
    }

    pub(super) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub(super) fn clock_passed(&self, milliseconds: u64) -> bool {
        use cache_tiered::Clock;
        self.clock.now() >= milliseconds
    }

    /// Lets time pass until something is reached, however long that takes.
    pub(super) fn pass_until(&self, reached: impl Fn() -> bool) {
        while !reached() {
            self.clock.advance(Duration::from_millis(100));
            std::thread::yield_now();
        }
    }
}
