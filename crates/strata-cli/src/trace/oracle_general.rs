//! libCacheSim's oracleGeneral: 24-byte little-endian records {u32 time, u64 key, u32 size, i64 next}.

use super::Request;
use super::error::TraceError;
use super::stream::Stream;

/// The bytes of a record.
pub(super) const RECORD_SIZE: usize = 24;

/// The next request of the trace; `None` at its end.
pub(super) fn next(stream: &mut Stream) -> Result<Option<Request>, TraceError> {
    let window = stream.window(RECORD_SIZE)?;
    let Some(record) = window.first_chunk::<RECORD_SIZE>() else {
        return match window.len() {
            0 => Ok(None),
            held => Err(cut_record(stream, held)),
        };
    };
    match decode(record) {
        Some(request) => {
            stream.consume(RECORD_SIZE);
            Ok(Some(request))
        }
        None => Err(bad_next(stream)),
    }
}

/// Appends the requests that are at hand, at most `count`, at least one unless the trace is at its end.
pub(super) fn append(
    stream: &mut Stream,
    count: usize,
    requests: &mut Vec<Request>,
) -> Result<(), TraceError> {
    let before = requests.len();
    let window = stream.window(RECORD_SIZE)?;
    let (records, rest) = window.as_chunks::<RECORD_SIZE>();
    let held = rest.len();
    if records.is_empty() && held > 0 {
        return Err(cut_record(stream, held));
    }
    let wanted = records.len().min(count);
    requests.extend(records[..wanted].iter().map_while(decode));
    let taken = requests.len() - before;
    stream.consume(taken * RECORD_SIZE);
    if taken < wanted {
        return Err(bad_next(stream));
    }
    Ok(())
}

/// Whether the bytes may be the beginning of such a trace: every whole record's time is not before the one before, and its
/// next position is none or after its own.
pub(super) fn is_plausible(head: &[u8]) -> bool {
    let (records, _) = head.as_chunks::<RECORD_SIZE>();
    let mut time_before = 0;
    let mut plausible = |(index, record): (usize, &[u8; RECORD_SIZE])| {
        decode(record).is_some_and(|request| {
            let follows = request.time >= time_before;
            time_before = request.time;
            follows && request.next.is_none_or(|next| next > index as u64 + 1)
        })
    };
    !records.is_empty() && records.iter().enumerate().all(&mut plausible)
}

/// The request of a record; `None` if its next position is impossible.
#[inline]
fn decode(record: &[u8; RECORD_SIZE]) -> Option<Request> {
    let bytes = |from: usize| -> [u8; 4] {
        [
            record[from],
            record[from + 1],
            record[from + 2],
            record[from + 3],
        ]
    };
    let long = |from: usize| {
        u64::from(u32::from_le_bytes(bytes(from)))
            | u64::from(u32::from_le_bytes(bytes(from + 4))) << 32
    };
    let next = match long(16).cast_signed() {
        // libCacheSim writes -1 for none, -2 for unknown, and holds the largest number for none in memory.
        -2 | -1 | i64::MAX => None,
        ..0 => return None,
        next => Some(next.cast_unsigned()),
    };
    Some(Request {
        time: u32::from_le_bytes(bytes(0)),
        key: long(4),
        size: u32::from_le_bytes(bytes(12)),
        next,
    })
}

/// The record of a request.
pub(super) fn encode(request: &Request) -> [u8; RECORD_SIZE] {
    let mut record = [0; RECORD_SIZE];
    record[..4].copy_from_slice(&request.time.to_le_bytes());
    record[4..12].copy_from_slice(&request.key.to_le_bytes());
    record[12..16].copy_from_slice(&request.size.to_le_bytes());
    set_next(&mut record, request.next);
    record
}

/// The key of a record.
pub(super) fn key(record: &[u8; RECORD_SIZE]) -> u64 {
    let bytes = record[4..12].first_chunk().expect("eight bytes");
    u64::from_le_bytes(*bytes)
}

/// Writes a next position into a record; one past `i64::MAX`, which the format cannot hold, becomes none.
pub(super) fn set_next(record: &mut [u8; RECORD_SIZE], next: Option<u64>) {
    let next = next.and_then(|next| i64::try_from(next).ok()).unwrap_or(-1);
    record[16..].copy_from_slice(&next.to_le_bytes());
}

#[cold]
fn cut_record(stream: &Stream, held: usize) -> TraceError {
    let end = stream.offset() + held as u64;
    stream.truncated(
        end,
        format!(
            "the record at byte {} has {held} of its {RECORD_SIZE} bytes",
            stream.offset()
        ),
    )
}

#[cold]
fn bad_next(stream: &mut Stream) -> TraceError {
    stream.corrupt(
        stream.offset(),
        "the record's next position is neither -1 nor a position; is this an oracleGeneral trace?",
    )
}
