//! Waiting until all that was acknowledged is applied or dead.

use super::WriteBehind;
use crate::error::StoreError;
use event_listener::EventListener;
use std::sync::atomic::Ordering;

/// How a flush ended.
#[derive(Clone, Debug)]
pub(crate) enum Flushed {
    /// Everything is applied or dead.
    Done,
    /// The store takes nothing; what is left is dirty, and in the journal.
    Stuck(StoreError),
    /// The cache was closed meanwhile.
    Closed,
}

/// The right to flush.
struct Turn<'a, K, V> {
    behind: &'a WriteBehind<K, V>,
}

impl<K, V> Drop for Turn<'_, K, V> {
    fn drop(&mut self) {
        let engine = &self.behind.engine;
        engine.flushed_until.store(0, Ordering::Relaxed);
        *engine.flushing.lock() = false;
        engine.flush_ended.notify(usize::MAX);
    }
}

impl<K, V> WriteBehind<K, V>
where
    K: Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Changes applied so far.
    pub(crate) fn applied(&self) -> u64 {
        self.engine.tally.applied()
    }

    /// Dirty keys and dead letters of now.
    pub(crate) fn left(&self) -> (usize, usize) {
        (self.engine.set.room.used().0, self.engine.set.dead())
    }

    /// Brings everything that was acknowledged before to an end.
    pub(crate) async fn flush(&self) -> Flushed {
        let _turn = self.turn().await;
        let engine = &self.engine;
        let (before, _) = engine.health.fruitless();
        engine.health.probe_now();
        // What a flush before left, as the store took nothing, is in the cohort that is not joined.
        let left = engine.set.unjoined();
        if let Flushed::Stuck(error) = self.drain(left, before).await {
            return Flushed::Stuck(error);
        }
        engine.set.change_cohort();
        self.drain(left ^ 1, before).await
    }

    /// Has what is of a cohort that is joined no more flown, and waits until nothing of it is left,
    /// or the store took nothing in as many attempts as a change has, beside the `before`.
    async fn drain(&self, cohort: usize, before: u64) -> Flushed {
        let engine = &self.engine;
        // Everything in the cohort came before, so it is due by then.
        let until = engine.settings.due(engine.alarm.now()).max(1);
        engine.flushed_until.store(until, Ordering::Relaxed);
        engine.call();
        let attempts = u64::from(engine.health.retry().attempts());
        loop {
            let (drained, failed) = (engine.set.drained.listen(), engine.failed.listen());
            if engine.set.members(cohort) == 0 {
                return Flushed::Done;
            }
            if engine.is_stopped() {
                return Flushed::Closed;
            }
            let (now, error) = engine.health.fruitless();
            if let Some(error) = error
                && now >= attempts
                && now > before
            {
                return Flushed::Stuck(error);
            }
            super::admit::first_of(drained, failed).await;
        }
    }

    /// Flushes come one after the other: there are two cohorts.
    async fn turn(&self) -> Turn<'_, K, V> {
        let engine = &self.engine;
        loop {
            let ended: EventListener = engine.flush_ended.listen();
            if !std::mem::replace(&mut *engine.flushing.lock(), true) {
                return Turn { behind: self };
            }
            ended.await;
        }
    }
}
