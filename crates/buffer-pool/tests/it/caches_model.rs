//! Random operations on several threads, one at a time, against the dullest model: what is lent, and how much it is.
//! Threads sleep between their operations, end, and are replaced.

use buffer_pool::{AcquireError, BufferPool, Classes, Exhaustion, PooledBuf};
use proptest::prelude::*;

use crate::caches::Worker;
use crate::memory::{POISON, Poisoned, Shared};
use crate::model::config;

#[derive(Clone, Debug)]
enum Op {
    Acquire {
        thread: usize,
        size: usize,
        zeroed: bool,
    },
    /// Acquired by one thread, released by another or the same.
    Drop {
        thread: usize,
        at: usize,
    },
    DropAll {
        thread: usize,
    },
    Prewarm {
        thread: usize,
        size: usize,
        count: usize,
    },
    Reclaim {
        thread: usize,
        bytes: usize,
    },
    End {
        thread: usize,
    },
}

const THREADS: usize = 3;
const SIZES: [usize; 4] = [64, 96, 500, 1000];

fn op() -> impl Strategy<Value = Op> {
    let thread = 0..THREADS;
    let size = 0..1200_usize;
    let count = 0..20_usize;
    prop_oneof![
        12 => (thread.clone(), size.clone(), any::<bool>()).prop_map(|(thread, size, zeroed)| Op::Acquire { thread, size, zeroed }),
        10 => (thread.clone(), 0..64_usize).prop_map(|(thread, at)| Op::Drop { thread, at }),
        1 => thread.clone().prop_map(|thread| Op::DropAll { thread }),
        1 => (thread.clone(), size, count).prop_map(|(thread, size, count)| Op::Prewarm { thread, size, count }),
        1 => (thread.clone(), 0..5000_usize).prop_map(|(thread, bytes)| Op::Reclaim { thread, bytes }),
        1 => thread.prop_map(|thread| Op::End { thread }),
    ]
}

#[derive(Copy, Clone)]
struct Limits {
    bytes: Option<usize>,
    idle_bytes: usize,
    idle_per_class: usize,
    cache_bytes: usize,
}

struct Machine {
    pool: BufferPool,
    memory: Shared<Poisoned>,
    limits: Limits,
    workers: Vec<Worker>,
    /// Each with the mark that fills it, and whether it is past the budget.
    held: Vec<(PooledBuf, u8, bool)>,
    acquires: u64,
}

impl Machine {
    fn new(limits: Limits) -> Self {
        let memory = Poisoned::shared();
        let builder = BufferPool::builder()
            .classes(Classes::custom(&SIZES).expect("a valid table"))
            .provider(memory.clone())
            .stripes(2)
            .thread_cache_bytes(limits.cache_bytes)
            .max_idle_bytes(limits.idle_bytes)
            .max_idle_per_class(limits.idle_per_class)
            .decay(None);
        let pool = match limits.bytes {
            Some(bytes) => builder
                .max_bytes(bytes)
                .exhaustion(Exhaustion::Overflow)
                .build(),
            None => builder.build(),
        };
        Self {
            pool,
            memory,
            limits,
            workers: (0..THREADS).map(|_| Worker::start()).collect(),
            held: Vec::new(),
            acquires: 0,
        }
    }

    fn acquire(&mut self, thread: usize, size: usize, zeroed: bool) {
        let before = self.pool.stats();
        let pool = self.pool.clone();
        let acquired = self.workers[thread].run(move || match zeroed {
            true => Ok(pool.acquire_zeroed(size)),
            false => pool.try_acquire_stale(size),
        });
        let mut buf = match acquired {
            Ok(buf) => buf,
            Err(AcquireError::Exhausted { .. }) => {
                let stats = self.pool.stats();
                assert_eq!(stats.idle_bytes(), 0, "refused although blocks were idle");
                return;
            }
            Err(AcquireError::Oversize { .. }) => return,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(buf.len(), size);
        assert!(!zeroed || buf.iter().all(|&byte| byte == 0));
        assert!(!buf.contains(&POISON), "uninitialised memory was shown");
        let mark = 1 + (self.acquires % 100) as u8;
        buf.fill(mark);
        let overflow = self.pool.stats().overflow > before.overflow;
        self.held.push((buf, mark, overflow));
        self.acquires += 1;
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Acquire {
                thread,
                size,
                zeroed,
            } => self.acquire(thread, size, zeroed),
            Op::Drop { thread, at } if !self.held.is_empty() => {
                let (buf, mark, _) = self.held.swap_remove(at % self.held.len());
                self.workers[thread].run(move || {
                    assert!(buf.iter().all(|&byte| byte == mark), "nobody else wrote");
                    drop(buf);
                });
            }
            Op::Drop { .. } => {}
            Op::DropAll { thread } => {
                let all = std::mem::take(&mut self.held);
                self.workers[thread].run(move || drop(all));
            }
            Op::Prewarm {
                thread,
                size,
                count,
            } => {
                let pool = self.pool.clone();
                let _ = self.workers[thread].run(move || pool.prewarm(size, count));
            }
            Op::Reclaim { thread, bytes } => {
                let idle = self.pool.stats().idle_bytes() as usize;
                let pool = self.pool.clone();
                let freed = self.workers[thread].run(move || pool.reclaim(bytes));
                assert!(freed <= idle);
                let left = self.pool.stats().idle_bytes() as usize;
                assert_eq!(left, idle - freed);
                // Without a budget the other threads keep their caches, and a first block of each class.
                let kept = match self.limits.bytes {
                    Some(_) => 0,
                    None => (THREADS - 1) * (self.limits.cache_bytes + SIZES.iter().sum::<usize>()),
                };
                assert!(freed >= bytes.min(idle) || left <= kept);
                if freed < bytes {
                    // All was looked for: nothing is left in reach.
                    let pool = self.pool.clone();
                    assert_eq!(self.workers[thread].run(move || pool.reclaim(1)), 0);
                }
            }
            Op::End { thread } => {
                let idle = self.pool.stats().idle_bytes();
                std::mem::replace(&mut self.workers[thread], Worker::start()).end();
                assert_eq!(self.pool.stats().idle_bytes(), idle, "left to others");
            }
        }
    }

