//! The variables by which git finds our helper, and nobody else's.
//!
//! In: where vestibule is, where the socket is. Out: variables for a command
//! with `"git": true`, and which of the container's it does not get.
//!
//! `GIT_CONFIG_COUNT` counts more than every file, leaves nothing behind, and is
//! passed on to submodules (git-config(1), ENVIRONMENT). An empty
//! `credential.helper` forgets every helper named before, in whichever file and
//! for whichever address. The system's configuration stays in force: it is the
//! image's, and packages register there how large files are fetched.
//!
//! **Never:** a value. A prompt, which would wait for nobody.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use super::fault::GitFault;

/// What git's own variables may say about a command that has credentials: who
/// commits, which authorities and protocols are trusted, how large files and
/// slow servers are dealt with.
const PASSED: [&str; 13] = [
    "GIT_ALLOW_PROTOCOL",
    "GIT_AUTHOR_",
    "GIT_CEILING_DIRECTORIES",
    "GIT_CLONE_PROTECTION_ACTIVE",
    "GIT_COMMITTER_",
    "GIT_DEFAULT_",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_HTTP_",
    "GIT_LFS_",
    "GIT_OPTIONAL_LOCKS",
    "GIT_PROTOCOL_FROM_USER",
    "GIT_SSL_CA",
    "GIT_SSL_VERSION",
];

/// Other programs' ways to another helper, agent or copy of the traffic.
const FOREIGN: [&str; 6] = [
    "SSH_AGENT_PID",
    "SSH_ASKPASS",
    "SSH_ASKPASS_REQUIRE",
    "SSH_AUTH_SOCK",
    "SSLKEYLOGFILE",
    "GCM_",
];

/// Whether a command with credentials gets a container variable of this name.
/// `GIT_TRACE` would write traffic to a file, `GIT_CONFIG_*` name another helper,
/// `GIT_SSH*` and `GIT_EXEC_PATH` another program, `GIT_SSL_NO_VERIFY` send the
/// credential to whoever answers.
#[must_use]
pub fn is_passed(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let starts = |prefix: &&str| name.starts_with(prefix.as_bytes());
    if name.starts_with(b"GIT_") {
        return PASSED.iter().any(&starts);
    }
    !FOREIGN.iter().any(starts)
}

/// The variables for a command that may use git's credentials.
pub fn variables(vestibule: &Path, socket: &Path) -> Result<Vec<(OsString, OsString)>, GitFault> {
    if !vestibule.is_absolute() {
        return Err(GitFault::Program(vestibule.into()));
    }
    let settings = [
        ("credential.helper", OsString::new()),
        ("credential.helper", helper(vestibule, socket)),
        ("credential.useHttpPath", "true".into()),
        ("core.askPass", OsString::new()),
    ];
    let mut variables: Vec<(OsString, OsString)> = vec![
        // Empty is "none", and unset would be "look further".
        ("GIT_ASKPASS".into(), OsString::new()),
        ("GIT_TERMINAL_PROMPT".into(), "0".into()),
        ("SSH_ASKPASS_REQUIRE".into(), "never".into()),
        ("GIT_CONFIG_COUNT".into(), settings.len().to_string().into()),
    ];
    for (at, (key, value)) in settings.into_iter().enumerate() {
        variables.push((format!("GIT_CONFIG_KEY_{at}").into(), key.into()));
        variables.push((format!("GIT_CONFIG_VALUE_{at}").into(), value));
    }
    Ok(variables)
}

/// The shell's line for our helper; git adds the operation.
fn helper(vestibule: &Path, socket: &Path) -> OsString {
    let mut line = OsString::from("!");
    line.push(quoted(vestibule.as_os_str()));
    line.push(" git-credential --socket ");
    line.push(quoted(socket.as_os_str()));
    line
}

/// A word of a shell's line: within single quotes a shell leaves everything but
/// the single quote alone.
pub(super) fn quoted(word: &OsStr) -> OsString {
    let mut line = vec![b'\''];
    for &byte in word.as_bytes() {
        match byte {
            b'\'' => line.extend(b"'\\''"),
            other => line.push(other),
        }
    }
    line.push(b'\'');
    OsString::from_vec(line)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::Path;

    use super::{helper, is_passed, variables};

    #[test]
    fn what_leads_elsewhere_is_not_passed() {
        for name in [
            "GIT_TRACE",
            "GIT_TRACE_CURL",
            "GIT_TRACE2_EVENT",
            "GIT_CURL_VERBOSE",
            "GIT_CONFIG",
            "GIT_CONFIG_COUNT",
            "GIT_CONFIG_VALUE_7",
            "GIT_CONFIG_PARAMETERS",
            "GIT_CONFIG_GLOBAL",
            "GIT_ASKPASS",
            "GIT_SSH",
            "GIT_SSH_COMMAND",
            "GIT_SSL_NO_VERIFY",
            "GIT_SSL_KEY",
            "GIT_EXEC_PATH",
            "GIT_TEMPLATE_DIR",
            "GIT_DIR",
            "GIT_PROXY_COMMAND",
            "SSH_AUTH_SOCK",
            "SSH_ASKPASS",
            "SSLKEYLOGFILE",
        ] {
            assert!(!is_passed(OsStr::new(name)), "{name}");
        }
        for name in [
            "PATH",
            "GITHUB_REPOSITORY",
            "GIT_AUTHOR_NAME",
            "GIT_COMMITTER_EMAIL",
            "GIT_SSL_CAINFO",
            "GIT_SSL_CAPATH",
            "GIT_LFS_SKIP_SMUDGE",
            "GIT_HTTP_LOW_SPEED_TIME",
            "HTTPS_PROXY",
            "SSL_CERT_FILE",
        ] {
            assert!(is_passed(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn every_setting_is_counted() {
        let found = variables(Path::new("/vestibule"), Path::new("/run/v/git")).unwrap();
        let of = |name: &str| {
            let entry = found.iter().find(|(known, _)| known == name);
            entry.map(|(_, value)| value.to_str().unwrap().to_owned())
        };
        let count: usize = of("GIT_CONFIG_COUNT").unwrap().parse().unwrap();
        for at in 0..count {
            assert!(of(&format!("GIT_CONFIG_KEY_{at}")).is_some());
            assert!(of(&format!("GIT_CONFIG_VALUE_{at}")).is_some());
        }
        assert!(of(&format!("GIT_CONFIG_KEY_{count}")).is_none());
        assert_eq!(of("GIT_CONFIG_KEY_0").unwrap(), "credential.helper");
        assert_eq!(of("GIT_CONFIG_VALUE_0").unwrap(), "");
        assert_eq!(
            of("GIT_CONFIG_VALUE_1").unwrap(),
            "!'/vestibule' git-credential --socket '/run/v/git'"
        );
        assert!(variables(Path::new("vestibule"), Path::new("/x")).is_err());
    }

    #[test]
    fn a_shell_sees_odd_paths_as_they_are() {
        assert_eq!(
            helper(Path::new("/a b/it's $(x)"), Path::new("/s")),
            r"!'/a b/it'\''s $(x)' git-credential --socket '/s'"
        );
    }
}
