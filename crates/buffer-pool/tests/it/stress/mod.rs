//! Eight threads that make every call of the pool at random: contents stay, nothing is lost, the budget holds.
//!
//! `STRATA_STRESS_ROUNDS` is the number of rounds, one after another over pools of each kind (one of each unless set), and
//! `STRATA_STRESS_SEED` what the random numbers start from. `cargo xtask san thread` runs it for minutes, with a new seed
//! each time.

mod worker;

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use buffer_pool::{BufferPool, Classes, Exhaustion, PooledBytes};

use crate::memory::{Poisoned, Shared};
use crate::random::Random;
use worker::Worker;

const THREADS: usize = 8;
/// Calls of each thread in a round.
const CALLS: usize = 400;
/// Bytes of the pools with a budget: a few of the larger requests.
const BUDGET: usize = 40 << 10;
/// Longer than a round lasts: `maintain` is told what time it is.
const INTERVAL: Duration = Duration::from_secs(3600);

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// No budget.
    Unbounded,
    /// Past the budget threads wait. Nobody leaves buffers to others there, as who waits must not wait for those.
    Waiting,
    /// Past the budget blocks are not charged. Noted and overwritten, too.
    Overflowing,
    /// With a budget, on the global allocator: memory comes from outside and goes there.
    Adopting,
    /// As the first, but one thread closes it half-way.
    Closing,
    /// As the second, but one thread closes it half-way.
    ClosingWaiting,
}

const KINDS: [Kind; 6] = [
    Kind::Unbounded,
    Kind::Waiting,
    Kind::Overflowing,
    Kind::Adopting,
    Kind::Closing,
    Kind::ClosingWaiting,
];

impl Kind {
    fn is_bounded(self) -> bool {
        !matches!(self, Self::Unbounded | Self::Closing)
    }

    /// Whether `acquire` waits for memory.
    fn waits(self) -> bool {
        matches!(self, Self::Waiting | Self::Adopting | Self::ClosingWaiting)
    }

    fn closes(self) -> bool {
        matches!(self, Self::Closing | Self::ClosingWaiting)
    }

    fn pool(self, memory: &Shared<Poisoned>) -> BufferPool {
        let classes = Classes::custom(&[64, 256, 1024, 4096]).expect("a valid table");
        let builder = BufferPool::builder()
            .classes(classes)
            .stripes(2)
            .thread_cache_bytes(8 << 10)
            .decay(Some(INTERVAL));
        let builder = match self.is_bounded() {
            true => builder.max_bytes(BUDGET),
            false => builder.max_idle_bytes(64 << 10),
        };
        match self {
            Self::Adopting => builder,
            Self::Overflowing => builder
                .provider(memory.clone())
                .exhaustion(Exhaustion::Overflow)
                .track_outstanding(3)
                .poison_on_release(true),
            _ => builder.provider(memory.clone()),
        }
        .build()
    }
}

/// Bytes that every byte of is the mark.
type Marked = (PooledBytes, u8);

/// What the threads of a round share.
struct Round {
    kind: Kind,
    start: Instant,
    /// Frozen bytes for whoever takes them.
    mail: Mutex<Vec<Marked>>,
}

fn run(kind: Kind, seed: u64) {
    let memory = Poisoned::shared();
    let pool = kind.pool(&memory);
    let round = Round {
        kind,
        start: Instant::now(),
        mail: Mutex::default(),
    };
    thread::scope(|scope| {
        let spawn = |index: usize| {
            let (pool, round) = (pool.clone(), &round);
            let start = seed.wrapping_mul(64).wrapping_add(index as u64);
            // Far apart, and never 0.
            let random = Random(start.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
            scope.spawn(move || Worker::new(round, pool, random, index).work(CALLS))
        };
        // The scope alone would not wait for what a thread does at its end.
        for thread in (0..THREADS).map(spawn).collect::<Vec<_>>() {
            thread.join().unwrap();
        }
    });
    drop(round);
    let stats = pool.stats();
    let told = format!("{kind:?} with seed {seed}: {stats:?}");
    assert_eq!((stats.outstanding(), pool.waiting()), (0, 0), "{told}");
    assert_eq!(stats.charged_bytes, stats.idle_bytes(), "{told}");
    assert!(
        stats.acquires() > 0 && pool.outstanding().is_empty(),
        "{told}"
    );
    if kind.is_bounded() {
        assert!(stats.peak_bytes <= BUDGET as u64, "{told}");
    }
    if kind.closes() {
        assert_eq!(stats.charged_bytes, 0, "{told}");
    }
    pool.close();
    assert_eq!(pool.stats().charged_bytes, 0, "{told}");
    drop(pool);
    assert_eq!(memory.live_bytes(), 0, "{told}");
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number, not `{text}`"))
    })
}

#[test]
fn eight_threads_make_every_call() {
    let first = number("STRATA_STRESS_SEED", 1);
    let rounds = number("STRATA_STRESS_ROUNDS", KINDS.len() as u64);
    for (round, kind) in (0..rounds).zip(KINDS.into_iter().cycle()) {
        run(kind, first.wrapping_mul(1 << 20).wrapping_add(round));
    }
}
