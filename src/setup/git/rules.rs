//! Which address may have which credential.
//!
//! In: rules, each an `https://` address with a user and a secret's name, and a
//! git's question. Out: the one rule that serves it, or why none does.
//!
//! Addresses are taken apart and compared piece by piece: protocol, host, port,
//! and whole path segments. Of several rules that fit the longest path wins.
//!
//! **Never:** a comparison of text prefixes, by which `https://host/acme` would
//! serve `acme-evil`, and `https://host` a host called `host.evil`.

use std::fmt;

use percent_encoding::percent_decode_str;

use super::request::Request;
use crate::names::SecretName;
use crate::policy::Place;

/// The port of `https`.
const HTTPS: u16 = 443;

/// One entry of `setup.git`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRule {
    /// What it is for, and everything below.
    pub address: Address,
    /// The user that the server expects.
    pub username: String,
    /// The secret that is the password.
    pub password: SecretName,
    /// Where the entry stands.
    pub place: Place,
}

/// An `https` address: host, port, and the segments of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
    path: Vec<String>,
}

/// Why no rule serves a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Not over `https`.
    Protocol,
    /// The host is none, or is written in an unusual way.
    Host,
    /// The path could be read in two ways.
    Path,
    /// The host is known, but not without a path.
    NoPath,
    /// The host is known, the path is not.
    OtherPath,
    /// The host is not known.
    OtherHost,
    /// The address names another user than the rule.
    OtherUser,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Protocol => "credentials are given for `https` only",
            Self::Host => "the host is no plain host name",
            Self::Path => "the path has `..`, an empty segment or the like",
            Self::NoPath => "the credentials for this host are bound to paths",
            Self::OtherPath => "no entry of `setup.git` covers this path",
            Self::OtherHost => "no entry of `setup.git` is for this host",
            Self::OtherUser => "the address names another user than `setup.git`",
        })
    }
}

/// As a policy writes it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.host)?;
        if self.port != HTTPS {
            write!(f, ":{}", self.port)?;
        }
        let mut segments = self.path.iter();
        segments.try_for_each(|segment| write!(f, "/{segment}"))
    }
}

impl Address {
    /// Takes an address of the policy apart. `None`: it is not plain `https`, or
    /// has anything that two readers could understand in two ways.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = host_and_port(authority)?;
        // Git decodes a path before it asks.
        let raw = segments(path.strip_suffix('/').unwrap_or(path))?;
        let mut path = Vec::new();
        for segment in raw {
            let decoded = percent_decode_str(segment).decode_utf8().ok()?;
            if !is_plain(&decoded) || decoded.contains('/') {
                return None;
            }
            path.push(decoded.into_owned());
        }
        Some(Self { host, port, path })
    }

    /// The host and the port, as a URL's reader should find them too.
    #[must_use]
    pub fn authority(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// Whether both are for the same repositories, with `.git` or without.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.host == other.host
            && self.port == other.port
            && self.path.len() == other.path.len()
            && reach(&self.path, &other.path).is_some()
    }
}

/// The rule that serves a question.
pub fn choose<'r>(
    rules: &'r [CredentialRule],
    request: &Request,
) -> Result<&'r CredentialRule, Mismatch> {
    if request.protocol != "https" {
        return Err(Mismatch::Protocol);
    }
    let (host, port) = host_and_port(&request.host).ok_or(Mismatch::Host)?;
    let asked = segments(request.path.as_deref().unwrap_or_default()).ok_or(Mismatch::Path)?;
    let mut of_host = rules
        .iter()
        .filter(|rule| rule.address.host == host && rule.address.port == port)
        .peekable();
    of_host.peek().ok_or(Mismatch::OtherHost)?;
    let best = of_host
        .filter_map(|rule| Some((reach(&rule.address.path, &asked)?, rule)))
        .reduce(|best, next| if next.0 > best.0 { next } else { best });
    match best {
        Some((_, rule))
            if request
                .username
                .as_ref()
                .is_none_or(|u| *u == rule.username) =>
        {
            Ok(rule)
        }
        Some(_) => Err(Mismatch::OtherUser),
        None if asked.is_empty() => Err(Mismatch::NoPath),
        None => Err(Mismatch::OtherPath),
    }
}

/// How far the segments of a rule reach into those of a question, and whether
/// without help; `None` if they do not cover it.
fn reach<S: AsRef<str>>(rule: &[String], asked: &[S]) -> Option<(usize, bool)> {
    let Some((last, parents)) = rule.split_last() else {
        return Some((0, true));
    };
    let (above, rest) = asked.split_at_checked(parents.len())?;
    let (here, below) = rest.split_first()?;
    let here = here.as_ref();
    if !above
        .iter()
        .zip(parents)
        .all(|(asked, rule)| asked.as_ref() == rule)
    {
        return None;
    }
    if here == last {
        return Some((rule.len(), true));
    }
    // A repository has two names. Below it there is only the place of its large
    // files; anything else below `app.git` is no concern of a rule for `app`.
    let is_repository = match below {
        [] => true,
        [info, lfs, ..] => info.as_ref() == "info" && lfs.as_ref() == "lfs",
        [_] => false,
    };
    (is_repository && repository(here) == repository(last)).then_some((rule.len(), false))
}

/// A repository's name without its suffix.
fn repository(segment: &str) -> &str {
    match segment.strip_suffix(".git") {
        Some(name) if !name.is_empty() => name,
        _ => segment,
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`, in lower case.
fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port_number(port)?),
        _ => (text, HTTPS),
    };
    let host = host.to_ascii_lowercase();
    let is_host = match host.strip_prefix('[').and_then(|v6| v6.strip_suffix(']')) {
        Some(v6) => {
            !v6.is_empty()
                && v6
                    .chars()
                    .all(|c| matches!(c, '0'..='9' | 'a'..='f' | ':' | '.'))
        }
        None => host.split('.').all(is_label),
    };
    is_host.then_some((host, port))
}

fn port_number(text: &str) -> Option<u16> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_decimal && *port != 0)
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The segments of a path without its first slash; none for an empty path.
fn segments(path: &str) -> Option<Vec<&str>> {
    if path.is_empty() {
        return Some(Vec::new());
    }
    let segments: Vec<&str> = path.split('/').collect();
    segments
        .iter()
        .all(|segment| is_plain(segment))
        .then_some(segments)
}

/// Whether every server reads a segment as what it looks like. Some decode it
/// once more, some take a backslash for a slash, and some cut it at `;` before
/// they look for dots.
fn is_plain(segment: &str) -> bool {
    let name = segment.split(';').next().unwrap_or_default();
    let lower = segment.to_ascii_lowercase();
    !matches!(name, "" | "." | "..")
        && !segment.contains(|c: char| c.is_control() || matches!(c, '\\' | '?' | '#'))
        && !["%2e", "%2f", "%5c", "%00", "%25"]
            .iter()
            .any(|code| lower.contains(code))
}
