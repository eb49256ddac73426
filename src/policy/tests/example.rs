//! The design's own example, and what each of its parts comes to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::resource::Resource;

use super::{parsed, parsed_as, run};
use crate::connection::Part;
use crate::init::signals::Signal;
use crate::names::{SecretName, SecretPath, VariableName};
use crate::policy::{
    Confinement, Delivery, InheritRule, LimitRule, Place, Reference, Source, UserSpec,
};

const EXAMPLE: &str = include_str!("example.json");

fn secret(name: &str) -> SecretName {
    SecretName::parse(name).unwrap()
}

fn name(name: &str) -> VariableName {
    VariableName::parse(name).unwrap()
}

fn place(pointer: &str, line: usize) -> Place {
    Place {
        pointer: pointer.into(),
        line,
    }
}

fn delivery(variable: &str, reference: Reference, place: Place) -> Delivery {
    Delivery {
        variable: name(variable),
        reference,
        place,
    }
}

#[test]
fn the_examples_secrets_have_their_sources() {
    let policy = parsed(EXAMPLE);
    assert_eq!(policy.file, Path::new("/etc/vestibule/policy.json"));
    assert_eq!(policy.secret_directories, [PathBuf::from("/run/secrets")]);
    let rules: Vec<_> = policy
        .secrets
        .iter()
        .map(|(name, rule)| {
            (
                name.as_str(),
                &rule.source,
                rule.optional,
                rule.raw,
                rule.place.line,
            )
        })
        .collect();
    let npm = Source::Json(secret("creds.json"), "/npm/token".into());
    let smtp = Source::Dotenv(secret("app.env"), "SMTP_PASSWORD".into());
    assert_eq!(
        rules,
        [
            (
                "anthropic",
                &Source::Variable(name("ANTHROPIC_API_KEY")),
                false,
                false,
                6
            ),
            (
                "db",
                &Source::File(SecretPath::parse("db-password.secret").unwrap()),
                false,
                false,
                5
            ),
            ("npm", &npm, true, false, 8),
            ("smtp", &smtp, false, false, 7),
        ]
    );
}

#[test]
fn the_examples_connections_know_their_credentials() {
    let policy = parsed(EXAMPLE);
    let found: Vec<_> = policy
        .connections
        .iter()
        .map(|(name, rule)| {
            let credential = rule.connection.credential().unwrap().as_str();
            (name.as_str(), credential, rule.place.to_string())
        })
        .collect();
    assert_eq!(
        found,
        [
            (
                "artifacts",
                "minio-password",
                "/connections/artifacts, line 14".into()
            ),
            (
                "cache",
                "redis-password",
                "/connections/cache, line 13".into()
            ),
            ("database", "db", "/connections/database, line 11".into()),
            ("queue", "mq-password", "/connections/queue, line 15".into()),
        ]
    );
}

#[test]
fn the_examples_run_is_in_effect() {
    let run = parsed(EXAMPLE).run;
    let connection = |name: &str, part| Reference::Connection(name.into(), part);
    assert_eq!(
        run.env,
        [
            delivery(
                "DATABASE_URL",
                connection("database", Part::Url),
                place("/run/env/DATABASE_URL", 25)
            ),
            delivery(
                "ANTHROPIC_API_KEY",
                Reference::Secret(secret("anthropic")),
                place("/run/env/ANTHROPIC_API_KEY", 25)
            ),
        ]
    );
    assert_eq!(
        run.files,
        [
            delivery(
                "GITHUB_APP_PRIVATE_KEY_FILE",
                Reference::Secret(secret("app-private-key")),
                place("/run/files/GITHUB_APP_PRIVATE_KEY_FILE", 26)
            ),
            delivery(
                "REDIS_CONF",
                connection("cache", Part::Conf),
                place("/run/files/REDIS_CONF", 26)
            ),
        ]
    );
    let inherit = ["PATH", "LANG", "TZ", "NODE_ENV"].map(|text| InheritRule::Name(name(text)));
    assert_eq!(run.inherit.unwrap(), inherit);
    let user = UserSpec {
        user: "agent".into(),
        group: None,
    };
    assert_eq!(run.user, Some((user, place("/run/user", 28))));
    assert_eq!(
        run.directory,
        Some(("/workspace/app".into(), place("/run/directory", 28)))
    );
    assert_eq!(run.grace, Some(Duration::from_secs(8)));
    assert_eq!(run.signals, [(Signal::TERM, Some(Signal::QUIT))]);
    assert_eq!(run.confinement, Some(Confinement::Required));
    assert_eq!(run.no_new_privileges, Some(true));
    let nofile = LimitRule {
        resource: Resource::RLIMIT_NOFILE,
        value: Some(65536),
        place: place("/run/limits/nofile", 29),
    };
    assert_eq!(run.limits, [nofile]);
    assert_eq!(run.umask, Some(0o027));
}

