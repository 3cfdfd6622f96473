//! `strata simulate --report --explain`: what a policy did in the course of the trace, as a part of the page.

use std::fs;

use tempfile::TempDir;

use crate::simulate::{folder, simulate};
use crate::traces::{oracle_general, requests_of, written};

/// Keys that are asked for a few times soon after each other and never again; then a loop larger than the cache; then the first again.
fn phases() -> Vec<u64> {
    let bursts =
        |first: u64| (0..30_000).map(move |request| first + request / 3 + request % 3 * 40);
    let turns = (0..60_000).map(|request| request % 300);
    bursts(1_000).chain(turns).chain(bursts(20_000)).collect()
}

/// A folder with the phases as `phases.oracleGeneral`, and the page that these arguments make of them.
fn page(arguments: &[&str]) -> (TempDir, String) {
    let folder = folder();
    let requests = oracle_general(&requests_of(&phases()));
    written(&folder, "phases.oracleGeneral", &requests);
    let fixed = ["phases.oracleGeneral", "--report", "a.html"];
    let run = simulate(&folder, &[&fixed[..], arguments].concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let page = fs::read_to_string(folder.path().join("a.html")).unwrap();
    (folder, page)
}

/// The spans of the first drawing of lanes: first and last request, and the lane.
fn spans(page: &str) -> Vec<(u64, u64, String)> {
    let (_, drawing) = page.split_once("aria-label=\"mode of duel\"").unwrap();
    let (drawing, _) = drawing.split_once("</svg>").unwrap();
    let titles = drawing.split("<title>").skip(1);
    let span = |text: &str| {
        let (text, _) = text.split_once("</title>").unwrap();
        let (course, lane) = text.split_once(": ").unwrap();
        let (first, last) = course.split_once(" to ").unwrap();
        (
            first.parse().unwrap(),
            last.parse().unwrap(),
            lane.to_owned(),
        )
    };
    titles.map(span).collect()
}

#[test]
fn a_page_shows_which_mode_was_the_one_when() {
    let (_folder, page) = page(&["--policies", "lru,duel", "--sizes", "200", "--explain"]);
    assert!(page.contains("<h3>What duel did at 200</h3>"));
    assert!(!page.contains("What lru did"), "it has nothing to tell");
    let spans = spans(&page);
    assert_eq!(spans[0].0, 0);
    assert_eq!(spans.last().unwrap().1, 120_000, "to the end");
    assert!(spans.windows(2).all(|pair| pair[0].1 == pair[1].0));
    // By the end of a phase: only a cache that is all window has the bursts, and that has nothing of the loop.
    let mode_at = |request: u64| {
        let is_then = |span: &&(u64, u64, String)| span.0 < request && request <= span.1;
        &spans.iter().find(is_then).unwrap().2
    };
    for (request, is_lru) in [(30_000, true), (90_000, false), (120_000, true)] {
        assert_eq!(mode_at(request) == "l", is_lru, "{request}: {spans:?}");
    }
    let changes = format!("It changed {} times", spans.len() - 1);
    assert!(page.contains(&changes), "{spans:?}");
}

#[test]
fn a_page_draws_a_line_for_each_miniature_beside_the_misses() {
    let (_folder, page) = page(&["--policies", "duel", "--sizes", "100,200", "--explain"]);
    for size in [100, 200] {
        let (_, section) = page
            .split_once(&format!("<h3>What duel did at {size}</h3>"))
            .unwrap();
        let section = section.split("<h3>").next().unwrap();
        for drawing in ["wide", "narrow"] {
            let lines = section
                .matches(&format!("<svg class=\"{drawing}\""))
                .count();
            assert_eq!(lines, 2, "lanes and a chart");
        }
        let (_, chart) = section.split_once("</figure>").unwrap();
        let (chart, _) = chart.split_once("</svg>").unwrap();
        for line in [
            "duel",
            "misses of f",
            "misses of l",
            "misses of i",
            "misses of m",
            "misses of h",
        ] {
            let named = format!("<g class=\"series\"><title>{line}</title>");
            assert_eq!(chart.matches(&named).count(), 1, "{line}");
        }
    }
}

#[test]
fn of_a_sample_the_requests_are_its_own() {
    let arguments = [
        "--policies",
        "duel",
        "--sizes",
        "2000",
        "--sample",
        "0.5",
        "--explain",
    ];
    let (_folder, page) = page(&arguments);
    assert!(page.contains("<h3>What duel did at 2,000</h3>"));
    let sampled = spans(&page).last().unwrap().1;
    assert!((50_000..70_000).contains(&sampled), "{sampled} of 120,000");
    let (_, drawing) = page.split_once("aria-label=\"mode of duel\"").unwrap();
    assert!(drawing.contains(">requests of the sample</text>"));
}

#[test]
fn nothing_is_explained_that_was_not_asked_for() {
    let (_folder, page) = page(&["--policies", "duel", "--sizes", "200"]);
    assert!(!page.contains("What duel did"));
}

#[test]
fn an_explanation_needs_a_page_to_stand_in() {
    let folder = folder();
    let run = simulate(&folder, &["web.oracleGeneral.zst", "--explain"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(run.stderr.contains("--report"), "{}", run.stderr);
}

#[test]
fn counts_are_the_same_with_an_explanation() {
    let (folder, _) = page(&["--policies", "duel", "--sizes", "200"]);
    let fixed = [
        "phases.oracleGeneral",
        "--policies",
        "duel,lru,w-tinylfu",
        "--sizes",
        "50,200",
        "--format",
        "csv",
    ];
    let plain = simulate(&folder, &fixed).stdout;
    for threads in ["1", "2"] {
        let more = ["--report", "a.html", "--explain", "--threads", threads];
        assert_eq!(
            simulate(&folder, &[&fixed[..], &more].concat()).stdout,
            plain
        );
    }
    assert_eq!(plain.lines().count(), 7);
}
