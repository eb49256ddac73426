//! Files, variables and a policy, all the way to main's environment: no message
//! and no name has a value, and what is withheld is not in the environment.
#![no_main]

use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::{fs, iter};

use libfuzzer_sys::fuzz_target;
use vestibule::collect::Collected;
use vestibule::collect::container::Container;
use vestibule::collect::standing::Standing;
use vestibule::fuzzing::{collect_below, occurs, secret};
use vestibule::policy::{self, Policy};
use vestibule_fuzz::{Canary, all_fields, is_fit_to_print, said};

/// The names that files may have; how many are there is up to the input.
const FILES: [&str; 10] = [
    "db_password",
    "redis-password.secret",
    "minio_password",
    "api_key",
    "tls-cert.pem",
    "github_token",
    "app.env",
    "app.json",
    "Grüße",
    "pg_password",
];

/// What conventions read of a container besides its secrets.
const SETTINGS: [&[u8]; 5] = [
    b"POSTGRES_HOST",
    b"POSTGRES_PORT",
    b"POSTGRES_USER",
    b"POSTGRES_DB",
    b"REDIS_HOST",
];

const POLICY_TEXT: &str = r#"{"version": 1,
"secrets": {"a": {"from": "dotenv:app.env#A"}, "b": {"from": "json:app.json#/b", "optional": true},
  "c": {"from": "env:GIVEN"}, "d": {"from": "file:api_key", "raw": true}},
"connections": {
  "database": {"kind": "postgres", "host": "db", "user": "app", "password": "db_password"},
  "cache": {"kind": "redis", "host": "redis", "password": "redis-password.secret"},
  "store": {"kind": "minio", "endpoint": "http://minio:9000", "access_key": "app", "secret_key": "minio_password"}},
"run": {"env": {"A": "a", "DATABASE_URL": "database", "STORE": "store.mc_host"},
  "files": {"B_FILE": "b", "CACHE_CONF": "cache.conf", "PGPASSFILE": "database.pgpass"},
  "inherit": ["PATH", "APP_*", "LIST"]}}"#;

fuzz_target!(|input: &[u8]| {
    let canary = Canary::of(input);
    let mut fields = all_fields(input);
    let (mode, variables) = (
        fields.next().unwrap_or_default(),
        fields.next().unwrap_or_default(),
    );
    let directory = directory();
    let contents: Vec<Option<Vec<u8>>> = fields
        // A lone `-` is a file that is not there.
        .map(|content| (content != b"-").then(|| canary.put_into(content)))
        .chain(iter::repeat(None))
        .take(FILES.len())
        .collect();
    write(directory, &contents);
    let policy = mode.starts_with(b"p").then(policy);
    let variables = container(variables, &canary, directory);
    match collect_below(directory, policy, &Container::new(variables.clone())) {
        Ok(Some(collected)) => is_right(&collected, &contents, &variables, &canary),
        Ok(None) => assert!(contents.iter().all(Option::is_none)),
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in &faults {
                canary.is_not_told_by(fault);
            }
        }
    }
});

fn policy() -> &'static Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY.get_or_init(|| {
        let file = Path::new("/etc/policy.json");
        policy::parse(POLICY_TEXT.as_bytes(), file, None, &|_| None).expect("the policy is right")
    })
}

/// Makes the files anew where they are others than a moment ago.
fn write(directory: &Path, contents: &[Option<Vec<u8>>]) {
    static WRITTEN: Mutex<Vec<Option<Vec<u8>>>> = Mutex::new(Vec::new());
    let mut written = WRITTEN.lock().expect("one thread");
    written.resize(FILES.len(), None);
    for ((name, before), content) in FILES.iter().zip(&mut *written).zip(contents) {
        let path = directory.join(name);
        match content {
            _ if before == content => continue,
            Some(content) => fs::write(path, content).expect("a file on a tmpfs"),
            None => fs::remove_file(path).expect("it was there a moment ago"),
        }
        before.clone_from(content);
    }
}

/// A directory of our own; `scripts/fuzz.sh` lets it be on a tmpfs.
fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let path = std::env::temp_dir().join(format!("vestibule-fuzz-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory for secrets");
        path
    })
}

/// Lines of `NAME=value`; `@NAME` as value is that file's path. No other path:
/// a `VAR_FILE` may lead anywhere.
fn container(lines: &[u8], canary: &Canary, directory: &Path) -> Vec<(OsString, OsString)> {
    let lines = lines.split(|byte| *byte == b'\n' || *byte == 0);
    lines
        .filter_map(|line| {
            let sign = line.iter().position(|byte| *byte == b'=')?;
            let (name, value) = (&line[..sign], &line[sign + 1..]);
            if name == b"CREDENTIALS_DIRECTORY" || value.starts_with(b"/") {
                return None;
            }
            // A path may be printed, so it has no canary.
            let value = match value.strip_prefix(b"@") {
                Some(file)
                    if !file.starts_with(b"/") && !file.windows(2).any(|two| two == b"..") =>
                {
                    directory.join(OsStr::from_bytes(file)).into_os_string()
                }
                // So may a setting that is none.
                _ if SETTINGS.contains(&name) => OsString::from_vec(value.to_vec()),
                _ => OsString::from_vec(canary.put_into(value)),
            };
            Some((OsString::from_vec(name.to_vec()), value))
        })
        .collect()
}

fn is_right(
    collected: &Collected,
    contents: &[Option<Vec<u8>>],
    container: &[(OsString, OsString)],
    canary: &Canary,
) {
    let summary = &collected.summary;
    assert!(!canary.is_in(format!("{summary:?}")), "a name has a value");
    let line = summary.start_line(&["app".into()], &Standing::Nothing);
    is_fit_to_print(&line.text);
    for advice in summary.advice() {
        let _ = said(&advice);
    }
    let is_withheld = |name: &str| {
        summary
            .withheld_files
            .iter()
            .any(|path| path.ends_with(name))
    };
    let withheld: Vec<_> = FILES
        .iter()
        .zip(contents)
        .filter(|(name, _)| is_withheld(name))
        .filter_map(|(_, content)| content.as_deref())
        .map(|content| content.strip_suffix(b"\n").unwrap_or(content))
        .filter(|content| content.len() > 8)
        .collect();
    let block = collected.environment.block();
    for line in &block {
        let line = line.to_bytes();
        let sign = line
            .iter()
            .position(|byte| *byte == b'=')
            .expect("NAME=value");
        let (name, value) = (&line[..sign], &line[sign + 1..]);
        let is_given = summary.given.iter().any(|given| given.as_bytes() == name);
        let own = container.iter().find(|(own, _)| own.as_bytes() == name);
        assert!(is_given || own.is_some_and(|(_, own)| own.as_bytes() == value));
        for secret in withheld.iter().map(|content| secret(content)) {
            let is_elsewhere = |other: &&CStr| {
                let other = other.to_bytes();
                other != line && occurs(&secret, other)
            };
            // What main is given under another name is not withheld.
            let leaks = !is_given && occurs(&secret, value);
            assert!(
                !leaks || block.iter().any(is_elsewhere),
                "a withheld value passes"
            );
        }
    }
}
