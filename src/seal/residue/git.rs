//! What a Git configuration gives away or starts.
//!
//! In: a file's bytes. Out: kind and line of each trace, and how it would go.
//!
//! **Never:** what Git would answer: `git config` is a program of the image.

use std::ops::Range;
use std::path::PathBuf;

use super::Kind;
use super::git_config::{Setting, parse};
use crate::redact::url::has_user_info;

/// How a trace is taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The user info of all URLs in these bytes goes.
    UserInfo(Range<usize>),
    /// These bytes go, up to the newlines in them.
    All(Range<usize>),
}

/// A trace in a configuration.
pub(super) struct Trace {
    pub(super) kind: Kind,
    pub(super) line: u32,
    pub(super) cut: Option<Cut>,
    /// The file that an `include` names, as written.
    pub(super) included: Option<PathBuf>,
}

/// Settings of any section that name a program, unless the word is a boolean.
const COMMANDS: &[(&str, &str)] = &[
    ("core", "hookspath"),
    ("core", "fsmonitor"),
    ("core", "sshcommand"),
    ("core", "askpass"),
    ("core", "gitproxy"),
    ("core", "editor"),
    ("core", "pager"),
    ("sequence", "editor"),
    ("diff", "external"),
    ("diff", "command"),
    ("diff", "textconv"),
    ("merge", "driver"),
    ("filter", "clean"),
    ("filter", "smudge"),
    ("filter", "process"),
    ("gpg", "program"),
    ("uploadpack", "packobjectshook"),
];
const BOOLEANS: [&[u8]; 6] = [b"true", b"false", b"yes", b"no", b"on", b"off"];

/// Every trace. `in_modules`: the file configures a submodule.
pub(super) fn traces(bytes: &[u8], in_modules: bool) -> Vec<Trace> {
    let config = parse(bytes);
    let mut traces = Vec::new();
    for header in &config.headers {
        if has_user_info(&header.subsection) {
            traces.push(Trace {
                kind: header_kind(bytes, &header.span),
                line: header.line,
                cut: Some(Cut::UserInfo(header.span.clone())),
                included: None,
            });
        }
    }
    for setting in &config.settings {
        if let Some((kind, cut)) = judge(setting, in_modules) {
            traces.push(Trace {
                kind,
                line: setting.line,
                cut,
                included: (kind == Kind::Include).then(|| path_of(&setting.value)),
            });
        }
    }
    if let Some(line) = config.broken {
        traces.push(Trace {
            kind: Kind::Unreadable,
            line,
            cut: None,
            included: None,
        });
    }
    traces
}

fn header_kind(bytes: &[u8], span: &Range<usize>) -> Kind {
    let header = bytes.get(span.clone()).unwrap_or_default();
    let name = header.get(1..4).unwrap_or_default();
    if name.eq_ignore_ascii_case(b"url") {
        Kind::InsteadOf
    } else {
        Kind::GitUrl
    }
}

fn judge(setting: &Setting, in_modules: bool) -> Option<(Kind, Option<Cut>)> {
    let whole = || Some(Cut::All(setting.span.clone()));
    let value = setting.value.as_slice();
    let (section, key) = (setting.section.as_str(), setting.key.as_str());
    if has_user_info(value) {
        let kind = match section {
            "submodule" => Kind::SubmoduleUrl,
            "http" if key == "extraheader" => return Some((Kind::ExtraHeader, whole())),
            _ if in_modules => Kind::SubmoduleUrl,
            _ => Kind::GitUrl,
        };
        return Some((kind, Some(Cut::UserInfo(setting.span.clone()))));
    }
    match (section, key) {
        // An empty one only forgets those before it.
        ("http", "extraheader") | ("credential", _) if value.is_empty() => None,
        ("http", "extraheader") => Some((Kind::ExtraHeader, whole())),
        ("credential", "helper") if is_cache(value) => Some((Kind::CredentialCache, whole())),
        ("credential", "helper" | "username") => Some((Kind::CredentialSetting, whole())),
        ("include" | "includeif", "path") if !value.is_empty() => Some((Kind::Include, None)),
        ("alias", _) if value.starts_with(b"!") => Some((Kind::GitCommand, whole())),
        _ => is_command(section, key, value).then(|| (Kind::GitCommand, whole())),
    }
}

fn is_cache(value: &[u8]) -> bool {
    value == b"cache" || value.starts_with(b"cache ")
}

/// The filters of git-lfs are what its installation writes.
fn is_command(section: &str, key: &str, value: &[u8]) -> bool {
    let is_boolean = BOOLEANS.iter().any(|word| value.eq_ignore_ascii_case(word));
    let is_known = section == "filter" && value.starts_with(b"git-lfs ");
    COMMANDS.contains(&(section, key)) && !value.is_empty() && !is_boolean && !is_known
}

fn path_of(value: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(value))
}
