//! Runs the real binary.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a run of `strata` left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `strata` with these arguments in `folder`.
pub(crate) fn strata_in<A: AsRef<OsStr>>(
    folder: &Path,
    arguments: impl IntoIterator<Item = A>,
) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_strata"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("what strata prints is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("what strata prints is UTF-8"),
    }
}

/// Runs `strata` with these arguments in the crate's folder.
pub(crate) fn strata<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Run {
    strata_in(Path::new(env!("CARGO_MANIFEST_DIR")), arguments)
}
