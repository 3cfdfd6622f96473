//! Tables that fit 100 columns.

use std::fmt;
use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns of a terminal that a table may take.
pub const WIDTH: usize = 100;

/// What stands before and behind each cell.
const PADDING: usize = 2;

/// What labels are shortened to before headers are broken, and what they are shortened to at most.
const LABEL_WIDTHS: [usize; 2] = [24, 8];

/// What notes are wrapped to at most.
const NOTE_WIDTH_MIN: usize = 24;

/// A column of a [`Table`]: its header, and how its cells stand in it.
///
/// ```
/// use strata_cli::table::{Column, Table};
///
/// let mut table = Table::new([Column::label("trace"), Column::number("misses")]);
/// table.row(["2_pools", "96518"]);
/// assert!(table.to_string().contains(" 2_pools   96518\n"));
/// ```
#[derive(Clone, Debug)]
pub struct Column {
    header: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    Word,
    Label,
    Note,
}

impl Column {
    /// Numbers, with or without a unit: to the right, and never broken.
    pub fn number(header: impl Into<String>) -> Self {
        Self::new(header, Kind::Number)
    }

    /// Names that must be read whole: to the left, and never broken.
    pub fn word(header: impl Into<String>) -> Self {
        Self::new(header, Kind::Word)
    }

    /// Names that are known from elsewhere: to the left, and shortened with an ellipsis where room is short.
    pub fn label(header: impl Into<String>) -> Self {
        Self::new(header, Kind::Label)
    }

    /// Prose: to the left, and wrapped at blanks where room is short.
    pub fn note(header: impl Into<String>) -> Self {
        Self::new(header, Kind::Note)
    }

    fn new(header: impl Into<String>, kind: Kind) -> Self {
        Self {
            header: header.into(),
            kind,
        }
    }
}

/// A table of at most [`WIDTH`] columns, but where numbers and words alone take more: they are never broken.
///
/// It is shown whole by its [`Display`](fmt::Display), or printed in pieces, in bounded memory: [`print`](Self::print) prints the
/// rows so far and forgets them.
///
/// ```
/// use strata_cli::table::{Column, Table};
///
/// let mut table = Table::new([Column::word("policy"), Column::number("misses")]);
/// table.row(["lru", "96518"]);
/// assert!(table.to_string().contains("lru"));
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    /// The widths of the widest cells, by column.
    cell_widths: Vec<usize>,
    /// The widths of the columns, once the header is printed.
    printed: Option<Vec<usize>>,
}

impl Table {
    /// A table with these columns and no row.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        let columns: Vec<Column> = columns.into_iter().collect();
        Self {
            cell_widths: vec![0; columns.len()],
            columns,
            rows: Vec::new(),
            printed: None,
        }
    }

    /// Adds a row. Control characters are shown as Rust would escape them.
    ///
    /// # Panics
    ///
    /// If there are not as many cells as columns.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) -> &mut Self {
        let cells = cells.into_iter().map(|cell| one_line(cell.into()));
        let cells: Vec<String> = cells.collect();
        assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.reserve(cells.iter().map(|cell| cell.width()));
        self.rows.push(cells);
        self
    }

    /// The rows that are not yet printed.
    #[must_use]
    pub fn rows_held(&self) -> usize {
        self.rows.len()
    }

    /// Leaves room for cells of these widths, by column, before the table is printed in pieces.
    pub fn reserve(&mut self, widths: impl IntoIterator<Item = usize>) -> &mut Self {
        for (width, needed) in self.cell_widths.iter_mut().zip(widths) {
            *width = needed.max(*width);
        }
        self
    }

    /// Prints the rows so far and forgets them; the first time, with the header above. The widths of the columns are settled
    /// then: [`reserve`](Self::reserve) leaves room for wider cells to come.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn print(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let widths = match self.printed.take() {
            Some(widths) => widths,
            None => {
                let widths = self.widths();
                out.write_all(self.head(&widths).as_bytes())?;
                widths
            }
        };
        for row in self.rows.drain(..) {
            out.write_all(row_lines(&self.columns, row, &widths).as_bytes())?;
        }
        self.printed = Some(widths);
        Ok(())
    }

    /// Prints the rows that are left, and the end of the table.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn finish(mut self, out: &mut dyn Write) -> io::Result<()> {
        self.print(out)?;
        let widths = self.printed.unwrap_or_default();
        out.write_all(rule(&widths).as_bytes())
    }

    /// The widths of the columns, their padding not counted.
    fn widths(&self) -> Vec<usize> {
        let natural: Vec<usize> = (0..self.columns.len())
            .map(|index| self.cell_widths[index].max(self.columns[index].header.width()))
            .collect();
        let fits = |widths: &[usize]| taken(widths) <= WIDTH;
        if fits(&natural) {
            return natural;
        }
        let [first, last] = LABEL_WIDTHS;
        let stages = [(first, false), (first, true), (last, true)];
        let mut widths = natural.clone();
        for (label, break_headers) in stages {
            widths = (0..self.columns.len())
                .map(|index| self.width_at(index, label, break_headers))
                .collect();
            if fits(&widths) {
                break;
            }
        }
        // What is left over goes to those that gave it.
        let mut spare = WIDTH.saturating_sub(taken(&widths));
        for (index, column) in self.columns.iter().enumerate() {
            if matches!(column.kind, Kind::Label | Kind::Note) {
                let more = spare.min(natural[index] - widths[index]);
                widths[index] += more;
                spare -= more;
            }
        }
        widths
    }

    /// The width of a column whose label takes at most `label`, and whose header may be broken at its blanks.
    fn width_at(&self, index: usize, label: usize, break_headers: bool) -> usize {
        let column = &self.columns[index];
        let header = if break_headers {
            let words = column.header.split(' ');
            words.map(UnicodeWidthStr::width).max().unwrap_or(0)
        } else {
            column.header.width()
        };
        let cells = self.cell_widths[index];
        let cells = match column.kind {
            Kind::Number | Kind::Word => cells,
            Kind::Label => cells.min(label),
            Kind::Note => cells.min(NOTE_WIDTH_MIN),
        };
        cells.max(header)
    }

    /// All above the rows. Headers are broken where there is no room for them.
    fn head(&self, widths: &[usize]) -> String {
        let headers = self.columns.iter().zip(widths);
        let headers = headers.map(|(column, &width)| wrapped(&column.header, width));
        rule(widths) + &lines(&self.columns, &headers.collect::<Vec<_>>(), widths) + &rule(widths)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        f.write_str(&self.head(&widths))?;
        for row in &self.rows {
            f.write_str(&row_lines(&self.columns, row.clone(), &widths))?;
        }
        f.write_str(&rule(&widths))
    }
}

