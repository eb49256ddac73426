//! Tables of mistakes: a member of the policy, the pointer, the sentence.
//!
//! In: `MEMBER => POINTER => WHAT`, one case a line. Out: each case refused
//! with exactly that one mistake.

use super::refuses;

const KEYS: &str = r#"
"secret": {} => /secret => unknown key `secret`
"secrets": {"s": {"from": "file:x", "optinal": true}} => /secrets/s/optinal => unknown key `optinal`
"connections": {"c": {"kind": "redis", "host": "h", "pasword": "x"}} => /connections/c/pasword => unknown key `pasword`
"run": {"environment": {}} => /run/environment => unknown key `environment`
"run": {"limits": {"NOFILE": 1}} => /run/limits/NOFILE => unknown key `NOFILE`
"run": {"limits": {"locks": 1}} => /run/limits/locks => unknown key `locks`
"setup": {"commands": [["make"]]}, "seal": {"on_drops": []} => /seal/on_drops => unknown key `on_drops`
"setup": {"commands": [["x"]], "cwd": "/"} => /setup/cwd => unknown key `cwd`
"setup": {"commands": [{"argv": ["x"], "user": "y"}]} => /setup/commands/0/user => unknown key `user`
"profiles": {"p": {"run": {}, "secrets": {}}} => /profiles/p/secrets => unknown key `secrets`
"run": {"a~b/c": 1} => /run/a~0b~1c => unknown key `a~b/c`
"version": 1 => /version => the key `version` stands here twice
"run": {"env": {"A": "a", "A": "b"}} => /run/env/A => the key `A` stands here twice
"run": {"user": "a", "us\u0065r": "b"} => /run/user => the key `user` stands here twice
"secrets": {"s": {"from": "file:x", "from": "file:y"}} => /secrets/s/from => the key `from` stands here twice
"#;

const TYPES: &str = r#"
"secret_dirs": "/run" => /secret_dirs => expected an array, found a string
"secret_dirs": [7] => /secret_dirs/0 => expected a string, found a number
"secrets": [] => /secrets => expected an object, found an array
"secrets": {"s": "file:x"} => /secrets/s => expected an object, found a string
"secrets": {"s": {"from": 7}} => /secrets/s/from => expected a string, found a number
"secrets": {"s": {"from": "file:x", "raw": "yes"}} => /secrets/s/raw => expected true or false, found a string
"connections": null => /connections => expected an object, found null
"connections": {"c": 7} => /connections/c => expected an object, found a number
"connections": {"c": {"kind": true}} => /connections/c/kind => expected a string, found true or false
"connections": {"c": {"kind": "redis", "host": {}}} => /connections/c/host => expected a string, found an object
"connections": {"c": {"kind": "redis", "host": "h", "database": [0]}} => /connections/c/database => expected a string or a number, found an array
"connections": {"c": {"kind": "redis", "host": "h", "port": null}} => /connections/c/port => expected a string or a number, found null
"connections": {"c": {"kind": "redis", "host": "h", "tls": "on"}} => /connections/c/tls => expected true or false, found a string
"connections": {"c": {"kind": "redis", "host": "h", "options": []}} => /connections/c/options => expected an object, found an array
"connections": {"c": {"kind": "postgres", "host": "h", "options": {"a": true}}} => /connections/c/options/a => expected a string or a number, found true or false
"run": [] => /run => expected an object, found an array
"run": {"env": ["A"]} => /run/env => expected an object, found an array
"run": {"env": {"A": 7}} => /run/env/A => expected a string, found a number
"run": {"inherit": "PATH"} => /run/inherit => expected an array, found a string
"run": {"inherit": [1]} => /run/inherit/0 => expected a string, found a number
"run": {"user": true} => /run/user => expected a string or a number, found true or false
"run": {"directory": 1} => /run/directory => expected a string, found a number
"run": {"grace": {}} => /run/grace => expected a string, found an object
"run": {"signals": []} => /run/signals => expected an object, found an array
"run": {"signals": {"TERM": 3}} => /run/signals/TERM => expected a string, found a number
"run": {"confinement": true} => /run/confinement => expected a string, found true or false
"run": {"capabilities": "all"} => /run/capabilities => expected an array, found a string
"run": {"capabilities": [1]} => /run/capabilities/0 => expected a string, found a number
"run": {"no_new_privileges": 1} => /run/no_new_privileges => expected true or false, found a number
"run": {"limits": 7} => /run/limits => expected an object, found a number
"run": {"umask": ["027"]} => /run/umask => expected a string, found an array
"setup": [] => /setup => expected an object, found an array
"setup": {"commands": {}} => /setup/commands => expected an array, found an object
"setup": {"commands": ["make"]} => /setup/commands/0 => expected an array, found a string
"setup": {"commands": [{"argv": "make"}]} => /setup/commands/0/argv => expected an array, found a string
"setup": {"commands": [["make", 1]]} => /setup/commands/0/1 => expected a string, found a number
"setup": {"commands": [{"argv": ["x"], "git": 1}]} => /setup/commands/0/git => expected true or false, found a number
"setup": {"commands": [["x"]], "git": []} => /setup/git => expected an object, found an array
"setup": {"commands": [["make"]]}, "seal": true => /seal => expected an object, found true or false
"setup": {"commands": [["make"]]}, "seal": {"on_drop": "/x"} => /seal/on_drop => expected an array, found a string
"profiles": [] => /profiles => expected an object, found an array
"#;

