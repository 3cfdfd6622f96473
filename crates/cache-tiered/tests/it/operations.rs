//! Handles: waited for, awaited on an executor that is not the cache's, dropped.

use crate::doubles::{Fate, ProbeStore, cached, probed};
use cache_tiered::{Blocking, Life, Loaded, MemoryTier, Operation, Tiered};
use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// The smallest executor there is: one thread, parked in between.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub(crate) fn run<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// All of several operations at the same time, as `join_all` of some runtime would do it.
async fn all<T: Send + 'static>(operations: Vec<Operation<T>>) -> Vec<T> {
    let mut operations: Vec<_> = operations
        .into_iter()
        .map(|operation| (operation, None))
        .collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (operation, answer) in operations.iter_mut().filter(|(_, answer)| answer.is_none()) {
            match Pin::new(operation).poll(context) {
                Poll::Ready(ready) => *answer = Some(ready),
                Poll::Pending => pending = true,
            }
        }
        if pending {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    operations
        .into_iter()
        .filter_map(|(_, answer)| answer)
        .collect()
}

fn poll_once<F: Future + Unpin>(operation: &mut F) -> Poll<F::Output> {
    Pin::new(operation).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn handles_can_be_awaited_on_any_executor() {
    let (cache, probe) = probed(100);
    run(async {
        let puts = all((0..200).map(|key| cache.put(key, key * 10)).collect()).await;
        assert!(puts.iter().all(Result::is_ok));
        cache.invalidate_all();
        let gets = all((0..200).map(|key| cache.get(&key)).collect()).await;
        for (key, got) in (0..).zip(gets) {
            assert_eq!(got.unwrap().unwrap().value, key * 10);
        }
        assert!(cache.remove(&7).await.unwrap());
        assert!(cache.get(&7).await.unwrap().is_none());
        cache.close().await.unwrap();
    });
    assert_eq!(probe.entries.len(), 199);
}

#[test]
fn concurrent_awaits_of_one_key_make_one_load() {
    let (cache, probe) = probed(100);
    probe.loaded.hold(1);
    let mut gets: Vec<_> = (0..100).map(|_| cache.get(&1)).collect();
    // Begun one by one; more of them than the cache has threads.
    assert!(gets.iter_mut().all(|get| poll_once(get).is_pending()));
    probe.loaded.wait_for(1);
    probe.loaded.open();
    assert!(run(all(gets)).into_iter().all(|got| got.unwrap().is_none()));
    // An absence is not kept, so who joined too late has loaded for itself; nobody is left out.
    assert_eq!(cache.stats().joined as usize + probe.loads(), 100);
}

#[test]
fn a_memory_hit_is_ready_when_the_call_returns() {
    let (cache, _) = probed(100);
    assert!(!cache.get(&1).is_ready());
    cache.put(1, 10).wait().unwrap();
    let mut get = cache.get(&1);
    assert!(get.is_ready());
    assert!(poll_once(&mut get).is_ready());
}

#[test]
fn a_handle_that_was_never_polled_has_no_effect() {
    let (cache, probe) = probed(100);
    drop(cache.put(1, 10));
    drop(cache.remove(&1));
    drop(cache.get(&1));
    assert_eq!((probe.loads(), probe.applies()), (0, 0));
}

#[test]
fn a_write_whose_handle_is_dropped_runs_to_its_end_in_store_and_memory() {
    let (cache, probe) = probed(100);
    cache.put(1, 10).wait().unwrap();
    probe.applying.hold(1);
    let mut put = cache.put(1, 11);
    assert!(poll_once(&mut put).is_pending());
    probe.applying.wait_for(1);
    drop(put);
    assert_eq!(cached(&cache, 1), Some(10), "not yet acknowledged");
    probe.applying.open();
    // The next mutation of the key comes after it.
    cache.put(1, 12).wait().unwrap();
    assert_eq!((probe.applies(), cache.stats().puts), (3, 3));
    assert_eq!(
        (cached(&cache, 1), probe.entries.value(&1)),
        (Some(12), Some(12))
    );
}

#[test]
fn a_load_whose_handle_is_dropped_still_answers_those_who_joined() {
    let (cache, probe) = probed(100);
    cache.put(1, 10).wait().unwrap();
    cache.invalidate(&1);
    probe.loaded.hold(1);
    let mut leader = cache.get(&1);
    assert!(poll_once(&mut leader).is_pending());
    probe.loaded.wait_for(1);
    let mut joined = cache.get(&1);
    assert!(poll_once(&mut joined).is_pending());
    drop(leader);
    probe.loaded.open();
    assert_eq!(run(joined).unwrap().unwrap().value, 10);
    assert_eq!(probe.loads(), 1);
}

#[test]
fn mutations_of_a_key_keep_the_order_in_which_they_began_though_all_threads_are_busy() {
    let (cache, probe) = probed(100);
    // All eight threads of the cache are within the store.
    probe.loaded.hold(8);
    let mut gets: Vec<_> = (10..18).map(|key| cache.get(&key)).collect();
    assert!(gets.iter_mut().all(|get| poll_once(get).is_pending()));
    probe.loaded.wait_for(8);
    let mut first = cache.put(1, 10);
    assert!(poll_once(&mut first).is_pending());
    assert!(cache.explain(&1).mutating, "it has the key");
    let mut second = cache.remove(&1);
    assert!(poll_once(&mut second).is_pending());
    thread::scope(|scope| {
        let third = scope.spawn(|| cache.put(1, 11).wait());
        probe.loaded.open();
        run(first).unwrap();
        assert!(run(second).unwrap(), "after the first, before the third");
        third.join().unwrap().unwrap();
    });
    assert!(run(all(gets)).iter().all(Result::is_ok));
    assert_eq!(probe.entries.value(&1), Some(11));
}

#[test]
fn a_loader_may_wait_for_what_needs_a_thread_of_the_cache() {
    let store = ProbeStore::default();
    let probe = Arc::clone(&store.0);
    let builder = Tiered::builder().memory(MemoryTier::entries(10)).threads(1);
    let cache = builder.store(Blocking::new(store)).build().unwrap();
    probe.applying.hold(1);
    thread::scope(|scope| {
        let first = scope.spawn(|| cache.put(1, 10).wait());
        probe.applying.wait_for(1);
        let mut second = cache.put(1, 11);
        assert!(poll_once(&mut second).is_pending());
        // The only thread is to wait behind a put that this thread is to go on with.
        let inner = cache.clone();
        let (entered, entering) = mpsc::channel();
        let mut load = cache.get_or_load(&2, move |key| async move {
            entered.send(()).unwrap();
            inner.put(1, 12).wait().unwrap();
            Ok::<_, Infallible>(Loaded::Value(key, Life::FOREVER))
        });
        assert!(poll_once(&mut load).is_pending());
        entering.recv().unwrap();
        probe.applying.open();
        first.join().unwrap().unwrap();
        run(second).unwrap();
        assert_eq!(run(load).unwrap().unwrap().value, 2);
    });
    assert_eq!(probe.entries.value(&1), Some(12));
}

#[test]
fn a_handle_that_was_polled_can_still_be_waited_for() {
    let (cache, probe) = probed(100);
    probe.applying.hold(1);
    let mut put = cache.put(1, 10);
    assert!(poll_once(&mut put).is_pending());
    probe.applying.wait_for(1);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| put.wait());
        probe.applying.open();
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(cached(&cache, 1), Some(10));
}

#[test]
fn a_panic_of_the_store_reaches_the_task_that_awaits() {
    let (cache, probe) = probed(100);
    probe.tell(Fate::Panic);
    assert!(catch_unwind(AssertUnwindSafe(|| run(cache.get(&1)))).is_err());
    assert!(
        run(cache.get(&1)).unwrap().is_none(),
        "the threads of the cache go on"
    );
}

#[test]
fn a_cache_dropped_with_work_under_way_lets_the_work_end() {
    let (cache, probe) = probed(100);
    probe.applying.hold(1);
    let mut put = cache.put(1, 10);
    assert!(poll_once(&mut put).is_pending());
    probe.applying.wait_for(1);
    drop(cache);
    probe.applying.open();
    run(put).unwrap();
    assert_eq!(probe.entries.value(&1), Some(10));
}
