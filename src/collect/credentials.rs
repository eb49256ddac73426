//! What looks like a credential, by name or by form.
//!
//! In: a container variable, or the name of a secret file. Out: a yes or no.
//!
//! **Never:** a promise: an unknown form passes. That is why a policy has an
//! exact `inherit`, and why values are compared as well.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::policy::expansion::looks_like_credential_name;
use crate::redact::token::starts_like_a_token;

/// Services whose `_token`, `_pat` and `_password` are Git credentials.
const GIT_HOSTS: [&str; 6] = ["git", "gh", "github", "gitlab", "bitbucket", "gitea"];

/// Whether a container variable looks like a credential.
#[must_use]
pub fn looks_like_one(name: &str, value: &OsStr) -> bool {
    let value = value.as_bytes();
    looks_like_credential_name(name) || starts_like_a_token(value) || has_user_info(value)
}

/// Whether a text holds `scheme://…:…@`: a URL with a password, RFC 3986, 3.2.1.
fn has_user_info(value: &[u8]) -> bool {
    let Some(start) = value.windows(3).position(|window| window == b"://") else {
        return false;
    };
    let rest = value.get(start + 3..).unwrap_or_default();
    let authority = rest
        .split(|byte| b"/?#".contains(byte))
        .next()
        .unwrap_or_default();
    // A raw `/` in a password ends the authority early; an `@` behind it still
    // tells that somebody put a credential there.
    authority.contains(&b'@') || (authority.contains(&b':') && rest.contains(&b'@'))
}

/// Whether a secret file of this normalised name is a Git credential, which is
/// for setup only.
#[must_use]
pub fn is_for_git(name: &str) -> bool {
    let of_a_host = GIT_HOSTS.iter().any(|host| {
        name.strip_prefix(host)
            .is_some_and(|rest| matches!(rest, "_token" | "_pat" | "_password"))
    });
    of_a_host
        || name == "git_credentials"
        || name == "netrc"
        || name.contains("deploy_key")
        || name.starts_with("ssh_key")
        || matches!(name, "id_rsa" | "id_ed25519" | "id_ecdsa")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{is_for_git, looks_like_one};

    #[test]
    fn credentials_are_known_by_name_by_prefix_and_by_user_info() {
        for (name, value) in [
            ("GITHUB_TOKEN", "x"),
            ("API_KEY", "x"),
            ("CLIENT_SECRET", "x"),
            ("DB_PASSWORD", "x"),
            ("PASSWD", "x"),
            ("AWS_CREDENTIALS", "x"),
            ("ANY", "ghp_abc"),
            ("ANY", "sk-ant-abc"),
            ("ANY", "-----BEGIN KEY"),
            ("URL", "postgres://u:p@h/db"),
            ("URL", "redis://:p@h"),
            ("URL", "amqp://u@h"),
            ("URL", "x://u:a/b@h"),
        ] {
            assert!(
                looks_like_one(name, OsStr::new(value)),
                "{name} by its form"
            );
        }
    }

    #[test]
    fn ordinary_variables_are_no_credentials() {
        for (name, value) in [
            ("PATH", "/bin"),
            ("LANG", "C.UTF-8"),
            ("HOST", "db:5432"),
            ("URL", "http://minio:9000/"),
            ("URL", "http://h/users/@me"),
            ("KEYBOARD", "de"),
            ("TOKENS", "5"),
            ("MAIL", "a@b"),
        ] {
            assert!(!looks_like_one(name, OsStr::new(value)), "{name}={value}");
        }
    }

    #[test]
    fn git_credentials_are_told_from_application_secrets() {
        for name in [
            "git_credentials",
            "github_token",
            "gh_pat",
            "gitlab_password",
            "gitea_token",
            "bitbucket_pat",
            "my_deploy_key_2",
            "ssh_key",
            "ssh_key_ed25519",
            "id_rsa",
            "id_ed25519",
            "id_ecdsa",
            "netrc",
        ] {
            assert!(is_for_git(name), "{name}");
        }
        for name in [
            "github_app_private_key",
            "github_webhook_secret",
            "github_client_secret",
            "gitter_token",
            "id_dsa2",
            "token",
            "deploy",
            "digit_token",
        ] {
            assert!(!is_for_git(name), "{name}");
        }
    }
}
