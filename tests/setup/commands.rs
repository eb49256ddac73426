//! The commands: their order, and what each of them is given.

use serde_json::json;

use crate::rules::{Rules, mischief, mischief_with_token, sh, sh_with_token};

/// What `mischief place` says of a command.
const PLACE: &str = "place input /dev/null";

#[test]
fn commands_run_one_after_the_other_and_main_after_the_last() {
    let commands = [
        sh("echo first; sleep 0.2; echo first-ends; : > one"),
        sh("[ -e one ] && echo second"),
        sh("echo third >&2; echo third"),
    ];
    let rules = Rules::of(&commands);
    let outcome = rules.main(&["say", "main", "exit", "7"]).run();
    let outcome = outcome.expect_code(7);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines, ["first", "first-ends", "second", "third", "main"]);
    assert!(outcome.stderr.contains("third\n"), "{}", outcome.stderr);
}

#[test]
fn a_value_goes_to_the_command_that_names_it_and_to_no_other() {
    let silent = r#"if [ -n "$TOKEN" ]; then echo "$0 has ${#TOKEN}"; else echo "$0 has none"; fi"#;
    let with = json!({ "argv": ["/bin/sh", "-c", silent, "clone"], "env": { "TOKEN": "token" } });
    let without = json!(["/bin/sh", "-c", silent, "build"]);
    let rules = Rules::of(&[without.clone(), with, without]);
    let scene = rules.main_sh(r#"echo main; echo "main ${TOKEN-has none}""#);
    let size = scene.value("token").chars().count();
    let outcome = scene.run().expect_code(0);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let bytes = outcome.value("token").len();
    let clone = lines[1].strip_prefix("clone has ").expect("a length");
    assert!([size.to_string(), bytes.to_string()].contains(&clone.to_owned()));
    assert_eq!(lines[0], "build has none");
    assert_eq!(lines[2..], ["build has none", "main", "main has none"]);
}

#[test]
fn a_command_has_the_environment_that_it_should_and_nothing_else() {
    let rules = Rules::of(&[
        mischief(&["variables"]),
        mischief_with_token(&["variables"]),
    ]);
    let scene = rules.main(&["say", "main"]).env("LANG", "C.UTF-8");
    let scene = scene.env("GITHUB_TOKEN", "of the container, not a secret of ours");
    let outcome = scene.run().expect_code(0);
    let sets: Vec<Vec<&str>> = outcome
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("variables "))
        .map(|names| names.split(' ').collect())
        .collect();
    let usual = |name: &&str| {
        ["HOME", "LANG", "PATH", "TMPDIR", "USER", "LOGNAME"].contains(name)
            || name.starts_with("XDG_")
    };
    assert!(sets[0].iter().all(usual), "{:?}", sets[0]);
    let more: Vec<_> = sets[1].iter().filter(|name| !usual(name)).collect();
    assert_eq!(more, [&"TOKEN"]);
}

#[test]
fn a_command_has_its_own_session_no_terminal_no_input_and_no_descriptor() {
    let rules = Rules::of(&[mischief(&["place"])]);
    for scene in [
        rules.main(&["say", "main"]).stdin(b"of the container"),
        rules.main(&["say", "main"]).open(7, "/etc/passwd"),
        rules.main(&["say", "main"]).terminal(),
    ] {
        let outcome = scene.run().expect_code(0);
        let said = outcome.stdout.replace('\r', "");
        let place = said.lines().find_map(|line| line.strip_prefix(PLACE));
        // ENXIO: there is no controlling terminal.
        let wanted = " tty 6 leader 1 more 0 nnp 1 uid 1000 1000 gid 1000 directory /workspace";
        assert_eq!(place, Some(wanted), "{said}{}", outcome.stderr);
    }
}

