//! A plan on paper: aligned text for people, or one JSON object for machines.
//!
//! In: fields, lines and tables, in the order in which they are to stand. Out:
//! text of at most `WIDTH` columns where words allow it; or JSON.
//!
//! **Never:** a meaning: what is said, and in which words, is the callers'.

use crate::json::put_text;
use crate::report::escape;

/// Lines are broken here, between words.
const WIDTH: usize = 96;
/// A column is at most this wide; what is longer pushes the rest aside.
const COLUMN: usize = 40;
/// How far the content of a section is indented.
const INDENT: usize = 2;
/// Where the words behind a label begin.
const WORDS: usize = 22;

/// What is written so far.
pub(super) struct Sheet {
    is_json: bool,
    out: String,
    /// The rows of a table that is not finished, for people.
    rows: Vec<Vec<String>>,
    /// The words of a list that is not finished, for people.
    items: String,
}

impl Sheet {
    /// An empty one, with the title that people see.
    pub(super) fn new(is_json: bool, title: &str) -> Self {
        let mut sheet = Self {
            is_json,
            out: String::new(),
            rows: Vec::new(),
            items: String::new(),
        };
        sheet.open('{');
        sheet.words(&[0, INDENT], &[title]);
        sheet
    }

    /// The finished text.
    pub(super) fn finish(mut self) -> String {
        self.open('}');
        if self.is_json {
            self.out.push('\n');
        }
        self.out
    }

    /// Begins a part with a name of its own.
    pub(super) fn begin(&mut self, key: &str, title: &str) {
        self.key(key);
        self.open('{');
        if !self.is_json {
            self.out.push('\n');
        }
        self.words(&[0, INDENT], &[title]);
    }

    pub(super) fn end(&mut self) {
        self.open('}');
    }

    /// For machines: a string, or `null`.
    pub(super) fn text(&mut self, key: &str, text: Option<&str>) {
        self.key(key);
        match text {
            Some(text) => self.put(text),
            None => self.bare("null"),
        }
    }

    /// For machines: true or false.
    pub(super) fn flag(&mut self, key: &str, flag: bool) {
        self.key(key);
        self.bare(if flag { "true" } else { "false" });
    }

    /// For machines: a whole number, or `null`.
    pub(super) fn number(&mut self, key: &str, number: Option<u64>) {
        self.key(key);
        match number {
            Some(number) => self.bare(&number.to_string()),
            None => self.bare("null"),
        }
    }

    /// Begins a list of texts.
    pub(super) fn list(&mut self, key: &str) {
        self.key(key);
        self.open('[');
    }

    /// One text of a list; people see them with `between` between them.
    pub(super) fn item(&mut self, text: &str, between: &str) {
        self.comma();
        self.put(text);
        if !self.items.is_empty() {
            self.items.push_str(between);
        }
        self.items.push_str(&escape(text.as_bytes()));
    }

    /// Ends a list, which people see behind this label, if there is one.
    pub(super) fn end_list(&mut self, label: &str) {
        self.open(']');
        let items = std::mem::take(&mut self.items);
        if !label.is_empty() {
            self.line(label, &items);
        }
    }

    /// For people: a label and words, if there are any. Foreign text is escaped
    /// by the caller.
    pub(super) fn line(&mut self, label: &str, words: &str) {
        if !words.is_empty() {
            self.words(&[INDENT, WORDS], &[label, words]);
        }
    }

    /// For both: a text that people see under the same name.
    pub(super) fn fact(&mut self, key: &str, text: Option<&str>) {
        self.text(key, text);
        if let Some(text) = text {
            self.line(&key.replace('_', " "), &escape(text.as_bytes()));
        }
    }

    /// Begins a table.
    pub(super) fn table(&mut self, key: &str) {
        self.key(key);
        self.open('[');
    }

    /// Begins a row: its fields follow.
    pub(super) fn row(&mut self) {
        self.comma();
        self.open('{');
    }

    /// Ends a row with what people see of it; nothing is a row for machines.
    pub(super) fn end_row(&mut self, columns: &[&str]) {
        self.open('}');
        if !self.is_json && !columns.is_empty() {
            let columns = columns.iter().map(|cell| (*cell).to_owned());
            self.rows.push(columns.collect());
        }
    }

    /// Ends a table, which people see under this heading.
    pub(super) fn end_table(&mut self, heading: &str) {
        self.open(']');
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return;
        }
        self.words(&[INDENT, INDENT * 2], &[heading]);
        let stops = stops(&rows);
        for row in &rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            self.words(&stops, &cells);
        }
    }

    fn bare(&mut self, text: &str) {
        if self.is_json {
            self.out.push_str(text);
        }
    }

    fn put(&mut self, text: &str) {
        if self.is_json {
            put_text(&mut self.out, text);
        }
    }

    fn open(&mut self, bracket: char) {
        if self.is_json {
            self.out.push(bracket);
        }
    }

    fn comma(&mut self) {
        if !self.out.ends_with(['{', '[']) {
            self.bare(",");
        }
    }

    fn key(&mut self, key: &str) {
        self.comma();
        self.put(key);
        self.bare(":");
    }

    /// Cells at their stops. Where a line is full, the next one begins at the
    /// second stop.
    fn words(&mut self, stops: &[usize], cells: &[&str]) {
        if self.is_json {
            return;
        }
        let hang = stops.get(1).copied().unwrap_or(0);
        let mut at = 0;
        let mut is_broken = false;
        for (number, (cell, stop)) in cells.iter().zip(stops).enumerate() {
            if cell.is_empty() {
                continue;
            }
            let after = if at == 0 { 0 } else { at + INDENT };
            // Behind a break there are no columns any more.
            let mut wanted = if is_broken { after } else { after.max(*stop) };
            if number > 1 && wanted + width(cell) > WIDTH {
                is_broken = true;
                self.out.push('\n');
                (at, wanted) = (0, hang);
            }
            for word in cell.split(' ') {
                if at > hang && wanted + width(word) > WIDTH {
                    self.out.push('\n');
                    (at, wanted) = (0, hang);
                }
                for _ in at..wanted {
                    self.out.push(' ');
                }
                self.out.push_str(word);
                at = wanted + width(word);
                wanted = at + 1;
            }
        }
        self.out.push('\n');
    }
}

/// Where each column of a table begins.
fn stops(rows: &[Vec<String>]) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (room, cell) in widths.iter_mut().zip(row) {
            *room = width(cell).min(COLUMN).max(*room);
        }
    }
    let mut at = INDENT * 2;
    let mut stops = vec![at];
    for width in widths {
        at += width + INDENT;
        stops.push(at);
    }
    stops
}

fn width(text: &str) -> usize {
    text.chars().count()
}
