//! The `connections` object: endpoints that become URLs with a secret.
//!
//! In: its node and the names of the secrets. Out: a checked `Connection` for
//! each entry; what its fields may hold is `connection`'s to say, and where
//! each of them stands is known here.
//!
//! **Never:** a password: a connection names the secret that is one.

use crate::connection::{Connection, Fields, Kind};
use crate::names::SecretName;

use super::mistakes::Problem;
use super::node::{Node, Object, Reader};
use super::references::Names;
use super::{ConnectionRule, rules};

const KEYS: &[&str] = &[
    "kind",
    "host",
    "port",
    "user",
    "password",
    "database",
    "options",
    "endpoint",
    "access_key",
    "secret_key",
    "bucket",
    "scheme",
    "path",
    "tls",
];
const KINDS: &[&str] = &["postgres", "redis", "minio", "s3", "url"];

/// Reads every entry into `names`; one with a mistake stays known by its name.
pub(super) fn read<'a>(reader: &mut Reader<'a>, node: &Node<'a>, names: &mut Names<'a>) {
    let entries = reader.entries(node).unwrap_or_default();
    // All names first: a credential that is a connection is one mistake,
    // whichever of the two comes first.
    for (name, _) in &entries {
        names.connections.insert(name.clone(), None);
    }
    for (name, node) in entries {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(is_name) {
            reader.broken(&node, &rules::CONNECTION_NAME);
        }
        let rule = entry(reader, &node, names);
        names.connections.insert(name, rule);
    }
}

fn entry<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
    names: &Names<'a>,
) -> Option<ConnectionRule> {
    let object = reader.object(node, KEYS)?;
    let fields = Fielded {
        reader,
        object: &object,
        names,
        wrong: false,
    }
    .read();
    let kind = reader.required(node, &object, "kind")?;
    let kind = Kind::parse(reader.choice(kind, KINDS)?)?;
    match Connection::check(kind, fields?) {
        Ok(connection) => Some(ConnectionRule {
            connection,
            place: reader.place(node),
        }),
        Err(errors) => {
            for error in errors {
                // What is wrong with a field that is not there is just that.
                match object.get(error.field) {
                    Some(node) => reader.mistake(node, Problem::Field(error)),
                    None => reader.mistake(node, Problem::Missing(error.field)),
                }
            }
            None
        }
    }
}

/// Reads the fields of one connection and remembers whether one is wrong.
struct Fielded<'r, 'a> {
    reader: &'r mut Reader<'a>,
    object: &'r Object<'a>,
    names: &'r Names<'a>,
    wrong: bool,
}

impl<'a> Fielded<'_, 'a> {
    /// All fields, or `None` if one of them is wrong in itself.
    fn read(mut self) -> Option<Fields> {
        let fields = Fields {
            host: self.text("host"),
            port: self.field("port", port),
            user: self.text("user"),
            password: self.credential("password"),
            database: self.field("database", text_or_number),
            options: self.field("options", options).unwrap_or_default(),
            endpoint: self.text("endpoint"),
            access_key: self.text("access_key"),
            secret_key: self.credential("secret_key"),
            bucket: self.text("bucket"),
            scheme: self.text("scheme"),
            path: self.text("path"),
            tls: self.field("tls", Reader::flag),
        };
        (!self.wrong).then_some(fields)
    }

    fn text(&mut self, key: &str) -> Option<String> {
        self.field(key, Reader::expanded)
    }

    fn credential(&mut self, key: &str) -> Option<SecretName> {
        let names = self.names;
        self.field(key, |reader, node| names.credential(reader, node))
    }

    fn field<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Reader<'a>, &Node<'a>) -> Option<T>,
    ) -> Option<T> {
        let value = read(self.reader, self.object.get(key)?);
        self.wrong |= value.is_none();
        value
    }
}

/// A string, expanded, or a number as it stands.
fn text_or_number<'a>(reader: &mut Reader<'a>, node: &Node<'a>) -> Option<String> {
    match node.kind() {
        "a number" => Some(node.raw().into()),
        "a string" => reader.expanded(node),
        found => {
            reader.mistake(node, Problem::WrongType("a string or a number", found));
            None
        }
    }
}

fn port<'a>(reader: &mut Reader<'a>, node: &Node<'a>) -> Option<u16> {
    let text = text_or_number(reader, node)?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port != 0);
    if port.is_none() {
        reader.broken(node, &rules::PORT);
    }
    port
}

fn options<'a>(reader: &mut Reader<'a>, node: &Node<'a>) -> Option<Vec<(String, String)>> {
    let entries = reader.entries(node)?;
    let count = entries.len();
    let options: Vec<_> = entries
        .into_iter()
        .filter_map(|(key, node)| text_or_number(reader, &node).map(|value| (key, value)))
        .collect();
    (options.len() == count).then_some(options)
}
