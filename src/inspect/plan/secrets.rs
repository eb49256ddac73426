//! The secrets of a plan: where each comes from, whether it is there, who gets
//! it; and the connections that some of them log in to.
//!
//! In: the policy's sources and the vault. Out: tables.
//!
//! **Never:** a value: of a secret there is a name and a place.

use std::path::{Path, PathBuf};

use super::sheet::Sheet;
use super::{Plan, put_path, put_rule_cells};
use crate::collect::fault::CollectFault;
use crate::collect::vault::Reason;
use crate::connection::Part;
use crate::names::SecretName;
use crate::policy::{Place, Source};
use crate::report::{escape, quote};

/// Whether a secret is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Found,
    /// It is not there, and a start needs it.
    Missing,
    /// It is not there, and need not be.
    Absent,
    /// A program gives it once setup begins.
    Later,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Missing => "missing",
            Self::Absent => "absent",
            Self::Later => "later",
        }
    }
}

/// Where a secret comes from, or would.
pub(super) struct Origin<'a> {
    pub(super) state: State,
    source: &'static str,
    path: Option<PathBuf>,
    variable: Option<&'a str>,
    key: Option<&'a str>,
}

impl Origin<'_> {
    /// The place in words.
    pub(super) fn words(&self) -> String {
        let mut words = match (&self.path, self.variable) {
            (Some(path), _) => escape(path.as_os_str().as_encoded_bytes()),
            (None, Some(variable)) => ["variable ", variable].concat(),
            (None, None) => "no secret directory".into(),
        };
        if let Some(key) = self.key {
            words.push('#');
            words.push_str(&escape(key.as_bytes()));
        }
        words
    }

    fn of_file(path: &Path, state: State) -> Self {
        Self {
            state,
            source: "file",
            path: Some(path.to_path_buf()),
            variable: None,
            key: None,
        }
    }
}

/// Who gets a secret.
#[derive(Default)]
struct Fate {
    /// Whether a start asks for it in vain.
    is_need: bool,
    main: bool,
    setup: bool,
}

impl Fate {
    fn words(&self, state: State) -> String {
        let who = match (self.main, self.setup) {
            (true, true) => "for setup and main",
            (true, false) => "for main",
            (false, true) => "for setup alone",
            (false, false) => "for nobody",
        };
        let state = match state {
            State::Found => "",
            State::Missing => "; not there",
            State::Absent => "; not there, as it may be",
            State::Later => "; when setup begins",
        };
        [who, state].concat()
    }
}

/// Who asks for what: the secrets of main and of setup.
struct Asked<'a> {
    main: Vec<(&'a SecretName, &'a Place)>,
    setup: Vec<(&'a SecretName, &'a Place)>,
}

impl<'a> Plan<'a> {
    /// Where a secret comes from, whether it is there or not.
    pub(super) fn origin(&self, name: &'a SecretName) -> Origin<'a> {
        let rule = self.policy.and_then(|policy| policy.secrets.get(name));
        let held = self.found.vault.get(name);
        let own = Path::new(name.as_str());
        let (source, file, variable, key) = match rule.map(|rule| &rule.source) {
            None => ("file", Some(own), None, None),
            Some(Source::File(file)) => ("file", Some(file.as_path()), None, None),
            Some(Source::Variable(variable)) => ("env", None, Some(variable.as_str()), None),
            Some(Source::Dotenv(file, key)) => ("dotenv", Some(file.as_path()), None, Some(key)),
            Some(Source::Json(file, key)) => ("json", Some(file.as_path()), None, Some(key)),
            // An absolute path is not below anything.
            Some(Source::Command(words)) => ("command", words.first().map(Path::new), None, None),
        };
        let narrowest = self.found.directories.last();
        let expected = || Some(narrowest?.join(file?));
        let path = held.and_then(|held| held.path.clone());
        let state = if held.is_some() {
            State::Found
        } else if source == "command" {
            State::Later
        } else if self.is_missing(name) {
            State::Missing
        } else {
            State::Absent
        };
        let is_by_variable = held.is_some_and(|held| held.variable.is_some());
        Origin {
            state,
            source,
            path: path.or_else(expected).filter(|_| !is_by_variable),
            variable,
            key: key.map(String::as_str),
        }
    }

    /// Whether a start would be refused because it is not there.
    fn is_missing(&self, name: &SecretName) -> bool {
        let is_asked_for =
            |asked: Vec<(&SecretName, &Place)>| asked.iter().any(|(asked, _)| *asked == name);
        !self.found.vault.may_be_absent(name)
            && (is_asked_for(self.asked_by_main())
                || self.is_setup_due() && is_asked_for(self.asked_by_setup()))
    }

    fn scope(&self, path: &Path) -> Option<&'a PathBuf> {
        let scopes = self.found.directories.iter();
        let scopes = scopes.filter(|scope| path.starts_with(scope));
        scopes.max_by_key(|scope| scope.as_os_str().len())
    }

    /// Every secret that is named, held or asked for, by name.
    fn names(&self, asked: &Asked<'a>) -> Vec<&'a SecretName> {
        let mut names: Vec<&SecretName> = Vec::new();
        let mut add = |name: &'a SecretName| {
            if let Err(at) = names.binary_search(&name) {
                names.insert(at, name);
            }
        };
        if let Some(policy) = self.policy {
            policy.secrets.keys().for_each(&mut add);
        }
        self.found.vault.all().for_each(|(name, _)| add(name));
        for (name, _) in asked.main.iter().chain(&asked.setup) {
            add(name);
        }
        names
    }

