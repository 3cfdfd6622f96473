//! The simulator's counts against those of libCacheSim, to the request.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::command::strata;
use crate::shared;

/// The names of the policies as the reference writes them, and as they are here.
const NAMES: [(&str, &str); 5] = [
    ("FIFO", "fifo"),
    ("LRU", "lru"),
    ("Clock", "clock"),
    ("Sieve", "sieve"),
    ("S3FIFO", "s3-fifo"),
];

const POLICIES: &str = "fifo,lru,clock,sieve,s3-fifo";

/// What the reference says of a trace, in the form of our rows, for the policies that exist here.
#[derive(Default)]
struct Expected {
    capacities: Vec<String>,
    rows: Vec<String>,
}

fn reference() -> Option<BTreeMap<String, Expected>> {
    let text = fs::read_to_string(shared::reference()?.join("libcachesim.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("trace,capacity,policy,requests,misses,miss_ratio")
    );
    let mut traces: BTreeMap<String, Expected> = BTreeMap::new();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let [trace, capacity, policy, requests, misses, ratio] = fields[..] else {
            panic!("not six fields: {line}");
        };
        let Some((_, name)) = NAMES.iter().find(|(reference, _)| *reference == policy) else {
            continue;
        };
        let expected = traces.entry(trace.to_owned()).or_default();
        if !expected.capacities.iter().any(|known| known == capacity) {
            expected.capacities.push(capacity.to_owned());
        }
        expected.rows.push(format!(
            "{trace},{capacity},{name},{requests},{misses},{ratio}"
        ));
    }
    Some(traces)
}

/// Simulates the trace at the reference's sizes and asserts that every row is the reference's.
fn assert_equals_reference(wanted: impl Fn(&str) -> bool) {
    let (Some(traces), Some(reference)) = (shared::traces(), reference()) else {
        return;
    };
    let mut compared = 0;
    for (trace, mut expected) in reference.into_iter().filter(|(trace, _)| wanted(trace)) {
        let path = traces.join(format!("{trace}.oracleGeneral.zst"));
        let sizes = expected.capacities.join(",");
        let run = strata([
            "simulate",
            path.to_str().unwrap(),
            "--policies",
            POLICIES,
            "--sizes",
            &sizes,
            "--format",
            "csv",
        ]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{trace}");
        let mut got: Vec<String> = run.stdout.lines().skip(1).map(str::to_owned).collect();
        expected.rows.sort();
        got.sort();
        assert_eq!(got, expected.rows, "{trace}");
        compared += got.len();
    }
    assert!(compared > 0, "the reference has rows for these traces");
}

#[test]
fn small_traces_equal_the_reference_to_the_request() {
    assert_equals_reference(|trace| !matches!(trace, "P3" | "OLTP"));
}

#[test]
fn oltp_equals_the_reference_to_the_request() {
    assert_equals_reference(|trace| trace == "OLTP");
}

#[test]
fn p3_equals_the_reference_to_the_request() {
    assert_equals_reference(|trace| trace == "P3");
}

/// Misses on cpIO at 128, 256, ... 1024 MiB, objects counting their sizes (reference/README.md).
const BYTE_WEIGHTED: [(&str, [u64; 8]); 5] = [
    (
        "fifo",
        [93403, 89386, 84387, 84025, 72498, 72228, 72182, 72140],
    ),
    (
        "lru",
        [93374, 89783, 83572, 81722, 72494, 72104, 71972, 71704],
    ),
    (
        "clock",
        [93313, 89775, 83411, 81328, 74815, 72283, 71927, 64456],
    ),
    (
        "sieve",
        [91699, 86720, 78578, 76707, 69945, 66221, 64445, 64376],
    ),
    (
        "s3-fifo",
        [90117, 80915, 75060, 72191, 69815, 65542, 60799, 56045],
    ),
];

#[test]
fn byte_weighted_counts_equal_the_reference() {
    let Some(traces) = shared::traces() else {
        return;
    };
    let path = traces.join("cpIO.oracleGeneral.zst");
    let sizes: Vec<String> = (1..=8)
        .map(|eighth| format!("{}MiB", eighth * 128))
        .collect();
    let run = strata([
        "simulate",
        path.to_str().unwrap(),
        "--byte-weighted",
        "--policies",
        POLICIES,
        "--sizes",
        &sizes.join(","),
        "--format",
        "json",
    ]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(rows.len(), 40);
    for row in &rows {
        let (_, expected) = BYTE_WEIGHTED
            .iter()
            .find(|(policy, _)| row["policy"] == *policy)
            .unwrap();
        let column = row["capacity"].as_u64().unwrap() / (128 << 20) - 1;
        assert_eq!(row["requests"], 113_872);
        assert_eq!(row["misses"], expected[column as usize], "{row}");
    }
}

/// The command line of the workspace's own example.
#[test]
fn lirs_multi1_at_three_sizes_prints_the_counts_of_the_reference() {
    let (Some(traces), Some(reference)) = (shared::traces(), reference()) else {
        return;
    };
    let path = traces.join("lirs_multi1.oracleGeneral.zst");
    let run = strata([
        "simulate",
        path.to_str().unwrap(),
        "--policies",
        "all",
        "--sizes",
        "130,260,521",
    ]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 100));
    let rows: Vec<Vec<&str>> = run
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|cells: &Vec<&str>| cells.first() == Some(&"lirs_multi1"))
        .collect();
    for expected in &reference["lirs_multi1"].rows {
        let expected: Vec<&str> = expected.split(',').collect();
        assert!(
            rows.contains(&expected),
            "{expected:?} is not in\n{}",
            run.stdout
        );
    }
}

#[test]
fn published_hit_ratios_come_out() {
    let Some(traces) = shared::traces() else {
        return;
    };
    // The ARC paper (FAST'03), OLTP at 1,000 pages: LRU hits 32.83%.
    let path = traces.join("OLTP.lis.zst");
    let run = strata([
        "simulate",
        path.to_str().unwrap(),
        "--policies",
        "lru",
        "--sizes",
        "1000",
        "--format",
        "json",
    ]);
    let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    let hits = 100.0 * (1.0 - rows[0]["miss_ratio"].as_f64().unwrap());
    assert_eq!(format!("{hits:.2}"), "32.83");
}
