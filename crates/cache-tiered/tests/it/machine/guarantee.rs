//! The guarantees as assertions: each has its name in what it says.

use super::history::History;
use std::collections::BTreeSet;
use std::fmt;

/// A guarantee that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) guarantee: &'static str,
    pub(crate) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} violated: {}", self.guarantee, self.what)
    }
}

pub(crate) type Holds = Result<(), Violation>;

/// Breaks a guarantee unless `holds`.
pub(crate) fn must(guarantee: &'static str, holds: bool, what: impl FnOnce() -> String) -> Holds {
    if holds {
        return Ok(());
    }
    Err(Violation {
        guarantee,
        what: what(),
    })
}

/// G1: a read sees the last acknowledged state, or one that may have come after it.
pub(crate) fn g1_a_read_is_not_older(key: u64, history: &History, seen: Option<u64>) -> Holds {
    must("G1", history.allows(seen), || {
        format!("key {key}: a read saw {seen:?}; {history}")
    })
}

/// G1: a read sees what the key was, or may have been, at some time from the read's beginning on.
pub(crate) fn g1_a_long_read_is_not_older(
    key: u64,
    allowed: &BTreeSet<Option<u64>>,
    seen: Option<u64>,
) -> Holds {
    must("G1", allowed.contains(&seen), || {
        format!("key {key}: a read that took its time saw {seen:?}, and could see {allowed:?}")
    })
}

/// G1: what was under way when its key was invalidated is not kept, although it would be a miss.
pub(crate) fn g1_what_raced_is_not_kept(key: u64, in_memory: bool, what: &str) -> Holds {
    must("G1", !in_memory, || {
        format!("key {key}: {what} that was under way when it was invalidated is in memory")
    })
}

/// G1: nobody who comes after an invalidation joins a load from before.
pub(crate) fn g1_nobody_joins_an_older_load(key: u64, loading: bool) -> Holds {
    must("G1", !loading, || {
        format!("key {key}: invalidated, and reads to come would join a load from before")
    })
}

/// G1: a read fails only if the source did.
pub(crate) fn g1_a_read_answers(key: u64, history: &History, error: &dyn fmt::Display) -> Holds {
    must("G1", history.load_faults, || {
        format!("key {key}: a read failed without a fault: {error}")
    })
}

/// G3: what write-through acknowledged the store has at once.
pub(crate) fn g3_the_store_has_it(key: u64, value: Option<u64>, stored: Option<u64>) -> Holds {
    must("G3", value == stored, || {
        format!("key {key}: {value:?} was acknowledged, the store has {stored:?}")
    })
}

/// G3: a refused write leaves store and cache as they were.
pub(crate) fn g3_refused_is_as_it_was(
    key: u64,
    before: (Option<u64>, Option<u64>),
    after: (Option<u64>, Option<u64>),
) -> Holds {
    must("G3", before == after, || {
        format!("key {key}: refused; store and memory had {before:?} and have {after:?}")
    })
}

/// G3: a key whose state is unknown is in no tier.
pub(crate) fn g3_unknown_is_hidden(key: u64, in_memory: bool) -> Holds {
    must("G3", !in_memory, || {
        format!("key {key}: a write's outcome is unknown, and memory answers for it")
    })
}

/// G3: a write is turned away as busy while one of its key is lost that has the key, and only then.
pub(crate) fn g3_busy_has_a_reason(
    key: u64,
    history: &History,
    (busy, lost): (bool, bool),
) -> Holds {
    must("G3", busy == lost, || {
        format!("key {key}: busy: {busy}, a write that has the key is lost: {lost}; {history}")
    })
}

/// G3, G4: what is not dirty the store has: nothing is dropped in silence.
pub(crate) fn nothing_is_dropped(
    guarantee: &'static str,
    key: u64,
    history: &History,
    dirty: bool,
    stored: Option<u64>,
) -> Holds {
    must(guarantee, dirty || history.is_possible(stored), || {
        format!("key {key}: not dirty, and the store has {stored:?}; {history}")
    })
}

/// G4: what is dirty is readable whatever the store does.
pub(crate) fn g4_dirty_is_readable(
    key: u64,
    history: &History,
    dirty: bool,
    seen: Option<Option<u64>>,
) -> Holds {
    let readable = match seen {
        None => false,
        Some(None) => history.may_be_absent(),
        Some(Some(_)) => true,
    };
    must("G4", !dirty || readable, || {
        format!("key {key}: dirty, and a read had {seen:?}; {history}")
    })
}

/// G4: a store that does not fail has what is dirty in time.
pub(crate) fn g4_dirty_no_longer_than_asked(key: u64, age: u64, max_delay: u64) -> Holds {
    must("G4", age < max_delay, || {
        format!("key {key}: dirty for {age} ms, of {max_delay} at most")
    })
}

/// G3, G4: what was acknowledged before a kill is there after it.
pub(crate) fn a_kill_takes_nothing(
    guarantee: &'static str,
    key: u64,
    history: &History,
    stored: Option<u64>,
) -> Holds {
    must(guarantee, history.is_possible(stored), || {
        format!("key {key}: killed, and the store has {stored:?}; {history}")
    })
}

/// G4: a dead letter is the last change of its key, and still dirty.
pub(crate) fn g4_a_dead_letter_is_readable(
    key: u64,
    history: &History,
    letter: Option<u64>,
    dirty: bool,
) -> Holds {
    must("G4", dirty && history.is_possible(letter), || {
        format!("key {key}: a dead letter of {letter:?}, dirty: {dirty}; {history}")
    })
}

/// G4: a change is given up only when all its attempts have failed.
pub(crate) fn g4_a_dead_letter_was_tried(key: u64, failures: u64, retries: u32) -> Holds {
    must("G4", failures > u64::from(retries), || {
        format!("key {key}: a dead letter after {failures} failures, with {retries} retries")
    })
}

/// G4: after a flush everything is applied or dead.
pub(crate) fn g4_flushed_is_applied_or_dead(key: u64, dirty: bool, dead: bool) -> Holds {
    must("G4", !dirty || dead, || {
        format!("key {key}: dirty after a flush, and no dead letter")
    })
}

/// A removal says whether the key was there.
pub(crate) fn a_removal_tells(
    guarantee: &'static str,
    key: u64,
    (existed, said): (bool, bool),
) -> Holds {
    must(guarantee, existed == said, || {
        format!("key {key}: it was there: {existed}, and its removal said {said}")
    })
}
