//! G3: retries of write-through, its time limit, and attempts that outlive it.

use crate::doubles::{Fate, Gate, Probe, ProbeStore, cached, read};
use cache_tiered::{
    Applied, ApplyError, Blocking, BlockingSink, BlockingSource, ComputeError, InMemory, Loaded,
    ManualClock, MemoryTier, Mutation, PutError, RemoveError, Retry, Through, Tiered, Writes,
};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

fn build(through: Through) -> (Tiered<u64, u64>, Arc<Probe>, ManualClock) {
    let store = ProbeStore::default();
    let (probe, clock) = (Arc::clone(&store.0), ManualClock::new());
    let cache = Tiered::builder()
        .memory(MemoryTier::entries(10).clock(clock.clone()))
        .store(Blocking::new(store))
        .writes(through)
        .build()
        .unwrap();
    (cache, probe, clock)
}

/// Runs `call` on a thread of its own while the time passes.
fn while_time_passes<T: Send>(clock: &ManualClock, call: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let running = scope.spawn(call);
        while !running.is_finished() {
            clock.advance(Duration::from_millis(10));
            thread::yield_now();
        }
        running.join().unwrap()
    })
}

#[test]
fn a_refused_write_is_tried_again_as_often_as_the_policy_says() {
    let (cache, probe, clock) = build(Writes::through().retry(Retry::times(2).seed(1)));
    probe.tell(Fate::Fail);
    probe.tell(Fate::Fail);
    while_time_passes(&clock, || cache.put(1, 10).wait()).unwrap();
    assert_eq!((probe.applies(), cached(&cache, 1)), (3, Some(10)));
    for _ in 0..3 {
        probe.tell(Fate::Fail);
    }
    let refused = while_time_passes(&clock, || cache.put(1, 11).wait()).unwrap_err();
    assert!(matches!(refused, PutError::Refused { value: 11, .. }));
    assert_eq!((probe.applies(), cached(&cache, 1)), (6, Some(10)));
    assert_eq!(cache.stats().retries, 4);
}

#[test]
fn a_retry_that_would_come_too_late_is_not_begun_and_the_write_is_refused() {
    let pauses = Retry::times(5).pauses(Duration::from_secs(1), Duration::from_secs(1));
    let through = Writes::through().timeout(Duration::from_millis(400));
    let (cache, probe, _clock) = build(through.retry(pauses.seed(1)));
    probe.tell(Fate::Fail);
    // The time stands still, so that the attempt is in time however slow its thread is.
    let refused = cache.put(1, 10).wait().unwrap_err();
    assert!(matches!(refused, PutError::Refused { .. }), "{refused}");
    assert_eq!((probe.applies(), cache.stats().retries), (1, 0));
    cache.put(1, 11).wait().unwrap();
}

#[test]
fn g3_a_write_of_unknown_outcome_is_not_tried_again() {
    let (cache, probe, _clock) = build(Writes::through().retry(Retry::times(5)));
    probe.tell(Fate::NotDoneAndUnknown);
    assert!(matches!(
        cache.put(1, 10).wait(),
        Err(PutError::Unknown { .. })
    ));
    assert_eq!(probe.applies(), 1);
}

#[test]
fn g3_at_the_timeout_the_outcome_is_unknown_and_the_key_is_busy_until_the_attempt_has_ended() {
    let (cache, probe, clock) = build(Writes::through().timeout(Duration::from_secs(1)));
    cache.put(1, 10).wait().unwrap();
    probe.applying.hold(1);
    let unknown = while_time_passes(&clock, || cache.put(1, 11).wait()).unwrap_err();
    assert!(
        matches!(unknown, PutError::Unknown { value: 11, .. }),
        "{unknown}"
    );
    assert!(cache.explain(&1).mutating);
    assert!(matches!(
        cache.put(1, 12).wait(),
        Err(PutError::Busy { value: 12 })
    ));
    assert!(matches!(cache.remove(&1).wait(), Err(RemoveError::Busy)));
    let computed = cache.compute(1, |_| panic!("it is not asked"));
    assert!(matches!(computed.wait(), Err(ComputeError::Busy)));
    assert_eq!(read(&cache, 1), Some(10), "the store knows");
    assert_eq!(cached(&cache, 1), None, "nothing is kept meanwhile");
    cache.put(2, 20).wait().unwrap();
    probe.applying.open();
    while cache.explain(&1).mutating {
        thread::yield_now();
    }
    assert_eq!((cached(&cache, 1), read(&cache, 1)), (None, Some(11)));
    assert_eq!(cached(&cache, 1), Some(11), "kept again");
    cache.put(1, 12).wait().unwrap();
    assert_eq!((cached(&cache, 1), cache.stats().busy), (Some(12), 3));
}

