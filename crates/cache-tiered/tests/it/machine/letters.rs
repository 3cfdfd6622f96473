//! The steps that bring things to an end: dead letters and flush.

use super::guarantee::{self, Holds, Violation, must};
use super::rest::{Held, poll};
use super::run::Machine;
use super::step::KEYS;
use cache_tiered::{FlushError, FlushReport};

impl Machine {
    pub(super) fn is_dead(&self, key: u64) -> bool {
        let letters = self.cache().dead_letters();
        letters.iter().any(|letter| letter.key == key)
    }

    pub(super) fn redrive(&mut self, key: u64) -> Holds {
        let dead = self.is_dead(key);
        let revived = self.cache().redrive(&key).wait();
        let Ok(revived) = revived else {
            return must("G4", false, || {
                format!("key {key}: redrive gave {revived:?}")
            });
        };
        self.coverage.redriven += u64::from(revived);
        must("G4", revived == dead, || {
            format!("key {key}: it had a dead letter: {dead}, and was driven again: {revived}")
        })
    }

    pub(super) fn discard(&mut self, key: u64) -> Holds {
        // It would wait for the write that has the key.
        if self.history(key).is_running() {
            return Ok(());
        }
        let dead = self.is_dead(key);
        let discarded = self.cache().discard(&key).wait();
        let Ok(letter) = discarded else {
            return must("G4", false, || {
                format!("key {key}: discard gave {discarded:?}")
            });
        };
        must("G4", letter.is_some() == dead, || {
            format!("key {key}: it had a dead letter: {dead}, and gave {letter:?}")
        })?;
        let Some(letter) = letter else {
            return Ok(());
        };
        self.coverage.discarded += 1;
        let possible = self.history(key).is_possible(letter.value);
        must("G4", possible, || {
            format!("key {key}: discarded {letter:?} of {:?}", letter.value)
        })?;
        let stored = self.store.value(key);
        self.history(key).discarded(stored);
        Ok(())
    }

    fn flushed(&self) -> Result<Result<FlushReport, FlushError>, Violation> {
        let mut flush = self.cache().flush();
        let report = self.drive(Held::Released, || poll(&mut flush))?;
        Ok(report.expect("it is driven to its end"))
    }

    pub(super) fn flush(&mut self) -> Holds {
        self.store.release();
        self.rest()?;
        let healthy = self.store.is_healthy();
        let report = self.flushed()?;
        let dead: Vec<u64> = self
            .cache()
            .dead_letters()
            .iter()
            .map(|letter| letter.key)
            .collect();
        match report {
            Ok(_) => (0..KEYS)
                .filter(|&key| self.histories[key as usize].is_quiet())
                .try_for_each(|key| {
                    let dirty = self.cache().explain(&key).dirty;
                    guarantee::g4_flushed_is_applied_or_dead(key, dirty, dead.contains(&key))
                }),
            Err(FlushError::Unapplied { .. }) if !healthy => Ok(()),
            Err(error) => must("G4", false, || {
                format!("flush gave {error:?} without a fault")
            }),
        }
    }
}
