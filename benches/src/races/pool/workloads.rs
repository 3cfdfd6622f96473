//! Hot reuse with and without touching, zeroing on demand, bursts on two threads.

use std::hint::black_box;
use std::sync::Barrier;

use buffer_pool::BufferPool;
use mimalloc::MiMalloc;
use zeropool::ZeroPool;

use super::buffers::{Allocator, Buffers, Lockfree, ObjectPool, Opool, Strata, Zeropool};
use super::seed::SeedPool;
use crate::{Contender, Effort, Sample, Workload};

const PAGE: usize = 4096;
const SIZES: [(usize, &str); 3] = [(4 << 10, "4KiB"), (64 << 10, "64KiB"), (1 << 20, "1MiB")];

/// A workload of all sources of buffers.
fn entered<R: Round>(name: String, size: usize, operations: usize) -> Workload {
    fn contender<R: Round, B: Buffers>(size: usize, operations: usize) -> Contender {
        let buffers = B::of_size(size);
        Contender::new(B::NAME, move || R::run(&buffers, size, operations))
    }
    Workload::new("pool", name, "ns")
        .with(contender::<R, Strata>(size, operations))
        .with(contender::<R, SeedPool>(size, operations))
        .with(contender::<R, Opool>(size, operations))
        .with(contender::<R, ObjectPool>(size, operations))
        .with(contender::<R, Lockfree>(size, operations))
        .with(contender::<R, Zeropool>(size, operations))
        .with(contender::<R, Allocator<std::alloc::System>>(
            size, operations,
        ))
        .with(contender::<R, Allocator<MiMalloc>>(size, operations))
}

/// What one round does with a source of buffers.
trait Round: 'static {
    fn run<B: Buffers>(buffers: &B, size: usize, operations: usize) -> Sample;
}

/// Writes one byte of each page and gives what it wrote.
fn touch(start: *mut u8, size: usize) -> u64 {
    let mut sum = 0;
    for offset in (0..size).step_by(PAGE) {
        // SAFETY: `Buffers::start` promises `size` writable bytes.
        unsafe { start.add(offset).write_volatile(offset as u8 | 1) };
        sum += offset as u64 | 1;
    }
    sum
}

struct Hot;

impl Round for Hot {
    fn run<B: Buffers>(buffers: &B, _: usize, operations: usize) -> Sample {
        Sample::timed(operations, || {
            (0..operations).fold(0, |sum, _| {
                let mut buffer = buffers.acquire();
                sum + u64::from(!black_box(B::start(&mut buffer)).is_null())
            })
        })
    }
}

struct HotTouch;

impl Round for HotTouch {
    fn run<B: Buffers>(buffers: &B, size: usize, operations: usize) -> Sample {
        Sample::timed(operations, || {
            (0..operations).fold(0, |sum, _| {
                let mut buffer = buffers.acquire();
                sum + touch(B::start(&mut buffer), size)
            })
        })
    }
}

/// Two threads, each acquiring eight and releasing them; a burst of one thread counts once.
struct Burst;

const BURST: usize = 8;

impl Round for Burst {
    fn run<B: Buffers>(buffers: &B, _: usize, operations: usize) -> Sample {
        let gate = Barrier::new(2);
        let bursts = || {
            gate.wait();
            let mut held = Vec::with_capacity(BURST);
            let mut sum = 0;
            for _ in 0..operations {
                for _ in 0..BURST {
                    let mut buffer = buffers.acquire();
                    sum += touch(B::start(&mut buffer), 1);
                    held.push(buffer);
                }
                held.clear();
            }
            sum
        };
        Sample::timed(operations, || {
            std::thread::scope(|scope| {
                let other = scope.spawn(bursts);
                let sum = bursts();
                sum + other.join().expect("a burst thread that does not panic")
            })
        })
    }
}

/// Acquire and drop, nothing written.
pub(super) fn hot(effort: Effort) -> Vec<Workload> {
    SIZES
        .map(|(size, label)| {
            // The seed's design clears the whole class each time: fewer rounds of the large sizes.
            let operations = effort.operations(if size > 64 << 10 { 20_000 } else { 200_000 });
            entered::<Hot>(format!("hot-{label}"), size, operations)
        })
        .into()
}

/// Acquire, write one byte a page, drop.
pub(super) fn hot_touch(effort: Effort) -> Vec<Workload> {
    SIZES
        .map(|(size, label)| {
            let operations = effort.operations(if size > 64 << 10 { 2_000 } else { 100_000 });
            entered::<HotTouch>(format!("hot-touch-{label}"), size, operations)
        })
        .into()
}

/// 64 KiB of zeros after a writer of 4,096 bytes had the buffer.
pub(super) fn zeroed(effort: Effort) -> Vec<Workload> {
    const SIZE: usize = 64 << 10;
    const WRITTEN: usize = 4096;
    let operations = effort.operations(50_000);
    let payload = [7u8; WRITTEN];
    let strata = BufferPool::builder().build();
    let zeropool = ZeroPool::new();
    vec![
        Workload::new("pool", "zeroed-64KiB", "ns")
            .with(Contender::new("strata-pool", move || {
                Sample::timed(operations, || {
                    (0..operations).fold(0, |sum, _| {
                        let mut writer = strata.acquire(SIZE);
                        writer.extend_from_slice(&payload);
                        drop(writer);
                        let zeroed = strata.acquire_zeroed(SIZE);
                        sum + u64::from(zeroed[0])
                            + u64::from(zeroed[WRITTEN - 1])
                            + zeroed.len() as u64
                    })
                })
            }))
            .with(Contender::new("zeropool", move || {
                Sample::timed(operations, || {
                    (0..operations).fold(0, |sum, _| {
                        drop(zeropool.alloc_uninit(WRITTEN).write_from_slice(&payload));
                        let zeroed = zeropool.alloc(SIZE);
                        sum + u64::from(zeroed[0])
                            + u64::from(zeroed[WRITTEN - 1])
                            + zeroed.len() as u64
                    })
                })
            })),
    ]
}

/// Two threads, bursts of eight.
pub(super) fn burst(effort: Effort) -> Vec<Workload> {
    SIZES[..2]
        .iter()
        .map(|&(size, label)| {
            entered::<Burst>(format!("burst-2t-{label}"), size, effort.operations(20_000))
        })
        .collect()
}
