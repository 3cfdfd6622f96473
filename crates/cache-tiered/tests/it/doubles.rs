//! Doubles: a gate that threads wait at, and a store that counts, waits and fails as it is told.

use cache_tiered::{
    Applied, ApplyError, Blocking, BlockingSink, BlockingSource, InMemory, Loaded, MemoryTier,
    Mutation, Tiered,
};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// Nothing here takes so long unless it hangs, under a sanitizer too.
const PATIENCE: Duration = Duration::from_secs(120);

/// A gate: who passes while it is shut waits, and others can wait until somebody waits.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    /// How many of those who come are to be held.
    to_hold: usize,
    waiting: usize,
}

impl Gate {
    /// Holds the next `count` that come.
    pub(crate) fn hold(&self, count: usize) {
        self.state.lock().unwrap().to_hold = count;
    }

    pub(crate) fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        if state.to_hold == 0 {
            return;
        }
        state.to_hold -= 1;
        state.waiting += 1;
        self.changed.notify_all();
        drop(self.until(state, |state| state.waiting == 0));
    }

    /// Waits for what another thread is to do, and not for ever.
    fn until<'a>(
        &self,
        state: MutexGuard<'a, GateState>,
        reached: impl Fn(&GateState) -> bool,
    ) -> MutexGuard<'a, GateState> {
        let waited = self
            .changed
            .wait_timeout_while(state, PATIENCE, |state| !reached(state));
        let (state, waited) = waited.unwrap();
        assert!(
            !waited.timed_out(),
            "nobody comes, or nobody opens the gate"
        );
        state
    }

    /// Waits until `count` are held.
    pub(crate) fn wait_for(&self, count: usize) {
        let state = self.state.lock().unwrap();
        drop(self.until(state, |state| state.waiting >= count));
    }

    /// Lets those go who are held, and holds nobody more.
    pub(crate) fn open(&self) {
        let mut state = self.state.lock().unwrap();
        *state = GateState::default();
        self.changed.notify_all();
    }
}

/// What becomes of a call of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Succeed,
    /// A load fails; a write is refused.
    Fail,
    /// A write takes effect, but the store says that it does not know.
    DoneButUnknown,
    /// A write does not take effect, and the store says that it does not know.
    NotDoneAndUnknown,
    Panic,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the probe was told to fail")]
pub(crate) struct Told;

/// A blocking store over an [`InMemory`], with fates and gates.
#[derive(Default)]
pub(crate) struct Probe {
    pub(crate) entries: InMemory<u64, u64>,
    pub(crate) loads: AtomicUsize,
    pub(crate) applies: AtomicUsize,
    /// The fates of the next calls; success when there is none.
    pub(crate) fates: Mutex<VecDeque<Fate>>,
    /// Passed by a load that has read, before it answers.
    pub(crate) loaded: Gate,
    /// Passed by a write before it takes effect.
    pub(crate) applying: Gate,
    /// Passed by a write that has taken effect, before it answers.
    pub(crate) applied: Gate,
    /// A write is within the store; only for tests of one key.
    busy: AtomicBool,
    pub(crate) overlapped: AtomicBool,
}

impl Probe {
    pub(crate) fn tell(&self, fate: Fate) {
        self.fates.lock().unwrap().push_back(fate);
    }

    fn fate(&self) -> Fate {
        self.fates
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Fate::Succeed)
    }

    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    pub(crate) fn applies(&self) -> usize {
        self.applies.load(Ordering::SeqCst)
    }
}

/// A handle to a probe that is a store.
#[derive(Clone, Default)]
pub(crate) struct ProbeStore(pub(crate) Arc<Probe>);

impl BlockingSource<u64, u64> for ProbeStore {
    type Error = Told;

    fn load(&self, key: &u64) -> Result<Loaded<u64>, Told> {
        self.0.loads.fetch_add(1, Ordering::SeqCst);
        let fate = self.0.fate();
        let value = self.0.entries.value(key);
        self.0.loaded.pass();
        match fate {
            Fate::Panic => panic!("the probe was told to panic"),
            Fate::Succeed => Ok(value.into()),
            _ => Err(Told),
        }
    }
}

impl BlockingSink<u64, u64> for ProbeStore {
    type Error = Told;

    fn apply(&self, batch: &[Mutation<u64, u64>]) -> Result<Applied, ApplyError<Told>> {
        self.0.applies.fetch_add(1, Ordering::SeqCst);
        if self.0.busy.swap(true, Ordering::SeqCst) {
            self.0.overlapped.store(true, Ordering::SeqCst);
        }
        self.0.applying.pass();
        let fate = self.0.fate();
        let apply = || BlockingSink::apply(&self.0.entries, batch).expect("no limit");
        let result = match fate {
            Fate::Succeed => {
                let applied = apply();
                self.0.applied.pass();
                Ok(applied)
            }
            Fate::Fail => Err(ApplyError::Refused(Told)),
            Fate::NotDoneAndUnknown => Err(ApplyError::Unknown(Told)),
            Fate::DoneButUnknown => {
                apply();
                Err(ApplyError::Unknown(Told))
            }
            Fate::Panic => {
                self.0.busy.store(false, Ordering::SeqCst);
                panic!("the probe was told to panic")
            }
        };
        self.0.busy.store(false, Ordering::SeqCst);
        result
    }
}

/// A cache of so many entries over a probe.
pub(crate) fn probed(entries: u64) -> (Tiered<u64, u64>, Arc<Probe>) {
    let store = ProbeStore::default();
    let probe = Arc::clone(&store.0);
    let tier = MemoryTier::entries(entries);
    let cache = Tiered::builder()
        .memory(tier)
        .store(Blocking::new(store))
        .build()
        .unwrap();
    (cache, probe)
}

/// The value a key has by the cache.
pub(crate) fn read(cache: &Tiered<u64, u64>, key: u64) -> Option<u64> {
    cache.get(&key).wait().unwrap().map(|hit| hit.value)
}

/// The value a key has in memory.
pub(crate) fn cached(cache: &Tiered<u64, u64>, key: u64) -> Option<u64> {
    cache.get_cached(&key).wait().unwrap().map(|hit| hit.value)
}

/// A small generator of pseudo-random numbers: SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
