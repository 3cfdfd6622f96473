//! `strata replay`, killed at any moment and run again: every acknowledged write is there.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::replay::{folder, number, replayed};

/// Bytes of the acknowledgement file for each acknowledged write.
const RECORD_LEN: u64 = 16;

/// How often each store is killed.
const ROUNDS: u64 = 8;

#[test]
fn killed_half_way_at_durability_power_every_acknowledged_value_is_there() {
    kill_and_rerun(&["--durability", "power"], 0..400);
}

#[test]
fn killed_half_way_at_durability_process_every_acknowledged_value_is_there() {
    kill_and_rerun(&["--durability", "process"], 0..3000);
}

#[test]
fn killed_half_way_behind_at_durability_power_every_acknowledged_value_is_there() {
    let writes = ["--writes", "behind", "--max-delay", "20ms"];
    kill_and_rerun(&[&writes[..], &["--durability", "power"]].concat(), 0..1500);
}

#[test]
fn killed_half_way_behind_at_durability_process_every_acknowledged_value_is_there() {
    let writes = [
        "--writes",
        "behind",
        "--max-delay",
        "20ms",
        "--max-dirty",
        "300",
    ];
    kill_and_rerun(&writes, 0..6000);
}

#[test]
fn what_only_the_journal_has_when_killed_is_brought_to_the_store() {
    let (folder, path) = folder();
    let (store, acks) = (format!("{path}/store"), folder.path().join("acks"));
    let acks_path = acks.to_str().expect("UTF-8");
    // Nothing is due before the kill.
    let writes = ["--writes", "behind", "--max-delay", "60min"];
    let place = [
        "--dir",
        &store,
        "--acks",
        acks_path,
        "--keys",
        "100",
        "--workload",
        "loop",
    ];
    let arguments = [&writes[..], &place].concat();
    let endless = ["--requests", "1000000000", "--threads", "4"];
    let length = 500 * RECORD_LEN;
    kill_when_grown(&[&arguments[..], &endless].concat(), &acks, length);
    let report = replayed(&[&arguments[..], &["--requests", "1", "--write-ratio", "0"]].concat());
    assert_eq!(number(&report, "/recovery/checked"), 100);
    assert_eq!(number(&report, "/behind/acknowledged_before"), 100);
    assert_eq!(number(&report, "/behind/applied"), 100);
    assert_eq!(number(&report, "/origin"), 0);
}

fn kill_and_rerun(writes: &[&str], acknowledged: std::ops::Range<u64>) {
    let (folder, path) = folder();
    let (store, acks) = (format!("{path}/store"), folder.path().join("acks"));
    let mut arguments = vec!["--dir", &store, "--acks", acks.to_str().expect("UTF-8")];
    arguments.extend(writes);
    arguments.extend([
        "--workload",
        "zipf",
        "--keys",
        "2000",
        "--memory",
        "200KiB",
        "--write-ratio",
        "0.5",
    ]);
    let mut checked_before = 0;
    for round in 0..ROUNDS {
        let seed = round.to_string();
        // The point of the kill: some acknowledgements after this run has begun.
        let point =
            1 + acknowledged.start + scattered(round) % (acknowledged.end - acknowledged.start);
        let length = fs::metadata(&acks).map_or(0, |metadata| metadata.len()) + point * RECORD_LEN;
        let endless = [
            "--requests",
            "1000000000",
            "--threads",
            "4",
            "--seed",
            &seed,
        ];
        kill_when_grown(&[&arguments[..], &endless].concat(), &acks, length);
        // This run reads back everything before it serves, and ends in order.
        let report = replayed(&[&arguments[..], &["--requests", "300", "--seed", &seed]].concat());
        let checked = number(&report, "/recovery/checked");
        assert!(
            checked > checked_before.min(1500),
            "round {round}: {checked} checked, {checked_before} before"
        );
        assert_eq!(number(&report, "/recovery/lost"), 0);
        assert!(
            number(&report, "/read_back") >= checked,
            "what was found is read back again at the end"
        );
        checked_before = checked;
    }
}

/// Spread over all of u64, the same in each run.
fn scattered(round: u64) -> u64 {
    (round + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(29)
}

/// Starts the replay and sends SIGKILL once its acknowledgement file has `length` bytes.
fn kill_when_grown(arguments: &[&str], acks: &Path, length: u64) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_strata"))
        .arg("replay")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    while fs::metadata(acks).map_or(0, |metadata| metadata.len()) < length {
        if let Some(status) = child.try_wait().expect("the state of the child") {
            panic!("ended too early, {status}: {}", stderr_of(&mut child));
        }
        thread::yield_now();
    }
    child.kill().expect("a signal to the child");
    let status = child.wait().expect("the end of the child");
    assert_eq!(
        status.code(),
        None,
        "killed, not ended: {}",
        stderr_of(&mut child)
    );
}

fn stderr_of(child: &mut Child) -> String {
    let mut text = String::new();
    let mut stderr = child.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut text).expect("text");
    text
}
