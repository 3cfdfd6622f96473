//! Random requests, releases and departures against the dullest model of a line: a queue of sizes, and a sum.

use std::collections::VecDeque;
use std::task::Poll;

use buffer_pool::{AcquireError, BufferPool, Classes, PooledBuf};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::memory::Poisoned;
use crate::wait::Task;

#[derive(Clone, Debug)]
enum Op {
    /// A task that asks and, if need be, waits.
    Request(usize),
    Try(usize),
    Poll(usize),
    Leave(usize),
    Release(usize),
    Reclaim(usize),
    Close,
}

const BUDGET: usize = 2000;
const CLASSES: [usize; 4] = [64, 128, 500, 1000];

fn op() -> impl Strategy<Value = Op> {
    let at = 0..64_usize;
    let size = prop_oneof![4 => 0..200_usize, 2 => 0..1000_usize, 1 => 1000..2100_usize];
    prop_oneof![
        60 => size.clone().prop_map(Op::Request),
        20 => size.prop_map(Op::Try),
        30 => at.clone().prop_map(Op::Poll),
        20 => at.clone().prop_map(Op::Leave),
        60 => at.prop_map(Op::Release),
        10 => (0..3000_usize).prop_map(Op::Reclaim),
        1 => Just(Op::Close),
    ]
}

/// Bytes of the block for a request.
fn capacity(size: usize) -> usize {
    let class = CLASSES.into_iter().find(|&class| class >= size);
    class.unwrap_or(size)
}

struct Asked<'a> {
    task: Task<'a>,
    number: usize,
    capacity: usize,
}

/// The line as it should be.
#[derive(Default)]
struct Line {
    /// Numbers and capacities.
    waiting: VecDeque<(usize, usize)>,
    /// Handed over, not taken.
    granted: Vec<(usize, usize)>,
    /// Bytes lent, or handed over.
    used: usize,
    closed: bool,
}

impl Line {
    fn serve(&mut self) {
        while let Some(&(number, capacity)) = self.waiting.front()
            && self.used + capacity <= BUDGET
        {
            self.waiting.pop_front();
            self.granted.push((number, capacity));
            self.used += capacity;
        }
    }

    /// What a request is told that does not wait, or before it does.
    fn refusal(&self, size: usize) -> Option<AcquireError> {
        let capacity = capacity(size);
        // Classes are looked for in idle memory first, so a closed pool says so before it looks at the size.
        if self.closed {
            Some(AcquireError::Closed)
        } else if capacity > BUDGET {
            Some(AcquireError::Oversize {
                requested: size,
                limit: BUDGET,
            })
        } else if !self.waiting.is_empty() || self.used + capacity > BUDGET {
            Some(AcquireError::Exhausted { max_bytes: BUDGET })
        } else {
            None
        }
    }

    /// Takes a waiter out; whether it was handed something.
    fn take(&mut self, number: usize) -> bool {
        self.waiting.retain(|&(other, _)| other != number);
        let before = self.granted.len();
        self.granted.retain(|&(other, _)| other != number);
        before != self.granted.len()
    }
}

fn run(ops: Vec<Op>) -> Result<(), TestCaseError> {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder()
        .provider(memory.clone())
        .classes(Classes::custom(&CLASSES).unwrap())
        .max_bytes(BUDGET)
        .build();
    {
        let (mut line, mut asked, mut lent) = (Line::default(), Vec::new(), Vec::new());
        for (number, op) in ops.into_iter().enumerate() {
            apply(&pool, number, op, &mut line, &mut asked, &mut lent)?;
            line.serve();
            prop_assert_eq!(pool.waiting(), line.waiting.len());
            let stats = pool.stats();
            prop_assert_eq!(stats.charged_bytes, line.used as u64 + stats.idle_bytes());
            prop_assert!(stats.peak_bytes <= BUDGET as u64);
            for asked in &asked {
                let waits = line.waiting.iter().any(|&(other, _)| other == asked.number);
                prop_assert_eq!(
                    asked.task.wakes(),
                    usize::from(!waits),
                    "woken once, in order"
                );
            }
        }
    }
    prop_assert_eq!((pool.waiting(), pool.stats().outstanding()), (0, 0));
    drop(pool);
    prop_assert_eq!(memory.live_bytes(), 0);
    Ok(())
}

fn apply<'a>(
    pool: &'a BufferPool,
    number: usize,
    op: Op,
    line: &mut Line,
    asked: &mut Vec<Asked<'a>>,
    lent: &mut Vec<PooledBuf>,
) -> Result<(), TestCaseError> {
    match op {
        Op::Request(size) => {
            let capacity = capacity(size);
            let mut task = Task::new(pool, size);
            match (task.poll(), line.refusal(size)) {
                (Poll::Pending, Some(AcquireError::Exhausted { .. })) => {
                    line.waiting.push_back((number, capacity));
                    asked.push(Asked {
                        task,
                        number,
                        capacity,
                    });
                }
                (Poll::Ready(Ok(buf)), None) => {
                    line.used += buf.capacity();
                    lent.push(buf);
                }
                (Poll::Ready(Err(error)), refusal) => prop_assert_eq!(Some(error), refusal),
                (outcome, refusal) => prop_assert!(false, "{:?}, not {:?}", outcome, refusal),
            }
        }
        Op::Try(size) => match pool.try_acquire(size) {
            Ok(buf) => {
                prop_assert_eq!((line.refusal(size), buf.capacity()), (None, capacity(size)));
                line.used += buf.capacity();
                lent.push(buf);
            }
            Err(error) => prop_assert_eq!(Some(error), line.refusal(size)),
        },
        Op::Poll(at) if !asked.is_empty() => {
            let at = at % asked.len();
            match asked[at].task.poll() {
                Poll::Pending => prop_assert_eq!(asked[at].task.wakes(), 0),
                Poll::Ready(outcome) => {
                    let Asked {
                        number, capacity, ..
                    } = asked.swap_remove(at);
                    match (outcome, line.take(number)) {
                        (Ok(buf), true) => {
                            prop_assert_eq!(buf.capacity(), capacity);
                            lent.push(buf);
                        }
                        (Err(error), false) => {
                            prop_assert_eq!((error, line.closed), (AcquireError::Closed, true));
                        }
                        (outcome, granted) => prop_assert!(false, "{:?}, {}", outcome, granted),
                    }
                }
            }
        }
        Op::Leave(at) if !asked.is_empty() => {
            let Asked {
                task,
                number,
                capacity,
            } = asked.swap_remove(at % asked.len());
            if line.take(number) {
                line.used -= capacity;
            }
            drop(task);
        }
        Op::Release(at) if !lent.is_empty() => {
            let buf = lent.swap_remove(at % lent.len());
            line.used -= buf.capacity();
            drop(buf);
        }
        Op::Reclaim(bytes) => drop(pool.reclaim(bytes)),
        Op::Close => {
            pool.close();
            line.closed = true;
            line.waiting.clear();
        }
        Op::Poll(_) | Op::Leave(_) | Op::Release(_) => {}
    }
    Ok(())
}

/// Cases unless STRATA_CASES says otherwise.
const CASES: u32 = 2000;

#[test]
fn a_line_is_a_queue_of_sizes_and_a_sum() {
    let cases = std::env::var("STRATA_CASES").map_or(CASES, |cases| {
        cases.parse().expect("STRATA_CASES is a number of cases")
    });
    let config = ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(0x0057_A17A),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(ops in prop::collection::vec(op(), 1..100))| run(ops)?);
}
