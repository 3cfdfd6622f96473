//! Wakers that misbehave: they panic when cloned, woken or dropped, and use the pool while they are woken.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::thread;

use buffer_pool::{Acquire, AcquireError, BufferPool, PooledBuf};

use crate::wait::{PAGE, Task, all_pages, pages, poll};

const CLONE: usize = 1;
const WAKE: usize = 2;
const DROP: usize = 4;

/// Panics at the calls that are told by its bits, each once. What is in the second part is released by a clone.
struct Rude(AtomicUsize, Mutex<Option<PooledBuf>>);

static TABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        Rude::of(data).call(CLONE);
        let released = Rude::of(data).1.lock().unwrap().take();
        drop(released);
        RawWaker::new(data, &TABLE)
    },
    |data| Rude::of(data).call(WAKE),
    |data| Rude::of(data).call(WAKE),
    |data| Rude::of(data).call(DROP),
);

impl Rude {
    /// One that lives as long as the process, as wakers of it may.
    fn at(calls: usize) -> &'static Self {
        /// Where a search for leaks finds them.
        static ALL: Mutex<Vec<&Rude>> = Mutex::new(Vec::new());

        let rude: &'static Self =
            Box::leak(Box::new(Self(AtomicUsize::new(calls), Mutex::new(None))));
        ALL.lock().unwrap().push(rude);
        rude
    }

    fn of(data: *const ()) -> &'static Self {
        // SAFETY: the data of `waker`.
        unsafe { &*data.cast::<Self>() }
    }

    fn waker(&'static self) -> Waker {
        // SAFETY: the functions take shared references to what is Sync and never freed.
        unsafe { Waker::from_raw(RawWaker::new((&raw const *self).cast(), &TABLE)) }
    }

    fn call(&self, call: usize) {
        if self.0.fetch_and(!call, Ordering::SeqCst) & call != 0 {
            panic!("rude {call}");
        }
    }
}

fn panics(work: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(work)).is_err()
}

fn ready(request: &mut Acquire<'_>) -> Result<PooledBuf, AcquireError> {
    match poll(request, Waker::noop()) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("it still waits"),
    }
}

#[test]
fn a_waker_that_panics_when_woken_keeps_nobody_from_being_served() {
    let pool = pages(3);
    let held = pool.acquire(3 * PAGE);
    let first = Task::in_line(&pool, PAGE);
    let mut rude = pool.acquire_async(PAGE);
    assert!(poll(&mut rude, &Rude::at(WAKE).waker()).is_pending());
    let last = Task::in_line(&pool, PAGE);
    assert!(panics(|| drop(held)), "the panic goes on in who released");
    assert_eq!((pool.waiting(), first.wakes(), last.wakes()), (0, 1, 1));
    assert!(ready(&mut rude).is_ok(), "it was served all the same");
    drop((first, last));
    assert_eq!(pool.stats().outstanding(), 0);
}

#[test]
fn a_waker_that_panics_while_the_releasing_thread_panics_does_not_abort() {
    let pool = pages(1);
    let other = pool.clone();
    let held = pool.acquire(PAGE);
    let mut rude = pool.acquire_async(PAGE);
    assert!(poll(&mut rude, &Rude::at(WAKE).waker()).is_pending());
    let thread = thread::spawn(move || {
        let (_held, _other) = (held, other);
        panic!("meant to panic");
    });
    assert!(thread.join().is_err());
    assert!(ready(&mut rude).is_ok());
}

#[test]
fn a_waker_that_panics_when_cloned_leaves_the_request_as_it_was() {
    let pool = pages(1);
    let held = pool.acquire(PAGE);
    let mut request = pool.acquire_async(PAGE);
    assert!(panics(|| drop(poll(
        &mut request,
        &Rude::at(CLONE).waker()
    ))));
    assert_eq!(pool.waiting(), 0, "it did not get in line");
    let task = Task::in_line(&pool, PAGE);
    assert!(
        poll(&mut request, Waker::noop()).is_pending(),
        "it may be polled again"
    );
    assert!(panics(|| drop(poll(
        &mut request,
        &Rude::at(CLONE).waker()
    ))));
    assert_eq!(pool.waiting(), 2, "it is in line still");
    drop(held);
    drop(task.served());
    assert!(ready(&mut request).is_ok());
}

