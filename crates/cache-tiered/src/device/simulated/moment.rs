//! What a loss of power may leave, change by change.

use super::change::{Change, Entry, SECTOR};
use super::{Simulated, State};
use parking_lot::Mutex;
use std::ops::Range;
use std::sync::Arc;

/// A device just before a sync: what was not synced by then may have come to it or not, in any order.
#[derive(Debug)]
pub(crate) struct Moment {
    state: State,
    unsynced: Vec<Unsynced>,
}

/// A change that was not synced.
#[derive(Debug)]
enum Unsynced {
    /// Of a file.
    Bytes(usize, Change),
    /// Of the directory.
    Name(Entry),
}

/// What came to the device of an unsynced change, by its number.
#[derive(Clone, Debug)]
pub(crate) enum Landing {
    Whole(usize),
    /// Of a write only these sectors.
    Torn(usize, Range<usize>),
    /// Of a write all, but this bit is another.
    Flipped(usize, usize),
}

impl Simulated {
    /// From now on what the device is before each sync is kept.
    pub(crate) fn watch(&self) {
        self.state.lock().watched = Some(Vec::new());
    }

    /// What was kept since this was last called.
    pub(crate) fn moments(&self) -> Vec<Moment> {
        let mut state = self.state.lock();
        let seen = state.watched.as_mut().map(std::mem::take);
        seen.unwrap_or_default()
            .into_iter()
            .map(Moment::new)
            .collect()
    }
}

impl Moment {
    fn new(mut state: State) -> Self {
        let mut unsynced = Vec::new();
        for (file, data) in state.data.iter_mut().enumerate() {
            let pending = std::mem::take(&mut data.pending).into_iter();
            unsynced.extend(pending.map(|change| Unsynced::Bytes(file, change)));
        }
        let pending = std::mem::take(&mut state.pending).into_iter();
        unsynced.extend(pending.map(Unsynced::Name));
        Self { state, unsynced }
    }

    /// How many changes were not synced. Those of a file are in the order in which they were made.
    pub(crate) const fn changes(&self) -> usize {
        self.unsynced.len()
    }

    /// Bytes that a change writes; none if it is no write.
    pub(crate) fn bytes(&self, change: usize) -> usize {
        match &self.unsynced[change] {
            Unsynced::Bytes(_, Change::Write(_, bytes)) => bytes.len(),
            _ => 0,
        }
    }

    /// Sectors of the device that a write touches.
    pub(crate) fn sectors(&self, change: usize) -> usize {
        match &self.unsynced[change] {
            Unsynced::Bytes(_, Change::Write(at, bytes)) if !bytes.is_empty() => {
                (at + bytes.len()).div_ceil(SECTOR) - at / SECTOR
            }
            _ => 0,
        }
    }

    /// The device after a loss of power: of what was not synced this came to it, in this order.
    pub(crate) fn powered_off(&self, landed: impl IntoIterator<Item = Landing>) -> Simulated {
        let mut state = self.state.clone();
        for landing in landed {
            let (number, sectors, flipped) = match landing {
                Landing::Whole(number) => (number, 0..usize::MAX, None),
                Landing::Torn(number, sectors) => (number, sectors, None),
                Landing::Flipped(number, bit) => (number, 0..usize::MAX, Some(bit)),
            };
            match &self.unsynced[number] {
                Unsynced::Name(entry) => entry.apply(&mut state.durable_names, &state.names),
                Unsynced::Bytes(file, change) => {
                    let mut change = change.clone();
                    if let (Change::Write(_, bytes), Some(bit)) = (&mut change, flipped) {
                        bytes[bit / 8] ^= 1 << (bit % 8);
                    }
                    let mut sector = 0..;
                    let lands = || {
                        sector
                            .next()
                            .is_some_and(|sector| sectors.contains(&sector))
                    };
                    change.apply(&mut state.data[*file].durable, lands);
                }
            }
        }
        state.boot_again();
        let device = Simulated {
            life: state.life,
            state: Arc::new(Mutex::new(state)),
        };
        device.killed()
    }
}
