//! What git asks: the lines of its credential protocol, read strictly.
//!
//! In: bytes as they arrive (git-credential(1), INPUT/OUTPUT FORMAT). Out: a
//! `Request`, the wish for more bytes, or the one reason why there will be no
//! answer.
//!
//! **Never:** a guess. Two readers that differ about one line are how a
//! credential got to the wrong host before: CVE-2020-5260 was a newline in a
//! value, CVE-2020-11008 a missing host, CVE-2024-52006 a carriage return.

use std::fmt;
use std::str;

/// More than any question that git asks, and a bound for what PID 1 keeps of a
/// client.
pub const REQUEST_BYTES: usize = 4096;

/// A question for a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The scheme of the address.
    pub protocol: String,
    /// The host, with the port if the address has one.
    pub host: String,
    /// The path without its first slash, as `credential.useHttpPath` sends it.
    pub path: Option<String>,
    /// The user, if the address names one.
    pub username: Option<String>,
}

/// Why a question gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// Something follows the blank line.
    AfterEnd,
    /// A carriage return, which some readers take for the end of a line.
    CarriageReturn,
    /// A line without `=`, or with nothing before it.
    NotALine,
    /// A NUL.
    Nul,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// No host, or no protocol.
    NoAddress,
    /// A key that may stand once stands twice.
    Repeated,
    /// Over 4 KiB.
    TooLong,
    /// The end came before the blank line.
    Unfinished,
    /// A whole address in one key, which replaces all others.
    Url,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AfterEnd => "something follows its end",
            Self::CarriageReturn => "it has a carriage return",
            Self::NotALine => "a line is no `key=value`",
            Self::Nul => "it has a NUL",
            Self::NotUtf8 => "it is not UTF-8",
            Self::NoAddress => "it names no protocol or no host",
            Self::Repeated => "a key stands twice",
            Self::TooLong => "it is longer than 4 KiB",
            Self::Unfinished => "it ends half-way",
            Self::Url => "it has a `url` in place of its parts",
        })
    }
}

