//! Redis and Valkey: a URL for clients, configuration lines for the server.
//!
//! In: host or socket, user, database number, TLS, options. Out:
//! `redis://user:password@host:port/number`, `rediss://…` with TLS, or
//! `unix://user:password@/path?db=number` as redis-py and go-redis read it.
//!
//! `.conf` is `requirepass`, which gives the built-in user `default` its
//! password. For an ACL user it is that user with the same rights over
//! everything, *and* `default` switched off: a server that knows a further user
//! still lets everybody in as `default` (redis.io, "ACL"; `&*` needs 6.2).
//!
//! **Never:** a user without a password, which clients send as an empty one.

use super::address::Address;
use super::mistakes::{Mistakes, strangers};
use super::{Connection, Fields, Kind, Part, encode, options};

const OWN: [&str; 7] = [
    "host", "port", "user", "password", "database", "options", "tls",
];
const STRANGER: &str = "redis has host, port, user, password, database, tls and options";
const PORT: u16 = 6379;

pub(super) fn check(fields: Fields, mistakes: &mut Mistakes) -> Option<Connection> {
    strangers(&fields, &OWN, STRANGER, mistakes);
    let is_socket = fields
        .host
        .as_deref()
        .is_some_and(|host| host.starts_with('/'));
    if is_socket && (fields.port.is_some() || fields.tls == Some(true)) {
        let field = if fields.port.is_some() { "port" } else { "tls" };
        mistakes.add(field, None, "a socket has neither port nor TLS");
    }
    let default = if is_socket { None } else { Some(PORT) };
    let addresses = mistakes.hosts(fields.host, fields.port, default);
    if addresses.as_ref().is_some_and(|list| list.len() != 1) {
        mistakes.add("host", None, "clients of Redis read one host");
    }
    let user = user(fields.user, fields.password.is_some(), mistakes);
    let database = number(fields.database, mistakes);
    let query = options::query(Kind::Redis, &fields.options, mistakes);
    let (address, database) = (addresses?.into_iter().next()?, database?);

    let mut connection = Connection::new(Kind::Redis, fields.password);
    if address.is_socket() {
        let more = query.replacen('?', "&", 1);
        let path = encode::path_text(&address.host_text());
        let rest = [&path, "?db=", database.as_str(), &more].concat();
        connection.set_url("unix", user.as_deref(), &rest);
    } else {
        let scheme = if fields.tls == Some(true) {
            "rediss"
        } else {
            "redis"
        };
        let tail = ["/", &database, &query].concat();
        mistakes.misread(scheme, std::slice::from_ref(&address), &tail, "database");
        connection.set_url(
            scheme,
            user.as_deref(),
            &[address.authority(), tail].concat(),
        );
    }
    if connection.credential.is_some() {
        connection.heads = vec![conf_head(user.as_deref())];
    }
    offer(&mut connection, &address, user, database);
    Some(connection)
}

fn offer(connection: &mut Connection, address: &Address, user: Option<String>, database: String) {
    connection.offer(Part::Host, address.host_text());
    if let Some(port) = address.port {
        connection.offer(Part::Port, port.to_string());
    }
    if let Some(user) = user {
        connection.offer(Part::User, user);
    }
    connection.offer(Part::Database, database);
}

/// Redis refuses names with blanks (acl.c, `ACLStringHasSpaces`).
fn user(user: Option<String>, has_password: bool, mistakes: &mut Mistakes) -> Option<String> {
    let user = mistakes.text("user", user)?;
    if user.contains(' ') {
        mistakes.add("user", None, "a user of Redis has no blank in its name");
    }
    if !has_password {
        mistakes.add("user", None, "a user of Redis logs in with a password");
    }
    Some(user)
}

/// The database, 0 unless given: a number as `SELECT` takes it.
fn number(database: Option<String>, mistakes: &mut Mistakes) -> Option<String> {
    let Some(text) = database else {
        return Some("0".into());
    };
    let text = mistakes.text("database", Some(text))?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(number) = text.parse::<u16>().ok().filter(|_| digits) else {
        mistakes.add("database", Some(text), "a database of Redis is a number");
        return None;
    };
    Some(number.to_string())
}

/// What stands before the password in `redis.conf`.
fn conf_head(user: Option<&str>) -> String {
    match user {
        None | Some("default") => "requirepass \"".into(),
        Some(user) => {
            let name: String = encode::conf(user.as_bytes()).collect();
            ["user default off\nuser \"", &name, "\" on ~* &* +@all \">"].concat()
        }
    }
}
