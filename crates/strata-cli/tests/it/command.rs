//! Runs the real binary.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

/// What a run of `strata` left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Of a run that prints text.
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("what strata prints is UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
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
    Run::of(output)
}

/// Runs `strata` with these arguments in the crate's folder.
pub(crate) fn strata<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Run {
    strata_in(Path::new(env!("CARGO_MANIFEST_DIR")), arguments)
}

/// Runs `strata` with these arguments and these bytes, written piece by piece, on its standard input.
pub(crate) fn strata_fed<A: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = A>,
    pieces: &[&[u8]],
) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_strata"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    thread::scope(|scope| {
        // Beside reading what comes out, as no pipe holds all of it. A run that refuses may be gone before it is all written.
        scope.spawn(move || pieces.iter().try_for_each(|piece| stdin.write_all(piece)));
        child.wait_with_output().expect("the binary ends")
    })
}

/// Runs `strata` with these arguments in `folder`, and goes away once it prints something; its code, and what it says of that.
pub(crate) fn strata_unread<A: AsRef<OsStr>>(
    folder: &Path,
    arguments: impl IntoIterator<Item = A>,
) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_strata"))
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdout = child.stdout.take().expect("it is piped");
    stdout.read_exact(&mut [0; 16]).expect("something comes");
    drop(stdout);
    let output = child.wait_with_output().expect("the binary ends");
    let stderr = String::from_utf8(output.stderr).expect("what strata prints is UTF-8");
    (output.status.code(), stderr)
}
