//! One reading of a trace, handed to many simulators.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use cache_policies::Policy;

use crate::progress::Progress;
use crate::trace::{Reader, Request, TraceError};

use super::access::{Access, BLOCK_LEN, Weighing};
use super::simulator::Simulator;

/// A simulator whose policy is no longer told by its type: one call a block, not one a request.
pub(super) trait Run: Send {
    fn run(&mut self, block: &[Access]);
    fn misses(&self) -> u64;
}

impl<P: Policy + Send> Run for Simulator<P> {
    fn run(&mut self, block: &[Access]) {
        Self::run(self, block);
    }

    fn misses(&self) -> u64 {
        Self::misses(self)
    }
}

/// The blocks that wait for a simulating thread at most.
const QUEUE_LEN: usize = 8;

/// Reads the trace to its end, every request going through every simulator in order, and returns the number of
/// requests. With one thread, the reading one does it all; with more, so many simulate beside it, as far as there are
/// simulators. The counts are the same either way.
pub(super) fn fan_out(
    mut reader: Reader,
    weighing: Weighing,
    simulators: &mut [Box<dyn Run>],
    threads: usize,
    progress: &Progress,
) -> Result<u64, TraceError> {
    if threads <= 1 {
        each_block(&mut reader, weighing, progress, |block| {
            for simulator in &mut *simulators {
                simulator.run(&block);
            }
            block
        })?;
        return Ok(reader.requests());
    }
    thread::scope(|scope| {
        // Dealt out like cards: neighbours differ in policy, so that every thread has some of each.
        let mut hands: Vec<Vec<&mut Box<dyn Run>>> = Vec::new();
        hands.resize_with(threads.min(simulators.len()), Vec::new);
        let dealt = hands.len();
        for (index, simulator) in simulators.iter_mut().enumerate() {
            hands[index % dealt].push(simulator);
        }
        let queues: Vec<SyncSender<Arc<Vec<Access>>>> = hands
            .into_iter()
            .map(|hand| {
                let (sender, receiver) = sync_channel(QUEUE_LEN);
                scope.spawn(move || simulate(&receiver, hand));
                sender
            })
            .collect();
        each_block(&mut reader, weighing, progress, |block| {
            let block = Arc::new(block);
            for queue in &queues {
                // A thread that is gone has panicked; the scope passes that on when it ends.
                let _ = queue.send(Arc::clone(&block));
            }
            Vec::with_capacity(BLOCK_LEN)
        })
    })?;
    Ok(reader.requests())
}

fn simulate(blocks: &Receiver<Arc<Vec<Access>>>, mut simulators: Vec<&mut Box<dyn Run>>) {
    for block in blocks {
        for simulator in &mut simulators {
            simulator.run(&block);
        }
    }
}

/// Hands the trace on in blocks; what `consume` returns is the space for the next one.
fn each_block(
    reader: &mut Reader,
    weighing: Weighing,
    progress: &Progress,
    mut consume: impl FnMut(Vec<Access>) -> Vec<Access>,
) -> Result<(), TraceError> {
    let mut requests: Vec<Request> = Vec::with_capacity(BLOCK_LEN);
    let mut block: Vec<Access> = Vec::with_capacity(BLOCK_LEN);
    while reader.read_block(BLOCK_LEN, &mut requests)? > 0 {
        block.clear();
        block.extend(
            requests
                .drain(..)
                .map(|request| Access::new(&request, weighing)),
        );
        block = consume(block);
        progress.at(reader.bytes_read());
    }
    Ok(())
}
