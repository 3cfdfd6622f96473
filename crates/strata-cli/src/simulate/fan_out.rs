//! One reading of a trace, handed to many simulators, on one thread or on several.

use std::cmp::Reverse;
use std::slice::IterMut;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cache_policies::Policy;

use crate::trace::summary::TooManyObjects;

use super::access::Access;
use super::error::SimulationError;
use super::feed::{BLOCK_LEN, Feed};
use super::history::History;
use super::index::Index;
use super::simulator::{Counts, Simulator};

/// What takes part in a reading, its type no longer known: one call a block, not one a request.
pub(super) trait Run: Send {
    /// Serves the requests in order.
    fn run(&mut self, block: &[Access]) -> Result<(), TooManyObjects>;
}

/// A [`Simulator`], its type no longer known.
pub(super) trait Simulate: Run {
    /// What was counted so far.
    fn counts(&self) -> Counts;

    /// What the policy told of itself, if that was wanted.
    fn history(&self) -> Option<History>;
}

impl<P: Policy + Send, I: Index + Send> Run for Simulator<P, I> {
    fn run(&mut self, block: &[Access]) -> Result<(), TooManyObjects> {
        Self::run(self, block);
        Ok(())
    }
}

impl<P: Policy + Send, I: Index + Send> Simulate for Simulator<P, I> {
    fn counts(&self) -> Counts {
        Self::counts(self)
    }

    fn history(&self) -> Option<History> {
        Self::history(self)
    }
}

/// The requests that all simulators go through before the next ones, where threads share the work: enough that dealing it out
/// anew costs nothing beside it.
const EPOCH_LEN: usize = 1 << 17;

/// A simulator, what its last epoch cost, and how it ended.
struct Task<'a> {
    simulator: &'a mut dyn Run,
    cost: Duration,
    result: Result<(), TooManyObjects>,
}

/// Reads the trace to its end, every request going through every simulator in order. The counts do not depend on the threads.
///
/// One thread reads a block, then runs each simulator over it. With more, the requests go in epochs: while one thread reads the
/// next, the others, and then that one too, each take a simulator that nobody has taken yet, those first that were dearest in
/// the epoch before.
pub(super) fn fan_out<'a>(
    feed: &mut Feed<'_>,
    simulators: impl Iterator<Item = &'a mut dyn Run>,
    threads: usize,
) -> Result<(), SimulationError> {
    let task = |simulator| Task {
        simulator,
        cost: Duration::ZERO,
        result: Ok(()),
    };
    let mut tasks: Vec<Task<'a>> = simulators.map(task).collect();
    if threads <= 1 {
        return alone(feed, &mut tasks);
    }
    let (mut epoch, mut next) = (Vec::new(), Vec::new());
    feed.fill(EPOCH_LEN, &mut epoch)?;
    while !epoch.is_empty() {
        tasks.sort_by_key(|task| Reverse(task.cost));
        // No more threads than there are simulators, beside the one that reads.
        let others = (threads - 1).min(tasks.len());
        let queue = Mutex::new(tasks.iter_mut());
        let (epoch_now, queue) = (&epoch, &queue);
        thread::scope(|scope| {
            for _ in 0..others {
                scope.spawn(|| work(queue, epoch_now));
            }
            let result = feed.fill(EPOCH_LEN, &mut next);
            work(queue, epoch_now);
            result
        })?;
        tasks.iter().try_for_each(|task| task.result)?;
        std::mem::swap(&mut epoch, &mut next);
    }
    Ok(())
}

fn alone(feed: &mut Feed<'_>, tasks: &mut [Task<'_>]) -> Result<(), SimulationError> {
    // A block that stays in the cache of a core serves one simulator best; many do better with long ones, as each takes its own
    // memory into that cache once a block (60 of them took half the time).
    let len = if tasks.len() <= 2 {
        BLOCK_LEN
    } else {
        EPOCH_LEN
    };
    let mut block = Vec::with_capacity(len);
    loop {
        feed.fill(len, &mut block)?;
        if block.is_empty() {
            return Ok(());
        }
        for task in &mut *tasks {
            task.simulator.run(&block)?;
        }
    }
}

/// Runs simulators over the epoch until all are taken.
fn work(queue: &Mutex<IterMut<'_, Task<'_>>>, epoch: &[Access]) {
    // A thread that panicked had let go of the queue before it did; the scope passes the panic on.
    let take = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    while let Some(task) = take() {
        let start = Instant::now();
        task.result = task.simulator.run(epoch);
        task.cost = start.elapsed();
    }
}
