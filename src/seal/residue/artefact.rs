//! Lock files, records of installations and settings of package managers.
//!
//! In: a file's name and bytes. Out: the lines with a URL that has user info, or
//! with a token.
//!
//! **Never:** their formats: a line that holds a credential does so in any.

use std::path::Path;

use super::Kind;
use crate::redact::url::has_user_info;

/// Files that name where packages came from.
const NAMES: &[&str] = &[
    "package-lock.json",
    ".package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "direct_url.json",
    "poetry.lock",
    "pdm.lock",
    "uv.lock",
    "uv.toml",
    "Pipfile.lock",
    "requirements.txt",
    "pip.conf",
    "composer.lock",
    "Gemfile.lock",
    "Cargo.lock",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".condarc",
    "FETCH_HEAD",
    "packed-refs",
];
/// Keys of `.npmrc` and `.yarnrc.yml` that hold a credential.
const KEYS: [&[u8]; 5] = [
    b"_authToken",
    b"_password",
    b"_auth",
    b"npmAuthToken",
    b"npmAuthIdent",
];

/// Whether a file is one. What a project's authors write themselves is not: a
/// development URL in it is theirs.
pub(super) fn is_one(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    // `go env -w` writes to `go/env` in the configuration directory.
    name.is_some_and(|name| NAMES.contains(&name)) || path.ends_with("go/env")
}

/// Kind and number of each line with a trace.
pub(super) fn traces(path: &Path, bytes: &[u8]) -> Vec<(Kind, u32)> {
    let packagers = [".npmrc", ".yarnrc", ".yarnrc.yml"];
    let is_packager = packagers.iter().any(|name| path.ends_with(name));
    let mut traces = Vec::new();
    let mut number = 0_u32;
    for line in bytes.split(|&byte| byte == b'\n') {
        number = number.saturating_add(1);
        if has_user_info(line) {
            traces.push((Kind::ArtefactUrl, number));
        } else if is_packager && has_token(line) {
            traces.push((Kind::ToolCredential, number));
        }
    }
    traces
}

/// `KEY=value` or `KEY: value`, but for a value that a variable gives.
fn has_token(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    if line.starts_with(b"#") || line.starts_with(b";") {
        return false;
    }
    KEYS.iter().any(|key| {
        let Some(at) = line.windows(key.len()).position(|part| part == *key) else {
            return false;
        };
        let rest = line.get(at + key.len()..).unwrap_or_default();
        let rest = rest.trim_ascii();
        let Some(value) = rest.strip_prefix(b"=").or_else(|| rest.strip_prefix(b":")) else {
            return false;
        };
        let quotes = |byte: &u8| matches!(byte, b' ' | b'"' | b'\'');
        let start = value.iter().position(|byte| !quotes(byte));
        start.is_some_and(|start| value.get(start) != Some(&b'$'))
    })
}
