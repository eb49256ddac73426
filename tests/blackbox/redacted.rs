//! A value in every place where foreign text can stand, and no message shows it:
//! each string of a policy, key or value, names of files, variables, arguments.
//!
//! In one scene a shell as PID 1 puts the same question to vestibule about many
//! policies, in all the ways in which it answers. A mounted value is in no answer,
//! however it is written; a token that is mounted nowhere is known by its form.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::harness::{Outcome, Scene, vestibule};

/// Mounted, and no form says what it is.
const MOUNTED: &str = "canary7fQz83hdk29xWmTb";
/// Nowhere but where it does not belong.
const TOKEN: &str = "ghp_CANARYtok3nA1b2C3d4E5f6G7h8J9k0L1m2";
/// Everything that somebody escapes, and longer than what a message quotes.
const HARD: &str = "qX7\u{e9}`w/k~9\\z\"j'8 vB&<%4> mounted-and-long-enough-to-be-cut-somewhere-in-the-middle-of-a-message-0123456789";

/// How vestibule is asked about a policy.
const WAYS: [&str; 6] = [
    "check --policy $p",
    "check --json --policy $p",
    "plan --policy $p",
    "plan --json --policy $p",
    "-vv -s --policy $p -- /usr/bin/true",
    "-vv --log-format json -s --policy $p -- /usr/bin/true",
];

/// Enough of them to be told and to be heard of in both forms.
const FEW: [&str; 3] = [WAYS[0], WAYS[3], WAYS[4]];

/// A policy that a start takes, with every key that there is.
fn whole() -> Value {
    json!({
        "$schema": "vestibule.json",
        "version": 1,
        "secret_dirs": ["/run/secrets", "/run/none"],
        "secrets": {
            "file": {"from": "file:db", "optional": true, "raw": false},
            "variable": {"from": "env:GIVEN", "optional": true},
            "dotenv": {"from": "dotenv:app.env#SMTP", "optional": true},
            "json": {"from": "json:app.json#/npm/token", "optional": true}
        },
        "connections": {
            "database": {"kind": "postgres", "host": "db", "port": 5432, "user": "app",
                "password": "file", "database": "app", "options": {"sslmode": "require"}},
            "cache": {"kind": "redis", "host": "redis", "tls": true, "password": "file",
                "database": "0"},
            "store": {"kind": "minio", "endpoint": "http://minio:9000", "access_key": "app",
                "secret_key": "file", "bucket": "artifacts"},
            "queue": {"kind": "url", "scheme": "amqp", "host": "mq", "user": "app",
                "password": "file", "path": "/x"}
        },
        "setup": {
            "commands": [["/usr/bin/make", "build"],
                {"argv": ["/usr/bin/npm", "ci"], "git": true, "env": {"NPM": "json"},
                 "ssh": ["file"]}],
            "git": {"https://git.example/a": {"username": "x", "password": "file"}},
            "user": "app", "directory": "/workspace", "home": "private",
            "timeout": "15m", "skip_if": "/etc", "reuse": "trusted"
        },
        "seal": {"on_hit": "refuse", "on_drop": ["/usr/bin/true", "now"]},
        "run": {
            "env": {"DATABASE_URL": "database", "KEY": "api-token"},
            "files": {"STORE_FILE": "store.mc_host"},
            "inherit": ["PATH", "APP_*"],
            "user": "root", "directory": "/tmp", "grace": "8s", "signals": {"TERM": "QUIT"},
            "confinement": "environment-only", "capabilities": ["KILL"],
            "no_new_privileges": true, "limits": {"nofile": 64}, "umask": "027"
        },
        "profiles": {"worker": {"run": {"env": {"CACHE_URL": "cache"}}}}
    })
}

/// Every policy that has `canary` in place of one string or one key of `node`.
fn spoilt(node: &Value, canary: &str, see: &mut dyn FnMut(Value)) {
    match node {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                spoilt(item, canary, &mut |changed| {
                    let mut items = items.clone();
                    items[at] = changed;
                    see(Value::Array(items));
                });
            }
        }
        Value::Object(members) => {
            for (key, value) in members {
                let with = |new: &str, value: Value| {
                    let entries = members.iter().map(|(name, old)| {
                        if name == key {
                            (new.to_owned(), value.clone())
                        } else {
                            (name.clone(), old.clone())
                        }
                    });
                    Value::Object(entries.collect::<Map<_, _>>())
                };
                see(with(canary, value.clone()));
                spoilt(value, canary, &mut |changed| see(with(key, changed)));
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => see(json!(canary)),
    }
}

