//! Two pools used in turn on one thread, against one pool used in their stead.

use std::hint::black_box;

use super::buffers::{Buffers, Demand, Strata};
use super::round::SIZES;
use super::zero::Zeropool;
use crate::{Contender, Effort, Sample, Workload};

/// Acquires from and releases to two sources in turn: two of them, made so that `between` others came between them, or
/// the same one twice.
fn contender<B: Buffers>(
    name: String,
    between: Option<usize>,
    size: usize,
    operations: usize,
) -> Contender {
    let made = || B::of(Demand { size, live: 1 });
    let first = made();
    let second = between.map(|between| {
        let others: Vec<B> = (0..between).map(|_| made()).collect();
        let second = made();
        drop(others);
        second
    });
    Contender::new(name, move || {
        let sources = [&first, second.as_ref().unwrap_or(&first)];
        Sample::timed(operations, || {
            (0..operations).fold(0, |sum, turn| {
                let mut buffer = sources[turn % 2].acquire(size);
                sum + u64::from(!black_box(B::start(&mut buffer)).is_null())
            })
        })
    })
}

/// Ours finds a thread's magazines in a table of so many places, by the pool's number.
const PLACES: usize = 16;

/// Nothing written; one acquired and released counts once.
pub(super) fn two_pools(effort: Effort) -> Vec<Workload> {
    let operations = effort.operations(200_000);
    SIZES[..2]
        .iter()
        .map(|&(size, label)| {
            let ours = |name: &str, between| {
                contender::<Strata>(format!("strata-pool{name}"), between, size, operations)
            };
            let peer = |name: &str, between| {
                contender::<Zeropool>(format!("zeropool{name}"), between, size, operations)
            };
            Workload::new("pool", format!("two-pools-{label}"), "ns")
                .with(ours("", Some(0)))
                .with(ours("-one", None))
                .with(ours("-same-place", Some(PLACES - 1)))
                .with(peer("", Some(0)))
                .with(peer("-one", None))
        })
        .collect()
}
