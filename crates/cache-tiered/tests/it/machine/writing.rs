//! The steps that write: put, remove, compute, and what the end of each says of its key.

use super::call::{Call, Ended};
use super::guarantee::{self, Holds, must};
use super::rest::Held;
use super::run::{Machine, ms};
use super::step::{Change, Lasts, Mode};
use super::store::Lie;
use cache_tiered::{Clock, Compute, Life, Tier};
use parking_lot::Mutex;
use std::panic::resume_unwind;
use std::sync::Arc;

/// A write that has begun.
pub(super) struct Running {
    number: u64,
    key: u64,
    state: Option<u64>,
    pub(super) call: Call,
    /// Whether the key was there when it began, where only one answer can be.
    existed: Option<bool>,
    /// What store and memory had when it began, if nothing else of the key was under way.
    before: Option<(Option<u64>, Option<u64>)>,
    began: u64,
    /// The key had a write that was lost, when this one began.
    lost: bool,
    /// Other steps came between its beginning and its end.
    left: bool,
    /// The key, which it had, was invalidated, and nothing but its end can have brought it to memory since.
    invalidated: bool,
}

impl Machine {
    pub(super) fn number(&mut self) -> u64 {
        self.numbered += 1;
        self.numbered
    }

    pub(super) fn put(&mut self, key: u64, life: Life) -> Holds {
        let value = self.number();
        let call = Call::Put(self.cache().put_with(key, value, life));
        self.write(key, Some(value), call)
    }

    pub(super) fn compute(&mut self, key: u64, change: Change) -> Holds {
        let value = self.number();
        let found = Arc::new(Mutex::new(None));
        let told = Arc::clone(&found);
        let compute = move |former| {
            *told.lock() = Some(former);
            match change {
                Change::Put => Compute::Put(value),
                Change::Remove => Compute::Remove,
                Change::Keep => Compute::Keep,
                // Not told to the hook of panics, which would print it.
                Change::Panic => resume_unwind(Box::new("the closure was told to panic")),
            }
        };
        let computed = self.cache().compute(key, compute);
        // What it may find is what may be read before it has begun.
        let before = self.history(key).clone();
        match change {
            Change::Put => self.write(key, Some(value), Call::Compute(computed))?,
            Change::Remove => self.write(key, None, Call::Compute(computed))?,
            // It would wait for the write that has the key.
            _ if before.is_running() => return Ok(()),
            _ => {
                let mut call = Call::Compute(computed);
                let ended = self.drive(Held::Released, || call.poll())?;
                if before.has_lost() && !self.settings.mode.hands_keys_on() {
                    let busy = ended == Some(Ended::Busy);
                    return guarantee::g3_busy_has_a_reason(key, &before, (busy, true));
                }
                let loads = matches!(ended, Some(Ended::Refused)) && before.load_faults;
                let expected = match change {
                    Change::Panic => Ended::Panicked,
                    _ => Ended::Done(None),
                };
                must("G1", loads || ended.as_ref() == Some(&expected), || {
                    format!("key {key}: a computation that writes nothing ended with {ended:?}")
                })?;
            }
        }
        let found = *found.lock();
        found.map_or(Ok(()), |found| {
            guarantee::g1_a_read_is_not_older(key, &before, found)
        })
    }

    pub(super) fn as_it_is(&self, key: u64) -> (Option<u64>, Option<u64>) {
        let cached = self.cache().get_cached(&key).wait().ok().flatten();
        // A change that is refused has taken the key from the disk already.
        let in_memory = cached.filter(|hit| hit.tier != Tier::Disk);
        (self.store.value(key), in_memory.map(|hit| hit.value))
    }

    pub(super) fn write(&mut self, key: u64, state: Option<u64>, call: Call) -> Holds {
        if self.settings.lie == Lie::LosesLastRecord {
            self.earlier = self.image();
        }
        let (number, before, began) = (self.number(), self.as_it_is(key), self.clock.now());
        self.touched(key);
        let lost = self.keeps_lost(key);
        let history = self.history(key);
        let existed = history.existed();
        let before = history.is_quiet().then_some(before);
        history.begin(number, state);
        let mut running = Running {
            number,
            key,
            state,
            call,
            existed,
            before,
            began,
            lost,
            left: false,
            invalidated: false,
        };
        // Now and then one that waits for the time is left as well.
        let held = match number % 4 {
            0 => Held::Waits,
            _ => Held::Leaves,
        };
        match self.drive(held, || running.call.poll())? {
            Some(ended) => {
                // Those that began before have ended before, if they have.
                self.rest()?;
                self.look_at_running()?;
                self.ended(&running, ended)
            }
            None => {
                self.coverage.left_running += 1;
                running.left = true;
                self.running.push(running);
                Ok(())
            }
        }
    }

    /// Whether a write was lost that has the key.
    fn keeps_lost(&mut self, key: u64) -> bool {
        !self.settings.mode.hands_keys_on() && self.history(key).has_lost()
    }