/// The shell that asks; policies are `/p/NUMBER.json`.
fn asking(policies: &[Value], ways: &[&str]) -> Scene {
    let mut script = String::from("for p in /p/*.json; do\n");
    for way in ways {
        let _ = writeln!(
            script,
            "echo \"== $p {way}\"; /v {way} 2>&1; echo \"code $?\""
        );
    }
    script.push_str("done");
    let scene = Scene::raw(&["-c", &script]).init("/bin/sh");
    let scene = scene.bind(vestibule(), "/v").env("PATH", "/usr/bin");
    let scene = scene.file(
        "/run/secrets/db",
        0o444,
        (0, 0),
        "another-value-of-no-concern\n",
    );
    let scene = scene.directory("/workspace", 0o755, (0, 0));
    policies
        .iter()
        .enumerate()
        .fold(scene, |scene, (number, policy)| {
            let path = format!("/p/{number:03}.json");
            scene.file(&path, 0o444, (0, 0), format!("{policy:#}\n"))
        })
}

fn mounted(scene: Scene, value: &str) -> Scene {
    scene.file(
        "/run/secrets/api-token",
        0o444,
        (0, 0),
        format!("{value}\n"),
    )
}

/// Eight bytes of a value are more than chance, in whatever case. It is searched
/// for in pieces, since a message may be cut.
#[track_caller]
fn expect_unsaid(outcome: &Outcome, canary: &str) {
    let said = [&*outcome.stdout, &*outcome.stderr].concat();
    let mut question = "";
    for line in said.lines() {
        if line.starts_with("== ") {
            question = line;
        }
        let lower = line.to_ascii_lowercase();
        for window in canary.to_ascii_lowercase().as_bytes().windows(8) {
            let window = String::from_utf8_lossy(window);
            assert!(!lower.contains(&*window), "{question}: {line}");
        }
    }
}

/// Each of these policies in each way; the first is no policy that was spoilt.
#[track_caller]
fn ask_all(planted: &str, mount: &str, ways: &[&str]) {
    let mut policies = vec![whole()];
    spoilt(&whole(), planted, &mut |policy| policies.push(policy));
    assert!(policies.len() > 100, "{}", policies.len());
    for policies in policies.chunks(40) {
        let outcome = mounted(asking(policies, ways), mount).run().expect_code(0);
        let answers = outcome.stdout.matches("\ncode ").count();
        assert_eq!(answers, policies.len() * ways.len(), "{}", outcome.stderr);
        expect_unsaid(&outcome, planted);
    }
}

#[test]
fn the_policy_to_be_spoilt_is_right_and_has_every_key() {
    let outcome = mounted(asking(&[whole()], &WAYS[..4]), MOUNTED).run();
    assert_eq!(
        outcome.stdout.matches("\ncode 0").count(),
        4,
        "{}",
        outcome.stdout
    );
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/policy.schema.json");
    let schema = std::fs::read_to_string(schema).unwrap();
    let mut keys = Vec::new();
    properties(&serde_json::from_str(&schema).unwrap(), &mut keys);
    let text = whole().to_string();
    // Those of `limits` are one list of names.
    let limits = [
        "as", "core", "cpu", "data", "fsize", "memlock", "msgqueue", "nice", "nproc",
    ];
    let limits = [
        &limits[..],
        &["rss", "rtprio", "rttime", "sigpending", "stack"],
    ]
    .concat();
    for key in keys.iter().filter(|key| !limits.contains(&key.as_str())) {
        assert!(text.contains(&format!("\"{key}\":")), "{key}");
    }
}

