//! The ARC paper's text: lines `start count 0 request`, each asking for `count` consecutive blocks from `start` on.

use super::Request;
use super::error::TraceError;
use super::stream::Stream;

/// The most blocks a line may ask for. The paper's traces ask for 128 at most; without a bound one line of a hostile file
/// would stand for 2^64 requests.
pub(super) const COUNT_MAX: u64 = 1 << 16;

/// The blocks of the current line that are still to come.
#[derive(Debug, Default)]
pub(super) struct Run {
    next: u64,
    left: u64,
}

/// The next request of the trace; `None` at its end.
pub(super) fn next(stream: &mut Stream, run: &mut Run) -> Result<Option<Request>, TraceError> {
    while run.left == 0 {
        let Some(line) = stream.line()? else {
            return Ok(None);
        };
        if line.trim_ascii().is_empty() {
            stream.end_line();
            continue;
        }
        match parse(line) {
            Ok(parsed) => *run = parsed,
            Err(Fault::Malformed(what)) => return Err(stream.corrupt(stream.offset(), what)),
            Err(Fault::TooMany(count)) => {
                let what = format!("the line asks for {count} blocks, more than {COUNT_MAX}");
                return Err(stream.refused(stream.offset(), what));
            }
        }
        stream.end_line();
    }
    let key = run.next;
    run.left -= 1;
    // `parse` saw to it that the last block's number fits; one past it need not.
    run.next = key.wrapping_add(1);
    Ok(Some(Request::of_key(key)))
}

enum Fault {
    Malformed(&'static str),
    TooMany(u64),
}

fn parse(line: &[u8]) -> Result<Run, Fault> {
    const SHAPE: Fault = Fault::Malformed("the line is not four numbers, `start count 0 request`");
    let mut fields = line
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty());
    let mut number = || fields.next().and_then(super::stream::number).ok_or(SHAPE);
    let (start, count, _, _) = (number()?, number()?, number()?, number()?);
    if fields.next().is_some() {
        return Err(SHAPE);
    }
    if count > COUNT_MAX {
        return Err(Fault::TooMany(count));
    }
    if count > 0 && start.checked_add(count - 1).is_none() {
        return Err(Fault::Malformed("the line's blocks go past 2^64"));
    }
    Ok(Run {
        next: start,
        left: count,
    })
}
