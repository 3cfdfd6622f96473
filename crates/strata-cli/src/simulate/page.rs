//! The page that `--report` writes: a section a trace, with the curves, then all numbers.

use crate::report::{Cell, Chart, Page, Series, Unit, command_line, date, machine};
use crate::table::grouped;
use crate::units::Bytes;

use super::access::Weighing;
use super::args::Args;
use super::explained::explained;
use super::row::{Answer, Row};
use super::trace_run::TraceRun;

/// What the file begins with.
pub(super) const MARK: &str = Page::MARK;

/// The points of LRU's exact curve that are drawn.
const CURVE_POINTS: u16 = 240;

/// The page.
pub(super) fn page(args: &Args, traces: &[TraceRun]) -> String {
    let title = match traces {
        [only] => format!("Cache policies on {}", only.name),
        _ => "Cache policies on several traces".to_owned(),
    };
    let mut page = Page::new(&title);
    page.facts([
        ("command", command_line()),
        ("machine", machine()),
        ("strata", env!("CARGO_PKG_VERSION").to_owned()),
        ("date", date()),
    ]);
    for trace in traces {
        Section { args, trace }.write(&mut page);
    }
    page.finish()
}

/// What the page says of a trace.
struct Section<'a> {
    args: &'a Args,
    trace: &'a TraceRun,
}

