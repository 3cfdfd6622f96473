//! The store of the machine: it fails as it was told, keys apart, and watches the order of what comes.

use super::fault::{Door, Fault, Held, HeldLoad};
use super::guarantee::Violation;
use super::step::TAGS;
use super::writing::name;
use cache_tiered::{Applied, ApplyError, BlockingSink, BlockingSource, Life, Loaded, Mutation};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::resume_unwind;
use std::sync::Arc;

/// How a store is wrong that the machine has to find out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lie {
    #[default]
    None,
    /// After a change of a key it does the one before once more.
    LateOlder,
    /// It acknowledges every third change and does nothing.
    Forgets,
    /// It says that it refuses, and does what it refused.
    RefusesAndDoes,
    /// It loads what a key was before its last change.
    LoadsOld,
    /// It is the disk that lies: after a crash the journal is as it was before the last write.
    LosesLastRecord,
}

/// The tag with which the store gives out the value of a key.
pub(crate) const fn tag_of(key: u64) -> u8 {
    (key % TAGS as u64) as u8
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store was told to fail")]
pub(crate) struct Told;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Effect {
    stamp: u64,
    value: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    entries: BTreeMap<u64, u64>,
    /// What each key was before its last change.
    former: BTreeMap<u64, Option<u64>>,
    /// The last change of each key by the caches so far.
    effects: BTreeMap<u64, Effect>,
    /// Values that were put in vain: the caller was told that nothing happened.
    refused: BTreeSet<u64>,
    faults: BTreeMap<u64, VecDeque<Fault>>,
    failing_loads: BTreeMap<u64, u32>,
    held_loads: BTreeMap<u64, VecDeque<HeldLoad>>,
    /// Calls that are refused, whatever their keys.
    down: u32,
    loads: Door,
    writes: Door,
    /// Failures of each change, by its stamp.
    failures: BTreeMap<u64, u64>,
    /// Calls under way, by key and by what they make of it.
    under_way: BTreeMap<(u64, Option<u64>), usize>,
    /// Changes that took effect so far, and those of each key.
    changes: u64,
    taken: BTreeMap<u64, u64>,
    /// Calls that failed or were held as told.
    met: u64,
    /// The cache that may act: the others are dead.
    living: u64,
    /// Those before it are held, so that they hear of nothing.
    dying: bool,
    violation: Option<Violation>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    lie: Lie,
    conditional: bool,
    /// The guarantee that names the order of what comes.
    guarantee: &'static str,
}

/// The store, as one of the caches over it has it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    shared: Arc<Shared>,
    cache: u64,
}

