//! The keys that the races over real traces replay.

use std::path::{Path, PathBuf};

use crate::{Effort, Sequence};

/// The keys of the shared trace `name`, or, where that folder is not at hand, of a seeded Zipf
/// workload of the same length and number of objects, which is said on standard error: such figures
/// compare the contenders, but are not the page's.
///
/// # Panics
/// Where the trace is there and cannot be read.
pub(super) fn keys(name: &str, effort: Effort) -> Vec<u64> {
    let path = file(name);
    let mut keys: Vec<u64> = if path.is_file() {
        strata_cli::trace::open(&path)
            .and_then(|reader| {
                reader
                    .map(|request| request.map(|request| request.key))
                    .collect()
            })
            .unwrap_or_else(|error| panic!("{error}"))
    } else {
        let (requests, objects) = match name {
            "P3" => (3_912_296, 762_543),
            "OLTP" => (914_145, 186_880),
            "lirs_sprite" => (133_996, 7_075),
            _ => (95_607, 13_756),
        };
        eprintln!(
            "{} is not there: a Zipf workload stands in for it",
            path.display()
        );
        Sequence::seeded(6).zipf(requests, objects, 0.9)
    };
    keys.truncate(effort.operations(keys.len()));
    keys
}

/// The file of the shared trace `name`, which need not be there.
pub(super) fn file(name: &str) -> PathBuf {
    folder().join(format!("{name}.oracleGeneral.zst"))
}

/// `STRATA_TRACES`, or `../shared/traces` from the workspace's root.
fn folder() -> PathBuf {
    match std::env::var_os("STRATA_TRACES") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces"),
    }
}
