//! `strata simulate`'s traces: several, from pipes, with formats that are given, without sizes.

use tempfile::TempDir;

use crate::command::{Run, strata_fed};
use crate::simulate::{folder, simulate};
use crate::traces::{gzip, oracle_general, requests_of, written};

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
    let trace = gzip(b"1\n2\n1\n");
    let run = |sizes: &str| {
        let arguments = ["simulate", "/dev/stdin", "--policies", "lru"];
        let rows = ["--format", "csv", "--sizes", sizes];
        // The magic number comes in two pieces.
        let (first, rest) = trace.split_at(1);
        Run::of(strata_fed([arguments, rows].concat(), &[first, rest]))
    };
    let passed = run("2");
    assert_eq!((passed.code, passed.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        passed.stdout.lines().last(),
        Some("stdin,2,lru,3,2,0.666667")
    );
    let refused = run("10%");
    assert_eq!(refused.code, Some(2));
    let once = "/dev/stdin can be read only once";
    assert!(
        refused.stderr.contains(once) && refused.stderr.contains("--sizes"),
        "{refused:?}"
    );
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
    let arguments = "simulate - --policies lru --sizes 2 --trace-format lirs --format csv";
    let run = Run::of(strata_fed(arguments.split(' '), &[b"1\n2\n1\n"]));
    assert_eq!(run.stdout.lines().last(), Some("-,2,lru,3,2,0.666667"));
    let help = simulate(&TempDir::new().unwrap(), &["--help"]).stdout;
    assert!(help.contains("- for standard"), "{help}");
}
