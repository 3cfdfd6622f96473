//! G2 and G4 by name: processes are killed one after the other over the same journal or disk tier, or calls of theirs
//! fail, and what was acknowledged is there, and never an older value.
//!
//! The process is this test program, started again for one test ([`child`](super::child)). It
//! writes from several threads and tells, line by line, what it asks for and what was acknowledged;
//! its sink tells what it took, and one in memory so lives on here. [`Expected`] takes it all down.
//! Between two openings that compare, some processes are killed while they recover from the one
//! before.

use super::child::{Child, Kind, Lie};
use super::expected::{Expected, Seen};
use std::env;
#[cfg(feature = "disk")]
use std::io::Write;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::RwLock;

/// Rounds for each kind of sink and durability, unless `STRATA_CRASH_ROUNDS` says more.
const ROUNDS: u64 = 13;
/// Rounds for the disk tier.
#[cfg(feature = "disk")]
const DISK_ROUNDS: u64 = 50;
/// Of so many rounds one ends at a system call, where strace is there.
const TRACED: u64 = 4;
/// Of so many rounds one has a sink that is down for minutes.
const DOWN: u64 = 5;
/// Where chance begins, unless `STRATA_CRASH_SEED` says otherwise.
const SEED: u64 = 0x5eed;
const SIGKILL: i32 = 9;

/// Held by who starts a process, and shared by who opens a cache: until it is another program, a
/// process has the locks of all files that this one has open, also of those closed meanwhile.
pub(super) static STARTING: RwLock<()> = RwLock::new(());

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn number(variable: &str, default: u64) -> u64 {
    let text = env::var(variable).ok();
    text.map_or(default, |text| text.parse().expect("a number"))
}

/// How a process comes to its end.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Killed when it told of so many acknowledgements.
    Acknowledged(u64),
    /// Killed when it has begun to open the cache, and this side has counted so far.
    Opening(u64),
    /// Killed when it told so often that the sink took something, or of a write of its own.
    Recovering(u64),
    /// Killed before a thread of it makes a system call for the so manyth time, or it ends before
    /// that.
    Call(&'static str, u64),
    /// It ends by itself; from this call of each thread on so many fail with this error.
    Fault(&'static str, &'static str, u64, u64),
}

impl End {
    /// What strace is to do.
    fn inject(self) -> Option<String> {
        match self {
            Self::Call(call, index) => Some(format!("inject={call}:signal=KILL:when={index}")),
            Self::Fault(call, error, first, count) => {
                let last = first + count - 1;
                Some(format!("inject={call}:error={error}:when={first}..{last}"))
            }
            _ => None,
        }
    }

    /// True for a line that brings the end nearer.
    fn counts(self, line: &str) -> bool {
        match self {
            Self::Acknowledged(_) => line.starts_with("acknowledged "),
            Self::Opening(_) => line == "opening",
            Self::Recovering(_) => line.starts_with("applied ") || line.starts_with("asked "),
            Self::Call(..) | Self::Fault(..) => false,
        }
    }

    /// Lines that count after which it is killed.
    const fn enough(self) -> u64 {
        match self {
            Self::Acknowledged(count) | Self::Recovering(count) => count,
            Self::Opening(_) => 1,
            Self::Call(..) | Self::Fault(..) => u64::MAX,
        }
    }

    /// True if a process may end like this. One that panicked never may.
    fn is_met_by(self, status: ExitStatus) -> bool {
        let killed = status.signal() == Some(SIGKILL);
        match self {
            Self::Acknowledged(_) | Self::Opening(_) | Self::Recovering(_) => killed,
            Self::Call(..) => killed || status.success(),
            Self::Fault(..) => status.success(),
        }
    }
}

