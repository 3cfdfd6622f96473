//! An HTML page of facts, charts and tables.

use std::fmt::Write;

use super::chart::Chart;
use super::lanes::Lanes;

/// One HTML file in the making; whatever text goes in comes out as text.
///
/// ```
/// use strata_cli::report::{Cell, Page};
///
/// let mut page = Page::new("Misses of a.trace");
/// page.facts([("requests", "4,200")]);
/// page.table(&["policy", "10", "20"], &[vec![Cell::text("lru & co"), Cell::number("0.5"), Cell::number("0.25").best()]]);
/// let html = page.finish();
/// assert!(html.starts_with(Page::MARK) && html.contains("lru &amp; co"));
/// ```
#[derive(Clone, Debug)]
pub struct Page {
    html: String,
    charts: usize,
}

/// A cell of a table.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    note: Option<String>,
    is_number: bool,
    is_best: bool,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// A number, to the right.
    pub fn number(text: impl Into<String>) -> Self {
        Self {
            is_number: true,
            ..Self::text(text)
        }
    }

    /// Shown when the pointer rests on it.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// The best of its column.
    #[must_use]
    pub fn best(mut self) -> Self {
        self.is_best = true;
        self
    }
}

const STYLE: &str = include_str!("page.css");

impl Page {
    /// What every page begins with.
    pub const MARK: &'static str = "<!doctype html><!-- strata report -->";

    /// A page with this heading.
    #[must_use]
    pub fn new(title: &str) -> Self {
        let title = escaped(title);
        let html = format!(
            "{}\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
             <body>\n<main>\n<h1>{title}</h1>\n",
            Self::MARK
        );
        Self { html, charts: 0 }
    }

    /// A heading.
    pub fn section(&mut self, title: &str) {
        self.push(format_args!("<h2>{}</h2>\n", escaped(title)));
    }

    /// A heading below a section's.
    pub fn subsection(&mut self, title: &str) {
        self.push(format_args!("<h3>{}</h3>\n", escaped(title)));
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) {
        self.push(format_args!("<p>{}</p>\n", escaped(text)));
    }

    /// Names and what they are.
    pub fn facts<N: AsRef<str>, V: AsRef<str>>(&mut self, facts: impl IntoIterator<Item = (N, V)>) {
        self.html.push_str("<dl>\n");
        for (name, value) in facts {
            let (name, value) = (escaped(name.as_ref()), escaped(value.as_ref()));
            // What would break into many lines beside others gets a line of its own.
            let class = if value.len() > 30 {
                " class=\"wide\""
            } else {
                ""
            };
            self.push(format_args!(
                "<div{class}><dt>{name}</dt><dd>{value}</dd></div>\n"
            ));
        }
        self.html.push_str("</dl>\n");
    }

    /// A chart, drawn for wide and for narrow windows.
    pub fn chart(&mut self, chart: &Chart, caption: &str) {
        self.charts += 1;
        let (wide, narrow) = (chart.wide(), chart.narrow());
        let caption = escaped(caption);
        self.push(format_args!(
            "<figure>\n{wide}{narrow}{}<figcaption>{caption}</figcaption>\n</figure>\n",
            chart.legend()
        ));
    }

    /// Lanes, drawn for wide and for narrow windows.
    pub fn lanes(&mut self, lanes: &Lanes, caption: &str) {
        let caption = escaped(caption);
        self.push(format_args!(
            "<figure>\n{}{}<figcaption>{caption}</figcaption>\n</figure>\n",
            lanes.wide(),
            lanes.narrow()
        ));
    }

    /// A table; where it is wider than the window, it scrolls by itself.
    pub fn table<H: AsRef<str>>(&mut self, header: &[H], rows: &[Vec<Cell>]) {
        self.html
            .push_str("<div class=\"scroll\" tabindex=\"0\">\n<table>\n<thead><tr>");
        for (index, name) in header.iter().enumerate() {
            let is_number = rows
                .iter()
                .any(|row| row.get(index).is_some_and(|cell| cell.is_number));
            let class = if is_number { " class=\"number\"" } else { "" };
            self.push(format_args!(
                "<th scope=\"col\"{class}>{}</th>",
                escaped(name.as_ref())
            ));
        }
        self.html.push_str("</tr></thead>\n<tbody>\n");
        for row in rows {
            self.html.push_str("<tr>");
            for (index, cell) in row.iter().enumerate() {
                self.cell(cell, index == 0);
            }
            self.html.push_str("</tr>\n");
        }
        self.html.push_str("</tbody>\n</table>\n</div>\n");
    }

    fn cell(&mut self, cell: &Cell, heads_row: bool) {
        let class = match (cell.is_number, cell.is_best) {
            (true, true) => " class=\"number best\"",
            (true, false) => " class=\"number\"",
            (false, true) => " class=\"best\"",
            (false, false) => "",
        };
        let note = cell.note.as_ref();
        let note = note
            .map(|note| format!(" title=\"{}\"", escaped(note)))
            .unwrap_or_default();
        let (open, close) = if heads_row {
            ("th scope=\"row\"", "th")
        } else {
            ("td", "td")
        };
        self.push(format_args!(
            "<{open}{class}{note}>{}</{close}>",
            escaped(&cell.text)
        ));
    }

    /// The whole page.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.html.push_str("</main>\n</body>\n</html>\n");
        self.html
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.html.write_fmt(text).expect("a string takes all text");
    }
}

/// The text with what HTML reads as markup made harmless, in elements and in quoted attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c if c.is_control() && !matches!(c, '\n' | '\t') => html.push('\u{fffd}'),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn markup_in_text_stays_text() {
        assert_eq!(
            escaped("<script>alert('a & \"b\"')</script>\u{0}"),
            "&lt;script&gt;alert(&#39;a &amp; &quot;b&quot;&#39;)&lt;/script&gt;\u{fffd}"
        );
    }
}
