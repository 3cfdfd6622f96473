//! The column of next positions: worked out from the end of a trace to its beginning, in place.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

use foldhash::fast::RandomState;

use super::oracle_general::{RECORD_SIZE, key, set_next};

/// The records in memory at a time.
const BLOCK_LEN: u64 = 1 << 15;

/// Writes each record's next position ([`Request::next`](super::Request::next)) into an oracleGeneral file of `requests`
/// records, uncompressed; what stood there does not count. `progress` is told how many records are done, now and then.
///
/// The file is read and written once, block by block from its end. Memory grows with the distinct objects (some 50 bytes
/// each), not with the requests.
///
/// ```
/// use std::io::Cursor;
/// use strata_cli::trace::{Columns, Format, OpenOptions, Request, Writer, fill_next};
///
/// let mut writer = Writer::new(Cursor::new(Vec::new()), Format::OracleGeneral, Columns::default())?;
/// for key in [7, 8, 7] {
///     writer.write(&Request { time: 0, key, size: 1, next: None })?;
/// }
/// let mut file = writer.finish()?;
/// fill_next(&mut file, 3, |_| ())?;
/// let reader = OpenOptions::new().format(Format::OracleGeneral).read("example", Box::new(Cursor::new(file.into_inner())))?;
/// let next: Result<Vec<Option<u64>>, _> = reader.map(|request| Ok(request?.next)).collect();
/// assert_eq!(next.map_err(|error: strata_cli::trace::TraceError| error)?, [Some(3), None, None]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Those of the file; `UnexpectedEof` if it is shorter than `requests` records.
pub fn fill_next(
    file: &mut (impl Read + Write + Seek),
    requests: u64,
    progress: impl Fn(u64),
) -> io::Result<()> {
    let mut later = HashMap::with_hasher(RandomState::default());
    let mut block = Vec::new();
    let mut end = requests;
    while end > 0 {
        let start = end.saturating_sub(BLOCK_LEN);
        block.resize((end - start) as usize * RECORD_SIZE, 0);
        file.seek(SeekFrom::Start(start * RECORD_SIZE as u64))?;
        file.read_exact(&mut block)?;
        let (records, _) = block.as_chunks_mut::<RECORD_SIZE>();
        for (index, record) in records.iter_mut().enumerate().rev() {
            let position = start + index as u64 + 1;
            set_next(record, later.insert(key(record), position));
        }
        file.seek(SeekFrom::Start(start * RECORD_SIZE as u64))?;
        file.write_all(&block)?;
        end = start;
        progress(requests - end);
    }
    file.flush()
}
