//! Tokens of well-known services, by how they begin.
//!
//! In: a value, or any text. Out: whether it begins so; where such a token is.
//!
//! **Never:** a promise: an unknown form passes.

use std::ops::Range;

/// How tokens of well-known services start.
const PREFIXES: [&[u8]; 17] = [
    b"ghp_",
    b"gho_",
    b"ghu_",
    b"ghs_",
    b"ghr_",
    b"github_pat_",
    b"glpat-",
    b"sk-",
    b"AKIA",
    b"ASIA",
    b"xoxb-",
    b"xoxp-",
    b"npm_",
    b"pypi-",
    b"hvs.",
    b"ops_ey",
    KEY,
];

/// How a key in PEM starts, and the same in base64. What comes after it has no end
/// that can be relied on.
const KEY: &[u8] = b"-----BEGIN ";
const KEY_IN_BASE64: &[u8] = b"LS0tLS1CRUdJTi";

/// What comes after the prefix has at least this many characters: the shortest
/// is that of AWS.
const TAIL: usize = 16;

/// Whether a value starts as tokens of well-known services do.
#[must_use]
pub(crate) fn starts_like_a_token(value: &[u8]) -> bool {
    PREFIXES.iter().any(|prefix| value.starts_with(prefix))
}

/// Where a token is in `text`, at `from` or later. In a text a prefix says too
/// little: there are names such as `npm_config_registry` and `sk-learn-model`.
pub(super) fn token(text: &[u8], from: usize) -> Option<Range<usize>> {
    (from..text.len()).find_map(|start| {
        let (before, rest) = text.split_at_checked(start)?;
        let is_inside = before.last().is_some_and(u8::is_ascii_alphanumeric);
        if is_inside && !rest.starts_with(b"-") {
            return None;
        }
        if [KEY, KEY_IN_BASE64].iter().any(|key| rest.starts_with(key)) {
            return Some(start..text.len());
        }
        let prefix = PREFIXES.iter().find(|prefix| rest.starts_with(prefix))?;
        let tail = rest.get(prefix.len()..).unwrap_or_default();
        let end = tail.iter().position(|byte| !is_part(*byte));
        let tail = tail.get(..end.unwrap_or(tail.len())).unwrap_or_default();
        is_random(tail).then_some(start..start + prefix.len() + tail.len())
    })
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
}

/// No words: both cases and digits, or letters and digits without a separator.
fn is_random(tail: &[u8]) -> bool {
    let has = |test: fn(&u8) -> bool| tail.iter().any(test);
    let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    let mut runs = tail.split(|byte| !byte.is_ascii_alphanumeric());
    let is_unbroken = runs.any(|run| {
        run.len() >= TAIL
            && run.iter().any(u8::is_ascii_digit)
            && run.iter().any(u8::is_ascii_alphabetic)
    });
    tail.len() >= TAIL && has(u8::is_ascii_digit) && (is_mixed || is_unbroken)
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn a_token_is_found_anywhere_in_a_text() {
        for (text, expected) in [
            ("ghp_A1b2C3d4E5f6G7h8J9kLmNoPqRsTuVwXyZ01", 0..40),
            ("`ghp_A1b2C3d4E5f6G7h8J9` is absent", 1..23),
            ("/secrets/npm-token-npm_a1b2c3d4e5f6g7h8", 19..39),
            ("AKIAIOSFODNN7EXAMPLE", 0..20),
            ("x sk-ant-api03-Ab_c1De-fG2hiJ-3k", 2..32),
            ("xoxb-123456789012-AbCdEfGhIjKl", 0..30),
            ("glpat-A-b1_C-d2_E-f3_G-h4x,", 0..26),
            ("hvs.CAESIJ1a2b3c4d5e6f", 0..22),
            ("a -----BEGIN PRIVATE KEY-----\\nMIIE", 2..35),
        ] {
            assert_eq!(token(text.as_bytes(), 0), Some(expected), "{text}");
        }
        let two = b"ghp_A1b2C3d4E5f6G7h8J9 ghp_A1b2C3d4E5f6G7h8J9";
        assert_eq!(token(two, 1), Some(23..45));
    }

    #[test]
    fn an_ordinary_name_is_none() {
        for text in [
            "db-password",
            "github-token",
            "APP_KEY",
            "sk_learn_model",
            "sk-learn-model-weights-2024",
            "npm_token",
            "npm_config_registry_of_the_company",
            "pypi-upload-password-2",
            "github_pat_rotation_2024_backup",
            "task-A1b2C3d4E5f6G7h8",
            "AKIA",
            "ASIA_PACIFIC_REGION_2_PASSWORD",
            "xoxb-slack-bot-token",
            "risk-a1b2c3d4e5f6g7h8i9",
            "glpat-token",
            "ghp_short1A",
            "",
        ] {
            assert_eq!(token(text.as_bytes(), 0), None, "{text}");
        }
    }
}
