//! Made-up secrets, and the forms of them that grep can be given.
//!
//! In: a directory. Out: `secrets/`, `policy.json` and `patterns` in it.
//!
//! **Never:** UTF-16, since a pattern of grep's ends at a NUL or a line's end.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::Path;

const LETTERS: &[u8; 66] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";

/// Writes everything and returns how many patterns there are.
pub(crate) fn write(place: &Path) -> usize {
    let secrets = place.join("secrets");
    fs::create_dir(&secrets).expect("a directory for secrets");
    let mut patterns = BTreeSet::new();
    for number in 0..10 {
        let value = value();
        fs::write(secrets.join(format!("secret-{number}")), &value).expect("a secret");
        forms(&value, &mut patterns);
    }
    let policy = format!(
        r#"{{ "version": 1, "secret_dirs": ["{}"] }}"#,
        secrets.display()
    );
    fs::write(place.join("policy.json"), policy).expect("a policy");
    let lines: Vec<u8> = patterns
        .iter()
        .flat_map(|pattern| [pattern.as_slice(), b"\n"].concat())
        .collect();
    fs::write(place.join("patterns"), lines).expect("patterns");
    patterns.len()
}

fn value() -> Vec<u8> {
    let marks = b"/+@%'\"&= ";
    let mut random = [0; 32];
    let mut source = fs::File::open("/dev/urandom").expect("/dev/urandom");
    source.read_exact(&mut random).expect("random bytes");
    let letter = |(at, byte): (usize, u8)| {
        if at % 8 == 7 {
            marks[usize::from(byte) % marks.len()]
        } else {
            LETTERS[usize::from(byte) % 62]
        }
    };
    random.into_iter().enumerate().map(letter).collect()
}

fn forms(value: &[u8], all: &mut BTreeSet<Vec<u8>>) {
    all.insert(value.to_vec());
    for before in 0..3 {
        let standard = base64(value, before);
        let url_safe = standard.iter().map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => *other,
        });
        all.insert(url_safe.collect());
        all.insert(standard);
    }
    let each = |write: &dyn Fn(u8) -> String| {
        let texts: Vec<String> = value.iter().map(|byte| write(*byte)).collect();
        texts.concat().into_bytes()
    };
    all.insert(each(&|byte| format!("{byte:02x}")));
    all.insert(each(&|byte| format!("{byte:02X}")));
    for kept in [
        &b"-._~"[..],
        b"-._~/",
        b"-._~!'()*",
        b"-._~;,/?:@&=+$!*'()#",
        b"-._~$&+,;=",
    ] {
        let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || kept.contains(&byte);
        let plain = |byte: u8| char::from(byte).to_string();
        for space in ["%20", "+"] {
            let written = |byte: u8, upper: bool| match byte {
                b' ' => space.to_owned(),
                byte if is_kept(byte) => plain(byte),
                byte if upper => format!("%{byte:02X}"),
                byte => format!("%{byte:02x}"),
            };
            all.insert(each(&|byte| written(byte, true)));
            all.insert(each(&|byte| written(byte, false)));
        }
    }
    for marks in [
        &b"\"\\"[..],
        b"\"\\/",
        b"\"$`\\",
        b" !\"#$&'()*,;<>?[\\]^`{|}~",
        b"'",
        b":\\",
    ] {
        let escape = |byte: u8| {
            let mark = if marks.contains(&byte) { "\\" } else { "" };
            format!("{mark}{}", char::from(byte))
        };
        all.insert(each(&escape));
    }
    for quote in ["'\\''", "'\"'\"'", "&#39;", "&apos;"] {
        let escape = |byte: u8| match byte {
            b'\'' => quote.to_owned(),
            b'&' if quote.starts_with('&') => "&amp;".to_owned(),
            b'"' if quote.starts_with('&') => "&quot;".to_owned(),
            byte => char::from(byte).to_string(),
        };
        all.insert(each(&escape));
    }
}

/// The characters that depend on `value` alone.
fn base64(value: &[u8], before: usize) -> Vec<u8> {
    let bits: Vec<bool> = vec![0; before]
        .iter()
        .chain(value)
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
        .collect();
    let skipped = (before * 8).div_ceil(6);
    let groups = bits.chunks_exact(6).skip(skipped);
    groups
        .map(|group| {
            let six = group
                .iter()
                .fold(0, |six, bit| six << 1 | usize::from(*bit));
            LETTERS[six]
        })
        .collect()
}
