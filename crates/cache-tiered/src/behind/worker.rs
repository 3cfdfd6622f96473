//! The threads that bring changes to the store, and what they bring next.

use super::entry::{Batch, Entry};
use super::health::Leave;
use super::staff::Staff;
use super::{DirtySet, Health, Tally};
use crate::alarm::Alarm;
use crate::events::Broadcast;
use crate::journal::Journal;
use crate::observe::Observer;
use crate::store::erased::ErasedStore;
use event_listener::Event;
use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread;

/// What workers and callers share.
pub(super) struct Engine<K, V> {
    pub(super) set: DirtySet<K, V>,
    pub(super) health: Health,
    pub(super) tally: Tally,
    pub(super) store: Arc<dyn ErasedStore<K, V>>,
    pub(super) journal: Weak<Journal>,
    pub(super) events: Weak<Broadcast<K>>,
    pub(super) observer: Observer,
    pub(super) alarm: Arc<Alarm>,
    pub(super) settings: Pace,
    /// When an idle worker looks again by itself. A worker says "never" before it looks and the
    /// time after, so a change that comes while it looks is rung for. SeqCst: the store before the
    /// look and the caller's load after its insert are on both sides of a shard's lock.
    pub(super) wakes_at: AtomicU64,
    /// A flush asks for what is due until then; 0 if there is none. Relaxed: who sets it rings.
    pub(super) flushed_until: AtomicU64,
    /// Somebody waits for room in the journal. Relaxed: who sets it rings.
    pub(super) hurried: AtomicBool,
    /// Told when the store failed or the workers are stopped, so that flushes see how it is.
    pub(super) failed: Event,
    /// Told when records were settled.
    pub(super) settled: Event,
    /// One flush at a time.
    pub(super) flushing: Mutex<bool>,
    pub(super) flush_ended: Event,
    /// Nobody waits for room any more. Relaxed: it is followed by an event.
    pub(super) refusing: AtomicBool,
    /// Where looks begin, so that no shard is always the last. Relaxed.
    turns: AtomicUsize,
    stopped: AtomicBool,
    threads: Mutex<usize>,
    pub(super) staff: Arc<Staff>,
    /// A copy of it for those who only look. Relaxed: they look again.
    hired: AtomicUsize,
    /// Workers that hold the journal, but for those that wait for the store.
    holding: Mutex<usize>,
    let_go: Condvar,
}

/// When and in what portions changes fly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) max_delay: u64,
    pub(super) batch: usize,
    pub(super) lanes: usize,
    /// The store is flushed before records are settled.
    pub(super) synced: bool,
}

impl Pace {
    /// When a change of now is due: never later than asked for, but rounded, so that changes that
    /// came about the same time go together.
    pub(super) const fn due(&self, now: u64) -> u64 {
        let at = now.saturating_add(self.max_delay);
        let grain = self.max_delay / 16;
        if grain < 2 { at } else { at - at % grain }
    }
}

enum Work<K, V> {
    Batch(Batch<K, V>),
    Wait(Option<u64>),
}

impl<K, V> Engine<K, V> {
    pub(super) fn new(
        set: DirtySet<K, V>,
        health: Health,
        store: Arc<dyn ErasedStore<K, V>>,
        (journal, events): (&Arc<Journal>, &Arc<Broadcast<K>>),
        observer: Observer,
        alarm: Arc<Alarm>,
        settings: Pace,
    ) -> Self {
        Self {
            set,
            health,
            tally: Tally::default(),
            store,
            journal: Arc::downgrade(journal),
            events: Arc::downgrade(events),
            observer,
            alarm,
            settings,
            wakes_at: AtomicU64::new(u64::MAX),
            flushed_until: AtomicU64::new(0),
            turns: AtomicUsize::new(0),
            hurried: AtomicBool::new(false),
            failed: Event::new(),
            settled: Event::new(),
            flushing: Mutex::new(false),
            flush_ended: Event::new(),
            refusing: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            threads: Mutex::new(0),
            staff: Arc::default(),
            hired: AtomicUsize::new(0),
            holding: Mutex::new(0),
            let_go: Condvar::new(),
        }
    }

    /// Counts a worker among those that hold the journal.
    pub(super) fn hold(&self) {
        *self.holding.lock() += 1;
    }

    /// Counts a worker out.
    pub(super) fn release(&self) {
        let mut holding = self.holding.lock();
        *holding -= 1;
        if *holding == 0 {
            self.let_go.notify_all();
        }
    }

    /// Waits until no worker holds the journal, but for those that wait for the store.
    pub(super) fn wait_for_release(&self) {
        let mut holding = self.holding.lock();
        while *holding > 0 {
            self.let_go.wait(&mut holding);
        }
    }

    /// Ends the workers; those that fly a batch when it has landed.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.refuse();
        self.alarm.close();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Refuses everybody who waits for room.
    pub(super) fn refuse(&self) {
        self.refusing.store(true, Ordering::SeqCst);
        self.set.room.rouse();
        self.settled.notify(usize::MAX);
        self.failed.notify(usize::MAX);
    }
}

