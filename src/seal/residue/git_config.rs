//! Git's configuration syntax (git-config(1), "Syntax"), with positions.
//!
//! In: a file's bytes. Out: every setting with its section, every header with its
//! subsection, and where each stands, so that one can be changed and all else kept.
//!
//! **Never:** a `Debug` of a setting: its value may be a credential.

use std::ops::Range;

/// One setting.
pub(super) struct Setting {
    /// Lower case, as Git compares it.
    pub(super) section: String,
    /// Lower case.
    pub(super) key: String,
    /// Without quotes and escapes; empty for a key alone.
    pub(super) value: Vec<u8>,
    /// From the key to the end of its last line, that newline not included.
    pub(super) span: Range<usize>,
    /// The line of the key, from 1.
    pub(super) line: u32,
}

/// The header of a section that has a subsection.
pub(super) struct Header {
    pub(super) subsection: Vec<u8>,
    /// From the bracket to the closing one.
    pub(super) span: Range<usize>,
    pub(super) line: u32,
}

/// A whole file.
#[derive(Default)]
pub(super) struct GitConfig {
    pub(super) settings: Vec<Setting>,
    pub(super) headers: Vec<Header>,
    /// Where Git would give up reading, if it would.
    pub(super) broken: Option<u32>,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

/// Reads a file.
pub(super) fn parse(bytes: &[u8]) -> GitConfig {
    let start = if bytes.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    let mut reader = Reader {
        bytes,
        at: start,
        line: 1,
    };
    let mut config = GitConfig::default();
    if reader.read(&mut config).is_none() {
        config.broken = Some(reader.line);
    }
    config
}

impl Reader<'_> {
    /// `None`: the syntax is broken at the present line.
    fn read(&mut self, config: &mut GitConfig) -> Option<()> {
        let mut section = String::new();
        while let Some(byte) = self.peek() {
            match byte {
                b'#' | b';' => self.skip_comment(),
                byte if byte.is_ascii_whitespace() => self.step(),
                b'[' => {
                    let (start, line) = (self.at, self.line);
                    let subsection;
                    (section, subsection) = self.header()?;
                    config.headers.push(Header {
                        subsection,
                        span: start..self.at,
                        line,
                    });
                }
                byte if byte.is_ascii_alphabetic() && !section.is_empty() => {
                    let (start, line) = (self.at, self.line);
                    let key = self.word(|byte| byte == b'-')?;
                    let value = self.value()?;
                    config.settings.push(Setting {
                        section: section.clone(),
                        key,
                        value,
                        span: start..self.at,
                        line,
                    });
                }
                _ => return None,
            }
        }
        Some(())
    }

    fn header(&mut self) -> Option<(String, Vec<u8>)> {
        self.step();
        let name = self.word(|byte| matches!(byte, b'-' | b'.'))?;
        if self.peek()? == b']' {
            self.step();
            // The old form: `[section.subsection]`, compared in lower case.
            return Some(match name.split_once('.') {
                Some((section, below)) => (section.to_owned(), below.as_bytes().to_vec()),
                None => (name, Vec::new()),
            });
        }
        while matches!(self.peek()?, b' ' | b'\t') {
            self.step();
        }
        if self.peek()? != b'"' {
            return None;
        }
        self.step();
        let mut subsection = Vec::new();
        loop {
            match self.next_in_line()? {
                b'"' => break,
                b'\\' => subsection.push(self.next_in_line()?),
                byte => subsection.push(byte),
            }
        }
        (self.next_in_line()? == b']').then_some((name, subsection))
    }

    /// Letters, digits and what else `extra` allows, in lower case.
    fn word(&mut self, extra: fn(u8) -> bool) -> Option<String> {
        let mut word = String::new();
        while let Some(byte) = self.peek() {
            if !byte.is_ascii_alphanumeric() && !extra(byte) {
                break;
            }
            word.push(char::from(byte.to_ascii_lowercase()));
            self.step();
        }
        (!word.is_empty()).then_some(word)
    }

