//! The `run` object, alone or laid over by a profile's.
//!
//! In: its node. Out: a draft of what it says, and from drafts the rules that
//! are in effect. A profile's keys replace those of `run` whole, so what a
//! profile permits stands in one place.
//!
//! **Never:** a merge within a key: an `env` with one entry in a profile is the
//! complete list, or a later edit of `run` would widen a profile unseen.

use std::path::PathBuf;

use crate::names::VariableName;
use crate::sorted::Set;

use super::deliveries::{self, Deliveries, Phase};
use super::mistakes::Problem;
use super::node::{Node, Reader};
use super::process;
use super::references::Names;
use super::{Confinement, InheritRule, RunRules, rules};

/// The keys of `run`, in the order of the documentation.
const KEYS: &[&str] = &[
    "env",
    "files",
    "inherit",
    "user",
    "directory",
    "grace",
    "signals",
    "confinement",
    "capabilities",
    "no_new_privileges",
    "limits",
    "umask",
];

/// What one `run` object says.
#[derive(Default)]
pub(super) struct Draft<'a> {
    /// The keys that it has.
    keys: Vec<&'static str>,
    env: Deliveries<'a>,
    files: Deliveries<'a>,
    /// Everything but `env` and `files`.
    rules: RunRules,
}

impl<'a> Draft<'a> {
    /// Whether the object has `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains(&key)
    }

    /// Refuses variables that are in `env` and in `files`, which may be the
    /// base's where this one, a profile, names only one of them.
    pub(super) fn refuse_twice(&self, reader: &mut Reader<'a>, base: Option<&Self>) {
        let other = |key| base.filter(|_| !self.has(key)).unwrap_or(self);
        let (env, files) = (&other("env").env, &other("files").files);
        // The mistake stands where this object can mend it.
        let (ours, theirs) = if self.has("files") {
            (files, env)
        } else {
            (env, files)
        };
        if !(self.has("env") || self.has("files")) {
            return;
        }
        let names = theirs.iter().map(|(delivery, _)| &delivery.variable);
        let theirs_names: Set<_> = names.collect();
        for (delivery, node) in ours {
            if theirs_names.contains(&delivery.variable) {
                reader.mistake(node, Problem::TwiceDelivered(delivery.variable.clone()));
            }
        }
    }

    /// This draft with the keys of `profile` in place of its own.
    pub(super) fn overlaid(self, profile: Self) -> Self {
        let Self {
            keys,
            env,
            files,
            rules,
        } = profile;
        let has = |key: &str| keys.contains(&key);
        let base = self.rules;
        Self {
            env: if has("env") { env } else { self.env },
            files: if has("files") { files } else { self.files },
            rules: RunRules {
                env: Vec::new(),
                files: Vec::new(),
                inherit: rules.inherit.or(base.inherit),
                user: rules.user.or(base.user),
                directory: rules.directory.or(base.directory),
                grace: rules.grace.or(base.grace),
                signals: if has("signals") {
                    rules.signals
                } else {
                    base.signals
                },
                confinement: rules.confinement.or(base.confinement),
                capabilities: rules.capabilities.or(base.capabilities),
                no_new_privileges: rules.no_new_privileges.or(base.no_new_privileges),
                limits: if has("limits") {
                    rules.limits
                } else {
                    base.limits
                },
                umask: rules.umask.or(base.umask),
            },
            keys,
        }
    }

    /// The rules in effect.
    pub(super) fn in_effect(self) -> RunRules {
        let deliveries = |from: Deliveries<'a>| {
            from.into_iter()
                .map(|(delivery, _)| delivery)
                .collect::<Vec<_>>()
        };
        let (env, files) = (deliveries(self.env), deliveries(self.files));
        RunRules {
            env,
            files,
            ..self.rules
        }
    }
}

/// Reads one `run` object. `unused` tells the keys that are not in effect in
/// this start; they are checked, but their variables need not be set.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
    names: &Names<'a>,
    unused: &dyn Fn(&str) -> bool,
) -> Draft<'a> {
    let mut draft = Draft::default();
    let Some(object) = reader.object(node, KEYS) else {
        return draft;
    };
    draft.keys.extend(KEYS.iter().filter(|key| object.has(key)));
    for key in draft.keys.clone() {
        if let Some(node) = object.get(key) {
            reader.unused = unused(key);
            draft.read_key(reader, key, node, names);
            reader.unused = false;
        }
    }
    draft
}

impl<'a> Draft<'a> {
    fn read_key(
        &mut self,
        reader: &mut Reader<'a>,
        key: &'static str,
        node: &Node<'a>,
        names: &Names<'a>,
    ) {
        let rules = &mut self.rules;
        match key {
            "env" => self.env = deliveries::read(reader, node, names, Phase::Run),
            "files" => self.files = deliveries::read(reader, node, names, Phase::Run),
            "inherit" => rules.inherit = inherit(reader, node),
            "user" => {
                let user = process::user(reader, node);
                rules.user = user.map(|user| (user, reader.place(node)));
            }
            "directory" => {
                let path = reader.absolute(node);
                rules.directory = path.map(|path| (PathBuf::from(path), reader.place(node)));
            }
            "grace" => rules.grace = process::duration(reader, node),
            "signals" => rules.signals = process::signals(reader, node),
            "confinement" => rules.confinement = confinement(reader, node),
            "capabilities" => rules.capabilities = process::capabilities(reader, node),
            "no_new_privileges" => rules.no_new_privileges = reader.flag(node),
            "limits" => rules.limits = process::limits(reader, node),
            _ => rules.umask = process::umask(reader, node),
        }
    }
}

fn confinement<'a>(reader: &mut Reader<'a>, node: &Node<'a>) -> Option<Confinement> {
    match reader.choice(node, &["required", "environment-only"])? {
        "required" => Some(Confinement::Required),
        _ => Some(Confinement::EnvironmentOnly),
    }
}

/// Names, and patterns with one final `*`; `*` alone admits all that is
/// harmless, as leaving `inherit` out does.
fn inherit<'a>(reader: &mut Reader<'a>, node: &Node<'a>) -> Option<Vec<InheritRule>> {
    let mut rules = Vec::new();
    for node in reader.items(node)? {
        let Some(text) = reader.text(&node) else {
            continue;
        };
        match inherit_rule(&text) {
            Some(rule) => rules.push(rule),
            None => reader.broken(&node, &rules::INHERIT),
        }
    }
    Some(rules)
}

fn inherit_rule(text: &str) -> Option<InheritRule> {
    match text.strip_suffix('*') {
        Some("") => Some(InheritRule::Prefix(String::new())),
        Some(prefix) => VariableName::parse(prefix)
            .ok()
            .map(|_| InheritRule::Prefix(prefix.into())),
        None => VariableName::parse(text).ok().map(InheritRule::Name),
    }
}
