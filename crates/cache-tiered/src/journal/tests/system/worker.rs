//! The process that works until it is done, or is stopped, and tells what it does.

use crate::device::system::{say, this_test, told as number};
use crate::durability::Durability;
use crate::journal::{AppendError, Change, Journal, JournalOptions, WhenFull};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Name the directory, the first stamp, the count of records and the bytes that a file may have, in
/// the environment of the process.
const DIRECTORY: &str = "CACHE_TIERED_JOURNAL";
const FIRST: &str = "CACHE_TIERED_JOURNAL_FIRST";
const RECORDS: &str = "CACHE_TIERED_JOURNAL_RECORDS";
const LIMIT: &str = "CACHE_TIERED_JOURNAL_LIMIT";

/// The test that is the process.
const TEST: &str = "journal::tests::system::worker::a_process_that_works";

const KEYS: u64 = 5;
/// Of so many records one is not settled by itself.
const KEPT: u64 = 3;
/// Of so many records one is buried.
const BURIED: u64 = 11;

pub(super) fn key_of(stamp: u64) -> u64 {
    stamp % KEYS
}

/// What a record with this stamp says.
pub(super) fn content(stamp: u64) -> (Vec<u8>, Change) {
    let key = key_of(stamp).to_le_bytes().to_vec();
    let bytes = 50 + stamp * 7919 % 2_000;
    let change = match stamp % 13 {
        0 => Change::Remove,
        _ => Change::Put(vec![stamp as u8; bytes as usize]),
    };
    (key, change)
}

/// The options for a journal at `path`: the last part of it names the durability.
pub(super) fn options(path: &Path) -> JournalOptions {
    let durability = if path.ends_with("power") {
        Durability::Power
    } else {
        Durability::Process
    };
    JournalOptions {
        segment_bytes: 16 << 10,
        capacity_bytes: 32 * (16 << 10),
        durability,
        when_full: WhenFull::Refuse,
        ..JournalOptions::default()
    }
}

/// How a process is started.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    pub(super) path: PathBuf,
    /// No stamp is used twice.
    pub(super) first: u64,
    /// Without end if there is none.
    pub(super) records: Option<u64>,
    /// Bytes of a file at most, for the second half of the records but the last ones.
    pub(super) limit: Option<u64>,
}

impl Worker {
    pub(super) fn new(path: &Path, first: u64) -> Self {
        Self {
            path: path.to_owned(),
            first,
            records: None,
            limit: None,
        }
    }

    /// The process, as arguments of `wrapper` if that has a name.
    pub(super) fn command(&self, wrapper: &[&str]) -> Command {
        let mut command = this_test(TEST, wrapper);
        command
            .env(DIRECTORY, &self.path)
            .env(FIRST, self.first.to_string());
        for (name, number) in [(RECORDS, self.records), (LIMIT, self.limit)] {
            if let Some(number) = number {
                command.env(name, number.to_string());
            }
        }
        command
    }
}

/// The outcome of a task about the record `stamp`; true if it is done.
fn told(what: &str, stamp: u64, outcome: &Result<u64, AppendError>) -> bool {
    match outcome {
        Ok(_) => say(&format!("{what} {stamp}")),
        Err(AppendError::Unknown(_)) => {}
        Err(error) => say(&format!("refused {what} {stamp} {error}")),
    }
    outcome.is_ok()
}

/// Opens the journal. What went wrong once may go well the second time.
fn open(path: &Path) -> (Journal, crate::journal::Recovery) {
    for _ in 0..2 {
        match Journal::open(path, options(path)) {
            Ok(opened) => return opened,
            Err(error) => say(&format!("unopened {error}")),
        }
    }
    panic!("two faults");
}

fn limit(bytes: Option<u64>) {
    let limit = Rlimit {
        current: bytes,
        maximum: None,
    };
    setrlimit(Resource::Fsize, limit).unwrap();
}

/// What the process does: append, tell, settle most, bury some, and close.
#[test]
fn a_process_that_works() {
    let Some(path) = env::var_os(DIRECTORY).map(PathBuf::from) else {
        // Only the tests beside this one give a directory.
        return;
    };
    let (journal, recovery) = open(&path);
    let mut unsettled: BTreeMap<u64, Vec<(u64, u64)>> = BTreeMap::new();
    for record in recovery.records {
        let pairs = unsettled.entry(key_of(record.stamp)).or_default();
        pairs.push((record.stamp, record.sequence));
    }
    let (first, records) = (number(FIRST).unwrap(), number(RECORDS));
    for index in 0..records.unwrap_or(u64::MAX) {
        if let (Some(bytes), Some(records)) = (number(LIMIT), records) {
            let limited = index >= records / 2 && index + 6 < records;
            limit(limited.then_some(bytes));
        }
        let stamp = first + index;
        let (key, change) = content(stamp);
        say(&format!("append {stamp}"));
        let outcome = journal.append(stamp, key, change).unwrap().wait();
        if !told("appended", stamp, &outcome) {
            continue;
        }
        let sequence = outcome.unwrap();
        let own = unsettled.entry(key_of(stamp)).or_default();
        own.push((stamp, sequence));
        if stamp.is_multiple_of(BURIED) {
            say(&format!("bury {stamp}"));
            told("buried", stamp, &journal.bury(sequence, "refused").wait());
        } else if !stamp.is_multiple_of(KEPT) {
            let stamps: Vec<String> = own.iter().map(|(stamp, _)| stamp.to_string()).collect();
            say(&format!("settle {}", stamps.join(" ")));
            let sequences: Vec<u64> = own.drain(..).map(|(_, sequence)| sequence).collect();
            journal.settle(&sequences);
        }
    }
    if let Err(error) = journal.close() {
        say(&format!("unclosed {error}"));
    }
    say("done");
}
