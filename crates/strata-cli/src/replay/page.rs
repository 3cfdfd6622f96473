//! The page that `--report` writes: what was replayed, what was found, and how long it took.

use crate::report::{Cell, Chart, Page, Series, Unit, command_line, date, machine};

use super::answer::{Answer, ByAnswer};
use super::report::{Report, nanoseconds};
use super::timeline::Slice;

/// What the file begins with.
pub(super) const MARK: &str = Page::MARK;

/// The page.
pub(super) fn page(report: &Report) -> String {
    let configuration = &report.configuration;
    let mut page = Page::new(&format!("Replay of {}", configuration.workload));
    page.facts([
        ("command", command_line()),
        ("machine", machine()),
        ("strata", env!("CARGO_PKG_VERSION").to_owned()),
        ("date", date()),
        ("memory tier", configuration.memory.clone()),
        ("disk tier", configuration.disk.clone()),
        ("store", configuration.store.clone()),
        ("writes", configuration.writes.clone()),
        ("threads", configuration.threads.to_string()),
    ]);
    page.section("Verdict");
    page.paragraph(if report.passed() {
        "Every value that was read was right to the byte, and every acknowledged write was there at the end."
    } else {
        "Values were wrong, or acknowledged writes were lost."
    });
    if !report.findings.is_empty() {
        let findings = report.findings.iter();
        let rows: Vec<_> = findings.map(|text| vec![Cell::text(text)]).collect();
        page.table(&["the first findings"], &rows);
    }
    figures(&mut page, &report.verdict_figures());
    page.section("Requests");
    figures(&mut page, &report.request_figures());
    if !report.slices.is_empty() {
        page.subsection("Who answered, over time");
        page.chart(&answers(report), ANSWERS);
    }
    page.subsection("How long it took, by who answered");
    page.table(
        &["what", "p50", "p99", "p99.9", "longest"],
        &latencies(report),
    );
    page.section("Bytes and writes");
    figures(&mut page, &report.byte_figures());
    if let Some(disk_tier) = &report.disk_tier {
        page.section("Disk tier");
        figures(&mut page, &disk_tier.figures());
    }
    if let Some(behind) = &report.behind {
        page.section("Write-behind");
        figures(&mut page, &behind.figures(report.acknowledged_writes));
    }
    page.finish()
}

const ANSWERS: &str = "The share of the requests that each answered, over the requests that had come; the four add up to 1. What no tier \
                       and no store holds comes from the origin.";

/// The share of each slice's requests that each answered; of those alone who answered any.
fn answers(report: &Report) -> Chart {
    let shares = |of: fn(&Slice) -> u64| -> Vec<(u64, f64)> {
        let slices = report.slices.iter();
        slices
            .map(|slice| (slice.end, of(slice) as f64 / slice.requests().max(1) as f64))
            .collect()
    };
    let mut by = ByAnswer::from_fn(|answer| {
        shares(match answer {
            Answer::Memory => |slice| slice.memory,
            Answer::Disk => |slice| slice.disk,
            Answer::Store => |slice| slice.store,
            Answer::Origin => |slice| slice.origin,
        })
    });
    let series = Answer::ALL.into_iter().map(|answer| Series {
        name: answer.name().to_owned(),
        points: std::mem::take(&mut by[answer]),
        detail_of: None,
    });
    Chart {
        title: "Who answered, over time".to_owned(),
        sizes: "requests".to_owned(),
        ratios: "share of the requests".to_owned(),
        unit: Unit::Progress,
        series: series
            .filter(|series| series.points.iter().any(|(_, share)| *share > 0.0))
            .collect(),
    }
}

fn latencies(report: &Report) -> Vec<Vec<Cell>> {
    let rows = report.latency_by_tier_ns.rows();
    rows.map(|(name, latency)| {
        let figures = [latency.p50, latency.p99, latency.p999, latency.max];
        let cells = figures.map(|figure| Cell::number(nanoseconds(figure)));
        [Cell::text(name)].into_iter().chain(cells).collect()
    })
    .collect()
}

fn figures(page: &mut Page, figures: &[(&'static str, String, String)]) {
    let row = |(name, figure, note): &(&'static str, String, String)| {
        vec![
            Cell::text(*name),
            Cell::number(figure.clone()),
            Cell::text(note.clone()),
        ]
    };
    let rows: Vec<_> = figures.iter().map(row).collect();
    page.table(&["what", "figure", "note"], &rows);
}
