//! The process that works until it is done, or is stopped, and tells what it does.

use super::super::{
    Begun, Disk, Entry, KEYS, OpenError, Options, Surroundings, small, tag_of, tags, value_of,
};
use crate::ManualClock;
use crate::compress::Method;
use crate::device::Directory;
use crate::device::system::{say, this_test, told};
use crate::floors::Floors;
use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Name the directory, the run of the machine, the first version and the count of changes, in the environment of the process.
const DIRECTORY: &str = "CACHE_TIERED_DISK";
const BOOT: &str = "CACHE_TIERED_DISK_BOOT";
const FIRST: &str = "CACHE_TIERED_DISK_FIRST";
const CHANGES: &str = "CACHE_TIERED_DISK_CHANGES";

/// Bytes of a file of fences. Who is killed when one is full, and the next has not begun, leaves a tier that begins anew: that
/// is not to happen too often.
const FENCE_FILE_BYTES: u32 = 1_984;

/// The test that is the process.
const TEST: &str = "disk::tests::system::worker::a_process_that_works";

/// What is done as the change of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Put(u64),
    Remove(u64),
    /// Of all keys with the tag of this one.
    Invalidate(u64),
}

pub(super) const fn change_of(version: u64) -> Change {
    let key = version * 7 % KEYS;
    match version % 23 {
        4 | 11 | 18 => Change::Remove(key),
        22 => Change::Invalidate(key),
        _ => Change::Put(key),
    }
}

/// How a process is started, and what it and the one that judges open.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    /// The last part of it names the durability.
    pub(super) path: PathBuf,
    /// Which run of the machine this is.
    pub(super) boot: u64,
    /// No version is used twice.
    pub(super) first: u64,
    /// Without end if there is none.
    pub(super) changes: Option<u64>,
}

impl Worker {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            boot: 0,
            first: 1,
            changes: None,
        }
    }

    /// The process, as arguments of `wrapper` if that has a name.
    pub(super) fn command(&self, wrapper: &[&str]) -> Command {
        let mut command = this_test(TEST, wrapper);
        command
            .env(DIRECTORY, &self.path)
            .env(BOOT, self.boot.to_string())
            .env(FIRST, self.first.to_string());
        if let Some(changes) = self.changes {
            command.env(CHANGES, changes.to_string());
        }
        command
    }

    /// Opens the tier, under floors that the caller raises.
    pub(super) fn open(&self, floors: &Arc<Floors>) -> Result<(Disk, Begun), OpenError> {
        let surroundings = Surroundings {
            stamp: Arc::default(),
            floors: Arc::clone(floors),
            clock: Arc::new(ManualClock::new()),
            wall: super::super::WALL,
        };
        let directory = Directory::open(&self.path).expect("it may be used");
        let options = Options {
            fence_file_bytes: FENCE_FILE_BYTES,
            ..small(self.path.ends_with("power"))
        };
        Disk::open(
            Box::new(directory.at_boot(self.boot)),
            &options,
            surroundings,
        )
    }
}

pub(super) fn key_of(key: u64) -> Vec<u8> {
    super::super::key_of(key)
}

/// The version of what a key is answered with. Panics at bytes that no version of it has.
pub(super) fn find(disk: &Disk, key: u64, context: &str) -> Option<u64> {
    let bytes = super::super::find(disk, key)?.taken;
    let text = String::from_utf8_lossy(&bytes);
    let version = text.split(' ').nth(2).and_then(|word| word.parse().ok());
    let version = version.unwrap_or_else(|| panic!("{context}: key {key} has {text}"));
    assert!(
        bytes == value_of(key, version),
        "{context}: key {key} has {text}"
    );
    Some(version)
}

/// A value leaves memory.
fn demote(disk: &Disk, key: u64, version: u64, stamp: u64) {
    let (bytes, value) = (key_of(key), value_of(key, version));
    let entry = Entry {
        key: &bytes,
        tags: &tags::encode(&[tag_of(key)]).unwrap(),
        value: &value,
        method: Method::None,
        plain_bytes: value.len(),
        stamp,
        expiry: 0,
    };
    disk.store(key, disk.hash(&bytes), &entry, disk.mark(key));
}

/// Makes a change; false if the tier can not tell a restart of it.
fn make(disk: &Disk, floors: &Floors, change: Change, stamp: u64) -> bool {
    match change {
        Change::Put(key) | Change::Remove(key) => {
            let begun = disk.begin_mutation(key, disk.hash(&key_of(key)), stamp);
            disk.end_mutation(key);
            begun.is_ok()
        }
        Change::Invalidate(key) => {
            floors.raise(&tag_of(key), stamp);
            disk.raise_tag(&tag_of(key), stamp).is_ok()
        }
    }
}

/// What the process does: change, tell, demote, read, work, and close.
#[test]
fn a_process_that_works() {
    let Some(path) = env::var_os(DIRECTORY).map(PathBuf::from) else {
        // Only the tests beside this one give a directory.
        return;
    };
    let worker = Worker {
        path,
        boot: told(BOOT).unwrap(),
        first: told(FIRST).unwrap(),
        changes: told(CHANGES),
    };
    say("opening");
    let floors = Arc::default();
    let (disk, _) = worker.open(&floors).unwrap();
    // What the keys of which this process knows have.
    let mut known: BTreeMap<u64, u64> = BTreeMap::new();
    for index in 0..worker.changes.unwrap_or(u64::MAX) {
        let version = worker.first + index;
        let (change, stamp) = (change_of(version), disk.next_stamp());
        say(&format!("change {version}"));
        if !make(&disk, &floors, change, stamp) {
            // Where the device is gone nothing more is to be seen.
            return say("refused");
        }
        say(&format!("changed {version}"));
        match change {
            Change::Put(key) => {
                known.insert(key, version);
                demote(&disk, key, version, stamp);
            }
            Change::Remove(key) => drop(known.insert(key, 0)),
            Change::Invalidate(key) => {
                let tag = tag_of(key);
                let keys = (0..KEYS).filter(|&key| tag_of(key) == tag);
                known.extend(keys.map(|key| (key, 0)));
            }
        }
        let key = index * 11 % KEYS;
        if let (Some(&version), Some(found)) = (known.get(&key), find(&disk, key, "a read")) {
            assert_eq!(found, version, "key {key}");
        }
        if index.is_multiple_of(3) {
            while disk.work() {}
        }
    }
    let closed = disk.close();
    say(if closed.is_ok() { "done" } else { "refused" });
}
