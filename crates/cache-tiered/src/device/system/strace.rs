//! Faults of single system calls, put there by strace.

use super::{run, told};
use crate::figures::tell;
use std::path::Path;
use std::process::{Command, Output};

/// Those of the calls that change anything in a directory which name a file in it, or are made of the directory.
const BY_NAME: [&str; 4] = ["fsync", "renameat", "openat", "unlinkat"];

/// Kills, unless `STRATA_CRASH_KILLS` says otherwise.
const KILLS: u64 = 500;

/// What strace itself writes is not looked at.
pub(crate) const NO_OUTPUT: &[&str] = &["-o", "/dev/null"];

/// Seconds after which a process hangs: far more than it ever takes.
const HANG_SECONDS: &str = "60";

/// How often processes are to be killed.
pub(crate) fn kills() -> u64 {
    told("STRATA_CRASH_KILLS").unwrap_or(KILLS)
}

/// False, and says so, where strace is missing or may not trace.
pub(crate) fn is_there() -> bool {
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

/// Runs a process, which `command` makes as arguments of a wrapper, under strace: of one call, and of a call by name those in
/// `directory`; with `inject` done to it if that says anything.
pub(crate) fn trace(
    directory: &Path,
    output: &[&str],
    call: &str,
    inject: &str,
    command: impl FnOnce(&[&str]) -> Command,
) -> Output {
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
        // Not those by which the process is started.
        wrapper.extend(["-P", directory.to_str().unwrap()]);
    }
    run(&mut command(&wrapper))
}

/// How often a process makes a call; `log` is a file that may be written.
pub(crate) fn count(
    directory: &Path,
    log: &Path,
    call: &str,
    command: impl FnOnce(&[&str]) -> Command,
) -> (u64, Output) {
    let output = trace(directory, &["-o", log.to_str().unwrap()], call, "", command);
    let lines = std::fs::read_to_string(log).unwrap();
    let named = |line: &&str| line.contains(&format!("{call}("));
    (lines.lines().filter(named).count() as u64, output)
}
