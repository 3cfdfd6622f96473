//! Waiting for memory: who waits, in what order, until when, and what wakers may do.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use buffer_pool::{Acquire, AcquireError, BufferPool, Exhaustion, PooledBuf};

use crate::memory::Poisoned;

pub(crate) const PAGE: usize = 4096;

/// Counts its wakes.
#[derive(Default)]
pub(crate) struct Woken(AtomicUsize);

impl Woken {
    pub(crate) fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A request that a test polls by hand.
pub(crate) struct Task<'a> {
    request: Acquire<'a>,
    woken: Arc<Woken>,
}

impl<'a> Task<'a> {
    pub(crate) fn new(pool: &'a BufferPool, size: usize) -> Self {
        Self {
            request: pool.acquire_async(size),
            woken: Arc::default(),
        }
    }

    /// A request that was polled and waits.
    pub(crate) fn in_line(pool: &'a BufferPool, size: usize) -> Self {
        let before = pool.waiting();
        let mut task = Self::new(pool, size);
        assert!(task.poll().is_pending());
        assert_eq!(pool.waiting(), before + 1);
        task
    }

    pub(crate) fn poll(&mut self) -> Poll<Result<PooledBuf, AcquireError>> {
        let waker = Waker::from(Arc::clone(&self.woken));
        poll(&mut self.request, &waker)
    }

    /// Tells, also later, how many hold its waker.
    pub(crate) fn waker_count(&self) -> impl Fn() -> usize + use<> {
        let woken = Arc::downgrade(&self.woken);
        move || woken.strong_count()
    }

    pub(crate) fn wakes(&self) -> usize {
        self.woken.times()
    }

    /// Returns when it was woken: at once, unless another thread that got in line is still looking for memory, and has
    /// what is free in its hands.
    pub(crate) fn until_woken(&self) {
        while self.wakes() == 0 {
            thread::yield_now();
        }
    }

    /// What it was woken for, once.
    pub(crate) fn served(mut self) -> PooledBuf {
        assert_eq!(self.wakes(), 1, "woken once");
        match self.poll() {
            Poll::Ready(Ok(buf)) => buf,
            other => panic!("woken for {other:?}"),
        }
    }
}

pub(crate) fn poll(
    request: &mut Acquire<'_>,
    waker: &Waker,
) -> Poll<Result<PooledBuf, AcquireError>> {
    Pin::new(request).poll(&mut Context::from_waker(waker))
}

/// A pool whose budget is so many pages.
pub(crate) fn pages(count: usize) -> BufferPool {
    BufferPool::builder().max_bytes(count * PAGE).build()
}

/// All pages of the pool, lent.
pub(crate) fn all_pages(pool: &BufferPool) -> Vec<PooledBuf> {
    let count = pool.max_bytes().expect("a budget") / PAGE;
    (0..count).map(|_| pool.acquire(PAGE)).collect()
}

/// Returns when so many requests are in line.
pub(crate) fn until_waiting(pool: &BufferPool, count: usize) {
    while pool.waiting() != count {
        thread::yield_now();
    }
}

const EXHAUSTED: AcquireError = AcquireError::Exhausted { max_bytes: PAGE };

#[test]
fn a_bounded_pool_waits_by_default() {
    assert_eq!(Exhaustion::default(), Exhaustion::Wait);
    let pool = pages(1);
    let held = pool.acquire_zeroed(PAGE);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let zeroed = pool.acquire_zeroed(100);
            assert_eq!(*zeroed, [0; 100]);
        });
        until_waiting(&pool, 1);
        drop(held);
        waiter.join().unwrap();
    });
    assert_eq!((pool.stats().overflow, pool.waiting()), (0, 0));
}

