//! Where a server is: host name, address, socket path, or several of them.
//!
//! In: the text of `host` (or what follows `http://` in an endpoint). Out: a
//! list of `Address`, each of which every parser of URLs reads as we do: nothing
//! is taken of which any rule for URLs makes something else. The tests let the
//! `url` crate read everything back.
//!
//! **Never:** user info, a name in Unicode, a number in disguise (`0x7f.1`), or
//! anything else with which a variable could steer a credential elsewhere.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::encode;

/// The longest host name (RFC 1035, 2.3.4) and the longest of its labels.
const NAME_BYTES: usize = 253;
const LABEL_BYTES: usize = 63;

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: Host,
    pub(super) port: Option<u16>,
}

/// A host in the form in which a program's own `host` setting takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Name(String),
    V6(Ipv6Addr),
    Socket(String),
}

/// Reads `a`, `a:1`, `::1`, `[::1]:1`, `/run/socket`, or several with commas.
pub(super) fn parse_list(text: &str) -> Result<Vec<Address>, &'static str> {
    text.split(',').map(parse).collect()
}

/// Reads one of them.
pub(super) fn parse(text: &str) -> Result<Address, &'static str> {
    if text.starts_with('/') {
        return socket(text);
    }
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']').ok_or("the `]` is missing")?;
        let port = match rest.strip_prefix(':') {
            Some(digits) => Some(parse_port(digits)?),
            None if rest.is_empty() => None,
            None => return Err("after `]` comes only `:` and a port"),
        };
        return Ok(Address {
            host: Host::V6(parse_v6(address)?),
            port,
        });
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => Ok(Address {
            host: Host::V6(parse_v6(text)?),
            port: None,
        }),
        Some((name, digits)) => Ok(Address {
            host: parse_name(name)?,
            port: Some(parse_port(digits)?),
        }),
        None => Ok(Address {
            host: parse_name(text)?,
            port: None,
        }),
    }
}

/// Digits only: `u16::from_str` would also take a plus sign.
fn parse_port(digits: &str) -> Result<u16, &'static str> {
    match digits.parse() {
        Ok(port) if port != 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
        _ => Err("a port is a number from 1 to 65535"),
    }
}

/// Zones (`fe80::1%eth0`) are refused: RFC 6874 and the clients disagree.
fn parse_v6(text: &str) -> Result<Ipv6Addr, &'static str> {
    text.parse()
        .map_err(|_| "not an IPv6 address (zones are not supported)")
}

/// A socket path is one token for us and for libpq, which splits the decoded
/// host at commas and would take what follows a colon for a port.
fn socket(text: &str) -> Result<Address, &'static str> {
    if text.contains(':') || text.chars().any(char::is_control) {
        return Err(
            "a socket path has no colon and no control character; the port goes into `port`",
        );
    }
    Ok(Address {
        host: Host::Socket(text.into()),
        port: None,
    })
}

/// Letters, digits, `-`, `.` and the `_` of Compose service names.
fn parse_name(text: &str) -> Result<Host, &'static str> {
    if text.is_empty() {
        return Err("a host is missing");
    }
    if !text.is_ascii() {
        return Err("a host name in other letters is written in punycode (`xn--…`)");
    }
    let labels = text.strip_suffix('.').unwrap_or(text);
    if labels.len() > NAME_BYTES || !labels.split('.').all(is_label) {
        return Err("a host is a name of letters, digits, `-`, `_` and `.`, an address or a path");
    }
    // Resolvers take `127.1`, `0x7f.1` and `2130706433` for addresses.
    let last = labels.rsplit('.').next().unwrap_or(labels);
    let hexadecimal = last.starts_with("0x") || last.starts_with("0X");
    let numeric = hexadecimal || last.bytes().all(|byte| byte.is_ascii_digit());
    if numeric && text.parse::<Ipv4Addr>().is_err() {
        return Err("a name that ends in a number is an IPv4 address with four decimal numbers");
    }
    Ok(Host::Name(text.into()))
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= LABEL_BYTES
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

impl Address {
    /// Host and port as a URL has them.
    pub(super) fn authority(&self) -> String {
        let mut text = match &self.host {
            Host::Name(name) => name.clone(),
            Host::V6(address) => format!("[{address}]"),
            Host::Socket(path) => encode::url_text(path),
        };
        if let Some(port) = self.port {
            text.push(':');
            text.push_str(&port.to_string());
        }
        text
    }

    /// The host alone, as a program's own setting takes it: no brackets.
    pub(super) fn host_text(&self) -> String {
        match &self.host {
            Host::Name(text) | Host::Socket(text) => text.clone(),
            Host::V6(address) => address.to_string(),
        }
    }

    pub(super) fn is_socket(&self) -> bool {
        matches!(self.host, Host::Socket(_))
    }
}

/// What another parser of URLs takes from an address otherwise than we wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misread {
    Host,
    Path,
}

/// Whether readers agree on `scheme://address` and then `rest`, a path from its
/// slash on. A host name is plain by now; but web schemes decode their host
/// (WHATWG URL, 3.5), and a path loses its `.` and `..` (RFC 3986, 5.2.4).
pub(super) fn misread(scheme: &str, address: &Address, rest: &str) -> Option<Misread> {
    let path = rest.split('?').next().unwrap_or(rest);
    if address.is_socket() && is_web(scheme) {
        Some(Misread::Host)
    } else if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        Some(Misread::Path)
    } else {
        None
    }
}

/// Whether a host in lower case, an IPv6 address in brackets, has one reading and
/// is written as that.
pub(crate) fn is_canonical(host: &str) -> bool {
    let port = None;
    parse(host).is_ok_and(|read| Address { port, ..read }.authority() == host)
}

/// Whether the URLs of this scheme have exactly one host and follow the rules
/// of the web (`http`, `ftp`, …).
pub(super) fn is_web(scheme: &str) -> bool {
    matches!(scheme, "http" | "https" | "ws" | "wss" | "ftp" | "file")
}
