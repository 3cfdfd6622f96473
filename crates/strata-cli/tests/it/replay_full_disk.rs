//! `strata replay` on a store that runs out of room: the refusal is an error, and what was acknowledged before is kept.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::command::strata;
use crate::replay::{folder, not_checked, number, replayed};

/// Enough writes to fill a few megabytes.
const ENDLESS: [&str; 8] = [
    "--workload",
    "scan",
    "--requests",
    "1000000",
    "--memory",
    "1MiB",
    "--threads",
    "4",
];

#[test]
fn a_file_size_limit_stops_the_replay_and_loses_nothing() {
    for durability in ["process", "power"] {
        let (folder, path) = folder();
        let store = format!("{path}/store");
        let acks = format!("{path}/acks");
        let arguments = ["--dir", &store, "--acks", &acks, "--durability", durability];
        // Blocks of 1024 bytes. A process that ignores the signal gets the error.
        let output = Command::new("bash")
            .args([
                "-c",
                "trap '' XFSZ; ulimit -f 4096; exec \"$@\"",
                "strata",
                env!("CARGO_BIN_EXE_strata"),
                "replay",
            ])
            .args(arguments)
            .args(ENDLESS)
            .output()
            .expect("bash runs");
        let stderr = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        stopped(&stderr, "File too large");
        kept(&arguments, &folder.path().join("acks"));
    }
}

#[test]
fn a_full_file_system_stops_the_replay_and_loses_nothing() {
    for durability in ["process", "power"] {
        // Declared before the mount, so removed after the unmounting.
        let (_folder, path) = folder();
        let Some(_mounted) = Mounted::tmpfs(&path) else {
            not_checked("a full file system, which takes root to mount a small one");
            return;
        };
        // The acknowledgements go elsewhere, or they would run out of room first.
        let (other, other_path) = self::folder();
        let acks = format!("{other_path}/acks");
        let arguments = ["--dir", &path, "--acks", &acks, "--durability", durability];
        let run = strata([&["replay"], &arguments[..], &ENDLESS].concat());
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        stopped(&run.stderr, "No space left on device");
        let grown = Command::new("mount")
            .args(["-o", "remount,size=64m", &path])
            .status();
        assert!(grown.is_ok_and(|status| status.success()));
        kept(&arguments, &other.path().join("acks"));
    }
}

fn stopped(stderr: &str, reason: &str) {
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains(reason), "{stderr}");
    assert!(stderr.contains("writing version"), "{stderr}");
}

/// With room again, everything acknowledged is there.
fn kept(arguments: &[&str], acks: &Path) {
    let records = fs::metadata(acks).expect("the acknowledgements").len() / 16 - 1;
    assert!(records > 100, "{records} acknowledged");
    let report = replayed(&[arguments, &["--requests", "100"]].concat());
    assert_eq!(number(&report, "/recovery/lost"), 0);
    assert!(number(&report, "/recovery/checked") > 100);
}

/// A small file system, unmounted when dropped.
struct Mounted<'a> {
    path: &'a str,
}

impl<'a> Mounted<'a> {
    fn tmpfs(path: &'a str) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs", path])
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then_some(Self { path })
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.path).status();
        // A second panic would hide the first.
        assert!(thread::panicking() || unmounted.is_ok_and(|status| status.success()));
    }
}