impl Section<'_> {
    fn write(&self, page: &mut Page) {
        page.section(&self.trace.name);
        page.facts(self.facts());
        page.chart(
            &self.chart(|row| Some(row.miss_ratio), "miss ratio"),
            &self.caption(),
        );
        if self.trace.totals.has_sizes {
            page.subsection("Bytes");
            let chart = self.chart(|row| Some(row.bytes?.byte_miss_ratio), "byte miss ratio");
            page.chart(&chart, "The share of the requested bytes that missed.");
        }
        page.subsection("Miss ratios");
        self.matrix(page, |row| Some((row.miss_ratio, row.misses)), "misses");
        if self.trace.totals.has_sizes {
            page.subsection("Byte miss ratios");
            let bytes = |row: &Row| {
                row.bytes
                    .map(|bytes| (bytes.byte_miss_ratio, bytes.missed_bytes))
            };
            self.matrix(page, bytes, "bytes missed");
        }
        self.answers(page);
        for (policy, size, history) in &self.trace.histories {
            let course = match self.trace.sample {
                None => "requests",
                Some(_) => "requests of the sample",
            };
            explained(page, policy, &self.size(*size), history, course);
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let TraceRun {
            totals,
            sample,
            elapsed,
            path,
            ..
        } = self.trace;
        let objects = sample.map_or(totals.objects, |sample| {
            sample.whole(totals.objects, totals.requests)
        });
        let about = if sample.is_some() { "about " } else { "" };
        let mut facts = vec![
            ("trace", path.clone()),
            ("requests", grouped(totals.requests)),
            ("distinct objects", format!("{about}{}", grouped(objects))),
            (
                "first requests",
                format!("{about}{:.2}%", 100.0 * self.trace.cold_ratio()),
            ),
        ];
        if totals.has_sizes {
            let bytes = sample.map_or(totals.object_bytes, |sample| {
                sample.whole(totals.object_bytes, u64::MAX)
            });
            facts.push((
                "bytes of all objects",
                format!("{about}{}", Bytes::new(bytes)),
            ));
            facts.push(("bytes requested", Bytes::new(totals.bytes).to_string()));
        }
        if let Some(sample) = sample {
            let share = format!(
                "{}% of the keys, {} requests",
                100.0 * sample.rate(),
                grouped(totals.sampled)
            );
            facts.push(("sample", share));
        }
        let seconds = format!("{:.2} s", elapsed.as_secs_f64());
        facts.push(("simulated in", seconds));
        facts
    }

    fn caption(&self) -> String {
        let mut text =
            "The share of the requests that missed, by the size of the cache; lower is better."
                .to_owned();
        let policies = self.policies();
        let bounds: Vec<&str> = policies
            .into_iter()
            .filter(|policy| self.is_offline(policy))
            .collect();
        match bounds[..] {
            [] => {}
            [bound] => text += &format!(" {bound} knows the future: a bound, not a choice."),
            _ => {
                text += &format!(
                    " {} know the future: bounds, not choices.",
                    bounds.join(" and ")
                )
            }
        }
        if self.trace.curve.is_some() && self.lru().is_some() {
            text += " The thin line along lru is exact for every size, from stack distances.";
        }
        if self.trace.sample.is_some() {
            text += " Estimated from a sample of the keys; the table's cells tell the expected errors when pointed at.";
        }
        text
    }

    /// The policies, in order.
    fn policies(&self) -> Vec<&str> {
        let mut policies: Vec<&str> = Vec::new();
        for row in &self.trace.rows {
            if !policies.contains(&row.policy.as_str()) {
                policies.push(&row.policy);
            }
        }
        policies
    }

    /// Whether it must know the future, and so is a bound for the others.
    fn is_offline(&self, policy: &str) -> bool {
        let mut configs = self.args.policies.configs().iter();
        configs.any(|config| config.is_offline() && config.to_string() == policy)
    }

    /// LRU's place among the policies.
    fn lru(&self) -> Option<usize> {
        self.policies().iter().position(|policy| *policy == "lru")
    }

    /// The sizes, ascending.
    fn sizes(&self) -> Vec<u64> {
        let mut sizes: Vec<u64> = self.trace.rows.iter().map(|row| row.capacity).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    fn chart(&self, ratio: impl Fn(&Row) -> Option<f64>, ratios: &str) -> Chart {
        let series = self.policies().into_iter().map(|policy| {
            let rows = self.trace.rows.iter().filter(|row| row.policy == policy);
            let mut points: Vec<(u64, f64)> = rows
                .filter_map(|row| Some((row.capacity, ratio(row)?)))
                .collect();
            points.sort_unstable_by_key(|(size, _)| *size);
            Series {
                name: policy.to_owned(),
                points,
                detail_of: None,
            }
        });
        let mut series: Vec<Series> = series.collect();
        if ratios == "miss ratio" {
            series.extend(self.exact_lru());
        }
        let (unit, sizes) = match self.args.weighing() {
            Weighing::Objects => (Unit::Count, "cache size in objects"),
            Weighing::Bytes => (Unit::Bytes, "cache size in bytes"),
        };
        Chart {
            title: format!("{ratios} of {} by cache size", self.trace.name),
            sizes: sizes.to_owned(),
            ratios: ratios.to_owned(),
            unit,
            series,
        }
    }

    /// LRU's exact curve between the smallest and the largest size.
    fn exact_lru(&self) -> Option<Series> {
        let (curve, lru) = (self.trace.curve.as_ref()?, self.lru()?);
        let (sizes, requests) = (self.sizes(), self.trace.totals.requests);
        let (first, last) = (*sizes.first()?, *sizes.last()?);
        let misses = |size| match self.trace.sample {
            Some(sample) => sample.whole(curve.misses(sample.scaled(size)), requests),
            None => curve.misses(size),
        };
        let points = super::size::spaced(first, last, CURVE_POINTS).into_iter();
        Some(Series {
            name: "lru, exact at every size".to_owned(),
            points: points
                .map(|size| (size, misses(size) as f64 / requests as f64))
                .collect(),
            detail_of: Some(lru),
        })
    }

    /// A table with a row a policy and a column a size.
    fn matrix(&self, page: &mut Page, value: impl Fn(&Row) -> Option<(f64, u64)>, counted: &str) {
        let (policies, sizes) = (self.policies(), self.sizes());
        let at = |policy: &str, size: u64| {
            let mut rows = self.trace.rows.iter();
            rows.find(|row| row.policy == policy && row.capacity == size)
        };
        let best: Vec<f64> = sizes
            .iter()
            .map(|size| {
                let online = policies.iter().filter(|policy| !self.is_offline(policy));
                let ratios = online.filter_map(|policy| Some(value(at(policy, *size)?)?.0));
                ratios.fold(f64::INFINITY, f64::min)
            })
            .collect();
        let cell = |policy: &str, size: u64, best: f64| {
            let Some((row, (ratio, count))) =
                at(policy, size).and_then(|row| Some((row, value(row)?)))
            else {
                return Cell::text("");
            };
            let mut note = format!(
                "{policy} at {}: {} {counted}",
                self.size(size),
                grouped(count)
            );
            if let Some(error) = row.expected_error {
                note += &format!(", expected error of the miss ratio {error:.4}");
            }
            let cell = Cell::number(format!("{ratio:.4}")).note(note);
            if ratio <= best && policies.len() > 1 && !self.is_offline(policy) {
                cell.best()
            } else {
                cell
            }
        };
        let rows: Vec<Vec<Cell>> = policies
            .iter()
            .map(|policy| {
                let cells = sizes
                    .iter()
                    .zip(&best)
                    .map(|(size, best)| cell(policy, *size, *best));
                std::iter::once(Cell::text(*policy)).chain(cells).collect()
            })
            .collect();
        let sizes = sizes.iter().map(|size| self.size(*size));
        let header: Vec<String> = std::iter::once("policy".to_owned()).chain(sizes).collect();
        page.table(&header, &rows);
    }

    fn answers(&self, page: &mut Page) {
        let Some(target) = self.args.target else {
            return;
        };
        page.subsection(&format!(
            "Smallest sizes with a miss ratio of at most {target}"
        ));
        let objects = self.trace.totals.objects;
        let footprint = match self.args.weighing() {
            Weighing::Objects => objects,
            Weighing::Bytes => self.trace.totals.object_bytes,
        };
        let footprint = self
            .trace
            .sample
            .map_or(footprint, |sample| sample.whole(footprint, u64::MAX));
        let is_reached = |row: &&Row| row.answer != Some(Answer::Unreachable);
        let mut answers: Vec<&Row> = self.trace.answers.iter().filter(is_reached).collect();
        answers.sort_by_key(|row| row.capacity);
        let row = |row: &&Row| {
            let share = 100.0 * row.capacity as f64 / footprint.max(1) as f64;
            vec![
                Cell::text(&row.policy),
                Cell::number(self.size(row.capacity)),
                Cell::number(format!("{share:.2}%")),
                Cell::number(format!("{:.4}", row.miss_ratio)),
            ]
        };
        if !answers.is_empty() {
            page.table(
                &["policy", "size", "of all objects", "miss ratio"],
                &answers.iter().map(row).collect::<Vec<_>>(),
            );
        }
        for note in self
            .trace
            .answers
            .iter()
            .filter_map(|row| self.trace.answer_note(row))
        {
            page.paragraph(&note);
        }
    }

    fn size(&self, size: u64) -> String {
        match self.args.weighing() {
            Weighing::Objects => grouped(size),
            Weighing::Bytes => Bytes::new(size).to_string(),
        }
    }
}
