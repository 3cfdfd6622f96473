//! One buffer at a time on one thread: acquired, perhaps written to, released.

use std::hint::black_box;

use super::buffers::{Buffers, Demand, Strata, Uncounted};
use super::round::{PAGE, Round, SIZES, contender, entered, touch_at};
use super::vectors::Held;
use crate::{Effort, Sample, Workload};

#[derive(Clone)]
struct Hot {
    size: usize,
    touched: bool,
    operations: usize,
    /// Rounds so far.
    rounds: usize,
}

/// From round to round another place of each page is touched, the same by all. What a contender reads at the place
/// that is written, if in another page, the processor takes for one another at first, and waits.
const STRIDE: usize = 9 * 64;

impl Round for Hot {
    fn demand(&self) -> Demand {
        Demand {
            size: self.size,
            live: 1,
        }
    }

    fn run<B: Buffers>(&mut self, buffers: &B) -> Sample {
        let size = self.size;
        let place = self.rounds * STRIDE % PAGE;
        self.rounds += 1;
        let used = |mut buffer| match self.touched {
            true => touch_at::<B>(&mut buffer, place, size),
            false => u64::from(!black_box(B::start(&mut buffer)).is_null()),
        };
        Sample::timed(self.operations, || {
            (0..self.operations).fold(0, |sum, _| sum + used(buffers.acquire(size)))
        })
    }
}

/// Acquire and drop, nothing written.
pub(super) fn hot(effort: Effort) -> Vec<Workload> {
    SIZES
        .map(|(size, label)| {
            let round = Hot {
                size,
                touched: false,
                rounds: 0,
                // The seed's design clears the whole class each time: fewer rounds of the large sizes.
                operations: effort.operations(if size > 64 << 10 { 20_000 } else { 200_000 }),
            };
            entered(format!("hot-{label}"), "ns", &round)
        })
        .into()
}

/// The same, with statistics and without.
pub(super) fn stats(effort: Effort) -> Vec<Workload> {
    SIZES[..2]
        .iter()
        .map(|&(size, label)| {
            let round = Hot {
                size,
                touched: false,
                rounds: 0,
                operations: effort.operations(200_000),
            };
            Workload::new("pool", format!("stats-{label}"), "ns")
                .with(contender::<Hot, Strata>(&round))
                .with(contender::<Hot, Uncounted>(&round))
        })
        .collect()
}

/// Acquire, write one byte a page, drop.
pub(super) fn hot_touch(effort: Effort) -> Vec<Workload> {
    SIZES
        .map(|(size, label)| {
            let round = Hot {
                size,
                touched: true,
                rounds: 0,
                operations: effort.operations(if size > 64 << 10 { 2_000 } else { 100_000 }),
            };
            entered(format!("hot-touch-{label}"), "ns", &round)
                .with(contender::<Hot, Held>(&round))
                .isolated()
        })
        .into()
}
