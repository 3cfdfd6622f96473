//! A batch on its way: applied, or split until what fails is alone.

use super::entry::{Batch, Flight};
use super::worker::Engine;
use crate::error::StoreError;
use crate::events::Event;
use crate::executor::block_on;
use crate::journal::{AppendError, Journal};
use crate::observe::Watch;
use crate::sink::Mutation;
use std::any::Any;
use std::error::Error;
use std::fmt::Write;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The store panicked.
#[derive(Debug, thiserror::Error)]
#[error("the store panicked: {0}")]
struct Panicked(String);

impl Panicked {
    fn new(payload: &(dyn Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Self(text.unwrap_or_else(|| "no message".to_owned()))
    }
}

/// A clone of a key or a value panicked.
#[derive(Debug, thiserror::Error)]
#[error("a copy of the change could not be made: the clone of its key or value panicked")]
struct Uncopied;

/// An error with its causes, as the reason of a dead letter.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _infallible = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

impl<K, V> Engine<K, V>
where
    K: Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Brings a batch to the store, and every change of it to an end: landed, waiting or dead.
    ///
    /// What fails is halved if the store has taken something meanwhile. If not, two changes by
    /// themselves show whether it takes anything at all.
    pub(super) fn fly(self: &Arc<Self>, journal: &Journal, batch: Batch<K, V>) {
        for flight in &batch.uncopied {
            self.count_failure(journal, flight, &StoreError::new(Uncopied));
        }
        let before = self.health.successes();
        // The next one to try is the last.
        let mut parts: Vec<Range<usize>> = std::iter::once(0..batch.len()).collect();
        parts.retain(|part| !part.is_empty());
        while let Some(part) = parts.pop() {
            if self.is_stopped() {
                // It is in the journal, for the next cache.
                return;
            }
            let error = match self.attempt(&batch.mutations[part.clone()]) {
                Ok(()) => {
                    self.landed(journal, &batch.flights[part]);
                    continue;
                }
                Err(error) => error,
            };
            let middle = if self.health.successes() > before {
                part.start + part.len() / 2
            } else {
                part.start + 1
            };
            if part.len() > 1 {
                parts.push(middle..part.end);
                parts.push(part.start..middle);
            } else if self.failed_alone(journal, &batch, part.start, error) {
                self.put_back(&batch, parts);
                break;
            }
        }
    }

    fn attempt(&self, mutations: &[Mutation<K, V>]) -> Result<(), StoreError> {
        let apply = || {
            block_on(async {
                let apply = self.store.apply(mutations);
                let applied = self.observer.asking("apply", mutations.len(), apply).await;
                applied.map_err(crate::ApplyError::into_inner)?;
                if self.settings.synced {
                    let flush = self.store.flush();
                    self.observer.asking("flush", 0, flush).await?;
                }
                Ok(())
            })
        };
        let watch = Watch::start();
        // Whoever drops the cache does not wait for the store.
        self.release();
        // A store that panics may be left in any state; what it answers next is its own affair.
        let result = self
            .staff
            .asking(|| catch_unwind(AssertUnwindSafe(apply)))
            .unwrap_or_else(|payload| Err(StoreError::new(Panicked::new(&*payload))));
        self.hold();
        self.tally.attempted(&result, mutations.len());
        let error = result.as_ref().err();
        let error = error.map(|error| error as &(dyn Error + 'static));
        self.observer.batch_ended(mutations.len(), error, watch);
        if result.is_ok() {
            self.health.succeeded();
        }
        result
    }

    /// The store has these. They are settled, then leave the set, and flushes hear of it last.
    fn landed(&self, journal: &Journal, flights: &[Flight]) {
        let witnessed = self.health.successes();
        let sequences: Vec<u64> = flights.iter().map(|flight| flight.sequence).collect();
        // Before they leave the set: a later change of such a key may be brought and settled by
        // another lane as soon as they have, and the journal wants the older one settled first.
        journal.settle(&sequences);
        let landed = flights
            .iter()
            .map(|flight| self.set.land(flight, witnessed));
        let cohorts: Vec<usize> = landed.collect();
        self.settled.notify(usize::MAX);
        cohorts
            .into_iter()
            .for_each(|cohort| self.set.leave(cohort));
    }

    /// A change failed by itself. True if the store takes nothing at all.
    fn failed_alone(
        self: &Arc<Self>,
        journal: &Journal,
        batch: &Batch<K, V>,
        index: usize,
        error: StoreError,
    ) -> bool {
        let (flight, key) = (&batch.flights[index], batch.mutations[index].key());
        let (failures, buried) = self.count_failure(journal, flight, &error);
        self.tell(|| {
            let key = key.clone();
            if buried {
                Event::DeadLettered { key }
            } else {
                Event::Retried {
                    key,
                    attempts: failures,
                }
            }
        });
        let down = self.health.failed(self.alarm.now(), flight.hash, error);
        self.failed.notify(usize::MAX);
        down
    }

    /// Counts a failure of a change, which then waits for its next attempt or is dead. How often it has failed, and whether it
    /// is dead.
    fn count_failure(
        self: &Arc<Self>,
        journal: &Journal,
        flight: &Flight,
        error: &StoreError,
    ) -> (u32, bool) {
        let successes = self.health.successes();
        let attempts_max = self.health.retry().attempts();
        let (failures, exhausted) = self.set.with_flying(flight, |entry| {
            if entry.stamp != flight.stamp {
                return (0, false);
            }
            entry.failures = entry.failures.saturating_add(1);
            if successes > entry.witnessed {
                entry.witnessed = successes;
                entry.attempts += 1;
            }
            (entry.failures, entry.attempts >= attempts_max)
        });
        let buried = exhausted && self.bury(journal, flight, error);
        if !buried {
            let now = self.alarm.now();
            let at = now.saturating_add(self.health.pause(failures.max(1)));
            self.return_at(flight, at);
        }
        (failures, buried)
    }

    /// Makes a dead letter of a change; false if a later one came, or there can be no more.
    fn bury(&self, journal: &Journal, flight: &Flight, error: &StoreError) -> bool {
        let reason = chain(error);
        match journal.bury(flight.sequence, &reason).wait() {
            Ok(_) => {}
            // Replaced meanwhile.
            Err(AppendError::NoSuchRecord { .. }) => return false,
            Err(_) => {
                self.tally.unburied.add();
                return false;
            }
        }
        let buried = self.set.bury(flight, Arc::from(reason));
        if buried {
            self.tally.dead.add();
        }
        buried
    }

    /// Tells those who listen, if the cache is still there.
    fn tell(&self, event: impl FnOnce() -> Event<K>) {
        if let Some(events) = self.events.upgrade() {
            events.emit(event);
        }
    }

    /// What was not tried waits again.
    fn put_back(&self, batch: &Batch<K, V>, parts: Vec<Range<usize>>) {
        let now = self.alarm.now();
        for flight in parts.into_iter().flat_map(|part| &batch.flights[part]) {
            self.return_at(flight, now);
        }
    }

    fn return_at(&self, flight: &Flight, at: u64) {
        if self.set.return_at(flight, at) {
            self.tally.coalesced.add();
        }
    }
}
