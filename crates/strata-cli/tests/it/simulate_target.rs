//! `strata simulate --target` and `--lru-curve`: which size is enough.

use std::fs;

use serde_json::Value;

use crate::command::Run;
use crate::simulate::{folder, simulate};

/// The rows of a run.
fn rows(run: &Run) -> Vec<Value> {
    assert_eq!(run.code, Some(0), "{run:?}");
    serde_json::from_str(&run.stdout).unwrap()
}

/// LRU's misses at each size from 1 to 200 objects, simulated one by one.
fn lru_misses(folder: &tempfile::TempDir) -> Vec<u64> {
    let sizes: Vec<String> = (1..=200).map(|size| size.to_string()).collect();
    let sizes = sizes.join(",");
    let arguments = [
        "web.oracleGeneral.zst",
        "--policies",
        "lru",
        "--format",
        "json",
        "--sizes",
        &sizes,
    ];
    rows(&simulate(folder, &arguments))
        .iter()
        .map(|row| row["misses"].as_u64().unwrap())
        .collect()
}

#[test]
fn the_smallest_size_that_reaches_the_target_is_found() {
    let folder = folder();
    let misses = lru_misses(&folder);
    for target in ["0.9", "0.6", "0.3", "20%", "0.1", "0.048"] {
        let wanted = match target.strip_suffix('%') {
            Some(percent) => percent.parse::<f64>().unwrap() / 100.0,
            None => target.parse().unwrap(),
        };
        let smallest = misses
            .iter()
            .position(|misses| *misses as f64 / 4200.0 <= wanted)
            .unwrap()
            + 1;
        for sizes in ["1", "7,100", "100%", "150..300:3"] {
            let arguments = [
                "web.oracleGeneral.zst",
                "--policies",
                "lru,fifo",
                "--sizes",
                sizes,
                "--target",
                target,
            ];
            let rows = rows(&simulate(
                &folder,
                &[&arguments[..], &["--format", "json"]].concat(),
            ));
            let answers: Vec<&Value> = rows.iter().filter(|row| row["target"] == wanted).collect();
            assert_eq!(answers.len(), 2, "{rows:?}");
            assert!(
                answers
                    .iter()
                    .all(|row| row["miss_ratio"].as_f64().unwrap() <= wanted),
                "{answers:?}"
            );
            // Below 200 objects, 1% is less than one of them.
            assert_eq!(answers[0]["capacity"], smallest, "{target} {sizes}");
            assert_eq!(answers[0]["misses"], misses[smallest - 1]);
        }
    }
}

#[test]
fn a_target_below_the_first_requests_is_said_to_be_out_of_reach() {
    let folder = folder();
    let arguments = [
        "web.oracleGeneral.zst",
        "--policies",
        "lru",
        "--sizes",
        "10",
        "--target",
        "0.04",
    ];
    let run = simulate(&folder, &arguments);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    // 200 of 4,200 requests are for an object that comes up first.
    for part in [
        "lru reaches a miss ratio of 0.04 nowhere",
        "even at 200,",
        "first requests alone make 0.047619",
    ] {
        assert!(run.stdout.contains(part), "{part} is not in {run:?}");
    }
    let run = simulate(&folder, &[&arguments[..], &["--format", "csv"]].concat());
    assert_eq!(
        (run.code, run.stdout.lines().count()),
        (Some(0), 2),
        "{run:?}"
    );
    assert!(run.stderr.starts_with("note: web: lru reaches"), "{run:?}");
}

#[test]
fn the_answers_follow_the_rows_in_every_form() {
    let folder = folder();
    let common = [
        "web.oracleGeneral.zst",
        "--policies",
        "lru,clock",
        "--sizes",
        "10,50",
        "--target",
        "0.2",
    ];
    let csv = simulate(&folder, &[&common[..], &["--format", "csv"]].concat());
    assert_eq!(
        (csv.code, csv.stdout.lines().count()),
        (Some(0), 1 + 4 + 2),
        "{csv:?}"
    );
    let table = simulate(&folder, &common).stdout;
    let (_, answers) = table
        .split_once("The smallest sizes with a miss ratio of at most 0.2:")
        .unwrap();
    for line in csv.stdout.lines().skip(5) {
        let cells: Vec<&str> = line.split(',').collect();
        let is_there = answers
            .lines()
            .any(|line| line.split_whitespace().take(6).eq(cells.iter().copied()));
        assert!(is_there, "{line} is not in {answers}");
    }
}

#[test]
fn the_curve_of_lru_is_what_simulations_of_every_size_count() {
    let folder = folder();
    let arguments = [
        "web.oracleGeneral.zst",
        "--policies",
        "fifo",
        "--sizes",
        "3",
        "--lru-curve",
        "curve.csv",
    ];
    let run = simulate(&folder, &arguments);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let text = fs::read_to_string(folder.path().join("curve.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("trace,capacity,policy,requests,misses,miss_ratio")
    );
    let steps: Vec<(usize, u64)> = lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!((cells[0], cells[2], cells[3]), ("web", "lru", "4200"));
            (cells[1].parse().unwrap(), cells[4].parse().unwrap())
        })
        .collect();
    let simulated = lru_misses(&folder);
    for (size, misses) in (1..).zip(&simulated) {
        let step = steps.iter().rev().find(|(from, _)| *from <= size);
        assert_eq!(step.map(|(_, misses)| misses), Some(misses), "{size}");
    }
    assert!(
        steps.windows(2).all(|pair| pair[0].1 > pair[1].1),
        "only where the misses change"
    );
}