    /// What the end of a write says of its key.
    pub(super) fn ended(&mut self, running: &Running, ended: Ended) -> Holds {
        let &Running {
            number, key, state, ..
        } = running;
        let stored = self.store.value(key);
        let behind = self.settings.mode.is_behind();
        if running.lost && ended != Ended::Closed {
            let busy = ended == Ended::Busy;
            guarantee::g3_busy_has_a_reason(key, self.history(key), (busy, true))?;
        }
        match ended {
            Ended::Done(existed) => {
                self.coverage.acknowledged += 1;
                self.acknowledged(running, existed, stored)
            }
            Ended::Refused => {
                self.coverage.refused += 1;
                self.without_effect(running);
                self.is_as_it_was(running)
            }
            Ended::Busy => {
                self.coverage.busy += 1;
                self.without_effect(running);
                let lost = running.lost || self.keeps_lost(key);
                guarantee::g3_busy_has_a_reason(key, self.history(key), (true, lost))
            }
            Ended::Backpressure => {
                self.coverage.backpressure += 1;
                self.without_effect(running);
                let refuses = matches!(self.settings.mode, Mode::Behind { waits: false, .. });
                must("G4", refuses, || {
                    format!("key {key}: a write that is to wait was refused")
                })
            }
            Ended::Closed => {
                self.without_effect(running);
                must("G4", self.closing, || {
                    format!("key {key}: closed, and nobody closed it")
                })
            }
            Ended::Unknown | Ended::Panicked | Ended::TimedOut if !behind => {
                let acts = ended == Ended::TimedOut;
                self.coverage.timed_out += u64::from(acts);
                self.coverage.unknown += u64::from(ended == Ended::Unknown);
                self.coverage.panicked += u64::from(ended == Ended::Panicked);
                self.history(key).unknown(number, state, stored, acts);
                self.unknown.push((key, number));
                Ok(())
            }
            other => must("G4", false, || {
                format!("key {key}: a write ended with {other:?}")
            }),
        }
    }

    fn acknowledged(
        &mut self,
        running: &Running,
        existed: Option<bool>,
        stored: Option<u64>,
    ) -> Holds {
        let &Running {
            number, key, state, ..
        } = running;
        let mode = self.settings.mode;
        if let (Some(existed), Some(said)) = (running.existed, existed) {
            guarantee::a_removal_tells(mode.guarantee(), key, (existed, said))?;
        }
        let latest = self.history(key).acknowledged(number, state);
        if running.invalidated {
            self.coverage.invalidated_writes += 1;
            let in_memory = self.cache().explain(&key).in_memory;
            guarantee::g1_what_raced_is_not_kept(key, in_memory, "a write")?;
        }
        if mode.is_behind() || !latest || self.history(key).is_running() {
            return Ok(());
        }
        guarantee::g3_the_store_has_it(key, state, stored)
    }

    fn without_effect(&mut self, running: &Running) {
        self.history(running.key).refused(running.number);
        if let Some(value) = running.state {
            self.store.was_refused(value);
        }
    }

    /// What was refused has left nothing: told where nothing else could have.
    fn is_as_it_was(&mut self, running: &Running) -> Holds {
        let key = running.key;
        let history = self.history(key);
        if history.is_overtaken(running.number)
            || !history.is_quiet()
            || self.settings.mode.is_behind()
        {
            return Ok(());
        }
        let Some(mut before) = running.before else {
            return Ok(());
        };
        let mut after = self.as_it_is(key);
        if running.left || running.began != self.clock.now() {
            // A read may have brought it to memory, time may have taken it from there.
            (before.1, after.1) = (None, None);
        }
        guarantee::g3_refused_is_as_it_was(key, before, after)
    }

    pub(super) fn outside(&mut self, key: u64, value: bool) {
        let (explained, stored) = (self.cache().explain(&key), self.store.value(key));
        let history = self.history(key);
        let quiet = !explained.mutating && history.is_quiet();
        // What is under way would have a say in what the key is, unless it has had it: only the answer is held.
        if explained.dirty || !quiet && !history.is_taken(stored) {
            return;
        }
        let state = value.then(|| self.number());
        self.store.set(key, state);
        self.history(key).outside(state);
    }

    /// Another call may bring a key to memory.
    pub(super) fn running_touched(&mut self, key: u64) {
        let same = |running: &&mut Running| running.key == key;
        for running in self.running.iter_mut().filter(same) {
            running.invalidated = false;
        }
    }

    /// A key was invalidated: a write that has it, and a value to show, is not to show it.
    pub(super) fn running_invalidated(&mut self, key: u64) {
        let reads = self.is_being_read(key);
        let mut own = self.running.iter_mut().filter(|running| running.key == key);
        if let (Some(running), None, false) = (own.next(), own.next(), reads) {
            running.invalidated = true;
        }
    }

    pub(super) fn jump(&mut self, by: u64) {
        self.clock.advance(ms(by));
    }
}

pub(super) fn name(tag: u8) -> String {
    format!("tag {tag}")
}

pub(super) fn life(lasts: Lasts, tag: Option<u8>) -> Life {
    let life = match lasts {
        Lasts::AsTheTierSays => Life::DEFAULT,
        Lasts::NotAtAll => Life::NONE,
        Lasts::Milliseconds(ttl) => Life::DEFAULT.ttl(ms(ttl)),
        Lasts::ThenStale(ttl) => Life::DEFAULT.ttl(ms(ttl)).stale_for(ms(ttl)),
    };
    match tag {
        Some(tag) => life.tag(name(tag)),
        None => life,
    }
}