/// Reads a question as far as it has arrived; `None` wants more.
pub fn parse(bytes: &[u8]) -> Result<Option<Request>, RequestError> {
    if bytes.len() > REQUEST_BYTES {
        return Err(RequestError::TooLong);
    }
    if bytes.contains(&0) {
        return Err(RequestError::Nul);
    }
    if bytes.contains(&b'\r') {
        return Err(RequestError::CarriageReturn);
    }
    let Some(end) = end_of(bytes) else {
        return Ok(None);
    };
    let (lines, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
    if rest != b"\n" {
        return Err(RequestError::AfterEnd);
    }
    let lines = str::from_utf8(lines).map_err(|_| RequestError::NotUtf8)?;
    read(lines).map(Some)
}

/// What git wrote to its helper, with the blank line that the end of file stands
/// for (git leaves it out).
#[must_use]
pub fn ended(mut bytes: Vec<u8>) -> Vec<u8> {
    if end_of(&bytes).is_none() {
        bytes.push(b'\n');
    }
    bytes
}

/// Where the blank line starts.
fn end_of(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(b"\n") {
        return Some(0);
    }
    let at = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    at.checked_add(1)
}

fn read(lines: &str) -> Result<Request, RequestError> {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for line in lines.lines() {
        let (key, value) = line.split_once('=').ok_or(RequestError::NotALine)?;
        if key.is_empty() {
            return Err(RequestError::NotALine);
        }
        if key == "url" {
            return Err(RequestError::Url);
        }
        // `capability[]`, `wwwauth[]`, `state[]`: lists, and of no concern here.
        if key.ends_with("[]") {
            continue;
        }
        if seen.iter().any(|(known, _)| *known == key) {
            return Err(RequestError::Repeated);
        }
        seen.push((key, value));
    }
    let value = |wanted: &str| {
        let found = seen.iter().find(|(key, _)| *key == wanted)?;
        Some(found.1.to_owned())
    };
    let filled = |wanted: &str| value(wanted).filter(|value| !value.is_empty());
    Ok(Request {
        protocol: filled("protocol").ok_or(RequestError::NoAddress)?,
        host: filled("host").ok_or(RequestError::NoAddress)?,
        path: filled("path"),
        username: filled("username"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{REQUEST_BYTES, Request, RequestError, ended, parse};

    const ASKED: &str = "capability[]=authtype\ncapability[]=state\nprotocol=https\n\
        host=github.com\npath=acme/app.git\nwwwauth[]=Basic realm=\"a b\"\n";

    fn refused(text: &str) -> RequestError {
        parse(format!("{text}\n").as_bytes()).unwrap_err()
    }

    #[test]
    fn what_git_asks_is_understood() {
        let asked = ended(ASKED.into());
        assert_eq!(
            parse(&asked).unwrap(),
            Some(Request {
                protocol: "https".into(),
                host: "github.com".into(),
                path: Some("acme/app.git".into()),
                username: None,
            })
        );
        let bare = parse(b"protocol=https\nhost=h\npath=\nusername=me\n\n").unwrap();
        let bare = bare.unwrap();
        assert_eq!((bare.path, bare.username), (None, Some("me".into())));
        let odd = parse(b"protocol=https\nhost=h\npath=a=b\nfuture=1\n\n").unwrap();
        assert_eq!(odd.unwrap().path.as_deref(), Some("a=b"));
    }

    #[test]
    fn half_a_question_waits_for_the_rest() {
        let whole = ended(ASKED.into());
        for end in 0..whole.len() {
            assert_eq!(parse(&whole[..end]), Ok(None), "{end}");
        }
    }

    #[test]
    fn a_question_that_two_readers_could_read_in_two_ways_gets_no_answer() {
        for (text, error) in [
            ("protocol=https\nhost=a\nhost=b\n", RequestError::Repeated),
            (
                "protocol=https\nhost=a\nnew=b\nnew=b\n",
                RequestError::Repeated,
            ),
            ("protocol=https\rhost=a\n", RequestError::CarriageReturn),
            ("protocol=https\nhost=a\r\n", RequestError::CarriageReturn),
            ("protocol=https\nhost=a\0b\n", RequestError::Nul),
            ("protocol=https\nhost\n", RequestError::NotALine),
            ("protocol=https\n=a\n", RequestError::NotALine),
            ("protocol=https\n", RequestError::NoAddress),
            ("protocol=https\nhost=\npath=a\n", RequestError::NoAddress),
            ("host=a\npath=a\n", RequestError::NoAddress),
            ("protocol=\nhost=a\n", RequestError::NoAddress),
            (
                "url=https://a/b\nprotocol=https\nhost=a\n",
                RequestError::Url,
            ),
            ("", RequestError::NoAddress),
            ("protocol=https\nhost=a\n\nhost=b\n", RequestError::AfterEnd),
        ] {
            assert_eq!(refused(text), error, "{text:?}");
        }
        assert_eq!(
            parse(b"protocol=https\nhost=\xff\n\n"),
            Err(RequestError::NotUtf8)
        );
    }

    #[test]
    fn a_question_has_at_most_4_kib() {
        let filled = |size: usize| {
            let head = "protocol=https\nhost=a\npath=";
            let body = "x".repeat(size - head.len() - 2);
            parse(format!("{head}{body}\n\n").as_bytes())
        };
        assert!(filled(REQUEST_BYTES).unwrap().is_some());
        assert_eq!(filled(REQUEST_BYTES + 1), Err(RequestError::TooLong));
        assert_eq!(
            parse(&vec![b'x'; REQUEST_BYTES + 1]),
            Err(RequestError::TooLong)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_is_understood_has_no_line_break(text in "[a-z=\\n\\r\\[\\]]{0,60}") {
            let text = format!("protocol=https\nhost=h\n{text}\n\n");
            if let Ok(Some(request)) = parse(text.as_bytes()) {
                let path = request.path.unwrap_or_default();
                prop_assert!(!path.contains(['\n', '\r', '\0']));
            }
        }
    }
}
