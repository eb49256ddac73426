//! Tables as plain text that is Markdown, too.
//!
//! In: a heading and rows. Out: lines with columns of equal width.
//!
//! **Never:** a figure with more digits than the machine's noise allows.

use std::fmt::{self, Display, Formatter};

/// Rows of cells below a heading.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with only its heading.
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self {
            rows: vec![heading.iter().map(ToString::to_string).collect()],
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..columns).map(width).collect()
    }
}

impl Display for Table {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for (index, row) in self.rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(&widths) {
                // The first column is text, the others are mostly figures.
                if std::ptr::eq(cell, &raw const row[0]) {
                    write!(to, "| {cell:<width$} ")?;
                } else {
                    write!(to, "| {cell:>width$} ")?;
                }
            }
            writeln!(to, "|")?;
            if index == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let end = if column == 0 { "-" } else { ":" };
                    write!(to, "|-{}{end}", "-".repeat(*width))?;
                }
                writeln!(to, "|")?;
            }
        }
        Ok(())
    }
}

/// A budget of the design with what was measured.
pub(crate) struct Budget {
    /// What is promised.
    pub(crate) promise: String,
    /// What was measured.
    pub(crate) measured: String,
    /// Whether it holds; `None` if it was not measured.
    pub(crate) holds: Option<bool>,
}

/// One kind of measurement, done.
pub(crate) struct Section {
    /// Its title.
    pub(crate) title: &'static str,
    /// How it was measured, in a few sentences.
    pub(crate) method: String,
    /// What came out, with a caption each (it may be empty).
    pub(crate) tables: Vec<(String, Table)>,
    /// The budgets that it decides.
    pub(crate) budgets: Vec<Budget>,
    /// Wrong behaviour: what must never happen, at whatever speed.
    pub(crate) faults: Vec<String>,
}