const CONNECTIONS: &str = r#"
"connections": {"c": {"host": "h"}} => /connections/c => `kind` is missing
"connections": {"c": {"kind": "mysql", "host": "h"}} => /connections/c/kind => `mysql` is not known here
"connections": {"c": {"kind": "${KIND}", "host": "h"}} => /connections/c/kind => `${KIND}` is not known here
"connections": {"c": {"kind": "redis"}} => /connections/c => `host` is missing
"connections": {"c": {"kind": "redis", "host": "h", "port": 0}} => /connections/c/port => a port is a number from 1 to 65535
"connections": {"c": {"kind": "redis", "host": "h", "port": 65536}} => /connections/c/port => a port is a number from 1 to 65535
"connections": {"c": {"kind": "redis", "host": "h", "port": 1.5}} => /connections/c/port => a port is a number from 1 to 65535
"connections": {"c": {"kind": "redis", "host": "h", "port": "+1"}} => /connections/c/port => a port is a number from 1 to 65535
"connections": {"c": {"kind": "redis", "host": "h", "port": "${EMPTY}"}} => /connections/c/port => a port is a number from 1 to 65535
"connections": {"c": {"kind": "redis", "host": "${HOST"}} => /connections/c/host => `${` is not closed by `}`
"connections": {"c": {"kind": "redis", "host": "${HOST}"}} => /connections/c/host => the container has no variable `HOST`
"connections": {"c": {"kind": "redis", "host": "${DB_PASSWORD}"}} => /connections/c/host => `DB_PASSWORD` is named like a credential and is not expanded
"connections": {"c": {"kind": "redis", "host": "h", "password": "a/b"}} => /connections/c/password => this is not the name of a secret: it has a slash or a control character
"connections": {"c": {"kind": "redis", "host": "h", "password": "${PW}"}} => /connections/c/password => container variables do not expand here
"connections": {"c": {"kind": "redis", "host": "h", "password": "env:PW"}} => /connections/c/password => a source can stand under `secrets` only
"connections": {"c": {"kind": "redis", "host": "h", "password": "c"}} => /connections/c/password => this is a connection, and a credential can only be a secret
"#;

