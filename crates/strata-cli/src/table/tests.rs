//! Cells stand where their columns say, and numbers and words stay whole.

use super::*;

fn rows_of(shown: &str) -> Vec<&str> {
    shown
        .lines()
        .filter(|line| !line.starts_with('─'))
        .collect()
}

fn widest(shown: &str) -> usize {
    shown.lines().map(UnicodeWidthStr::width).max().unwrap_or(0)
}

#[test]
fn numbers_and_their_headers_end_in_one_column() {
    let mut table = Table::new([Column::word("policy"), Column::number("misses")]);
    table.row(["lru", "1234567890"]).row(["s3-fifo", "5"]);
    let shown = table.to_string();
    let ends: Vec<usize> = rows_of(&shown).into_iter().map(str::len).collect();
    assert_eq!(ends.len(), 3);
    assert!(ends.iter().all(|end| *end == ends[0]), "{shown}");
}

#[test]
fn names_that_begin_with_a_digit_stay_to_the_left() {
    let mut table = Table::new([
        Column::label("trace"),
        Column::word("policy"),
        Column::number("misses"),
    ]);
    table.row(["2_pools", "2q", "7"]);
    table.row(["a_long_name", "s3-fifo", "12"]);
    let shown = table.to_string();
    assert_eq!(
        rows_of(&shown),
        [
            " trace        policy   misses",
            " 2_pools      2q            7",
            " a_long_name  s3-fifo      12",
        ]
    );
}

#[test]
fn where_room_is_short_the_label_is_shortened_and_nothing_else() {
    let mut table = Table::new([
        Column::label("trace"),
        Column::number("capacity"),
        Column::word("policy"),
        Column::number("requests"),
        Column::number("expected error"),
        Column::number("byte miss ratio"),
    ]);
    let (capacity, policy, requests) = ("84467440", "tiny-lfu+s3-fifo", "1234567890");
    let name = "a_trace_with_a_very_long_name_of_a_cluster_and_its_day";
    table.row([name, capacity, policy, requests, "0.001234", "0.123456"]);
    let shown = table.to_string();
    assert!(widest(&shown) <= WIDTH, "{shown}");
    assert_eq!(rows_of(&shown).len(), 2, "headers need no break: {shown}");
    for whole in [capacity, policy, requests, "a_trace_with_a_"] {
        assert!(shown.contains(whole), "{whole}:\n{shown}");
    }
    assert!(shown.contains('…') && !shown.contains(name), "{shown}");
}

#[test]
fn headers_are_broken_before_a_label_becomes_very_short() {
    let number = || Column::number("a header of words");
    let mut table = Table::new([
        Column::label("trace"),
        number(),
        number(),
        number(),
        number(),
        number(),
    ]);
    table.row([
        "n".repeat(60),
        "1".into(),
        "2".into(),
        "3".into(),
        "4".into(),
        "5".into(),
    ]);
    let shown = table.to_string();
    assert!(widest(&shown) <= WIDTH, "{shown}");
    assert!(shown.contains(&"n".repeat(LABEL_WIDTHS[0] - 1)), "{shown}");
    assert!(rows_of(&shown).len() > 2, "{shown}");
}

#[test]
fn numbers_and_words_are_whole_even_where_the_table_becomes_too_wide() {
    let mut table = Table::new([
        Column::label("trace"),
        Column::word("policy"),
        Column::number("n"),
    ]);
    let policy = "p".repeat(95);
    table.row(["a_name_of_a_trace", policy.as_str(), "18446744073709551615"]);
    let shown = table.to_string();
    assert!(shown.contains(&policy), "{shown}");
    assert!(shown.contains("18446744073709551615"), "{shown}");
    assert!(shown.contains(" a_name_… "), "{shown}");
}

#[test]
fn no_line_of_prose_is_wider_than_the_limit() {
    let mut table = Table::new([
        Column::label("trace"),
        Column::note("what"),
        Column::note("more"),
    ]);
    table.row(["a name ".repeat(40), "x".repeat(400), "漢字 ".repeat(40)]);
    let shown = table.to_string();
    assert!(widest(&shown) <= WIDTH, "{shown}");
    assert_eq!(shown.matches('x').count(), 400);
    assert_eq!(shown.matches('漢').count(), 40);
}

#[test]
fn a_name_with_a_line_end_takes_one_line() {
    let mut table = Table::new([Column::label("trace")]);
    table.row(["a\nb\tc"]);
    assert_eq!(rows_of(&table.to_string())[1], " a\\nb\\tc");
}

#[test]
fn a_table_printed_in_pieces_is_the_one_shown_whole() {
    let columns = || [Column::number("n"), Column::word("square")];
    let (mut whole, mut pieces) = (Table::new(columns()), Table::new(columns()));
    whole.reserve([7]);
    pieces.reserve([7]);
    let mut printed = Vec::new();
    for n in 0_u64..100 {
        let row = [n.to_string(), (n * n).to_string()];
        whole.row(row.clone());
        pieces.row(row);
        if n % 30 == 0 {
            let before = printed.len();
            pieces.print(&mut printed).unwrap();
            assert!(printed.len() > before && pieces.rows_held() == 0);
        }
    }
    pieces.finish(&mut printed).unwrap();
    let shown = whole.to_string();
    assert_eq!(
        rows_of(&String::from_utf8(printed).unwrap()),
        rows_of(&shown)
    );
}
