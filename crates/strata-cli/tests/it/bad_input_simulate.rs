//! `strata simulate` on bad traces and bad arguments: one line, the right exit code.

use std::fs;

use crate::command::Run;
use crate::simulate::{folder, simulate};
use crate::traces::{oracle_general, requests_of, written};

/// Asserts that the run failed with this exit code and one line on stderr that holds all of `parts`.
fn assert_refused(run: &Run, code: i32, parts: &[&str]) {
    assert_eq!(run.code, Some(code), "{run:?}");
    assert_eq!(run.stdout, "", "{run:?}");
    let mut lines = run.stderr.lines().filter(|line| !line.is_empty());
    let line = lines.next().unwrap();
    assert!(line.starts_with("error: "), "{run:?}");
    for part in parts {
        assert!(line.contains(part), "`{part}` is not in {run:?}");
    }
    for more in lines {
        // What clap adds to a value it refuses.
        let known = more.contains("--help") || more.trim_start().starts_with("[possible values: ");
        assert!(code == 2 && known, "one line says it: {run:?}");
    }
    assert!(!run.stderr.contains("panicked"), "{run:?}");
}

#[test]
fn a_bad_trace_is_one_line_with_name_and_byte_and_the_traces_before_it_are_printed() {
    let folder = folder();
    written(
        &folder,
        "cut.oracleGeneral",
        &oracle_general(&requests_of(&[1, 2, 3]))[..50],
    );
    let sizes = ["--sizes", "10", "--format", "csv", "--policies", "lru"];
    for threads in ["1", "2"] {
        let run = simulate(
            &folder,
            &[&["cut.oracleGeneral", "--threads", threads], &sizes[..]].concat(),
        );
        assert_refused(
            &run,
            1,
            &[
                "cut.oracleGeneral: truncated at byte 50 of the file",
                "2 of its 24 bytes",
            ],
        );
    }
    let run = simulate(
        &folder,
        &[&["web.oracleGeneral.zst", "cut.oracleGeneral"], &sizes[..]].concat(),
    );
    assert_eq!(run.code, Some(1));
    assert_eq!(run.stdout.lines().count(), 2, "{run:?}");
    assert!(
        run.stderr
            .contains("cut.oracleGeneral: truncated at byte 50")
    );
}