#[test]
fn the_examples_worker_gets_its_own_env_and_nothing_of_the_other() {
    let run = parsed_as(EXAMPLE, Some("worker")).unwrap().run;
    let url = Reference::Connection("cache".into(), Part::Url);
    let place = place("/profiles/worker/run/env/REDIS_URL", 31);
    assert_eq!(run.env, [delivery("REDIS_URL", url, place)]);
    assert_eq!(run.files.len(), 2);
    assert_eq!(run.umask, Some(0o027));
}

#[test]
fn the_smallest_policy_permits_nothing() {
    let policy = parsed(r#"{"version": 1}"#);
    assert!(policy.secrets.is_empty() && policy.connections.is_empty());
    assert!(policy.run.env.is_empty() && policy.run.files.is_empty());
    assert!(policy.run.inherit.is_none());
    assert_eq!(policy.secret_directories, [PathBuf::from("/run/secrets")]);
}

#[test]
fn strings_expand_container_variables_once() {
    let policy = parsed(
        r#"{"version": 1, "secret_dirs": ["${DIRECTORY}/secrets", "/etc/$${DIRECTORY}", "/${TRICK}"],
            "connections": {"db": {"kind": "postgres", "host": "${POSTGRES_HOST:-db}",
                "port": "${POSTGRES_PORT}", "user": "app", "password": "pw", "database": 7,
                "options": {"connect_timeout": 5}}},
            "run": {"user": "${USER:-app}:${GROUP:-app}", "grace": "${GRACE:-2}s",
                "umask": "${MASK:-0077}", "directory": "${DIRECTORY}/app"}}"#,
    );
    let directories = ["/workspace/secrets", "/etc/${DIRECTORY}", "/${DIRECTORY}"];
    assert_eq!(policy.secret_directories, directories.map(PathBuf::from));
    let connection = &policy.connections.get("db").unwrap().connection;
    for part in [Part::Host, Part::Port, Part::Database] {
        assert!(connection.parts().contains(&part));
    }
    let (user, _) = policy.run.user.unwrap();
    assert_eq!(
        user,
        UserSpec {
            user: "app".into(),
            group: Some("app".into())
        }
    );
    assert_eq!(policy.run.directory.unwrap().0, Path::new("/workspace/app"));
    assert_eq!(policy.run.grace, Some(Duration::from_secs(2)));
    assert_eq!(policy.run.umask, Some(0o077));
}