    /// The entry of a secret, or the first one that asks for it.
    fn place_of(&self, name: &SecretName, asked: &Asked<'a>) -> Option<&'a Place> {
        let declared = self.policy.and_then(|policy| policy.secrets.get(name));
        let mut all = asked.main.iter().chain(&asked.setup);
        let asks = all.find(|(asked, _)| *asked == name);
        let place = declared.map(|rule| &rule.place);
        place.or(asks.map(|(_, place)| *place))
    }

    /// What is not there and keeps a start from happening; then every secret.
    pub(super) fn put_secrets(&self, sheet: &mut Sheet) {
        let asked = Asked {
            main: self.asked_by_main(),
            setup: self.asked_by_setup(),
        };
        let withheld: Vec<_> = self.found.vault.withheld_names().collect();
        let is_asked = |asked: &[(&SecretName, &Place)], name: &SecretName| {
            asked.iter().any(|(asked, _)| *asked == name)
        };
        let names = self.names(&asked);
        for (key, is_need) in [("needs", true), ("secrets", false)] {
            sheet.table(key);
            for name in &names {
                let origin = self.origin(name);
                let is_withheld = || withheld.iter().any(|one| one == name.as_str());
                let fate = Fate {
                    is_need,
                    main: match origin.state {
                        State::Found => !is_withheld(),
                        State::Missing | State::Absent | State::Later => {
                            is_asked(&asked.main, name)
                        }
                    },
                    setup: is_asked(&asked.setup, name),
                };
                if !is_need || origin.state == State::Missing {
                    let place = self.place_of(name, &asked);
                    self.put_secret(sheet, Some(name.as_str()), &origin, &fate, place);
                }
            }
            if is_need {
                self.put_absences(sheet);
            } else {
                self.put_unlisted(sheet);
            }
            sheet.end_table(if is_need { "not there" } else { key });
        }
    }

    /// The files of `VAR_FILE`s that are not mounted.
    fn put_absences(&self, sheet: &mut Sheet) {
        let absences = self.found.absences.iter();
        for fault in absences.filter(|_| self.policy.is_none()) {
            if let CollectFault::File { path, .. } = fault {
                let fate = Fate {
                    is_need: true,
                    main: true,
                    setup: false,
                };
                let origin = Origin::of_file(path, State::Missing);
                self.put_secret(sheet, None, &origin, &fate, None);
            }
        }
    }

    /// Files that no rule can refer to.
    fn put_unlisted(&self, sheet: &mut Sheet) {
        for file in self.found.vault.unlisted() {
            if file.reason != Reason::Public {
                let origin = Origin::of_file(&file.path, State::Found);
                let fate = Fate::default();
                self.put_secret(sheet, Some(&file.name), &origin, &fate, None);
            }
        }
    }

    fn put_secret(
        &self,
        sheet: &mut Sheet,
        name: Option<&str>,
        origin: &Origin<'_>,
        fate: &Fate,
        place: Option<&Place>,
    ) {
        sheet.row();
        sheet.text("name", name);
        sheet.text("state", Some(origin.state.word()));
        sheet.flag("main", fate.main);
        sheet.flag("setup", fate.setup);
        sheet.text("source", Some(origin.source));
        put_path(sheet, "path", origin.path.as_ref());
        sheet.text("variable", origin.variable);
        sheet.text("key", origin.key);
        let scope = origin.path.as_ref().and_then(|path| self.scope(path));
        put_path(sheet, "scope", scope);
        let rule = match place {
            Some(place) => self.put_rule(sheet, place),
            None => put_rule_cells(sheet, None, None),
        };
        let named = name.map(quote).unwrap_or_default();
        let from = origin.words();
        if fate.is_need {
            let what = if name.is_some() {
                "needs secret "
            } else {
                "needs a secret"
            };
            let words = [what, &named, " from ", &from, ": not there"];
            sheet.end_row(&[&words.concat(), &rule]);
        } else {
            sheet.end_row(&[&named, &from, &fate.words(origin.state), &rule]);
        }
    }

    pub(super) fn put_connections(&self, sheet: &mut Sheet) {
        const PARTS: [Part; 7] = [
            Part::Host,
            Part::Port,
            Part::User,
            Part::Database,
            Part::Endpoint,
            Part::AccessKey,
            Part::Bucket,
        ];
        sheet.table("connections");
        for (name, rule) in self.connections.iter() {
            let connection = &rule.connection;
            let mut words = String::from(connection.kind().as_str());
            let mut tell = |what: &str, text: Option<String>| {
                if let Some(text) = text {
                    words.extend([", ", what, " ", &text]);
                }
            };
            sheet.row();
            sheet.text("name", Some(name));
            sheet.text("kind", Some(connection.kind().as_str()));
            for wanted in PARTS {
                let mut texts = connection.texts().iter();
                let text = texts.find(|(part, _)| *part == wanted);
                let text = text.map(|(_, text)| text.as_str());
                sheet.text(wanted.as_str(), text);
                tell(wanted.as_str(), text.map(|text| escape(text.as_bytes())));
            }
            let credential = connection.credential().map(SecretName::as_str);
            sheet.text("credential", credential);
            tell("credential", credential.map(quote));
            let rule = self.put_rule(sheet, &rule.place);
            sheet.end_row(&[&quote(name), &words, &rule]);
        }
        sheet.end_table("connections");
    }
}
