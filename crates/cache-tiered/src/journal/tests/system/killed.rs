//! Processes that are killed at random moments, one after the other over the same journal.

use super::{Fates, Worker};
use crate::device::simulated::Random;
use crate::device::system::{seed, start, told};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

/// Rounds, unless `STRATA_CRASH_ROUNDS` says more.
const ROUNDS: u64 = 25;
const ROUNDS_VARIABLE: &str = "STRATA_CRASH_ROUNDS";

/// Kills the process after it told of `count` records, or, if that is none, of having been started.
fn kill_after(path: &Path, first: u64, count: u64, fates: &mut Fates) {
    let mut command = Worker::new(path, first).command(&[]);
    let mut child = start(command.stdout(Stdio::piped()));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut heard = 0;
    while heard < count {
        let line = lines.next().expect("it works until it is killed").unwrap();
        heard += u64::from(fates.hear(&line));
    }
    if count == 0 {
        // The harness's first line; the opening comes next.
        lines.next().unwrap().unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it told until it died. The last line may be cut short.
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    for line in rest {
        fates.hear(&line);
    }
}

#[test]
fn g4_a_process_killed_at_any_moment_loses_nothing_that_it_told() {
    let rounds = told(ROUNDS_VARIABLE).unwrap_or(ROUNDS);
    let seed = seed();
    for name in ["process", "power"] {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join(name);
        let (mut fates, mut random) = (Fates::default(), Random(seed));
        for round in 0..rounds {
            let context = format!("{name}, seed {seed}, round {round}");
            let first = 1 + round * 1_000_000;
            // Every fourth one while it opens.
            let count = random.below(4).min(1) * (1 + random.below(80));
            kill_after(&path, first, count, &mut fates);
            fates.judge(&path, &context);
        }
        assert!(fates.acknowledged >= rounds * 10);
    }
}