    /// What follows a key, up to the end of the line, which is not consumed.
    fn value(&mut self) -> Option<Vec<u8>> {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.step();
        }
        match self.peek() {
            None | Some(b'\n') => return Some(Vec::new()),
            Some(b'\r') => {
                self.step();
                return (self.peek() == Some(b'\n')).then(Vec::new);
            }
            Some(b'=') => self.step(),
            Some(_) => return None,
        }
        let mut value = Vec::new();
        let mut quoted = false;
        // As long as the value is without the blanks at its end.
        let mut kept = 0;
        loop {
            match self.peek() {
                None | Some(b'\n') => {
                    value.truncate(kept);
                    return (!quoted).then_some(value);
                }
                Some(b'#' | b';') if !quoted => {
                    self.skip_comment();
                    value.truncate(kept);
                    return Some(value);
                }
                Some(b'"') => {
                    quoted = !quoted;
                    kept = value.len();
                }
                Some(b'\\') => {
                    self.step();
                    self.escaped(&mut value)?;
                    kept = value.len();
                }
                Some(byte) => {
                    let is_blank = byte.is_ascii_whitespace() && !quoted;
                    if !is_blank || !value.is_empty() {
                        value.push(byte);
                    }
                    if !is_blank {
                        kept = value.len();
                    }
                }
            }
            self.step();
        }
    }

    /// Adds what a backslash and the present byte stand for; nothing for a line
    /// that goes on.
    fn escaped(&mut self, value: &mut Vec<u8>) -> Option<()> {
        // The end of the file counts as the end of a line.
        match self.peek().unwrap_or(b'\n') {
            b'\n' => {}
            b'\r' if self.bytes.get(self.at + 1) == Some(&b'\n') => self.step(),
            b'n' => value.push(b'\n'),
            b't' => value.push(b'\t'),
            b'b' => value.push(8),
            byte @ (b'"' | b'\\') => value.push(byte),
            _ => return None,
        }
        Some(())
    }

    fn skip_comment(&mut self) {
        while self.peek().is_some_and(|byte| byte != b'\n') {
            self.step();
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next_in_line(&mut self) -> Option<u8> {
        let byte = self.peek().filter(|&byte| byte != b'\n')?;
        self.step();
        Some(byte)
    }

    fn step(&mut self) {
        if self.peek() == Some(b'\n') {
            self.line = self.line.saturating_add(1);
        }
        self.at = self.bytes.len().min(self.at + 1);
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::parse;

    /// `section.key=value@line` for each setting, then each subsection.
    fn read(text: &str) -> String {
        let config = parse(text.as_bytes());
        let mut said = String::new();
        for setting in &config.settings {
            let value = String::from_utf8_lossy(&setting.value);
            let (section, key, line) = (&setting.section, &setting.key, setting.line);
            write!(said, "{section}.{key}={value}@{line} ").unwrap();
        }
        for header in config
            .headers
            .iter()
            .filter(|header| !header.subsection.is_empty())
        {
            let subsection = String::from_utf8_lossy(&header.subsection);
            write!(said, "[{subsection}] ").unwrap();
        }
        if let Some(line) = config.broken {
            write!(said, "broken@{line}").unwrap();
        }
        said.trim_end().to_owned()
    }

    #[test]
    fn every_form_of_git_s_syntax_is_read() {
        for (text, expected) in [
            ("[core]\n\tbare = false\n", "core.bare=false@2"),
            ("[Core] BARE=no", "core.bare=no@1"),
            (
                "[remote \"Or\\\"i\\\\gin\"]\nurl = x",
                "remote.url=x@2 [Or\"i\\gin]",
            ),
            ("[remote.Origin]\nurl=x", "remote.url=x@2 [origin]"),
            ("\u{feff}[a]\nb", "a.b=@2"),
            ("[a]\nb = \"x # y\" ; z\nc = x # y", "a.b=x # y@2 a.c=x@3"),
            ("[a]\nb = one \\\n  two\nc=d", "a.b=one   two@2 a.c=d@4"),
            ("[a]\r\nb = x\r\n", "a.b=x@2"),
            ("[a]\nb = \\\"q\\\" \\\\ \\t|", "a.b=\"q\" \\ \t|@2"),
            ("[a]\nb = \" x \" ", "a.b= x @2"),
            ("[a]\nb =   \nc\n", "a.b=@2 a.c=@3"),
            ("# [x]\n; y = z\n\n", ""),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_git_would_refuse_is_known_with_its_line() {
        for (text, expected) in [
            ("a = b", "broken@1"),
            ("[a\nb = c", "broken@1"),
            ("[a \"b]\nc = d", "broken@1"),
            ("[a]\nb = \\x", "broken@2"),
            ("[a]\nb = c\n= d", "a.b=c@2 broken@3"),
            ("[a]\nb c", "broken@2"),
            ("[a]\nb = \"open\nc = d", "broken@2"),
        ] {
            let said = read(text);
            assert_eq!(said.trim_start(), expected, "{text:?}");
        }
    }

    #[test]
    fn any_bytes_are_read_to_an_end() {
        for seed in 0..2000_u32 {
            let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
            let mut text = Vec::new();
            for _ in 0..60 {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                let choice = usize::try_from(state % 14).unwrap();
                text.push(b"[]\"\\\n\r=#ab. ;\xff"[choice]);
            }
            let config = parse(&text);
            for setting in &config.settings {
                assert!(text.get(setting.span.clone()).is_some());
            }
            for header in &config.headers {
                assert_eq!(text.get(header.span.start), Some(&b'['));
            }
        }
    }
}
