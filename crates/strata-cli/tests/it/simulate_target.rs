//! `strata simulate --target` and `--lru-curve`: which size is enough.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::command::Run;
use crate::simulate::{folder, simulate};
use crate::traces::{oracle_general, requests_of, written};

/// A run with the arguments in this line.
fn run(folder: &TempDir, arguments: &str) -> Run {
    let run = simulate(folder, &arguments.split(' ').collect::<Vec<_>>());
    assert_eq!(run.code, Some(0), "{arguments}: {run:?}");
    run
}

/// A run with the trace of [`folder`], and the arguments in this line.
fn web(folder: &TempDir, arguments: &str) -> Run {
    run(folder, &format!("web.oracleGeneral.zst {arguments}"))
}

/// The rows of a run that prints JSON.
fn rows(run: &Run) -> Vec<Value> {
    serde_json::from_str(&run.stdout).unwrap()
}

/// LRU's misses at each size from 1 to 200 objects, simulated one by one.
fn lru_misses(folder: &TempDir) -> Vec<u64> {
    let sizes: Vec<String> = (1..=200).map(|size| size.to_string()).collect();
    let arguments = format!("--policies lru --format json --sizes {}", sizes.join(","));
    rows(&web(folder, &arguments))
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
        let reaches = |misses: &u64| *misses as f64 / 4200.0 <= wanted;
        let smallest = misses.iter().position(reaches).unwrap() + 1;
        for sizes in ["1", "7,100", "100%", "150..300:3"] {
            let arguments =
                format!("--policies lru,fifo --sizes {sizes} --target {target} --format json");
            let rows = rows(&web(&folder, &arguments));
            let answers: Vec<&Value> = rows.iter().filter(|row| row["target"] == wanted).collect();
            assert_eq!(answers.len(), 2, "{rows:?}");
            let reaches = |row: &&Value| row["miss_ratio"].as_f64().unwrap() <= wanted;
            assert!(answers.iter().all(reaches), "{answers:?}");
            // Below 200 objects, 1% is less than one of them.
            assert_eq!(answers[0]["capacity"], smallest, "{target} {sizes}");
            assert_eq!(answers[0]["misses"], misses[smallest - 1]);
        }
    }
}

#[test]
fn a_target_below_the_first_requests_is_said_to_be_out_of_reach() {
    let folder = folder();
    let arguments = "--policies lru --sizes 10 --target 0.04";
    let table = web(&folder, arguments);
    assert_eq!(table.stderr, "");
    // 200 of 4,200 requests are for an object that comes up first.
    for part in [
        "lru reaches a miss ratio of 0.04 nowhere",
        "even at 200,",
        "first requests alone make 0.047619",
    ] {
        assert!(table.stdout.contains(part), "{part} is not in {table:?}");
    }
    let csv = web(&folder, &format!("{arguments} --format csv"));
    assert_eq!(csv.stdout.lines().count(), 2, "{csv:?}");
    assert!(csv.stderr.starts_with("note: web: lru reaches"), "{csv:?}");
    let arguments = arguments.replace("lru", "lru,fifo");
    let json = rows(&web(&folder, &format!("{arguments} --format json")));
    assert_eq!(json.len(), 4, "{json:?}");
    for answer in &json[2..] {
        assert_eq!(answer["answer"], "unreachable");
        assert_eq!(answer["target"], 0.04);
        assert_eq!(
            (&answer["capacity"], &answer["misses"]),
            (&200.into(), &200.into())
        );
    }
}

#[test]
fn the_answers_follow_the_rows_in_every_form() {
    let folder = folder();
    let arguments = "--policies lru,clock --sizes 10,50 --target 0.2";
    let csv = web(&folder, &format!("{arguments} --format csv"));
    assert_eq!(csv.stdout.lines().count(), 1 + 4 + 2, "{csv:?}");
    let table = web(&folder, arguments).stdout;
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
    let run = web(&folder, "--policies fifo --sizes 3 --lru-curve curve.csv");
    assert_eq!(run.stderr, "");
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
    for (sizes, floor) in [
        ("2000", 1000..1001),
        // So many bytes hold about 100 objects of the sample.
        ("2MB --byte-weighted", 900_000..1_020_000),
    ] {
        let search = |format: &str| {
            let arguments = format!("--sample 0.1 --sizes {sizes} --target 0.99 --format {format}");
            run(
                &folder,
                &format!("a.oracleGeneral --policies lru,fifo {arguments}"),
            )
        };
        let json = search("json");
        let mut answers = rows(&json);
        answers.retain(|row| !row["target"].is_null());
        assert_eq!(answers.len(), 2, "{json:?}");
        let table = search("table").stdout;
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
    let search = |sizes: &str, format: &str| {
        let arguments = "--policies lru,fifo --target 0.3 --sizes";
        web(&folder, &format!("{arguments} {sizes} --format {format}"))
    };
    let alone = rows(&search("10", "json"));
    let is_smallest = |row: &&Value| row["answer"] == "smallest";
    let answer = alone.iter().find(is_smallest).unwrap();
    assert_eq!(answer["policy"], "lru");
    let size = answer["capacity"].to_string();
    let csv = search(&size, "csv");
    let start = format!("web,{size},lru,");
    let same = csv.stdout.lines().filter(|line| line.starts_with(&start));
    assert_eq!(same.count(), 1, "{csv:?}");
    let said = format!("note: web: the row of lru at {size} is also the answer to --target\n");
    assert!(csv.stderr.contains(&said), "{csv:?}");
    let json = rows(&search(&size, "json"));
    let of_lru: Vec<&Value> = json.iter().filter(|row| row["policy"] == "lru").collect();
    assert_eq!(of_lru, [answer]);
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
    let arguments = "loop.oracleGeneral --policies lru --sizes 10 --target 0.5 --format json";
    let rows = rows(&run(&folder, arguments));
    assert_eq!(rows[1]["capacity"], 1777, "{rows:?}");
}
