//! The page that `--report` writes: what was replayed, what was found, and how long it took.

use crate::report::{Cell, Page, command_line, date, machine};

use super::report::Report;

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
    page.section("Bytes and writes");
    figures(&mut page, &report.byte_figures());
    if let Some(behind) = &report.behind {
        page.section("Write-behind");
        figures(&mut page, &behind.figures(report.acknowledged_writes));
    }
    page.finish()
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
