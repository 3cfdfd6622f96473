//! The shared traces and reference results, where there are any.

use std::path::{Path, PathBuf};

/// The folder of shared traces: `STRATA_TRACES`, or beside the project. `None`, said on stderr, where there is none.
pub(crate) fn traces() -> Option<PathBuf> {
    folder("STRATA_TRACES", "traces")
}

/// The folder of reference results: `STRATA_REFERENCE`, or beside the project. `None`, said on stderr, where there is none.
pub(crate) fn reference() -> Option<PathBuf> {
    folder("STRATA_REFERENCE", "reference")
}

fn folder(variable: &str, name: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os(variable) {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared")
            .join(name),
    };
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: no folder {}; set {variable} to where it is",
        folder.display()
    );
    None
}
