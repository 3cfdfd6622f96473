//! The cancellation matrix: a waiter that leaves at every point, among others of every kind.

use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use buffer_pool::{AcquireError, BufferPool, PooledBuf};

use crate::memory::Poisoned;
use crate::wait::{PAGE, Task, poll, until_waiting};

/// When the victim leaves.
#[derive(Copy, Clone, Debug, PartialEq)]
enum Point {
    Unpolled,
    InLine,
    /// After some of what it waits for was released, but not all.
    HalfReleased,
    /// After it was handed a block, or bytes.
    Granted,
    /// After it took the buffer.
    Taken,
    Closed,
}

const POINTS: [Point; 6] = [
    Point::Unpolled,
    Point::InLine,
    Point::HalfReleased,
    Point::Granted,
    Point::Taken,
    Point::Closed,
];

/// Waiters in line, of which one leaves.
const WAITERS: usize = 4;

/// Pages that each may wait for.
const WANTS: [[usize; WAITERS]; 4] = [[1, 1, 1, 1], [2, 1, 2, 1], [1, 2, 1, 2], [2, 2, 2, 2]];

/// One of the waiters that stay.
enum Neighbour<'a> {
    Task(Task<'a>),
    Thread(mpsc::Receiver<Result<PooledBuf, AcquireError>>),
}

impl Neighbour<'_> {
    fn outcome(self) -> Result<PooledBuf, AcquireError> {
        match self {
            Neighbour::Task(mut task) => {
                task.until_woken();
                match task.poll() {
                    Poll::Ready(outcome) => outcome,
                    Poll::Pending => panic!("woken for nothing"),
                }
            }
            Neighbour::Thread(outcome) => outcome.recv().unwrap(),
        }
    }
}

