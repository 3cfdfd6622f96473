//! `strata simulate` as a user runs it: what it prints.

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, strata_in, strata_unread};
use crate::traces::{oracle_general, requests_of, written, zstd};

/// A folder with a small trace, `web.oracleGeneral.zst`, of 4,000 requests for 200 objects.
pub(crate) fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let keys: Vec<u64> = (0..4000_u64)
        .map(|i| {
            if i % 3 == 0 {
                i % 20
            } else {
                i * i % 397 % 200
            }
        })
        .chain(0..200)
        .collect();
    let mut requests = requests_of(&keys);
    for request in &mut requests {
        request.size = 100 + request.key as u32;
    }
    written(
        &folder,
        "web.oracleGeneral.zst",
        &zstd(&oracle_general(&requests)),
    );
    folder
}

pub(crate) fn simulate(folder: &TempDir, arguments: &[&str]) -> Run {
    strata_in(folder.path(), ["simulate"].iter().chain(arguments))
}

#[test]
fn csv_has_the_columns_of_the_reference_and_the_order_of_the_arguments() {
    let folder = folder();
    let run = simulate(
        &folder,
        &[
            "web.oracleGeneral.zst",
            "--policies",
            "sieve,lru",
            "--sizes",
            "50,10",
            "--format",
            "csv",
        ],
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[0], "trace,capacity,policy,requests,misses,miss_ratio");
    let heads: Vec<String> = lines[1..]
        .iter()
        .map(|line| line.split(',').take(4).collect::<Vec<_>>().join(","))
        .collect();
    assert_eq!(
        heads,
        [
            "web,50,sieve,4200",
            "web,50,lru,4200",
            "web,10,sieve,4200",
            "web,10,lru,4200"
        ]
    );
    for line in &lines[1..] {
        let fields: Vec<&str> = line.split(',').collect();
        let ratio = fields[4].parse::<f64>().unwrap() / 4200.0;
        assert_eq!(fields[5], format!("{ratio:.6}"));
    }
}

#[test]
fn the_three_forms_hold_the_same_counts() {
    let folder = folder();
    let run = |format: &str| {
        simulate(
            &folder,
            &[
                "web.oracleGeneral.zst",
                "--sizes",
                "10%,7",
                "--format",
                format,
            ],
        )
        .stdout
    };
    let rows: Vec<Value> = serde_json::from_str(&run("json")).unwrap();
    let from_json: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "{},{},{},{},{},{:.6}",
                row["trace"].as_str().unwrap(),
                row["capacity"],
                row["policy"].as_str().unwrap(),
                row["requests"],
                row["misses"],
                row["miss_ratio"].as_f64().unwrap()
            )
        })
        .collect();
    let csv = run("csv");
    assert_eq!(csv.lines().skip(1).collect::<Vec<_>>(), from_json);
    let table = run("table");
    let from_table: Vec<String> = table
        .lines()
        // The last column, the byte miss ratio, is not in CSV.
        .map(|line| {
            line.split_whitespace()
                .take(6)
                .collect::<Vec<_>>()
                .join(",")
        })
        .filter(|line| line.starts_with("web,"))
        .collect();
    assert_eq!(from_table, from_json);
    assert!(
        table.lines().all(|line| line.chars().count() <= 100),
        "{table}"
    );
}

#[test]
fn threads_change_no_count() {
    let folder = folder();
    let run = |threads: &str| {
        let run = simulate(
            &folder,
            &[
                "web.oracleGeneral.zst",
                "--sizes",
                "1%,5%,10%,20%,50%",
                "--format",
                "csv",
                "--threads",
                threads,
            ],
        );
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        run.stdout
    };
    let alone = run("1");
    for threads in ["2", "3", "1024"] {
        assert_eq!(run(threads), alone);
    }
}

#[test]
fn parameters_of_a_policy_show_in_its_name() {
    let folder = folder();
    let run = simulate(
        &folder,
        &[
            "web.oracleGeneral.zst",
            "--policies",
            "s3-fifo,s3-fifo:small=0.2,threshold=1,lru",
            "--sizes",
            "20",
            "--format",
            "csv",
        ],
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = run.stdout.lines().skip(1).collect();
    assert!(lines[0].starts_with("web,20,s3-fifo,"), "{lines:?}");
    assert!(
        lines[1].starts_with("web,20,\"s3-fifo:small=0.2,threshold=1\","),
        "{lines:?}"
    );
    assert!(lines[2].starts_with("web,20,lru,"), "{lines:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = folder();
    let sizes: Vec<String> = (1..2000).map(|size| size.to_string()).collect();
    let sizes = sizes.join(",");
    // More rows than a pipe holds.
    let arguments = ["simulate", "web.oracleGeneral.zst", "--policies", "all"];
    let rows = ["--format", "csv", "--sizes", &sizes];
    let run = strata_unread(folder.path(), [arguments, rows].concat());
    assert_eq!(run, (Some(0), String::new()));
}

#[test]
fn every_policy_comes_back_under_its_name() {
    let names = "fifo lru clock slru lfu lfuda 2q arc lirs clock-pro sieve s3-fifo clock2q+ w-tinylfu w-tinylfu-adaptive duel \
                 gdsf hyperbolic lhd lecar random belady belady-size";
    let names: Vec<&str> = names.split_whitespace().collect();
    let folder = folder();
    for policies in [names.join(","), "all".to_owned()] {
        let arguments = ["web.oracleGeneral.zst", "--sizes", "20", "--format", "csv"];
        let run = simulate(
            &folder,
            &[&arguments[..], &["--policies", &policies]].concat(),
        );
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        let policy = |line: &str| line.split(',').nth(2).unwrap().to_owned();
        let shown: Vec<String> = run.stdout.lines().skip(1).map(policy).collect();
        if policies == "all" {
            assert!(
                names
                    .iter()
                    .all(|name| shown.iter().any(|shown| shown == name)),
                "{shown:?}"
            );
        } else {
            assert_eq!(shown, names);
        }
    }
}
