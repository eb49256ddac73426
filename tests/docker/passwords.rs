//! The hostile passwords of the stack, and the search for them.
//!
//! In: anything that a container or an image shows. Out: the names of the
//! passwords found in it, in whatever form. Each holds every printable ASCII
//! byte, in an order of its own, and a *core* of letters and digits that no
//! encoding but base64 changes, so that escapes nobody thought of are found too.
//!
//! **Never:** a value in a message; claims name the password.

use std::fmt::Write as _;

/// One password of the stack: its secret's name and its value.
pub(crate) struct Password {
    pub(crate) name: &'static str,
    pub(crate) value: &'static str,
    core: &'static str,
}

pub(crate) const PASSWORDS: [Password; 3] = [
    Password {
        name: "db-password",
        value: concat!(
            r#" @/:?#[]%41${POSTGRES_USER}$$ '"`\ dbq7Zk3vXw9Rt2 *~!^&()-_=+{}|;<>,. Grüße→密碼 "#,
            "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        ),
        core: "dbq7Zk3vXw9Rt2",
    },
    Password {
        name: "redis-password",
        value: concat!(
            "-zyxwvutsrqponmlkjihgfedcba ZYXWVUTSRQPONMLKJIHGFEDCBA 9876543210 .,><;|}{+=_)(&^!",
            r##"~* rdM4Hs8cYb6Lp1 \x41\n`"'$$${REDIS_CONF}%40]["#?:/@ é "##,
        ),
        core: "rdM4Hs8cYb6Lp1",
    },
    Password {
        name: "minio-password",
        value: concat!(
            r#"$(id)${MINIO_ROOT_USER}$$%2F]#[?:/@ '"`\\ s3T5Nj0fGe7Vu4 *~!^&-_=+{}|;<>,."#,
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 abcdefghijklmnopqrstuvwxyz ß∑",
        ),
        core: "s3T5Nj0fGe7Vu4",
    },
];

/// Every form of every password that a search looks for, with its name.
pub(crate) fn forms() -> Vec<(&'static str, Vec<u8>)> {
    PASSWORDS
        .iter()
        .flat_map(|password| {
            let mut forms = vec![
                password.value.to_owned(),
                password.core.to_owned(),
                percent_encoded(password.value),
                percent_encoded(password.value).to_lowercase(),
                hexadecimal(password.core),
            ];
            forms.extend(base64_cores(password.core));
            forms
                .into_iter()
                .map(|form| (password.name, form.into_bytes()))
        })
        .collect()
}

/// The names of the passwords that `haystack` holds in any form.
pub(crate) fn found_in(haystack: &[u8]) -> Vec<&'static str> {
    let mut names: Vec<_> = forms()
        .into_iter()
        .filter(|(_, form)| haystack.windows(form.len()).any(|window| window == form))
        .map(|(name, _)| name)
        .collect();
    names.dedup();
    names
}

/// Text for a failing claim's message: itself, or why it is not shown.
pub(crate) fn printable(text: &str) -> String {
    match found_in(text.as_bytes()).as_slice() {
        [] => text.to_owned(),
        names => format!("(not shown: it holds {})", names.join(", ")),
    }
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn hexadecimal(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _ = write!(encoded, "{byte:02x}");
        encoded
    })
}

/// What base64 makes of `core` at each of the three places where it may begin,
/// without the characters that its neighbours have a part in.
fn base64_cores(core: &str) -> Vec<String> {
    (0..3)
        .map(|shift| {
            let whole = base64(&[&vec![0; shift], core.as_bytes()].concat());
            let first = (shift * 8).div_ceil(6);
            let last = (shift + core.len()) * 8 / 6;
            whole[first..last].to_owned()
        })
        .collect()
}

/// Base64 without padding. The cores are chosen without the two characters
/// in which the alphabet for URLs differs.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<bool> = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
        .collect();
    bits.chunks(6)
        .map(|chunk| {
            let index = (0..6).fold(0, |index, bit| {
                index << 1 | usize::from(chunk.get(bit).copied().unwrap_or(false))
            });
            char::from(ALPHABET[index])
        })
        .collect()
}

#[test]
fn the_search_finds_a_password_in_every_form() {
    for password in &PASSWORDS {
        let url = format!("scheme://:{}@host", percent_encoded(password.value));
        let forms = [
            password.value.to_owned(),
            url.clone(),
            url.to_lowercase(),
            format!("{:?}", password.value),
            base64(password.value.as_bytes()),
            base64(format!("x{}", password.value).as_bytes()),
            base64(format!("user:{}", password.value).as_bytes()),
            hexadecimal(password.value),
        ];
        for (index, form) in forms.iter().enumerate() {
            let found = found_in(format!("before {form} after").as_bytes());
            assert_eq!(found, [password.name], "form {index}");
        }
    }
}

#[test]
fn every_password_holds_every_printable_byte() {
    for password in &PASSWORDS {
        for byte in b' '..=b'~' {
            assert!(
                password.value.bytes().any(|other| other == byte),
                "{} lacks {:?}",
                password.name,
                char::from(byte)
            );
        }
    }
}
