//! Standard output, whose failures say that they are its own.

use std::io::{self, Write};

/// Hands writes on, and names standard output where they fail.
///
/// ```
/// use std::io::Write;
/// use strata_cli::standard_output::StandardOutput;
///
/// let full: &mut [u8] = &mut [];
/// let error = StandardOutput::new(full).write_all(b"rows").unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::WriteZero);
/// ```
#[derive(Debug)]
pub struct StandardOutput<W>(W);

/// The text before what the system said.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
struct Failure(#[source] io::Error);

impl<W: Write> StandardOutput<W> {
    /// Standard output that writes to `sink`.
    pub fn new(sink: W) -> Self {
        Self(sink)
    }
}

/// The error keeps its kind, as whoever stops reading is told by it.
fn named(error: io::Error) -> io::Error {
    // An interrupted write is tried again by the caller.
    if error.kind() == io::ErrorKind::Interrupted {
        return error;
    }
    io::Error::new(error.kind(), Failure(error))
}

impl<W: Write> Write for StandardOutput<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(named)
    }
}
