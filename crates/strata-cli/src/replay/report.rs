//! What a replay found, and its three forms: table, JSON, CSV.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use super::behind::Behind;
use super::disk_tier::DiskFigures;
use super::latency::{LatencyByTier, Percentiles};
use super::timeline::Slice;
use crate::table::{Column, Table, grouped};
use crate::units;

/// What a replay served and found; the fields are those of `--format json`.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// What was replayed, over what.
    pub configuration: Configuration,
    /// Requests served: each reads its key, and some overwrite it afterwards.
    pub requests: u64,
    /// Values read that were not, to the byte, the version that must be current.
    pub wrong_values: u64,
    /// Requests whose key was found, by where.
    pub hits: Hits,
    /// Requests whose key nobody held: the origin produced the value and it was put. With the hits, all requests.
    pub origin: u64,
    /// Requests that overwrote their key after reading it.
    pub overwrites: u64,
    /// Wall time of serving, in seconds, from the first request to the last acknowledgement.
    pub seconds: f64,
    /// Requests by that time.
    pub requests_per_second: f64,
    /// How long requests took: the read, and the puts of those that put.
    pub latency_ns: Percentiles,
    /// How long reads took by who answered them, and puts.
    pub latency_by_tier_ns: LatencyByTier,
    /// Who answered in the course of the run: at most 160 slices of the requests.
    pub slices: Vec<Slice>,
    /// Sizes.
    pub bytes: Bytes,
    /// `bytes.disk_written` by `bytes.acknowledged`.
    pub write_amplification: Option<f64>,
    /// Puts that were acknowledged: by the store, or in write-behind by the journal.
    pub acknowledged_writes: u64,
    /// Acknowledged writes that were not there: when read during the run, at its end, or by the next run.
    pub lost_writes: u64,
    /// Keys read back at the end.
    pub read_back: u64,
    /// Whether reading back went through a store closed and opened again. A store in memory cannot be: it is read back through
    /// a new memory tier.
    pub reopened: bool,
    /// What came of the keys that an acknowledgement file listed at the start; none without such a file.
    pub recovery: Option<Recovery>,
    /// What the disk tier did; none where there is none.
    pub disk_tier: Option<DiskFigures>,
    /// What write-behind did; none where the store acknowledges each write.
    pub behind: Option<Behind>,
    /// The first wrong values and lost writes, in words.
    pub findings: Vec<String>,
}

/// What a replay ran on.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Configuration {
    /// The trace or the workload.
    pub workload: String,
    /// The store and its durability.
    pub store: String,
    /// The memory tier.
    pub memory: String,
    /// The disk tier, `none` if there is none.
    pub disk: String,
    /// How writes travel, and their share.
    pub writes: String,
    /// Threads.
    pub threads: usize,
    /// The seed of workload and overwrites.
    pub seed: u64,
}

/// Requests whose key was found, by tier.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Hits {
    /// In the memory tier.
    pub memory: u64,
    /// In the disk tier.
    pub disk: u64,
    /// In the store.
    pub store: u64,
}

/// Keys whose writes earlier runs saw acknowledged, read back before anything else.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Recovery {
    /// Keys read back.
    pub checked: u64,
    /// Of these, keys not there, damaged, or older than what was acknowledged; `lost_writes` includes them.
    pub lost: u64,
}

/// Sizes in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Bytes {
    /// What the memory tier held at the end.
    pub memory: u64,
    /// The files of the store after closing.
    pub disk: u64,
    /// What this process wrote to files while serving and closing; unknown where the system does not count it.
    pub disk_written: Option<u64>,
    /// Keys and values of the acknowledged writes.
    pub acknowledged: u64,
}

/// A name, its figure, and what there is to say of it.
pub(super) type Figure = (&'static str, String, String);

/// The form of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Format {
    /// For people: at most 100 columns.
    #[default]
    Table,
    /// One object.
    Json,
    /// A header and a row.
    Csv,
}

