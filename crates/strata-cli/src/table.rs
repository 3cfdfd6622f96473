//! Tables that fit 100 columns.

use std::fmt;

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table as Inner, TableStyle};

/// The columns of a terminal that a table may take.
pub const WIDTH: u16 = 100;

/// A rule above, below, and under the header; nothing between rows.
const STYLE: TableStyle = {
    let rule = LineStyle::none().fill('─').junction('─');
    TableStyle::new()
        .top_border(rule)
        .header_separator(rule)
        .bottom_border(rule)
};

/// A table of at most [`WIDTH`] columns: words to the left, numbers to the right, long words wrapped.
///
/// ```
/// use strata_cli::table::Table;
///
/// let mut table = Table::new(["policy", "misses"]);
/// table.row(["lru", "96518"]);
/// assert!(table.to_string().contains("lru"));
/// ```
#[derive(Debug)]
pub struct Table(Inner);

impl Table {
    /// A table with these columns and no row.
    pub fn new<T: Into<String>>(header: impl IntoIterator<Item = T>) -> Self {
        let mut inner = Inner::new();
        inner
            .load_style(STYLE)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(WIDTH)
            .set_header(header.into_iter().map(|name| Cell::new(name.into())));
        Self(inner)
    }

    /// Adds a row; a cell that begins with a digit and holds a number (`12`, `0.5`, `12 MiB`) goes to the right, and its
    /// column's header with it.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) -> &mut Self {
        let texts: Vec<String> = cells.into_iter().map(Into::into).collect();
        let is_number = |text: &String| text.starts_with(|c: char| c.is_ascii_digit());
        let numbers: Vec<bool> = texts.iter().map(is_number).collect();
        self.0
            .add_row(texts.into_iter().zip(&numbers).map(|(text, number)| {
                let alignment = if *number {
                    CellAlignment::Right
                } else {
                    CellAlignment::Left
                };
                Cell::new(text).set_alignment(alignment)
            }));
        for (column, _) in self
            .0
            .column_iter_mut()
            .zip(numbers)
            .filter(|(_, number)| *number)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
        self
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The library pads the last column with blanks, which would only make copied text ragged.
        for line in self.0.to_string().lines() {
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
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
mod tests {
    use super::{Table, WIDTH};

    #[test]
    fn numbers_and_their_headers_end_in_one_column() {
        let mut table = Table::new(["policy", "misses"]);
        table.row(["lru", "1234567890"]).row(["s3-fifo", "5"]);
        let shown = table.to_string();
        let ends: Vec<usize> = shown
            .lines()
            .filter(|line| !line.starts_with('─'))
            .map(str::len)
            .collect();
        assert_eq!(ends.len(), 3);
        assert!(ends.iter().all(|end| *end == ends[0]), "{shown}");
    }

    #[test]
    fn no_line_is_wider_than_the_limit() {
        let mut table = Table::new(["trace", "what"]);
        table.row(["a name ".repeat(40), "x".repeat(400)]);
        assert!(
            table
                .to_string()
                .lines()
                .all(|line| line.chars().count() <= usize::from(WIDTH))
        );
    }
}
