//! `KEY=value` lines, as people write them in `.env` files.
//!
//! In: the file's text. Out: the wanted values. `export` may stand in front; a
//! value is bare up to ` #`, `'literal'`, or `"with \n escapes"`; a quoted one
//! may span lines, and a CRLF in it is read as LF.
//!
//! **Never:** an expansion: `$NAME` and `${NAME}` stay as they are.

use super::{Parts, SourceProblem, checked};
use crate::secret::{Scratch, Secret};
use crate::sorted::{Map, Set};

pub(super) fn parts(file: &[u8], wanted: &Set<&str>) -> Result<Parts, SourceProblem> {
    let mut parts = Parts::none(wanted, SourceProblem::NoKey);
    let mut lines: Map<&str, usize> = Map::default();
    let mut text = Text {
        file,
        next: 0,
        line: 0,
    };
    while let Some(line) = text.next_line() {
        match read_line(line) {
            Line::Blank => {}
            // An assignment that was commented out still has its value.
            Line::Comment => parts.has_more = true,
            Line::Broken => return Err(SourceProblem::DotenvSyntax(text.line)),
            Line::Assignment(key, value) => {
                let at = text.line;
                let value = text.value(value)?;
                if !wanted.contains(key) {
                    parts.has_more = true;
                    continue;
                }
                let entry = match lines.insert(key, at) {
                    None => checked(value, key),
                    Some(first) => Err(SourceProblem::KeyTwice(key.to_owned(), first, at)),
                };
                parts.values.insert(key.to_owned(), entry);
            }
        }
    }
    Ok(parts)
}

enum Line<'a> {
    Blank,
    Comment,
    Assignment(&'a str, &'a [u8]),
    Broken,
}

fn read_line(line: &[u8]) -> Line<'_> {
    let line = line.trim_ascii_start();
    match line.first() {
        None => return Line::Blank,
        Some(b'#') => return Line::Comment,
        Some(_) => {}
    }
    let line = match line.strip_prefix(b"export") {
        Some(rest) if rest.starts_with(b" ") || rest.starts_with(b"\t") => rest,
        _ => line,
    };
    let Some((key, value)) = line
        .iter()
        .position(|&byte| byte == b'=')
        .and_then(|sign| line.split_at_checked(sign))
    else {
        return Line::Broken;
    };
    let is_of_a_key = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    match std::str::from_utf8(key.trim_ascii()) {
        Ok(key) if !key.is_empty() && key.as_bytes().iter().all(is_of_a_key) => {
            let value = value.get(1..).unwrap_or_default();
            Line::Assignment(key, value.trim_ascii_start())
        }
        _ => Line::Broken,
    }
}

struct Text<'a> {
    file: &'a [u8],
    /// Where the next line starts.
    next: usize,
    /// The number of the line that was read last.
    line: usize,
}

impl<'a> Text<'a> {
    fn next_line(&mut self) -> Option<&'a [u8]> {
        if self.next >= self.file.len() {
            return None;
        }
        self.line += 1;
        Some(self.rest_of_line())
    }

    fn rest_of_line(&mut self) -> &'a [u8] {
        let rest = self.file.get(self.next..).unwrap_or_default();
        let end = rest.iter().position(|&byte| byte == b'\n');
        let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        self.next += line.len() + usize::from(end.is_some());
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// The value that starts with `first`, the end of the current line.
    fn value(&mut self, first: &'a [u8]) -> Result<Secret, SourceProblem> {
        let Some((&quote @ (b'\'' | b'"'), _)) = first.split_first() else {
            return Ok(Secret::concat(&[bare(first)]));
        };
        // `first` and the line's end lie in the file just before `next`.
        let behind = self.file.get(..self.next).unwrap_or_default();
        let ending = line_ending(behind);
        let opened = behind.len() - ending - first.len();
        self.quoted(quote, opened + 1)
    }

    fn quoted(&mut self, quote: u8, start: usize) -> Result<Secret, SourceProblem> {
        let rest = self.file.get(start..).unwrap_or_default();
        let end = closing(rest, quote).ok_or(SourceProblem::OpenQuote(self.line))?;
        let body = rest.get(..end).unwrap_or_default();
        self.next = start + end + 1;
        self.line += body.split(|&byte| byte == b'\n').count() - 1;
        match read_line(self.rest_of_line()) {
            Line::Blank | Line::Comment => Ok(unquoted(body, quote)),
            Line::Assignment(..) | Line::Broken => Err(SourceProblem::DotenvSyntax(self.line)),
        }
    }
}

/// How many bytes end the last line of `text`: none, LF or CRLF; a CR before
/// the end of the file counts too.
fn line_ending(text: &[u8]) -> usize {
    let line = text.strip_suffix(b"\n").unwrap_or(text);
    text.len() - line.strip_suffix(b"\r").unwrap_or(line).len()
}

/// An unquoted value ends before ` #` and trailing blanks.
fn bare(text: &[u8]) -> &[u8] {
    if text.first() == Some(&b'#') {
        return &[];
    }
    let comment = text
        .windows(2)
        .position(|pair| matches!(pair, [b' ' | b'\t', b'#']));
    text.get(..comment.unwrap_or(text.len()))
        .unwrap_or(text)
        .trim_ascii_end()
}

fn closing(text: &[u8], quote: u8) -> Option<usize> {
    let mut is_escaped = false;
    text.iter().position(|&byte| {
        let ends = byte == quote && !is_escaped;
        is_escaped = quote == b'"' && byte == b'\\' && !is_escaped;
        ends
    })
}

/// A literal as it is; a double-quoted text with its escapes read.
fn unquoted(body: &[u8], quote: u8) -> Secret {
    // What is decoded is never longer, so pushing cannot fail.
    let mut value = Scratch::with_capacity(body.len());
    let mut rest = body;
    while let Some((&byte, behind)) = rest.split_first() {
        let next = behind.first().copied();
        let (taken, skipped) = match (byte, next) {
            (b'\r', Some(b'\n')) => (b'\n', 1),
            (b'\\', Some(letter)) if quote == b'"' => {
                unescaped(letter).map_or((b'\\', 0), |meant| (meant, 1))
            }
            _ => (byte, 0),
        };
        let _ = value.push(&[taken]);
        rest = behind.get(skipped..).unwrap_or_default();
    }
    value.into_secret()
}

fn unescaped(byte: u8) -> Option<u8> {
    match byte {
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'"' | b'\\' | b'$' => Some(byte),
        _ => None,
    }
}