#[test]
fn a_waker_that_panics_when_dropped_keeps_nobody_from_being_served() {
    let pool = pages(2);
    let held = pool.acquire(PAGE);
    let kept = pool.acquire(PAGE);
    let mut first = pool.acquire_async(2 * PAGE);
    let waker = Rude::at(0);
    assert!(poll(&mut first, &waker.waker()).is_pending());
    drop(held);
    let next = Task::in_line(&pool, PAGE);
    waker.0.store(DROP, Ordering::SeqCst);
    // Replaced by another one,
    assert!(panics(|| drop(poll(&mut first, Waker::noop()))));
    assert_eq!(pool.waiting(), 2);
    // and left behind by the first in line.
    let mut rude = pool.acquire_async(PAGE);
    let waker = Rude::at(0);
    assert!(poll(&mut rude, &waker.waker()).is_pending());
    waker.0.store(DROP, Ordering::SeqCst);
    assert!(panics(|| drop(rude)));
    drop(first);
    drop(next.served());
    drop(kept);
    assert_eq!((pool.waiting(), pool.stats().outstanding()), (0, 0));
}

/// The clone was dropped with the outcome already taken, once.
#[test]
fn a_waker_that_panics_when_dropped_loses_no_block_that_came_while_it_was_cloned() {
    let pool = pages(1);
    let held = pool.acquire(PAGE);
    let mut request = pool.acquire_async(PAGE);
    assert!(poll(&mut request, Waker::noop()).is_pending());
    let rude = Rude::at(DROP);
    *rude.1.lock().unwrap() = Some(held);
    let waker = ManuallyDrop::new(rude.waker());
    assert!(panics(|| drop(poll(&mut request, &waker))));
    drop(request);
    assert_eq!(pool.stats().outstanding(), 0);
    assert!(pool.try_acquire(PAGE).is_ok());
}

/// The second panic came while the first one unwound, once, which ends the process.
#[test]
fn a_waiter_that_leaves_may_meet_two_wakers_that_panic() {
    let pool = pages(2);
    let held = pool.acquire(PAGE);
    let mut first = pool.acquire_async(2 * PAGE);
    let leaves = Rude::at(0);
    let waker = ManuallyDrop::new(leaves.waker());
    assert!(poll(&mut first, &waker).is_pending());
    let mut second = pool.acquire_async(PAGE);
    assert!(poll(&mut second, &Rude::at(WAKE).waker()).is_pending());
    leaves.0.store(DROP, Ordering::SeqCst);
    assert!(panics(|| drop(first)));
    assert!(ready(&mut second).is_ok());
    drop(held);
    assert_eq!((pool.waiting(), pool.stats().outstanding()), (0, 0));
}

/// A task that its executor drops when it is woken.
struct Orphan(Mutex<Option<Acquire<'static>>>);

impl Wake for Orphan {
    fn wake(self: Arc<Self>) {
        let task = self.0.lock().unwrap().take();
        drop(task);
    }
}

/// Each one's end served the next within itself, once, until the stack ended.
#[test]
fn a_crowd_of_waiters_that_nobody_wants_ends_one_after_another() {
    let pool = pages(1);
    let held = pool.acquire(PAGE);
    for _ in 0..20_000 {
        let orphan = Arc::new(Orphan(Mutex::new(None)));
        let mut request = pool.acquire_owned(PAGE);
        assert!(poll(&mut request, &Waker::from(orphan.clone())).is_pending());
        *orphan.0.lock().unwrap() = Some(request);
    }
    let last = Task::in_line(&pool, PAGE);
    drop(held);
    drop(last.served());
    assert_eq!((pool.waiting(), pool.stats().outstanding()), (0, 0));
}

/// Blocks when it is woken: it waits for a page.
struct Sleeper(BufferPool);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        drop(self.0.acquire(PAGE));
    }
}

/// It slept within the turns that would have served it, once.
#[test]
fn a_waker_that_blocks_within_many_others_is_served() {
    let pool = pages(4);
    let held = pool.acquire(4 * PAGE);
    for _ in 0..40 {
        let orphan = Arc::new(Orphan(Mutex::new(None)));
        let mut request = pool.acquire_owned(PAGE);
        assert!(poll(&mut request, &Waker::from(orphan.clone())).is_pending());
        *orphan.0.lock().unwrap() = Some(request);
    }
    let mut sleeper = pool.acquire_async(PAGE);
    let waker = Waker::from(Arc::new(Sleeper(pool.clone())));
    assert!(poll(&mut sleeper, &waker).is_pending());
    let last = Task::in_line(&pool, PAGE);
    drop(held);
    assert!(ready(&mut sleeper).is_ok());
    drop(last.served());
    assert_eq!((pool.waiting(), pool.stats().outstanding()), (0, 0));
}

/// The drop of the last handle woke the request that was being dropped with it, once.
#[test]
fn an_owned_request_that_is_dropped_is_not_woken() {
    let pool = pages(1);
    let held = pool.acquire(PAGE);
    let woken = Arc::new(crate::wait::Woken::default());
    let mut request = pool.acquire_owned(PAGE);
    assert!(poll(&mut request, &Waker::from(woken.clone())).is_pending());
    drop(pool);
    drop(request);
    assert_eq!(woken.times(), 0);
    drop(held);
}

