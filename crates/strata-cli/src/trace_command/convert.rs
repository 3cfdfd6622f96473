//! `strata trace convert`: a trace in another format or compression.

use std::io::{self, Write};
use std::path::PathBuf;

use super::output::{Output, OutputArgs, Written};
use crate::args::ReadArgs;
use crate::progress::Progress;
use crate::trace::{Format, Request};

const EXAMPLES: &str = "\
Examples:
  A block trace with the positions that oracle policies need:
    strata trace convert P3.lis.zst P3.oracleGeneral.zst
  A log with text keys and times in milliseconds:
    strata trace convert log.csv web.oracleGeneral.zst --columns time=1,key=url,size=4 --time-unit ms
  Through a pipe:
    curl -s https://example.org/web.csv.xz | strata trace convert - - --trace-format csv --to keys";

/// The arguments of `strata trace convert`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ConvertArgs {
    /// The trace to read; - for standard input.
    #[arg(value_name = "IN")]
    pub input: PathBuf,

    /// Where to write.
    #[command(flatten)]
    pub output: OutputArgs,

    /// How to read the trace.
    #[command(flatten)]
    pub read: ReadArgs,
}

/// Requests handed on at a time.
const BLOCK_LEN: usize = 4096;

pub(super) fn run(args: &ConvertArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let output = Output::new(&args.output)?;
    let mut reader = args.read.open(&args.input)?;
    let progress = Progress::bytes("reading", reader.file_size());
    let columns = reader.columns();
    let written = output.write(out, columns, &mut |block: &mut Vec<Request>| {
        let read = reader.read_block(BLOCK_LEN, block)?;
        progress.at(reader.bytes_read());
        Ok(read)
    })?;
    drop(progress);
    report(&output, &written, out)
}

/// Says on stderr what was lost, and on `out` what was written, unless that is where it went.
pub(super) fn report(
    output: &Output,
    written: &Written,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let lost = [
        (written.lost.time, "times"),
        (written.lost.size, "sizes"),
        (written.lost.next, "next positions"),
    ];
    let lost: Vec<&str> = lost
        .iter()
        .filter_map(|(lost, name)| lost.then_some(*name))
        .collect();
    if !lost.is_empty() {
        let (lost, full, some) = (lost.join(", "), Format::OracleGeneral, Format::Csv);
        // Nobody may listen there, which is no reason to fail.
        let _ = writeln!(
            io::stderr(),
            "note: the format holds keys only, these are dropped: {lost}; {full} and {some} hold all"
        );
    }
    if !output.is_stdout() {
        writeln!(out, "{}", output.describe(written))?;
    }
    Ok(())
}
