//! The LIRS paper's text: one key a line; blank lines and lines of `*`, which mark phases, hold no request.

use super::Request;
use super::error::TraceError;
use super::stream::{self, Stream};

/// The next request of the trace; `None` at its end.
pub(super) fn next(stream: &mut Stream) -> Result<Option<Request>, TraceError> {
    loop {
        let Some(line) = stream.line()? else {
            return Ok(None);
        };
        let line = line.trim_ascii();
        if line.is_empty() || line == b"*" {
            stream.end_line();
            continue;
        }
        let Some(key) = stream::number(line) else {
            return Err(stream.corrupt(
                stream.offset(),
                "the line is not one number below 2^64, nor a `*`",
            ));
        };
        stream.end_line();
        return Ok(Some(Request::of_key(key)));
    }
}