/// Runs a process to its end, and takes down what it told; true if it was killed.
fn live(child: &Child, end: End, expected: &mut Expected, context: &str) -> bool {
    let context = &format!("{context}, {end:?}");
    let inject = end.inject();
    let wrapper = inject
        .as_ref()
        .map(|inject| ["strace", "-f", "-qq", "-o", "/dev/null", "-e", inject]);
    let mut command = child.command(wrapper.as_ref().map_or(&[], |wrapper| wrapper));
    let faulty = matches!(end, End::Fault(..));
    let this_one = STARTING.write().unwrap();
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    // The system lets this process go on a moment before the other has closed what it shares: its
    // first line, or that there is none, tells that it has.
    let mut line = lines.next();
    drop(this_one);
    let mut heard = 0;
    while let Some(read) = line {
        let read = read.unwrap();
        expected.hear(&read, faulty, context);
        heard += u64::from(end.counts(&read));
        if heard >= end.enough() {
            break;
        }
        line = lines.next();
    }
    if let End::Opening(turns) = end {
        (0..turns).for_each(|_| std::thread::yield_now());
    }
    if inject.is_none() {
        process.kill().unwrap();
    }
    // strace ends when all that it traces is gone, and as that did. Were it killed instead, what
    // it traces could hold its locks a little longer, or live on.
    let status = process.wait().unwrap();
    for line in lines {
        expected.hear(&line.unwrap(), faulty, context);
    }
    assert!(end.is_met_by(status), "{context}: {status}");
    !status.success()
}

fn strace_is_there() -> bool {
    let _this_one = STARTING.write().unwrap();
    let tried = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .output();
    let there = tried.is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("nothing is done to system calls: strace is not installed, or may not trace");
    }
    there
}

fn choose(random: &mut Random, kind: Kind, traced: bool) -> End {
    const CALLS: [&str; 4] = ["pwrite64", "fdatasync", "write", "openat"];
    if traced && random.below(TRACED) == 0 {
        let call = CALLS[random.below(CALLS.len() as u64) as usize];
        // Each thread counts for itself, and opens but few files.
        let most = if call == "openat" { 12 } else { 30 };
        return End::Call(call, 1 + random.below(most));
    }
    // Regions of a disk tier are reclaimed after some hundreds.
    End::Acknowledged(1 + random.below(if kind.has_disk() { 3000 } else { 120 }))
}

fn choose_opening(random: &mut Random, traced: bool) -> End {
    match random.below(if traced { 3 } else { 2 }) {
        0 => End::Opening(random.below(400)),
        1 => End::Recovering(1 + random.below(8)),
        // The first ones are those of the thread that opens.
        _ => End::Call("pwrite64", 1 + random.below(4)),
    }
}

/// The lives of processes over one journal, one after the other.
struct Lives {
    kind: Kind,
    durability: &'static str,
    directory: tempfile::TempDir,
    lives: u64,
    kills: u64,
    expected: Expected,
}

impl Lives {
    fn new(kind: Kind, durability: &'static str) -> Self {
        Self {
            kind,
            durability,
            directory: tempfile::tempdir().unwrap(),
            lives: 0,
            kills: 0,
            expected: Expected::default(),
        }
    }

    fn child(&self) -> Child {
        Child::new(self.kind, self.durability, self.directory.path())
    }

    /// One life; the sink is down for so many minutes of it.
    fn live(&mut self, end: End, down: Option<u64>, context: &str) {
        self.lives += 1;
        let mut child = self.child();
        child.first = self.lives * 1_000_000;
        // It ends by itself if the call is not made so often.
        child.writes = end.inject().map(|_| 100);
        child.down = down;
        self.kills += u64::from(live(&child, end, &mut self.expected, context));
    }

    fn compare(&mut self, context: &str) {
        self.expected.compare(&self.child(), context);
    }
}

/// What came about in so many rounds, unless `STRATA_CRASH_ROUNDS` says more.
fn survives(kind: Kind, durability: &'static str, least: u64) -> Seen {
    let (rounds, seed) = (
        number("STRATA_CRASH_ROUNDS", least),
        number("STRATA_CRASH_SEED", SEED),
    );
    let traced = strace_is_there();
    let mut random = Random(seed);
    let mut lives = Lives::new(kind, durability);
    for round in 0..rounds {
        let context = format!("{kind:?} {durability}, seed {seed}, round {round}");
        let end = choose(&mut random, kind, traced);
        let down = (random.below(DOWN) == 0).then(|| 1 + random.below(10));
        // Writing through, a sink that is down is no affair of the cache's.
        let down = down.filter(|_| !kind.has_disk());
        lives.live(end, down, &context);
        // Some are killed while they recover, once or twice.
        for _ in 0..random.below(3) {
            let end = choose_opening(&mut random, traced);
            lives.live(end, None, &context);
        }
        lives.compare(&context);
    }
    let seen = lives.expected.seen;
    assert!(lives.kills >= rounds / 2, "{} kills", lives.kills);
    assert!(seen.acknowledged >= rounds * 5, "{seen:?}");
    let recovered = kind.has_disk() || seen.recovered > 0;
    assert!(rounds < ROUNDS || recovered, "{seen:?}");
    seen
}

