//! Buffers that one thread acquires and another releases.

use std::alloc::System;

use crossbeam::channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};
use crossbeam::utils::Backoff;
use mimalloc::MiMalloc;

use super::buffers::{Buffers, Demand, Strata};
use super::objects::{ObjectPool, Opool};
use super::pair::{self, Side};
use super::round::SIZES;
use super::seed::SeedPool;
use super::vectors::Vectors;
use super::zero::Zeropool;
use crate::{Contender, Effort, Sample, Workload};

/// Buffers on their way at most.
const ON_THE_WAY: usize = 64;

/// Sends without sleeping: to be woken costs as much as many buffers.
fn send<T>(channel: &Sender<T>, mut value: T) {
    let backoff = Backoff::new();
    // Ends: the other side takes as many as are sent.
    loop {
        match channel.try_send(value) {
            Ok(()) => return,
            Err(TrySendError::Full(back)) => value = back,
            Err(TrySendError::Disconnected(_)) => unreachable!("the receiver lives as long"),
        }
        backoff.snooze();
    }
}

/// Receives without sleeping.
fn receive<T>(channel: &Receiver<T>) -> T {
    let backoff = Backoff::new();
    // Ends: the other side sends as many as are taken.
    loop {
        match channel.try_recv() {
            Ok(value) => return value,
            Err(TryRecvError::Empty) => backoff.snooze(),
            Err(TryRecvError::Disconnected) => unreachable!("the sender lives as long"),
        }
    }
}

/// One side puts what `make` gives into a channel, the other sums up what `take` makes of it.
fn passed<T: Send>(
    operations: usize,
    make: impl Fn(u64) -> T + Sync,
    take: impl Fn(T) -> u64 + Sync,
) -> Sample {
    let (sender, receiver) = bounded(ON_THE_WAY);
    pair::timed(operations / 10, operations, |side, operations| match side {
        Side::Left => {
            (0..operations).for_each(|turn| send(&sender, make(turn as u64)));
            0
        }
        Side::Right => (0..operations).fold(0u64, |sum, _| {
            sum.wrapping_mul(31).wrapping_add(take(receive(&receiver)))
        }),
    })
}

/// A buffer acquired and written to on one side, read and released on the other.
fn contender<B: Buffers>(size: usize, operations: usize) -> Contender
where
    for<'a> B::Buffer<'a>: Send,
{
    let live = ON_THE_WAY + 2;
    let buffers = B::of(Demand { size, live });
    Contender::new(B::NAME, move || {
        passed(
            operations,
            |turn| {
                let mut buffer = buffers.acquire(size);
                // SAFETY: `Buffers::start` promises as many writable bytes as were asked for.
                unsafe { B::start(&mut buffer).write(turn as u8) };
                buffer
            },
            |mut buffer: B::Buffer<'_>| {
                // SAFETY: the other side has written this byte.
                u64::from(unsafe { B::start(&mut buffer).read() })
            },
        )
    })
}

/// The channel alone.
fn channel(operations: usize) -> Contender {
    Contender::new(CHANNEL, move || {
        passed(operations, |turn| turn, |turn| u64::from(turn as u8))
    })
}

const CHANNEL: &str = "channel";

/// One thread acquires, another releases; the time of a buffer from thread to thread, and what of it is above the time
/// of a number.
pub(super) fn handoff(effort: Effort) -> Vec<Workload> {
    let operations = effort.operations(200_000);
    SIZES[..2]
        .iter()
        .map(|&(size, label)| {
            Workload::new("pool", format!("handoff-{label}"), "ns")
                .above(CHANNEL)
                .with(channel(operations))
                .with(contender::<Strata>(size, operations))
                .with(contender::<SeedPool>(size, operations))
                .with(contender::<Opool>(size, operations))
                .with(contender::<ObjectPool>(size, operations))
                .with(contender::<Zeropool>(size, operations))
                .with(contender::<Vectors<System>>(size, operations))
                .with(contender::<Vectors<MiMalloc>>(size, operations))
        })
        .collect()
}
