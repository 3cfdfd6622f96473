//! Writes requests down in a format.

use std::io::{self, Write};

use super::arc::COUNT_MAX;
use super::format::{Columns, Format};
use super::{Request, oracle_general};

/// Writes requests, one after another, as a trace of some format. Nothing is buffered here, so give it a target that does;
/// [`finish`](Self::finish) writes the end.
///
/// A reader of the same format gives the same requests back, in so far as the format holds them. In ARC text, requests for
/// consecutive keys become one line. Texts that a key was hashed from are gone: the hash is written.
///
/// ```
/// use strata_cli::trace::{Columns, Format, Request, Writer};
///
/// let columns = Columns { time: true, size: true, next: false };
/// let mut writer = Writer::new(Vec::new(), Format::Csv, columns)?;
/// writer.write(&Request { time: 3, key: 85, size: 4096, next: None })?;
/// assert_eq!(writer.finish()?, b"time,key,size\n3,85,4096\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    target: W,
    format: Format,
    columns: Columns,
    /// ARC: the line that may still grow.
    run: Option<Run>,
    /// ARC: the lines written.
    lines: u64,
}

/// Consecutive keys.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: u64,
    count: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a trace. Of CSV, `columns` says which stand beside the key's; elsewhere the format does.
    ///
    /// # Errors
    ///
    /// Those of the target.
    pub fn new(mut target: W, format: Format, columns: Columns) -> io::Result<Self> {
        if format == Format::Csv {
            let names = [
                (columns.time, "time"),
                (true, "key"),
                (columns.size, "size"),
                (columns.next, "next"),
            ];
            let names: Vec<&str> = names
                .iter()
                .filter_map(|(held, name)| held.then_some(*name))
                .collect();
            writeln!(target, "{}", names.join(","))?;
        }
        Ok(Self {
            target,
            format,
            columns,
            run: None,
            lines: 0,
        })
    }

    /// Appends a request.
    ///
    /// # Errors
    ///
    /// Those of the target.
    pub fn write(&mut self, request: &Request) -> io::Result<()> {
        match self.format {
            Format::OracleGeneral => self.target.write_all(&oracle_general::encode(request)),
            Format::Arc => self.extend_run(request.key),
            Format::Lirs | Format::Keys => writeln!(self.target, "{}", request.key),
            Format::Csv => self.write_record(request),
        }
    }

    fn extend_run(&mut self, key: u64) -> io::Result<()> {
        if let Some(run) = &mut self.run
            && run.count < COUNT_MAX
            && run.start.checked_add(run.count) == Some(key)
        {
            run.count += 1;
            return Ok(());
        }
        self.end_run()?;
        self.run = Some(Run {
            start: key,
            count: 1,
        });
        Ok(())
    }

    fn end_run(&mut self) -> io::Result<()> {
        if let Some(Run { start, count }) = self.run.take() {
            writeln!(self.target, "{start} {count} 0 {}", self.lines)?;
            self.lines += 1;
        }
        Ok(())
    }

    fn write_record(&mut self, request: &Request) -> io::Result<()> {
        let target = &mut self.target;
        if self.columns.time {
            write!(target, "{},", request.time)?;
        }
        write!(target, "{}", request.key)?;
        if self.columns.size {
            write!(target, ",{}", request.size)?;
        }
        match (self.columns.next, request.next) {
            (false, _) => {}
            (true, Some(next)) => write!(target, ",{next}")?,
            (true, None) => write!(target, ",-1")?,
        }
        writeln!(target)
    }

    /// Writes what is left and gives the target back.
    ///
    /// # Errors
    ///
    /// Those of the target.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_run()?;
        self.target.flush()?;
        Ok(self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, keys: &[u64]) -> String {
        let mut writer = Writer::new(Vec::new(), format, format.columns()).expect("memory");
        for (index, &key) in keys.iter().enumerate() {
            let request = Request {
                time: index as u32,
                key,
                size: 10,
                next: (index == 0).then_some(7),
            };
            writer.write(&request).expect("memory");
        }
        String::from_utf8(writer.finish().expect("memory")).expect("text")
    }

    #[test]
    fn arc_lines_join_consecutive_keys() {
        let keys = [5, 6, 7, 7, 8, 1, u64::MAX - 1, u64::MAX, 0];
        assert_eq!(
            written(Format::Arc, &keys),
            "5 3 0 0\n7 2 0 1\n1 1 0 2\n18446744073709551614 2 0 3\n0 1 0 4\n"
        );
        let long: Vec<u64> = (0..=COUNT_MAX).collect();
        assert_eq!(
            written(Format::Arc, &long),
            format!("0 {COUNT_MAX} 0 0\n{COUNT_MAX} 1 0 1\n"),
            "no line that the reader would refuse"
        );
    }

    #[test]
    fn csv_holds_all_columns_and_others_only_keys() {
        assert_eq!(
            written(Format::Csv, &[85, 3]),
            "time,key,size,next\n0,85,10,7\n1,3,10,-1\n"
        );
        for format in [Format::Lirs, Format::Keys] {
            assert_eq!(written(format, &[85, 3]), "85\n3\n");
        }
    }
}
