//! Files that are a trace by being there.
//!
//! In: a path below a home directory, or a whole one. Out: what it is.
//!
//! **Never:** contents: what holds a credential only sometimes is looked into as an
//! artefact.

use std::path::Path;

use super::Kind;

/// Below a home directory; one that ends with `/` means all files in it.
const IN_HOME: &[(&str, Kind)] = &[
    (".git-credentials", Kind::CredentialStore),
    (".config/git/credentials", Kind::CredentialStore),
    (".cache/git/credential/", Kind::CredentialCache),
    (".git-credential-cache/", Kind::CredentialCache),
    (".netrc", Kind::Netrc),
    ("_netrc", Kind::Netrc),
    (".authinfo", Kind::Netrc),
    (".config/gh/hosts.yml", Kind::ToolCredential),
    (".config/hub", Kind::ToolCredential),
    (".config/glab-cli/", Kind::ToolCredential),
    (".config/tea/", Kind::ToolCredential),
    (".docker/config.json", Kind::ToolCredential),
    (".config/containers/auth.json", Kind::ToolCredential),
    (".pypirc", Kind::ToolCredential),
    (".config/pypoetry/auth.toml", Kind::ToolCredential),
    (".local/share/uv/credentials/", Kind::ToolCredential),
    (".cargo/credentials.toml", Kind::ToolCredential),
    (".cargo/credentials", Kind::ToolCredential),
    (".gem/credentials", Kind::ToolCredential),
    (".bundle/config", Kind::ToolCredential),
    (".m2/settings.xml", Kind::ToolCredential),
    (".m2/settings-security.xml", Kind::ToolCredential),
    (".gradle/gradle.properties", Kind::ToolCredential),
    (".composer/auth.json", Kind::ToolCredential),
    (".config/composer/auth.json", Kind::ToolCredential),
    (".aws/", Kind::ToolCredential),
    (".kube/", Kind::ToolCredential),
    (".config/gcloud/", Kind::ToolCredential),
    (".azure/", Kind::ToolCredential),
    (".config/doctl/", Kind::ToolCredential),
    (".config/op/", Kind::ToolCredential),
    (".terraform.d/credentials.tfrc.json", Kind::ToolCredential),
    (".terraformrc", Kind::ToolCredential),
    (".vault-token", Kind::ToolCredential),
    (".pgpass", Kind::ToolCredential),
    (".my.cnf", Kind::ToolCredential),
    (".config/rclone/rclone.conf", Kind::ToolCredential),
    (".ssh/", Kind::ToolCredential),
    (".gnupg/", Kind::ToolCredential),
    (".bash_history", Kind::History),
    (".zsh_history", Kind::History),
    (".ash_history", Kind::History),
    (".sh_history", Kind::History),
    (".history", Kind::History),
    (".local/share/fish/fish_history", Kind::History),
    (".python_history", Kind::History),
    (".node_repl_history", Kind::History),
    (".psql_history", Kind::History),
    (".mysql_history", Kind::History),
    (".rediscli_history", Kind::History),
    (".profile", Kind::StartFile),
    (".bashrc", Kind::StartFile),
    (".bash_profile", Kind::StartFile),
    (".bash_login", Kind::StartFile),
    (".bash_logout", Kind::StartFile),
    (".bash_aliases", Kind::StartFile),
    (".zshrc", Kind::StartFile),
    (".zshenv", Kind::StartFile),
    (".zprofile", Kind::StartFile),
    (".zlogin", Kind::StartFile),
    (".kshrc", Kind::StartFile),
    (".config/fish/", Kind::StartFile),
    (".pam_environment", Kind::StartFile),
    (".config/environment.d/", Kind::StartFile),
    (".config/systemd/user/", Kind::StartFile),
    (".config/autostart/", Kind::StartFile),
    (".config/direnv/", Kind::StartFile),
    (".vimrc", Kind::StartFile),
    (".inputrc", Kind::StartFile),
];

/// Whole paths; again `/` means all in it.
const ANYWHERE: &[(&str, Kind)] = &[
    ("/etc/ld.so.preload", Kind::Preload),
    ("/etc/environment", Kind::StartFile),
    ("/etc/profile", Kind::StartFile),
    ("/etc/profile.d/", Kind::StartFile),
    ("/etc/bash.bashrc", Kind::StartFile),
    ("/etc/crontab", Kind::StartFile),
    ("/etc/cron.d/", Kind::StartFile),
    ("/var/spool/cron/", Kind::StartFile),
];

/// What a file is by its path below a home directory.
pub(super) fn in_home(below: &Path) -> Option<Kind> {
    let kind = named(below, IN_HOME)?;
    (!is_public(below)).then_some(kind)
}

/// What a file is by its whole path.
pub(super) fn anywhere(path: &Path) -> Option<Kind> {
    named(path, ANYWHERE)
}

/// The paths outside of every tree that are always looked at.
pub(super) fn whole_paths() -> impl Iterator<Item = &'static Path> {
    ANYWHERE.iter().map(|(path, _)| Path::new(*path))
}

fn named(path: &Path, table: &[(&str, Kind)]) -> Option<Kind> {
    let matches = |entry: &str| match entry.strip_suffix('/') {
        Some(directory) => path != Path::new(directory) && path.starts_with(directory),
        None => path == Path::new(entry),
    };
    table
        .iter()
        .find(|(entry, _)| matches(entry))
        .map(|(_, kind)| *kind)
}

/// Host keys and the public halves of keys, which a clone over SSH leaves.
fn is_public(below: &Path) -> bool {
    let name = below.file_name().and_then(|name| name.to_str());
    let is_half = below
        .extension()
        .is_some_and(|extension| extension == "pub");
    let is_ssh = below.starts_with(".ssh");
    let is_gnupg = below.starts_with(".gnupg") && !below.starts_with(".gnupg/private-keys-v1.d");
    name.is_some_and(|name| {
        (is_ssh && (name.starts_with("known_hosts") || is_half))
            || (is_gnupg && !name.starts_with("secring"))
    })
}