#[test]
fn threads_and_tasks_are_served_in_the_order_of_coming() {
    const WAITERS: usize = 12;
    let pool = pages(1);
    let mut held = Some(pool.acquire(PAGE));
    let (sender, served) = mpsc::channel();
    thread::scope(|scope| {
        let mut tasks = Vec::new();
        for index in 0..WAITERS {
            if index % 3 == 1 {
                tasks.push((index, Task::in_line(&pool, PAGE)));
                continue;
            }
            let (sender, pool) = (sender.clone(), &pool);
            scope.spawn(move || {
                let buf = match index % 3 {
                    0 => pool.acquire(PAGE),
                    _ => pool.acquire_timeout(PAGE, Duration::MAX).unwrap(),
                };
                sender.send((index, buf)).unwrap();
            });
            until_waiting(pool, index + 1);
        }
        let mut tasks = tasks.into_iter().peekable();
        for index in 0..WAITERS {
            drop(held.take());
            // One is served, by this thread or one that is looking still.
            until_waiting(&pool, WAITERS - index - 1);
            held = Some(match tasks.next_if(|(task, _)| *task == index) {
                Some((_, task)) => {
                    task.until_woken();
                    task.served()
                }
                None => {
                    let (thread, buf) = served.recv().unwrap();
                    assert_eq!(thread, index);
                    buf
                }
            });
            assert!(served.try_recv().is_err(), "nobody else is served");
            assert!(tasks.peek().is_none_or(|(_, task)| task.wakes() == 0));
        }
    });
    drop(held);
    assert_eq!(pool.stats().peak_bytes, PAGE as u64);
}

#[test]
fn a_large_request_is_not_starved_by_small_ones() {
    let pool = pages(4);
    let mut held = all_pages(&pool);
    let large = Task::in_line(&pool, 4 * PAGE);
    let small = Task::in_line(&pool, PAGE);
    for _ in 0..3 {
        held.pop();
        assert_eq!((large.wakes(), small.wakes()), (0, 0), "it gathers");
        assert!(
            matches!(pool.try_acquire(PAGE), Err(AcquireError::Exhausted { .. })),
            "nobody overtakes"
        );
        let now = pool.acquire_timeout(PAGE, Duration::ZERO);
        assert!(matches!(now, Err(AcquireError::Exhausted { .. })));
        assert!(pool.prewarm(PAGE, 1).is_err(), "what is free is awaited");
    }
    held.pop();
    let large = large.served();
    assert_eq!((large.capacity(), small.wakes()), (4 * PAGE, 0));
    drop(large);
    drop(small.served());
    assert_eq!(pool.stats().peak_bytes, 4 * PAGE as u64);
}

#[test]
fn one_release_serves_as_many_as_it_has_room_for() {
    let pool = pages(8);
    let held = pool.acquire(8 * PAGE);
    let tasks: Vec<_> = [3 * PAGE, PAGE, 2 * PAGE, 2 * PAGE, PAGE]
        .map(|size| Task::in_line(&pool, size))
        .into();
    drop(held);
    let wakes: Vec<_> = tasks.iter().map(Task::wakes).collect();
    assert_eq!((wakes, pool.waiting()), (vec![1, 1, 1, 1, 0], 1));
    let mut served: Vec<_> = tasks.into_iter().collect();
    let last = served.pop().unwrap();
    drop(served);
    drop(last.served());
}

#[test]
fn a_timeout_of_zero_does_not_wait_and_a_short_one_leaves_the_line() {
    let pool = pages(1);
    let held = pool.acquire(PAGE);
    for timeout in [Duration::ZERO, Duration::from_nanos(1)] {
        assert_eq!(pool.acquire_timeout(PAGE, timeout).unwrap_err(), EXHAUSTED);
        assert_eq!(pool.waiting(), 0);
    }
    assert_eq!(pool.stats().refused, 2);
    drop(held);
    for timeout in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        assert!(pool.acquire_timeout(PAGE, timeout).is_ok(), "it is free");
    }
}

#[test]
fn a_huge_timeout_is_none() {
    let pool = pages(1);
    for timeout in [
        Duration::MAX,
        Duration::from_secs(u64::MAX >> 2),
        Duration::from_secs(1 << 32),
    ] {
        let held = pool.acquire(PAGE);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| pool.acquire_timeout(PAGE, timeout).is_ok());
            until_waiting(&pool, 1);
            drop(held);
            assert!(waiter.join().unwrap());
        });
    }
}

#[test]
fn what_can_never_be_served_does_not_wait() {
    let pool = pages(1);
    let oversize = AcquireError::Oversize {
        requested: PAGE + 1,
        limit: PAGE,
    };
    let _held = pool.acquire(PAGE);
    assert_eq!(
        pool.acquire_timeout(PAGE + 1, Duration::MAX).unwrap_err(),
        oversize
    );
    match Task::new(&pool, PAGE + 1).poll() {
        Poll::Ready(Err(error)) => assert_eq!(error, oversize),
        other => panic!("{other:?}"),
    }
    let waiting = Task::in_line(&pool, PAGE);
    assert_eq!(
        pool.acquire_timeout(PAGE + 1, Duration::MAX).unwrap_err(),
        oversize,
        "nor behind others"
    );
    drop(waiting);
}

