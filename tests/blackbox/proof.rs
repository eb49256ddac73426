//! `vestibule exec --prove`: the attempts that let main start, made again.

use serde_json::Value;

use crate::harness::{Running, Scene, capability};
use crate::level::{at_work, end, root, session};

fn proof(running: &Running) -> Value {
    let outcome = running
        .beside(session(&["exec", "--prove", "--json"]))
        .finish();
    assert_eq!(outcome.stderr, "");
    let proof = outcome.expect_code(0).stdout;
    serde_json::from_str(&proof).expect("JSON")
}

#[test]
fn the_proof_can_be_shown_while_main_runs() {
    let running = at_work(root(&["wait"]));
    let outcome = running
        .beside(session(&["exec", "--prove"]))
        .finish()
        .expect_code(0);
    let first = outcome.stdout.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("proved: ") && first.ends_with("`github-token`"),
        "{first}"
    );
    assert!(
        outcome
            .stdout
            .contains("refused   opening `/run/secrets/github-token`")
    );
    let proof = proof(&running);
    assert_eq!(proof["confinement"], "proved");
    assert_eq!(proof["withheld"], serde_json::json!(["github-token"]));
    let attempts = proof["attempts"].as_array().expect("a list");
    assert!(attempts.len() > 20);
    for attempt in attempts {
        assert!(
            ["refused", "absent", "harmless"]
                .iter()
                .any(|word| attempt["outcome"] == *word),
            "{attempt}"
        );
        assert!(attempt["channel"].is_string() && attempt["target"].is_string());
    }
    end(running);
}

#[test]
fn the_proof_says_what_the_policy_accepts() {
    let policy = r#"{ "version": 1, "run": { "env": { "KEY": "api-key" },
        "capabilities": ["SYS_PTRACE"] } }"#;
    let held = capability::DOCKER | 1 << 19;
    let running = at_work(root(&["wait"]).policy(policy).capabilities(held));
    let scene = session(&["exec", "--prove", "--json"]).capabilities(held);
    let outcome = running.beside(scene).finish().expect_code(0);
    let proof: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let accepted: Vec<&Value> = proof["attempts"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|attempt| attempt["outcome"] == "accepted")
        .map(|attempt| &attempt["target"])
        .collect();
    assert_eq!(accepted, ["CAP_SYS_PTRACE"]);
    end(running);
}

#[test]
fn the_proof_claims_nothing_where_nothing_was_tried() {
    let waived = r#"{ "version": 1, "run": { "env": { "KEY": "api-key" },
        "confinement": "environment-only" } }"#;
    let open = Scene::main(&["wait"])
        .secret("api-key")
        .permits(&["api-key"]);
    for (scene, level) in [
        (root(&["wait"]).policy(waived), "environment-only"),
        (open, "nothing-withheld"),
        (Scene::main(&["wait"]), "nothing-withheld"),
    ] {
        let running = at_work(scene);
        let proof = proof(&running);
        assert_eq!(proof["confinement"], level);
        assert_eq!(proof["attempts"], serde_json::json!([]));
        end(running);
    }
}

#[test]
fn a_session_is_refused_where_a_secret_has_got_another_name() {
    // Somebody outside gives the file a second name that main can read.
    let running = at_work(
        Scene::main(&["wait"])
            .policy(r#"{ "version": 1, "secret_dirs": ["/secrets"] }"#)
            .secret_at("/secrets/pw", 0o444, (0, 0), str::to_owned)
            .capabilities(capability::DOCKER),
    );
    let secrets = running.init().path("root/secrets/pw");
    let public = running.init().path("root/public");
    std::fs::hard_link(secrets, public).expect("a second name");
    for words in [
        &["exec", "--prove"][..],
        &["exec", "/witness", "say", "main"],
    ] {
        let message = running.beside(session(words)).finish().expect_refusal(100);
        assert!(message.contains("/secrets/pw"), "{message}");
    }
    end(running);
}
