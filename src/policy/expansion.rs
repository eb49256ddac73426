//! `${NAME}` and `${NAME:-default}` in strings of the policy.
//!
//! In: a string and the container's variables. Out: the string with the
//! variables' values, once: what came out of a variable is not read again.
//! `$${` is a literal `${`; a `$` before anything else is itself.
//!
//! **Never:** a variable that is the source of a secret or is named like a
//! credential, since an expanded value ends in places that are printed.

use crate::names::VariableName;
use crate::sorted::Set;

use super::mistakes::Problem;
use super::rules;

/// What an expansion may look at.
#[derive(Clone, Copy)]
pub(crate) struct Variables<'a> {
    /// The container's variables.
    pub(crate) value: &'a dyn Fn(&str) -> Option<String>,
    /// Those that are the source of a secret.
    pub(crate) sources: &'a Set<VariableName>,
}

/// Whether a variable's name says that its value is a credential.
pub(crate) fn looks_like_credential_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["_TOKEN", "_KEY", "_SECRET", "_CREDENTIALS"]
        .iter()
        .any(|end| name.ends_with(end))
        || ["PASSWORD", "PASSWD"]
            .iter()
            .any(|word| name.contains(word))
}

/// Replaces every variable in `text`.
pub(crate) fn expand(text: &str, variables: Variables<'_>) -> Result<String, Problem> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.find('$').and_then(|at| rest.split_at_checked(at)) {
        expanded.push_str(before);
        if let Some(after) = from.strip_prefix("$${") {
            expanded.push_str("${");
            rest = after;
        } else if let Some(after) = from.strip_prefix("${") {
            let (inside, after) = after
                .split_once('}')
                .ok_or(Problem::Rule(&rules::EXPANSION_OPEN))?;
            expanded.push_str(&substitute(inside, variables)?);
            rest = after;
        } else {
            expanded.push('$');
            rest = from.strip_prefix('$').unwrap_or_default();
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// The value for what stands between the braces.
fn substitute(inside: &str, variables: Variables<'_>) -> Result<String, Problem> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let name =
        VariableName::parse(name).map_err(|_| Problem::Rule(&rules::EXPANSION_NOT_A_NAME))?;
    if default.is_some_and(|default| default.contains("${")) {
        return Err(Problem::Rule(&rules::EXPANSION_NESTED));
    }
    if variables.sources.contains(&name) {
        return Err(Problem::ExpandsSource(name));
    }
    if looks_like_credential_name(name.as_str()) {
        return Err(Problem::ExpandsCredential(name));
    }
    // As in a shell, the default of `:-` also stands in for an empty value.
    match ((variables.value)(name.as_str()), default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.into()),
        (None, None) => Err(Problem::Unset(name)),
    }
}

#[cfg(test)]
mod tests {
    use crate::sorted::Set;

    use super::{Variables, expand, looks_like_credential_name};
    use crate::names::VariableName;
    use crate::policy::mistakes::Problem;
    use crate::policy::rules;

    fn name(text: &str) -> VariableName {
        VariableName::parse(text).unwrap()
    }

    fn expanded(text: &str) -> Result<String, Problem> {
        let value = |name: &str| match name {
            "HOST" => Some("db.internal".to_string()),
            "EMPTY" => Some(String::new()),
            "TRICK" => Some("${HOST} $${HOST}".to_string()),
            "DB_PASSWORD" | "PLAIN" => Some("hunter2".to_string()),
            _ => None,
        };
        expand(
            text,
            Variables {
                value: &value,
                sources: &Set::from_iter([name("PLAIN")]),
            },
        )
    }

    #[test]
    fn variables_defaults_and_escapes_expand_once() {
        for (text, result) in [
            ("", ""),
            ("no variable", "no variable"),
            ("${HOST}", "db.internal"),
            ("a${HOST}b${HOST}c", "adb.internalbdb.internalc"),
            ("${HOST:-db}", "db.internal"),
            ("${NONE:-db}", "db"),
            ("${NONE:-}", ""),
            ("${EMPTY}", ""),
            ("${EMPTY:-db}", "db"),
            ("${NONE:-a:-b}", "a:-b"),
            ("$${HOST}", "${HOST}"),
            ("$$${HOST}", "$${HOST}"),
            ("${TRICK}", "${HOST} $${HOST}"),
            ("$HOST $ $$ 5$", "$HOST $ $$ 5$"),
            ("ä${NONE:-ö}ü$", "äöü$"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(result), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_expanded_is_refused() {
        for (text, problem) in [
            ("${HOST", Problem::Rule(&rules::EXPANSION_OPEN)),
            ("x${", Problem::Rule(&rules::EXPANSION_OPEN)),
            ("${}", Problem::Rule(&rules::EXPANSION_NOT_A_NAME)),
            ("${HOST-db}", Problem::Rule(&rules::EXPANSION_NOT_A_NAME)),
            (
                "${HOST:?unset}",
                Problem::Rule(&rules::EXPANSION_NOT_A_NAME),
            ),
            ("${A:-${HOST}}", Problem::Rule(&rules::EXPANSION_NESTED)),
            ("${NONE}", Problem::Unset(name("NONE"))),
            ("${PLAIN}", Problem::ExpandsSource(name("PLAIN"))),
            ("${PLAIN:-x}", Problem::ExpandsSource(name("PLAIN"))),
            (
                "${DB_PASSWORD}",
                Problem::ExpandsCredential(name("DB_PASSWORD")),
            ),
        ] {
            assert_eq!(expanded(text), Err(problem), "{text}");
        }
    }

    #[test]
    fn names_tell_credentials_from_settings() {
        for yes in [
            "GH_TOKEN",
            "api_key",
            "APP_SECRET",
            "PGPASSWORD",
            "DB_PASSWORD_OLD",
            "db_passwd",
            "AWS_CREDENTIALS",
        ] {
            assert!(looks_like_credential_name(yes), "{yes}");
        }
        for no in [
            "PATH",
            "TOKENIZER",
            "KEYBOARD",
            "SECRET_SANTA",
            "PASS",
            "MONKEY",
            "HOST",
        ] {
            assert!(!looks_like_credential_name(no), "{no}");
        }
    }
}
