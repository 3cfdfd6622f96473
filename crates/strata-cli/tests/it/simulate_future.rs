//! Policies that must know the future, on traces that say it, that do not, and that say it wrong.

use std::collections::HashSet;

use tempfile::TempDir;

use crate::command::{Run, strata_fed};
use crate::simulate::simulate;
use crate::traces::{oracle_general, requests_of, written};

/// 9,000 keys: some of 40 that come again and again, others of 600.
fn keys() -> Vec<u64> {
    (0..9000_u64)
        .map(|i| {
            if i % 3 == 0 {
                i % 40
            } else {
                i * i % 7919 % 600
            }
        })
        .collect()
}

const ARGUMENTS: [&str; 6] = [
    "--policies",
    "belady,belady-size,lru",
    "--sizes",
    "20,100",
    "--format",
    "csv",
];

/// The counts, without the trace's name.
fn counts(folder: &TempDir, name: &str) -> Vec<String> {
    let run = simulate(folder, &[&[name], &ARGUMENTS[..]].concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{name}");
    let rest = |line: &str| line.split_once(',').unwrap().1.to_owned();
    run.stdout.lines().skip(1).map(rest).collect()
}

#[test]
fn the_counts_are_the_same_whether_the_trace_says_it_or_not() {
    let folder = TempDir::new().unwrap();
    let lines = |line: fn(u64) -> String| keys().into_iter().map(line).collect::<String>();
    written(
        &folder,
        "told.oracleGeneral",
        &oracle_general(&requests_of(&keys())),
    );
    written(
        &folder,
        "untold.lirs",
        lines(|key| format!("{key}\n")).as_bytes(),
    );
    written(
        &folder,
        "untold.lis",
        lines(|key| format!("{key} 1 0 0\n")).as_bytes(),
    );
    written(
        &folder,
        "untold.csv",
        format!("time,key\n{}", lines(|key| format!("0,{key}\n"))).as_bytes(),
    );
    let told = counts(&folder, "told.oracleGeneral");
    assert_eq!(told.len(), 6);
    for name in ["untold.lirs", "untold.lis", "untold.csv"] {
        assert_eq!(counts(&folder, name), told, "{name}");
    }
}

#[test]
fn what_the_trace_says_wrong_is_worked_out_anew() {
    let folder = TempDir::new().unwrap();
    let right = requests_of(&keys());
    let half = right[right.len() / 2..].to_vec();
    // The second half is found out where an object of it comes again.
    let mut seen = HashSet::new();
    let again = half
        .iter()
        .position(|request| !seen.insert(request.key))
        .unwrap()
        + 1;
    let second = right[0].next.unwrap() as usize;
    let joined = [right.clone(), right.clone()].concat();
    let mut late = right.clone();
    late[0].next = Some(5);
    let mut never = right.clone();
    never[0].next = None;
    let mut before = right.clone();
    before[second - 1].next = Some(2);
    for (name, requests, position) in [
        ("half", half, again),
        ("joined", joined, 9001),
        ("late", late, second),
        ("never", never, second),
        ("before", before, second),
    ] {
        let keys: Vec<u64> = requests.iter().map(|request| request.key).collect();
        let (told, right) = (
            format!("{name}.oracleGeneral"),
            format!("{name}-right.oracleGeneral"),
        );
        written(&folder, &told, &oracle_general(&requests));
        written(&folder, &right, &oracle_general(&requests_of(&keys)));
        // A share takes a first reading, which finds it; else the simulation does.
        for sizes in ["20,100", "5%,20%"] {
            let arguments = ["--policies", "belady,belady-size,lru", "--format", "csv"];
            let arguments = [&arguments[..], &["--sizes", sizes]].concat();
            let run = |name: &str| {
                let run = simulate(&folder, &[&[name], &arguments[..]].concat());
                let rest = |line: &str| line.split_once(',').unwrap().1.to_owned();
                assert_eq!(run.code, Some(0), "{run:?}");
                (run.stdout.lines().map(rest).collect::<Vec<_>>(), run.stderr)
            };
            let (rows, said) = run(&told);
            assert_eq!((rows, String::new()), run(&right), "{name}");
            let note = format!(
                "note: {told}: what the trace says of the future is wrong at request {position}: it is worked out anew\n"
            );
            assert_eq!(said, note);
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_pipe_serves_where_it_says_the_future() {
    let run = |trace: &[u8], more: &[&str]| {
        let arguments = [&["simulate", "/dev/stdin"], &ARGUMENTS[..], more].concat();
        let run = Run::of(strata_fed(arguments, &[trace]));
        (run.code, run.stdout, run.stderr)
    };
    let told = oracle_general(&requests_of(&keys()));
    let (code, stdout, stderr) = run(&told, &[]);
    assert_eq!(
        (code, stdout.lines().count(), stderr.as_str()),
        (Some(0), 7, "")
    );
    // What a pipe says cannot be worked out anew.
    let wrong = [told.clone(), told.clone()].concat();
    let (code, stdout, stderr) = run(&wrong, &[]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    assert!(
        stderr.contains("wrong at request 9001:") && stderr.contains("strata trace convert"),
        "{stderr}"
    );
    for (trace, more, said) in [
        (&b"1\n2\n1\n"[..], &[][..], "belady must know the future"),
        (
            &told,
            &["--sample", "0.5"],
            "belady must know the future of the sample",
        ),
        (
            &told,
            &["--target", "0.5"],
            "--target takes several readings",
        ),
    ] {
        let (code, stdout, stderr) = run(trace, more);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
        assert!(
            stderr.contains("/dev/stdin can be read only once") && stderr.contains(said),
            "{stderr}"
        );
    }
}