const RUN: &str = r#"
"run": {"inherit": ["A*B"]} => /run/inherit/0 => this is neither a variable's name nor a pattern
"run": {"inherit": ["PATH", "A**"]} => /run/inherit/1 => this is neither a variable's name nor a pattern
"run": {"inherit": [""]} => /run/inherit/0 => this is neither a variable's name nor a pattern
"run": {"inherit": ["1*"]} => /run/inherit/0 => this is neither a variable's name nor a pattern
"run": {"user": "0day"} => /run/user => a user or group that starts with a digit has to be a number
"run": {"user": "app:0x0"} => /run/user => a user or group that starts with a digit has to be a number
"run": {"user": "0 "} => /run/user => a user or group that starts with a digit has to be a number
"run": {"user": ""} => /run/user => the user or the group is empty
"run": {"user": "app:"} => /run/user => the user or the group is empty
"run": {"user": ":app"} => /run/user => the user or the group is empty
"run": {"user": "${EMPTY}"} => /run/user => the user or the group is empty
"run": {"user": "a:b:c"} => /run/user => this is neither a user nor a user and a group
"run": {"user": "-1"} => /run/user => this is neither a user nor a user and a group
"run": {"user": "+0"} => /run/user => this is neither a user nor a user and a group
"run": {"user": "a b"} => /run/user => this is neither a user nor a user and a group
"run": {"user": "ä"} => /run/user => this is neither a user nor a user and a group
"run": {"user": "a$b"} => /run/user => this is neither a user nor a user and a group
"run": {"user": "4294967295"} => /run/user => a uid or gid is at most 4294967294
"run": {"user": "app:4294967296"} => /run/user => a uid or gid is at most 4294967294
"run": {"user": 4294967295} => /run/user => a uid or gid is at most 4294967294
"run": {"user": -1} => /run/user => this is neither a user nor a user and a group
"run": {"user": 1.5} => /run/user => a user or group that starts with a digit has to be a number
"run": {"user": 1e3} => /run/user => a user or group that starts with a digit has to be a number
"run": {"directory": "app"} => /run/directory => the path is not absolute
"run": {"directory": ""} => /run/directory => the path is not absolute
"run": {"grace": 8} => /run/grace => a duration needs a unit, so it is a string
"run": {"grace": "8"} => /run/grace => the duration has no unit
"run": {"grace": "soon"} => /run/grace => this is not a duration
"run": {"grace": "9000h"} => /run/grace => the duration is longer than a year
"run": {"signals": {"TREM": "INT"}} => /run/signals/TREM => there is no such signal
"run": {"signals": {"TERM": "QIUT"}} => /run/signals/TERM => there is no such signal
"run": {"signals": {"0": "INT"}} => /run/signals/0 => there is no such signal
"run": {"signals": {"KILL": "INT"}} => /run/signals/KILL => this signal cannot be rewritten
"run": {"signals": {"19": "none"}} => /run/signals/19 => this signal cannot be rewritten
"run": {"signals": {"TERM": "INT", "SIGTERM": "HUP"}} => /run/signals/SIGTERM => this signal has a rule already, under another spelling
"run": {"confinement": "requird"} => /run/confinement => `requird` is not known here
"run": {"confinement": "${DIRECTORY}"} => /run/confinement => `${DIRECTORY}` is not known here
"run": {"capabilities": ["NET_BIND"]} => /run/capabilities/0 => there is no such capability
"run": {"capabilities": ["\u017fyslog"]} => /run/capabilities/0 => there is no such capability
"run": {"limits": {"core": -1}} => /run/limits/core => the number is not a whole one from 0 to 18446744073709551614
"run": {"limits": {"core": 1.5}} => /run/limits/core => the number is not a whole one from 0 to 18446744073709551614
"run": {"limits": {"core": 18446744073709551615}} => /run/limits/core => the number is not a whole one from 0 to 18446744073709551614
"run": {"limits": {"core": "infinity"}} => /run/limits/core => a limit is a whole number or `unlimited`
"run": {"limits": {"core": null}} => /run/limits/core => a limit is a whole number or `unlimited`
"run": {"umask": 27} => /run/umask => a umask is octal, and a JSON number is decimal
"run": {"umask": "27"} => /run/umask => this is not a umask
"run": {"umask": "1027"} => /run/umask => this is not a umask
"run": {"umask": "0o27"} => /run/umask => this is not a umask
"run": {"umask": "028"} => /run/umask => this is not a umask
"#;