/// All memory is lent; waiters get in line, the one at `victim` is dropped at `point`; then the rest is released, and the
/// others must be served, or told that the pool is closed.
fn one_leaves(wants: [usize; WAITERS], victim: usize, point: Point, threads: bool) {
    const PAGES: usize = 2;
    let memory = Poisoned::shared();
    let pool = BufferPool::builder()
        .provider(memory.clone())
        .max_bytes(PAGES * PAGE)
        .build();
    let mut held: Vec<_> = (0..PAGES).map(|_| pool.acquire(PAGE)).collect();
    thread::scope(|scope| {
        let pool = &pool;
        let mut leaves = None;
        let (mut others, mut joins) = (Vec::new(), Vec::new());
        for (index, size) in wants.map(|pages| pages * PAGE).into_iter().enumerate() {
            let before = pool.waiting();
            if index == victim {
                leaves = Some(match point {
                    Point::Unpolled => Task::new(pool, size),
                    _ => Task::in_line(pool, size),
                });
            } else if threads && index % 2 == 0 {
                let (sender, outcome) = mpsc::channel();
                joins.push(scope.spawn(move || {
                    sender
                        .send(pool.acquire_timeout(size, Duration::MAX))
                        .unwrap();
                }));
                until_waiting(pool, before + 1);
                others.push(Neighbour::Thread(outcome));
            } else {
                others.push(Neighbour::Task(Task::in_line(pool, size)));
            }
        }
        let mut leaves = leaves.expect("one is the victim");
        let before_victim = if point == Point::Unpolled { 0 } else { victim };
        let mut others = others.into_iter();
        let mut taken = None;
        match point {
            Point::Unpolled | Point::InLine => {}
            Point::HalfReleased => drop(held.pop()),
            Point::Granted | Point::Taken => {
                held.clear();
                for _ in 0..before_victim {
                    if leaves.wakes() == 0 {
                        drop(others.next().expect("those before it").outcome().unwrap());
                    }
                }
                leaves.until_woken();
                if point == Point::Taken {
                    taken = match leaves.poll() {
                        Poll::Ready(Ok(buf)) => Some(buf),
                        other => panic!("{other:?}"),
                    };
                }
            }
            Point::Closed => pool.close(),
        }
        drop(leaves);
        drop(taken);
        held.clear();
        for other in others {
            match other.outcome() {
                Ok(buf) => assert!(!pool.is_closed() && buf.capacity() >= PAGE),
                Err(error) => assert_eq!((error, point), (AcquireError::Closed, Point::Closed)),
            }
        }
        // The scope alone would not wait for what a thread does at its end.
        for thread in joins {
            thread.join().unwrap();
        }
    });
    let stats = pool.stats();
    assert_eq!((pool.waiting(), stats.outstanding()), (0, 0));
    assert_eq!(stats.charged_bytes, stats.idle_bytes());
    assert!(stats.peak_bytes <= (PAGES * PAGE) as u64);
    if !pool.is_closed() {
        drop(
            pool.try_acquire(PAGES * PAGE)
                .expect("all of it is free again"),
        );
    }
    drop(pool);
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn a_waiter_that_leaves_at_any_point_harms_nobody() {
    for wants in WANTS {
        for victim in 0..WAITERS {
            for point in POINTS {
                for threads in [false, true] {
                    one_leaves(wants, victim, point, threads);
                }
            }
        }
    }
}

#[test]
fn what_a_large_request_gathered_goes_to_those_behind_it() {
    let pool = BufferPool::builder().max_bytes(4 * PAGE).build();
    let mut held: Vec<_> = (0..4).map(|_| pool.acquire(PAGE)).collect();
    let large = Task::in_line(&pool, 4 * PAGE);
    let behind: Vec<_> = (0..3).map(|_| Task::in_line(&pool, PAGE)).collect();
    held.truncate(1);
    assert!(behind.iter().all(|task| task.wakes() == 0));
    drop(large);
    let served: Vec<_> = behind.into_iter().map(Task::served).collect();
    assert_eq!((served.len(), pool.waiting()), (3, 0));
}

#[test]
fn a_timeout_hands_on_what_came_too_late() {
    // A thread times out at once, a task waits behind it, and a release comes at the same time.
    let pool = BufferPool::builder().max_bytes(PAGE).build();
    let mut in_time = 0;
    for _ in 0..2000 {
        let held = pool.acquire(PAGE);
        thread::scope(|scope| {
            let timed = scope.spawn(|| pool.acquire_timeout(PAGE, Duration::from_nanos(1)).is_ok());
            let mut task = Task::new(&pool, PAGE);
            let early = task.poll();
            assert!(early.is_pending());
            drop(held);
            in_time += u32::from(timed.join().unwrap());
            drop(task.served());
        });
        assert_eq!((pool.waiting(), pool.stats().outstanding()), (0, 0));
    }
    assert_eq!(pool.stats().refused, u64::from(2000 - in_time));
}

#[test]
fn leaving_frees_the_waker_and_the_place() {
    let pool = BufferPool::builder().max_bytes(PAGE).build();
    let held = pool.acquire(PAGE);
    for _ in 0..3 {
        let mut tasks: Vec<_> = (0..100).map(|_| Task::in_line(&pool, PAGE)).collect();
        // From the middle outwards.
        while !tasks.is_empty() {
            let task = tasks.remove(tasks.len() / 2);
            let waker = task.waker_count();
            drop(task);
            assert_eq!(waker(), 0, "the queue keeps no waker of who left");
            assert_eq!(pool.waiting(), tasks.len());
        }
    }
    drop(held);
}

/// What a waiter was handed and did not take counted as served, once.
#[test]
fn requests_that_leave_are_not_counted_as_served() {
    let pool = BufferPool::builder().max_bytes(PAGE).build();
    let held = pool.acquire(PAGE);
    let tasks: Vec<_> = (0..10).map(|_| Task::in_line(&pool, PAGE)).collect();
    drop(held);
    drop(tasks);
    let stats = pool.stats();
    assert_eq!((stats.acquires(), stats.recycles()), (1, 0));
    assert_eq!(stats.recycle_rate(), 0.0);
}

#[test]
fn an_owned_request_keeps_the_pool_open() {
    let pool = BufferPool::builder().max_bytes(PAGE).build();
    let held = pool.acquire(PAGE);
    let mut request = pool.acquire_owned(PAGE);
    assert!(poll(&mut request, Waker::noop()).is_pending());
    drop(pool);
    drop(held);
    let thread = thread::spawn(move || match poll(&mut request, Waker::noop()) {
        Poll::Ready(outcome) => outcome.map(|buf| buf.capacity()),
        Poll::Pending => panic!("what it waits for was released"),
    });
    assert_eq!(thread.join().unwrap(), Ok(PAGE));
}
