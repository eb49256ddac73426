//! The `git` object of setup: addresses, and who may log in there.
//!
//! In: its node and the names it may refer to. Out: rules whose addresses have
//! one reading, no two of them for the same repositories.
//!
//! **Never:** an address that git and a server could understand in two ways.

use crate::connection::is_canonical;
use crate::setup::git::rules::{Address, CredentialRule};

use super::mistakes::Problem;
use super::node::{Node, Reader};
use super::references::Names;
use super::rules::{self, Rule};

const KEYS: &[&str] = &["username", "password"];

/// Reads `setup.git`.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
    names: &Names<'a>,
) -> Vec<CredentialRule> {
    let mut rules: Vec<CredentialRule> = Vec::new();
    for (address, node) in reader.entries(node).unwrap_or_default() {
        let address = reader.keep(&node, address_of(&address).map_err(Problem::Rule));
        let is_known = |address| rules.iter().any(|rule| rule.address.is_same(address));
        if address.as_ref().is_some_and(is_known) {
            reader.broken(&node, &rules::GIT_TWICE);
        }
        rules.extend(entry(reader, &node, address, names));
    }
    rules
}

fn entry<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
    address: Option<Address>,
    names: &Names<'a>,
) -> Option<CredentialRule> {
    let object = reader.object(node, KEYS)?;
    let username = reader
        .required(node, &object, "username")
        .and_then(|node| username(reader, node));
    let password = reader
        .required(node, &object, "password")
        .and_then(|node| names.credential(reader, node));
    Some(CredentialRule {
        address: address?,
        username: username?,
        password: password?,
        place: reader.place(node),
    })
}

fn username<'a>(reader: &mut Reader<'a>, node: &Node<'a>) -> Option<String> {
    let name = reader.expanded(node)?;
    if name.is_empty() {
        reader.broken(node, &rules::GIT_USERNAME);
        return None;
    }
    // Git reads it as one line.
    if name.contains(char::is_control) {
        reader.broken(node, &rules::GIT_USERNAME_LINE);
        return None;
    }
    Some(name)
}

/// Git asks for credentials by this address; over plain HTTP they would be sent
/// in the clear, and user info in it would be one more.
fn address_of(text: &str) -> Result<Address, &'static Rule> {
    let rest = text.strip_prefix("https://").ok_or(&rules::GIT_URL)?;
    if rest.is_empty() || rest.contains(['@', '?', '#']) {
        return Err(&rules::GIT_URL);
    }
    // As strict as a connection: git and the server read it as well.
    Address::parse(text)
        .filter(|address| is_canonical(address.authority().0))
        .ok_or(&rules::GIT_AMBIGUOUS)
}
