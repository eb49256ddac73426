//! Claims about connections. `forms` are examples, `refusals` the mistakes,
//! `properties` hostile values against parsers written here, `clients` the same
//! values against the real clients, `redis_server` against a real server.
//!
//! **Never:** a value in the message of a failing test beyond those written
//! in the test itself.
#![expect(
    clippy::disallowed_methods,
    reason = "values made up here; test programs are started"
)]

mod clients;
mod forms;
mod parsers;
mod properties;
mod redis_server;
mod refusals;

use super::{Connection, ConnectionError, FieldError, Fields, Kind, Part};
use crate::names::SecretName;
use crate::secret::Secret;

pub(super) fn name(text: &str) -> SecretName {
    SecretName::parse(text).expect("a name")
}

pub(super) fn secret(bytes: &[u8]) -> Secret {
    Secret::concat(&[bytes])
}

/// The assembled part as text.
pub(super) fn part(connection: &Connection, part: Part, credential: &[u8]) -> String {
    String::from_utf8(bytes(connection, part, credential)).expect("text")
}

pub(super) fn bytes(connection: &Connection, part: Part, credential: &[u8]) -> Vec<u8> {
    match connection.assemble(part, Some(&secret(credential))) {
        Ok(value) => value.expose().to_vec(),
        Err(error) => panic!("{error}"),
    }
}

pub(super) fn refused(connection: &Connection, part: Part, credential: &[u8]) -> ConnectionError {
    match connection.assemble(part, Some(&secret(credential))) {
        Ok(_) => panic!("the part was assembled"),
        Err(error) => error,
    }
}

pub(super) fn connect(kind: Kind, fields: Fields) -> Connection {
    Connection::check(kind, fields).expect("a connection")
}

/// The mistakes as people read them.
pub(super) fn mistakes(kind: Kind, fields: Fields) -> Vec<String> {
    let errors: Vec<FieldError> = Connection::check(kind, fields).expect_err("mistakes");
    errors.iter().map(ToString::to_string).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "the fields it fills are optional")]
pub(super) fn some(text: &str) -> Option<String> {
    Some(text.into())
}

pub(super) fn options(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).into(), (*value).into()))
        .collect()
}

pub(super) fn postgres(host: &str) -> Fields {
    Fields {
        host: some(host),
        user: some("app"),
        password: Some(name("db")),
        database: some("shop"),
        ..Fields::default()
    }
}

pub(super) fn redis(host: &str) -> Fields {
    Fields {
        host: some(host),
        password: Some(name("redis-password")),
        ..Fields::default()
    }
}

pub(super) fn minio(endpoint: &str) -> Fields {
    Fields {
        endpoint: some(endpoint),
        access_key: some("app"),
        secret_key: Some(name("minio-password")),
        bucket: some("artifacts"),
        ..Fields::default()
    }
}

pub(super) fn url(scheme: &str, host: &str) -> Fields {
    Fields {
        scheme: some(scheme),
        host: some(host),
        user: some("app"),
        password: Some(name("mq-password")),
        ..Fields::default()
    }
}

/// Values that break naive assembly: every printable character, everything that
/// means something to a URL, a shell, a configuration file or a format string,
/// blanks at the ends, other scripts, control characters, and 2,000 mixtures.
pub(super) fn hostile() -> Vec<String> {
    let mut values: Vec<String> = (b' '..=b'~')
        .map(|b| format!("a{}z", char::from(b)))
        .collect();
    values.extend((b' '..=b'~').map(|b| char::from(b).to_string()));
    values.push((b' '..=b'~').map(char::from).collect());
    values.extend(
        (1..=31)
            .chain([127])
            .map(|b| format!("a{}z", char::from(b))),
    );
    let named = [
        "%41",
        "%2541",
        "%",
        "%%",
        "%zz",
        "50%x",
        "p@ss",
        "@/:?#[]",
        "u:p/x@h",
        "a+b c",
        " both ",
        "${X}",
        "$(id)",
        "`id`",
        "'\"",
        "\\",
        "\\\\",
        "\\n",
        "\\x41",
        "*",
        "*?[a-z]{a,b}",
        "~root",
        "#comment",
        "!history",
        "a;b|c&d<e>f",
        "%s%n",
        "{}",
        "é",
        "пароль",
        "密码",
        "🔑",
        "e\u{301}",
        "\u{202e}x",
        "line\nbreak",
        "cr\rcr",
        "tab\tstop",
        "ends\n",
        "\r\n",
        ">",
        "nopass",
        "\"",
    ];
    values.extend(named.map(String::from));
    values.push("long".repeat(500));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..2_000 {
        values.push(mixture(&mut state));
    }
    values
}

/// 1 to 24 characters, mostly the awkward ones, from a fixed sequence.
fn mixture(state: &mut u64) -> String {
    const ALPHABET: [char; 40] = [
        '@', '/', ':', '?', '#', '[', ']', '%', '+', ' ', '&', '=', '\\', '"', '\'', '`', '$', '{',
        '}', '(', ')', '*', '!', '~', '^', '|', '<', '>', ';', ',', '.', '-', '_', '4', '1', 'a',
        'F', 'é', '密', '🔑',
    ];
    let mut next = || {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        usize::try_from(*state >> 33).expect("31 bits")
    };
    let length = next() % 24 + 1;
    (0..length)
        .map(|_| ALPHABET[next() % ALPHABET.len()])
        .collect()
}
