//! A round of work that any source of buffers can do, and the workload of all sources that do it.

use std::alloc::System;

use mimalloc::MiMalloc;

use super::buffers::{Buffers, Demand, Strata};
use super::objects::{Lockfree, ObjectPool, Opool};
use super::seed::SeedPool;
use super::vectors::Vectors;
use super::zero::Zeropool;
use crate::{Contender, Sample, Workload};

pub(super) const PAGE: usize = 4096;

/// The sizes that most workloads come in.
pub(super) const SIZES: [(usize, &str); 3] =
    [(4 << 10, "4KiB"), (64 << 10, "64KiB"), (1 << 20, "1MiB")];

/// What one round does with a source of buffers. Each contender has a copy of its own.
pub(super) trait Round: Clone + 'static {
    fn demand(&self) -> Demand;
    fn run<B: Buffers>(&mut self, buffers: &B) -> Sample;
    /// Done once, before the first round, outside of the clock.
    fn warm_up<B: Buffers>(&mut self, _: &B) {}
}

/// A round by one source, which is made when its first round comes.
pub(super) fn contender<R: Round, B: Buffers>(round: &R) -> Contender {
    let mut round = round.clone();
    let mut buffers = None;
    Contender::new(B::NAME, move || {
        let buffers = buffers.get_or_insert_with(|| {
            let buffers = B::of(round.demand());
            round.warm_up(&buffers);
            buffers
        });
        round.run(buffers)
    })
}

/// A workload of all sources.
pub(super) fn entered<R: Round>(name: String, unit: &'static str, round: &R) -> Workload {
    Workload::new("pool", name, unit)
        .with(contender::<R, Strata>(round))
        .with(contender::<R, SeedPool>(round))
        .with(contender::<R, Opool>(round))
        .with(contender::<R, ObjectPool>(round))
        .with(contender::<R, Lockfree>(round))
        .with(contender::<R, Zeropool>(round))
        .with(contender::<R, Vectors<System>>(round))
        .with(contender::<R, Vectors<MiMalloc>>(round))
}

/// Writes the first byte of each page and gives the sum of what it wrote.
pub(super) fn touch<B: Buffers>(buffer: &mut B::Buffer<'_>, size: usize) -> u64 {
    touch_at::<B>(buffer, 0, size)
}

/// The same with the byte at `place` in each page, which is below the size.
pub(super) fn touch_at<B: Buffers>(buffer: &mut B::Buffer<'_>, place: usize, size: usize) -> u64 {
    let start = B::start(buffer);
    let mut sum = 0;
    for offset in (place..size).step_by(PAGE) {
        // SAFETY: `Buffers::start` promises as many writable bytes as were asked for.
        unsafe { start.add(offset).write_volatile(offset as u8 | 1) };
        sum += offset as u64 | 1;
    }
    sum
}
