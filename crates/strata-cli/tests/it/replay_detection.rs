//! `strata replay` finds the wrong values and lost writes that a store was tampered with to hold.

use std::path::Path;

use buffer_pool::{BufferPool, PooledBytes};
use cache_tiered::{MemoryTier, Pooled, Redb, Tiered};
use serde_json::Value;
use strata_cli::replay::{Identity, compose};

use crate::replay::{folder, number, replay, replayed};

/// Four keys, each overwritten by every request: the store ends with version 6 of keys 0 to 3.
const LOOP: [&str; 8] = [
    "--workload",
    "loop",
    "--keys",
    "4",
    "--requests",
    "20",
    "--write-ratio",
    "1",
];

/// Runs the loop, tampers with the store, and runs the loop again.
fn tampered(
    tamper: impl FnOnce(&Tiered<u64, PooledBytes>, &BufferPool),
) -> (Option<i32>, String, Value) {
    let (folder, path) = folder();
    let acks = format!("{path}/acks");
    let arguments = [&LOOP[..], &["--dir", &path, "--acks", &acks]].concat();
    let first = replayed(&arguments);
    assert_eq!(number(&first, "/acknowledged_writes"), 24);
    {
        let pool = BufferPool::builder().build();
        let cache = open(folder.path(), &pool);
        tamper(&cache, &pool);
        cache.close().wait().expect("a clean close");
    }
    let (run, report) = replay(&arguments);
    (run.code, run.stderr, report)
}

fn open(folder: &Path, pool: &BufferPool) -> Tiered<u64, PooledBytes> {
    let store = Redb::options()
        .codec(Pooled::new(pool.clone()))
        .open(folder.join("data.redb"));
    let builder = Tiered::builder().memory(MemoryTier::entries(10));
    builder
        .store(store.expect("the store of the run"))
        .build()
        .expect("a cache")
}

#[test]
fn an_untouched_store_is_found_whole() {
    let (code, stderr, report) = tampered(|_, _| {});
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(number(&report, "/recovery/checked"), 4);
    assert_eq!(number(&report, "/recovery/lost"), 0);
}

#[test]
fn a_removed_key_is_a_lost_write() {
    let (code, stderr, report) = tampered(|cache, _| {
        assert!(cache.remove(&2).wait().expect("a removal"));
    });
    assert_eq!(code, Some(1));
    assert_eq!(number(&report, "/lost_writes"), 1);
    assert_eq!(number(&report, "/wrong_values"), 0);
    assert_eq!(number(&report, "/origin"), 1, "the origin fills the gap");
    assert!(
        stderr.contains("version 6 of key 2 was acknowledged to an earlier run; now nothing"),
        "{stderr}"
    );
}

#[test]
fn an_old_version_is_a_lost_write() {
    let (code, stderr, report) = tampered(|cache, pool| {
        let old = compose(Identity { key: 1, version: 5 }, 100, pool);
        cache.put(1, old).wait().expect("a put");
    });
    assert_eq!((code, number(&report, "/lost_writes")), (Some(1), 1));
    assert!(
        stderr.contains("version 6 of key 1") && stderr.contains("version 5 is there"),
        "{stderr}"
    );
}

#[test]
fn a_newer_version_is_a_write_that_was_under_way() {
    let (code, _, report) = tampered(|cache, pool| {
        let newer = compose(Identity { key: 1, version: 7 }, 100, pool);
        cache.put(1, newer).wait().expect("a put");
    });
    assert_eq!((code, number(&report, "/lost_writes")), (Some(0), 0));
}

#[test]
fn the_value_of_another_key_is_wrong() {
    let (code, stderr, report) = tampered(|cache, pool| {
        let other = compose(Identity { key: 2, version: 6 }, 100, pool);
        cache.put(3, other).wait().expect("a put");
    });
    assert_eq!(code, Some(1));
    assert_eq!(
        number(&report, "/lost_writes"),
        1,
        "what was acknowledged for key 3 is gone"
    );
    assert_eq!(
        number(&report, "/wrong_values"),
        1,
        "read once, then overwritten"
    );
    assert!(
        stderr.contains("key 3: read version 6 of key 2"),
        "{stderr}"
    );
}

#[test]
fn one_flipped_bit_is_wrong() {
    let (code, stderr, report) = tampered(|cache, pool| {
        let right = compose(Identity { key: 0, version: 6 }, 100, pool);
        let mut flipped = pool.acquire(100);
        flipped.extend_from_slice(&right);
        flipped[99] ^= 0x10;
        cache.put(0, flipped.freeze()).wait().expect("a put");
    });
    assert_eq!((code, number(&report, "/wrong_values")), (Some(1), 1));
    assert!(stderr.contains("wrong byte at offset 99"), "{stderr}");
}
