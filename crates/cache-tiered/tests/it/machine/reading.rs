//! The steps that read, and invalidate.

use super::guarantee::{self, Holds, must};
use super::run::Machine;
use super::step::{KEYS, Loader};
use super::store::Told;
use super::writing::name;
use cache_tiered::{Hit, LoadError, Loaded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

impl Machine {
    pub(super) fn get(&mut self, key: u64) -> Holds {
        let answer = self.cache().get(&key).wait();
        self.saw(key, answer)
    }

    pub(super) fn get_many(&mut self, keys: &[u64]) -> Holds {
        let answers = self.cache().get_many(keys).wait();
        must("G1", answers.len() == keys.len(), || {
            format!("{} answers for {keys:?}", answers.len())
        })?;
        for (&key, answer) in keys.iter().zip(answers) {
            // One question for several: the failure of one is that of all.
            if answer.is_err()
                && keys
                    .iter()
                    .any(|&key| self.histories[key as usize].load_faults)
            {
                continue;
            }
            self.saw(key, answer)?;
        }
        Ok(())
    }

    pub(super) fn get_or_load(&mut self, key: u64, loader: Loader) -> Holds {
        let value = self.number();
        let said = match loader {
            Loader::Value => Some(value),
            Loader::Absent | Loader::Fails => None,
        };
        let fails = loader == Loader::Fails;
        let asked = Arc::new(AtomicBool::new(false));
        let asks = Arc::clone(&asked);
        let answer = self.cache().get_or_load(&key, move |_| async move {
            asks.store(true, Ordering::SeqCst);
            if fails {
                Err(Told)
            } else {
                Ok(Loaded::from(said))
            }
        });
        let answer = answer.wait();
        // A hit on what is stale has it asked in the background.
        self.rest()?;
        if asked.load(Ordering::SeqCst) && !fails {
            self.history(key).loaded_beside(said);
        }
        match answer {
            Err(LoadError::Loader(_)) if fails => Ok(()),
            answer => self.saw(key, answer),
        }
    }

    pub(super) fn saw(&mut self, key: u64, answer: Result<Option<Hit<u64>>, LoadError>) -> Holds {
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

    pub(super) fn invalidate_tag(&mut self, tag: u8) {
        let name = name(tag);
        let tagged = |key: &u64| {
            let tags = self.cache().explain(key).tags;
            tags.iter().any(|tag| *tag == name.as_str().into())
        };
        let tagged: Vec<u64> = (0..KEYS).filter(tagged).collect();
        self.cache().invalidate_tag(name.as_str());
        for key in tagged {
            self.history(key).invalidated();
        }
    }
}
