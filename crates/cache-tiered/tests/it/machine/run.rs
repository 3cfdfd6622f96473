//! The machine: a cache, its store, what is known of each key, and the steps.

use super::call::Call;
use super::guarantee::{self, Holds, Violation, must};
use super::history::History;
use super::reading::Reading;
use super::reopen::directory;
use super::step::{KEYS, Mode, Reopening, Settings, Step};
use super::store::Store;
use super::writing::{Running, life};
use cache_tiered::{Clock, Explanation, Hit, Life, LoadError, ManualClock, Tiered};
use std::path::PathBuf;
use std::time::Duration;

pub(super) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// What came about, so that a test can tell that nothing was left out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Coverage {
    pub(crate) steps: u64,
    pub(crate) acknowledged: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    pub(crate) timed_out: u64,
    pub(crate) busy: u64,
    pub(crate) backpressure: u64,
    pub(crate) panicked: u64,
    /// Writes and reads that were left to run.
    pub(crate) left_running: u64,
    pub(crate) left_reading: u64,
    pub(crate) dead_letters: u64,
    pub(crate) redriven: u64,
    pub(crate) discarded: u64,
    pub(crate) kills: u64,
    /// Keys that were dirty when a journal was opened.
    pub(crate) recovered: u64,
    /// Changes that the store took.
    pub(crate) changes: u64,
    /// Histories, and those of them in which the clock jumped.
    pub(crate) histories: u64,
    pub(crate) jumped: u64,
    /// Reads and writes that were under way when their key was invalidated, and were seen to keep nothing.
    pub(crate) invalidated_reads: u64,
    pub(crate) invalidated_writes: u64,
    /// Values that the disk tier had, and keys that it had when a cache was opened.
    pub(crate) disk_hits: u64,
    pub(crate) warm: u64,
}

impl Coverage {
    pub(crate) fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.timed_out += other.timed_out;
        self.busy += other.busy;
        self.backpressure += other.backpressure;
        self.panicked += other.panicked;
        self.left_running += other.left_running;
        self.left_reading += other.left_reading;
        self.dead_letters += other.dead_letters;
        self.redriven += other.redriven;
        self.discarded += other.discarded;
        self.kills += other.kills;
        self.recovered += other.recovered;
        self.changes += other.changes;
        self.histories += other.histories;
        self.jumped += other.jumped;
        self.invalidated_reads += other.invalidated_reads;
        self.invalidated_writes += other.invalidated_writes;
        self.disk_hits += other.disk_hits;
        self.warm += other.warm;
    }
}

pub(crate) struct Machine {
    pub(super) settings: Settings,
    pub(super) directory: tempfile::TempDir,
    pub(super) journals: u64,
    pub(super) clock: ManualClock,
    pub(super) store: Store,
    /// There is one but for the moment between two.
    pub(super) cache: Option<Tiered<u64, u64>>,
    pub(super) histories: Vec<History>,
    pub(super) running: Vec<Running>,
    pub(super) reading: Vec<Reading>,
    /// Keys and numbers of writes that have ended in this step, and nobody knows how.
    pub(super) unknown: Vec<(u64, u64)>,
    pub(super) numbered: u64,
    /// Of keys that are dirty: changes that the store had taken, and the time, when they were first
    /// seen so.
    pub(super) dirty: Vec<Option<(u64, u64)>>,
    /// Faults that the store had met when the cache was opened.
    pub(super) met: u64,
    /// It is being closed.
    pub(super) closing: bool,
    /// The journal before the last write, where the disk lies.
    pub(super) earlier: Vec<(PathBuf, Vec<u8>)>,
    pub(super) coverage: Coverage,
}

/// Does the steps, then lets everything come to its end; what came about, or the first guarantee
/// that was broken.
pub(crate) fn run(settings: Settings, steps: &[Step]) -> Result<Coverage, Violation> {
    let mut machine = Machine::new(settings)?;
    let ran = machine.all(steps);
    // Nothing is left behind that would hold a thread.
    machine.store.heal();
    machine.store.release();
    machine.clock.advance(Duration::MAX);
    ran?;
    machine.coverage.disk_hits += machine.cache().stats().disk_hits;
    Ok(machine.coverage)
}

impl Machine {
    fn new(settings: Settings) -> Result<Self, Violation> {
        let conditional = matches!(
            settings.mode,
            Mode::Through {
                conditional: true,
                ..
            }
        );
        let mut machine = Self {
            settings,
            directory: directory(),
            journals: 0,
            clock: ManualClock::new(),
            store: Store::new(settings.lie, conditional, settings.mode.guarantee()),
            cache: None,
            histories: vec![History::default(); KEYS as usize],
            running: Vec::new(),
            reading: Vec::new(),
            unknown: Vec::new(),
            numbered: 0,
            dirty: vec![None; KEYS as usize],
            met: 0,
            closing: false,
            earlier: Vec::new(),
            coverage: Coverage::default(),
        };
        machine.open()?;
        Ok(machine)
    }

