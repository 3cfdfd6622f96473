//! `strata simulate --target` and `--lru-curve`: which size is enough.

use std::fs;

use serde_json::Value;

use tempfile::TempDir;

use crate::command::Run;
use crate::simulate::{folder, simulate};
use crate::traces::{oracle_general, requests_of, written};

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

#[test]
fn a_search_of_a_sample_ends_at_the_smallest_size_that_it_can_tell() {
    let folder = TempDir::new().unwrap();
    let mut requests = requests_of(&(0..20_000).map(|i| i * i % 7919).collect::<Vec<u64>>());
    for request in &mut requests {
        request.size = 1000;
    }
    written(&folder, "a.oracleGeneral", &oracle_general(&requests));
    for (sizes, weighing, floor) in [
        ("2000", &[][..], 1000..1001),
        // So many bytes hold about 100 objects of the sample.
        ("2MB", &["--byte-weighted"], 900_000..1_020_000),
    ] {
        let common = [
            "a.oracleGeneral",
            "--policies",
            "lru,fifo",
            "--sample",
            "0.1",
        ];
        let search = ["--sizes", sizes, "--target", "0.99"];
        let run = |format: &str| {
            let arguments = [&common[..], &search, weighing, &["--format", format]].concat();
            simulate(&folder, &arguments)
        };
        let json = run("json");
        let answers: Vec<Value> = rows(&json)
            .into_iter()
            .filter(|row| !row["target"].is_null())
            .collect();
        assert_eq!(answers.len(), 2, "{json:?}");
        let table = run("table").stdout;
        for row in answers {
            let capacity = row["capacity"].as_u64().unwrap();
            assert!(floor.contains(&capacity), "{row}");
            assert_eq!(row["answer"], "or-smaller", "{row}");
            let said = format!("at {capacity} or fewer: the sample tells no smaller size");
            assert!(
                table.contains(&said) && json.stderr.contains(&said),
                "{table}"
            );
        }
    }
}

#[test]
fn an_answer_that_is_a_row_already_comes_once() {
    let folder = folder();
    let arguments = [
        "web.oracleGeneral.zst",
        "--policies",
        "lru,fifo",
        "--target",
        "0.3",
    ];
    let run = |sizes: &str, format: &str| {
        let more = ["--sizes", sizes, "--format", format];
        simulate(&folder, &[&arguments[..], &more].concat())
    };
    let alone = rows(&run("10", "json"));
    let answer = alone
        .iter()
        .find(|row| row["answer"] == "smallest")
        .unwrap();
    assert_eq!(answer["policy"], "lru");
    let size = answer["capacity"].to_string();
    let run_of_size = run(&size, "csv");
    let lines: Vec<&str> = run_of_size.stdout.lines().collect();
    let start = format!("web,{size},lru,");
    let same = lines.iter().filter(|line| line.starts_with(&start));
    assert_eq!(same.count(), 1, "{run_of_size:?}");
    let said = format!("note: web: the row of lru at {size} is also the answer to --target\n");
    assert!(run_of_size.stderr.contains(&said), "{run_of_size:?}");
    let json = rows(&run(&size, "json"));
    let of_lru: Vec<&Value> = json.iter().filter(|row| row["policy"] == "lru").collect();
    assert_eq!(of_lru, [answer]);
}

#[test]
fn a_target_out_of_reach_is_a_row_of_json() {
    let folder = folder();
    let arguments = [
        "web.oracleGeneral.zst",
        "--policies",
        "lru,fifo",
        "--target",
        "0.04",
    ];
    let run = simulate(
        &folder,
        &[&arguments[..], &["--sizes", "10", "--format", "json"]].concat(),
    );
    let rows = rows(&run);
    assert_eq!(rows.len(), 4, "{rows:?}");
    for row in &rows[2..] {
        assert_eq!(
            (&row["answer"], &row["target"]),
            (&"unreachable".into(), &0.04.into())
        );
        assert_eq!(
            (&row["capacity"], &row["misses"]),
            (&200.into(), &200.into())
        );
    }
}

#[test]
fn the_answer_of_lru_is_exact() {
    let folder = TempDir::new().unwrap();
    // A loop: LRU misses all of it below its 1,777 objects, and nothing at that size.
    let keys: Vec<u64> = (0..20_000)
        .map(|i| i % 1777)
        .chain(10_000..12_000)
        .collect();
    written(
        &folder,
        "loop.oracleGeneral",
        &oracle_general(&requests_of(&keys)),
    );
    let arguments = ["loop.oracleGeneral", "--policies", "lru", "--sizes", "10"];
    let target = ["--target", "0.5", "--format", "json"];
    let rows = rows(&simulate(&folder, &[&arguments[..], &target].concat()));
    assert_eq!(rows[1]["capacity"], 1777, "{rows:?}");
}
