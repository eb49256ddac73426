//! Postgres: a URL for every client, and lines for a password file.
//!
//! In: host (one, several, or the directory of a socket), user, database,
//! options. Out: `postgresql://user:password@host:port/database?options`.
//!
//! The scheme is `postgresql`: libpq, node-postgres, pgx and sqlx also read
//! `postgres`, `SQLAlchemy` has refused that since 1.4. The port is always
//! written, so that a stray `PGPORT` cannot move the connection. A socket is a
//! percent-encoded host and several hosts stand with commas, as libpq defines it
//! (manual, "Connection URIs"); a client with a parser of its own may read
//! neither, like `SQLAlchemy`, and takes the parts `.host`, `.port`, … instead.
//!
//! **Never:** a database left to the client's guess.

use crate::names::SecretName;

use super::address::{Address, Host};
use super::mistakes::{Mistakes, strangers};
use super::{Connection, Fields, Kind, Part, encode, options};

const OWN: [&str; 6] = ["host", "port", "user", "password", "database", "options"];
const STRANGER: &str = "postgres has host, port, user, password, database and options";
const SCHEME: &str = "postgresql";
const PORT: u16 = 5432;

/// The directories that a libpq may have as its built-in default. It looks for
/// `localhost` in the password file when it connects to that one (fe-connect.c,
/// passwordFromFile), and we cannot know which it is.
const DEFAULT_DIRECTORIES: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

pub(super) fn check(fields: Fields, mistakes: &mut Mistakes) -> Option<Connection> {
    strangers(&fields, &OWN, STRANGER, mistakes);
    let addresses = mistakes.hosts(fields.host, fields.port, Some(PORT));
    let user = mistakes.needed_text("user", fields.user);
    // libpq, node-postgres, pgx and the official image all default to the user.
    let database = mistakes
        .text("database", fields.database)
        .or_else(|| user.clone());
    let query = options::query(Kind::Postgres, &fields.options, mistakes);
    let (addresses, user, database) = (addresses?, user?, database?);

    let tail = ["/", &encode::url_text(&database), &query].concat();
    mistakes.misread(SCHEME, &addresses, &tail, "database");
    let hosts: Vec<String> = addresses.iter().map(Address::authority).collect();
    let mut connection = Connection::new(Kind::Postgres, fields.password);
    connection.set_url(SCHEME, Some(&user), &(hosts.join(",") + &tail));
    connection.heads = pgpass_heads(&addresses, &database, &user, connection.credential.as_ref());
    let hosts: Vec<String> = addresses.iter().map(Address::host_text).collect();
    connection.offer(Part::Host, hosts.join(","));
    connection.offer(Part::Port, ports(&addresses));
    connection.offer(Part::User, user);
    connection.offer(Part::Database, database);
    Some(connection)
}

/// The ports with commas, as `PGPORT` has them; one where all are the same,
/// which libpq applies to every host.
pub(super) fn ports(addresses: &[Address]) -> String {
    let mut ports: Vec<String> = addresses
        .iter()
        .filter_map(|address| address.port)
        .map(|port| port.to_string())
        .collect();
    if ports.windows(2).all(|pair| pair.first() == pair.last()) {
        ports.truncate(1);
    }
    ports.join(",")
}

/// What stands before the password in each line.
fn pgpass_heads(
    addresses: &[Address],
    database: &str,
    user: &str,
    credential: Option<&SecretName>,
) -> Vec<String> {
    let mut heads = Vec::new();
    if credential.is_none() {
        return heads;
    }
    for address in addresses {
        let port = address.port.unwrap_or(PORT).to_string();
        let mut push = |host: &str| {
            let fields = [host, &port, database, user];
            let head: String = fields
                .iter()
                .flat_map(|field| [encode::pgpass_text(field), ":".into()])
                .collect();
            heads.push(head);
        };
        push(&address.host_text());
        if matches!(&address.host, Host::Socket(path) if DEFAULT_DIRECTORIES.contains(&path.as_str()))
        {
            push("localhost");
        }
    }
    heads
}