impl<K, V> Engine<K, V>
where
    K: Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Sees to it that a worker looks, if one has to before `due`.
    pub(super) fn notice(self: &Arc<Self>, due: u64) {
        if due < self.wakes_at.load(Ordering::SeqCst) || self.set.room.pressure() > 0 {
            self.call();
        }
    }

    /// Sees to it that a worker looks.
    pub(super) fn call(self: &Arc<Self>) {
        let first = self.alarm.ring();
        // A ring that nobody has heard may be one for all, of a time when there were fewer.
        let short = self.hired.load(Ordering::Relaxed) < self.settings.lanes;
        if (first || short) && self.alarm.waiting() == 0 {
            self.hire();
        }
    }

    /// Starts a worker if there may be one more.
    fn hire(self: &Arc<Self>) {
        let mut threads = self.threads.lock();
        if *threads >= self.settings.lanes || self.is_stopped() {
            return;
        }
        let (engine, place) = (Arc::clone(self), self.staff.place());
        let counted = self.alarm.activity().work();
        let work = move || {
            place.take();
            engine.work();
            drop(place);
            drop(counted);
        };
        let thread = thread::Builder::new().name(format!("cache-tiered-behind-{threads}"));
        *threads += usize::from(thread.spawn(work).is_ok());
        self.hired.store(*threads, Ordering::Relaxed);
    }

    fn work(self: Arc<Self>) {
        while !self.is_stopped() {
            self.wakes_at.store(u64::MAX, Ordering::SeqCst);
            match self.next() {
                Work::Batch(batch) => {
                    self.hold();
                    // Looked at after it is counted: who stops the workers waits for those that
                    // are. What is dirty belongs to the next cache then.
                    if !self.is_stopped()
                        && let Some(journal) = self.journal.upgrade()
                    {
                        self.fly(&journal, batch);
                    }
                    self.release();
                }
                Work::Wait(until) => {
                    self.wakes_at
                        .store(until.unwrap_or(u64::MAX), Ordering::SeqCst);
                    self.alarm.wait_until(until);
                }
            }
        }
    }

    fn next(self: &Arc<Self>) -> Work<K, V> {
        let now = self.alarm.now();
        let mut batch = Batch::new();
        match self.health.leave(now) {
            Leave::Wait(until) => return Work::Wait(until),
            Leave::Probe => {
                // One that did not fail so far tells more.
                for fresh in [true, false] {
                    let wanted = |_, entry: &Entry<K, V>| !fresh || entry.failures == 0;
                    for shard in self.in_turn() {
                        if self.set.take(shard, wanted, 1, &mut batch) {
                            return Work::Batch(batch);
                        }
                    }
                }
                self.health.unprobed();
                if !batch.uncopied.is_empty() {
                    return Work::Batch(batch);
                }
                return Work::Wait(None);
            }
            Leave::All => {}
        }
        let more = self.gather(now, &mut batch);
        if batch.len() == 0 && batch.uncopied.is_empty() {
            let first = (0..self.set.shards()).filter_map(|shard| self.set.first_due(shard));
            return Work::Wait(first.min());
        }
        // Somebody has to be there when others are due, should this batch take long.
        if more || self.set.unapplied.load(Ordering::Relaxed) > batch.len() {
            self.call();
        }
        Work::Batch(batch)
    }

    /// Fills a batch with what is due or asked for, and with the coldest if there is too much;
    /// true if some may be left.
    fn gather(&self, now: u64, batch: &mut Batch<K, V>) -> bool {
        let len = self.settings.batch;
        let asked = self.flushed_until.load(Ordering::Relaxed);
        let hurried = self.hurried.swap(false, Ordering::Relaxed);
        let wanted = |at, entry: &Entry<K, V>| at <= now || entry.failures == 0 && at <= asked;
        for shard in self.in_turn() {
            if self.set.take(shard, wanted, len, batch) {
                return true;
            }
        }
        if hurried && batch.len() == 0 {
            // The oldest go first: the journal gives up its files from the oldest on.
            for shard in self.in_turn() {
                let share = batch.len() + len.div_ceil(self.set.shards());
                let fresh = |_, entry: &Entry<K, V>| entry.failures == 0;
                self.set.take(shard, fresh, share.min(len), batch);
            }
        }
        let pressure = self.set.room.pressure();
        if pressure > 0 && batch.len() < len {
            let portion = pressure.max(self.set.room.eighth().min(len));
            let wanted = batch.len() + portion.min(len - batch.len());
            for (step, shard) in self.in_turn().enumerate() {
                let left = wanted.saturating_sub(batch.len());
                let share = left.div_ceil(self.set.shards() - step);
                self.set.take_cold(shard, share, batch);
            }
        }
        self.set.room.pressure() > len
    }

    /// All shards, each time from another one on.
    fn in_turn(&self) -> impl Iterator<Item = usize> + use<K, V> {
        let shards = self.set.shards();
        let start = self.turns.fetch_add(1, Ordering::Relaxed) % shards;
        (0..shards).map(move |step| (start + step) % shards)
    }
}
