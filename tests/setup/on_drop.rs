//! The program that revokes: after setup, before main.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Layer, Scene};
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
    for (script, how) in [
        ("#!/bin/sh\nexit 4\n", "exit code 4"),
        ("#!/bin/sh\nkill -9 $$\n", "signal 9"),
        ("exit 127", "exit code 127"),
    ] {
        let rules = Rules::of(&[sh("true")]);
        let rules = rules.seal("on_drop", json!(["/opt/revoke"]));
        let scene = rules.main(&["say", "main"]);
        let outcome = scene.file("/opt/revoke", 0o755, (0, 0), script).run();
        let said = refusal(&outcome, 121);
        let what =
            format!("vestibule: what setup had is not revoked: `/opt/revoke` ended with {how}");
        let what = what.replace("ended with signal", "was ended by signal");
        assert!(said.starts_with(&what), "{said}");
        let place = "  where: /etc/vestibule/policy.json at /seal/on_drop\n";
        assert!(said.contains(place), "{said}");
        assert!(said.contains("the next start runs it again"), "{said}");
    }
}

/// A `revoke` that works once this file is there.
const ONCE_REACHABLE: &str = "#!/bin/sh\n[ -e /reachable ] || exit 4\necho revoked\n";

#[test]
fn one_that_failed_is_owed_by_every_later_start() {
    let layer = Layer::new();
    let rules = Rules::of(&[sh_with_token("echo setup > done; echo setup")]);
    let rules = rules.setup("skip_if", json!("/workspace/done"));
    let rules = rules.seal("on_drop", json!(["/opt/revoke"]));
    let scene = rules.main(&["say", "main"]).on(&layer);
    let scene = scene.file("/opt/revoke", 0o755, (0, 0), ONCE_REACHABLE);
    for said in ["setup\n", "", ""] {
        let outcome = scene.clone().run();
        refusal(&outcome, 121);
        assert_eq!(outcome.stdout, said);
    }
    std::fs::write(layer.at("/reachable"), "").expect("the layer is there");
    assert_eq!(scene.clone().run().expect_code(0).stdout, "revoked\nmain\n");
    assert_eq!(scene.run().expect_code(0).stdout, "main\n", "it is done");
}

#[test]
fn one_that_is_done_is_not_done_again_for_what_else_was_refused() {
    let layer = Layer::new();
    let line = r#"printf %s "$TOKEN" > planted; echo setup"#;
    let rules = Rules::of(&[sh_with_token(line)]);
    let rules = rules.seal("on_drop", json!(["/opt/revoke"]));
    let scene = rules.main(&["say", "main"]).on(&layer);
    let script = "#!/bin/sh\necho revoked\n";
    let scene = scene.file("/opt/revoke", 0o755, (0, 0), script);
    for said in ["setup\nrevoked\n", ""] {
        let outcome = scene.clone().run();
        refusal(&outcome, 121);
        assert_eq!(outcome.stdout, said);
    }
    std::fs::remove_file(layer.at("/workspace/planted")).expect("it is there");
    assert_eq!(scene.run().expect_code(0).stdout, "main\n");
}

#[test]
fn a_setup_that_was_cut_off_is_done_anew_and_revoked_however_its_search_ended() {
    let layer = Layer::new();
    let line = r#"[ -e /once ] && { echo setup; exit 0; }
        printf %s "$TOKEN" > /open/planted; echo inside; sleep 100"#;
    let rules = Rules::of(&[sh_with_token(line)]);
    let rules = rules.seal("on_drop", json!(["/opt/revoke"]));
    let scene = rules.main(&["say", "main"]).on(&layer);
    let scene = scene.directory("/open", 0o777, (0, 0));
    let script = "#!/bin/sh\necho revoked\n";
    let scene = scene.file("/opt/revoke", 0o755, (0, 0), script);
    let mut running = scene.clone().spawn();
    running.line("inside");
    running.signal(15);
    running.finish().expect_code(143);
    std::fs::write(layer.at("/once"), "").expect("the layer is there");
    for _ in 0..2 {
        assert!(refusal(&scene.clone().run(), 121).contains("/open/planted"));
    }
    std::fs::remove_file(layer.at("/open/planted")).expect("it is there");
    let outcome = scene.run().expect_code(0);
    assert_eq!(
        outcome.stdout, "setup\nrevoked\nmain\n",
        "{}",
        outcome.stderr
    );
}

