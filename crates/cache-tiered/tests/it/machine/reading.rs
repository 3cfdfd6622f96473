//! The steps that read, and invalidate.

use super::guarantee::{self, Holds, must};
use super::rest::{Held, MOVES, poll};
use super::run::Machine;
use super::step::{KEYS, Loader};
use super::store::{Told, tag_of};
use super::writing::name;
use cache_tiered::{Hit, LoadError, Loaded, Operation};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

type Answer = Result<Option<Hit<u64>>, LoadError>;

/// A read that was begun.
enum Question {
    One(Operation<Answer>),
    Many(Operation<Vec<Answer>>),
}

impl Question {
    fn poll(&mut self) -> Option<Vec<Answer>> {
        match self {
            Self::One(one) => poll(one).map(|answer| vec![answer]),
            Self::Many(many) => poll(many),
        }
    }

    fn wait(self) -> Vec<Answer> {
        match self {
            Self::One(one) => vec![one.wait()],
            Self::Many(many) => many.wait(),
        }
    }
}

/// What a loader of the caller's says, and whether it was asked.
struct Asked {
    loader: Loader,
    said: Option<u64>,
    /// Taken back when it was heard of.
    asked: Arc<AtomicBool>,
}

/// A read that was left to run.
pub(super) struct Reading {
    keys: Vec<u64>,
    /// What each key was, or may have been, since it began.
    allowed: Vec<BTreeSet<Option<u64>>>,
    question: Question,
    beside: Option<Asked>,
    /// It asks the store for its one key by a load that is its own.
    leads: bool,
    /// Its key was invalidated, altogether or by the tag of what it loads, and nothing but its end can have brought the key
    /// to memory since.
    invalidated: Invalidated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Invalidated {
    No,
    /// An absence has no tags.
    IfThere,
    Yes,
}

impl Machine {
    pub(super) fn get(&mut self, key: u64) -> Holds {
        let question = Question::One(self.cache().get(&key));
        self.ask(&[key], question, None)
    }

    pub(super) fn get_many(&mut self, keys: &[u64]) -> Holds {
        let question = Question::Many(self.cache().get_many(keys));
        self.ask(keys, question, None)
    }

    pub(super) fn get_or_load(&mut self, key: u64, loader: Loader) -> Holds {
        let said = match loader {
            Loader::Value => Some(self.number()),
            Loader::Absent | Loader::Fails => None,
        };
        let asked = Arc::new(AtomicBool::new(false));
        let asks = Arc::clone(&asked);
        let question = self.cache().get_or_load(&key, move |_| async move {
            asks.store(true, Ordering::SeqCst);
            match loader {
                Loader::Fails => Err(Told),
                Loader::Value | Loader::Absent => Ok(Loaded::from(said)),
            }
        });
        let beside = Asked {
            loader,
            said,
            asked,
        };
        self.ask(&[key], Question::One(question), Some(beside))
    }

    /// Begins a read, and drives it to its end if nothing holds it.
    fn ask(&mut self, keys: &[u64], mut question: Question, beside: Option<Asked>) -> Holds {
        keys.iter().for_each(|&key| self.touched(key));
        let leads = match *keys {
            [key] => beside.is_none() && !self.cache().explain(&key).loading,
            _ => false,
        };
        // Both ways to an answer: this thread drives the call, or one of the cache's.
        let waits = !self.store.may_hold_loads() && self.number().is_multiple_of(2);
        let answers = if waits {
            Some(question.wait())
        } else {
            let answers = self.drive(Held::Leaves, || question.poll())?;
            if answers.is_none() {
                self.coverage.left_reading += 1;
                let mut reading = Reading {
                    keys: keys.to_vec(),
                    allowed: vec![BTreeSet::new(); keys.len()],
                    question,
                    beside,
                    leads,
                    invalidated: Invalidated::No,
                };
                self.note(&mut reading);
                self.reading.push(reading);
                return Ok(());
            }
            answers
        };
        // A hit on what is stale has the loader asked in the background.
        self.rest()?;
        if let Some(beside) = &beside {
            self.asked_beside(keys[0], beside);
        }
        let answers = answers.expect("it was driven to its end");
        let joined = !self.reading.is_empty();
        for (key, answer) in self.told(keys, answers, beside.as_ref(), joined)? {
            self.saw(key, answer)?;
        }
        Ok(())
    }

    fn asked_beside(&mut self, key: u64, beside: &Asked) {
        if beside.asked.swap(false, Ordering::SeqCst) && beside.loader != Loader::Fails {
            self.history(key).loaded_beside(beside.said);
        }
    }

    /// Hears of all loaders that were asked: another read may have their answers.
    fn all_asked_beside(&mut self, readings: &[Reading]) {
        for reading in readings {
            if let Some(beside) = &reading.beside {
                self.asked_beside(reading.keys[0], beside);
            }
        }
    }

    /// The answers that tell something of their keys. One that joined the load of another read
    /// fails with that.
    fn told(
        &self,
        keys: &[u64],
        answers: Vec<Answer>,
        beside: Option<&Asked>,
        joined: bool,
    ) -> Result<Vec<(u64, Answer)>, super::guarantee::Violation> {
        must("G1", answers.len() == keys.len(), || {
            format!("{} answers for {keys:?}", answers.len())
        })?;
        // One question for several: the failure of one is that of all.
        let fails = (0..KEYS)
            .filter(|key| joined || keys.len() > 1 && keys.contains(key))
            .any(|key| self.histories[key as usize].load_faults);
        let excused = |answer: &Answer| match answer {
            Err(LoadError::Loader(_)) => beside.is_some_and(|asked| asked.loader == Loader::Fails),
            Err(LoadError::Closed) => self.closing,
            Err(_) => fails,
            Ok(_) => false,
        };
        let answers = keys.iter().copied().zip(answers);
        Ok(answers.filter(|(_, answer)| !excused(answer)).collect())
    }

