//! Faults of single system calls, put there by strace.

use super::killed::number;
use super::{Fates, Worker, run};
use crate::figures::tell;
use std::fs;
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

/// Those of them that name a file in a directory, or are made of the directory.
const BY_NAME: [&str; 4] = ["fsync", "renameat", "openat", "unlinkat"];

/// Kills, unless `STRATA_CRASH_KILLS` says otherwise.
const KILLS: u64 = 500;

/// What strace itself writes is not looked at.
const NO_OUTPUT: &[&str] = &["-o", "/dev/null"];

/// Seconds after which a process hangs: far more than it ever takes.
const HANG_SECONDS: &str = "60";

/// Records of a process, which fill some segments.
const RECORDS: u64 = 36;

/// False, and says so, where strace is missing or may not trace.
fn is_there() -> bool {
    let tried = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .output();
    let there = tried.is_ok_and(|output| output.status.success());
    if !there {
        tell(
            "NO SYSTEM CALL FAILS OR KILLS: strace is not installed, or may not trace (Debian has it as strace)",
        );
    }
    there
}

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

    /// Runs a process over a copy of it under strace, which traces one call and does as `inject`
    /// says; hands what it told to `judge`.
    fn run(
        &self,
        output: &[&str],
        call: &str,
        inject: &str,
        judge: impl FnOnce(&Path, &Output, &mut Fates),
    ) {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join(self.name);
        copy(&self.parent.path().join(self.name), &path);
        let mut fates = self.fates.clone();
        fates.done = false;
        let told = trace(&path, 1_001, output, call, inject);
        fates.hear_all(&told.stdout);
        judge(&path, &told, &mut fates);
    }

    /// How often the process makes a call.
    fn count(&self, call: &str) -> u64 {
        let log = self.parent.path().join("log");
        let path = log.to_str().unwrap();
        let mut count = 0;
        self.run(&["-o", path], call, "", |_, output, fates| {
            assert!(fates.done, "{}", String::from_utf8_lossy(&output.stderr));
            let lines = fs::read_to_string(&log).unwrap();
            let named = |line: &&str| line.contains(&format!("{call}("));
            count = lines.lines().filter(named).count() as u64;
        });
        count
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
fn trace(path: &Path, first: u64, output: &[&str], call: &str, inject: &str) -> Output {
    let trace = format!("trace={call}");
    let inject = format!("inject={call}:{inject}");
    let mut wrapper = vec!["timeout", "-s", "KILL", HANG_SECONDS];
    wrapper.extend(["strace", "-f", "-qq"]);
    wrapper.extend(output);
    if !inject.contains("signal=") {
        // Five times as fast; signals are not sent with it (strace 6.1).
        wrapper.push("--seccomp-bpf");
    }
    wrapper.extend(["-e", &trace]);
    if !inject.ends_with(':') {
        wrapper.extend(["-e", &inject]);
    }
    if BY_NAME.contains(&call) {
        // Those of the journal's directory, not those by which the process is started.
        wrapper.extend(["-P", path.to_str().unwrap()]);
    }
    run(&mut worker(path, first).command(&wrapper))
}

/// Makes the `index`th `call` fail with `error`: once, and nothing that was acknowledged is lost.
fn fail(template: &Template, call: &str, error: &str, index: u64) {
    let context = format!("{}: {call} {index} fails with {error}", template.name);
    let inject = format!("error={error}:when={index}");
    template.run(NO_OUTPUT, call, &inject, |path, output, fates| {
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
    template.run(NO_OUTPUT, call, &inject, |path, output, fates| {
        kills += u64::from(!output.status.success());
        // Of the lines that are written the last ones are another thread's.
        assert!(!fates.done || call == "write", "{context}");
        if index.is_multiple_of(2) {
            let opening = format!("signal=KILL:when={}", 1 + index / 2 % 4);
            let told = trace(path, 2_001, NO_OUTPUT, "pwrite64", &opening);
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
    let kills = number("STRATA_CRASH_KILLS", KILLS);
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
