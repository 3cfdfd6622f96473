//! Bursts: many buffers acquired, then all released.

use std::time::{Duration, Instant};

use super::buffers::{Buffers, Demand};
use super::pair;
use super::round::{Round, SIZES, entered, touch};
use crate::{Effort, Sample, Workload};

/// One burst after another; in each buffer the pages of the first `touched` bytes are written.
fn bursts<B: Buffers>(buffers: &B, demand: Demand, touched: usize, bursts: usize) -> u64 {
    let mut held = Vec::with_capacity(demand.live);
    let mut sum = 0;
    for _ in 0..bursts {
        for _ in 0..demand.live {
            let mut buffer = buffers.acquire(demand.size);
            sum += touch::<B>(&mut buffer, touched);
            held.push(buffer);
        }
        held.clear();
    }
    sum
}

/// Two threads, each acquiring eight and releasing them.
#[derive(Clone)]
struct OnTwoThreads {
    size: usize,
    operations: usize,
}

const BURST: usize = 8;

impl Round for OnTwoThreads {
    fn demand(&self) -> Demand {
        Demand {
            size: self.size,
            live: 2 * BURST,
        }
    }

    fn run<B: Buffers>(&mut self, buffers: &B) -> Sample {
        let each = Demand {
            size: self.size,
            live: BURST,
        };
        pair::timed(self.operations / 20, self.operations, |_, operations| {
            bursts(buffers, each, 1, operations)
        })
    }
}

/// Two threads, bursts of eight; a burst of one thread counts once.
pub(super) fn on_two_threads(effort: Effort) -> Vec<Workload> {
    SIZES[..2]
        .iter()
        .map(|&(size, label)| {
            let operations = effort.operations(20_000);
            entered(
                format!("burst-2t-{label}"),
                "ns",
                &OnTwoThreads { size, operations },
            )
        })
        .collect()
}

/// The bursts that a thread's own cache does not hold.
const LARGE: [(Demand, &str); 2] = [
    (
        Demand {
            size: 64 << 10,
            live: 128,
        },
        "64KiB",
    ),
    (
        Demand {
            size: 1 << 20,
            live: 32,
        },
        "1MiB",
    ),
];

/// One thread, every page written.
#[derive(Clone)]
struct Large {
    demand: Demand,
    bursts: usize,
}

impl Round for Large {
    fn demand(&self) -> Demand {
        self.demand
    }

    fn run<B: Buffers>(&mut self, buffers: &B) -> Sample {
        Sample::timed(self.bursts * self.demand.live, || {
            bursts(buffers, self.demand, self.demand.size, self.bursts)
        })
    }

    fn warm_up<B: Buffers>(&mut self, buffers: &B) {
        bursts(buffers, self.demand, self.demand.size, 2);
    }
}

/// 64 KiB 128 times, 1 MiB 32 times, one byte a page; a buffer counts once.
pub(super) fn large(effort: Effort) -> Vec<Workload> {
    LARGE
        .map(|(demand, label)| {
            let bursts = effort.operations(200);
            entered(
                format!("burst-large-{label}"),
                "ns",
                &Large { demand, bursts },
            )
            .isolated()
        })
        .into()
}

/// One burst after a time in which its source was left alone.
#[derive(Clone)]
struct AfterIdling {
    demand: Demand,
    idle: Duration,
    /// When the last burst ended.
    idle_since: Instant,
}

impl Round for AfterIdling {
    fn demand(&self) -> Demand {
        self.demand
    }

    /// Each source idles by its own clock: while one sleeps the others idle too, so that a round of all of them takes
    /// little longer than the time of one.
    fn run<B: Buffers>(&mut self, buffers: &B) -> Sample {
        std::thread::sleep(self.idle.saturating_sub(self.idle_since.elapsed()));
        let sample = Sample::timed(1, || bursts(buffers, self.demand, self.demand.size, 1));
        self.idle_since = Instant::now();
        sample.in_microseconds()
    }

    fn warm_up<B: Buffers>(&mut self, buffers: &B) {
        bursts(buffers, self.demand, self.demand.size, 2);
        self.idle_since = Instant::now();
    }
}

/// The same after 1.5 s of idling, in microseconds for the burst.
pub(super) fn after_idling(effort: Effort) -> Vec<Workload> {
    let idle = Duration::from_millis(effort.operations(1500) as u64);
    LARGE
        .map(|(demand, label)| {
            let round = AfterIdling {
                demand,
                idle,
                idle_since: Instant::now(),
            };
            entered(format!("burst-idle-{label}"), "us", &round).isolated()
        })
        .into()
}
