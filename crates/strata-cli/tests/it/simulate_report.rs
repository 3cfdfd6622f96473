//! `strata simulate --report`: a page that stands alone, and a file that appears whole.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::command::strata_unread;
use crate::simulate::{folder, simulate};
use crate::traces::written;

#[test]
fn the_page_needs_nothing_else_and_holds_every_number() {
    let folder = folder();
    let arguments = [
        "web.oracleGeneral.zst",
        "--sizes",
        "10,20..80:3",
        "--target",
        "0.3",
    ];
    let run = simulate(
        &folder,
        &[
            &arguments[..],
            &["--report", "web.html", "--format", "json"],
        ]
        .concat(),
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let page = fs::read_to_string(folder.path().join("web.html")).unwrap();
    for foreign in [
        "http://", "https://", "<script", "<link", "<img", "@import", "url(",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    assert!(rows.len() > 20);
    for row in &rows {
        let ratio = format!(">{:.4}</td>", row["miss_ratio"].as_f64().unwrap());
        assert!(page.contains(&ratio), "{row}");
        if row["target"].is_null() {
            let bytes = format!(">{:.4}</td>", row["byte_miss_ratio"].as_f64().unwrap());
            assert!(page.contains(&bytes), "{row}");
            let name = format!("<th scope=\"row\">{}</th>", row["policy"].as_str().unwrap());
            assert!(page.contains(&name), "{row}");
        }
    }
    for part in [
        "--report web.html",
        "4,200",
        "Smallest sizes with a miss ratio of at most 0.3",
        "prefers-color-scheme: dark",
        "<svg class=\"wide\"",
        "<svg class=\"narrow\"",
        env!("CARGO_PKG_VERSION"),
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_balanced(&page);
}

/// The names of all files in the folder.
fn names(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Asserts that every element that is opened is closed, in the order that nesting wants.
fn assert_balanced(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("a tag ends");
        let name = tag.split([' ', '\n']).next().unwrap();
        let is_alone = name.starts_with('!') || tag.ends_with('/') || name == "meta";
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !is_alone {
            open.push(name);
        }
    }
    assert_eq!(open, [""; 0]);
}

#[test]
fn names_of_traces_are_text_and_no_markup() {
    let folder = folder();
    written(&folder, "<b>&\"x.lirs", b"1\n2\n1\n");
    let run = simulate(
        &folder,
        &["<b>&\"x.lirs", "--sizes", "1", "--report", "a.html"],
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let page = fs::read_to_string(folder.path().join("a.html")).unwrap();
    assert!(page.contains("<h2>&lt;b&gt;&amp;&quot;x</h2>") && !page.contains("<b>"));
    assert_balanced(&page);
}

#[test]
fn what_strata_did_not_write_is_not_replaced() {
    let folder = folder();
    let path = written(&folder, "precious.html", b"<p>not strata's</p>");
    for (option, said) in [("--report", 2), ("--lru-curve", 2)] {
        let run = simulate(
            &folder,
            &[
                "web.oracleGeneral.zst",
                "--sizes",
                "10",
                option,
                "precious.html",
            ],
        );
        assert_eq!((run.code, run.stdout.as_str()), (Some(said), ""), "{run:?}");
        assert!(
            run.stderr.contains("precious.html: is there already"),
            "{run:?}"
        );
    }
    assert_eq!(fs::read(path).unwrap(), b"<p>not strata's</p>");
    let run = simulate(
        &folder,
        &["web.oracleGeneral.zst", "--report", "none/a.html"],
    );
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{run:?}");
    assert_eq!(
        run.stderr,
        "error: none/a.html: there is no folder none: make it first\n"
    );
}

#[test]
fn the_files_are_whole_though_nobody_reads_the_rows() {
    let folder = folder();
    let sizes: Vec<String> = (1..2000).map(|size| size.to_string()).collect();
    // More rows than a pipe holds.
    let line = format!(
        "simulate web.oracleGeneral.zst --policies lru,fifo --sizes {} --format csv --report a.html --lru-curve a.csv",
        sizes.join(",")
    );
    let run = strata_unread(folder.path(), line.split(' '));
    assert_eq!(run, (Some(0), String::new()));
    let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(text("a.html").ends_with("</html>\n"));
    assert!(text("a.csv").lines().count() > 100);
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_that_is_stopped_leaves_no_file_behind() {
    let folder = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_strata"))
        .args([
            "simulate",
            "/dev/stdin",
            "--policies",
            "lru",
            "--sizes",
            "9",
        ])
        .args(["--report", "a.html", "--lru-curve", "a.csv"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // More than a pipe holds: the run has taken some of it when this returns, and wants more.
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all("1\n2\n".repeat(500_000).as_bytes())
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names(&folder), ["web.oracleGeneral.zst"]);
}

#[test]
fn a_report_is_replaced_whole_or_stays_as_it_was() {
    let folder = folder();
    written(&folder, "cut.oracleGeneral", &[7; 50]);
    let report = |trace: &str| simulate(&folder, &[trace, "--sizes", "10", "--report", "a.html"]);
    let page = || fs::read_to_string(folder.path().join("a.html")).unwrap();
    assert_eq!(report("web.oracleGeneral.zst").code, Some(0));
    let first = page();
    assert_eq!(report("cut.oracleGeneral").code, Some(1));
    assert_eq!(page(), first);
    let run = simulate(
        &folder,
        &[
            "web.oracleGeneral.zst",
            "--sizes",
            "20",
            "--report",
            "a.html",
        ],
    );
    assert_eq!(run.code, Some(0));
    assert!(page() != first && page().ends_with("</html>\n"));
    assert_eq!(
        names(&folder),
        ["a.html", "cut.oracleGeneral", "web.oracleGeneral.zst"],
        "nothing is left over"
    );
}

#[test]
fn beside_each_name_is_a_piece_of_its_line() {
    let folder = folder();
    let arguments = [
        "web.oracleGeneral.zst",
        "--sizes",
        "10,20",
        "--report",
        "a.html",
    ];
    assert_eq!(simulate(&folder, &arguments).code, Some(0));
    let page = fs::read_to_string(folder.path().join("a.html")).unwrap();
    let (_, wide) = page.split_once("<svg class=\"wide\"").unwrap();
    let (wide, _) = wide.split_once("</svg>").unwrap();
    // Before each name: the dash and colour of the line, then its mark.
    let named: Vec<&str> = wide.split("<text class=\"name").collect();
    let mut styles = Vec::new();
    for before in &named[..named.len() - 1] {
        let swatch = &before[before.rfind("<path class=\"curve").unwrap()..];
        let (style, rest) = swatch.split_once(" d=\"").unwrap();
        assert!(rest.contains("h30\"/><path class=\"mark"), "{swatch}");
        styles.push(style);
    }
    assert!(styles.len() > 20);
    let line = |style: &str| format!("</title>{style} d=\"");
    assert!(
        styles.iter().all(|style| wide.contains(&line(style))),
        "{styles:?}"
    );
    styles.sort_unstable();
    styles.dedup();
    assert_eq!(styles.len(), named.len() - 1, "no two look the same");
}