#[test]
fn term_while_it_runs_ends_the_start_and_the_next_one_seals() {
    let layer = Layer::new();
    let rules = Rules::of(&[sh_with_token(": > done; echo setup")]);
    let rules = rules.setup("skip_if", json!("/workspace/done"));
    let rules = rules.seal("on_drop", json!(["/opt/revoke"]));
    let script = "#!/bin/sh\ntrap '' TERM\necho inside\n[ -e /once ] || sleep 100\n";
    let scene = rules.main(&["say", "main"]).on(&layer);
    let scene = scene.file("/opt/revoke", 0o755, (0, 0), script);
    let mut running = scene.clone().spawn();
    running.line("inside");
    let start = Instant::now();
    running.signal(15);
    let outcome = running.finish().expect_code(143);
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!(outcome.stdout, "setup\ninside\n");
    std::fs::write(layer.at("/once"), "").expect("the layer is there");
    let outcome = scene.run().expect_code(0);
    assert_eq!(
        outcome.stdout, "setup\ninside\nmain\n",
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("an earlier start ended"),
        "{}",
        outcome.stderr
    );
}

/// The refusal of a program before any command.
#[track_caller]
fn refused_at_once(rules: &Rules, change: impl Fn(Scene) -> Scene) -> String {
    let outcome = change(rules.main(&["say", "main"])).run();
    let said = refusal(&outcome, 100);
    assert_eq!(outcome.stdout, "", "a command ran before the judgement");
    said
}

fn revoking(program: &str) -> Rules {
    Rules::of(&[sh("echo setup")]).seal("on_drop", json!([program]))
}

#[test]
fn one_that_is_not_there_or_no_program_is_refused_before_any_command() {
    let said = refused_at_once(&revoking("/opt/absent"), |scene| scene);
    assert!(said.contains("`/opt/absent`, which is not there"), "{said}");
    assert!(said.contains("policy.json at /seal/on_drop"), "{said}");
    let said = refused_at_once(&revoking("/opt/revoke"), |scene| {
        scene.file("/opt/revoke", 0o644, (0, 0), "#!/bin/sh\n")
    });
    assert!(said.contains("is no executable file"), "{said}");
    let said = refused_at_once(&revoking("/etc"), |scene| scene);
    assert!(said.contains("is no executable file"), "{said}");
    let said = refused_at_once(&revoking("revoke"), |scene| scene);
    assert!(said.contains("/seal/on_drop"), "{said}");
}

#[test]
fn one_that_main_could_have_written_is_refused() {
    let rules = revoking("/home/app/revoke").setup("user", json!("nobody"));
    let said = refused_at_once(&rules, |scene| {
        let scene = scene.directory("/workspace", 0o777, (0, 0));
        scene.file("/home/app/revoke", 0o755, (0, 0), "#!/bin/sh\n")
    });
    assert!(said.contains("/home/app"), "{said}");
    assert!(said.contains("by main"), "{said}");
}

#[test]
fn a_program_that_mints_a_secret_is_judged_alike() {
    let mints = |program: &str| {
        let command = json!({ "argv": ["/bin/echo", "setup"], "env": { "A": "minted" } });
        let source = json!({ "minted": { "from": format!("command:{program}") } });
        Rules::of(&[command]).secrets(source)
    };
    let said = refused_at_once(&mints("/opt/absent"), |scene| scene);
    assert!(said.contains("/secrets/minted"), "{said}");
    let said = refused_at_once(&mints("/open/mint"), |scene| {
        let scene = scene.directory("/open", 0o777, (0, 0));
        scene.file(
            "/open/mint",
            0o755,
            (0, 0),
            "#!/bin/sh\necho a-value-of-20-bytes\n",
        )
    });
    assert!(said.contains("by setup"), "{said}");
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
