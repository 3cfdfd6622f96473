//! Loads and computations of the memory tier: one at a time a key, whoever asks and whatever becomes of them.

use cache_tiered::{Clock, Compute, MemoryCache};
use std::future::{Future, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

type Numbers = MemoryCache<u64, u64>;

fn cache() -> Numbers {
    MemoryCache::builder().capacity(100).build().unwrap()
}

type Task<'a> = Pin<Box<dyn Future<Output = u64> + 'a>>;

fn poll(task: &mut Task<'_>) -> Poll<u64> {
    task.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_thousand_tasks_make_one_load_also_when_the_leader_is_cancelled() {
    let (cache, begun) = (cache(), AtomicUsize::new(0));
    let task = |value: Task<'static>| -> Task<'_> {
        let begun = &begun;
        Box::pin(cache.get_or_insert_with_async(1, async move {
            begun.fetch_add(1, Ordering::SeqCst);
            value.await
        }))
    };
    let mut leader = task(Box::pin(pending()));
    assert!(poll(&mut leader).is_pending());
    let mut waiting: Vec<_> = (0..1_000).map(|at| task(Box::pin(ready(at)))).collect();
    assert!(waiting.iter_mut().all(|task| poll(task).is_pending()));
    assert_eq!(begun.load(Ordering::SeqCst), 1);
    drop(leader);
    // The first that is polled takes over.
    let value = waiting.iter_mut().rev().map(poll).collect::<Vec<_>>();
    assert!(value.iter().all(|value| *value == Poll::Ready(999)));
    assert_eq!(
        (begun.load(Ordering::SeqCst), cache.get(&1)),
        (2, Some(999))
    );
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.load_failures), (2, 1));
}

#[test]
fn a_task_that_panics_hands_over() {
    let cache = cache();
    let mut leader: Task<'_> = Box::pin(cache.get_or_insert_with_async(1, async {
        Yield::default().await;
        panic!("as it was told")
    }));
    let mut waiting: Task<'_> = Box::pin(cache.get_or_insert_with_async(1, ready(11)));
    assert!(poll(&mut leader).is_pending() && poll(&mut waiting).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut leader))).is_err());
    assert_eq!(poll(&mut waiting), Poll::Ready(11));
}

/// Pending once.
#[derive(Default)]
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match std::mem::replace(&mut self.0, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

#[test]
fn a_future_that_fails_keeps_nothing_and_one_that_is_not_needed_is_not_polled() {
    let cache = cache();
    let mut failing = Box::pin(cache.try_get_or_insert_with_async(1, ready(Err("as it was told"))));
    let polled = failing
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(polled, Poll::Ready(Err("as it was told")));
    assert_eq!(cache.get(&1), None);
    cache.insert(1, 10);
    let mut unneeded: Task<'_> =
        Box::pin(cache.get_or_insert_with_async(1, async { unreachable!("it is there") }));
    assert_eq!(poll(&mut unneeded), Poll::Ready(10));
}

#[test]
fn computations_of_one_key_run_one_after_the_other() {
    let cache = cache();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    cache.compute(7, |former| Compute::Put(former.unwrap_or(0) + 1));
                }
            });
        }
    });
    assert_eq!(cache.get(&7), Some(8_000));
    assert_eq!(cache.compute(7, |_| Compute::Keep), Some(8_000));
    assert_eq!(cache.compute(7, |_| Compute::Remove), None);
    assert_eq!(
        cache.compute(7, |former| former.map_or(Compute::Keep, Compute::Put)),
        None
    );
    assert!(cache.is_empty());
}

#[test]
fn who_does_not_compute_wins_over_who_does() {
    let cache = cache();
    cache.insert(1, 10);
    cache.compute(1, |_| {
        cache.insert(1, 11);
        Compute::Put(12)
    });
    assert_eq!(cache.get(&1), Some(11));
    cache.compute(1, |_| {
        cache.remove(&1);
        Compute::Put(12)
    });
    assert_eq!(cache.get(&1), None);
    cache.compute(1, |_| {
        cache.insert(1, 13);
        Compute::Remove
    });
    assert_eq!(cache.get(&1), Some(13));
}

#[test]
fn a_computation_that_panics_changes_nothing_and_hands_over() {
    let cache = cache();
    cache.insert(1, 10);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        cache.compute(1, |_| panic!("as it was told"));
    }));
    assert!(panicked.is_err());
    assert_eq!(cache.get(&1), Some(10));
    assert_eq!(cache.compute(1, |_| Compute::Put(11)), Some(11));
}

#[test]
fn a_computed_value_without_room_takes_the_old_one_with_it() {
    let cache: Numbers = MemoryCache::builder()
        .capacity(10)
        .weigher(|_, value| u32::try_from(*value).unwrap())
        .build()
        .unwrap();
    cache.insert(1, 10);
    cache.compute(1, |_| Compute::Put(11));
    assert_eq!((cache.get(&1), cache.stats().rejections), (None, 1));
}

struct Nanoseconds(Arc<AtomicU64>);

impl Clock for Nanoseconds {
    fn now(&self) -> u64 {
        self.nanoseconds() / 1_000_000
    }

    fn nanoseconds(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn loads_are_timed_by_the_clock() {
    let now = Arc::new(AtomicU64::new(5));
    let builder = Numbers::builder().capacity(200);
    let cache = builder
        .clock(Nanoseconds(Arc::clone(&now)))
        .build()
        .unwrap();
    for key in 1..=100 {
        let load = || now.fetch_add(key * 10_000, Ordering::SeqCst);
        cache.get_or_insert_with(key, load);
    }
    let failed = cache.try_get_or_insert_with(0, || Err::<u64, _>(()));
    assert_eq!(failed, Err(()));
    let (stats, times) = (cache.stats(), cache.load_times());
    assert_eq!((stats.loads, stats.load_failures), (101, 1));
    // The one that failed led nobody on, so how long it took is not told.
    assert_eq!(times.count(), 100);
    assert_eq!(times.longest(), Duration::from_millis(1));
    assert_eq!(times.mean(), Some(Duration::from_micros(505)));
    let median = times.quantile(0.5).unwrap();
    assert!((500..=563).contains(&median.as_micros()), "{median:?}");
}