#[test]
fn traces_that_cannot_be_read_are_refused() {
    let folder = folder();
    let good = fs::read(folder.path().join("web.oracleGeneral.zst")).unwrap();
    written(&folder, "cut.zst", &good[..good.len() - 3]);
    let mut flipped = good;
    flipped[500] ^= 0x40;
    written(&folder, "flipped.oracleGeneral", &flipped);
    written(&folder, "what.dat", b"what,where\n1,2\n");
    written(&folder, "empty.lis", b"");
    written(&folder, "empty", b"");
    written(&folder, "bad.lis", b"1 2 0 0\n1 2\n");
    fs::create_dir(folder.path().join("dir")).unwrap();
    for (name, parts) in [
        (
            "cut.zst",
            &[
                "cut.zst: truncated at byte ",
                " of the file: the zstd data ends early",
            ][..],
        ),
        (
            "flipped.oracleGeneral",
            &[
                "flipped.oracleGeneral: corrupt at byte ",
                " of the file: bad zstd data",
            ],
        ),
        (
            "what.dat",
            &[
                "what.dat: unknown trace format",
                "oracleGeneral",
                "arc",
                "lirs",
                "--trace-format",
            ],
        ),
        ("empty.lis", &["empty.lis: the trace is empty"]),
        ("empty", &["empty: the trace is empty"]),
        (
            "bad.lis",
            &[
                "bad.lis: corrupt at byte 8 of the file",
                "start count 0 request",
            ],
        ),
        ("dir", &["dir: a directory"]),
        (
            "none.lis",
            &["none.lis: cannot open the trace: No such file"],
        ),
    ] {
        for sizes in ["10", "10%"] {
            assert_refused(&simulate(&folder, &[name, "--sizes", sizes]), 1, parts);
        }
    }
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let folder = folder();
    for (arguments, parts) in [
        (
            &["--sizes", "0"][..],
            &["a cache of size 0 holds nothing"][..],
        ),
        (&["--sizes", "0%"], &["a cache of size 0 holds nothing"]),
        (
            &["--sizes", "0MiB", "--byte-weighted"],
            &["a cache of size 0 holds nothing"],
        ),
        (&["--sizes", "101%"], &["`101%` is no share", "up to 100%"]),
        (&["--sizes", "x%"], &["`x%` is no share"]),
        (
            &["--sizes=-1"],
            &["`-1` is no cache size", "130", "0.1%", "64MB", "64MiB"],
        ),
        (&["--sizes", "64XB"], &["`64XB` is no cache size"]),
        (&["--sizes", "10,,20"], &["`` is no cache size"]),
        (&["--sizes", "99999999999999999999"], &["too large"]),
        (&["--sizes", "64MiB"], &["--sizes 64MiB", "--byte-weighted"]),
        (&["--sizes", "130,260,130"], &["130 is given twice"]),
        (
            &["--sizes", "1024,1KiB", "--byte-weighted"],
            &["1KiB is given twice", "1024"],
        ),
        (&["--sizes", "1%,1.0%"], &["1.0% is given twice"]),
        (
            &["--sizes", "10..20"],
            &["`10..20` is no range of sizes", "0.1%..10%:20"],
        ),
        (
            &["--sizes", "10..20:1"],
            &["is no range of sizes", "2 to 1000"],
        ),
        (&["--sizes", "10..20:1001"], &["is no range of sizes"]),
        (
            &["--sizes", "0..20:3"],
            &["a cache of size 0 holds nothing"],
        ),
        (&["--sizes", "10..x:3"], &["`x` is no cache size"]),
        (&["--sizes", "20..10:3"], &["20..10:3 goes down"]),
        (
            &["--sizes", "1MiB..2MiB:3"],
            &["--sizes 1MiB", "--byte-weighted"],
        ),
        (&["--sample", "0"], &["`0` is no rate", "0.01 or 1%"]),
        (&["--sample", "1"], &["`1` is no rate"]),
        (&["--sample", "nan"], &["`nan` is no rate"]),
        (&["--sample=-0.5"], &["`-0.5` is no rate"]),
        (&["--sample", "120%"], &["`120%` is no rate"]),
        (&["--target", "0"], &["above 0 and below 1"]),
        (&["--target", "100%"], &["above 0 and below 1"]),
        (&["--target", "nan"], &["above 0 and below 1"]),
        (
            &["--lru-curve", "a.csv", "--byte-weighted"],
            &["--lru-curve", "--byte-weighted"],
        ),
        (&["--report", "-"], &["--report -: standard output"]),
        (&["--lru-curve", "-"], &["--lru-curve -: standard output"]),
        (
            &["--report", "a.html", "--lru-curve", "./a.html"],
            &["--report and --lru-curve both name ./a.html"],
        ),
        (&["--policies", "lur"], &["lur", "fifo, lru, clock, "]),
        (&["--policies", ""], &["fifo, lru, clock, "]),
        (&["--policies", "lru,"], &["fifo, lru, clock, "]),
        (&["--policies", "lru,lru"], &["policy `lru` is given twice"]),
        (&["--policies", "s3-fifo:small=2"], &["small"]),
        (&["--policies", "lru:small=0.1"], &["small"]),
        (&["--threads", "0"], &["--threads", "1..=1024"]),
        (&["--format", "xml"], &["xml"]),
        (&["--trace-format", "pcap"], &["pcap"]),
    ] {
        let run = simulate(&folder, &[&["web.oracleGeneral.zst"], arguments].concat());
        assert_refused(&run, 2, parts);
    }
    let run = simulate(&folder, &[]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("<TRACE>..."), "{run:?}");
}
