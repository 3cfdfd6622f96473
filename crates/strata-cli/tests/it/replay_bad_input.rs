//! `strata replay` on arguments and stores that it cannot use: one clear line, an exit code, nothing lost.

use std::fs;
use std::process::Command;

use cache_tiered::Redb;

use crate::replay::{folder, not_checked, replay, replayed};

/// Fails with `code` and one line that contains `words`.
fn refused(arguments: &[&str], code: i32, words: &str) {
    let (run, _) = replay(arguments);
    assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
    assert_eq!(run.stdout, "", "{arguments:?}");
    let first = run.stderr.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("error: ") && first.contains(words),
        "{arguments:?}: {}",
        run.stderr
    );
    if code == 1 {
        assert_eq!(
            run.stderr.lines().count(),
            1,
            "{arguments:?}: {}",
            run.stderr
        );
    }
}

#[test]
fn values_out_of_range_are_usage_errors() {
    for (arguments, words) in [
        (["--memory", "0"], "a memory tier of 0 bytes holds nothing"),
        (["--memory", "-1"], "`-1` is no size"),
        (["--memory", "64M"], "`64M` is no size"),
        (["--requests", "0"], "give a whole number from 1"),
        (["--requests", "-1"], "give a whole number from 1"),
        (["--threads", "0"], "give a whole number from 1 to 1024"),
        (
            ["--threads", "100000"],
            "give a whole number from 1 to 1024",
        ),
        (["--keys", "0"], "give a whole number from 1"),
        (["--keys", "3"], "a mixed workload takes 4"),
        (
            ["--keys", "18446744073709551615"],
            "a mixed workload takes 4",
        ),
        (["--value-size", "0"], "values of 0 bytes: use at least 16"),
        (
            ["--value-size", "0..0"],
            "values of 0 bytes: use at least 16",
        ),
        (["--value-size", "-1"], "`-1` is no size"),
        (["--value-size", "100.."], "`` is no size"),
        (
            ["--value-size", "1KiB..100"],
            "the range 1024..100 is reversed",
        ),
        (["--value-size", "100..2GiB"], "use at most"),
        (["--write-ratio", "1.5"], "give a number from 0"),
        (["--write-ratio", "-0.1"], "give a number from 0"),
        (["--write-ratio", "NaN"], "give a number from 0"),
        (["--skew", "-1"], "give a number from 0"),
        (["--skew", "NaN"], "give a number from 0"),
        (["--policy", "random-guess"], "random-guess"),
        (["--durability", "eternal"], "unknown durability"),
        (["--store", "mysql"], "mysql"),
        (["--workload", "storm"], "storm"),
        (["--writes", "sideways"], "sideways"),
        (["--max-delay", "2"], "`2` is no time"),
        (["--max-delay", "1h"], "`1h` is no time"),
        (["--max-delay", "-1s"], ""),
        (["--max-dirty", "0"], "give a whole number from 1"),
        (["--disk", "0"], "a disk tier takes 1 MiB at least"),
        (["--disk", "-1"], "`-1` is no size"),
        (["--disk-path", "tier"], "required arguments"),
    ] {
        refused(&arguments, 2, words);
    }
}

#[test]
fn arguments_that_contradict_one_another_are_usage_errors() {
    let (_folder, path) = folder();
    refused(&["--store", "memory", "--dir", &path], 2, "drop --dir");
    refused(
        &["--store", "memory", "--durability", "power"],
        2,
        "survives nothing",
    );
    refused(&["--acks", "acks"], 2, "");
    refused(&["--max-delay", "1s"], 2, "add --writes behind");
    refused(&["--max-dirty", "10"], 2, "add --writes behind");
    refused(&["--journal", &path], 2, "add --writes behind");
    refused(
        &["--writes", "behind", "--durability", "volatile"],
        2,
        "use --durability process or power",
    );
    refused(
        &["--trace", "t.oracleGeneral", "--workload", "zipf"],
        2,
        "cannot be used with",
    );
}

#[test]
fn a_missing_trace_leaves_nothing_behind() {
    let (folder, path) = folder();
    let store = format!("{path}/store");
    refused(
        &["--trace", "no-such.oracleGeneral", "--dir", &store],
        1,
        "no-such.oracleGeneral",
    );
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

#[test]
fn a_directory_that_cannot_be_is_an_error() {
    let (folder, path) = folder();
    refused(
        &["--dir", &format!("{path}/no/such")],
        1,
        "/no/such as the directory of the store",
    );
    let file = folder.path().join("file");
    fs::write(&file, "a file").expect("a file");
    refused(
        &["--dir", file.to_str().expect("UTF-8")],
        1,
        "not a directory",
    );
    // Nobody, not even root, makes files there.
    refused(&["--dir", "/proc/self"], 1, "/proc/self/data.redb");
    assert_eq!(fs::read(&file).expect("the file"), b"a file");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let (folder, path) = folder();
    let file = folder.path().join("data.redb");
    let text = "my diary, page 1\n".repeat(1000);
    fs::write(&file, &text).expect("a text file");
    refused(&["--dir", &path], 1, "data.redb");
    assert_eq!(fs::read_to_string(&file).expect("the file"), text);
}

#[test]
fn a_store_in_use_by_another_process_is_refused_and_unharmed() {
    let (folder, path) = folder();
    let arguments = [
        "--dir",
        &path,
        "--keys",
        "100",
        "--workload",
        "loop",
        "--requests",
        "300",
    ];
    replayed(&arguments);
    let holder = Redb::options().open(folder.path().join("data.redb"));
    let holder = holder.expect("the store of the run");
    refused(&arguments, 1, "data.redb");
    drop(holder);
    let report = replayed(&arguments);
    assert_eq!(crate::replay::number(&report, "/origin"), 0);
}

#[test]
fn a_foreign_acknowledgement_file_is_refused_and_left_alone() {
    let (folder, path) = folder();
    let acks = folder.path().join("diary");
    fs::write(&acks, "my diary").expect("a text file");
    let acks_path = acks.to_str().expect("UTF-8");
    refused(
        &["--dir", &path, "--acks", acks_path],
        1,
        "is not an acknowledgement file",
    );
    assert_eq!(fs::read(&acks).expect("the file"), b"my diary");
}

#[test]
fn a_directory_without_write_permission_is_an_error() {
    let (_folder, path) = folder();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "ro", "tmpfs", &path])
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        not_checked("a read-only file system, which takes root to mount");
        return;
    }
    let (run, _) = replay(&["--dir", &path]);
    let unmounted = Command::new("umount")
        .arg(&path)
        .status()
        .expect("umount runs");
    assert!(unmounted.success());
    assert_eq!(run.code, Some(1));
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(
        run.stderr.contains("Read-only file system"),
        "{}",
        run.stderr
    );
}