const SETUP_AND_SEAL: &str = r#"
"setup": {} => /setup => `commands` is missing
"setup": {"commands": []} => /setup/commands => setup has no commands
"setup": {"commands": [[]]} => /setup/commands/0 => the command has no program
"setup": {"commands": [["", "x"]]} => /setup/commands/0 => the command has no program
"setup": {"commands": [{"git": false}]} => /setup/commands/0 => `argv` is missing
"setup": {"commands": [{"argv": []}]} => /setup/commands/0/argv => the command has no program
"setup": {"commands": [{"argv": ["git"], "git": true}]} => /setup/commands/0/git => this command asks for Git credentials, and there are none
"setup": {"commands": [{"argv": ["x"], "env": {"PATH": "x"}}]} => /setup/commands/0/env/PATH => `PATH` and `HOME` decide what runs and are never made from a secret
"setup": {"commands": [["make"]], "git": {"http://github.com": {"username": "x", "password": "y"}}} => /setup/git/http:~1~1github.com => this is not an `https://` address without user, query and fragment
"setup": {"commands": [["make"]], "git": {"github.com": {"username": "x", "password": "y"}}} => /setup/git/github.com => this is not an `https://` address without user, query and fragment
"setup": {"commands": [["make"]], "git": {"https://": {"username": "x", "password": "y"}}} => /setup/git/https:~1~1 => this is not an `https://` address without user, query and fragment
"setup": {"commands": [["make"]], "git": {"https://h?q": {"username": "x", "password": "y"}}} => /setup/git/https:~1~1h?q => this is not an `https://` address without user, query and fragment
"setup": {"commands": [["make"]], "git": {"https://h#f": {"username": "x", "password": "y"}}} => /setup/git/https:~1~1h#f => this is not an `https://` address without user, query and fragment
"setup": {"commands": [["make"]], "git": {"https://me@h": {"username": "x", "password": "y"}}} => /setup/git/... => this is not an `https://` address without user, query and fragment
"setup": {"commands": [["make"]], "git": {"https://h": {"username": "x"}}} => /setup/git/https:~1~1h => `password` is missing
"setup": {"commands": [["make"]], "git": {"https://h": {"password": "x"}}} => /setup/git/https:~1~1h => `username` is missing
"setup": {"commands": [["make"]], "git": {"https://h": {"username": "${EMPTY}", "password": "x"}}} => /setup/git/https:~1~1h/username => the user name is empty
"setup": {"commands": [["make"]], "git": {"https://h": {"username": "x", "password": "a/b"}}} => /setup/git/https:~1~1h/password => this is not the name of a secret: it has a slash or a control character
"setup": {"commands": [["make"]], "git": {"https://h./a": {"username": "x", "password": "y"}}} => /setup/git/https:~1~1h.~1a => this address can be read in more than one way
"setup": {"commands": [["make"]], "git": {"https://h/a/../b": {"username": "x", "password": "y"}}} => /setup/git/https:~1~1h~1a~1..~1b => this address can be read in more than one way
"setup": {"commands": [["make"]], "git": {"https://h/a//b": {"username": "x", "password": "y"}}} => /setup/git/https:~1~1h~1a~1~1b => this address can be read in more than one way
"setup": {"commands": [["make"]], "git": {"https://h/%2e%2e/b": {"username": "x", "password": "y"}}} => /setup/git/https:~1~1h~1%2e%2e~1b => this address can be read in more than one way
"setup": {"commands": [["make"]], "git": {"https://h/a%2fb": {"username": "x", "password": "y"}}} => /setup/git/https:~1~1h~1a%2fb => this address can be read in more than one way
"setup": {"commands": [["make"]], "git": {"https://0x7f.1/a": {"username": "x", "password": "y"}}} => /setup/git/https:~1~10x7f.1~1a => this address can be read in more than one way
"setup": {"commands": [["make"]], "git": {"https://h/a/b": {"username": "x", "password": "y"}, "https://H:443/a/b.git": {"username": "x", "password": "y"}}} => /setup/git/https:~1~1H:443~1a~1b.git => another entry is for the same repositories
"setup": {"commands": [["make"]], "git": {"https://h": {"username": "a\nb", "password": "y"}}} => /setup/git/https:~1~1h/username => the user name is not one line of text
"setup": {"commands": [{"argv": ["x"], "ssh": "key"}]} => /setup/commands/0/ssh => expected an array, found a string
"setup": {"commands": [{"argv": ["x"], "ssh": ["a/b"]}]} => /setup/commands/0/ssh/0 => this is not the name of a secret: it has a slash or a control character
"setup": {"commands": [["make"]], "home": "shared"} => /setup/home => `shared` is not known here
"setup": {"commands": [["make"]], "reuse": "always"} => /setup/reuse => `always` is not known here
"setup": {"commands": [["make"]], "directory": "app"} => /setup/directory => the path is not absolute
"setup": {"commands": [["make"]], "skip_if": "app"} => /setup/skip_if => the path is not absolute
"setup": {"commands": [["make"]], "user": "0day"} => /setup/user => a user or group that starts with a digit has to be a number
"setup": {"commands": [["make"]], "timeout": 15} => /setup/timeout => a duration needs a unit, so it is a string
"setup": {"commands": [["make"]]}, "seal": {"on_hit": "ignore"} => /seal/on_hit => `ignore` is not known here
"setup": {"commands": [["make"]]}, "seal": {"on_drop": []} => /seal/on_drop => the command has no program
"setup": {"commands": [["make"]]}, "seal": {"on_drop": ["revoke"]} => /seal/on_drop => the program's path is not absolute
"setup": {"commands": [["make"]]}, "seal": {"on_drop": ["/x", 1]} => /seal/on_drop/1 => expected a string, found a number
"#;

#[track_caller]
fn refuses_all(table: &str) {
    for case in table.lines().filter(|line| !line.is_empty()) {
        let [member, pointer, what] = case.split(" => ").collect::<Vec<_>>()[..] else {
            panic!("three columns: {case}");
        };
        refuses(&format!("{{\"version\": 1, {member}}}"), pointer, what);
    }
}

#[test]
fn unknown_and_duplicate_keys_are_refused_at_every_level() {
    refuses_all(KEYS);
}

#[test]
fn wrong_types_are_named_and_never_shown() {
    refuses_all(TYPES);
}

#[test]
fn a_connections_mistakes_stand_at_its_fields() {
    refuses_all(CONNECTIONS);
}

#[test]
fn every_value_of_run_follows_its_rule() {
    refuses_all(RUN);
}

#[test]
fn setup_and_seal_are_read_in_full() {
    refuses_all(SETUP_AND_SEAL);
}
