//! What is under way for a key, in every interleaving, with mutants that must fail.
//!
//! `RUSTFLAGS="--cfg cache_tiered_loom" cargo test --release -p cache-tiered --lib loom -- --nocapture`
//!
//! The shards are real ones, with their entries and the read path below.

use super::mutant::{Mutant, choose};
use super::{Asked, Ending};
use crate::memory::lead::{Joined, Keep};
use crate::memory::shards::Core;
use crate::memory::sync::{Event, Listener, Mutex};
use crate::memory::{MemoryCache, Ownership};
use ::loom::sync::atomic::AtomicU64;
use ::loom::thread::{Builder, JoinHandle};
use cache_policies::{Fifo, FifoConfig};
use loom_harness::{Bound, prove};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// What loom says when all threads wait.
const STUCK: &[&str] = &["deadlock"];
/// What a cache shows that keeps what a later write has replaced.
const STALE: &[&str] = &["an older value is kept"];

const KEY: u64 = 1;
/// Its hash: the models need no other.
const HASH: u64 = 7;

/// Of the models of three threads.
const THREE: Bound = Bound::Preemptions(2);

/// How a thread waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Thread,
    Task,
}

/// A cache over a store with one key. What is not loom's only tells the model what came about.
struct World {
    core: Arc<Core<u64, u64, Fifo>>,
    store: Mutex<u64>,
    loads: AtomicUsize,
    has_failed: AtomicBool,
    /// Read and written by the mutation that has the key, Relaxed: only its turns order that.
    owned: AtomicU64,
}

impl World {
    fn new() -> Arc<Self> {
        let builder = MemoryCache::builder().capacity(2).shards(1);
        let cache = builder.policy_type::<Fifo>(FifoConfig::default()).build();
        Arc::new(Self {
            core: Arc::clone(cache.expect("it has a capacity").core()),
            store: Mutex::new(1),
            loads: AtomicUsize::new(0),
            has_failed: AtomicBool::new(false),
            owned: AtomicU64::new(0),
        })
    }

    /// Reads through: the value, or none if this caller led, and `fails`.
    fn read(&self, manner: Manner, fails: impl FnOnce() -> bool) -> Option<u64> {
        // One wait for a load that fails, and one for the next.
        for _ in 0..3 {
            match self.core.join(HASH, &KEY, Asked::Store) {
                Joined::Resident(value) => return Some(value),
                Joined::Waiting { load, .. } => {
                    let ending = match manner {
                        Manner::Thread => load.wait_for_ending(),
                        Manner::Task => block_on(load.ending()),
                    };
                    if let Ending::Answered(answer) = ending {
                        return Some(answer.expect("the store answers"));
                    }
                }
                Joined::Leading(lead) => {
                    self.loads.fetch_add(1, Ordering::Relaxed);
                    if fails() {
                        return None;
                    }
                    let value = *self.store.lock();
                    lead.land(Ok(value), Keep::Default);
                    return Some(value);
                }
            }
        }
        panic!("a load that has ended is joined again");
    }

    /// True for the first who asks.
    fn fails_once(&self) -> bool {
        !self.has_failed.swap(true, Ordering::Relaxed)
    }

    /// Waits for its turn with the key.
    fn own(&self, manner: Manner) -> Ownership<u64, u64, Fifo> {
        let ownership = self.core.enqueue(HASH, &KEY);
        match manner {
            Manner::Thread => ownership.wait_until_granted(),
            Manner::Task => block_on(ownership.granted()),
        }
        ownership
    }

    /// Writes through.
    fn write(&self, value: u64) {
        let ownership = self.own(Manner::Thread);
        *self.store.lock() = value;
        ownership.show(KEY, value, Keep::Default);
        let shown = self.core.get(HASH, &KEY);
        assert!(shown.is_none_or(|shown| shown >= value), "read your writes");
    }

    /// Raises a number that only its turn makes safe to raise.
    fn raise(&self, manner: Manner) {
        let ownership = self.own(manner);
        let number = self.owned.load(Ordering::Relaxed);
        self.owned.store(number + 1, Ordering::Relaxed);
        ownership.leave();
    }

    /// What is kept is what the store has.
    fn check(&self) {
        let (kept, stored) = (self.core.get(HASH, &KEY), *self.store.lock());
        assert!(
            kept.is_none_or(|kept| kept == stored),
            "an older value is kept: {kept:?}, the store has {stored}"
        );
        let (_, loading, mutating) = self.core.explain(HASH, &KEY);
        assert!(!loading && !mutating, "something is under way for ever");
    }
}

