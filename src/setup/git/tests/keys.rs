//! What is a private key that an agent takes.

use crate::setup::git::key::{KEY_BYTES, KeyProblem, check};

fn key(first: &str, body: &str, last: &str) -> String {
    format!("-----BEGIN {first}-----\n{body}\n-----END {last}-----")
}

#[test]
fn a_key_without_a_passphrase_is_taken_in_every_form() {
    let open = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW";
    for text in [
        key("OPENSSH PRIVATE KEY", open, "OPENSSH PRIVATE KEY"),
        key("RSA PRIVATE KEY", "MIIE", "RSA PRIVATE KEY"),
        key("PRIVATE KEY", "MIIE", "PRIVATE KEY"),
        key("EC PRIVATE KEY", "MHcC", "EC PRIVATE KEY") + "\n",
    ] {
        assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
    }
}

#[test]
fn anything_else_is_refused_by_what_it_is() {
    let closed = "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0";
    let openssh = "OPENSSH PRIVATE KEY";
    for (text, problem) in [
        (key(openssh, closed, openssh), KeyProblem::Passphrase),
        (
            key("ENCRYPTED PRIVATE KEY", "MIIE", "ENCRYPTED PRIVATE KEY"),
            KeyProblem::Passphrase,
        ),
        (
            key(
                "RSA PRIVATE KEY",
                "Proc-Type: 4,ENCRYPTED",
                "RSA PRIVATE KEY",
            ),
            KeyProblem::Passphrase,
        ),
        (key("RSA PRIVATE KEY", "x", "PRIVATE KEY"), KeyProblem::Cut),
        (
            key("RSA PRIVATE KEY", "x", "RSA PRIVATE KEY").replace('\n', "\r\n"),
            KeyProblem::CarriageReturns,
        ),
        ("ssh-ed25519 AAAA me".into(), KeyProblem::Public),
        ("sk-ssh-ed25519@openssh.com AAAA".into(), KeyProblem::Public),
        (
            "PuTTY-User-Key-File-3: ssh-ed25519".into(),
            KeyProblem::Putty,
        ),
        ("ghp_token".into(), KeyProblem::NotAKey),
        (key("CERTIFICATE", "x", "CERTIFICATE"), KeyProblem::NotAKey),
        (String::new(), KeyProblem::NotAKey),
        ("x".repeat(KEY_BYTES + 1), KeyProblem::TooLong),
    ] {
        assert_eq!(check(text.as_bytes()), Err(problem), "{text}");
        assert!(!problem.to_string().is_empty() && !problem.remedy().is_empty());
    }
}
