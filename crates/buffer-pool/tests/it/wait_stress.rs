//! Many waiters at once: nothing is lost, nothing is had twice, the budget holds.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use buffer_pool::{AcquireError, BufferPool, Classes, PooledBuf};

use crate::executor::block_on;
use crate::memory::Poisoned;
use crate::random::Random;
use crate::wait::{PAGE, Task, all_pages, pages, until_waiting};

#[test]
fn a_thousand_tasks_are_served_in_order() {
    const TASKS: usize = 1000;
    let pool = pages(10);
    let mut held: VecDeque<PooledBuf> = all_pages(&pool).into();
    let mut tasks: VecDeque<_> = (0..TASKS).map(|_| Task::in_line(&pool, PAGE)).collect();
    for left in (0..TASKS).rev() {
        drop(held.pop_front());
        assert_eq!(pool.waiting(), left);
        assert!(tasks.get(1).is_none_or(|task| task.wakes() == 0));
        held.push_back(
            tasks
                .pop_front()
                .expect("as many tasks as releases")
                .served(),
        );
    }
    drop(held);
    assert_eq!((pool.stats().misses(), pool.stats().outstanding()), (10, 0));
}

#[test]
fn a_thousand_tasks_of_which_many_leave() {
    let mut random = Random(3);
    let pool = pages(16);
    let mut held = all_pages(&pool);
    let wants = |random: &mut Random| PAGE * (1 + random.below(4));
    let mut tasks: Vec<_> = (0..1000)
        .map(|_| Task::in_line(&pool, wants(&mut random)))
        .collect();
    while tasks.len() > 300 {
        drop(tasks.swap_remove(random.below(tasks.len())));
        if tasks.len() % 64 == 0 {
            held.pop();
        }
    }
    drop(held);
    let mut served = 0;
    while let Some(at) = tasks.iter().position(|task| task.wakes() > 0) {
        drop(tasks.swap_remove(at).served());
        served += 1;
    }
    assert_eq!((served, tasks.len(), pool.waiting()), (300, 0, 0));
    assert!(pool.stats().peak_bytes <= 16 * PAGE as u64);
}

#[test]
fn a_hundred_threads_pass_one_buffer_on() {
    const THREADS: usize = 100;
    let pool = pages(1);
    let inside = AtomicUsize::new(0);
    let held = pool.acquire(PAGE);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..20 {
                    let buf = pool.acquire(PAGE);
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "had twice");
                    assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                    drop(buf);
                }
            });
        }
        until_waiting(&pool, THREADS);
        drop(held);
    });
    assert_eq!(pool.waiting(), 0);
    assert_eq!(pool.stats().peak_bytes, PAGE as u64);
}

/// One thread's requests of every kind. It holds nothing while it waits, so that all can be served.
fn requests(pool: &BufferPool, seed: u64, turns: usize) {
    let mut random = Random(seed);
    let mut held: Vec<PooledBuf> = Vec::new();
    let mut fill = |mut buf: PooledBuf, random: &mut Random| {
        let (len, mark) = (buf.capacity(), 1 + random.below(200) as u8);
        buf.resize(len, mark);
        held.push(buf);
        if random.below(3) == 0 {
            assert!(
                held.iter()
                    .all(|buf| buf.windows(2).all(|pair| pair[0] == pair[1]))
            );
        }
        if held.len() > random.below(3) {
            held.clear();
        }
        held.is_empty()
    };
    let mut free = true;
    for _ in 0..turns {
        let size = 1 + random.below(2000);
        let got = match random.below(8) {
            0 | 1 if free => Ok(pool.acquire(size)),
            2 if free => pool.acquire_timeout(size, Duration::MAX),
            3 if free => block_on(pool.acquire_async(size)),
            4 => pool.acquire_timeout(size, Duration::from_nanos(1)),
            5 => {
                // Leaves the line, or what it was handed, at some point of the others' doing.
                let mut task = Task::new(pool, size);
                let polled = task.poll();
                for _ in 0..random.below(4) {
                    thread::yield_now();
                }
                match polled {
                    Poll::Ready(outcome) => outcome,
                    Poll::Pending => continue,
                }
            }
            6 => {
                pool.reclaim(size);
                continue;
            }
            _ => pool.try_acquire(size),
        };
        match got {
            Ok(buf) => free = fill(buf, &mut random),
            Err(error) => assert!(matches!(error, AcquireError::Exhausted { .. }), "{error}"),
        }
    }
}

#[test]
fn no_wake_is_lost_under_stress() {
    const BUDGET: usize = 4 << 10;
    let turns = std::env::var("STRATA_CASES").map_or(4000, |cases| {
        cases.parse().expect("STRATA_CASES is a number of cases")
    });
    for max_idle in [BUDGET, 1000, 0] {
        let memory = Poisoned::shared();
        let pool = BufferPool::builder()
            .provider(memory.clone())
            .classes(Classes::custom(&[64, 256, 1000, 2000]).unwrap())
            .max_bytes(BUDGET)
            .max_idle_bytes(max_idle)
            .stripes(2)
            .build();
        thread::scope(|scope| {
            let pool = &pool;
            let spawn = |seed| scope.spawn(move || requests(pool, seed, turns));
            // The scope alone would not wait for what a thread does at its end.
            for thread in (1..=6).map(spawn).collect::<Vec<_>>() {
                thread.join().unwrap();
            }
        });
        let stats = pool.stats();
        assert_eq!((pool.waiting(), stats.outstanding()), (0, 0));
        assert_eq!(stats.charged_bytes, stats.idle_bytes());
        assert!(stats.peak_bytes <= BUDGET as u64);
        drop(pool);
        assert_eq!(memory.live_bytes(), 0);
    }
}

#[test]
fn closing_a_crowd_wakes_every_thread() {
    for _ in 0..20 {
        let pool = pages(2);
        let held = all_pages(&pool);
        thread::scope(|scope| {
            for index in 0..16 {
                let pool = &pool;
                scope.spawn(move || match index % 3 {
                    0 => drop(pool.acquire(PAGE)),
                    1 => drop(pool.acquire_timeout(PAGE, Duration::MAX)),
                    _ => drop(block_on(pool.acquire_async(PAGE))),
                });
            }
            thread::yield_now();
            pool.close();
            drop(held);
        });
        assert_eq!((pool.waiting(), pool.stats().charged_bytes), (0, 0));
    }
}
