//! `strata simulate` as a user runs it: what it prints.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use cache_policies::AnyConfig;
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, strata_in};
use crate::traces::{gzip, oracle_general, requests_of, written, zstd};

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
fn several_traces_in_several_formats_come_one_after_the_other() {
    let folder = folder();
    written(&folder, "b.trace.gz", &gzip(b"1\n2\n1\n"));
    written(&folder, "c", b"10 2 0 0\n10 1 0 1\n");
    let arguments = [
        "b.trace.gz",
        "web.oracleGeneral.zst",
        "c",
        "--policies",
        "fifo",
        "--sizes",
        "2",
        "--format",
        "csv",
    ];
    let run = simulate(&folder, &arguments);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = run.stdout.lines().skip(1).collect();
    assert_eq!(
        (lines[0], lines[2]),
        ("b,2,fifo,3,2,0.666667", "c,2,fifo,3,2,0.666667")
    );
    assert!(lines[1].starts_with("web,2,fifo,4200,"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = folder();
    let sizes: Vec<String> = (1..2000).map(|size| size.to_string()).collect();
    let mut child = Command::new(env!("CARGO_BIN_EXE_strata"))
        .args([
            "simulate",
            "web.oracleGeneral.zst",
            "--policies",
            "all",
            "--format",
            "csv",
            "--sizes",
            &sizes.join(","),
        ])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // More rows than a pipe holds follow, and nobody reads them.
    let mut begin = [0; 16];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut begin).unwrap();
    drop(stdout);
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(
        (child.wait().unwrap().code(), stderr.as_str()),
        (Some(0), "")
    );
}

#[test]
fn a_format_that_is_given_overrules_the_name() {
    let folder = folder();
    written(&folder, "keys.lis", b"1\n2\n1\n");
    let common = [
        "keys.lis",
        "--policies",
        "lru",
        "--sizes",
        "2",
        "--format",
        "csv",
    ];
    let run = simulate(
        &folder,
        &[&common[..], &["--trace-format", "LIRS"]].concat(),
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(run.stdout.lines().last(), Some("keys,2,lru,3,2,0.666667"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_trace_from_a_pipe_is_read_once() {
    let run = |sizes: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_strata"))
            .args([
                "simulate",
                "/dev/stdin",
                "--policies",
                "lru",
                "--format",
                "csv",
                "--sizes",
                sizes,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // The magic number comes in two pieces; a run that refuses may be gone before the second.
        let trace = gzip(b"1\n2\n1\n");
        stdin.write_all(&trace[..1]).unwrap();
        let _ = stdin.write_all(&trace[1..]);
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, stdout, stderr) = run("2");
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(stdout.lines().last(), Some("stdin,2,lru,3,2,0.666667"));
    let (code, _, stderr) = run("10%");
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("/dev/stdin can be read only once") && stderr.contains("--sizes"),
        "{stderr}"
    );
}

#[test]
fn help_explains_every_option_and_shows_examples() {
    let folder = TempDir::new().unwrap();
    let run = simulate(&folder, &["--help"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    for part in [
        "--policies",
        "--sizes",
        "--byte-weighted",
        "--threads",
        "--sample",
        "--target",
        "--report",
        "--lru-curve",
        "Memory:",
        "0.1%..10%:20",
        "--format",
        "--trace-format",
        "--expansion-max",
        "[default: all]",
        "0.1%,1%,10%",
        "Examples:",
        "oracleGeneral",
        "MiB",
    ] {
        assert!(
            run.stdout.contains(part),
            "{part} is not in\n{}",
            run.stdout
        );
    }
    assert!(
        run.stdout.lines().all(|line| line.chars().count() <= 100),
        "{}",
        run.stdout
    );
    let top = strata_in(folder.path(), ["--help"]);
    assert!(
        top.stdout.contains("simulate") && top.stdout.contains("Exit codes"),
        "{}",
        top.stdout
    );
    assert!(
        top.stdout.lines().all(|line| line.chars().count() <= 100),
        "{}",
        top.stdout
    );
}

#[test]
fn every_policy_comes_back_under_its_name() {
    let names = "fifo lru clock slru lfu lfuda 2q arc lirs clock-pro sieve s3-fifo clock2q+ w-tinylfu w-tinylfu-adaptive gdsf \
                 hyperbolic lhd lecar random belady belady-size";
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

#[test]
fn help_lists_every_policy_with_its_parameters() {
    let folder = TempDir::new().unwrap();
    let help = simulate(&folder, &["--help"]).stdout;
    for config in AnyConfig::all() {
        let name = format!("\n  {}\n", config.name());
        let (_, below) = help.split_once(&name).expect(&name);
        for (parameter, value, expected) in config.parameters() {
            let line = format!("      {parameter}={value}: {expected}");
            assert!(below.contains(&line), "{line} is not in\n{help}");
        }
    }
    assert!(help.contains("\n  tinylfu/NAME"), "{help}");
}

#[test]
fn rows_of_traces_with_one_name_are_told_apart() {
    let folder = folder();
    written(&folder, "web.lirs", b"1\n2\n1\n");
    let arguments = [
        "web.lirs",
        "web.oracleGeneral.zst",
        "--policies",
        "lru,fifo",
    ];
    let sizes = ["--sizes", "2", "--format", "csv"];
    let run = simulate(&folder, &[&arguments[..], &sizes].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        run.stderr,
        "note: rows of 2 traces are named web, in this order: 2 of web.lirs, 2 of web.oracleGeneral.zst\n"
    );
}

#[test]
fn bytes_that_a_trace_does_not_tell_are_no_weights() {
    let folder = folder();
    written(&folder, "a.lirs", b"1\n2\n1\n");
    written(
        &folder,
        "b.oracleGeneral",
        &oracle_general(&requests_of(&[1, 2, 1])),
    );
    let run = |name: &str| {
        let arguments = ["--policies", "lru", "--sizes", "2", "--byte-weighted"];
        simulate(
            &folder,
            &[&[name], &arguments[..], &["--format", "csv"]].concat(),
        )
    };
    let untold = run("a.lirs");
    assert_eq!((untold.code, untold.stdout.as_str()), (Some(2), ""));
    assert_eq!(
        untold.stderr,
        "error: a.lirs tells no sizes: leave --byte-weighted out\n"
    );
    let all_one = run("b.oracleGeneral");
    assert_eq!(all_one.code, Some(0));
    assert_eq!(
        all_one.stderr,
        "note: b.oracleGeneral: every object is 1 byte: --byte-weighted changes nothing\n"
    );
}

#[test]
fn standard_input_is_a_trace_too() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_strata"))
        .args(["simulate", "-", "--policies", "lru", "--sizes", "2"])
        .args(["--trace-format", "lirs", "--format", "csv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"1\n2\n1\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().last(), Some("-,2,lru,3,2,0.666667"));
    let help = simulate(&TempDir::new().unwrap(), &["--help"]).stdout;
    assert!(help.contains("- for standard"), "{help}");
}
