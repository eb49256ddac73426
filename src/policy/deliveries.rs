//! Which variable is made from what: `run.env`, `run.files`, a command's `env`.
//!
//! In: an object of variables and references. Out: deliveries whose variables
//! are safe to make from a secret and whose references mean something.
//!
//! **Never:** a variable that the loader or a shell acts upon before the
//! program can; a variable with two meanings.

use crate::names::VariableName;

use super::mistakes::Problem;
use super::node::{Node, Reader};
use super::references::Names;
use super::rules::{self, Rule};
use super::{Delivery, Reference};

/// Deliveries with the nodes they stand at.
pub(super) type Deliveries<'a> = Vec<(Delivery, Node<'a>)>;

/// For whom values are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Run,
    Setup,
}

/// Reads an object of variables.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
    names: &Names<'a>,
    phase: Phase,
) -> Deliveries<'a> {
    let mut deliveries = Vec::new();
    for (key, node) in reader.entries(node).unwrap_or_default() {
        let variable = variable(reader, &key, &node);
        let reference = reference(reader, &node, names, phase);
        if let (Some(variable), Some(reference)) = (variable, reference) {
            let place = reader.place(&node);
            deliveries.push((
                Delivery {
                    variable,
                    reference,
                    place,
                },
                node,
            ));
        }
    }
    deliveries
}

fn reference<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
    names: &Names<'a>,
    phase: Phase,
) -> Option<Reference> {
    let reference = names.reference(reader, node)?;
    if phase == Phase::Run && names.is_setup_only(&reference) {
        reader.broken(node, &rules::SETUP_ONLY);
        return None;
    }
    Some(reference)
}

fn variable(reader: &mut Reader<'_>, key: &str, node: &Node<'_>) -> Option<VariableName> {
    let name = VariableName::parse(key)
        .map_err(|error| Problem::BadName(error, "rename it: programs cannot see others"));
    let name = reader.keep(node, name)?;
    if let Some(rule) = reserved(name.as_str()) {
        reader.broken(node, rule);
        return None;
    }
    Some(name)
}

/// Variables that would break the start, or print the value: ld.so names the
/// content of `LD_PRELOAD` in its error messages (ld.so(8)).
fn reserved(name: &str) -> Option<&'static Rule> {
    match name {
        "PATH" | "HOME" => Some(&rules::OWN_VARIABLE),
        _ if name.starts_with("LD_") => Some(&rules::LOADER_VARIABLE),
        _ => None,
    }
}