/// Wakes a task that a thread of the model polls.
struct Signal {
    woken: Mutex<bool>,
    came: Event,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        *self.woken.lock() = true;
        self.came.notify(usize::MAX);
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let signal = Arc::new(Signal {
        woken: Mutex::new(false),
        came: Event::new(),
    });
    let waker = Waker::from(Arc::clone(&signal));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        loop {
            let listener = signal.came.listen();
            if std::mem::take(&mut *signal.woken.lock()) {
                break;
            }
            listener.wait();
        }
    }
}

/// Machine words of a thread's stack: those that loom gives by itself are too few for a whole cache.
const STACK: usize = 1 << 15;

fn spawn(work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let thread = Builder::new().stack_size(STACK).spawn(work);
    thread.expect("loom starts what it is told")
}

/// Runs `other` on a thread of its own and `one` on this one, and checks what they leave.
fn together(
    world: &Arc<World>,
    one: impl FnOnce(&World),
    other: impl FnOnce(&World) + Send + 'static,
) {
    let shared = Arc::clone(world);
    let thread = spawn(move || other(&shared));
    one(world);
    thread.join().expect("no panic");
    world.check();
}

const fn never() -> bool {
    false
}

/// Two miss at once.
fn misses(manner: Manner) {
    let world = World::new();
    let read = move |world: &World| assert_eq!(world.read(manner, never), Some(1));
    together(&world, read, read);
    assert_eq!(world.loads.load(Ordering::Relaxed), 1, "one load for all");
}

/// Three miss at once, and the first who leads gives up: of the other two one leads.
fn three_misses() {
    let world = World::new();
    let read = |world: &World| world.read(Manner::Thread, || world.fails_once());
    let shared = Arc::clone(&world);
    let third = spawn(move || assert!(read(&shared).is_none_or(|value| value == 1)));
    together(
        &world,
        |world| {
            assert!(read(world).is_none_or(|value| value == 1));
            third.join().expect("no panic");
        },
        move |world| assert!(read(world).is_none_or(|value| value == 1)),
    );
    assert_eq!(world.loads.load(Ordering::Relaxed), 2, "one load for all");
}

/// Two miss at once, and the first who leads gives up or panics.
fn failing_leader(panics: bool) {
    let world = World::new();
    let read = move |world: &World| {
        let fails = || {
            let fails = world.fails_once();
            if fails && panics {
                // Without the hook, which would tell of it in each execution.
                resume_unwind(Box::new("the leader"));
            }
            fails
        };
        let read = catch_unwind(AssertUnwindSafe(|| world.read(Manner::Thread, fails)));
        if let Ok(Some(value)) = read {
            assert_eq!(value, 1);
        }
    };
    together(&world, read, read);
    assert!(world.loads.load(Ordering::Relaxed) <= 2);
    // Whoever comes later finds the value, or can lead.
    assert_eq!(world.read(Manner::Thread, never), Some(1));
}

/// A write while somebody loads.
fn write_while_loading() {
    let world = World::new();
    together(
        &world,
        |world| world.write(2),
        |world| assert!(world.read(Manner::Thread, never).is_some()),
    );
}

/// The store changes behind the cache, which is told, while somebody loads.
fn invalidation_while_loading() {
    let world = World::new();
    together(
        &world,
        |world| {
            *world.store.lock() = 2;
            world.core.remove(HASH, &KEY);
        },
        |world| assert!(world.read(Manner::Thread, never).is_some()),
    );
}

/// The store changes behind the cache, which is told, while a mutation is under way.
fn invalidation_while_writing() {
    let world = World::new();
    together(
        &world,
        |world| {
            *world.store.lock() = 3;
            world.core.remove(HASH, &KEY);
        },
        |world| {
            let ownership = world.own(Manner::Thread);
            *world.store.lock() = 2;
            ownership.show(KEY, 2, Keep::Default);
        },
    );
}

/// Two mutations of one key.
fn turns(manner: Manner) {
    let world = World::new();
    let raise = move |world: &World| world.raise(manner);
    together(&world, raise, raise);
    assert_eq!(world.owned.load(Ordering::Relaxed), 2, "one at a time");
}

/// A mutation that is given up, whether its turn has come or not.
fn given_up() {
    let world = World::new();
    together(
        &world,
        |world| drop(world.core.enqueue(HASH, &KEY)),
        |world| world.raise(Manner::Thread),
    );
    world.raise(Manner::Thread);
    assert_eq!(world.owned.load(Ordering::Relaxed), 2, "one at a time");
}

/// Three mutations of one key, one of which is given up.
fn queue() {
    let world = World::new();
    let shared = Arc::clone(&world);
    let third = spawn(move || shared.raise(Manner::Thread));
    together(
        &world,
        |world| {
            drop(world.core.enqueue(HASH, &KEY));
            third.join().expect("no panic");
        },
        |world| world.raise(Manner::Thread),
    );
    assert_eq!(world.owned.load(Ordering::Relaxed), 2, "one at a time");
}

