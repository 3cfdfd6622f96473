//! `strata trace generate`: the same arguments write the same trace.

use std::fs;

use strata_cli::trace::{self, Request};
use tempfile::TempDir;

use crate::command::{Run, strata_in};

fn generate(folder: &TempDir, arguments: &[&str]) -> Run {
    strata_in(folder.path(), ["trace", "generate"].iter().chain(arguments))
}

fn requests(folder: &TempDir, name: &str) -> Vec<Request> {
    let reader = trace::open(folder.path().join(name)).unwrap();
    reader.map(Result::unwrap).collect()
}

#[test]
fn the_same_arguments_write_the_same_trace() {
    let folder = TempDir::new().unwrap();
    for pattern in ["zipf", "scan", "loop", "mixed"] {
        for suffix in ["oracleGeneral", "csv.zst", "keys.gz", "lis", "lirs.xz"] {
            let arguments = [
                "--requests",
                "2000",
                "--keys",
                "300",
                "--size",
                "10..4KiB",
                "--seed",
                "5",
            ];
            let names = [
                format!("{pattern}.a.{suffix}"),
                format!("{pattern}.b.{suffix}"),
            ];
            for name in &names {
                let run = generate(&folder, &[&[pattern, name][..], &arguments].concat());
                assert_eq!(run.code, Some(0), "{run:?}");
            }
            let [first, second] = names.map(|name| fs::read(folder.path().join(name)).unwrap());
            assert!(first == second, "{pattern} {suffix}");
        }
    }
}

#[test]
fn requests_are_those_of_the_workload_with_next_positions() {
    let folder = TempDir::new().unwrap();
    let run = generate(
        &folder,
        &[
            "mixed",
            "a.oracleGeneral.zst",
            "--requests",
            "5000",
            "--keys",
            "400",
            "--size",
            "100..200",
        ],
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    assert!(
        run.stdout
            .starts_with("a.oracleGeneral.zst: 5000 requests, oracleGeneral, zstd, "),
        "{run:?}"
    );
    let made = requests(&folder, "a.oracleGeneral.zst");
    assert_eq!(made.len(), 5000);
    assert!(
        made.iter()
            .all(|request| (100..=200).contains(&request.size))
    );
    assert!(
        (0..)
            .zip(&made)
            .all(|(second, request)| request.time == second)
    );
    for (index, request) in made.iter().enumerate() {
        let later = made[index + 1..]
            .iter()
            .position(|other| other.key == request.key);
        let next = later.map(|later| (index + 1 + later) as u64 + 1);
        assert_eq!(request.next, next, "request {}", index + 1);
    }
    let run = generate(
        &folder,
        &[
            "mixed",
            "b.oracleGeneral",
            "--requests",
            "5000",
            "--keys",
            "400",
            "--seed",
            "1",
        ],
    );
    assert_eq!(run.code, Some(0));
    let keys = |requests: &[Request]| {
        requests
            .iter()
            .map(|request| request.key)
            .collect::<Vec<_>>()
    };
    assert_ne!(
        keys(&made),
        keys(&requests(&folder, "b.oracleGeneral")),
        "another seed"
    );
}

#[test]
fn keys_go_to_standard_output() {
    let folder = TempDir::new().unwrap();
    let run = generate(
        &folder,
        &[
            "loop",
            "-",
            "--to",
            "keys",
            "--requests",
            "7",
            "--keys",
            "3",
        ],
    );
    assert_eq!(
        (run.code, run.stdout.as_str(), run.stderr.as_str()),
        (Some(0), "0\n1\n2\n0\n1\n2\n0\n", "")
    );
}

#[test]
fn what_cannot_be_generated_is_a_bad_argument() {
    let folder = TempDir::new().unwrap();
    for (arguments, told) in [
        (&["zipf", "a.csv", "--requests", "0"][..], "--requests 0"),
        (&["zipf", "a.csv", "--keys", "0"], "0 keys"),
        (&["mixed", "a.csv", "--keys", "3"], "3 keys"),
        (&["zipf", "a.csv", "--skew", "-1"], "skew -1"),
        (&["zipf", "a.csv", "--skew", "NaN"], "skew NaN"),
        (
            &["zipf", "a.csv", "--size", "2..1"],
            "give the smaller size first",
        ),
        (&["zipf", "a.csv", "--size", "4GiB"], "4 GiB or more"),
        (&["zipf", "a.csv", "--size", "few"], "is no size"),
        (&["zipfian", "a.csv"], "zipfian"),
        (&["zipf", "a.dat"], "a.dat: the name does not tell a format"),
    ] {
        let run = generate(&folder, arguments);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.stderr.contains(told), "{run:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
