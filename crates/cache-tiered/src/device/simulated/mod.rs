//! A device that forgets: what was not synced may be lost, torn or reordered when power fails, and
//! any call may fail.

mod calls;
mod change;
#[cfg(all(test, feature = "disk"))]
mod moment;

use change::{Data, Entry, Names};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::Arc;

#[cfg(all(test, feature = "disk"))]
pub(crate) use moment::{Landing, Moment};

/// SplitMix64.
#[derive(Clone, Debug)]
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

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The device fails; of a write any sectors may be there.
    Broken,
    /// There is no room; of a write the beginning may be there.
    Full,
    /// A write takes only a part. Other calls succeed.
    Short,
    /// The process ends here: this call does a part of its work, later ones nothing.
    Crash,
    /// The code of the device has a mistake.
    Panic,
}

#[derive(Clone, Debug)]
struct State {
    data: Vec<Data>,
    names: Names,
    durable_names: Names,
    pending: Vec<Entry>,
    random: Random,
    calls: u64,
    faults: BTreeMap<u64, Fault>,
    reads: u64,
    /// The reads that fail.
    unreadable: BTreeSet<u64>,
    /// The reads that give a part only.
    shortened: BTreeSet<u64>,
    /// What the device was before each sync, if somebody wants to know.
    watched: Option<Vec<State>>,
    /// How many there were.
    uuids: u64,
    dead: bool,
    /// No file can be given room.
    full: bool,
    life: u64,
    boot: u8,
    locked: bool,
}

impl State {
    /// The machine starts anew: there is what the device holds.
    fn boot_again(&mut self) {
        self.boot += 1;
        for data in &mut self.data {
            data.cached.clone_from(&data.durable);
        }
        self.names.clone_from(&self.durable_names);
    }

    /// A sync begins.
    fn watch(&mut self) {
        if let Some(mut seen) = self.watched.take() {
            seen.push(self.clone());
            self.watched = Some(seen);
        }
    }
}

/// The device; clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Simulated {
    state: Arc<Mutex<State>>,
    life: u64,
}

impl Simulated {
    pub(crate) fn new(seed: u64) -> Self {
        let state = State {
            data: Vec::new(),
            names: Names::new(),
            durable_names: Names::new(),
            pending: Vec::new(),
            random: Random(seed),
            calls: 0,
            faults: BTreeMap::new(),
            reads: 0,
            unreadable: BTreeSet::new(),
            shortened: BTreeSet::new(),
            watched: None,
            uuids: 0,
            dead: false,
            full: false,
            life: 0,
            boot: 1,
            locked: false,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            life: 0,
        }
    }

    /// The call `after` more ones fails.
    pub(crate) fn fail(&self, after: u64, fault: Fault) {
        let mut state = self.state.lock();
        let call = state.calls + after;
        state.faults.insert(call, fault);
    }

    /// The read `after` more ones fails.
    pub(crate) fn fail_read(&self, after: u64) {
        let mut state = self.state.lock();
        let read = state.reads + after;
        state.unreadable.insert(read);
    }

    /// The read `after` more ones gives a part only, of more than one byte.
    pub(crate) fn shorten_read(&self, after: u64) {
        let mut state = self.state.lock();
        let read = state.reads + after;
        state.shortened.insert(read);
    }

    /// From now on no file can be given room; what has room can be written.
    pub(crate) fn fill(&self) {
        self.state.lock().full = true;
    }

    /// Files can be given room again.
    pub(crate) fn make_room(&self) {
        self.state.lock().full = false;
    }

    /// Calls wait until what this returns is dropped.
    pub(crate) fn stop(&self) -> impl Sized + '_ {
        self.state.lock()
    }

    /// True while a journal is open.
    pub(crate) fn is_locked(&self) -> bool {
        self.state.lock().locked
    }

    /// True once the process has ended at a call.
    pub(crate) fn is_dead(&self) -> bool {
        self.state.lock().dead
    }

    /// Calls that can fail, so far.
    pub(crate) fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    /// Reads so far.
    pub(crate) fn reads(&self) -> u64 {
        self.state.lock().reads
    }

    pub(crate) fn heal(&self) {
        self.state.lock().faults.clear();
    }

    fn next_life(&self) -> Self {
        let next = self.restarted();
        let mut state = self.state.lock();
        state.faults.clear();
        state.unreadable.clear();
        state.shortened.clear();
        drop(state);
        next
    }

    /// As [`killed`](Self::killed), but the faults that were not met yet are still ahead.
    pub(crate) fn restarted(&self) -> Self {
        let mut state = self.state.lock();
        state.life += 1;
        state.dead = false;
        state.locked = false;
        Self {
            state: Arc::clone(&self.state),
            life: state.life,
        }
    }

    /// The process ended; the page cache is as it was. Handles of before are dead.
    pub(crate) fn killed(&self) -> Self {
        self.next_life()
    }

    /// Power failed: of what was not synced any sectors may be there.
    pub(crate) fn powered_off(&self) -> Self {
        {
            let state = &mut *self.state.lock();
            let random = &mut state.random;
            for data in &mut state.data {
                for change in std::mem::take(&mut data.pending) {
                    change.apply(&mut data.durable, || random.below(2) == 0);
                }
            }
            let names = state.names.clone();
            for entry in std::mem::take(&mut state.pending) {
                if random.below(2) == 0 {
                    entry.apply(&mut state.durable_names, &names);
                }
            }
            state.boot_again();
        }
        self.next_life()
    }

    /// The bytes of a file.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let state = self.state.lock();
        state.data[state.names[name]].cached.clone()
    }

    /// Puts a file there, durably.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.state.lock();
        let file = state.data.len();
        state.data.push(Data {
            cached: bytes.to_vec(),
            durable: bytes.to_vec(),
            pending: Vec::new(),
        });
        state.names.insert(name.to_owned(), file);
        state.durable_names.insert(name.to_owned(), file);
    }

    pub(crate) fn remove(&self, name: &str) {
        let mut state = self.state.lock();
        state.names.remove(name);
        state.durable_names.remove(name);
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.state.lock().names.keys().cloned().collect()
    }

    /// Counts a call; the fault it meets.
    fn call(&self, state: &mut State) -> io::Result<Option<Fault>> {
        if state.dead || state.life != self.life {
            return Err(io::Error::other("the process has ended"));
        }
        state.calls += 1;
        let fault = state.faults.remove(&(state.calls - 1));
        state.dead = fault == Some(Fault::Crash);
        assert!(fault != Some(Fault::Panic), "a mistake in the device");
        Ok(fault)
    }

    /// A call that does all or nothing.
    fn step<R>(&self, step: impl FnOnce(&mut State) -> io::Result<R>) -> io::Result<R> {
        let mut state = self.state.lock();
        match self.call(&mut state)? {
            Some(Fault::Broken) => Err(io::Error::other("the device is broken")),
            Some(Fault::Full) => Err(ErrorKind::StorageFull.into()),
            Some(Fault::Crash) => {
                // Done or not: nobody hears of it.
                if state.random.below(2) == 0 {
                    step(&mut state)?;
                }
                Err(io::Error::other("the process ends"))
            }
            Some(Fault::Short | Fault::Panic) | None => step(&mut state),
        }
    }
}
