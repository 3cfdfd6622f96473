//! `strata trace info`: figures of shared traces, of generated ones, and of small ones known by heart.

use serde_json::{Value, json};
use strata_cli::trace::Request;
use tempfile::TempDir;

use crate::command::{Run, strata, strata_in};
use crate::shared;
use crate::traces::{oracle_general, request, written};

fn info(folder: &TempDir, arguments: &[&str]) -> Run {
    strata_in(folder.path(), ["trace", "info"].iter().chain(arguments))
}

fn json_of(run: &Run) -> Value {
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn a_small_trace_is_known_by_heart() {
    let folder = TempDir::new().unwrap();
    let requests = [
        request(10, 1, 100, Some(4)),
        request(11, 2, 200, None),
        request(11, 3, 50, None),
        request(15, 1, 120, Some(5)),
        request(14, 1, 120, None),
    ];
    written(&folder, "a.oracleGeneral", &oracle_general(&requests));
    let expected = json!({
        "trace": "a.oracleGeneral",
        "format": "oracleGeneral",
        "compression": "none",
        "file_bytes": 120,
        "csv_columns": null,
        "requests": 5,
        "objects": 3,
        "bytes_requested": 590,
        "bytes_footprint": 350,
        "time": {"first": 10, "last": 15, "span": 5, "backwards": 1},
        "sizes": {"min": 50, "median": 120, "p99": 200, "max": 200, "mean": 118.0},
        "one_hit_wonders": {"objects": 2, "share_of_objects": 2.0 / 3.0, "share_of_requests": 0.4},
        "zipf": null,
        "reuse_distance": {
            "requests": 2, "p10": 0, "p25": 0, "median": 0, "p75": 2, "p90": 2, "p99": 2, "max": 2, "mean": 1.0
        },
        "lru": [
            {"share": 0.001, "objects": 1, "misses": 4, "miss_ratio": 0.8},
            {"share": 1.0, "objects": 3, "misses": 3, "miss_ratio": 0.6},
        ],
        "sequential_share": 0.4,
        "size_changes": {"requests": 1, "objects": 1},
        "next_access": {"column": "right"},
    });
    assert_eq!(
        json_of(&info(&folder, &["a.oracleGeneral", "--format", "json"])),
        expected
    );
}

#[test]
fn what_a_format_does_not_hold_is_null() {
    let folder = TempDir::new().unwrap();
    written(&folder, "a.lirs", b"1\n2\n2\n");
    let shown = json_of(&info(&folder, &["a.lirs", "--format", "json"]));
    for name in [
        "bytes_requested",
        "bytes_footprint",
        "time",
        "sizes",
        "size_changes",
    ] {
        assert_eq!(shown[name], Value::Null, "{name}");
    }
    assert_eq!(shown["next_access"], json!({"column": "absent"}));
}

#[test]
fn a_table_fits_100_columns_and_says_what_is_wrong() {
    let folder = TempDir::new().unwrap();
    let requests: Vec<Request> = (0..2000_u32)
        .map(|index| Request {
            time: 2_000_000_000 + index / 3,
            key: u64::from(index % 997) << 40,
            size: u32::MAX - index,
            next: Some(1),
        })
        .collect();
    written(&folder, "wrong.oracleGeneral", &oracle_general(&requests));
    let run = info(&folder, &["wrong.oracleGeneral"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.stdout.lines().all(|line| line.chars().count() <= 100),
        "{}",
        run.stdout
    );
    for told in [
        "wrong.oracleGeneral: oracleGeneral, 46.9 KiB",
        "requests",
        "2,000",
        "positions are wrong: convert",
        "LRU of 99 objects (10.00 %)",
        "Kolmogorov-Smirnov",
        "one-hit wonders",
    ] {
        assert!(run.stdout.contains(told), "{told}: {}", run.stdout);
    }
}

#[test]
fn the_columns_that_were_taken_are_told() {
    let folder = TempDir::new().unwrap();
    written(&folder, "a.csv", b"ts,id,url,size\n1,1,a,10\n2,2,b,10\n");
    let by_name = ["a.csv", "--columns", "time=ts,key=url"];
    let run = info(&folder, &by_name);
    assert!(
        run.stdout
            .starts_with("a.csv: csv, 33 B\ncolumns: time=ts,key=url\n"),
        "{run:?}"
    );
    let shown = json_of(&info(
        &folder,
        &[&by_name[..], &["--format", "json"]].concat(),
    ));
    assert_eq!(shown["csv_columns"], json!("time=ts,key=url"));
}

#[test]
fn figures_stand_under_a_header_that_names_them() {
    let folder = TempDir::new().unwrap();
    written(&folder, "a.lirs", b"1\n2\n2\n");
    let run = info(&folder, &["a.lirs"]);
    let rows: Vec<Vec<&str>> = run
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[2], ["figure", "value", "note"], "{run:?}");
    assert!(
        run.stdout
            .contains("not given: oracle policies find them out by a first reading"),
        "what simulate does: {run:?}"
    );
}

#[test]
fn a_generated_skew_is_found_again() {
    let folder = TempDir::new().unwrap();
    for skew in [0.6, 0.9, 1.1] {
        let name = format!("{skew}.keys.gz");
        let text = skew.to_string();
        let arguments = [
            "trace",
            "generate",
            "zipf",
            &name,
            "--requests",
            "400000",
            "--keys",
            "2000",
            "--skew",
            &text,
        ];
        assert_eq!(strata_in(folder.path(), arguments).code, Some(0));
        let shown = json_of(&info(&folder, &[&name, "--format", "json"]));
        let exponent = shown["zipf"]["exponent"].as_f64().unwrap();
        assert!((exponent - skew).abs() < 0.02, "{skew}: {exponent}");
        assert!(
            shown["zipf"]["ks_distance"].as_f64().unwrap() < 0.01,
            "{shown}"
        );
    }
    let arguments = [
        "trace",
        "generate",
        "loop",
        "loop.lirs",
        "--requests",
        "10000",
        "--keys",
        "1000",
    ];
    assert_eq!(strata_in(folder.path(), arguments).code, Some(0));
    let shown = json_of(&info(&folder, &["loop.lirs", "--format", "json"]));
    assert!(
        shown["zipf"]["exponent"].as_f64().unwrap() < 1e-6,
        "uniform: {shown}"
    );
}

#[test]
fn figures_of_a_shared_trace_are_those_written_down() {
    let Some(traces) = shared::traces() else {
        return;
    };
    let path = traces.join("cpIO.oracleGeneral.zst");
    let run = strata(["trace", "info", path.to_str().unwrap(), "--format", "json"]);
    let mut shown = json_of(&run);
    // Rounded, as the last digits are the business of the library that takes powers.
    for pointer in ["/zipf/exponent", "/zipf/ks_distance"] {
        let figure = shown.pointer_mut(pointer).unwrap();
        *figure = json!((figure.as_f64().unwrap() * 1e4).round() / 1e4);
    }
    for (name, expected) in golden().as_object().unwrap() {
        assert_eq!(&shown[name], expected, "{name}");
    }
}

fn golden() -> Value {
    json!({
        "format": "oracleGeneral",
        "compression": "zstd",
        "requests": 113872,
        "objects": 48974,
        "bytes_requested": 4_368_040_448_u64,
        "bytes_footprint": 2029769728,
        "time": {"first": 5633898, "last": 5641098, "span": 7200, "backwards": 0},
        "sizes": {"min": 512, "median": 61440, "p99": 69632, "max": 69632, "mean": 38359.21427567796},
        "one_hit_wonders": {"objects": 21049, "share_of_objects": 0.42979948544125457, "share_of_requests": 0.18484789939581284},
        "zipf": {"exponent": 0.6208, "ks_distance": 0.0661},
        "reuse_distance": {"requests": 64898, "p10": 10, "p25": 185, "median": 9830, "p75": 34562, "p90": 37817, "p99": 38670, "max": 48194, "mean": 15888.708650497703},
        "lru": [
            {"share": 0.001, "objects": 48, "misses": 102823, "miss_ratio": 0.9029700014050864},
            {"share": 0.01, "objects": 489, "misses": 95420, "miss_ratio": 0.8379584094421807},
            {"share": 0.05, "objects": 2448, "misses": 93897, "miss_ratio": 0.8245837431502038},
            {"share": 0.1, "objects": 4897, "misses": 91657, "miss_ratio": 0.8049125333708023},
            {"share": 0.25, "objects": 12243, "misses": 76538, "miss_ratio": 0.6721406491499228},
            {"share": 0.5, "objects": 24487, "misses": 71395, "miss_ratio": 0.6269759027680203},
            {"share": 1.0, "objects": 48974, "misses": 48974, "miss_ratio": 0.430079387382324},
        ],
        "sequential_share": 0.020760151749332583,
        "size_changes": {"requests": 0, "objects": 0},
        "next_access": {"column": "right"},
    })
}

/// Exact distances give LRU's misses at every size: those that the reference simulator counts, to the request.
#[test]
fn lru_misses_are_those_of_the_reference_simulator() {
    let (Some(traces), Some(reference)) = (shared::traces(), shared::reference()) else {
        return;
    };
    let table = std::fs::read_to_string(reference.join("libcachesim.csv")).unwrap();
    let mut compared = 0;
    for name in [
        "cpIO",
        "OLTP",
        "web12",
        "lirs_sprite",
        "lirs_loop",
        "lirs_multi3",
        "P3",
    ] {
        let path = traces.join(format!("{name}.oracleGeneral.zst"));
        let run = strata(["trace", "info", path.to_str().unwrap(), "--format", "json"]);
        let shown = json_of(&run);
        assert_eq!(shown["next_access"], json!({"column": "right"}), "{name}");
        for point in shown["lru"].as_array().unwrap() {
            let row = format!("{name},{},LRU,{},", point["objects"], shown["requests"]);
            let expected = table.lines().find_map(|line| line.strip_prefix(&row));
            if let Some(expected) = expected {
                let misses = expected.split(',').next().unwrap();
                assert_eq!(point["misses"].to_string(), misses, "{row}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 7, "only {compared} sizes are in the reference");
}
