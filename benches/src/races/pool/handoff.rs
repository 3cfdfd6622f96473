//! Buffers that one thread acquires and another releases.

use std::alloc::System;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam::channel::{TrySendError, bounded};
use crossbeam::utils::Backoff;
use mimalloc::MiMalloc;

use super::buffers::{Buffers, Demand, Strata};
use super::objects::{Lockfree, ObjectPool, Opool};
use super::pair::{self, Side};
use super::round::SIZES;
use super::seed::SeedPool;
use super::vectors::Vectors;
use super::zero::Zeropool;
use crate::{Contender, Effort, Sample, Workload};

/// Buffers on their way at most.
const ON_THE_WAY: usize = 64;

/// How the two threads go about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Each as fast as it can. What both want at once, of the channel as of a pool, costs most; so an empty channel may
    /// be slower than one whose ends have more to do.
    Stream,
    /// In turns: one fills the channel, the other empties it. Nothing is wanted at once, and what either does adds up.
    Waves,
}

/// Asks again and again, without sleeping: to be woken costs as much as many buffers.
fn until<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let backoff = Backoff::new();
    // Ends: what is asked for comes from the other side, which does as much as this one.
    loop {
        match attempt() {
            Some(value) => return value,
            None => backoff.snooze(),
        }
    }
}

/// The other side may have no processor.
const LOOKS_BEFORE_YIELD: u32 = 1000;

/// Whose turn it is: that of the sender at even numbers, of the receiver at odd ones.
struct Turn(AtomicUsize);

impl Turn {
    /// Looks without a pause, since pauses that grow would be a good part of a short wave.
    fn wait(&self, side: Side) {
        let parity = usize::from(side == Side::Right);
        let mut looks = 0u32;
        // Ends: the other side passes its turn. Acquire: what it did before is seen; pairs with `pass`.
        while self.0.load(Ordering::Acquire) % 2 != parity {
            looks = looks.wrapping_add(1);
            match looks.is_multiple_of(LOOKS_BEFORE_YIELD) {
                true => thread::yield_now(),
                false => std::hint::spin_loop(),
            }
        }
    }

    fn pass(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

/// Does `one` on one side of the channel, so many times, at that pace.
fn paced(pace: Pace, turn: &Turn, side: Side, operations: usize, mut one: impl FnMut(usize)) {
    for number in 0..operations {
        if pace == Pace::Waves && number % ON_THE_WAY == 0 {
            turn.wait(side);
        }
        one(number);
        if pace == Pace::Waves && (number + 1) % ON_THE_WAY == 0 {
            turn.pass();
        }
    }
}

/// One side puts what `make` gives into a channel, the other sums up what `take` makes of it.
fn passed<T: Send>(
    pace: Pace,
    operations: usize,
    make: impl Fn(u8) -> T + Sync,
    take: impl Fn(T) -> u8 + Sync,
) -> Sample {
    let (sender, receiver) = bounded(ON_THE_WAY);
    let turn = Turn(AtomicUsize::new(0));
    let whole_waves = |operations: usize| operations.next_multiple_of(ON_THE_WAY);
    pair::timed(
        whole_waves(operations / 10),
        whole_waves(operations),
        |side, operations| {
            let mut sum = 0u64;
            match side {
                Side::Left => paced(pace, &turn, side, operations, |number| {
                    let mut message = Some(make(number as u8));
                    until(|| match sender.try_send(message.take()?) {
                        Ok(()) => Some(()),
                        Err(TrySendError::Full(back)) => {
                            message = Some(back);
                            None
                        }
                        Err(TrySendError::Disconnected(_)) => unreachable!("the receiver lives"),
                    });
                }),
                Side::Right => paced(pace, &turn, side, operations, |_| {
                    let taken = take(until(|| receiver.try_recv().ok()));
                    sum = sum.wrapping_mul(31).wrapping_add(taken.into());
                }),
            }
            sum
        },
    )
}

/// A buffer acquired and written to on one side, read and released on the other.
fn contender<B: Buffers>(pace: Pace, size: usize, operations: usize) -> Contender
where
    for<'a> B::Buffer<'a>: Send,
{
    // Beside those on the way each side may have one in hand.
    let live = ON_THE_WAY + 2;
    let buffers = B::of(Demand { size, live });
    Contender::new(B::NAME, move || {
        passed(
            pace,
            operations,
            |byte| {
                let mut buffer = buffers.acquire(size);
                B::put(&mut buffer, byte);
                buffer
            },
            |mut buffer: B::Buffer<'_>| B::first(&mut buffer),
        )
    })
}

/// The channel alone, with bytes on it.
fn channel(pace: Pace, operations: usize) -> Contender {
    Contender::new(CHANNEL, move || {
        passed(pace, operations, |byte| byte, |byte| byte)
    })
}

const CHANNEL: &str = "channel";

/// One thread acquires, another releases; the time of a buffer from thread to thread, and what of it is above the time
/// of a byte.
pub(super) fn handoff(effort: Effort) -> Vec<Workload> {
    let operations = effort.operations(200_000);
    let entered = |(pace, name): (Pace, &str), (size, label): (usize, &str)| {
        Workload::new("pool", format!("{name}-{label}"), "ns")
            .above(CHANNEL)
            .with(channel(pace, operations))
            .with(contender::<Strata>(pace, size, operations))
            .with(contender::<SeedPool>(pace, size, operations))
            .with(contender::<Opool>(pace, size, operations))
            .with(contender::<ObjectPool>(pace, size, operations))
            .with(contender::<Lockfree>(pace, size, operations))
            .with(contender::<Zeropool>(pace, size, operations))
            .with(contender::<Vectors<System>>(pace, size, operations))
            .with(contender::<Vectors<MiMalloc>>(pace, size, operations))
    };
    let paces = [(Pace::Stream, "handoff"), (Pace::Waves, "handoff-waves")];
    paces
        .into_iter()
        .flat_map(|pace| SIZES[..2].iter().map(move |&size| entered(pace, size)))
        .collect()
}
