//! A device that forgets: what was not synced may be lost, torn or reordered when power fails, and
//! any call may fail.

use crate::journal::{Device, DeviceFile};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// What a write to the device can not tear.
const SECTOR: usize = 512;

/// SplitMix64.
#[derive(Clone, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The device fails; of a write any sectors may be there.
    Broken,
    /// There is no room; of a write the beginning may be there.
    Full,
    /// A write takes only a part. Other calls succeed.
    Short,
    /// The process ends here: this call does a part of its work, later ones nothing.
    Crash,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>, mut takes: impl FnMut() -> bool) {
        match self {
            Self::SetLen(len) => {
                if takes() {
                    bytes.resize(*len, 0);
                }
            }
            Self::Write(offset, written) => {
                let mut at = 0;
                while at < written.len() {
                    let place = offset + at;
                    let sector = (SECTOR - place % SECTOR).min(written.len() - at);
                    if takes() {
                        bytes.resize(bytes.len().max(place + sector), 0);
                        bytes[place..place + sector].copy_from_slice(&written[at..at + sector]);
                    }
                    at += sector;
                }
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Data {
    /// What is read.
    cached: Vec<u8>,
    /// What the device holds for certain.
    durable: Vec<u8>,
    /// What it may hold besides.
    pending: Vec<Change>,
}

type Names = BTreeMap<String, usize>;

#[derive(Clone, Debug)]
enum Entry {
    Create(String, usize),
    Rename(String, String),
    Delete(String),
}

impl Entry {
    fn apply(&self, names: &mut Names, files: &Names) {
        match self {
            Self::Create(name, file) => {
                names.insert(name.clone(), *file);
            }
            Self::Rename(from, to) => {
                // Durable or not, the file is the one that has the name.
                let file = names.remove(from).or_else(|| files.get(to).copied());
                if let Some(file) = file {
                    names.insert(to.clone(), file);
                }
            }
            Self::Delete(name) => {
                names.remove(name);
            }
        }
    }
}

#[derive(Debug)]
struct State {
    data: Vec<Data>,
    names: Names,
    durable_names: Names,
    pending: Vec<Entry>,
    random: Random,
    calls: u64,
    faults: BTreeMap<u64, Fault>,
    dead: bool,
    life: u64,
    boot: u8,
    locked: bool,
}

/// The device; clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Simulated {
    state: Arc<Mutex<State>>,
    life: u64,
}

struct SimulatedFile {
    device: Simulated,
    file: usize,
    locks: Mutex<bool>,
}

impl Simulated {
    pub(super) fn new(seed: u64) -> Self {
        let state = State {
            data: Vec::new(),
            names: Names::new(),
            durable_names: Names::new(),
            pending: Vec::new(),
            random: Random(seed),
            calls: 0,
            faults: BTreeMap::new(),
            dead: false,
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
    pub(super) fn fail(&self, after: u64, fault: Fault) {
        let mut state = self.state.lock();
        let call = state.calls + after;
        state.faults.insert(call, fault);
    }

    /// Calls that can fail, so far.
    pub(super) fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    pub(super) fn heal(&self) {
        self.state.lock().faults.clear();
    }

    fn next_life(&self) -> Self {
        let mut state = self.state.lock();
        state.life += 1;
        state.dead = false;
        state.locked = false;
        state.faults.clear();
        Self {
            state: Arc::clone(&self.state),
            life: state.life,
        }
    }

    /// The process ended; the page cache is as it was. Handles of before are dead.
    pub(super) fn killed(&self) -> Self {
        self.next_life()
    }

    /// Power failed: of what was not synced any sectors may be there.
    pub(super) fn powered_off(&self) -> Self {
        {
            let state = &mut *self.state.lock();
            state.boot += 1;
            let random = &mut state.random;
            for data in &mut state.data {
                for change in std::mem::take(&mut data.pending) {
                    change.apply(&mut data.durable, || random.below(2) == 0);
                }
                data.cached.clone_from(&data.durable);
            }
            let names = state.names.clone();
            for entry in std::mem::take(&mut state.pending) {
                if random.below(2) == 0 {
                    entry.apply(&mut state.durable_names, &names);
                }
            }
            state.names.clone_from(&state.durable_names);
        }
        self.next_life()
    }

    /// The bytes of a file.
    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        let state = self.state.lock();
        state.data[state.names[name]].cached.clone()
    }

    /// Puts a file there, durably.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) {
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

    pub(super) fn remove(&self, name: &str) {
        let mut state = self.state.lock();
        state.names.remove(name);
        state.durable_names.remove(name);
    }

    pub(super) fn names(&self) -> Vec<String> {
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
            Some(Fault::Short) | None => step(&mut state),
        }
    }
}

impl Device for Simulated {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DeviceFile>> {
        let file = self.state.lock().names.get(name).copied();
        Ok(Box::new(SimulatedFile {
            device: self.clone(),
            file: file.ok_or(ErrorKind::NotFound)?,
            locks: Mutex::new(false),
        }))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DeviceFile>> {
        let file = self.step(|state| {
            if state.names.contains_key(name) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            let file = state.data.len();
            state.data.push(Data::default());
            state.names.insert(name.to_owned(), file);
            state.pending.push(Entry::Create(name.to_owned(), file));
            Ok(file)
        })?;
        Ok(Box::new(SimulatedFile {
            device: self.clone(),
            file,
            locks: Mutex::new(false),
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step(|state| {
            let file = state.names.remove(from).ok_or(ErrorKind::NotFound)?;
            state.names.insert(to.to_owned(), file);
            state
                .pending
                .push(Entry::Rename(from.to_owned(), to.to_owned()));
            Ok(())
        })
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        self.step(|state| {
            state.names.remove(name).ok_or(ErrorKind::NotFound)?;
            state.pending.push(Entry::Delete(name.to_owned()));
            Ok(())
        })
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.step(|state| {
            state.pending.clear();
            state.durable_names.clone_from(&state.names);
            Ok(())
        })
    }

    fn boot(&self) -> [u8; 16] {
        [self.state.lock().boot; 16]
    }

    fn uuid(&self) -> [u8; 16] {
        [0x5a; 16]
    }
}

impl SimulatedFile {
    /// Puts bytes into the page cache.
    fn put(state: &mut State, file: usize, offset: u64, bytes: &[u8]) {
        let change = Change::Write(offset as usize, bytes.to_vec());
        let data = &mut state.data[file];
        change.apply(&mut data.cached, || true);
        data.pending.push(change);
    }
}

impl DeviceFile for SimulatedFile {
    fn try_lock(&self) -> io::Result<bool> {
        let mut state = self.device.state.lock();
        let free = !state.locked;
        state.locked = true;
        *self.locks.lock() |= free;
        Ok(free)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.device.state.lock().data[self.file].cached.len() as u64)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let state = self.device.state.lock();
        if state.dead || state.life != self.device.life {
            return Err(io::Error::other("the process has ended"));
        }
        let bytes = state.data[self.file].cached.get(offset as usize..);
        let bytes = bytes.unwrap_or_default();
        let read = bytes.len().min(out.len());
        out[..read].copy_from_slice(&bytes[..read]);
        Ok(read)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let state = &mut *self.device.state.lock();
        let fault = self.device.call(state)?;
        // A header is within one sector, and replaced whole or not at all; all else is torn anywhere.
        let part = if offset == 0 && bytes.len() <= SECTOR {
            bytes.len() * state.random.below(2) as usize
        } else {
            state.random.below(bytes.len() as u64 + 1) as usize
        };
        match fault {
            None => {
                Self::put(state, self.file, offset, bytes);
                Ok(bytes.len())
            }
            Some(Fault::Short) => {
                let part = if part == 0 { bytes.len() } else { part };
                Self::put(state, self.file, offset, &bytes[..part]);
                Ok(part)
            }
            Some(Fault::Full) => {
                Self::put(state, self.file, offset, &bytes[..part]);
                Err(ErrorKind::StorageFull.into())
            }
            Some(Fault::Crash) => {
                Self::put(state, self.file, offset, &bytes[..part]);
                Err(io::Error::other("the process ends"))
            }
            Some(Fault::Broken) => {
                // Sectors in any order.
                for (index, sector) in bytes.chunks(SECTOR).enumerate() {
                    if state.random.below(2) == 0 {
                        let at = offset + (index * SECTOR) as u64;
                        Self::put(state, self.file, at, sector);
                    }
                }
                Err(io::Error::other("the device is broken"))
            }
        }
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.device.step(|state| {
            let change = Change::SetLen(bytes as usize);
            let data = &mut state.data[self.file];
            change.apply(&mut data.cached, || true);
            data.pending.push(change);
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        let state = &mut *self.device.state.lock();
        let fault = self.device.call(state)?;
        let pending = std::mem::take(&mut state.data[self.file].pending);
        let random = &mut state.random;
        match fault {
            None | Some(Fault::Short) => {
                let durable = &mut state.data[self.file].durable;
                pending
                    .iter()
                    .for_each(|change| change.apply(durable, || true));
                Ok(())
            }
            Some(Fault::Crash) => {
                state.data[self.file].pending = pending;
                Err(io::Error::other("the process ends"))
            }
            // What was not written is forgotten, yet still read: no later sync finds it.
            Some(Fault::Broken | Fault::Full) => {
                let durable = &mut state.data[self.file].durable;
                for change in pending {
                    change.apply(durable, || random.below(2) == 0);
                }
                Err(io::Error::other("the device is broken"))
            }
        }
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        let mut state = self.device.state.lock();
        if *self.locks.lock() && state.life == self.device.life {
            state.locked = false;
        }
    }
}
