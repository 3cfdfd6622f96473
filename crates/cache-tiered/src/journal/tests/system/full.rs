//! A device that is full in earnest: a small file system in memory, where mounting is allowed.

use crate::durability::Durability;
use crate::figures::tell;
use crate::journal::{AppendError, Change, Journal, JournalOptions, WhenFull};
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Names the directory that is full, in the environment of the process that is alone with it.
const FULL: &str = "CACHE_TIERED_JOURNAL_FULL";
const TEST: &str = "journal::tests::system::full::a_process_alone_with_a_full_device";

/// Mounts, where no other process sees it, and goes on as the program; 77 if that is not allowed.
const SHELL: &str = "mount -t tmpfs -o size=112k none \"$CACHE_TIERED_JOURNAL_FULL\" || exit 77; exec \"$0\" \"$@\"";

fn put(journal: &Journal, stamp: u64) -> Result<u64, AppendError> {
    let change = Change::Put(vec![stamp as u8; 900]);
    let handle = journal.append(stamp, stamp.to_le_bytes().to_vec(), change);
    handle.unwrap().wait()
}

#[test]
fn a_process_alone_with_a_full_device() {
    let Some(parent) = env::var_os(FULL).map(PathBuf::from) else {
        // Only the test below gives a directory.
        return;
    };
    for durability in [Durability::Process, Durability::Power] {
        let path = parent.join(durability.to_string());
        let options = JournalOptions {
            segment_bytes: 16 << 10,
            capacity_bytes: 1 << 30,
            durability,
            when_full: WhenFull::Refuse,
            ..JournalOptions::default()
        };
        let (journal, _) = Journal::open(&path, options.clone()).unwrap();
        let mut sequences = Vec::new();
        let mut stamp = 0;
        let error = loop {
            stamp += 1;
            match put(&journal, stamp) {
                Ok(sequence) => sequences.push(sequence),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, AppendError::Full(_)), "{error}");
        // Not a byte is left for anybody.
        let mut blocks = 0;
        while fs::write(parent.join(format!("filling-{blocks}")), [1; 4096]).is_ok() {
            blocks += 1;
        }
        for round in 0..20 {
            // What is settled is noted, and makes room.
            journal.settle(&std::mem::take(&mut sequences));
            journal.flush().wait().unwrap();
            for _ in 0..10 {
                stamp += 1;
                let told = put(&journal, stamp);
                sequences.push(told.unwrap_or_else(|error| panic!("round {round}: {error}")));
            }
        }
        drop(journal);
        let (journal, recovery) = Journal::open(&path, options).unwrap();
        let left = recovery.records.iter().map(|record| record.sequence);
        assert_eq!(left.collect::<Vec<_>>(), sequences);
        drop(journal);
        for entry in fs::read_dir(&parent).unwrap() {
            let entry = entry.unwrap().path();
            let removed = if entry.is_dir() {
                fs::remove_dir_all(&entry)
            } else {
                fs::remove_file(&entry)
            };
            removed.unwrap();
        }
    }
}

#[test]
fn g4_a_full_file_system_refuses_records_takes_notes_and_loses_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "--propagation", "private"]);
    shell
        .args(["sh", "-c", SHELL])
        .arg(env::current_exe().unwrap());
    shell.args([TEST, "--exact", "--nocapture"]);
    let output = shell.env(FULL, parent.path()).output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            return tell(&format!(
                "NO DEVICE IS FULL: unshare can not be started ({error})"
            ));
        }
    };
    let words = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || words.contains("unshare failed") {
        return tell(&format!(
            "NO DEVICE IS FULL: nothing may be mounted here ({})",
            words.trim()
        ));
    }
    assert!(output.status.success(), "{words}");
}
