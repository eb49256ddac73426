//! A setup phase before the thief becomes main: its commands get a credential in
//! each way there is, leave it wherever the seal has to clear, and rob.
//!
//! In: who they are and how they ask git. Out: the `setup` of a policy.
//!
//! **Never:** a command that leaves less than it should and passes: each part ends
//! the phase if it fails.

use serde_json::{Value, json};

/// The credential, which nobody but setup has.
pub(crate) const TOKEN: &str = "of-setup";
/// Where the commands work; empty before them.
pub(crate) const GROUND: &str = "/srv/ground";
/// The server whose credential it is.
const SERVER: &str = "https://github.com/acme";

/// git asks vestibule, stores the answer, and something stays.
const FILL: &str = r#"printf 'protocol=https\nhost=github.com\npath=acme/app.git\n\n' |
    git credential fill > "$HOME/.git-credentials" &&
    grep -q ^password= "$HOME/.git-credentials" && { sleep 1000 & }"#;
/// The same by a private repository.
pub(crate) const CLONE: &str =
    "git clone -q https://github.com/acme/app.git app && grep -q library app/Makefile";
/// As a variable, and from there to wherever a value can be: files, `/dev/shm`, the
/// output, and what the thief's accomplices are.
const LEAVE: &str = r#"set -e
    echo "$TOKEN" | tee "$HOME/.netrc" > /dev/shm/left
    echo "$TOKEN"
    for kind in environment arguments descriptor memory directory abstract shared queue; do
        set -- "$@" "$kind" "$HOME/.netrc"
    done
    exec /thief accomplice "$@" -- /bin/true > /dev/null 2>&1"#;

/// Whoever is left by the last command is ended by the seal alone.
const STAY: &str = "sleep 1000 > /dev/null 2>&1 &";

/// Commands as `user`. One is the thief without any credential, which tries these
/// rows, or all.
pub(crate) fn phase(user: Option<&str>, clone: Option<&str>, rows: &[&str]) -> Value {
    let asking = |script| json!({ "argv": ["/bin/sh", "-c", script], "git": true });
    let mut commands = vec![asking(FILL)];
    commands.extend(clone.map(asking));
    let having = |script| json!({ "argv": ["/bin/sh", "-c", script], "env": { "TOKEN": TOKEN } });
    commands.push(having(LEAVE));
    commands.push(json!([&["/thief"], rows].concat()));
    commands.push(having(STAY));
    let credential = json!({ "username": "x-access-token", "password": TOKEN });
    let mut phase = json!({
        "directory": GROUND, "commands": commands, "git": { SERVER: credential },
    });
    if let Some(user) = user {
        phase["user"] = user.into();
    }
    phase
}