    fn check(&self) {
        let stats = self.pool.stats();
        let bytes = |overflow| -> usize {
            let chosen = self.held.iter().filter(|held| held.2 == overflow);
            chosen.map(|held| held.0.capacity()).sum()
        };
        assert_eq!(stats.acquires(), self.acquires);
        assert_eq!(stats.outstanding(), self.held.len() as u64);
        assert_eq!(stats.overflow_bytes as usize, bytes(true));
        assert_eq!(
            (stats.charged_bytes - stats.idle_bytes()) as usize,
            bytes(false)
        );
        assert!(stats.peak_bytes as usize <= self.limits.bytes.unwrap_or(usize::MAX));
        assert!(stats.idle_bytes() as usize <= self.limits.idle_bytes);
        let capped =
            |class: &buffer_pool::ClassStats| class.idle as usize <= self.limits.idle_per_class;
        assert!(stats.classes.iter().all(capped));
        let mut ranges: Vec<_> = self
            .held
            .iter()
            .map(|(buf, ..)| (buf.as_ptr() as usize, buf.capacity()))
            .collect();
        ranges.sort_unstable();
        assert!(
            ranges
                .windows(2)
                .all(|pair| pair[0].0 + pair[0].1 <= pair[1].0),
            "no memory is lent twice"
        );
    }

    fn finish(mut self) {
        self.held.clear();
        self.workers.drain(..).for_each(Worker::end);
        let idle = self.pool.stats().idle_bytes();
        assert_eq!(self.pool.reclaim(usize::MAX) as u64, idle, "all in reach");
        for size in SIZES {
            let bytes = self
                .limits
                .idle_bytes
                .min(self.limits.bytes.unwrap_or(usize::MAX));
            let most = self.limits.idle_per_class.min(bytes / size);
            if most < 100 {
                let kept = self.pool.prewarm(size, most + 1);
                let exhausted = matches!(kept, Err(AcquireError::Exhausted { .. }));
                assert!(kept == Ok(most) || exhausted, "{size}: {kept:?} of {most}");
            }
            let freed = self.pool.reclaim(usize::MAX);
            assert!(
                most >= 100 || freed == most * size,
                "the caps are as they were"
            );
        }
        drop(self.pool);
        assert_eq!(self.memory.live_bytes(), 0);
    }
}

fn run(ops: &[Op], limits: Limits) {
    let mut machine = Machine::new(limits);
    for op in ops {
        machine.apply(op);
        machine.check();
    }
    machine.finish();
}

const UNLIMITED: Limits = Limits {
    bytes: None,
    idle_bytes: usize::MAX,
    idle_per_class: usize::MAX,
    cache_bytes: 2000,
};

proptest! {
    #![proptest_config(config(11, 60))]
    #[test]
    fn unbounded(ops in prop::collection::vec(op(), 0..200)) {
        run(&ops, UNLIMITED);
    }
}

proptest! {
    #![proptest_config(config(12, 60))]
    #[test]
    fn bounded(ops in prop::collection::vec(op(), 0..200)) {
        run(&ops, Limits { bytes: Some(3000), ..UNLIMITED });
    }
}

proptest! {
    #![proptest_config(config(13, 60))]
    #[test]
    fn capped(ops in prop::collection::vec(op(), 0..200)) {
        run(&ops, Limits { bytes: None, idle_bytes: 1500, idle_per_class: 5, cache_bytes: 600 });
    }
}