/// G2 by name: no key that was removed or overwritten comes back old, whenever the process was killed, and the cache opens warm.
#[cfg(feature = "disk")]
fn opens_warm(durability: &'static str, least: u64) {
    let seen = survives(Kind::Disk, durability, least);
    let share = seen.on_disk as f64 / seen.had as f64;
    let told = format!(
        "disk tier, {durability}: {:.1} % of {} values were on disk after a kill",
        100.0 * share,
        seen.had
    );
    // Past the capture of passing tests; it may be gone.
    let _ = writeln!(std::io::stderr(), "{told}");
    assert!(share > 0.25, "{told}");
}

#[cfg(feature = "disk")]
#[test]
fn g2_a_disk_tier_survives_kills_and_opens_warm() {
    opens_warm("process", DISK_ROUNDS);
}

#[cfg(feature = "disk")]
#[test]
fn g2_a_power_durable_disk_tier_survives_kills_and_opens_warm() {
    opens_warm("power", ROUNDS);
}

#[test]
fn g4_writes_behind_to_memory_survive_kills() {
    survives(Kind::Memory, "process", ROUNDS);
}

#[test]
fn g4_writes_behind_to_memory_and_power_durable_survive_kills() {
    survives(Kind::Memory, "power", ROUNDS);
}

#[cfg(feature = "redb")]
#[test]
fn g4_writes_behind_to_redb_survive_kills() {
    survives(Kind::Redb, "process", ROUNDS);
}

#[cfg(feature = "redb")]
#[test]
fn g4_writes_behind_to_redb_and_power_durable_survive_kills() {
    survives(Kind::Redb, "power", ROUNDS);
}

/// What is found when a process lies, and is killed after a few acknowledgements.
fn find(lie: Lie) {
    let lives = Lives::new(Kind::Memory, "process");
    let mut child = lives.child();
    child.lie = Some(lie);
    let mut expected = Expected::default();
    live(&child, End::Acknowledged(20), &mut expected, "a lie");
    child.lie = None;
    expected.compare(&child, "a lie");
}

#[test]
#[should_panic(expected = "has 0, of Known")]
fn a_write_that_was_acknowledged_and_not_done_is_found() {
    find(Lie::Forgets);
}

#[test]
#[should_panic(expected = "this process was told to panic")]
fn a_process_that_panics_is_not_taken_for_one_that_was_killed() {
    find(Lie::Panics);
}

/// Calls of the journal fail, once or for a while; the sink in memory makes none of these.
#[test]
fn g4_full_and_failing_devices_under_the_journal_lose_nothing_acknowledged() {
    if !strace_is_there() {
        return;
    }
    for durability in ["process", "power"] {
        let mut lives = Lives::new(Kind::Memory, durability);
        for error in ["ENOSPC", "EIO"] {
            for (call, first, count) in [
                ("pwrite64", 3, 1),
                ("pwrite64", 9, 4),
                ("fallocate", 1, 2),
                ("fdatasync", 2, 1),
                ("fdatasync", 5, 3),
            ] {
                let context = format!("{durability}, {call} {first} fails {count} times, {error}");
                let end = End::Fault(call, error, first, count);
                lives.live(end, None, &context);
                lives.compare(&context);
            }
        }
        let seen = lives.expected.seen;
        assert!(seen.acknowledged > 1_000, "{durability}: {seen:?}");
        assert!(seen.refused + seen.unknown > 0, "{durability}: {seen:?}");
        assert_eq!(
            seen.closed + seen.unopened,
            lives.lives,
            "{durability}: {seen:?}"
        );
    }
}
