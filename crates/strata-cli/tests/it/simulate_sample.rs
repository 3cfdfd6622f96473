//! `strata simulate --sample`: how far the estimates are off, and what is refused.

use serde_json::Value;
use tempfile::TempDir;

use crate::command::strata;
use crate::shared;
use crate::simulate::simulate;
use crate::traces::{oracle_general, requests_of, written};

/// Miss ratio and expected error of each row.
fn ratios(arguments: &[&str]) -> Vec<(f64, Option<f64>)> {
    let run = strata(["simulate", "--format", "json"].iter().chain(arguments));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    let row = |row: &Value| {
        (
            row["miss_ratio"].as_f64().unwrap(),
            row["expected_error"].as_f64(),
        )
    };
    rows.iter().map(row).collect()
}

#[test]
fn estimates_lie_near_the_whole_run_and_say_how_near() {
    let Some(traces) = shared::traces() else {
        return;
    };
    let (mut errors, mut shares) = (Vec::new(), Vec::new());
    for (trace, sizes, rates) in [
        ("web12", "1000,1375,2751", &["0.2", "10%"][..]),
        ("cpIO", "2000,4897,9794", &["0.2", "0.1", "0.05"]),
        ("lirs_sprite", "1415,3000", &["0.2", "0.1"]),
        ("OLTP", "1868,9344,37376", &["0.2", "0.1", "0.06"]),
    ] {
        let path = traces.join(format!("{trace}.oracleGeneral.zst"));
        let common = [
            path.to_str().unwrap(),
            "--sizes",
            sizes,
            "--policies",
            "lru,sieve,s3-fifo,belady",
        ];
        let whole = ratios(&common);
        for rate in rates {
            let estimated = ratios(&[&common[..], &["--sample", rate]].concat());
            for ((whole, none), (estimate, expected)) in whole.iter().zip(estimated) {
                assert_eq!(*none, None);
                let (error, expected) = ((whole - estimate).abs(), expected.unwrap());
                assert!(
                    error <= 4.0 * expected,
                    "{trace} at {rate}: {whole} {estimate} {expected}"
                );
                errors.push(error);
                shares.push(error / expected);
            }
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert!(
        errors.iter().all(|error| *error <= 0.08) && mean(&errors) <= 0.01,
        "{errors:?}"
    );
    // Neither far too bold nor far too timid.
    assert!((0.1..1.5).contains(&mean(&shares)), "{}", mean(&shares));
}

#[test]
fn a_sample_is_the_same_in_every_run_and_on_any_threads() {
    let folder = TempDir::new().unwrap();
    let keys: Vec<u64> = (0..40_000_u64).map(|i| i * i % 7919 % 3000).collect();
    written(
        &folder,
        "a.oracleGeneral",
        &oracle_general(&requests_of(&keys)),
    );
    let run = |threads: &str| {
        let arguments = [
            "a.oracleGeneral",
            "--sample",
            "0.2",
            "--sizes",
            "500,1000",
            "--format",
            "csv",
        ];
        let run = simulate(&folder, &[&arguments[..], &["--threads", threads]].concat());
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        run.stdout
    };
    let alone = run("1");
    assert_eq!(run("1"), alone);
    assert_eq!(run("3"), alone);
    // All requests are counted, though few are simulated.
    assert!(
        alone.lines().skip(1).all(|line| line.contains(",40000,")),
        "{alone}"
    );
}

#[test]
fn a_rate_that_leaves_too_few_objects_is_refused() {
    let folder = TempDir::new().unwrap();
    let mut requests = requests_of(&(0..20_000).map(|i| i * i % 7919).collect::<Vec<u64>>());
    for request in &mut requests {
        request.size = 1000;
    }
    written(&folder, "a.oracleGeneral", &oracle_general(&requests));
    for (arguments, accepted) in [
        (&["--sizes", "999"][..], false),
        (&["--sizes", "1000"], true),
        (&["--sizes", "2000,500"], false),
        // So many bytes hold 990 objects of 1,000 bytes, then 1,100.
        (&["--byte-weighted", "--sizes", "990kB"], false),
        (&["--byte-weighted", "--sizes", "1100kB"], true),
    ] {
        let run = simulate(
            &folder,
            &[&["a.oracleGeneral", "--sample", "0.1"], arguments].concat(),
        );
        assert_eq!(
            run.code,
            Some(if accepted { 0 } else { 2 }),
            "{arguments:?} {run:?}"
        );
        let told = run.stderr.contains("--sample 0.1 leaves a cache of size")
            && run.stderr.contains("100 objects");
        assert_eq!(told, !accepted, "{run:?}");
    }
}

#[test]
fn the_future_of_a_sample_is_found_by_a_first_reading() {
    let folder = TempDir::new().unwrap();
    let keys: Vec<u64> = (0..40_000_u64).map(|i| i * i % 7919 % 3000).collect();
    let text: String = keys.iter().map(|key| format!("{key}\n")).collect();
    written(
        &folder,
        "a.oracleGeneral",
        &oracle_general(&requests_of(&keys)),
    );
    written(&folder, "a.lirs", text.as_bytes());
    let arguments = [
        "--sample",
        "0.3",
        "--sizes",
        "600",
        "--policies",
        "belady,lru",
        "--format",
        "json",
    ];
    let misses = |name: &str| -> Vec<u64> {
        let run = simulate(&folder, &[&[name], &arguments[..]].concat());
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
        rows.iter()
            .map(|row| row["misses"].as_u64().unwrap())
            .collect()
    };
    let from_column = misses("a.oracleGeneral");
    assert_eq!(from_column, misses("a.lirs"));
    assert!(from_column[0] < from_column[1], "{from_column:?}");
}