    pub(super) fn cache(&self) -> &Tiered<u64, u64> {
        self.cache.as_ref().expect("a cache is open")
    }

    fn all(&mut self, steps: &[Step]) -> Holds {
        for step in steps {
            self.coverage.steps += 1;
            let did = self.step(step).and_then(|()| self.check());
            did.map_err(|violation| Violation {
                what: format!("after {step:?}: {}", violation.what),
                ..violation
            })?;
        }
        let ended = self.end();
        let jumps = |step: &Step| matches!(step, Step::Jump(by) if *by > 0);
        self.coverage.histories = 1;
        self.coverage.jumped = steps.iter().any(jumps).into();
        self.coverage.changes = self.store.changes();
        ended
    }

    fn step(&mut self, step: &Step) -> Holds {
        match *step {
            Step::Get(key) => self.get(key),
            Step::GetHeld(key, held) => {
                self.store.hold_loads(key, held, 1);
                self.get(key)
            }
            Step::GetMany(ref keys) => self.get_many(keys),
            Step::GetOrLoad(key, loader) => self.get_or_load(key, loader),
            Step::Put(key) => self.put(key, Life::DEFAULT),
            Step::PutWith(key, lasts, tag) => self.put(key, life(lasts, tag)),
            Step::Remove(key) => {
                let call = Call::Remove(self.cache().remove(&key));
                self.write(key, None, call)
            }
            Step::Compute(key, change) => self.compute(key, change),
            Step::Invalidate(key) => {
                self.cache().invalidate(&key);
                self.invalidated(key)
            }
            Step::InvalidateTag(tag) => {
                self.invalidate_tag(tag);
                Ok(())
            }
            Step::InvalidateAll => {
                self.cache().invalidate_all();
                (0..KEYS).try_for_each(|key| self.invalidated(key))
            }
            Step::Outside(key, value) => {
                self.outside(key, value);
                Ok(())
            }
            Step::Jump(by) => {
                self.jump(by);
                Ok(())
            }
            Step::JumpToDelay(beside) => {
                self.jump((self.settings.mode.deadline() + beside).saturating_sub(1));
                Ok(())
            }
            Step::Redrive(key) => self.redrive(key),
            Step::Discard(key) => self.discard(key),
            Step::Flush => self.flush(),
            Step::Reopen(how) => self.reopen(how),
            _ => {
                self.fail(step);
                Ok(())
            }
        }
    }

    /// Lets the store fail, or no more.
    fn fail(&mut self, step: &Step) {
        match *step {
            Step::Fault(key, fault, times) => self.store.tell(key, fault, times),
            Step::FailLoads(key, times) => {
                self.history(key).load_faults = true;
                self.store.fail_loads(key, times);
            }
            Step::HoldLoads(key, held, times) => self.store.hold_loads(key, held, times),
            Step::Down(calls) => self.store.take_down(calls),
            Step::Heal => self.store.heal(),
            Step::ReleaseOnly(which) => self.store.release_only(which),
            _ => self.store.release(),
        }
    }

    pub(super) fn history(&mut self, key: u64) -> &mut History {
        &mut self.histories[key as usize]
    }

    /// Waits until all is at rest, hears what has ended and looks at every key.
    fn check(&mut self) -> Holds {
        self.rest()?;
        self.look_at_running()?;
        self.look_at_reading()?;
        // No step in which a write can end brings a key to memory but by a later write.
        for (key, number) in std::mem::take(&mut self.unknown) {
            let overtaken = self.history(key).is_overtaken(number);
            let in_memory = self.cache().explain(&key).in_memory;
            guarantee::g3_unknown_is_hidden(key, in_memory && !overtaken)?;
        }
        self.store.violation().map_or(Ok(()), Err)?;
        for key in 0..KEYS {
            self.check_key(key)?;
        }
        for letter in self.cache().dead_letters() {
            self.coverage.dead_letters += 1;
            let key = letter.key;
            if let Mode::Behind { retries, .. } = self.settings.mode {
                let failures = self.store.failures(letter.stamp);
                guarantee::g4_a_dead_letter_was_tried(key, failures, retries)?;
            }
            let dirty = self.cache().explain(&key).dirty;
            guarantee::g4_a_dead_letter_is_readable(
                key,
                &self.histories[key as usize],
                letter.value,
                dirty,
            )?;
        }
        let memory = self.cache().stats().memory.len as u64;
        must("G1", memory <= self.settings.memory, || {
            format!("memory holds {memory} of {}", self.settings.memory)
        })
    }

