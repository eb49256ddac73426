//! Which options a connection may carry, and how they become a query.
//!
//! In: key and value pairs of a policy. Out: `?a=b&c=d`, encoded.
//!
//! libpq, redis-py and most drivers let the query overrule the rest of the URL:
//! `?host=elsewhere` sends the password elsewhere, `?sslkey=/path` opens a file.
//! Hence a key that names host, user, password, service or file is refused, in
//! every spelling: a key has only letters, digits, `_`, `-` and `.`, so it
//! cannot be percent-encoded, and case and separators do not count when it is
//! compared. The words are matched inside the key, so that a driver's next
//! `ssl_key_file` is refused before anybody has heard of it.
//!
//! **Never:** a value in an error: it may be a credential in the wrong place.

use super::{Kind, Mistakes, encode};

/// Parts of a key that name a place, an identity, a credential or a file.
/// libpq 15 to 18: host, hostaddr, user, password, passfile, service,
/// servicefile, sslkey, sslcert, sslrootcert, sslcrl, sslcrldir, sslpassword,
/// sslkeylogfile, `scram_*_key`, `oauth_*`. redis-py: `ssl_keyfile`,
/// `ssl_ca_*`, `username`, `credential_provider`, `unix_socket_path`. `MySQL`,
/// `MongoDB`, sqlx: `unix_socket`, `ssl-ca`, `tlsCAFile`, `proxyHost`, `vhost`.
const WORDS: [&str; 19] = [
    "host",
    "addr",
    "user",
    "pass",
    "pwd",
    "secret",
    "token",
    "credential",
    "file",
    "service",
    "unixsocket",
    "cert",
    "key",
    "crl",
    "sslca",
    "tlsca",
    "capath",
    "oauth",
    "proxy",
];

/// Keys that are refused as a whole.
const EXACT: [&str; 4] = ["port", "socket", "dsn", "authmechanismproperties"];

/// Keys that would overrule `database` where a kind has that field.
const DATABASE: [&str; 4] = ["database", "dbname", "db", "path"];

/// Keys that contain such a word but take a number, a mode or yes and no.
const HARMLESS: [&str; 10] = [
    "loadbalancehosts",
    "tcpusertimeout",
    "sslcertmode",
    "sslcertreqs",
    "sslcheckhostname",
    "srvmaxhosts",
    "srvservicename",
    "tlsallowinvalidcertificates",
    "tlsallowinvalidhostnames",
    "sslverifycert",
];

/// The query, with its `?`, or nothing without options.
pub(super) fn query(kind: Kind, options: &[(String, String)], mistakes: &mut Mistakes) -> String {
    let mut query = String::new();
    for (key, value) in options {
        if let Some(rule) = rule(kind, key, value) {
            mistakes.add("options", Some(key.clone()), rule);
            continue;
        }
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(key);
        query.push('=');
        query.push_str(&encode::url_text(value));
    }
    query
}

/// The rule that this option breaks.
fn rule(kind: Kind, key: &str, value: &str) -> Option<&'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if key.is_empty() || !key.bytes().all(plain) {
        return Some("the key of an option has only letters, digits, `_`, `-` and `.`");
    }
    let name: String = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let name = name.as_str();
    if EXACT.contains(&name) || (names_a_place(name) && !is_system_roots(kind, key, value)) {
        return Some(
            "options cannot name a host, port, user, credential, service or file: they would \
             overrule the fields that were checked",
        );
    }
    if kind != Kind::Url && DATABASE.contains(&name) {
        return Some("the database has its own field, `database`");
    }
    if value.chars().any(char::is_control) {
        return Some("its value has a control character");
    }
    // redis-py before 8.1 decodes the values of a query twice (its issue 4208).
    if kind == Kind::Redis && value.contains('%') {
        return Some("its value has a `%`, which clients of Redis decode twice");
    }
    None
}

fn names_a_place(name: &str) -> bool {
    !HARMLESS.contains(&name) && WORDS.iter().any(|word| name.contains(word))
}

/// `sslrootcert=system` names no file: libpq 16 takes the system's roots. An
/// older libpq finds no file `system` and refuses to connect.
fn is_system_roots(kind: Kind, key: &str, value: &str) -> bool {
    kind == Kind::Postgres && key == "sslrootcert" && value == "system"
}
