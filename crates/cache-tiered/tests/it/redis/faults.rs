//! A server that is killed, stopped, restarted, paused and full under load: nothing acknowledged is
//! lost, every call ends in time, and all is well a second after the server is.

use super::server::{PATIENCE, Server};
use crate::figures::rounds;
use cache_tiered::{MemoryTier, PutError, Redis, Retry, Tiered, Writes};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Of each kind: under a sanitizer, in CI, and in the long run.
const ROUNDS_FEW: u32 = 2;
const ROUNDS: u32 = 20;
const ROUNDS_LONG: u32 = 500;
const WRITERS: u64 = 3;
/// More than memory holds, so that reads come to the server too.
const KEYS: u64 = 24;
const HELD: u64 = 8;

const CALL: Duration = Duration::from_millis(200);
const WRITE: Duration = Duration::from_millis(300);
/// What a call may take beside its time limit.
const GRACE: Duration = Duration::from_millis(50);
const RECOVERY: Duration = Duration::from_secs(1);
/// Threads that a call passes on its way: who calls, who attempts, and the store's. Each may be late by what
/// the machine is.
const THREADS: u32 = 3;
/// Failures that have to be seen before a fault ends.
const FAILURES: u64 = WRITERS;

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// `kill -9`, then started again.
    Killed,
    /// Stopped by a signal until calls have failed.
    Stopped,
    /// Shut down in order, and started again.
    Restarted,
    /// `CLIENT PAUSE`.
    Paused,
    /// `maxmemory 1`.
    Full,
}

const FAULTS: [Fault; 5] = [
    Fault::Killed,
    Fault::Stopped,
    Fault::Restarted,
    Fault::Paused,
    Fault::Full,
];

/// What the writers tell of.
#[derive(Default)]
struct Board {
    counts: Mutex<Counts>,
    changed: Condvar,
    over: AtomicBool,
}

#[derive(Clone, Default)]
struct Counts {
    /// Acknowledged writes of each writer.
    written: [u64; WRITERS as usize],
    failed: u64,
    /// The longest that a call took beyond its limit.
    late: Duration,
}

impl Board {
    fn tell(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap());
        self.changed.notify_all();
    }

    fn wait_until(&self, what: &str, reached: impl Fn(&Counts) -> bool) {
        let counts = self.counts.lock().unwrap();
        let waited = self
            .changed
            .wait_timeout_while(counts, PATIENCE, |counts| !reached(counts));
        assert!(!waited.unwrap().1.timed_out(), "{what}");
    }

    /// Waits until every writer has written twice more: the first may have begun before.
    fn wait_for_all(&self) {
        let now = self.counts.lock().unwrap().written;
        self.wait_until("a writer waits for ever", |counts| {
            counts
                .written
                .iter()
                .zip(now)
                .all(|(written, now)| *written >= now + 2)
        });
    }

    fn wait_for_failures(&self) {
        let now = self.counts.lock().unwrap().failed;
        self.wait_until("nothing fails", |counts| counts.failed >= now + FAILURES);
    }
}

/// Ends what waits for it, also when a test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a key must have, and what else it may have since outcomes were unknown.
#[derive(Clone, Debug, Default)]
struct Truth {
    acknowledged: Option<u64>,
    possible: BTreeSet<u64>,
}

impl Truth {
    fn admits(&self, found: Option<u64>) -> bool {
        found == self.acknowledged || found.is_some_and(|found| self.possible.contains(&found))
    }
}

/// One writer with keys of its own, which reads them too.
fn write(cache: &Tiered<u64, u64>, board: &Board, writer: u64) -> Vec<(u64, Truth)> {
    let keys = (0..KEYS).filter(|key| key % WRITERS == writer);
    let mut truths: Vec<(u64, Truth)> = keys.map(|key| (key, Truth::default())).collect();
    let mut number = 0;
    while !board.over.load(Ordering::Relaxed) {
        let at = number as usize % truths.len();
        let (key, truth) = &mut truths[at];
        number += 1;
        let (wrote, took) = timed(|| cache.put(*key, number).wait());
        let ok = wrote.is_ok();
        match wrote {
            Ok(()) => {
                *truth = Truth {
                    acknowledged: Some(number),
                    ..Truth::default()
                }
            }
            Err(PutError::Unknown { .. }) => drop(truth.possible.insert(number)),
            Err(PutError::Refused { .. } | PutError::Busy { .. }) => {}
            Err(other) => panic!("{other}"),
        }
        let (read, read_took) = timed(|| cache.get(key).wait());
        if let Ok(hit) = read {
            let found = hit.map(|hit| hit.value);
            assert!(truth.admits(found), "key {key} is {found:?}, not {truth:?}");
        }
        let late = took
            .saturating_sub(WRITE)
            .max(read_took.saturating_sub(CALL));
        board.tell(|counts| {
            counts.late = counts.late.max(late);
            if ok {
                counts.written[writer as usize] += 1;
            } else {
                counts.failed += 1;
            }
        });
    }
    truths
}

fn timed<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let result = call();
    (result, began.elapsed())
}

