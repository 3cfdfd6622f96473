//! `strata trace info`: what a trace is like.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use serde::Serialize;

use crate::args::ReadArgs;
use crate::progress::Progress;
use crate::table::{Column, Table, grouped};
use crate::trace::OneLine;
use crate::trace::summary::{Analyzer, NextAccess, Summary};
use crate::units::Bytes;

const METHODS: &str = "\
Reuse distances count the distinct other objects between two requests of one object. They are exact, and so are LRU's \
misses, which follow from them. The Zipf exponent is fitted by maximum likelihood over all ranks. Memory: 100 to 150 \
bytes a distinct object.";

/// The arguments of `strata trace info`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = METHODS)]
pub struct InfoArgs {
    /// The trace; - for standard input.
    #[arg(value_name = "TRACE")]
    pub trace: PathBuf,

    /// How to print the figures.
    #[arg(long, value_enum, default_value_t)]
    pub format: InfoFormat,

    /// How to read the trace.
    #[command(flatten)]
    pub read: ReadArgs,
}

/// How figures are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum InfoFormat {
    /// A table for people.
    #[default]
    Table,
    /// One JSON object.
    Json,
}

/// Requests taken at a time.
const BLOCK_LEN: usize = 4096;

pub(super) fn run(args: &InfoArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut reader = args.read.open(&args.trace)?;
    let progress = Progress::bytes("reading", reader.file_size());
    let mut analyzer = Analyzer::new(reader.columns());
    let mut block = Vec::with_capacity(BLOCK_LEN);
    while reader.read_block(BLOCK_LEN, &mut block)? > 0 {
        for request in block.drain(..) {
            let path = OneLine(reader.path());
            analyzer.push(&request).with_context(|| path.to_string())?;
        }
        progress.at(reader.bytes_read());
    }
    let info = Info {
        trace: reader.path().to_string_lossy().into_owned(),
        format: reader.format().name(),
        compression: reader.compression().name(),
        file_bytes: reader.file_size(),
        csv_columns: reader.csv_columns().map(ToString::to_string),
        summary: analyzer.finish(),
    };
    drop(progress);
    match args.format {
        InfoFormat::Table => write!(out, "{}\n{}", info.title(), info.table())?,
        InfoFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &info).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

/// A trace and what it is like.
#[derive(Serialize)]
struct Info {
    trace: String,
    format: &'static str,
    compression: &'static str,
    /// `None` for a pipe.
    file_bytes: Option<u64>,
    /// `None` for other formats.
    csv_columns: Option<String>,
    #[serde(flatten)]
    summary: Summary,
}

/// A figure's name, the figure, and what there is to say of it.
type Row = (&'static str, String, String);

impl Info {
    fn title(&self) -> String {
        let compression = match self.compression {
            "none" => String::new(),
            name => format!(", {name}"),
        };
        let size = self
            .file_bytes
            .map_or(String::new(), |bytes| format!(", {}", Bytes::new(bytes)));
        let columns = self
            .csv_columns
            .as_ref()
            .map_or(String::new(), |columns| format!("\ncolumns: {columns}"));
        format!(
            "{}: {}{compression}{size}{columns}",
            OneLine(self.trace.as_ref()),
            self.format
        )
    }

    fn table(&self) -> Table {
        let mut table = Table::new([
            Column::word("figure"),
            Column::number("value"),
            Column::note("note"),
        ]);
        let parts = [
            self.footprint(),
            self.times_and_sizes(),
            self.popularity(),
            self.reuse(),
            self.order(),
        ];
        for (name, figure, note) in parts.into_iter().flatten() {
            table.row([name.to_owned(), figure, note]);
        }
        table
    }

    fn footprint(&self) -> Vec<Row> {
        let summary = &self.summary;
        let per_object = summary.requests as f64 / summary.objects as f64;
        let mut rows = vec![
            ("requests", grouped(summary.requests), String::new()),
            (
                "objects",
                grouped(summary.objects),
                format!("asked for {per_object:.2} times each"),
            ),
        ];
        if let (Some(requested), Some(footprint)) =
            (summary.bytes_requested, summary.bytes_footprint)
        {
            let first = "of all objects, each as at its first request";
            rows.push((
                "bytes requested",
                Bytes::new(requested).to_string(),
                String::new(),
            ));
            rows.push((
                "bytes of objects",
                Bytes::new(footprint).to_string(),
                first.to_owned(),
            ));
        }
        rows
    }

    fn times_and_sizes(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        if let Some(time) = self.summary.time {
            let mut note = format!("from {} to {}", time.first, time.last);
            if time.backwards > 0 {
                note += &format!(
                    "; {} requests are earlier than the one before",
                    grouped(time.backwards)
                );
            }
            rows.push((
                "time span",
                format!("{} s", grouped(time.span.into())),
                note,
            ));
        }
        if let Some(sizes) = self.summary.sizes {
            let note = format!(
                "of requests; min {}, p99 {}, max {}, mean {:.1}",
                sizes.min, sizes.p99, sizes.max, sizes.mean
            );
            rows.push(("median size", format!("{} B", sizes.median), note));
        }
        if let Some(changes) = self.summary.size_changes {
            let note = format!(
                "requests at another size than before, for {} objects",
                grouped(changes.objects)
            );
            rows.push(("size changes", grouped(changes.requests), note));
        }
        rows
    }

    fn popularity(&self) -> Vec<Row> {
        let wonders = &self.summary.one_hit_wonders;
        let note = format!(
            "objects asked for once: {} of the objects, {} of the requests",
            percent(wonders.share_of_objects),
            percent(wonders.share_of_requests)
        );
        let mut rows = vec![("one-hit wonders", grouped(wonders.objects), note)];
        if let Some(zipf) = self.summary.zipf {
            let note = format!(
                "maximum likelihood over all ranks; Kolmogorov-Smirnov distance {:.3}{}",
                zipf.ks_distance,
                if zipf.ks_distance > 0.1 {
                    ": no good fit"
                } else {
                    ""
                }
            );
            rows.push(("Zipf exponent", format!("{:.3}", zipf.exponent), note));
        }
        rows
    }

    fn reuse(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        if let Some(distances) = self.summary.reuse_distance {
            let quantiles = [
                ("p10", distances.p10),
                ("p25", distances.p25),
                ("p75", distances.p75),
                ("p90", distances.p90),
                ("p99", distances.p99),
                ("max", distances.max),
            ];
            let quantiles =
                quantiles.map(|(name, distance)| format!("{name} {}", grouped(distance)));
            rows.push((
                "reuse distance",
                grouped(distances.median),
                format!("median; {}", quantiles.join(", ")),
            ));
        }
        for point in &self.summary.lru {
            let objects = format!(
                "LRU of {} objects ({})",
                grouped(point.objects),
                percent(point.share)
            );
            rows.push(("miss ratio", format!("{:.6}", point.miss_ratio), objects));
        }
        rows
    }

    fn order(&self) -> Vec<Row> {
        let next = match self.summary.next_access {
            NextAccess::Absent => "not given: oracle policies find them out by a first reading",
            NextAccess::Right => "given, and right throughout",
            NextAccess::Wrong { positions } => {
                let note =
                    "positions are wrong: convert to oracleGeneral to compute them anew".to_owned();
                return vec![
                    self.sequential(),
                    ("next requests", grouped(positions), note),
                ];
            }
        };
        vec![
            self.sequential(),
            ("next requests", String::new(), next.to_owned()),
        ]
    }

    fn sequential(&self) -> Row {
        let note = "of the requests are for the key that follows the one before";
        (
            "sequential",
            percent(self.summary.sequential_share),
            note.to_owned(),
        )
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}