    fn check_key(&mut self, key: u64) -> Holds {
        let Look {
            cached,
            explained,
            stored,
        } = self.look(key)?;
        let dirty = explained.dirty;
        if self.history(key).has_lost() {
            self.find_lost(key, stored);
        }
        let Ok(cached) = cached else {
            return must("G1", false, || format!("key {key}: {cached:?}"));
        };
        let history = &self.histories[key as usize];
        let seen = cached.map(|hit| hit.value);
        if seen.is_some() {
            guarantee::g1_a_read_is_not_older(key, history, seen)?;
        }
        if history.has_lost() {
            guarantee::g3_unknown_is_hidden(key, explained.in_memory)?;
        }
        guarantee::g4_dirty_is_readable(key, history, dirty, Some(seen))?;
        let guarantee = self.settings.mode.guarantee();
        guarantee::nothing_is_dropped(guarantee, key, history, dirty, stored)?;
        self.is_in_time(key, dirty)
    }

    /// What is dirty is brought to a store that does not fail in time.
    fn is_in_time(&mut self, key: u64, dirty: bool) -> Holds {
        let Mode::Behind { max_delay, .. } = self.settings.mode else {
            return Ok(());
        };
        let (taken, now) = (self.store.taken(key), self.clock.now());
        // What was taken and is dirty again has been written again.
        let since = self.dirty[key as usize].filter(|&(before, _)| dirty && before == taken);
        self.dirty[key as usize] = since;
        if !dirty || self.store.met() > self.met || self.is_dead(key) {
            return Ok(());
        }
        let (_, began) = since.unwrap_or((taken, now));
        self.dirty[key as usize] = Some((taken, began));
        guarantee::g4_dirty_no_longer_than_asked(key, now - began, max_delay)
    }

    /// Looks which of the attempts that were lost still act on a key, all being at rest: those that
    /// the store holds. While one does that has the key, no other write of it waits for anything.
    pub(super) fn find_lost(&mut self, key: u64, stored: Option<u64>) {
        let handed_on = self.settings.mode.hands_keys_on();
        let (store, history) = (&self.store, &mut self.histories[key as usize]);
        let may_act = handed_on || !history.is_running();
        history.found(stored, |state| may_act && store.is_under_way(key, state));
    }

    /// What there is of a key at one instant.
    fn look(&self, key: u64) -> Result<Look, Violation> {
        loop {
            let begun = self.rest()?;
            let look = Look {
                cached: self.cache().get_cached(&key).wait(),
                explained: self.cache().explain(&key),
                stored: self.store.value(key),
            };
            // A thread that looked at the clock by itself may have found something to do.
            if self.rest()? == begun {
                return Ok(look);
            }
        }
    }

    /// Takes all faults back and lets everything come to its end: then store, cache and histories
    /// agree.
    fn end(&mut self) -> Holds {
        self.store.heal();
        self.store.release();
        self.finish_running()?;
        self.finish_reading()?;
        self.check()?;
        if self.histories.iter().any(History::has_lost) {
            self.reopen(Reopening::Close)?;
        }
        for letter in self.cache().dead_letters() {
            self.redrive(letter.key)?;
        }
        self.flush()?;
        self.check()?;
        let left = self.cache().dead_letters().len();
        must("G4", left == 0, || {
            format!("{left} dead letters without a fault")
        })?;
        self.cache().invalidate_all();
        self.histories.iter_mut().for_each(History::invalidated);
        for key in 0..KEYS {
            let stored = self.store.value(key);
            let history = &self.histories[key as usize];
            let dirty = self.cache().explain(&key).dirty;
            guarantee::nothing_is_dropped("G4", key, history, dirty, stored)?;
            guarantee::g4_flushed_is_applied_or_dead(key, dirty, false)?;
            let seen = self.cache().get(&key).wait();
            let seen = seen.map_err(|error| Violation {
                guarantee: "G1",
                what: format!("key {key}: {error} at the end"),
            })?;
            let seen = seen.map(|hit| hit.value);
            must("G1", seen == stored, || {
                format!("key {key}: a read saw {seen:?} at the end, the store has {stored:?}")
            })?;
        }
        Ok(())
    }
}

/// What a look at a key finds.
struct Look {
    cached: Result<Option<Hit<u64>>, LoadError>,
    explained: Explanation,
    stored: Option<u64>,
}
