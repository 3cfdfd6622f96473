//! `strata replay`: what it serves, counts and prints.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use strata_cli::trace::generate::{Pattern, Workload};
use tempfile::TempDir;

use crate::command::{Run, strata};

/// Runs `strata replay` with these arguments and `--format json`.
pub(crate) fn replay(arguments: &[&str]) -> (Run, Value) {
    let run = strata([&["replay", "--format", "json"], arguments].concat());
    let report = serde_json::from_str(&run.stdout).unwrap_or(Value::Null);
    (run, report)
}

/// The same for a run that must end well; the report.
pub(crate) fn replayed(arguments: &[&str]) -> Value {
    let (run, report) = replay(arguments);
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (Some(0), ""),
        "{arguments:?}: {}",
        run.stdout
    );
    assert_eq!(number(&report, "/wrong_values"), 0);
    assert_eq!(number(&report, "/lost_writes"), 0);
    report
}

/// A whole number of a report, by its JSON pointer.
pub(crate) fn number(report: &Value, pointer: &str) -> u64 {
    let value = report.pointer(pointer).and_then(Value::as_u64);
    value.unwrap_or_else(|| panic!("no number {pointer} in {report}"))
}

/// Says in the output of the tests what this machine does not let them check; past the capture of passing tests.
pub(crate) fn not_checked(what: &str) {
    let _ = writeln!(std::io::stderr(), "not checked: {what}");
}

/// A folder of the test's own, as an argument.
pub(crate) fn folder() -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().to_str().expect("a path in UTF-8").to_owned();
    (folder, path)
}

fn requests_add_up(report: &Value) {
    let served = ["/hits/memory", "/hits/disk", "/hits/store", "/origin"];
    let sum: u64 = served.iter().map(|pointer| number(report, pointer)).sum();
    assert_eq!(sum, number(report, "/requests"), "{report}");
    let writes = number(report, "/origin") + number(report, "/overwrites");
    assert_eq!(number(report, "/acknowledged_writes"), writes, "{report}");
    let slices = report.pointer("/slices").and_then(Value::as_array);
    let slices = slices.expect("slices of the requests");
    for (slice, total) in [
        ("/memory", "/hits/memory"),
        ("/disk", "/hits/disk"),
        ("/store", "/hits/store"),
        ("/origin", "/origin"),
    ] {
        let sum: u64 = slices.iter().map(|one| number(one, slice)).sum();
        assert_eq!(sum, number(report, total), "{report}");
    }
}

#[test]
fn every_workload_over_every_store_is_served_right() {
    for workload in ["zipf", "scan", "loop", "mixed"] {
        for store in ["redb", "memory"] {
            let report = replayed(&[
                "--workload",
                workload,
                "--store",
                store,
                "--keys",
                "500",
                "--requests",
                "3000",
                "--threads",
                "3",
                "--memory",
                "100kB",
                "--write-ratio",
                "0.2",
            ]);
            requests_add_up(&report);
            assert_eq!(number(&report, "/requests"), 3000);
            assert_eq!(number(&report, "/read_back"), number(&report, "/origin"));
            assert!(number(&report, "/bytes/memory") <= 100_000);
            assert!(number(&report, "/latency_ns/p50") > 0);
            assert!(number(&report, "/latency_ns/p999") <= number(&report, "/latency_ns/max"));
            assert_eq!(
                report.pointer("/reopened"),
                Some(&Value::Bool(store == "redb"))
            );
        }
    }
}

#[test]
fn origin_and_overwrites_depend_on_the_seed_alone() {
    let counts = |threads: &str, seed: &str| {
        let report = replayed(&[
            "--store",
            "memory",
            "--workload",
            "zipf",
            "--keys",
            "2000",
            "--requests",
            "20000",
            "--threads",
            threads,
            "--seed",
            seed,
        ]);
        (
            number(&report, "/origin"),
            number(&report, "/overwrites"),
            number(&report, "/bytes/acknowledged"),
        )
    };
    let keys: HashSet<u64> = {
        let workload = Workload::new(Pattern::Zipf)
            .keys(2000)
            .skew(0.9)
            .requests(20_000)
            .seed(5);
        workload
            .generate()
            .expect("a valid workload")
            .map(|request| request.key)
            .collect()
    };
    let (origin, overwrites, bytes) = counts("1", "5");
    assert_eq!(
        origin,
        keys.len() as u64,
        "each key comes from the origin once"
    );
    assert!((1800..2200).contains(&overwrites), "{overwrites}");
    assert_eq!(counts("4", "5"), (origin, overwrites, bytes));
    assert_ne!(counts("1", "6"), (origin, overwrites, bytes));
}

#[test]
fn write_ratio_reaches_both_ends() {
    for (ratio, overwrites) in [("0", 0), ("1", 2000)] {
        let report = replayed(&[
            "--store",
            "memory",
            "--keys",
            "100",
            "--requests",
            "2000",
            "--write-ratio",
            ratio,
        ]);
        assert_eq!(number(&report, "/overwrites"), overwrites);
        requests_add_up(&report);
    }
}

#[test]
fn a_clean_end_keeps_everything_at_every_durability() {
    for durability in ["volatile", "process", "power"] {
        let (_folder, path) = folder();
        let arguments = [
            "--dir",
            &path,
            "--durability",
            durability,
            "--workload",
            "loop",
            "--keys",
            "300",
            "--requests",
            "900",
            "--threads",
            "4",
        ];
        let first = replayed(&arguments);
        assert_eq!(number(&first, "/origin"), 300);
        assert!(number(&first, "/bytes/disk") > number(&first, "/bytes/memory"));
        // Versions carry on from what the store holds, or each overwrite would read as wrong.
        let second = replayed(&arguments);
        assert_eq!(number(&second, "/origin"), 0, "durability {durability}");
        assert_eq!(number(&second, "/hits/store"), 300);
        assert_eq!(number(&second, "/read_back"), 300);
        requests_add_up(&second);
    }
}

