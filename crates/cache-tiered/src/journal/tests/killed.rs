//! A process that is killed at any moment: what it had said was acknowledged is there.

use super::model::options;
use crate::durability::Durability;
use crate::journal::{Change, Journal, JournalOptions};
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Names the directory in the environment of the process that is to be killed.
const DIRECTORY: &str = "CACHE_TIERED_JOURNAL";
/// Begins the line by which it tells of an acknowledgement.
const TOLD: &str = "acknowledged ";
/// Every so many records one stays unsettled.
const KEPT: u64 = 7;

fn roomy(durability: Durability) -> JournalOptions {
    JournalOptions {
        capacity_bytes: 8 << 20,
        ..options(durability)
    }
}

fn open(path: &Path) -> (Journal, Vec<u64>) {
    let power = path.ends_with("power");
    let durability = if power {
        Durability::Power
    } else {
        Durability::Process
    };
    let (journal, recovery) = Journal::open(path, roomy(durability)).unwrap();
    assert!(recovery.losses.is_empty());
    let stamps = recovery.records.iter().map(|record| record.stamp);
    (journal, stamps.collect())
}

/// What the process does that is killed: append, tell, settle most, without end.
#[test]
fn a_process_that_appends_until_it_is_killed() {
    let Some(path) = env::var_os(DIRECTORY) else {
        // Only `a_killed_process_loses_nothing_that_it_told` gives a directory.
        return;
    };
    let (journal, stamps) = open(path.as_ref());
    let mut out = std::io::stdout().lock();
    for stamp in stamps.last().map_or(1, |last| last + 1).. {
        let change = Change::Put(vec![stamp as u8; 100 + stamp as usize % 900]);
        let handle = journal.append(stamp, stamp.to_le_bytes().to_vec(), change);
        let sequence = handle.unwrap().wait().unwrap();
        if stamp % KEPT != 0 {
            journal.settle(&[sequence]);
        }
        writeln!(out, "{TOLD}{stamp}").unwrap();
    }
}

/// Lets the process tell `count` times, kills it, and returns the last stamp it told of.
fn killed_after(path: &Path, count: usize) -> u64 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["journal::tests::killed::a_process_that_appends_until_it_is_killed"])
        .args(["--exact", "--nocapture"])
        .env(DIRECTORY, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = lines.filter_map(|line| line.unwrap().strip_prefix(TOLD)?.parse().ok());
    let last = told.by_ref().take(count).last();
    // It goes on telling until it is killed.
    child.kill().unwrap();
    child.wait().unwrap();
    last.expect("it told of some")
}

#[test]
fn a_killed_process_loses_nothing_that_it_told() {
    for name in ["process", "power"] {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join(name);
        for round in 0..10 {
            let last = killed_after(&path, 1 + round * 13 % 60);
            let (_journal, stamps) = open(&path);
            assert!(stamps.is_sorted());
            for kept in (KEPT..=last).step_by(KEPT as usize) {
                assert!(
                    stamps.binary_search(&kept).is_ok(),
                    "{kept} of {last} is missing"
                );
            }
        }
    }
}