#[test]
fn closing_wakes_those_behind_a_waker_that_panics() {
    let pool = pages(1);
    let held = pool.acquire(PAGE);
    let mut rude = pool.acquire_async(PAGE);
    assert!(poll(&mut rude, &Rude::at(WAKE).waker()).is_pending());
    let task = Task::in_line(&pool, PAGE);
    assert!(panics(|| pool.close()));
    assert_eq!((task.wakes(), pool.waiting()), (1, 0));
    assert_eq!(ready(&mut rude).unwrap_err(), AcquireError::Closed);
    drop(held);
    assert_eq!(pool.stats().charged_bytes, 0);
}

/// Uses the pool while it is woken: releases, acquires, gets in line and leaves it.
struct Busy {
    pool: BufferPool,
    held: Mutex<Vec<PooledBuf>>,
}

impl Wake for Busy {
    fn wake(self: Arc<Self>) {
        let last = self.held.lock().unwrap().pop();
        drop(last);
        self.pool.reclaim(1);
        let mut request = self.pool.acquire_async(PAGE);
        let _ = poll(&mut request, Waker::noop());
        drop(request);
        drop(self.pool.try_acquire(PAGE));
        assert!(self.pool.stats().peak_bytes <= self.pool.max_bytes().unwrap() as u64);
    }
}

#[test]
fn a_waker_may_use_the_pool() {
    let pool = pages(4);
    let mut held = all_pages(&pool);
    let last = held.pop();
    let busy = Arc::new(Busy {
        pool: pool.clone(),
        held: Mutex::new(held),
    });
    let waker = Waker::from(busy);
    let mut requests: Vec<_> = (0..8).map(|_| pool.acquire_async(PAGE)).collect();
    for request in &mut requests {
        assert!(poll(request, &waker).is_pending());
    }
    drop(last);
    // Each wake released one more, which woke the next one within.
    assert_eq!(pool.waiting(), 4);
    let served: Vec<_> = requests
        .drain(..4)
        .map(|mut request| ready(&mut request))
        .collect();
    assert!(served.iter().all(Result::is_ok));
    drop(served);
    assert_eq!(pool.waiting(), 0);
    assert!(requests.iter_mut().all(|request| ready(request).is_ok()));
}

/// Meets another thread at each of these when it is woken.
struct Meeting(Vec<Arc<Barrier>>);

impl Wake for Meeting {
    fn wake(self: Arc<Self>) {
        for barrier in &self.0 {
            barrier.wait();
        }
    }
}

/// Closing has the serving thread give up its magazines, which kept the pool until then: a use after free, once.
#[test]
fn a_pool_closed_while_another_thread_serves() {
    let pool = pages(1);
    // The magazine has room from then on.
    drop(pool.acquire(PAGE));
    let held = pool.acquire(PAGE);
    let [serving, closing, closed] = [(); 3].map(|()| Arc::new(Barrier::new(2)));
    let wakers = [
        Waker::from(Arc::new(Meeting(vec![serving.clone(), closing.clone()]))),
        Waker::from(Arc::new(Meeting(vec![closing, closed.clone()]))),
        Waker::noop().clone(),
    ];
    let mut requests = [(); 3].map(|()| pool.acquire_async(PAGE));
    for (request, waker) in requests.iter_mut().zip(&wakers) {
        assert!(poll(request, waker).is_pending());
    }
    let closer = pool.clone();
    let thread = thread::spawn(move || {
        serving.wait();
        closer.close();
    });
    // Serves the first, whose wake lets the other thread close; that is in the second's wake when this goes on.
    drop(held);
    closed.wait();
    thread.join().unwrap();
    drop(requests);
    assert_eq!(pool.stats().charged_bytes, 0);
}

thread_local! {
    static WAITS_AT_EXIT: RefCell<Option<AtExit>> = const { RefCell::new(None) };
}

/// Waits for memory in the destructor of a thread-local.
struct AtExit(BufferPool);

impl Drop for AtExit {
    fn drop(&mut self) {
        let mut buf = self.0.acquire(PAGE);
        buf.extend_from_slice(b"last words");
    }
}

#[test]
fn a_thread_that_ends_may_wait() {
    let pool = pages(1);
    let held = pool.acquire(PAGE);
    let other = pool.clone();
    let thread = thread::spawn(move || WAITS_AT_EXIT.set(Some(AtExit(other))));
    crate::wait::until_waiting(&pool, 1);
    drop(held);
    thread.join().unwrap();
    assert_eq!((pool.waiting(), pool.stats().outstanding()), (0, 0));
}