    /// Hears of the reads that were left and have ended. What a key may be is noted for those that
    /// have not.
    pub(super) fn look_at_reading(&mut self) -> Holds {
        let readings = std::mem::take(&mut self.reading);
        self.all_asked_beside(&readings);
        for mut reading in readings {
            match reading.question.poll() {
                Some(answers) => self.answered(reading, answers)?,
                None => {
                    self.note(&mut reading);
                    self.reading.push(reading);
                }
            }
        }
        Ok(())
    }

    /// Notes what its keys are or may be now.
    fn note(&self, reading: &mut Reading) {
        for (&key, allowed) in reading.keys.iter().zip(&mut reading.allowed) {
            allowed.extend(self.histories[key as usize].readable());
        }
    }

    fn answered(&mut self, mut reading: Reading, answers: Vec<Answer>) -> Holds {
        self.note(&mut reading);
        for (key, answer) in self.told(&reading.keys, answers, reading.beside.as_ref(), true)? {
            let history = &self.histories[key as usize];
            match answer {
                Err(error) => guarantee::g1_a_read_answers(key, history, &error)?,
                Ok(hit) => {
                    let of_key = reading.keys.iter().position(|&of| of == key);
                    let allowed = &reading.allowed[of_key.expect("it was asked for")];
                    let seen = hit.map(|hit| hit.value);
                    guarantee::g1_a_long_read_is_not_older(key, allowed, seen)?;
                    let raced = match reading.invalidated {
                        Invalidated::No => false,
                        Invalidated::IfThere => seen.is_some(),
                        Invalidated::Yes => true,
                    };
                    if raced {
                        self.coverage.invalidated_reads += 1;
                        let in_memory = self.cache().explain(&key).in_memory;
                        guarantee::g1_what_raced_is_not_kept(key, in_memory, "a load")?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Drives all reads that were left running to their ends.
    pub(super) fn finish_reading(&mut self) -> Holds {
        for _ in 0..MOVES {
            self.rest()?;
            self.look_at_reading()?;
            if self.reading.is_empty() {
                return Ok(());
            }
            self.store.release();
        }
        Err(self.stuck("a read waits for ever"))
    }

    pub(super) fn saw(&mut self, key: u64, answer: Answer) -> Holds {
        let dirty = self.cache().explain(&key).dirty;
        let history = self.history(key);
        match answer {
            Ok(hit) => {
                let seen = hit.map(|hit| hit.value);
                guarantee::g1_a_read_is_not_older(key, history, seen)?;
                guarantee::g4_dirty_is_readable(key, history, dirty, Some(seen))?;
                history.read(seen);
                Ok(())
            }
            Err(error) => {
                guarantee::g4_dirty_is_readable(key, history, dirty, None)?;
                guarantee::g1_a_read_answers(key, history, &error)
            }
        }
    }

    /// What is under way for a key, and nothing else, may bring it to memory from here on.
    fn raced(&mut self, key: u64, how: Invalidated) {
        let alone = self
            .reading
            .iter()
            .filter(|reading| reading.keys.contains(&key));
        let alone = alone.count() == 1 && !self.history(key).is_running();
        for reading in &mut self.reading {
            if alone
                && reading.leads
                && reading.keys == [key]
                && reading.invalidated != Invalidated::Yes
            {
                reading.invalidated = how;
            }
        }
    }

    /// Whether a read of a key was left to run.
    pub(super) fn is_being_read(&self, key: u64) -> bool {
        self.reading
            .iter()
            .any(|reading| reading.keys.contains(&key))
    }

    /// Another call may bring a key to memory.
    pub(super) fn touched(&mut self, key: u64) {
        for reading in &mut self.reading {
            if reading.keys.contains(&key) {
                reading.invalidated = Invalidated::No;
                reading.leads = false;
            }
        }
        self.running_touched(key);
    }

    /// A key was invalidated.
    pub(super) fn invalidated(&mut self, key: u64) -> Holds {
        guarantee::g1_nobody_joins_an_older_load(key, self.cache().explain(&key).loading)?;
        self.history(key).invalidated();
        self.raced(key, Invalidated::Yes);
        self.running_invalidated(key);
        Ok(())
    }

    pub(super) fn invalidate_tag(&mut self, tag: u8) {
        let name = name(tag);
        let tagged = |key: &u64| {
            let explained = self.cache().explain(key);
            // What memory has not may come by a load, with the tag of the store.
            if !explained.in_memory {
                // And what the disk has may have any.
                return tag_of(*key) == tag && !explained.on_disk;
            }
            explained
                .tags
                .iter()
                .any(|tag| *tag == name.as_str().into())
        };
        let tagged: Vec<u64> = (0..KEYS).filter(tagged).collect();
        self.cache().invalidate_tag(name.as_str());
        for key in tagged {
            let loading = self.cache().explain(&key).loading;
            self.history(key).invalidated_by_tag(loading);
        }
        for key in (0..KEYS).filter(|key| tag_of(*key) == tag) {
            self.raced(key, Invalidated::IfThere);
        }
    }
}
