//! What commands leave on disks: found wherever and however it is written, named
//! by path and form, and never by value.

use serde_json::{Value, json};

use std::fs;

use crate::harness::{Layer, Outcome, Scene, capability};
use crate::hunt;
use crate::rules::{APP, APP_GROUPS, Rules, refusal, sh, sh_with_token};

/// The value as a part of a URL.
const PERCENT: &str = "printf %s \"$TOKEN\" | sed 's/%/%25/g; s,/,%2F,g; s/+/%2B/g; s/@/%40/g; \
    s/:/%3A/g; s/#/%23/g; s/ /%20/g; s/é/%C3%A9/g'";

/// The refusal of a setup of this one command.
#[track_caller]
fn found(command: Value) -> String {
    let outcome = Rules::of(&[command]).main(&["say", "main"]).run();
    refusal(&outcome, 121)
}

#[test]
fn a_value_in_setup_s_directory_is_found() {
    let said = found(sh_with_token(
        r#"mkdir -p a/b; printf 'x=%s' "$TOKEN" > a/b/.env"#,
    ));
    assert!(said.contains("/workspace/a/b/.env"), "{said}");
    assert!(said.contains("token"), "{said}");
}

#[test]
fn a_value_outside_of_it_is_found() {
    for path in [
        "/tmp/x",
        "/tmp/a/b/c",
        "/var/tmp/x",
        "/home/app/.cache/x",
        "/open/x",
    ] {
        let line = r#"mkdir -p "${0%/*}"; printf %s "$TOKEN" > "$0""#;
        let command = json!({ "argv": ["/bin/sh", "-c", line, path], "env": { "TOKEN": "token" } });
        let scene = Rules::of(&[command]).main(&["say", "main"]);
        let scene = scene.directory("/open", 0o777, (0, 0));
        let said = refusal(&scene.run(), 121);
        assert!(said.contains(path), "{path}: {said}");
    }
}