/// As `prove`, on a thread that has room.
macro_rules! proven {
    ($name:expr, $bound:expr, $mutants:expr, $model:expr) => {
        prove(choose, $name, $bound, $mutants, || {
            spawn(|| $model).join().expect("no panic");
        })
    };
}

const ONE_LOAD: &[&str] = &["one load for all"];
const JOINED_AGAIN: &[&str] = &["a load that has ended is joined again"];
const AT_A_TIME: &[&str] = &["one at a time"];
const NEVER_DONE: &[&str] = &["something is under way for ever"];

#[test]
fn loom_threads_that_miss_at_once() {
    let mutants = [
        (Mutant::EndUnheard, STUCK),
        (Mutant::EndUnlooked, STUCK),
        (Mutant::Unjoined, ONE_LOAD),
    ];
    proven!(
        "threads miss at once",
        Bound::Unbounded,
        &mutants,
        misses(Manner::Thread)
    );
}

#[test]
fn loom_tasks_that_miss_at_once() {
    let mutants = [(Mutant::EndUnheard, STUCK), (Mutant::EndUnlooked, STUCK)];
    proven!(
        "tasks miss at once",
        Bound::Unbounded,
        &mutants,
        misses(Manner::Task)
    );
}

#[test]
fn loom_a_leader_that_gives_up() {
    let mutants = [
        (Mutant::Unabandoned, STUCK),
        (Mutant::AbandonedStays, JOINED_AGAIN),
    ];
    proven!(
        "a leader gives up",
        Bound::Unbounded,
        &mutants,
        failing_leader(false)
    );
}

#[test]
fn loom_a_leader_of_three_that_gives_up() {
    let mutants = [
        (Mutant::Unabandoned, STUCK),
        (Mutant::EndUnlooked, STUCK),
        (Mutant::Unjoined, ONE_LOAD),
    ];
    proven!(
        "a leader of three gives up",
        THREE,
        &mutants,
        three_misses()
    );
}

#[test]
fn loom_a_leader_that_panics() {
    let mutants = [
        (Mutant::Unabandoned, STUCK),
        (Mutant::AbandonedStays, JOINED_AGAIN),
    ];
    proven!(
        "a leader panics",
        Bound::Unbounded,
        &mutants,
        failing_leader(true)
    );
}

#[test]
fn loom_a_write_while_somebody_loads() {
    let mutants = [
        (Mutant::LandsDetached, STALE),
        (Mutant::ShownAttached, STALE),
    ];
    proven!(
        "a write while loading",
        Bound::Unbounded,
        &mutants,
        write_while_loading()
    );
}

#[test]
fn loom_an_invalidation_while_somebody_loads() {
    let mutants = [
        (Mutant::LandsDetached, STALE),
        (Mutant::InvalidatedAttached, STALE),
    ];
    proven!(
        "an invalidation while loading",
        Bound::Unbounded,
        &mutants,
        invalidation_while_loading()
    );
}

#[test]
fn loom_an_invalidation_while_somebody_writes() {
    let mutants = [(Mutant::InvalidatedShown, STALE)];
    proven!(
        "an invalidation while writing",
        Bound::Unbounded,
        &mutants,
        invalidation_while_writing()
    );
}

#[test]
fn loom_turns_of_threads() {
    let mutants = [
        (Mutant::TurnAtOnce, AT_A_TIME),
        (Mutant::HandedToNobody, STUCK),
        (Mutant::TurnUnheard, STUCK),
        (Mutant::TurnUnlooked, STUCK),
        (Mutant::GrantRelaxed, AT_A_TIME),
        (Mutant::GrantedRelaxed, AT_A_TIME),
    ];
    proven!(
        "turns of threads",
        Bound::Unbounded,
        &mutants,
        turns(Manner::Thread)
    );
}

#[test]
fn loom_turns_of_tasks() {
    let mutants = [(Mutant::TurnUnheard, STUCK), (Mutant::TurnUnlooked, STUCK)];
    proven!(
        "turns of tasks",
        Bound::Unbounded,
        &mutants,
        turns(Manner::Task)
    );
}

#[test]
fn loom_a_mutation_that_is_given_up() {
    let mutants = [(Mutant::WithdrawnStays, NEVER_DONE)];
    proven!(
        "a mutation is given up",
        Bound::Unbounded,
        &mutants,
        given_up()
    );
}

#[test]
fn loom_a_queue_of_mutations() {
    let mutants = [(Mutant::WithdrawnStays, NEVER_DONE)];
    proven!("a queue of mutations", THREE, &mutants, queue());
}
