//! What main is as a process: user, signals, limits, umask, durations.
//!
//! In: nodes of `run` (and of `setup`, which has a user and a timeout too).
//! Out: values of the kernel's own ranges. Users are looked up in `collect`.
//!
//! **Never:** a text that two programs read as two users; a number whose base
//! the reader has to guess.

use std::str::FromStr as _;
use std::time::Duration;

use caps::Capability;
use nix::sys::resource::Resource;

use crate::init::signals::Signal;

use super::duration::parse_duration;
use super::mistakes::Problem;
use super::node::{Node, Reader};
use super::rules::{self, Rule};
use super::{LimitRule, UserSpec};

/// The resources of setrlimit(2) that Linux still acts upon, and `rss`, which
/// programs may read. `locks` is refused: nothing has read it since Linux 2.4.
const LIMITS: &[&str] = &[
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// The value of a limit.
enum Limit {
    At(u64),
    Unlimited,
}

/// `NAME`, `UID`, `NAME:GROUP`, `UID:GID`, or a number.
pub(super) fn user<'a>(reader: &mut Reader<'a>, node: &Node<'a>) -> Option<UserSpec> {
    let text = match node.kind() {
        "a number" => node.raw().into(),
        "a string" => reader.expanded(node)?,
        found => {
            reader.mistake(node, Problem::WrongType("a string or a number", found));
            return None;
        }
    };
    reader.keep(node, user_spec(&text).map_err(Problem::Rule))
}

fn user_spec(text: &str) -> Result<UserSpec, &'static Rule> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    Ok(UserSpec {
        user: identity(user)?,
        group: group.map(identity).transpose()?,
    })
}

/// A number in decimal, or a name as passwd(5) and useradd(8) allow it.
fn identity(text: &str) -> Result<String, &'static Rule> {
    let name = text.strip_suffix('$').unwrap_or(text);
    let is_name_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    match text.chars().next() {
        None => Err(&rules::USER_EMPTY),
        Some('0'..='9') if text.bytes().all(|byte| byte.is_ascii_digit()) => number(text),
        Some('0'..='9') => Err(&rules::USER_DIGIT),
        Some('a'..='z' | 'A'..='Z' | '_') if name.chars().all(is_name_part) => Ok(text.into()),
        Some(_) => Err(&rules::USER_NAME),
    }
}

/// A uid or gid; the highest means "no change" to setresuid(2).
fn number(digits: &str) -> Result<String, &'static Rule> {
    match digits.parse::<u32>() {
        Ok(number) if number != u32::MAX => Ok(number.to_string()),
        _ => Err(&rules::USER_RANGE),
    }
}

/// A duration; a bare number is refused with the fix.
pub(super) fn duration<'a>(reader: &mut Reader<'a>, node: &Node<'a>) -> Option<Duration> {
    if node.kind() == "a number" {
        reader.broken(node, &rules::BARE_DURATION);
        return None;
    }
    let text = reader.expanded(node)?;
    reader.keep(node, parse_duration(&text).map_err(Problem::Duration))
}

/// Which signal main gets instead of which; `none` and `0` drop it.
pub(super) fn signals<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
) -> Vec<(Signal, Option<Signal>)> {
    let mut signals: Vec<(Signal, Option<Signal>)> = Vec::new();
    for (key, node) in reader.entries(node).unwrap_or_default() {
        let to = reader.text(&node).map(|text| target(&text));
        let from = match Signal::parse(&key) {
            None => Err(&rules::SIGNAL),
            Some(from) if !from.is_rewritable() => Err(&rules::SIGNAL_FIXED),
            Some(from) if signals.iter().any(|(known, _)| *known == from) => {
                Err(&rules::SIGNAL_TWICE)
            }
            Some(from) => Ok(from),
        };
        match (from, to) {
            (Err(rule), _) | (_, Some(Err(rule))) => reader.broken(&node, rule),
            (Ok(from), Some(Ok(to))) => signals.push((from, to)),
            (Ok(_), None) => {}
        }
    }
    signals
}

