//! Secrets that a program gives once setup begins: as any other of setup's.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::Scene;
use crate::rules::{Rules, refusal};

const VALUE: &str = "minted-Qz7Rk2Vw9Xt4Lp8";

/// One command with the value in `A`, and a program that gives it.
fn scene(line: &str, script: &str) -> Scene {
    let command = json!({ "argv": ["/bin/sh", "-c", line], "env": { "A": "minted" } });
    let source: Value = json!({ "minted": { "from": "command:/opt/mint now" } });
    let rules = Rules::of(&[command]).secrets(source);
    let scene = rules.main(&["say", "main"]);
    scene.file("/opt/mint", 0o755, (0, 0), script)
}

#[test]
fn it_is_given_masked_and_searched_for() {
    let mint = format!("#!/bin/sh\necho $1 >&2; echo {VALUE}\n");
    let outcome = scene(r#"echo "<$A>""#, &mint).run().expect_code(0);
    assert_eq!(outcome.stdout, "<***minted***>\nmain\n");
    let outcome = scene(r#"echo "$A" > planted"#, &mint).run();
    let said = refusal(&outcome, 121);
    assert!(said.contains("/workspace/planted"), "{said}");
    assert!(!said.contains(VALUE), "{said}");
}

#[test]
fn a_program_that_gives_none_ends_the_start() {
    for (script, word) in [
        ("#!/bin/sh\nexit 3\n", "it failed"),
        ("#!/bin/sh\n:\n", "it wrote nothing"),
        ("#!/bin/sh\necho one; echo two\n", "several lines"),
        (
            "#!/bin/sh\nhead -c 70000 /dev/zero | tr '\\0' x\n",
            "64 KiB",
        ),
    ] {
        let outcome = scene("echo setup", script).run();
        let said = refusal(&outcome, 120);
        assert!(said.contains(word), "{said}");
        assert!(said.contains("/secrets/minted"), "{said}");
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn term_while_it_runs_ends_the_start() {
    let script = "#!/bin/sh\ntrap '' TERM; : > /tmp/inside; while :; do sleep 5; done\n";
    let mut running = scene("echo setup", script).spawn();
    let inside = running.init().path("root/tmp/inside");
    crate::harness::wait_for("the program", || inside.exists().then_some(()));
    let start = Instant::now();
    running.signal(15);
    let outcome = running.finish().expect_code(143);
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!(outcome.stdout, "");
}
