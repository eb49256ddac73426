//! `skip_if`: a restart of the same container does not set up again, and who
//! removes what it looks at gains nothing.

use serde_json::json;

use crate::harness::Layer;
use crate::rules::{APP, Rules, TOKEN, has_main, refusal, sh_with_token};

fn rules() -> Rules {
    let clone = "mkdir app; echo cloned > app/done; echo setup";
    Rules::of(&[sh_with_token(clone)]).setup("skip_if", json!("/workspace/app/done"))
}

#[test]
fn a_second_start_skips_setup_and_starts_main() {
    let layer = Layer::new();
    let scene = rules().main_sh("echo main; cat app/done").on(&layer);
    let first = scene.clone().run().expect_code(0);
    assert_eq!(first.stdout, "setup\nmain\ncloned\n");
    for _ in 0..2 {
        let again = scene.clone().run().expect_code(0);
        assert_eq!(again.stdout, "main\ncloned\n", "{}", again.stderr);
    }
}

#[test]
fn a_setup_that_is_skipped_does_not_need_its_secrets() {
    let command = json!({ "argv": ["/bin/true"], "env": { "A": "absent" } });
    let rules = Rules::of(&[command]).setup("skip_if", json!("/workspace/done"));
    let scene = rules.main(&["say", "main"]);
    let scene = scene.file("/workspace/done", 0o644, APP, "");
    assert_eq!(scene.run().expect_code(0).stdout, "main\n");
}

#[test]
fn a_main_after_a_skipped_setup_has_no_more_than_after_a_real_one() {
    let layer = Layer::new();
    let scene = rules().main(&["say", "main", "read", "/run/secrets/token"]);
    let scene = scene.on(&layer);
    for _ in 0..2 {
        let outcome = scene.clone().run().expect_code(0);
        let crate::harness::Content::Unread(error) = outcome.content(0) else {
            panic!("main reads the secret");
        };
        assert_eq!(error, 13);
    }
}

#[test]
fn a_main_that_prepares_the_ground_and_removes_what_skip_if_looks_at_gains_nothing() {
    let layer = Layer::new();
    let mischief = r#"#!/bin/sh
echo main
rm -rf /workspace/app
cd /workspace && /usr/bin/git init -q . && /usr/bin/git config core.fsmonitor 'cp /run/secrets/token /tmp/; env > /workspace/stolen #'
echo 'env > /workspace/stolen' > .bashrc; cp .bashrc .profile; cp .bashrc "$HOME/.profile"
mkdir -p bin; printf '#!/bin/sh\nenv > /workspace/stolen\n' > bin/git; chmod +x bin/git
"#;
    let scene = rules().command(&["/opt/main"]).on(&layer);
    let scene = scene.file("/opt/main", 0o755, (0, 0), mischief);
    let token = scene.value(TOKEN).to_owned();
    assert_eq!(scene.clone().run().expect_code(0).stdout, "setup\nmain\n");
    let outcome = scene.run();
    assert!(!has_main(&outcome), "{}", outcome.stdout);
    let said = refusal(&outcome, 100);
    assert!(said.contains("/workspace"), "{said}");
    assert_eq!(outcome.stdout, "", "setup ran with the token");
    assert!(!layer.at("/workspace/stolen").exists());
    assert!(crate::hunt::in_layer(&layer, &token).is_empty());
}

#[test]
fn a_main_that_forges_a_journal_gains_nothing() {
    // Before what it plants, and after it: by the one, what is younger is removed.
    let plant = r"/usr/bin/git init -q . && /usr/bin/git config core.fsmonitor 'env > /home/app/stolen #'
        mkdir hooks bin; printf 'env > /home/app/stolen' > bin/git; chmod +x bin/git;";
    let forge = r#"printf '{"version":1,"state":"setup-running","time":1,"scan":["/workspace"],"findings":0}' > .vestibule-journal;"#;
    for lines in [[plant, forge], [forge, plant]] {
        let layer = Layer::new();
        let look = r#"[ -z "$(ls -A | grep -v .vestibule-journal)" ] || { echo prepared ground; exit 9; }
            /usr/bin/git status 2> /dev/null; mkdir app; : > app/done; echo setup"#;
        let rules = Rules::of(&[sh_with_token(look)]);
        let rules = rules.setup("skip_if", json!("/workspace/app/done"));
        let main = format!(
            "echo main; [ -e /home/app/been ] && exit 0; : > /home/app/been; rm -rf app; {}{} exit 0",
            lines[0], lines[1]
        );
        let scene = rules.main_sh(&main).on(&layer);
        let first = scene.clone().run().expect_code(0);
        assert_eq!(first.stdout, "setup\nmain\n");
        let second = scene.run();
        let said = format!("{}{}", second.stdout, second.stderr);
        assert!(!said.contains("prepared ground"), "{said}");
        assert!(!layer.at("/home/app/stolen").exists(), "{said}");
        let is_anew = second.stdout == "setup\nmain\n";
        assert!(is_anew || second.code() == 100, "{said}");
    }
}