#[test]
#[should_panic(expected = "request less or raise max_bytes")]
fn acquire_above_the_budget_panics() {
    drop(pages(1).acquire(PAGE + 1));
}

#[test]
fn an_overflow_pool_waits_only_where_it_must() {
    let pool = BufferPool::builder()
        .max_bytes(PAGE)
        .exhaustion(Exhaustion::Overflow)
        .build();
    let held = pool.acquire(PAGE);
    let task = Task::in_line(&pool, PAGE);
    drop(pool.acquire(PAGE));
    drop(pool.acquire(2 * PAGE));
    assert_eq!((pool.stats().overflow, pool.waiting()), (2, 1));
    drop(held);
    drop(task.served());
    assert_eq!(pool.stats().overflow_bytes, 0);
}

#[test]
fn an_unbounded_pool_never_waits() {
    let pool = BufferPool::new();
    let held: Vec<_> = (0..100)
        .map(|_| pool.acquire_timeout(PAGE, Duration::ZERO).unwrap())
        .collect();
    assert!(matches!(Task::new(&pool, PAGE).poll(), Poll::Ready(Ok(_))));
    drop(held);
}

#[test]
fn closing_wakes_all() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder()
        .provider(memory.clone())
        .max_bytes(2 * PAGE)
        .build();
    let held = all_pages(&pool);
    thread::scope(|scope| {
        let mut tasks: Vec<_> = (0..3).map(|_| Task::in_line(&pool, PAGE)).collect();
        let timed = scope.spawn(|| pool.acquire_timeout(PAGE, Duration::MAX).err());
        until_waiting(&pool, 4);
        let plain = scope.spawn(|| pool.acquire_zeroed(PAGE).len());
        until_waiting(&pool, 5);
        pool.close();
        assert_eq!(pool.waiting(), 0);
        assert_eq!(timed.join().unwrap(), Some(AcquireError::Closed));
        assert_eq!(
            plain.join().unwrap(),
            PAGE,
            "acquire has no error: it goes past the budget"
        );
        for task in &mut tasks {
            assert_eq!(task.wakes(), 1);
            assert!(matches!(
                task.poll(),
                Poll::Ready(Err(AcquireError::Closed))
            ));
        }
        let mut late = Task::new(&pool, PAGE);
        assert!(matches!(
            late.poll(),
            Poll::Ready(Err(AcquireError::Closed))
        ));
    });
    assert_eq!(
        (pool.stats().overflow, pool.stats().charged_bytes),
        (1, 2 * PAGE as u64)
    );
    drop((held, pool));
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn what_was_handed_over_before_the_close_is_kept() {
    let pool = pages(2);
    let mut held = all_pages(&pool);
    let (first, second) = (Task::in_line(&pool, PAGE), Task::in_line(&pool, PAGE));
    held.pop();
    pool.close();
    assert_eq!(first.served().capacity(), PAGE);
    let mut second = second;
    assert!(matches!(
        second.poll(),
        Poll::Ready(Err(AcquireError::Closed))
    ));
    drop(held);
    assert_eq!(pool.stats().charged_bytes, 0);
}

#[test]
#[should_panic(expected = "after it was ready")]
fn a_request_polled_after_it_was_ready_panics() {
    let pool = pages(1);
    let mut task = Task::new(&pool, PAGE);
    assert!(task.poll().is_ready());
    let _ = task.poll();
}

#[test]
fn a_task_that_moves_is_woken_where_it_is() {
    let pool = pages(1);
    let held = pool.acquire(PAGE);
    let mut task = Task::in_line(&pool, PAGE);
    assert!(task.poll().is_pending(), "the same waker again");
    let before = std::mem::take(&mut task.woken);
    assert!(task.poll().is_pending());
    assert_eq!(Arc::strong_count(&before), 1, "the old waker is dropped");
    drop(held);
    assert_eq!(before.times(), 0);
    drop(task.served());
}

#[test]
fn requests_are_send_and_unpin() {
    fn check<T: Send + Unpin>(_: T) {}
    check(BufferPool::new().acquire_async(1));
}