impl Store {
    pub(crate) fn new(lie: Lie, conditional: bool, guarantee: &'static str) -> Self {
        Self {
            shared: Arc::new(Shared {
                lie,
                conditional,
                guarantee,
                ..Shared::default()
            }),
            cache: 0,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock()
    }

    /// The same for another cache. From here on those before it do nothing any more, and are held
    /// until they are [buried](Self::bury): who dies writes nothing into a journal of what the store
    /// answered.
    pub(crate) fn reborn(&self) -> Self {
        let mut state = self.state();
        state.living += 1;
        state.dying = true;
        Self {
            shared: Arc::clone(&self.shared),
            cache: state.living,
        }
    }

    /// Lets the caches before the last one go, which are refused what they asked.
    pub(crate) fn bury(&self) {
        self.state().dying = false;
        self.shared.changed.notify_all();
    }

    /// Whether a cache may act; if not, when it has been buried.
    fn lives(&self, state: &mut MutexGuard<'_, State>) -> bool {
        while state.dying && state.living != self.cache {
            self.shared.changed.wait(state);
        }
        state.living == self.cache
    }

    /// Stamps begin anew: they do where there is no journal to remember them.
    pub(crate) fn forget_stamps(&self) {
        self.state().effects.clear();
    }

    pub(crate) fn value(&self, key: u64) -> Option<u64> {
        self.state().entries.get(&key).copied()
    }

    pub(crate) fn violation(&self) -> Option<Violation> {
        self.state().violation.clone()
    }

    /// Changes a key past the caches.
    pub(crate) fn set(&self, key: u64, value: Option<u64>) {
        let mut state = self.state();
        write(&mut state.entries, key, value);
    }

    pub(crate) fn tell(&self, key: u64, fault: Fault, times: u32) {
        let mut state = self.state();
        let faults = state.faults.entry(key).or_default();
        faults.extend((0..times).map(|_| fault));
    }

    pub(crate) fn fail_loads(&self, key: u64, times: u32) {
        self.state().failing_loads.insert(key, times);
    }

    pub(crate) fn hold_loads(&self, key: u64, held: HeldLoad, times: u32) {
        let mut state = self.state();
        let loads = state.held_loads.entry(key).or_default();
        loads.extend((0..times).map(|_| held));
    }

    /// Whether a load may be held, or is.
    pub(crate) fn may_hold_loads(&self) -> bool {
        let state = self.state();
        let told = state.held_loads.values().any(|held| !held.is_empty());
        told || state.hung() > 0
    }

    pub(crate) fn take_down(&self, calls: u32) {
        self.state().down = calls;
    }

    /// Takes back all faults that were not met yet. Calls that are held stay so.
    pub(crate) fn heal(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.failing_loads.clear();
        state.held_loads.clear();
        state.down = 0;
    }

    pub(crate) fn is_healthy(&self) -> bool {
        let state = self.state();
        let well = |faults: &VecDeque<Fault>| faults.is_empty();
        state.faults.values().all(well) && state.down == 0 && state.hung() == 0
    }

    pub(crate) fn hung(&self) -> usize {
        self.state().hung()
    }

    /// Lets all go that are held, and waits until they have gone.
    pub(crate) fn release(&self) {
        self.release_only(Held::All);
    }

    /// The same for some of them.
    pub(crate) fn release_only(&self, which: Held) {
        if which != Held::Writes {
            self.open(|state| &mut state.loads);
        }
        if which != Held::Loads {
            self.open(|state| &mut state.writes);
        }
    }

    fn open(&self, door: fn(&mut State) -> &mut Door) {
        let mut state = self.state();
        door(&mut state).releases += 1;
        self.shared.changed.notify_all();
        loop {
            let Door { held, releases } = door(&mut state);
            if !held.keys().any(|before| before < releases) {
                return;
            }
            self.shared.changed.wait(&mut state);
        }
    }

    /// How often the store failed for the change of a stamp.
    pub(crate) fn failures(&self, stamp: u64) -> u64 {
        self.state()
            .failures
            .get(&stamp)
            .copied()
            .unwrap_or_default()
    }

    /// Whether a call is under way that makes this of a key.
    pub(crate) fn is_under_way(&self, key: u64, value: Option<u64>) -> bool {
        let state = self.state();
        let calls = state.under_way.get(&(key, value));
        calls.is_some_and(|&calls| calls > 0)
    }

    /// Notes that the caller of a put was told that nothing had happened.
    pub(crate) fn was_refused(&self, value: u64) {
        self.state().refused.insert(value);
    }

    pub(crate) fn changes(&self) -> u64 {
        self.state().changes
    }

    /// Changes of a key that took effect.
    pub(crate) fn taken(&self, key: u64) -> u64 {
        self.state().taken.get(&key).copied().unwrap_or_default()
    }

    /// Calls that failed or were held as told.
    pub(crate) fn met(&self) -> u64 {
        self.state().met
    }
}

fn write(entries: &mut BTreeMap<u64, u64>, key: u64, value: Option<u64>) -> bool {
    match value {
        Some(value) => entries.insert(key, value).is_some(),
        None => entries.remove(&key).is_some(),
    }
}

impl State {
    fn hung(&self) -> usize {
        self.loads.hung() + self.writes.hung()
    }

    fn fate(&mut self, batch: &[Mutation<u64, u64>]) -> Option<Fault> {
        let fate = self.told(batch);
        self.met += u64::from(fate.is_some());
        fate
    }

    fn told(&mut self, batch: &[Mutation<u64, u64>]) -> Option<Fault> {
        if self.down > 0 {
            self.down -= 1;
            return Some(Fault::Refuse);
        }
        let mut told = |mutation: &Mutation<u64, u64>| {
            let faults = self.faults.get_mut(mutation.key());
            faults.and_then(VecDeque::pop_front)
        };
        batch.iter().find_map(&mut told)
    }

    /// Notes a violation; the first one stays.
    fn violated(&mut self, guarantee: &'static str, what: String) {
        let violation = Violation { guarantee, what };
        self.violation.get_or_insert(violation);
    }

    /// Lets one change take effect, if it may; true if the key was there before.
    fn change(&mut self, shared: &Shared, mutation: &Mutation<u64, u64>) -> bool {
        let (key, value) = (*mutation.key(), mutation.value().copied());
        let effect = Effect {
            stamp: mutation.stamp(),
            value,
        };
        if let Some(&last) = self.effects.get(&key) {
            if effect.stamp < last.stamp && shared.conditional {
                return self.entries.contains_key(&key);
            }
            if effect.stamp < last.stamp || effect.stamp == last.stamp && effect != last {
                let what = format!("order at the sink: key {key}: {effect:?} came after {last:?}");
                self.violated(shared.guarantee, what);
            }
        }
        if let Some(value) = value.filter(|value| self.refused.contains(value)) {
            let what =
                format!("key {key}: {value} reached the store, and its caller heard of no effect");
            self.violated(shared.guarantee, what);
        }
        self.changes += 1;
        *self.taken.entry(key).or_default() += 1;
        let before = self.entries.get(&key).copied();
        self.former.insert(key, before);
        self.effects.insert(key, effect);
        if shared.lie == Lie::Forgets && self.changes.is_multiple_of(3) {
            return before.is_some();
        }
        write(&mut self.entries, key, value)
    }

