//! `strata replay --writes behind`: every value is right, and what is said of journal and store adds up.

use std::fs;

use crate::command::strata;
use crate::replay::{folder, number, replay, replayed};

/// The acknowledged writes are those that the store took and those that later ones replaced.
fn writes_add_up(report: &serde_json::Value) {
    let of = |name: &str| number(report, &format!("/behind/{name}"));
    let ended = of("applied") + of("coalesced") + of("left") + of("dead_letters");
    let acknowledged = number(report, "/acknowledged_writes") + of("acknowledged_before");
    assert_eq!(ended, acknowledged, "{report}");
    assert!(of("journal_records") >= number(report, "/acknowledged_writes"));
    assert!(of("journal_commits") > 0 && of("journal_bytes") > 0);
    assert_eq!((of("left"), of("dead_letters"), of("failures")), (0, 0, 0));
}

#[test]
fn every_workload_over_every_store_is_served_right() {
    for workload in ["zipf", "scan", "loop", "mixed"] {
        for store in ["redb", "memory"] {
            let report = replayed(&[
                "--writes",
                "behind",
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
                "0.5",
                "--max-delay",
                "5ms",
                "--max-dirty",
                "60",
            ]);
            writes_add_up(&report);
            // A key that was clean when its writer looked for room may have been dirty, and the other way round.
            assert!(number(&report, "/behind/dirty_peak") <= 60 + 3);
            assert_eq!(number(&report, "/read_back"), number(&report, "/origin"));
        }
    }
}

#[test]
fn the_store_sees_only_the_last_write_of_a_key_that_nothing_hurries() {
    let report = replayed(&[
        "--writes",
        "behind",
        "--max-delay",
        "60min",
        "--workload",
        "zipf",
        "--keys",
        "300",
        "--requests",
        "4000",
        "--threads",
        "2",
        "--write-ratio",
        "1",
    ]);
    writes_add_up(&report);
    let keys = number(&report, "/origin");
    assert_eq!(number(&report, "/acknowledged_writes"), keys + 4000);
    assert_eq!(
        number(&report, "/behind/applied"),
        keys,
        "closing brings them"
    );
    assert_eq!(number(&report, "/behind/coalesced"), 4000);
    assert_eq!(number(&report, "/behind/dirty_peak"), keys);
    assert_eq!(number(&report, "/read_back"), keys);
}

#[test]
fn a_clean_end_keeps_everything_and_a_later_run_goes_on() {
    for durability in ["process", "power"] {
        let (folder, path) = folder();
        let journal = folder.path().join("elsewhere");
        let store = format!("{path}/store");
        let arguments = [
            "--writes",
            "behind",
            "--dir",
            &store,
            "--journal",
            journal.to_str().expect("UTF-8"),
            "--durability",
            durability,
            "--workload",
            "loop",
            "--keys",
            "200",
            "--requests",
            "600",
            "--threads",
            "4",
        ];
        let first = replayed(&arguments);
        writes_add_up(&first);
        assert_eq!(number(&first, "/origin"), 200);
        assert!(journal.is_dir() && !folder.path().join("store/journal").exists());
        let second = replayed(&arguments);
        writes_add_up(&second);
        assert_eq!(number(&second, "/behind/acknowledged_before"), 0);
        assert_eq!(
            (number(&second, "/origin"), number(&second, "/read_back")),
            (0, 200)
        );
        let syncs = number(&second, "/behind/journal_syncs");
        assert!(durability == "process" || syncs > 0, "{second}");
    }
}

#[test]
fn table_csv_and_page_tell_of_the_journal() {
    let (folder, _) = folder();
    let page = folder.path().join("page.html");
    let short = ["replay", "--requests", "1000", "--keys", "100"];
    let path = page.to_str().expect("UTF-8");
    let run = strata([&short[..], &["--writes", "behind", "--report", path]].concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let html = fs::read_to_string(&page).expect("the page");
    for words in [
        "writes applied",
        "writes coalesced",
        "dirty peak",
        "journal commits",
        "left in the journal",
        "dead letters",
        "wrong values",
        "latency p99.9",
    ] {
        assert!(run.stdout.contains(words), "no {words} in {}", run.stdout);
        assert!(html.contains(words), "no {words} in the page");
    }
    assert!(html.contains("Every value that was read was right"));
    assert!(html.contains("aria-label=\"Who answered, over time\""));
    assert!(html.contains("read from memory"));
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 100));
    let csv = |writes: &str| {
        let run = strata([&short[..], &[writes, "--format", "csv"]].concat());
        let rows: Vec<Vec<String>> = run
            .stdout
            .lines()
            .map(|line| line.split(',').map(str::to_owned).collect())
            .collect();
        assert_eq!((rows.len(), rows[0].len()), (2, rows[1].len()));
        rows
    };
    let (behind, through) = (csv("--writes=behind"), csv("--writes=through"));
    assert_eq!(behind[0], through[0], "one header for both");
    let at = behind[0].iter().position(|name| name == "behind_applied");
    let at = at.expect("a column");
    assert!(
        behind[1][at]
            .parse::<u64>()
            .is_ok_and(|applied| applied >= 100)
    );
    assert_eq!(through[1][at], "");
}

#[test]
fn a_page_replaces_no_file_of_another_kind() {
    let (folder, _) = folder();
    let file = folder.path().join("notes.txt");
    fs::write(&file, "my notes").expect("a file");
    let (run, _) = replay(&[
        "--requests",
        "100",
        "--keys",
        "10",
        "--report",
        file.to_str().expect("UTF-8"),
    ]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert_eq!(fs::read(&file).expect("the file"), b"my notes");
}

#[test]
fn write_through_refuses_a_store_with_a_journal_beside_it() {
    let (_folder, path) = folder();
    let arguments = ["--dir", &path, "--requests", "100", "--keys", "10"];
    replayed(&[&arguments[..], &["--writes", "behind"]].concat());
    let (run, _) = replay(&arguments);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("use --writes behind"), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}
