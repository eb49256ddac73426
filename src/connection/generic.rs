//! `kind: url`: `MySQL`, AMQP, `MongoDB`, SMTP and whatever else takes a URL.
//!
//! In: scheme, host (several where the scheme is none of the web's), port,
//! user, password, path, options. Out: `scheme://user:password@host/path?…`.
//!
//! `path` is clear text. It is split at `/`, and each piece is encoded: `app`
//! and `/app` both give `/app`, `a b/c` gives `/a%20b/c`. For `amqp` and `amqps`
//! it is the name of the virtual host, one piece whatever is in it: `/` gives
//! `/%2F` (the usual virtual host), `/shop` gives `/%2Fshop`, `shop` `/shop`
//! (rabbitmq.com, "URI specification": the slash before it is not part of it).
//!
//! **Never:** a default port: only the client knows it.

use super::address::{self, Address};
use super::mistakes::{Mistakes, strangers};
use super::postgres::ports;
use super::{Connection, Fields, Kind, Part, encode, options};

const OWN: [&str; 7] = [
    "scheme", "host", "port", "user", "password", "path", "options",
];
const STRANGER: &str =
    "url has scheme, host, port, user, password, path (also for a database) and options";

pub(super) fn check(fields: Fields, mistakes: &mut Mistakes) -> Option<Connection> {
    strangers(&fields, &OWN, STRANGER, mistakes);
    let scheme = scheme(fields.scheme, mistakes);
    let addresses = mistakes.hosts(fields.host, fields.port, None);
    let user = mistakes.text("user", fields.user);
    let query = options::query(Kind::Url, &fields.options, mistakes);
    let path = path(scheme.as_deref(), fields.path, mistakes);
    let (scheme, addresses) = (scheme?, addresses?);

    if addresses.iter().any(Address::is_socket) {
        mistakes.add("host", None, "only postgres and redis have sockets");
    } else if addresses.len() > 1 && address::is_web(&scheme) {
        mistakes.add("host", None, "a URL with this scheme has one host");
    }
    // The specification of MongoDB's URLs wants a slash before the options.
    let slash = if path.is_empty() && !query.is_empty() {
        "/"
    } else {
        ""
    };
    let tail = [&path, slash, &query].concat();
    mistakes.misread(&scheme, &addresses, &tail, "path");
    let hosts: Vec<String> = addresses.iter().map(Address::authority).collect();
    let mut connection = Connection::new(Kind::Url, fields.password);
    connection.set_url(&scheme, user.as_deref(), &(hosts.join(",") + &tail));
    let hosts: Vec<String> = addresses.iter().map(Address::host_text).collect();
    connection.offer(Part::Host, hosts.join(","));
    if addresses.iter().all(|address| address.port.is_some()) {
        connection.offer(Part::Port, ports(&addresses));
    }
    if let Some(user) = user {
        connection.offer(Part::User, user);
    }
    Some(connection)
}

/// A letter, then letters, digits, `+`, `-` and `.` (RFC 3986, 3.1); the
/// canonical form is lower case.
fn scheme(scheme: Option<String>, mistakes: &mut Mistakes) -> Option<String> {
    let scheme = mistakes.needed_text("scheme", scheme)?;
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if !(scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(inner)) {
        let rule = "a scheme is a letter, then letters, digits, `+`, `-` and `.`, without `://`";
        mistakes.address("scheme", &scheme, rule);
        return None;
    }
    // It has no user, password or port (WHATWG URL, section 4).
    if scheme.eq_ignore_ascii_case("file") {
        mistakes.address("scheme", &scheme, "a `file` URL names no server");
        return None;
    }
    Some(scheme.to_ascii_lowercase())
}

/// The encoded path with its first slash, or nothing where none was given.
fn path(scheme: Option<&str>, path: Option<String>, mistakes: &mut Mistakes) -> String {
    let Some(path) = mistakes.text("path", path) else {
        return String::new();
    };
    if matches!(scheme, Some("amqp" | "amqps")) {
        return ["/", &encode::url_text(&path)].concat();
    }
    [
        "/",
        &encode::path_text(path.strip_prefix('/').unwrap_or(&path)),
    ]
    .concat()
}