    fn apply(&mut self, shared: &Shared, batch: &[Mutation<u64, u64>]) -> Applied {
        let apply = |mutation: &Mutation<u64, u64>| {
            let former = self.effects.get(mutation.key()).copied();
            let existed = self.change(shared, mutation);
            if let Some(former) = former
                .filter(|former| shared.lie == Lie::LateOlder && former.stamp < mutation.stamp())
            {
                let key = *mutation.key();
                let late = match former.value {
                    Some(value) => Mutation::put(key, value, former.stamp),
                    None => Mutation::remove(key, former.stamp),
                };
                self.change(shared, &late);
            }
            existed
        };
        batch.iter().map(apply).collect()
    }
}

/// A call that is under way.
struct UnderWay<'a> {
    store: &'a Store,
    changes: Vec<(u64, Option<u64>)>,
}

impl<'a> UnderWay<'a> {
    fn new(store: &'a Store, state: &mut State, batch: &[Mutation<u64, u64>]) -> Self {
        let change = |mutation: &Mutation<u64, u64>| (*mutation.key(), mutation.value().copied());
        let changes: Vec<_> = batch.iter().map(change).collect();
        for &change in &changes {
            *state.under_way.entry(change).or_default() += 1;
        }
        Self { store, changes }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = self.store.state();
        for change in &self.changes {
            *state.under_way.entry(*change).or_default() -= 1;
        }
    }
}

impl Store {
    fn hang(&self, state: &mut MutexGuard<'_, State>, door: fn(&mut State) -> &mut Door) {
        let released = door(state).releases;
        *door(state).held.entry(released).or_default() += 1;
        while door(state).releases == released {
            self.shared.changed.wait(state);
        }
        let held = &mut door(state).held;
        if let Some(held) = held.get_mut(&released) {
            *held -= 1;
        }
        held.retain(|_, held| *held > 0);
        self.shared.changed.notify_all();
    }
}

impl BlockingSink<u64, u64> for Store {
    type Error = Told;

    fn apply(&self, batch: &[Mutation<u64, u64>]) -> Result<Applied, ApplyError<Told>> {
        let mut state = self.state();
        let _under_way = UnderWay::new(self, &mut state, batch);
        // Dropped before what is under way ends, which locks once more.
        let mut state = state;
        if !self.lives(&mut state) {
            return Err(ApplyError::Refused(Told));
        }
        let fault = state.fate(batch);
        if fault.is_some_and(Fault::fails) {
            for mutation in batch {
                *state.failures.entry(mutation.stamp()).or_default() += 1;
            }
        }
        if fault == Some(Fault::HangThenDone) {
            self.hang(&mut state, |state| &mut state.writes);
            if !self.lives(&mut state) {
                return Err(ApplyError::Refused(Told));
            }
        }
        let does = !matches!(
            fault,
            Some(Fault::Refuse | Fault::UnknownNot | Fault::PanicNot)
        );
        let lies = self.shared.lie == Lie::RefusesAndDoes && fault == Some(Fault::Refuse);
        let applied = (does || lies).then(|| state.apply(&self.shared, batch));
        match fault {
            Some(Fault::DoneThenHang) => self.hang(&mut state, |state| &mut state.writes),
            Some(Fault::PanicDone | Fault::PanicNot) => {
                drop(state);
                // Not told to the hook of panics, which would print it.
                resume_unwind(Box::new("the store was told to panic"));
            }
            Some(Fault::Refuse) => return Err(ApplyError::Refused(Told)),
            Some(Fault::UnknownDone | Fault::UnknownNot) => return Err(ApplyError::Unknown(Told)),
            None | Some(Fault::HangThenDone) => {}
        }
        Ok(applied.expect("it was done"))
    }

    fn is_stamp_conditional(&self) -> bool {
        self.shared.conditional
    }
}

impl BlockingSource<u64, u64> for Store {
    type Error = Told;

    fn load(&self, key: &u64) -> Result<Loaded<u64>, Told> {
        let mut state = self.state();
        let held = state.held_loads.get_mut(key);
        let held = held.and_then(VecDeque::pop_front);
        if held == Some(HeldLoad::BeforeItReads) {
            self.hang(&mut state, |state| &mut state.loads);
        }
        let loaded = self.read(&mut state, key);
        if held == Some(HeldLoad::AfterItReads) {
            self.hang(&mut state, |state| &mut state.loads);
        }
        loaded
    }
}

impl Store {
    fn read(&self, state: &mut State, key: &u64) -> Result<Loaded<u64>, Told> {
        if let Some(left) = state.failing_loads.get_mut(key).filter(|left| **left > 0) {
            *left -= 1;
            return Err(Told);
        }
        let old = state.former.get(key).copied();
        let old = old.filter(|_| self.shared.lie == Lie::LoadsOld);
        let value = old.unwrap_or_else(|| state.entries.get(key).copied());
        let life = Life::DEFAULT.tag(name(tag_of(*key)));
        Ok(value.map_or_else(|| None.into(), |value| Loaded::Value(value, life)))
    }
}
