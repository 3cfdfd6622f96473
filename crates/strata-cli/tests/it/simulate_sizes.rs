//! `strata simulate` at sizes of every kind: ranges, shares, bytes, the whole footprint.

use serde_json::Value;
use tempfile::TempDir;

use crate::simulate::{folder, simulate};
use crate::traces::{oracle_general, requests_of, written};

#[test]
fn a_range_of_sizes_is_evenly_spaced_on_a_logarithmic_scale() {
    let folder = folder();
    for (sizes, expected) in [
        ("1..1000:4", &[1, 10, 100, 1000][..]),
        ("5%..100%:3,20", &[10, 45, 200, 20]),
        ("1..4:10", &[1, 2, 3, 4]),
        ("3..50%:2", &[3, 100]),
    ] {
        let arguments = [
            "web.oracleGeneral.zst",
            "--policies",
            "lru",
            "--format",
            "json",
            "--sizes",
            sizes,
        ];
        let run = simulate(&folder, &arguments);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
        let got: Vec<u64> = rows
            .iter()
            .map(|row| row["capacity"].as_u64().unwrap())
            .collect();
        assert_eq!(got, expected, "{sizes}");
    }
}

#[test]
fn missed_bytes_are_told_where_the_trace_knows_sizes() {
    let folder = TempDir::new().unwrap();
    let mut requests = requests_of(&[1, 2, 1, 1, 3, 2]);
    for request in &mut requests {
        request.size = [0, 10, 200, 30][request.key as usize];
    }
    written(&folder, "sizes.oracleGeneral", &oracle_general(&requests));
    written(&folder, "none.lirs", b"1\n2\n1\n1\n3\n2\n");
    // One policy is simulated in another way than many.
    for policies in ["lru", "fifo,clock,lru"] {
        let row = |name: &str| -> Value {
            let arguments = [
                name,
                "--policies",
                policies,
                "--sizes",
                "2",
                "--format",
                "json",
            ];
            let run = simulate(&folder, &arguments);
            assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
            serde_json::from_str::<Vec<Value>>(&run.stdout)
                .unwrap()
                .pop()
                .unwrap()
        };
        let sized = row("sizes.oracleGeneral");
        // All but the second and third request of 1 miss: 10, 200, 30 and 200 of 460 bytes.
        assert_eq!(
            (&sized["misses"], &sized["missed_bytes"]),
            (&4.into(), &440.into()),
            "{sized}"
        );
        assert_eq!(sized["requested_bytes"], 460);
        assert_eq!(sized["byte_miss_ratio"], 440.0 / 460.0);
        let unsized_row = row("none.lirs");
        assert_eq!(unsized_row["misses"], 4);
        assert!(
            unsized_row.get("byte_miss_ratio").is_none(),
            "{unsized_row}"
        );
    }
}

#[test]
fn one_policy_alone_counts_what_it_counts_among_many() {
    let folder = folder();
    let run = |policies: &str, more: &[&str]| {
        let arguments = [
            "web.oracleGeneral.zst",
            "--policies",
            policies,
            "--sizes",
            "30",
            "--format",
            "csv",
        ];
        let run = simulate(&folder, &[&arguments[..], more].concat());
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        run.stdout
    };
    for more in [&[][..], &["--byte-weighted"], &["--threads", "1"]] {
        let among_many = run("fifo,lru,clock,sieve,s3-fifo", more);
        for policy in ["fifo", "lru", "clock", "sieve", "s3-fifo"] {
            let alone = run(policy, more);
            let line = alone.lines().nth(1).unwrap();
            assert!(
                among_many.lines().any(|other| other == line),
                "{line}\n{among_many}"
            );
        }
    }
}

#[test]
fn shares_are_of_the_distinct_objects_or_their_bytes_and_at_least_1() {
    let folder = folder();
    let capacities = |arguments: &[&str]| -> Vec<u64> {
        let common = [
            "web.oracleGeneral.zst",
            "--policies",
            "lru",
            "--format",
            "json",
        ];
        let run = simulate(&folder, &[&common, arguments].concat());
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
        rows.iter()
            .map(|row| row["capacity"].as_u64().unwrap())
            .collect()
    };
    // 200 objects; 0.1% of them is less than one; 1 is there already.
    assert_eq!(
        capacities(&["--sizes", "0.1%,0.2%,1,1.4%,100%"]),
        [1, 2, 200]
    );
    // Sizes 100 to 299: 39,900 bytes.
    assert_eq!(
        capacities(&["--byte-weighted", "--sizes", "1%,100%,1KiB"]),
        [399, 39_900, 1024]
    );
}

#[test]
fn a_cache_of_the_whole_footprint_misses_each_object_once() {
    let folder = folder();
    for more in [&[][..], &["--byte-weighted"]] {
        let arguments = [
            "web.oracleGeneral.zst",
            "--sizes",
            "100%",
            "--format",
            "json",
        ];
        let run = simulate(&folder, &[&arguments, more].concat());
        let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
        let misses = |row: &Value| row["misses"].as_u64().unwrap();
        // Policies of several queues may have no room for an object in the one that it belongs to.
        let one_queue = ["fifo", "lru", "clock", "sieve", "lfu", "belady"];
        let is_one = |row: &&Value| one_queue.contains(&row["policy"].as_str().unwrap());
        let with_one: Vec<u64> = rows.iter().filter(is_one).map(misses).collect();
        assert_eq!(with_one, [200; 6], "{run:?}");
        assert!(rows.iter().all(|row| misses(row) >= 200), "{run:?}");
    }
}

#[test]
fn objects_larger_than_the_cache_pass_it_by() {
    let folder = TempDir::new().unwrap();
    let mut requests = requests_of(&[1, 2, 2, 1, 1, 3, 3]);
    for request in &mut requests {
        request.size = [0, 10, 101, 0][request.key as usize];
    }
    written(&folder, "a.oracleGeneral", &oracle_general(&requests));
    let run = simulate(
        &folder,
        &[
            "a.oracleGeneral",
            "--byte-weighted",
            "--sizes",
            "100",
            "--policies",
            "all",
            "--format",
            "csv",
        ],
    );
    assert_eq!(run.stderr, "");
    for line in run.stdout.lines().skip(1) {
        // Both requests of 2 miss; 1 stays although 2 came between; 3 weighs nothing.
        assert!(line.ends_with(",7,4,0.571429"), "{line}");
    }
}