fn properties(schema: &Value, keys: &mut Vec<String>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        keys.extend(properties.keys().cloned());
    }
    match schema {
        Value::Object(members) => members.values().for_each(|value| properties(value, keys)),
        Value::Array(items) => items.iter().for_each(|value| properties(value, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn a_mounted_value_anywhere_in_a_policy_is_not_repeated() {
    ask_all(MOUNTED, MOUNTED, &WAYS);
}

#[test]
fn a_mounted_value_in_another_form_is_not_repeated() {
    // `printf %s canary7fQz83hdk29xWmTb | base64`, `| xxd -p`.
    ask_all("Y2FuYXJ5N2ZRejgzaGRrMjl4V21UYg", MOUNTED, &FEW);
    ask_all(
        "63616e6172793766517a383368646b323978576d5462",
        MOUNTED,
        &FEW,
    );
}

#[test]
fn a_mounted_value_that_is_escaped_and_cut_is_not_repeated() {
    ask_all(HARD, HARD, &FEW);
}

#[test]
fn a_token_that_is_mounted_nowhere_is_not_repeated() {
    ask_all(TOKEN, "another-value", &FEW);
}

/// What can be typed in the wrong place; `$c` is the value.
const TYPED: [&str; 34] = [
    "/v $j --$c -- /usr/bin/true",
    "/v $j -$c -- /usr/bin/true",
    "/v $j -s --policy $c -- /usr/bin/true",
    "/v $j -s --policy /p/$c/none.json -- /usr/bin/true",
    "/v $j -s --profile $c -- /usr/bin/true",
    "/v $j -s --policy /p/000.json --profile $c -- /usr/bin/true",
    "/v $j --grace $c -- /usr/bin/true",
    "/v $j -e $c -- /usr/bin/true",
    "/v $j -r $c -- /usr/bin/true",
    "/v $j -r $c:9 -- /usr/bin/true",
    "/v $j -p $c -- /usr/bin/true",
    "/v $j --log-format $c -- /usr/bin/true",
    "/v $j --exec=$c -- /usr/bin/true",
    "/v $j check $c",
    "/v $j check --policy /p/000.json --json --profile $c",
    "/v $j plan --$c",
    "/v $j plan --policy /p/000.json --json -- $c a $c",
    "/v $j plan --policy /p/000.json -- $c a $c",
    "/v $j exec --$c",
    "/v $j health $c",
    "/v $j git-credential --socket /$c get",
    "/v $j scan /tmp/none/$c",
    "/v $j scan --json /tmp/$c",
    "/v $j scan /tmp",
    "/v $j -vv -s -- $c",
    "/v $j -vv -s -- /tmp/none/$c a",
    "/v $j -vv -s -- /tmp/$c/plain",
    "/v $j -vv -s -- /tmp/$c/script",
    "env VESTIBULE_GRACE=$c /v $j -- /usr/bin/true",
    "env VESTIBULE_POLICY=/$c VESTIBULE_PROFILE=$c /v $j -s -- /usr/bin/true",
    "env TINI_VERBOSITY=$c /v $j -s -- /usr/bin/true",
    "env ${c}_FILE=/none/$c ${c}=op://$c A_TOKEN=$c B=$c /v $j -vv -s -- /usr/bin/true",
    "env X_FILE=/none/$c ${c}_FILE=none /v $j plan",
    "env POSTGRES_PORT=$c POSTGRES_HOST=$c/.. /v $j -vv -s -- /usr/bin/true",
];

/// The shell that types it all, as text and as JSON.
fn typing(scene: Scene) -> (Scene, usize) {
    let mut script = String::from("c=$(cat /run/secrets/api-token)\n");
    let ways = ["", "--log-format json"];
    for (number, line) in TYPED.iter().enumerate() {
        for json in ways {
            let line = line.replace("$c", "\"$c\"").replace("${c}", "\"$c\"");
            let _ = writeln!(
                script,
                "echo '== {number} {json}'; j='{json}'; {line} 2>&1; echo \"code $?\""
            );
        }
    }
    let scene = scene.asking(&["-c", &script]).env("PATH", "/usr/bin");
    (scene, TYPED.len() * ways.len())
}

#[test]
fn a_value_that_is_typed_in_the_wrong_place_is_not_repeated() {
    for value in [MOUNTED, HARD] {
        let in_it = |name: &str| format!("/tmp/{value}/{name}");
        let scene = mounted(asking(&[whole()], &[]), value)
            .file("/run/secrets/db_password", 0o444, (0, 0), "another-value\n")
            .file(&in_it("plain"), 0o644, (0, 0), "no program")
            .file(
                &in_it("script"),
                0o755,
                (0, 0),
                format!("#!/none/{value}\n"),
            )
            .file(&in_it("content"), 0o644, (0, 0), format!("x={value}\n"));
        let (scene, count) = typing(scene);
        let outcome = scene.run().expect_code(0);
        assert_eq!(outcome.stdout.matches("\ncode ").count(), count);
        expect_unsaid(&outcome, value);
    }
}

/// Names of files that are values; nothing is wrong with the files themselves.
fn called_like_values(scene: Scene) -> Scene {
    let secret = |scene: Scene, name: &str, value: &str| {
        scene.file(
            &format!("/run/secrets/{name}"),
            0o444,
            (0, 0),
            format!("{value}\n"),
        )
    };
    let scene = secret(scene, MOUNTED, MOUNTED);
    let scene = secret(scene, TOKEN, TOKEN);
    let scene = secret(scene, &format!("below/{MOUNTED}/{TOKEN}"), "of-no-concern");
    secret(scene, "github-token", "of-no-concern")
}

#[test]
fn a_secret_file_that_is_called_like_its_value_is_not_named() {
    let mut script = String::new();
    for way in WAYS {
        let way = way.replace("--policy $p", "");
        let _ = writeln!(script, "echo '== {way}'; /v {way} 2>&1; echo \"code $?\"");
    }
    let scene = mounted(asking(&[], &[]), "another").asking(&["-c", &script]);
    let right = called_like_values(scene.clone()).run().expect_code(0);
    let wrong = called_like_values(scene)
        .file(&format!("/run/secrets/{MOUNTED}-empty"), 0o444, (0, 0), "")
        .directory(&format!("/run/secrets/{MOUNTED}-none"), 0o755, (0, 0))
        .file(
            &format!("/run/secrets/{TOKEN}.txt"),
            0o444,
            (0, 0),
            "another-value\n",
        )
        .run();
    for (outcome, code) in [(&right, "\ncode 0"), (&wrong, "\ncode 100")] {
        assert_eq!(
            outcome.stdout.matches(code).count(),
            WAYS.len(),
            "{}",
            outcome.stdout
        );
        expect_unsaid(outcome, MOUNTED);
        expect_unsaid(outcome, TOKEN);
    }
    assert!(right.stdout.contains("[secret]"), "{}", right.stdout);
    assert!(right.stdout.contains("`github-token`"), "{}", right.stdout);
}

#[test]
fn the_proof_and_the_arguments_of_pid_1_have_no_value() {
    let show = "tr '\\0' ' ' </proc/1/cmdline; echo; exec sleep 60";
    let main = format!("/{MOUNTED}");
    let scene = Scene::command(&[&main, "-c", show]).env("PATH", "/usr/bin");
    let scene = called_like_values(scene.bind("/bin/sh", &main));
    let mut running = scene.spawn();
    let arguments = running.line("vestibule ");
    assert!(arguments.contains("/[secret]"), "{arguments}");
    for json in [&["exec", "--prove"][..], &["exec", "--prove", "--json"]] {
        let outcome = running.beside(Scene::raw(json)).finish();
        let outcome = outcome.expect_code(0);
        assert!(outcome.stdout.contains("[secret]"), "{}", outcome.stdout);
        expect_unsaid(&outcome, MOUNTED);
        expect_unsaid(&outcome, TOKEN);
    }
    running.signal(15);
    let outcome = running.finish();
    assert!(
        outcome.stdout.starts_with("vestibule "),
        "{}",
        outcome.stdout
    );
    expect_unsaid(&outcome, MOUNTED);
    expect_unsaid(&outcome, TOKEN);
}

#[test]
fn a_policy_whose_path_is_a_value_starts_nothing_that_could_read_it() {
    let path = format!("/etc/{MOUNTED}.json");
    let policy = r#"{"version": 1}"#;
    let scene = Scene::main(&["say", "main"]).file(&path, 0o644, (0, 0), policy);
    let scene = mounted(scene, MOUNTED).options(&["--policy", &path]);
    let outcome = scene.run();
    expect_unsaid(&outcome, MOUNTED);
    let said = outcome.expect_refusal(100);
    assert!(
        said.contains("`--policy` holds the value of a secret"),
        "{said}"
    );
}

#[test]
fn a_value_that_is_everybody_s_word_hides_nothing() {
    let file = |scene: Scene, name: &str, value: &str| {
        scene.file(
            &format!("/run/secrets/{name}"),
            0o444,
            (0, 0),
            format!("{value}\n"),
        )
    };
    let scene = file(Scene::main(&["say", "main"]), "db_password", "password");
    let scene = file(scene, "api-key", "api-key");
    let outcome = scene.options(&["-v"]).run().expect_code(0);
    assert!(!outcome.stderr.contains("[secret"), "{}", outcome.stderr);
    for name in ["`db_password`", "`api-key`", "`API_KEY`"] {
        assert!(outcome.stderr.contains(name), "{}", outcome.stderr);
    }
}

#[test]
fn a_credential_in_a_variable_is_not_repeated_and_a_path_is() {
    let path = "/run/secrets/db-password-of-the-app";
    let scene = Scene::main(&["say", "main"])
        .env("A_TOKEN", MOUNTED)
        .env("OTHER_KEY", "/etc/passwd")
        .env("DB_PASSWORD_FILE", path)
        .policy(&format!(r#"{{"version": 1, "{MOUNTED}": 1}}"#));
    let outcome = scene.clone().run();
    expect_unsaid(&outcome, MOUNTED);
    let said = outcome.expect_refusal(100);
    assert!(said.contains("unknown key `[secret A_TOKEN]`"), "{said}");
    for path in [path, "/etc/passwd"] {
        let policy = format!(r#"{{"version": 1, "run": {{"directory": "{path}"}}}}"#);
        let said = scene.clone().policy(&policy).run().stderr;
        let wanted = format!("cannot enter the directory {path}: ");
        assert!(said.contains(&wanted), "{said}");
    }
    let wanted = r#"{"version": 1, "run": {"env": {"X": "sk-ant-CANARYb2C3d4E5f6G7h8J9"}}}"#;
    let said = Scene::main(&["say", "main"])
        .policy(wanted)
        .run()
        .expect_refusal(100);
    assert!(
        said.contains("the secret `[credential]` is absent"),
        "{said}"
    );
    assert!(said.contains("write the file's name here"), "{said}");
}
