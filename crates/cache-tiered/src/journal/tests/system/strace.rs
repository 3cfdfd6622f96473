//! Faults of single system calls, put there by strace.

use super::{Fates, Worker};
use crate::device::system::run;
use crate::device::system::strace::{self, NO_OUTPUT, is_there, kills};
use crate::figures::tell;
use std::path::Path;
use std::process::{Command, Output};

/// The calls by which the journal changes anything.
const CALLS: [&str; 7] = [
    "pwrite64",
    "fdatasync",
    "fsync",
    "fallocate",
    "renameat",
    "openat",
    "unlinkat",
];

/// Records of a process, which fill some segments.
const RECORDS: u64 = 36;

/// A journal that a process has worked on, and the fates of its records.
struct Template {
    parent: tempfile::TempDir,
    name: &'static str,
    fates: Fates,
}

impl Template {
    fn new(name: &'static str) -> Self {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join(name);
        let output = run(&mut worker(&path, 1).command(&[]));
        let mut fates = Fates::default();
        fates.hear_all(&output.stdout);
        assert!(fates.done, "{}", String::from_utf8_lossy(&output.stderr));
        Self {
            parent,
            name,
            fates,
        }
    }

    /// Hands a copy of it to `work`, with the fates.
    fn with_copy<R>(&self, work: impl FnOnce(&Path, &mut Fates) -> R) -> R {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join(self.name);
        copy(&self.parent.path().join(self.name), &path);
        let mut fates = self.fates.clone();
        fates.done = false;
        work(&path, &mut fates)
    }

    /// Runs a process over a copy of it under strace, which does to one call as `inject` says; hands what it told to `judge`.
    fn run(&self, call: &str, inject: &str, judge: impl FnOnce(&Path, &Output, &mut Fates)) {
        self.with_copy(|path, fates| {
            let told = trace(path, 1_001, call, inject);
            fates.hear_all(&told.stdout);
            judge(path, &told, fates);
        });
    }

    /// How often the process makes a call.
    fn count(&self, call: &str) -> u64 {
        let log = self.parent.path().join("log");
        self.with_copy(|path, fates| {
            let command = |wrapper: &[&str]| worker(path, 1_001).command(wrapper);
            let (count, told) = strace::count(path, &log, call, command);
            fates.hear_all(&told.stdout);
            assert!(fates.done, "{}", String::from_utf8_lossy(&told.stderr));
            count
        })
    }
}

fn worker(path: &Path, first: u64) -> Worker {
    Worker {
        records: Some(RECORDS),
        ..Worker::new(path, first)
    }
}

fn copy(from: &Path, to: &Path) {
    // With the mode that the journal asks for.
    let output = run(Command::new("cp").arg("-a").args([from, to]));
    assert!(output.status.success());
}

/// Runs a process under strace.
fn trace(path: &Path, first: u64, call: &str, inject: &str) -> Output {
    let command = |wrapper: &[&str]| worker(path, first).command(wrapper);
    strace::trace(path, NO_OUTPUT, call, inject, command)
}

/// Makes the `index`th `call` fail with `error`: once, and nothing that was acknowledged is lost.
fn fail(template: &Template, call: &str, error: &str, index: u64) {
    let context = format!("{}: {call} {index} fails with {error}", template.name);
    let inject = format!("error={error}:when={index}");
    template.run(call, &inject, |path, output, fates| {
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(fates.done, "{context}: {words}");
        assert!(fates.failures.len() <= 2, "{context}: {:?}", fates.failures);
        for failure in &fates.failures {
            let advised = failure.contains(": ");
            assert!(advised, "{context}: what to do about {failure:?}");
            let room = failure.contains("room") || failure.contains("full");
            assert_eq!(room, error == "ENOSPC", "{context}: {failure}");
        }
        let passing = error == "EINTR" && !fates.failures.is_empty();
        assert!(!passing, "{context}: {:?}", fates.failures);
        fates.judge(path, &context);
    });
}

#[test]
fn g4_a_system_call_that_fails_loses_nothing_acknowledged_and_is_told() {
    if !is_there() {
        return;
    }
    for name in ["process", "power"] {
        let template = Template::new(name);
        for call in CALLS {
            let count = template.count(call);
            for index in (1..=count).filter(|index| *index <= 6 || index % 9 == 0) {
                fail(&template, call, "EIO", index);
                if index % 3 == 1 {
                    fail(&template, call, "ENOSPC", index);
                }
            }
        }
        fail(&template, "fallocate", "EINTR", 1);
        fail(&template, "pwrite64", "EINTR", 5);
    }
}

/// Kills the process before the `index`th `call`, and every other time the next one while it opens
/// what that left. How many were killed.
fn kill(template: &Template, call: &str, index: u64) -> u64 {
    let context = format!("{}: killed at {call} {index}", template.name);
    let inject = format!("signal=KILL:when={index}");
    let mut kills = 0;
    template.run(call, &inject, |path, output, fates| {
        kills += u64::from(!output.status.success());
        // Of the lines that are written the last ones are another thread's.
        assert!(!fates.done || call == "write", "{context}");
        if index.is_multiple_of(2) {
            let opening = format!("signal=KILL:when={}", 1 + index / 2 % 4);
            let told = trace(path, 2_001, "pwrite64", &opening);
            kills += u64::from(!told.status.success());
            fates.hear_all(&told.stdout);
        }
        fates.judge(path, &context);
    });
    kills
}

#[test]
fn g4_a_process_killed_at_a_system_call_loses_nothing_that_it_told() {
    if !is_there() {
        return;
    }
    let kills = kills();
    let mut killed = 0;
    for name in ["process", "power"] {
        let template = Template::new(name);
        let calls = CALLS.iter().chain(&["write"]);
        let counts: Vec<(&str, u64)> = calls.map(|call| (*call, template.count(call))).collect();
        let moments = counts
            .iter()
            .flat_map(|&(call, count)| (1..=count).map(move |index| (call, index)));
        let moments: Vec<(&str, u64)> = moments.collect();
        assert!(moments.len() > 50, "{counts:?}");
        // Spread over all of them; each again if there are fewer.
        for round in 0..kills.div_ceil(2) {
            let at = (round * moments.len() as u64 / kills.div_ceil(2).max(1)) as usize;
            let (call, index) = moments[at];
            killed += kill(&template, call, index);
        }
    }
    tell(&format!(
        "{killed} processes killed at a system call, {kills} or more wanted"
    ));
    assert!(killed >= kills);
}
