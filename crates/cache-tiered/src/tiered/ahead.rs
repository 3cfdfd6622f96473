//! Reading ahead: from what is asked for to what is prefetched, and what becomes of that.
//!
//! ```text
//!   a get misses, or is the first  --> asked --> Runs --> keys to prefetch --> expected
//!   to hit what was prefetched                    ^
//!                                                 |  late    a get misses what is expected
//!                                                 +- wasted  the store has none, too many wait, or it
//!                                                            left memory before anybody asked for it
//! ```
//!
//! Linux tells by a flag of a page (`PG_readahead`) that a reader has come so far that the next window is due.
//! Here each entry that was prefetched, or that a window found in memory already, has a mark which its first hit takes
//! ([`Kept::take_mark`](super::kept::Kept::take_mark)): so a run goes on through what is in memory, what was used
//! is known from what was not, and a hit on anything else need not know of all this.

use super::read_ahead::{KeyAt, PlaceOf, ReadAhead};
use super::sequential::Place;
use crate::count::Count;
use cache_policies::{ConfigError, Runs};
use parking_lot::Mutex;
use std::collections::HashMap;

/// Keys of which it is known at once that they are to come; what is beyond may be late without being noticed.
const EXPECTED_MAX: usize = 1 << 16;

/// Reading ahead of one cache, be it on or off.
pub(super) struct Ahead<K> {
    watch: Option<Watch<K>>,
    /// Prefetched values that were asked for once they were there.
    pub(super) hits: Count,
    /// Those that left memory before anybody asked for them.
    pub(super) wasted: Count,
    /// Keys that were asked for while they were to be prefetched.
    pub(super) late: Count,
}

struct Watch<K> {
    place: PlaceOf<K>,
    at: KeyAt<K>,
    state: Mutex<State>,
}

struct State {
    runs: Runs,
    /// What is being prefetched, and whether somebody has asked for it since.
    expected: HashMap<Place, bool>,
}

impl State {
    /// What was prefetched is of no use.
    fn waste(&mut self, place: Place) {
        self.runs.wasted(place.sequence, place.position);
    }

    /// Somebody asks for a key that is to come.
    fn is_late(&mut self, place: Place) -> bool {
        let Some(asked_for) = self.expected.get_mut(&place) else {
            return false;
        };
        let first = !std::mem::replace(asked_for, true);
        if first {
            self.runs.late(place.sequence, place.position);
        }
        first
    }
}

impl<K> Ahead<K> {
    pub(super) fn new(settings: Option<ReadAhead<K>>) -> Result<Self, ConfigError> {
        let watch = |settings: ReadAhead<K>| {
            Ok(Watch {
                place: settings.place,
                at: settings.at,
                state: Mutex::new(State {
                    runs: Runs::new(settings.runs)?,
                    expected: HashMap::new(),
                }),
            })
        };
        Ok(Self {
            watch: settings.map(watch).transpose()?,
            hits: Count::default(),
            wasted: Count::default(),
            late: Count::default(),
        })
    }

    pub(super) fn is_on(&self) -> bool {
        self.watch.is_some()
    }

    fn place(&self, key: &K) -> Option<(&Watch<K>, Place)> {
        let watch = self.watch.as_ref()?;
        Some((watch, (watch.place)(key)?))
    }

    /// A get that missed, or was the first to hit what has a mark: which keys are to be prefetched now.
    pub(super) fn asked(&self, key: &K, missed: bool) -> Vec<K> {
        let Some((watch, place)) = self.place(key) else {
            return Vec::new();
        };
        let ahead = {
            // Readers do not wait for each other: a run goes on where it misses a few.
            let Some(mut state) = watch.state.try_lock() else {
                return Vec::new();
            };
            if missed && state.is_late(place) {
                self.late.add();
            }
            let Some(ahead) = state.runs.access(place.sequence, place.position) else {
                return Vec::new();
            };
            for position in ahead.clone() {
                if state.expected.len() < EXPECTED_MAX {
                    state.expected.insert(Place { position, ..place }, false);
                }
            }
            ahead
        };
        let (mut keys, mut without) = (Vec::with_capacity(ahead.len()), Vec::new());
        for position in ahead {
            match (watch.at)(key, position) {
                Some(key) => keys.push(key),
                None => without.push(Place { position, ..place }),
            }
        }
        if !without.is_empty() {
            let mut state = watch.state.lock();
            for place in without {
                state.expected.remove(&place);
            }
        }
        keys
    }

    /// A value was prefetched; whether memory is to mark it: nobody has asked for it yet.
    pub(super) fn has_come(&self, key: &K) -> bool {
        let Some((watch, place)) = self.place(key) else {
            return self.is_on();
        };
        watch.state.lock().expected.remove(&place) != Some(true)
    }

    /// A key that was to be prefetched was there already, or somebody else loads it; whether a run wants to hear when it
    /// is hit.
    pub(super) fn is_there(&self, key: &K) -> bool {
        self.place(key)
            .is_some_and(|(watch, place)| watch.state.lock().expected.remove(&place).is_some())
    }

    /// A key that was to be prefetched was not, or has no value.
    pub(super) fn comes_not(&self, key: &K) {
        if let Some((watch, place)) = self.place(key) {
            let mut state = watch.state.lock();
            if state.expected.remove(&place) == Some(false) {
                state.waste(place);
            }
        }
    }

    /// A prefetched value has left memory before anybody asked for it.
    pub(super) fn has_left(&self, key: &K) {
        self.wasted.add();
        if let Some((watch, place)) = self.place(key) {
            watch.state.lock().waste(place);
        }
    }
}
