//! `strata trace head`: the first requests, in three forms.

use tempfile::TempDir;

use crate::command::{Run, strata_in};
use crate::traces::{oracle_general, request, written, zstd};

fn head(folder: &TempDir, arguments: &[&str]) -> Run {
    strata_in(folder.path(), ["trace", "head"].iter().chain(arguments))
}

fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let requests = [
        request(5, 85, 4096, Some(3)),
        request(6, u64::MAX, 10, None),
        request(7, 85, 4096, None),
    ];
    written(
        &folder,
        "full.oracleGeneral.zst",
        &zstd(&oracle_general(&requests)),
    );
    written(&folder, "bare.keys", b"85\n7\n");
    written(
        &folder,
        "cut.oracleGeneral",
        &oracle_general(&requests)[..60],
    );
    folder
}

#[test]
fn csv_shows_the_columns_that_are_held() {
    let folder = folder();
    for (arguments, expected) in [
        (
            &["full.oracleGeneral.zst"][..],
            "time,key,size,next\n5,85,4096,3\n6,18446744073709551615,10,-1\n7,85,4096,-1\n",
        ),
        (
            &["full.oracleGeneral.zst", "-n", "1"],
            "time,key,size,next\n5,85,4096,3\n",
        ),
        (
            &["full.oracleGeneral.zst", "-n", "0"],
            "time,key,size,next\n",
        ),
        (&["bare.keys"], "key\n85\n7\n"),
    ] {
        let run = head(&folder, &[arguments, &["--format", "csv"]].concat());
        assert_eq!(
            (run.code, run.stdout.as_str(), run.stderr.as_str()),
            (Some(0), expected, "")
        );
    }
}

#[test]
fn json_is_an_array_of_requests() {
    let folder = folder();
    for (name, expected) in [
        (
            "full.oracleGeneral.zst",
            serde_json::json!([
                {"time": 5, "key": 85, "size": 4096, "next": 3},
                {"time": 6, "key": u64::MAX, "size": 10, "next": null},
            ]),
        ),
        ("bare.keys", serde_json::json!([{"key": 85}, {"key": 7}])),
    ] {
        let run = head(&folder, &[name, "-n", "2", "--format", "json"]);
        let shown: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(shown, expected);
    }
    let run = head(&folder, &["bare.keys", "-n", "0", "--format", "json"]);
    assert_eq!(run.stdout, "[]\n");
}

#[test]
fn a_table_counts_the_requests() {
    let folder = folder();
    let run = head(&folder, &["full.oracleGeneral.zst"]);
    let rows: Vec<Vec<&str>> = run
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[1], ["request", "time", "key", "size", "next"]);
    assert_eq!(rows[4], ["2", "6", "18446744073709551615", "10", "-"]);
}

#[test]
fn what_comes_before_an_error_is_shown() {
    let folder = folder();
    for (format, shown) in [
        ("csv", "6,18446744073709551615,10,-1\n"),
        ("json", "]\n"),
        ("table", "18446744073709551615"),
    ] {
        let run = head(&folder, &["cut.oracleGeneral", "--format", format]);
        assert_eq!(run.code, Some(1));
        assert!(run.stdout.contains(shown), "{run:?}");
        assert!(
            run.stderr
                .contains("cut.oracleGeneral: truncated at byte 60"),
            "{run:?}"
        );
    }
}
