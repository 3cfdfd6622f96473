//! Scenarios that shuttle runs in random interleavings, with deliberate faults that they must find.
//!
//! They are what is too large for loom: three or four threads that do several things each. `cargo xtask shuttle` runs
//! them, as does `RUSTFLAGS="--cfg buffer_pool_loom --cfg buffer_pool_shuttle" cargo test --release -p buffer-pool --lib
//! shuttle -- --nocapture`. Each scenario runs `SHUTTLE_ITERATIONS` times (10,000 unless set) under each of two schedulers:
//! one that chooses any thread at each step, and one that gives threads priorities and changes few of them (PCT, Burckhardt
//! et al., 2010). Seeds are fixed, so that a failure repeats; shuttle prints its schedule, which `SHUTTLE_SCHEDULE` runs
//! again.
//!
//! **What they show.** Threads change at operations of `crate::sync` alone, and at accesses to a `TrackedCell`, in the
//! middle of which another thread may come. Memory is sequentially consistent: a wrong ordering is never found here, but
//! by loom's models. What a scenario asserts: no block is handed out twice, and none lost; the memory that the provider
//! lent is within the budget at every instant; no wake is lost, as shuttle fails when all threads wait; each buffer holds
//! what its owner wrote; in the end the counters agree with what was done, and all memory is back.

mod adopted;
mod closing;
mod depot;
mod frozen;
mod ledger;
mod order;
mod proof;
mod racks;
mod scarce;
mod upkeep;
mod waiting;

use ::shuttle::rand::{Rng, thread_rng};

use crate::sync::{Arc, thread};
use crate::{BufferPool, Builder, Classes, PooledBuf};
use ledger::{Lease, Ledger};
use proof::prove;

/// Bytes of the smaller of the two classes of the scenarios; the larger one has twice as many.
const BLOCK: usize = 64;

/// What a scenario says whose memory is not where it should be.
const LOST: &[&str] = &["a block is lost", "blocks are left behind"];
/// What is said of a block that has two owners.
const TWICE: &[&str] = &[
    "handed out twice",
    "freed twice",
    "a buffer in use is freed",
    "accesses to a cell overlap",
];
/// What is said when one block is taken for another: the one has two owners, the other none.
const MIXED_UP: &[&str] = &[TWICE[0], TWICE[1], TWICE[2], TWICE[3], LOST[0]];
/// What shuttle says when all threads wait.
const STUCK: &[&str] = &["deadlock"];
/// What is said when more memory is lent than the budget allows.
const OVERSPENT: &[&str] = &["the budget is passed"];

/// A number below `bound`, chosen anew in each iteration; a schedule repeats it.
fn below(bound: usize) -> usize {
    thread_rng().gen_range(0..bound)
}

/// A pool of two classes and one stripe on the ledger's memory, without decay.
fn small(ledger: &Arc<Ledger>) -> Builder {
    let classes = Classes::custom(&[BLOCK, 2 * BLOCK]).expect("a valid table");
    BufferPool::builder()
        .classes(classes)
        .stripes(1)
        .decay(None)
        .provider(Ledger::provider(ledger))
}

/// A pool with a budget of so many small blocks, which the ledger watches.
fn tight(blocks: usize) -> (Arc<Ledger>, BufferPool) {
    let ledger = Ledger::within(blocks * BLOCK);
    let pool = small(&ledger).max_bytes(blocks * BLOCK).build();
    (ledger, pool)
}

/// Runs `work` on so many threads, which have numbers from 0, and waits for their ends.
fn crowd(threads: usize, work: impl Fn(usize) + Clone + Send + 'static) {
    let spawn = |index| {
        let work = work.clone();
        thread::spawn(move || work(index))
    };
    join_all((0..threads).map(spawn).collect());
}

/// Waits for the ends of threads: what they do last included.
fn join_all<T>(threads: Vec<thread::JoinHandle<T>>) -> Vec<T> {
    let join = |thread: thread::JoinHandle<T>| {
        thread
            .join()
            .expect("a thread that panics fails the scenario")
    };
    threads.into_iter().map(join).collect()
}

/// A buffer within the budget, if there is one.
fn attempt(pool: &BufferPool, ledger: &Arc<Ledger>, size: usize) -> Option<Lease> {
    pool.try_acquire(size)
        .ok()
        .map(|buffer| lend(ledger, buffer))
}

fn lend(ledger: &Arc<Ledger>, buffer: PooledBuf) -> Lease {
    Ledger::lend(ledger, buffer)
}

/// What holds when all buffers are back and no other thread uses the pool: nothing is lent or lost, the counters agree with
/// the ledger, and with the last handle all memory goes back. Of a pool that was not prewarmed.
fn settled(pool: BufferPool, ledger: &Ledger) {
    let stats = pool.stats();
    let (created, destroyed) = ledger.blocks();
    let unpooled = stats.oversize + stats.overflow;
    assert_eq!(stats.misses() + unpooled, created, "blocks are miscounted");
    assert_eq!(
        stats.discards() + stats.reclaimed() + unpooled,
        destroyed,
        "blocks are miscounted"
    );
    settled_memory(pool, ledger);
}

/// The same of any pool, without the counts of blocks that came and went.
fn settled_memory(pool: BufferPool, ledger: &Ledger) {
    let stats = pool.stats();
    assert_eq!(stats.outstanding(), 0, "a block is lost");
    assert_eq!(stats.idle_bytes(), stats.charged_bytes, "a block is lost");
    assert_eq!(stats.idle_bytes(), ledger.bytes() as u64, "a block is lost");
    assert_eq!(stats.acquires(), ledger.loans(), "requests are miscounted");
    assert_eq!(pool.waiting(), 0, "somebody waits still");
    drop(pool);
    assert_eq!(ledger.bytes(), 0, "a block is lost: its memory is not back");
}