#[test]
fn users_are_names_or_numbers_with_an_explicit_group() {
    for (text, user, group) in [
        (r#""agent""#, "agent", None),
        (r#""1000""#, "1000", None),
        ("1000", "1000", None),
        ("0", "0", None),
        (r#""agent:staff""#, "agent", Some("staff")),
        (r#""1000:1001""#, "1000", Some("1001")),
        (r#""www-data""#, "www-data", None),
        (r#""_apt:nogroup""#, "_apt", Some("nogroup")),
        (r#""Machine$""#, "Machine$", None),
        (r#""007""#, "7", None),
        (r#""4294967294""#, "4294967294", None),
    ] {
        let found = parsed(&run(&format!(r#"{{"user": {text}}}"#)))
            .run
            .user
            .unwrap()
            .0;
        let wanted = UserSpec {
            user: user.into(),
            group: group.map(Into::into),
        };
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn inherit_takes_names_and_prefixes() {
    let run = parsed(&run(r#"{"inherit": ["LC_*", "TZ", "*", "API_KEY"]}"#)).run;
    assert_eq!(
        run.inherit.unwrap(),
        [
            InheritRule::Prefix("LC_".into()),
            InheritRule::Name(name("TZ")),
            InheritRule::Prefix(String::new()),
            InheritRule::Name(name("API_KEY")),
        ]
    );
    assert_eq!(
        parsed(&super::run(r#"{"inherit": []}"#)).run.inherit,
        Some(Vec::new())
    );
}

#[test]
fn signals_are_read_in_every_spelling_and_can_be_dropped() {
    let text = r#"{"signals": {"SIGTERM": "3", "hup": "none", "10": "0", "RTMIN+3": "RTMAX-1",
        "INT": "KILL"}}"#;
    let signals = parsed(&run(text)).run.signals;
    let signal = |text| Signal::parse(text).unwrap();
    assert_eq!(
        signals,
        [
            (Signal::TERM, Some(Signal::QUIT)),
            (Signal::HUP, None),
            (signal("USR1"), None),
            (signal("37"), Some(signal("63"))),
            (Signal::INT, Some(Signal::KILL)),
        ]
    );
}

#[test]
fn every_limit_has_its_resource() {
    let names = [
        ("as", Resource::RLIMIT_AS),
        ("core", Resource::RLIMIT_CORE),
        ("cpu", Resource::RLIMIT_CPU),
        ("data", Resource::RLIMIT_DATA),
        ("fsize", Resource::RLIMIT_FSIZE),
        ("memlock", Resource::RLIMIT_MEMLOCK),
        ("msgqueue", Resource::RLIMIT_MSGQUEUE),
        ("nice", Resource::RLIMIT_NICE),
        ("nofile", Resource::RLIMIT_NOFILE),
        ("nproc", Resource::RLIMIT_NPROC),
        ("rss", Resource::RLIMIT_RSS),
        ("rtprio", Resource::RLIMIT_RTPRIO),
        ("rttime", Resource::RLIMIT_RTTIME),
        ("sigpending", Resource::RLIMIT_SIGPENDING),
        ("stack", Resource::RLIMIT_STACK),
    ];
    for (text, resource) in names {
        let limits = parsed(&run(&format!(r#"{{"limits": {{"{text}": 0}}}}"#)))
            .run
            .limits;
        assert_eq!(
            (limits[0].resource, limits[0].value),
            (resource, Some(0)),
            "{text}"
        );
    }
    let limits = parsed(&run(r#"{"limits": {"nofile": "unlimited"}}"#))
        .run
        .limits;
    assert_eq!(limits[0].value, None);
}

#[test]
fn the_other_words_are_in_effect_too() {
    let run = parsed(&run(
        r#"{"confinement": "environment-only", "no_new_privileges": false, "grace": "0s",
            "umask": "0022"}"#,
    ))
    .run;
    assert_eq!(run.confinement, Some(Confinement::EnvironmentOnly));
    assert_eq!(run.no_new_privileges, Some(false));
    assert_eq!(run.grace, Some(Duration::ZERO));
    assert_eq!(run.umask, Some(0o022));
}

#[test]
fn a_secret_from_a_command_is_understood() {
    let policy = parsed(
        r#"{"version": 1,
            "secrets": {"deploy": {"from": "command:/usr/local/bin/mint", "raw": true}},
            "setup": {"commands": [["make"], {"argv": ["npm", "ci"], "env": {"T": "deploy"}}]}}"#,
    );
    let source = &policy.secrets.get(&secret("deploy")).unwrap().source;
    assert_eq!(*source, Source::Command(vec!["/usr/local/bin/mint".into()]));
}

#[test]
fn names_with_dots_are_secrets_unless_a_connection_comes_first() {
    let policy = parsed(
        r#"{"version": 1, "secrets": {"odd.port": {"from": "file:x"}},
            "connections": {"db": {"kind": "redis", "host": "h", "password": "p"}},
            "run": {"env": {"A": "db.password", "B": "file.password", "C": "odd.port", "D": "db.url",
                "E": "a.b.c"}}}"#,
    );
    let found: Vec<_> = policy
        .run
        .env
        .into_iter()
        .map(|delivery| delivery.reference)
        .collect();
    assert_eq!(
        found,
        [
            Reference::Connection("db".into(), Part::Password),
            Reference::Secret(secret("file.password")),
            Reference::Secret(secret("odd.port")),
            Reference::Connection("db".into(), Part::Url),
            Reference::Secret(secret("a.b.c")),
        ]
    );
}

#[test]
fn ten_thousand_secrets_are_read_in_linear_time() {
    let secrets: Vec<_> = (0..10_000)
        .map(|number| format!(r#""s{number}": {{"from": "file:s{number}"}}"#))
        .collect();
    let text = format!(
        r#"{{"version": 1, "secrets": {{{}}}}}"#,
        secrets.join(",\n")
    );
    let policy = parsed(&text);
    assert_eq!(policy.secrets.iter().count(), 10_000);
    assert_eq!(
        policy.secrets.get(&secret("s9999")).unwrap().place,
        place("/secrets/s9999", 10_000)
    );
}

#[test]
fn a_policy_may_name_its_schema_for_editors_and_nothing_follows_from_it() {
    let policy = parsed(r#"{"$schema": "https://user:pw@example.invalid/${X}", "version": 1}"#);
    assert!(policy.secrets.is_empty() && policy.run.env.is_empty());
    super::refuses(
        r#"{"version": 1, "$schema": {}}"#,
        "/$schema",
        "expected a string, found an object",
    );
    super::refuses(
        r#"{"version": 1, "run": {"$schema": "x"}}"#,
        "/run/$schema",
        "unknown key `$schema`",
    );
}

#[test]
fn a_profile_that_is_not_in_use_is_read_to_the_end() {
    super::refuses(
        r#"{"version": 1, "profiles": {"worker": {"run": {"grace": "${UNSET}s${"}}}}"#,
        "/profiles/worker/run/grace",
        "`${` is not closed by `}`",
    );
}