/// The columns of a terminal that columns of these widths take.
fn taken(widths: &[usize]) -> usize {
    widths.iter().map(|width| width + PADDING).sum()
}

fn rule(widths: &[usize]) -> String {
    "─".repeat(taken(widths)) + "\n"
}

/// The lines that a row takes.
fn row_lines(columns: &[Column], cells: Vec<String>, widths: &[usize]) -> String {
    let cells: Vec<Vec<String>> = (columns.iter().zip(cells).zip(widths))
        .map(|((column, cell), &width)| match column.kind {
            Kind::Number | Kind::Word => vec![cell],
            Kind::Label => vec![shortened(&cell, width)],
            Kind::Note => wrapped(&cell, width),
        })
        .collect();
    lines(columns, &cells, widths)
}

/// Cells of one or more lines, side by side.
fn lines(columns: &[Column], cells: &[Vec<String>], widths: &[usize]) -> String {
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for line in 0..height {
        let mut shown = String::new();
        for ((column, cell), &width) in columns.iter().zip(cells).zip(widths) {
            let part = cell.get(line).map_or("", String::as_str);
            let blanks = " ".repeat(width.saturating_sub(part.width()));
            let (before, behind) = match column.kind {
                Kind::Number => (blanks.as_str(), ""),
                Kind::Word | Kind::Label | Kind::Note => ("", blanks.as_str()),
            };
            shown.extend([" ", before, part, behind, " "]);
        }
        // Blanks at the end would only make copied text ragged.
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

/// The text, or as much of it as there is room for before an ellipsis.
fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (head, _) = text.split_at(end_of(text, width.saturating_sub(1)));
    format!("{head}…")
}

/// The text in lines of at most this width, broken at blanks; where a word alone is wider, inside of it.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    if text.width() <= width {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    for mut word in text.split(' ') {
        let line = lines.last_mut().expect("one line at least");
        if line.is_empty() {
            line.push_str(word);
        } else if line.width() + 1 + word.width() <= width {
            line.extend([" ", word]);
            continue;
        } else {
            lines.push(word.to_owned());
        }
        while word.width() > width {
            let (head, rest) = word.split_at(end_of(word, width).max(1));
            *lines.last_mut().expect("one line at least") = head.to_owned();
            lines.push(rest.to_owned());
            word = rest;
        }
    }
    lines
}

/// Where the part of a text ends that this width has room for.
fn end_of(text: &str, width: usize) -> usize {
    let mut taken = 0;
    let beyond = text.char_indices().find(|(_, character)| {
        taken += character.width().unwrap_or(0);
        taken > width
    });
    beyond.map_or(text.len(), |(index, _)| index)
}

fn one_line(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let mut shown = String::new();
    for character in text.chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Digits in groups of three.
///
/// ```
/// use strata_cli::table::grouped;
///
/// assert_eq!(grouped(3_912_296), "3,912,296");
/// ```
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