#[test]
fn g3_who_waits_for_a_key_whose_write_times_out_is_answered_busy() {
    let (cache, probe, clock) = build(Writes::through().timeout(Duration::from_secs(1)));
    probe.applying.hold(1);
    thread::scope(|scope| {
        let first = scope.spawn(|| cache.put(1, 10).wait());
        probe.applying.wait_for(1);
        let queued = scope.spawn(|| cache.put(1, 11).wait());
        while !first.is_finished() || !queued.is_finished() {
            clock.advance(Duration::from_millis(10));
            thread::yield_now();
        }
        assert!(matches!(
            first.join().unwrap(),
            Err(PutError::Unknown { .. })
        ));
        assert!(matches!(
            queued.join().unwrap(),
            Err(PutError::Busy { value: 11 })
        ));
    });
    let report = while_time_passes(&clock, || cache.close_within(Duration::from_secs(1)).wait());
    assert_eq!(report.unwrap().running, 1);
    probe.applying.open();
}

#[test]
fn a_store_that_panics_within_its_time_panics_for_the_caller_and_frees_the_key() {
    let (cache, probe, _clock) = build(Writes::through().timeout(Duration::from_secs(1)));
    probe.tell(Fate::Panic);
    let put = std::panic::AssertUnwindSafe(|| cache.put(1, 10).wait());
    assert!(std::panic::catch_unwind(put).is_err());
    cache.put(1, 11).wait().unwrap();
    assert_eq!(cached(&cache, 1), Some(11));
}

/// A store that takes no mutation after a later one.
#[derive(Clone, Default)]
struct Conditional {
    entries: InMemory<u64, u64>,
    stamp: Arc<std::sync::Mutex<u64>>,
    gate: Arc<Gate>,
}

impl BlockingSource<u64, u64> for Conditional {
    type Error = cache_tiered::InMemoryError;

    fn load(&self, key: &u64) -> Result<Loaded<u64>, Self::Error> {
        BlockingSource::load(&self.entries, key)
    }
}

impl BlockingSink<u64, u64> for Conditional {
    type Error = cache_tiered::InMemoryError;

    fn apply(&self, batch: &[Mutation<u64, u64>]) -> Result<Applied, ApplyError<Self::Error>> {
        self.gate.pass();
        let mut stamp = self.stamp.lock().unwrap();
        if batch[0].stamp() < *stamp {
            return Ok([true].into_iter().collect());
        }
        *stamp = batch[0].stamp();
        BlockingSink::apply(&self.entries, batch)
    }

    fn is_stamp_conditional(&self) -> bool {
        true
    }
}

#[test]
fn g3_a_stamp_conditional_sink_takes_later_writes_beside_one_that_timed_out() {
    let (store, clock) = (Conditional::default(), ManualClock::new());
    let cache: Tiered<u64, u64> = Tiered::builder()
        .memory(MemoryTier::entries(10).clock(clock.clone()))
        .store(Blocking::new(store.clone()))
        .writes(Writes::through().timeout(Duration::from_secs(1)))
        .build()
        .unwrap();
    store.gate.hold(1);
    let unknown = while_time_passes(&clock, || cache.put(1, 10).wait());
    assert!(matches!(unknown, Err(PutError::Unknown { .. })));
    cache.put(1, 11).wait().unwrap();
    assert_eq!(cached(&cache, 1), Some(11));
    store.gate.open();
    cache.close().wait().unwrap();
    assert_eq!(
        store.entries.value(&1),
        Some(11),
        "the late one changed nothing"
    );
}
