//! How a command ends: passed, wrong values, bad arguments, or a failed run, and the exit code of each.

use std::io;
use std::process::ExitCode;

/// How a run that came to its end went.
///
/// ```
/// use strata_cli::outcome::Outcome;
///
/// assert_ne!(Outcome::Passed, Outcome::WrongValues);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// All went well: exit code 0.
    Passed,
    /// The run finished, but a value was wrong or lost; the report says which: exit code 1.
    WrongValues,
}

/// Arguments that parse one by one but make no sense together, or for this trace: exit code 2.
///
/// ```
/// use strata_cli::outcome::UsageError;
///
/// let error = UsageError::new("give --store or --memory, not both");
/// assert_eq!(error.to_string(), "give --store or --memory, not both");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    message: String,
}

impl UsageError {
    /// An error that tells the user `message`: lower case, no full stop, says what to do.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

/// The exit code of a failed run: 2 when the arguments were bad, else 1.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<UsageError>() {
        ExitCode::from(2)
    } else {
        ExitCode::from(1)
    }
}

/// Whether the run ended because nobody reads its output any more (`strata ... | head`), which is no failure.
#[must_use]
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