impl Report {
    /// Whether every value was right and no acknowledged write was lost.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.wrong_values == 0 && self.lost_writes == 0
    }

    /// Prints the report.
    ///
    /// # Errors
    /// When `out` refuses to be written to.
    pub fn print(&self, format: Format, out: &mut dyn Write) -> anyhow::Result<()> {
        match format {
            Format::Table => writeln!(out, "{}", self.table())?,
            Format::Json => {
                let text = serde_json::to_string_pretty(self).context("cannot write JSON")?;
                writeln!(out, "{text}")?;
            }
            Format::Csv => {
                let (names, values): (Vec<_>, Vec<_>) = self.columns().into_iter().unzip();
                writeln!(out, "{}\n{}", names.join(","), values.join(","))?;
            }
        }
        Ok(())
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        let optional = |value: Option<String>| value.unwrap_or_default();
        let mut columns = vec![
            ("requests", self.requests.to_string()),
            ("wrong_values", self.wrong_values.to_string()),
            ("hits_memory", self.hits.memory.to_string()),
            ("hits_disk", self.hits.disk.to_string()),
            ("hits_store", self.hits.store.to_string()),
            ("origin", self.origin.to_string()),
            ("overwrites", self.overwrites.to_string()),
            ("seconds", format!("{:.3}", self.seconds)),
            (
                "requests_per_second",
                format!("{:.1}", self.requests_per_second),
            ),
            ("latency_ns_p50", self.latency_ns.p50.to_string()),
            ("latency_ns_p99", self.latency_ns.p99.to_string()),
            ("latency_ns_p999", self.latency_ns.p999.to_string()),
            ("latency_ns_max", self.latency_ns.max.to_string()),
            ("bytes_memory", self.bytes.memory.to_string()),
            ("bytes_disk", self.bytes.disk.to_string()),
            (
                "bytes_disk_written",
                optional(self.bytes.disk_written.map(|bytes| bytes.to_string())),
            ),
            ("bytes_acknowledged", self.bytes.acknowledged.to_string()),
            (
                "write_amplification",
                optional(self.write_amplification.map(|by| format!("{by:.3}"))),
            ),
            ("acknowledged_writes", self.acknowledged_writes.to_string()),
            ("lost_writes", self.lost_writes.to_string()),
        ];
        columns.extend(DiskFigures::columns(self.disk_tier.as_ref()));
        columns.extend(Behind::columns(self.behind.as_ref()));
        columns
    }

    fn table(&self) -> Table {
        let mut table = Table::new([
            Column::word("replay"),
            Column::number("figure"),
            Column::note("note"),
        ]);
        let configuration = &self.configuration;
        for (name, what) in [
            ("workload", &configuration.workload),
            ("memory tier", &configuration.memory),
            ("disk tier", &configuration.disk),
            ("store", &configuration.store),
            ("writes", &configuration.writes),
        ] {
            table.row([name, "", what]);
        }
        for (name, figure, note) in self.figures() {
            table.row([name.to_owned(), figure, note]);
        }
        table
    }

    fn figures(&self) -> Vec<Figure> {
        let mut figures = self.request_figures();
        figures.extend(self.byte_figures());
        if let Some(disk_tier) = &self.disk_tier {
            figures.extend(disk_tier.figures());
        }
        if let Some(behind) = &self.behind {
            figures.extend(behind.figures(self.acknowledged_writes));
        }
        figures.extend(self.verdict_figures());
        figures
    }

    /// Requests, where they were answered, and how long it took.
    pub(super) fn request_figures(&self) -> Vec<Figure> {
        let share = |count: u64| percent(count, self.requests);
        let threads = self.configuration.threads;
        let (hits, latency) = (self.hits, self.latency_ns);
        vec![
            (
                "requests",
                grouped(self.requests),
                format!("in {:.2} s, threads: {threads}", self.seconds),
            ),
            (
                "requests/s",
                grouped(self.requests_per_second as u64),
                String::new(),
            ),
            ("hits in memory", grouped(hits.memory), share(hits.memory)),
            ("hits on disk", grouped(hits.disk), share(hits.disk)),
            ("hits in the store", grouped(hits.store), share(hits.store)),
            ("from the origin", grouped(self.origin), share(self.origin)),
            (
                "overwrites",
                grouped(self.overwrites),
                share(self.overwrites),
            ),
            (
                "latency p50",
                nanoseconds(latency.p50),
                "half of the requests took at most this".to_owned(),
            ),
            ("latency p99", nanoseconds(latency.p99), String::new()),
            (
                "latency p99.9",
                nanoseconds(latency.p999),
                format!("longest {}", nanoseconds(latency.max)),
            ),
        ]
    }

    /// What is held, and what was written.
    pub(super) fn byte_figures(&self) -> Vec<Figure> {
        let written = self.bytes.disk_written.map_or("unknown".to_owned(), bytes);
        vec![
            (
                "in memory",
                bytes(self.bytes.memory),
                "keys and values at the end".to_owned(),
            ),
            (
                "on disk",
                bytes(self.bytes.disk),
                "after closing".to_owned(),
            ),
            ("written to disk", written, self.amplified()),
            (
                "acknowledged writes",
                grouped(self.acknowledged_writes),
                format!("keys and values: {}", bytes(self.bytes.acknowledged)),
            ),
        ]
    }

    /// What was lost or wrong.
    pub(super) fn verdict_figures(&self) -> Vec<Figure> {
        let mut figures = Vec::with_capacity(3);
        if let Some(recovery) = self.recovery {
            let note = format!(
                "of {} acknowledged to earlier runs",
                grouped(recovery.checked)
            );
            figures.push(("lost before", grouped(recovery.lost), note));
        }
        figures.push((
            "lost writes",
            grouped(self.lost_writes),
            self.read_back_how(),
        ));
        figures.push((
            "wrong values",
            grouped(self.wrong_values),
            "every byte read was checked".to_owned(),
        ));
        figures
    }

    fn amplified(&self) -> String {
        let amplified = |by| format!("write amplification {by:.2}: by the acknowledged bytes");
        self.write_amplification.map(amplified).unwrap_or_default()
    }

    fn read_back_how(&self) -> String {
        let how = if self.reopened {
            "after reopening"
        } else {
            "unclosed, as memory does not survive it"
        };
        format!("read back {how}: {} keys", grouped(self.read_back))
    }
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return String::new();
    }
    format!(
        "({:.2} % of the requests)",
        part as f64 * 100.0 / whole as f64
    )
}

pub(super) fn nanoseconds(count: u64) -> String {
    let duration = Duration::from_nanos(count);
    if count < 10_000 {
        format!("{count} ns")
    } else if count < 1_000_000 {
        format!("{:.1} us", duration.as_secs_f64() * 1e6)
    } else {
        format!("{:.2} ms", duration.as_secs_f64() * 1e3)
    }
}

fn bytes(count: u64) -> String {
    units::Bytes::new(count).to_string()
}
