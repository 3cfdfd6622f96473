//! `strata replay --disk`: a disk tier between memory and store.

use std::fs;

use serde_json::Value;

use crate::command::strata;
use crate::replay::{folder, number, replay, replayed};

/// A loop over more than memory holds, so that what comes again is on disk.
const LOOP: [&str; 12] = [
    "--workload",
    "loop",
    "--keys",
    "1000",
    "--requests",
    "5000",
    "--memory",
    "50KiB",
    "--disk",
    "8MiB",
    "--threads",
    "3",
];

fn fraction(report: &Value, pointer: &str) -> f64 {
    let value = report.pointer(pointer).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("no number {pointer} in {report}"))
}

#[test]
fn what_leaves_memory_is_answered_by_the_disk_tier() {
    for store in ["memory", "redb"] {
        for ratio in ["0", "0.3"] {
            let report =
                replayed(&[&LOOP[..], &["--store", store, "--write-ratio", ratio]].concat());
            let of = |name: &str| number(&report, name);
            assert_eq!(of("/origin"), 1000, "each key comes from the origin once");
            assert!(
                of("/hits/disk") > of("/hits/memory") + of("/hits/store"),
                "{report}"
            );
            assert!(of("/disk_tier/stored") >= 800, "{report}");
            assert_eq!(of("/disk_tier/damaged") + of("/disk_tier/errors"), 0);
            assert!(of("/latency_by_tier_ns/disk/p50") > 0);
            let written: u64 = ["entries", "reinserted", "fences"]
                .iter()
                .map(|cause| of(&format!("/disk_tier/written/{cause}")))
                .sum();
            let amplification = written as f64 / of("/disk_tier/stored_bytes") as f64;
            let told = fraction(&report, "/disk_tier/write_amplification");
            assert!((told - amplification).abs() < 1e-6, "{report}");
            assert!(amplification >= 1.0, "{report}");
            // A change of a key that is on disk leaves a fence there.
            assert_eq!(
                of("/disk_tier/written/fences") > 0,
                ratio != "0",
                "{report}"
            );
        }
    }
}

#[test]
fn a_disk_tier_is_warm_in_the_next_run_and_never_old() {
    let (_folder, path) = folder();
    let (store, tier) = (format!("{path}/store"), format!("{path}/tier"));
    let kept = ["--dir", &store, "--disk-path", &tier];
    replayed(&[&LOOP[..], &kept, &["--write-ratio", "0.5"]].concat());
    // Whatever the first run overwrote must not come back: its values would be of an old version.
    let acks = format!("{path}/acks");
    let second = ["--requests", "1000", "--acks", &acks];
    let arguments: Vec<&str> = [&LOOP[..4], &LOOP[6..], &kept, &second].concat();
    let report = replayed(&arguments);
    assert_eq!(number(&report, "/origin"), 0);
    assert!(number(&report, "/hits/disk") > 800, "{report}");
    let third = replayed(&arguments);
    assert_eq!(number(&third, "/recovery/lost"), 0);
}

#[test]
fn table_csv_and_page_tell_of_the_disk_tier() {
    let (folder, _) = folder();
    let page = folder.path().join("page.html");
    let path = page.to_str().expect("UTF-8");
    let run = strata([&["replay", "--report", path][..], &LOOP].concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let html = fs::read_to_string(&page).expect("the page");
    for words in [
        "disk tier",
        "hits on disk",
        "stored on disk",
        "for fences",
        "write amplification",
    ] {
        assert!(run.stdout.contains(words), "no {words} in {}", run.stdout);
        assert!(html.contains(words), "no {words} in the page");
    }
    assert!(html.contains("read from the disk tier"));
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 100));
    let csv = |arguments: &[&str]| {
        let run = strata([&["replay", "--format", "csv"], arguments].concat());
        run.stdout.lines().next().unwrap_or_default().to_owned()
    };
    let header = csv(&LOOP);
    assert!(header.contains(",disk_stored,"), "{header}");
    assert_eq!(
        header,
        csv(&["--requests", "100", "--keys", "10"]),
        "one header for both"
    );
}

#[test]
fn a_directory_of_something_else_is_refused_and_left_alone() {
    let (folder, path) = folder();
    let diary = folder.path().join("superblocks");
    fs::write(&diary, "my diary").expect("a file");
    let (run, _) = replay(&[&LOOP[..], &["--disk-path", &path]].concat());
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert_eq!(fs::read(&diary).expect("the file"), b"my diary");
}
