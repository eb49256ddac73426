//! User info in URLs, by position alone.
//!
//! In: any text. Out: where the part between `//` and `@` is.
//!
//! **Never:** that part itself, copied or shown.

use std::ops::Range;

use super::token::starts_like_a_token;

/// Ends the authority of a URL in a configuration, a lock file or a log.
const ENDS: &[u8] = b"/?#\"'<>()[]{},;`\\| \t\r\n\0";
/// Where a user's name is part of every address, and no secret.
const BY_KEY: [&[u8]; 4] = [b"ssh", b"git+ssh", b"ssh+git", b"sftp"];

/// From this length on a user without a password is taken for a token: Azure
/// DevOps and Bitbucket have the user's name in every address.
const TOKEN_BYTES: usize = 40;

/// Where user info that may be a credential stands, the `@` included, at or
/// after `from`.
pub(crate) fn user_info(text: &[u8], from: usize) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        let found = find(text.get(at..)?, b"://")?;
        let colon = at + found;
        let start = colon + 3;
        let end = authority_end(text, start);
        if let Some(range) = credential(text, colon, start..end) {
            return Some(range);
        }
        at = start;
    }
}

/// Whether a text has any.
pub(crate) fn has_user_info(text: &[u8]) -> bool {
    user_info(text, 0).is_some()
}

/// The text without any.
pub(crate) fn without_user_info(text: &[u8]) -> Vec<u8> {
    let mut rest = text.to_vec();
    let mut at = 0;
    while let Some(range) = user_info(&rest, at) {
        at = range.start;
        rest.drain(range);
    }
    rest
}

/// The authority's end; IPv6 brackets after the user info are of no interest.
fn authority_end(text: &[u8], start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let mut length = 0;
    for (index, byte) in rest.iter().enumerate() {
        length = index;
        // `${NAME}` in a URL is filled in by its reader.
        let is_reference = matches!(byte, b'{' | b'}');
        if ENDS.contains(byte) && !is_reference {
            return start + index;
        }
    }
    start + length + usize::from(!rest.is_empty())
}

fn credential(text: &[u8], colon: usize, authority: Range<usize>) -> Option<Range<usize>> {
    let scheme = scheme_before(text, colon)?;
    let bytes = text.get(authority.clone())?;
    let at = bytes.iter().rposition(|&byte| byte == b'@')?;
    let info = bytes.get(..at)?;
    let is_named = info.is_empty() || info == b":";
    let is_reference = find(info, b"${").is_some() || info.starts_with(b"$");
    let is_by_key = BY_KEY.iter().any(|name| scheme.eq_ignore_ascii_case(name));
    let is_name = info.len() < TOKEN_BYTES && !starts_like_a_token(info);
    if is_named || is_reference || ((is_by_key || is_name) && !info.contains(&b':')) {
        return None;
    }
    Some(authority.start..authority.start + at + 1)
}

fn scheme_before(text: &[u8], colon: usize) -> Option<&[u8]> {
    let before = text.get(..colon)?;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+.-".contains(byte);
    let length = before.iter().rev().take_while(|byte| is_part(byte)).count();
    let scheme = before.get(colon - length..)?;
    (!scheme.is_empty()).then_some(scheme)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::{has_user_info, without_user_info};

    #[test]
    fn user_info_is_found_in_any_surroundings() {
        for text in [
            "https://u:canary@host/r",
            "https://ghp_canary@host",
            "https://canary7canary7canary7canary7canary7canary7@host",
            "http://u:@host",
            "\"resolved\": \"git+https://x:canary@host/r.git#1\",",
            "ssh://git:canary@host/r",
            "https://u:can%40ary@[::1]:8080/",
            "clean https://host/ then https://a:canary@host",
            "ftp://a@b:canary@host",
            "HTTPS://u:canary@HOST",
        ] {
            assert!(has_user_info(text.as_bytes()), "{text}");
            let clean = without_user_info(text.as_bytes());
            let clean = String::from_utf8(clean).unwrap();
            assert!(!clean.contains('@') && !clean.contains("canary"), "{clean}");
        }
    }

    #[test]
    fn what_is_no_credential_is_left() {
        for text in [
            "https://host/r@v1",
            "https://host/?q=a@b",
            "git@host:r",
            "ssh://git@host/r",
            "git+ssh://git@host/r",
            "git+https://git@github.com/acme/lib.git",
            "https://acme@dev.azure.com/acme/app/_git/app",
            "https://@host/",
            "https://${TOKEN}@host/",
            "https://oauth2:$TOKEN_NAME ",
            "see ://a:b@c",
            "",
        ] {
            assert!(!has_user_info(text.as_bytes()), "{text}");
            assert_eq!(without_user_info(text.as_bytes()), text.as_bytes());
        }
    }
}
