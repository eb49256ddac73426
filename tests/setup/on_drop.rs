//! The program that revokes: after setup, before main.

use serde_json::json;

use crate::harness::Layer;
use crate::rules::{Rules, refusal, sh, sh_with_token};

const REVOKE: &str = "#!/bin/sh\necho revoked by $(id -u) \"path $PATH\"; echo home $HOME\n\
    ls -A \"$HOME\" | wc -l | sed 's/^/entries /'\necho \"token <${TOKEN-none}>\"\n: > /workspace/revoked\n";

#[test]
fn it_runs_after_the_last_command_and_before_main() {
    let rules = Rules::of(&[sh_with_token(r#": > "$HOME/x"; echo setup"#)]);
    let rules = rules.seal("on_drop", json!(["/opt/revoke"]));
    let scene = rules.main_sh("echo main; [ -e revoked ] && echo it was before");
    let scene = scene.file("/opt/revoke", 0o755, (0, 0), REVOKE);
    let outcome = scene.env("LD_BIND_NOW", "1").run().expect_code(0);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines[0], "setup");
    let path = lines[1].split_once("path ").expect("a path").1;
    assert!(!path.is_empty() && path != crate::rules::PATH, "{path}");
    assert!(path.split(':').all(|part| part.starts_with('/')), "{path}");
    assert_eq!(
        lines[3..],
        ["entries 0", "token <none>", "main", "it was before"]
    );
}

#[test]
fn what_it_leaves_running_is_killed_and_what_it_says_is_masked() {
    let rules = Rules::of(&[sh("true")]);
    let rules = rules.seal("on_drop", json!(["/opt/revoke"]));
    let script = "#!/bin/sh\n/mischief daemon comet\necho left\n";
    let scene = rules.command(&["/mischief", "say", "main", "others"]);
    let outcome = scene.file("/opt/revoke", 0o755, (0, 0), script).run();
    assert_eq!(outcome.expect_code(0).stdout, "left\nmain\nothers 0\n");
}

#[test]
fn one_that_fails_is_no_start() {
    for script in ["#!/bin/sh\nexit 4\n", "no program"] {
        let rules = Rules::of(&[sh("true")]);
        let rules = rules.seal("on_drop", json!(["/opt/revoke"]));
        let scene = rules.main(&["say", "main"]);
        let outcome = scene.file("/opt/revoke", 0o755, (0, 0), script).run();
        let said = refusal(&outcome, 121);
        assert!(said.contains("/opt/revoke"), "{said}");
    }
}

#[test]
fn one_that_failed_is_owed_by_every_later_start() {
    let layer = Layer::new();
    let rules = Rules::of(&[sh_with_token("echo setup > done")]);
    let rules = rules.setup("skip_if", json!("/workspace/done"));
    let rules = rules.seal("on_drop", json!(["/opt/revoke"]));
    let script = "#!/bin/sh\n[ -e /reachable ] || exit 4\necho revoked\n";
    let scene = rules.main(&["say", "main"]).on(&layer);
    let scene = scene.file("/opt/revoke", 0o755, (0, 0), script);
    for _ in 0..2 {
        let outcome = scene.clone().run();
        refusal(&outcome, outcome.code());
    }
    std::fs::write(layer.at("/reachable"), "").expect("the layer is there");
    assert_eq!(scene.run().expect_code(0).stdout, "revoked\nmain\n");
}

#[test]
fn term_while_it_runs_ends_the_start() {
    let rules = Rules::of(&[sh("true")]);
    let rules = rules.seal("on_drop", json!(["/opt/revoke"]));
    let script = "#!/bin/sh\ntrap '' TERM\necho inside\nwhile :; do sleep 5; done\n";
    let scene = rules.main(&["say", "main"]);
    let mut running = scene.file("/opt/revoke", 0o755, (0, 0), script).spawn();
    running.line("inside");
    running.signal(15);
    assert_eq!(running.finish().expect_code(143).stdout, "inside\n");
}

#[test]
fn one_that_setup_could_have_written_is_refused() {
    let rules = Rules::of(&[sh("echo setup")]);
    let rules = rules.seal("on_drop", json!(["/open/revoke"]));
    let scene = rules.main(&["say", "main"]);
    let script = "#!/bin/sh\necho revoked\n";
    let scene = scene.directory("/open", 0o777, (0, 0));
    let outcome = scene.file("/open/revoke", 0o755, (0, 0), script).run();
    let said = refusal(&outcome, 100);
    assert!(said.contains("/open"), "{said}");
    assert_eq!(outcome.stdout, "", "a command ran before the judgement");
}