#[test]
fn setup_may_be_another_user_than_main() {
    let rules = Rules::of(&[mischief(&["place"])]);
    let rules = rules.setup("user", json!("nobody"));
    let scene = rules
        .main(&["report"])
        .directory("/workspace", 0o777, (0, 0));
    let outcome = scene.run().expect_code(0);
    assert!(
        outcome.stdout.contains("uid 65534 65534 gid 65534"),
        "{}",
        outcome.stdout
    );
    assert_eq!(outcome.report().numbers("uids")[0], 1000);
}

#[test]
fn home_is_new_writable_executable_and_gone_when_main_starts() {
    let line = r#"cd "$HOME" && echo home "$HOME" && [ -z "$(ls -A)" ] && stat -c 'mode %a %u' . &&
        printf '#!/bin/sh\necho ran' > tool && chmod +x tool && ./tool"#;
    let rules = Rules::of(&[sh(line)]);
    let main = r#"echo main; echo "now $HOME"; ls -d /*"#;
    let outcome = rules.main_sh(main).run().expect_code(0);
    let home = outcome.said("home ").expect("a home").to_owned();
    assert!(home.starts_with('/') && home != "/home/app", "{home}");
    assert_eq!(outcome.said("mode "), Some("700 1000"));
    assert_eq!(outcome.said("ran"), Some(""));
    let rules = Rules::of(&[sh(r#"echo home "$HOME"; : > "$HOME/.netrc""#)]);
    let layer = crate::harness::Layer::new();
    let outcome = rules.main(&["say", "main"]).on(&layer).run().expect_code(0);
    let home = outcome.said("home ").expect("a home");
    assert!(!layer.at(home).exists(), "{home} is still there");
}

#[test]
fn the_directories_of_xdg_are_inside_home_or_unset() {
    let line = r#"for n in XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_RUNTIME_DIR
        do eval "v=\$$n"; case "$v" in "$HOME"/*|"") ;; *) echo "$n is $v" ;; esac; done; echo looked"#;
    let scene = Rules::of(&[sh(line)])
        .main(&["say", "main"])
        .env("XDG_CONFIG_HOME", "/home/app/.config")
        .env("XDG_CACHE_HOME", "/tmp/cache");
    let outcome = scene.run().expect_code(0);
    assert_eq!(outcome.stdout, "looked\nmain\n");
}

#[test]
fn home_lasts_from_command_to_command() {
    let commands = [
        sh(r#": > "$HOME/made""#),
        sh(r#"[ -e "$HOME/made" ] && echo there"#),
    ];
    let outcome = Rules::of(&commands).main(&["say", "main"]).run();
    assert_eq!(outcome.expect_code(0).stdout, "there\nmain\n");
}

#[test]
fn what_setup_makes_is_main_s_to_use() {
    let rules = Rules::of(&[sh_with_token("umask 022; mkdir app; echo made > app/file")]);
    let outcome = rules
        .main_sh("echo main; cat app/file; echo more > app/new")
        .run();
    assert_eq!(outcome.expect_code(0).stdout, "main\nmade\n");
}

#[test]
fn a_program_is_found_by_the_path_of_setup() {
    let rules = Rules::of(&[json!(["env"]), json!(["sh", "-c", "echo found"])]);
    let outcome = rules.main(&["say", "main"]).run().expect_code(0);
    assert!(
        outcome.stdout.contains("found\nmain\n"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn check_and_the_log_warn_of_a_credential_after_a_command_without() {
    let what = "commands of setup with a credential follow one without: ";
    let rules = Rules::of(&[sh("true"), sh_with_token("true")]);
    let scene = rules.main(&["say", "main"]);
    let check = scene.clone().asking(&["check"]).run();
    let warning = format!("vestibule: warning: {what}`/setup/commands/1`\n");
    assert!(check.expect_code(0).stderr.contains(&warning));
    assert!(scene.clone().run().expect_code(0).stderr.contains(&warning));
    let json = scene.asking(&["check", "--json"]).run().expect_code(0);
    assert!(json.stdout.contains(what), "{}", json.stdout);
    let rules = Rules::of(&[sh_with_token("true"), sh("true")]);
    let scene = rules.main(&["say", "main"]);
    assert!(!scene.run().expect_code(0).stderr.contains(what));
}
