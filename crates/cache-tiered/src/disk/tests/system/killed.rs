//! Processes that are killed at system calls, one after the other over the same tier, spread over all calls that they make.

use super::{Heard, Worker};
use crate::device::system::run;
use crate::device::system::strace::{self, NO_OUTPUT, is_there, kills};
use crate::figures::tell;

/// The calls by which the tier changes anything, and that by which the process tells of it.
const CALLS: [&str; 8] = [
    "pwrite64",
    "fdatasync",
    "fsync",
    "fallocate",
    "renameat",
    "openat",
    "unlinkat",
    "write",
];

/// Changes of a process, for which regions are reclaimed and files of fences begun and deleted.
const CHANGES: u64 = 100;

/// The processes over one tier.
struct Lives {
    worker: Worker,
    heard: Heard,
    lives: u64,
    kills: u64,
}

impl Lives {
    /// Lets a process be killed at the `index`th `call`, if it makes so many, and judges what it left; if `twice`, after the next one was
    /// killed while it opened that.
    fn kill(&mut self, call: &str, index: u64, twice: bool) {
        let context = format!("{}, killed at {call} {index}", self.worker.path.display());
        self.live(call, index, &context);
        if twice {
            self.live("pwrite64", 1 + index % 4, &context);
        }
        self.heard.judge(&self.worker, &context);
    }

    fn live(&mut self, call: &str, index: u64, context: &str) {
        self.lives += 1;
        self.worker.first = self.lives * 1_000_000;
        let inject = format!("signal=KILL:when={index}");
        let command = |wrapper: &[&str]| self.worker.command(wrapper);
        let told = strace::trace(&self.worker.path, NO_OUTPUT, call, &inject, command);
        self.heard.hear_all(&told.stdout);
        let killed = !told.status.success();
        // Of the lines that are written the last ones are another thread's.
        let ended = self.heard.done || killed;
        let words = String::from_utf8_lossy(&told.stderr);
        assert!(ended && !words.contains("panicked"), "{context}: {words}");
        self.kills += u64::from(killed);
    }
}

fn survives(name: &str) {
    if !is_there() {
        return;
    }
    let parent = tempfile::tempdir().unwrap();
    let worker = Worker {
        changes: Some(CHANGES),
        ..Worker::new(&parent.path().join(name))
    };
    let mut heard = Heard::default();
    heard.hear_all(&run(&mut worker.command(&[])).stdout);
    assert!(heard.done);
    let log = parent.path().join("log");
    let mut lives = Lives {
        worker,
        heard,
        lives: 1,
        kills: 0,
    };
    let mut moments = Vec::new();
    let mut counts = Vec::new();
    for call in CALLS {
        lives.lives += 1;
        lives.worker.first = lives.lives * 1_000_000;
        let command = |wrapper: &[&str]| lives.worker.command(wrapper);
        let (count, told) = strace::count(&lives.worker.path, &log, call, command);
        lives.heard.hear_all(&told.stdout);
        assert!(
            lives.heard.done,
            "{}",
            String::from_utf8_lossy(&told.stderr)
        );
        moments.extend((1..=count).map(|index| (call, index)));
        counts.push((call, count));
    }
    assert!(moments.len() > 100, "{counts:?}");
    // The two durabilities share the kills.
    let kills = kills().div_ceil(2);
    let mut judged = 0;
    // A process that opens less than the one that was counted may come to its end.
    while lives.kills < kills && judged < 2 * kills {
        let at = (judged * moments.len() as u64 / kills) as usize;
        let (call, index) = moments[at % moments.len()];
        lives.kill(call, index, judged.is_multiple_of(2));
        judged += 1;
    }
    let Lives {
        heard,
        kills: killed,
        ..
    } = lives;
    tell(&format!(
        "disk tier, {name}: {killed} processes killed at a system call of {counts:?}, {kills} or more wanted; {} of {judged} tiers then warm, the others {:?}, {} hits; {} changes acknowledged",
        heard.warm, heard.emptied, heard.hits, heard.acknowledged
    ));
    assert!(killed >= kills);
    assert!(
        heard.warm * 4 >= judged * 3,
        "{} of {judged} warm",
        heard.warm
    );
    assert!(heard.hits >= judged * 3, "{} hits", heard.hits);
}

#[test]
fn g2_a_process_killed_at_a_system_call_brings_nothing_back() {
    survives("process");
}

#[test]
fn g2_a_power_durable_process_killed_at_a_system_call_brings_nothing_back() {
    survives("power");
}