/// How late this machine wakes a thread at worst, which no call can do anything about.
fn lateness(over: &AtomicBool) -> Duration {
    const TICK: Duration = Duration::from_millis(2);
    let mut worst = Duration::ZERO;
    while !over.load(Ordering::Relaxed) {
        let (_, took) = timed(|| thread::park_timeout(TICK));
        worst = worst.max(took.saturating_sub(TICK));
    }
    worst
}

/// One fault, from before it until the server is well.
fn strike(server: &mut Server, board: &Board, fault: Fault, through: bool) {
    // Behind, calls do not fail because the server does.
    let wait = || {
        if through {
            board.wait_for_failures();
        } else {
            board.wait_for_all();
        }
    };
    match fault {
        Fault::Killed => {
            server.kill();
            wait();
            server.start();
        }
        Fault::Stopped => {
            server.stop();
            wait();
            server.resume();
        }
        Fault::Restarted => {
            server.shut_down();
            server.start();
        }
        Fault::Paused => {
            let mut control = server.control();
            let pause = (2 * WRITE).as_millis() as u64;
            redis::cmd("CLIENT")
                .arg("PAUSE")
                .arg(pause)
                .arg("ALL")
                .exec(&mut control)
                .unwrap();
            wait();
            // Answered when it is over.
            redis::cmd("PING").exec(&mut control).unwrap();
        }
        Fault::Full => {
            server.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
            wait();
            server.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
        }
    }
}

/// All faults under load; `recovered` waits until the cache is as if nothing had been.
fn survive(
    cache: &Tiered<u64, u64>,
    server: &mut Server,
    through: bool,
    recovered: impl Fn(&Board),
) {
    let (board, over) = (Board::default(), AtomicBool::new(false));
    let rounds = rounds(ROUNDS_FEW, ROUNDS, ROUNDS_LONG);
    let truths: Vec<(u64, Truth)> = thread::scope(|scope| {
        let board = &board;
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || write(cache, board, writer)))
            .collect();
        let machine = scope.spawn(|| lateness(&over));
        let (writing, watching) = (Over(&board.over), Over(&over));
        let mut slowest_of_all = Duration::ZERO;
        for fault in FAULTS {
            let mut slowest = Duration::ZERO;
            for _ in 0..rounds {
                board.wait_for_all();
                strike(server, board, fault, through);
                slowest = slowest.max(timed(|| recovered(board)).1);
            }
            eprintln!("{fault:?} {rounds} times: well again within {slowest:?}");
            slowest_of_all = slowest_of_all.max(slowest);
        }
        drop(writing);
        let truths = writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap())
            .collect();
        drop(watching);
        let machine = machine.join().unwrap();
        let counts = board.counts.lock().unwrap().clone();
        let written: u64 = counts.written.iter().sum();
        let (failed, late) = (counts.failed, counts.late);
        eprintln!(
            "{written} written, {failed} not; late by {late:?} on a machine that was by {machine:?}"
        );
        assert!(
            slowest_of_all <= RECOVERY + THREADS * machine || rounds == ROUNDS_FEW,
            "well again after {slowest_of_all:?}, the machine was late by {machine:?}"
        );
        // What a sanitizer makes slow says nothing of time.
        assert!(
            late <= GRACE + THREADS * machine || rounds == ROUNDS_FEW,
            "a call ended {late:?} after its time, the machine was late by {machine:?}"
        );
        truths
    });
    let report = cache.close().wait().unwrap();
    assert_eq!((report.left, report.dead), (0, 0));
    let store = Redis::options().connect(&server.url()).unwrap();
    for (key, truth) in truths {
        let found = super::finish(cache_tiered::Source::<u64, u64>::load(&store, &key));
        let found = found.unwrap().into_value();
        assert!(truth.admits(found), "key {key} is {found:?}, not {truth:?}");
        assert!(
            through || found == truth.acknowledged,
            "key {key}: {found:?}, {truth:?}"
        );
    }
}

fn cache(server: &Server, writes: impl Into<Writes<u64, u64>>) -> Tiered<u64, u64> {
    let store = Redis::options().call_timeout(CALL).connect_timeout(CALL);
    let builder = Tiered::builder()
        .memory(MemoryTier::entries(HELD))
        .store(store.connect(&server.url()).unwrap())
        .writes(writes);
    builder.build().unwrap()
}

#[test]
fn g3_nothing_acknowledged_through_is_lost_whatever_happens_to_the_server() {
    let mut server = Server::durable();
    let cache = cache(&server, Writes::through().timeout(WRITE));
    survive(&cache, &mut server, true, Board::wait_for_all);
}

#[test]
fn g4_nothing_acknowledged_behind_is_lost_whatever_happens_to_the_server() {
    let mut server = Server::durable();
    let journal = tempfile::tempdir().unwrap();
    let retry = Retry::times(1_000).pauses(Duration::from_millis(5), Duration::from_millis(50));
    let writes = Writes::behind(journal.path().join("journal"))
        .max_delay(Duration::from_millis(20))
        .retry(retry);
    let cache = cache(&server, writes);
    survive(&cache, &mut server, false, |_| {
        let began = Instant::now();
        while let Err(error) = cache.flush().wait() {
            assert!(began.elapsed() < PATIENCE, "{error}");
        }
    });
}