fn target(text: &str) -> Result<Option<Signal>, &'static Rule> {
    match text {
        "none" | "0" => Ok(None),
        _ => Signal::parse(text).map(Some).ok_or(&rules::SIGNAL_TARGET),
    }
}

/// Resource limits by their names in lower case.
pub(super) fn limits<'a>(reader: &mut Reader<'a>, node: &Node<'a>) -> Vec<LimitRule> {
    let Some(object) = reader.object(node, LIMITS) else {
        return Vec::new();
    };
    let mut limits = Vec::new();
    for (key, node) in object.entries() {
        if let (Some(resource), Some(limit)) = (resource(key), limit(reader, node)) {
            let value = match limit {
                Limit::At(number) => Some(number),
                Limit::Unlimited => None,
            };
            limits.push(LimitRule {
                resource,
                value,
                place: reader.place(node),
            });
        }
    }
    limits
}

fn limit<'a>(reader: &mut Reader<'a>, node: &Node<'a>) -> Option<Limit> {
    if node.kind() == "a number" {
        // The highest number is RLIM_INFINITY, which has a name here.
        let number = node.raw().parse().ok().filter(|number| *number != u64::MAX);
        if number.is_none() {
            reader.broken(node, &rules::NUMBER_RANGE);
        }
        return number.map(Limit::At);
    }
    if node.kind() == "a string" && reader.text(node)? == "unlimited" {
        return Some(Limit::Unlimited);
    }
    reader.broken(node, &rules::LIMIT);
    None
}

fn resource(name: &str) -> Option<Resource> {
    Some(match name {
        "as" => Resource::RLIMIT_AS,
        "core" => Resource::RLIMIT_CORE,
        "cpu" => Resource::RLIMIT_CPU,
        "data" => Resource::RLIMIT_DATA,
        "fsize" => Resource::RLIMIT_FSIZE,
        "memlock" => Resource::RLIMIT_MEMLOCK,
        "msgqueue" => Resource::RLIMIT_MSGQUEUE,
        "nice" => Resource::RLIMIT_NICE,
        "nofile" => Resource::RLIMIT_NOFILE,
        "nproc" => Resource::RLIMIT_NPROC,
        "rss" => Resource::RLIMIT_RSS,
        "rtprio" => Resource::RLIMIT_RTPRIO,
        "rttime" => Resource::RLIMIT_RTTIME,
        "sigpending" => Resource::RLIMIT_SIGPENDING,
        "stack" => Resource::RLIMIT_STACK,
        _ => return None,
    })
}

/// Three octal digits, or four with a leading zero.
pub(super) fn umask<'a>(reader: &mut Reader<'a>, node: &Node<'a>) -> Option<u32> {
    if node.kind() == "a number" {
        reader.broken(node, &rules::UMASK_NUMBER);
        return None;
    }
    let text = reader.expanded(node)?;
    let digits = text
        .strip_prefix('0')
        .filter(|rest| rest.len() == 3)
        .unwrap_or(&text);
    let is_octal = digits.len() == 3 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    if !is_octal {
        reader.broken(node, &rules::UMASK);
        return None;
    }
    u32::from_str_radix(digits, 8).ok()
}

/// An array of capability names, with `CAP_` or without.
pub(super) fn capabilities<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
) -> Option<Vec<Capability>> {
    let mut named = Vec::new();
    for node in reader.items(node)? {
        let Some(text) = reader.text(&node) else {
            continue;
        };
        match capability(&text) {
            Some(capability) => named.push(capability),
            None => reader.broken(&node, &rules::CAPABILITY),
        }
    }
    Some(named)
}

fn capability(text: &str) -> Option<Capability> {
    let name = text.to_ascii_uppercase();
    let bare = name.strip_prefix("CAP_").unwrap_or(&name);
    Capability::from_str(&format!("CAP_{bare}")).ok()
}