#[test]
fn a_memory_tier_too_small_for_any_value_leaves_the_work_to_the_store() {
    let report = replayed(&[
        "--memory",
        "64B",
        "--keys",
        "50",
        "--workload",
        "loop",
        "--requests",
        "500",
    ]);
    assert_eq!(number(&report, "/hits/memory"), 0);
    assert_eq!(number(&report, "/hits/store"), 450);
    assert_eq!(number(&report, "/bytes/memory"), 0);
}

#[test]
fn every_policy_serves_right() {
    for policy in [
        "fifo",
        "lru",
        "clock",
        "sieve",
        "s3-fifo",
        "s3-fifo:small=0.2",
    ] {
        let report = replayed(&[
            "--store",
            "memory",
            "--policy",
            policy,
            "--keys",
            "2000",
            "--requests",
            "20000",
            "--memory",
            "200KiB",
            "--threads",
            "1",
        ]);
        requests_add_up(&report);
        assert!(
            number(&report, "/hits/memory") > 0 && number(&report, "/hits/store") > 0,
            "{policy}"
        );
    }
}

/// A trace of one zipf workload, 24 bytes a request, as libCacheSim writes them.
fn trace(folder: &Path, requests: u64) -> PathBuf {
    let path = folder.join("small.oracleGeneral");
    let workload = Workload::new(Pattern::Zipf).keys(1000).requests(requests);
    let mut bytes = Vec::new();
    for request in workload.generate().expect("a valid workload") {
        bytes.extend_from_slice(&request.time.to_le_bytes());
        bytes.extend_from_slice(&request.key.to_le_bytes());
        bytes.extend_from_slice(&request.size.to_le_bytes());
        bytes.extend_from_slice(&(-1_i64).to_le_bytes());
    }
    std::fs::write(&path, bytes).expect("a trace");
    path
}

#[test]
fn a_trace_is_served_whole_or_up_to_the_requests_asked_for() {
    let (folder, _) = folder();
    let path = trace(folder.path(), 5000);
    let path = path.to_str().expect("a path in UTF-8");
    let whole = replayed(&["--trace", path, "--store", "memory"]);
    assert_eq!(number(&whole, "/requests"), 5000);
    requests_add_up(&whole);
    let part = replayed(&["--trace", path, "--store", "memory", "--requests", "123"]);
    assert_eq!(number(&part, "/requests"), 123);
}

#[test]
fn a_trace_cut_short_is_an_error_and_its_served_requests_are_kept() {
    let (folder, store) = folder();
    let path = trace(folder.path(), 5000);
    let whole = std::fs::read(&path).expect("the trace");
    std::fs::write(&path, &whole[..whole.len() - 10]).expect("a cut trace");
    let (trace, store) = (
        path.to_str().expect("a path in UTF-8"),
        format!("{store}/store"),
    );
    let (run, _) = replay(&["--trace", trace, "--dir", &store]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr.contains("truncated") && run.stderr.contains(trace),
        "{}",
        run.stderr
    );
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    let again = replayed(&["--trace", trace, "--dir", &store, "--requests", "4999"]);
    assert_eq!(number(&again, "/origin"), 0);
}

#[test]
fn the_table_fits_and_the_csv_has_the_names_of_the_page() {
    let (folder, long) = folder();
    let long = format!("{long}/{}", "long-name-".repeat(15));
    let run = strata([
        "replay",
        "--requests",
        "1000",
        "--keys",
        "100",
        "--dir",
        &long,
    ]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert!(
        run.stdout.lines().all(|line| line.chars().count() <= 100),
        "{}",
        run.stdout
    );
    for words in [
        "wrong values",
        "lost writes",
        "requests/s",
        "latency p99.9",
        "acknowledged bytes",
    ] {
        assert!(run.stdout.contains(words), "no {words} in {}", run.stdout);
    }
    let run = strata([
        "replay",
        "--requests",
        "1000",
        "--keys",
        "100",
        "--format",
        "csv",
    ]);
    let rows: Vec<Vec<&str>> = run
        .stdout
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].len(), rows[1].len());
    assert_eq!((rows[0][0], rows[1][0]), ("requests", "1000"));
    assert_eq!((rows[0][1], rows[1][1]), ("wrong_values", "0"));
    drop(folder);
}

#[test]
fn the_temporary_store_is_removed() {
    let (folder, path) = folder();
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_strata"))
        .args(["replay", "--requests", "500", "--keys", "100"])
        .env("TMPDIR", &path)
        .output()
        .expect("the binary runs");
    assert!(run.status.success());
    let left = std::fs::read_dir(folder.path())
        .expect("the folder")
        .count();
    assert_eq!(left, 0);
}

#[test]
fn more_memory_does_not_turn_large_values_away() {
    let loop_of = |memory: &str, size: &str, keys: &str| {
        let report = replayed(&[
            "--workload",
            "loop",
            "--keys",
            keys,
            "--requests",
            "60",
            "--value-size",
            size,
            "--write-ratio",
            "0",
            "--store",
            "memory",
            "--memory",
            memory,
            "--threads",
            "1",
        ]);
        number(&report, "/hits/memory")
    };
    // 4 MiB in shards of 1 MiB held none of these.
    assert_eq!(loop_of("3MiB", "1100KiB", "1"), 59);
    assert_eq!(loop_of("4MiB", "1100KiB", "1"), 59);
    assert_eq!(loop_of("64MiB", "10MiB", "3"), 57);
}