#[test]
fn a_value_in_a_name_or_a_link_is_found_and_not_repeated() {
    let said = found(sh_with_token(&format!(": > \"$({PERCENT})\"")));
    assert!(said.contains("/workspace/"), "{said}");
    let said = found(sh_with_token(r#"ln -s "$TOKEN" a-link"#));
    assert!(said.contains("/workspace/a-link"), "{said}");
}

#[test]
fn a_value_in_base64_hex_or_percent_encoding_is_found() {
    for (encode, form) in [
        ("printf 'u:%s' \"$TOKEN\" | base64 -w 0", "base64"),
        ("printf %s \"$TOKEN\" | base64", "base64"),
        (
            "printf %s \"$TOKEN\" | od -An -v -tx1 | tr -d ' \\n'",
            "hex",
        ),
        (PERCENT, "percent"),
    ] {
        let said = found(sh_with_token(&format!("{encode} > note")));
        assert!(said.contains("/workspace/note"), "{form}: {said}");
        assert!(said.to_ascii_lowercase().contains(form), "{form}: {said}");
    }
}

#[test]
fn a_value_in_a_git_object_loose_or_packed_is_found() {
    let commit = "/usr/bin/git init -q . && printf 'password %s, and more of it' \"$TOKEN\" > f &&
        /usr/bin/git add f && /usr/bin/git -c user.name=n -c user.email=e commit -q -m m && rm f";
    let said = found(sh_with_token(commit));
    assert!(said.contains("/workspace/.git/objects/"), "{said}");
    let said = found(sh_with_token(&format!("{commit} && /usr/bin/git gc -q")));
    assert!(said.contains("/workspace/.git/objects/pack/"), "{said}");
}

#[test]
fn a_value_in_gzip_is_found() {
    let said = found(sh_with_token(r#"printf %s "$TOKEN" | gzip > log.gz"#));
    assert!(said.contains("/workspace/log.gz"), "{said}");
}

#[test]
fn a_value_in_an_attribute_is_found_where_setup_can_set_one() {
    let rules = Rules::of(&[sh_with_token(": > plain; /mischief attribute plain")]);
    let scene = rules.main(&["say", "main"]).without_filters();
    let said = refusal(&scene.run(), 121);
    assert!(said.contains("/workspace/plain"), "{said}");
}

#[test]
fn every_git_way_to_keep_a_token_is_found() {
    // The rows G of the catalogue, as git or a tool writes them.
    for (line, path) in [
        (
            r#"/usr/bin/git init -q . && /usr/bin/git remote add o "https://u:$E@host/r""#,
            "/workspace/.git/config",
        ),
        (
            r#"/usr/bin/git init -q . && mkdir -p .git/modules/m && /usr/bin/git config -f .git/modules/m/config remote.o.url "https://u:$E@host/r""#,
            "/workspace/.git/modules/m/config",
        ),
        (
            r#"/usr/bin/git init -q . && /usr/bin/git config http.extraHeader "Authorization: Basic $(printf 'x-access-token:%s' "$TOKEN" | base64 -w 0)""#,
            "/workspace/.git/config",
        ),
        (
            r#"mkdir -p .config; echo "https://u:$E@host" > .config/creds; /usr/bin/git init -q r; /usr/bin/git -C r config include.path ../../.config/creds"#,
            "/workspace/.config/creds",
        ),
        (
            r#"echo "machine h login u password $TOKEN" > .netrc"#,
            "/workspace/.netrc",
        ),
        (
            r#"echo "GIT: url https://u:$E@host/" > /tmp/trace"#,
            "/tmp/trace",
        ),
        (
            r#"echo "//r/:_authToken=$TOKEN" > .npmrc"#,
            "/workspace/.npmrc",
        ),
        (
            r#"printf '{"auths":{"r":{"auth":"%s"}}}' "$(printf 'u:%s' "$TOKEN" | base64 -w 0)" > config.json"#,
            "/workspace/config.json",
        ),
        (
            r#"printf '{"resolved":"https://u:%s@r/p.tgz"}' "$E" > package-lock.json"#,
            "/workspace/package-lock.json",
        ),
        (
            r#"echo "export TOKEN='$TOKEN'" > .bash_history"#,
            "/workspace/.bash_history",
        ),
        (r#"echo "TOKEN=$TOKEN" > .env"#, "/workspace/.env"),
    ] {
        let encode = format!("E=$({PERCENT}); ");
        let said = found(sh_with_token(&format!("{encode}{line}")));
        assert!(said.contains(path), "{path}: {said}");
    }
}

#[test]
fn what_is_in_setup_s_own_home_is_no_finding() {
    let line = r#"for f in .git-credentials .netrc .npmrc; do echo "$TOKEN" > "$HOME/$f"; done
        mkdir -p "$HOME/.config/gh"; echo "$TOKEN" > "$HOME/.config/gh/hosts.yml""#;
    let layer = Layer::new();
    let scene = Rules::of(&[sh_with_token(line)]).main(&["say", "main"]);
    let outcome = scene.on(&layer).run().expect_code(0);
    assert!(hunt::in_layer(&layer, outcome.value("token")).is_empty());
}

#[test]
fn a_file_that_only_its_user_reads_is_found_by_a_pid_1_without_capabilities() {
    let kept = capability::SETUID | capability::SETGID | capability::SETPCAP | capability::KILL;
    for mode in ["600", "000"] {
        let line = format!(
            r#"umask 077; printf %s "$TOKEN" > secret; chmod {mode} secret; mkdir shut; printf %s "$TOKEN" > shut/x; chmod 700 shut"#
        );
        let rules = Rules::of(&[sh_with_token(&line)]);
        let scene = rules.bare(&["/witness", "say", "main"]).capabilities(kept);
        let said = refusal(&scene.run(), 121);
        assert!(said.contains("/workspace/secret"), "{mode}: {said}");
        assert!(said.contains("/workspace/shut"), "{mode}: {said}");
    }
}

/// One user for everything and nothing more: nobody may read what is another's.
fn one_user(line: &str) -> Scene {
    let rules = Rules::of(&[sh_with_token(line)]);
    let scene = rules.bare(&["/witness", "say", "main"]);
    let scene = scene.user(1000, 1000, &APP_GROUPS).options(&["-v"]);
    scene.directory("/older", 0o700, (0, 0))
}

#[test]
fn what_is_older_and_out_of_setup_s_reach_is_counted_and_no_finding() {
    let layer = Layer::new();
    let scene = one_user("true").file("/etc/shut", 0o600, (0, 0), "of root");
    let scene = scene.directory("/older/deep", 0o777, APP);
    // Also by a start that owes the search of an earlier one.
    let rounds = [scene.clone(), scene];
    for (round, scene) in rounds.into_iter().enumerate() {
        if round == 1 {
            let journal = "vestibule-journal 1\nstate setup-running\ntime 1\nend\n";
            fs::write(layer.at("/workspace/.vestibule-journal"), journal).expect("a journal");
        }
        let outcome = scene.on(&layer).run().expect_code(0);
        assert_eq!(outcome.stdout, "main\n");
        let counted = outcome.stderr.contains("older ones out of setup's reach");
        let none = outcome.stderr.contains(" 0 older ones");
        assert!(counted && !none, "{}", outcome.stderr);
    }
}

#[test]
fn what_setup_could_enter_or_write_although_nobody_reads_it_is_a_finding() {
    let entered = one_user("true").directory("/drop", 0o711, (0, 0));
    let written = one_user("true").directory("/drop", 0o702, (0, 0));
    let file = one_user("true").file("/drop", 0o602, (0, 0), "of root");
    let newer = one_user("mkdir -m 000 drop");
    for scene in [entered, written, file, newer] {
        let said = refusal(&scene.run(), 121);
        assert!(said.contains("/drop"), "{said}");
        assert!(!said.contains("/older"), "{said}");
    }
}

#[test]
fn a_value_that_main_may_have_is_no_finding() {
    let rules = Rules::of(&[sh_with_token(r#"printf %s "$TOKEN" > .env"#)]);
    let rules = rules.run("env", json!({ "TOKEN": "token" }));
    let scene = rules.main(&["say", "main"]).permits(&["token"]);
    assert_eq!(scene.run().expect_code(0).stdout, "main\n");
}

#[test]
fn a_clean_setup_passes() {
    let line = r#"[ -n "$TOKEN" ]; echo "built" > out; gzip -k out; mkdir a; ln -s a b; mkfifo f"#;
    let outcome = Rules::of(&[sh_with_token(line)])
        .main(&["say", "main"])
        .run();
    assert_eq!(outcome.expect_code(0).stdout, "main\n");
}

const PLANT: &str = r#"mkdir d; printf %s "$TOKEN" > d/planted; echo good > d/good"#;

fn on_hit(word: &str, layer: &Layer) -> Outcome {
    let rules = Rules::of(&[sh_with_token(PLANT)]).seal("on_hit", json!(word));
    rules.main_sh("echo main; ls d").on(layer).run()
}

#[test]
fn on_hit_remove_removes_the_file_says_so_and_starts_main() {
    let layer = Layer::new();
    let outcome = on_hit("remove", &layer).expect_code(0);
    assert_eq!(outcome.stdout, "main\ngood\n");
    let line = "vestibule: removed /workspace/d/planted: setup left a secret in a file: `token`, plain, content\n";
    assert!(outcome.stderr.contains(line), "{}", outcome.stderr);
    assert!(hunt::in_layer(&layer, outcome.value("token")).is_empty());
}

#[test]
fn a_pid_1_without_capabilities_removes_it_as_well() {
    let kept = capability::SETUID | capability::SETGID | capability::SETPCAP | capability::KILL;
    let line = format!("umask 077; {PLANT}");
    let rules = Rules::of(&[sh_with_token(&line)]).seal("on_hit", json!("remove"));
    let layer = Layer::new();
    let scene = rules.bare(&["/bin/sh", "-c", "echo main; ls d"]);
    let outcome = scene.capabilities(kept).on(&layer).run();
    assert_eq!(outcome.stdout, "main\ngood\n", "{}", outcome.stderr);
    assert!(hunt::in_layer(&layer, outcome.value("token")).is_empty());
}

#[test]
fn on_hit_report_says_so_and_starts_main() {
    let layer = Layer::new();
    let outcome = on_hit("report", &layer).expect_code(0);
    assert_eq!(outcome.stdout, "main\ngood\nplanted\n");
    let line = "vestibule: reported /workspace/d/planted: setup left a secret in a file: `token`, plain, content\n";
    assert!(outcome.stderr.contains(line), "{}", outcome.stderr);
}

#[test]
fn what_is_removed_or_reported_is_an_event_with_path_and_form_each() {
    let line = r#"printf %s "$TOKEN" | base64 -w 0 > one; printf 'x%s' "$TOKEN" > two
        ln -s "$TOKEN" three; echo https://u:p@host > /home/app/.git-credentials"#;
    for (word, event) in [("remove", "removed"), ("report", "reported")] {
        let rules = Rules::of(&[sh_with_token(line)]).seal("on_hit", json!(word));
        let scene = rules
            .main(&["say", "main"])
            .options(&["--log-format", "json"]);
        let outcome = scene.run().expect_code(0);
        let mut found: Vec<(String, String)> = Vec::new();
        for line in outcome.stderr.lines() {
            let Ok(said) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            if said["event"] == event {
                let field = |name: &str| said[name].as_str().expect("a text").to_owned();
                found.push((field("where"), field("what")));
            }
        }
        for (path, form) in [
            ("/workspace/one", "`token`, base64, content"),
            ("/workspace/two", "`token`, plain, content"),
            ("/workspace/three", "`token`, plain, link target"),
            ("/home/app/.git-credentials", "stored Git credentials (G4)"),
        ] {
            let is_it = |(place, what): &(String, String)| place == path && what.ends_with(form);
            assert!(found.iter().any(is_it), "{path}: {found:?}");
        }
        assert_eq!(found.len(), 4, "{found:?}");
    }
}

#[test]
fn findings_beyond_those_that_are_listed_are_never_passed_over() {
    let line = r#"i=0; while [ $i -lt 1100 ]; do printf %s "$TOKEN" > $i; i=$((i+1)); done"#;
    let layer = Layer::new();
    let rules = Rules::of(&[sh_with_token(line)]).seal("on_hit", json!("remove"));
    let scene = rules.main(&["say", "main"]).on(&layer);
    let outcome = scene.clone().run();
    let said = refusal(&outcome, 121);
    assert!(said.contains("100 more"), "{said}");
    // The next start goes on where this one ended.
    let outcome = scene.run().expect_code(0);
    assert_eq!(outcome.stdout, "main\n");
    assert!(hunt::in_layer(&layer, outcome.value("token")).is_empty());
}

#[test]
fn on_hit_remove_removes_no_code_that_setup_installed() {
    let line = r#"mkdir -p /etc/profile.d; echo ": # $$" > /etc/profile.d/tool.sh
        mkdir app; cd app; cp /bin/true tool; chmod 4755 tool; /usr/bin/git init -q .
        /usr/bin/git config core.hooksPath .husky; cp tool .git/hooks/pre-push"#;
    let rules = Rules::of(&[sh(line)]).seal("on_hit", json!("remove"));
    let rules = rules.setup("user", json!("root"));
    let look = "echo main; cd app; ls /etc/profile.d; stat -c %a tool; ls .git/hooks/pre-push; grep -c husky .git/config";
    let outcome = rules.main_sh(look).run().expect_code(0);
    let expected = "main\ntool.sh\n4755\n.git/hooks/pre-push\n1\n";
    assert_eq!(outcome.stdout, expected, "{}", outcome.stderr);
    for path in [
        "/etc/profile.d/tool.sh",
        "/app/tool",
        ".git/config",
        "pre-push",
    ] {
        assert!(outcome.stderr.contains(path), "{}", outcome.stderr);
    }
}

#[test]
fn on_hit_remove_cuts_a_setting_out_and_leaves_the_repository() {
    let line = format!(
        r#"E=$({PERCENT}); /usr/bin/git init -q app && cd app && /usr/bin/git remote add o "https://u:$E@host/r""#
    );
    let rules = Rules::of(&[sh_with_token(&line)]).seal("on_hit", json!("remove"));
    let scene = rules.main_sh("echo main; cd app && /usr/bin/git remote get-url o");
    let outcome = scene.run().expect_code(0);
    assert_eq!(
        outcome.stdout, "main\nhttps://host/r\n",
        "{}",
        outcome.stderr
    );
    let line = "vestibule: removed /workspace/app/.git/config:";
    assert!(outcome.stderr.contains(line), "{}", outcome.stderr);
}

#[test]
fn a_trace_below_a_name_that_is_a_value_is_told_without_it() {
    // Every claim fails if the value is in what its scene says.
    let line = format!(
        "d=$({PERCENT}); mkdir \"$d\"; cd \"$d\"; /usr/bin/git init -q . && /usr/bin/git config credential.helper store"
    );
    for word in ["refuse", "report", "remove"] {
        let rules = Rules::of(&[sh_with_token(&line)]).seal("on_hit", json!(word));
        let outcome = rules.main(&["say", "main"]).run();
        assert!(
            outcome.stderr.contains("[secret token]"),
            "{}",
            outcome.stderr
        );
        let digits = outcome
            .value("token")
            .get(..8)
            .expect("a prefix")
            .to_owned();
        assert!(!outcome.stderr.contains(&digits), "{}", outcome.stderr);
    }
}

#[test]
fn what_could_not_be_removed_is_named_without_a_value() {
    // As itself it is no name: it has a slash.
    let hex = r#"n=$(printf %s "$TOKEN" | od -An -v -tx1 | tr -d ' \n')"#;
    let line = format!(r#"{hex}; mkdir "$HOME/$n"; mv /home/app/old "$HOME/$n/""#);
    let scene = Rules::of(&[sh_with_token(&line)]).main(&["say", "main"]);
    let scene = scene.directory("/home/app", 0o755, APP);
    let said = refusal(&scene.directory("/home/app/old", 0o755, APP).run(), 121);
    assert!(said.contains("[secret token]/old (older"), "{said}");

    let line = format!(r#"{hex}; : > "/dev/shm/$n"; chown 33 "/dev/shm/$n""#);
    let rules = Rules::of(&[sh_with_token(&line)]).setup("user", json!("root"));
    let said = refusal(&rules.main(&["say", "main"]).run(), 121);
    assert!(said.contains("/dev/shm/[secret token]"), "{said}");
}

#[test]
fn a_secret_file_that_is_a_writable_mount_is_no_finding() {
    let scene = Rules::of(&[sh_with_token("echo setup")]).main(&["say", "main"]);
    let scene = scene.mount_again("/run/secrets/token", "/run/secrets/token");
    assert_eq!(scene.run().expect_code(0).stdout, "setup\nmain\n");
}

#[test]
fn on_hit_refuse_is_what_happens_without_a_word() {
    let layer = Layer::new();
    let outcome = on_hit("refuse", &layer);
    let said = refusal(&outcome, 121);
    assert!(said.contains("/workspace/d/planted"), "{said}");
}

#[test]
fn planted_git_settings_and_credential_files_are_named() {
    // No value in them: what they would run or send is the finding.
    for (line, path) in [
        (
            "/usr/bin/git init -q . && /usr/bin/git config credential.helper store",
            "/workspace/.git/config",
        ),
        (
            "echo machine h login u password other > /home/app/.netrc",
            "/home/app/.netrc",
        ),
        (
            "echo https://u:p@host > /home/app/.git-credentials",
            "/home/app/.git-credentials",
        ),
    ] {
        let outcome = Rules::of(&[sh(line)]).main(&["say", "main"]).run();
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains(path), "{path} is not named: {said}");
    }
}
