//! Users and groups, from `/etc/passwd` and `/etc/group` alone.
//!
//! In: the two files' bytes and a user as a policy names it. Out: numbers and a
//! home directory, resolved once for the whole start.
//!
//! **Never:** NSS: a static program has no modules to load, and an answer from
//! the network is no base for dropping privileges.

use std::fs;
use std::path::PathBuf;

use nix::unistd::{getegid, geteuid, getgroups};

use crate::policy::UserSpec;

/// Who a process runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Real, effective and saved user id.
    pub uid: u32,
    /// Real, effective and saved group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// The home directory; `/` for a number without an entry.
    pub home: PathBuf,
}

impl Identity {
    /// Root, who is asked for on behalf of whoever has its rights over files.
    #[must_use]
    pub fn root() -> Self {
        Self {
            uid: 0,
            gid: 0,
            groups: vec![0],
            home: PathBuf::from("/"),
        }
    }

    /// Who this process is.
    #[must_use]
    pub fn own() -> Self {
        let groups = getgroups().unwrap_or_default();
        Self {
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
            groups: groups.iter().map(|gid| gid.as_raw()).collect(),
            home: PathBuf::from("/"),
        }
    }
}

/// Why a user cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountProblem {
    /// No line of `/etc/passwd` has this name.
    UnknownUser(String),
    /// No line of `/etc/group` has this name.
    UnknownGroup(String),
    /// A number without an entry, so its group is unknown.
    GroupMissing(u32),
}

/// The two files, as far as they could be read.
#[derive(Debug, Default)]
pub struct Accounts {
    passwd: Vec<u8>,
    group: Vec<u8>,
}

struct User<'a> {
    name: &'a [u8],
    uid: u32,
    gid: u32,
    home: &'a [u8],
}

impl Accounts {
    /// Reads both files; an image without them has numbers only.
    #[must_use]
    pub fn read() -> Self {
        Self::from_bytes(
            fs::read("/etc/passwd").unwrap_or_default(),
            fs::read("/etc/group").unwrap_or_default(),
        )
    }

    /// Takes the files' bytes.
    #[must_use]
    pub fn from_bytes(passwd: Vec<u8>, group: Vec<u8>) -> Self {
        Self { passwd, group }
    }

    /// Resolves a user. An explicit group is the only one; without it the
    /// user's own and supplementary groups count.
    pub fn resolve(&self, spec: &UserSpec) -> Result<Identity, AccountProblem> {
        let number = id(spec.user.as_bytes());
        let user = match number {
            Some(uid) => self.users().find(|user| user.uid == uid),
            None => Some(
                self.users()
                    .find(|user| user.name == spec.user.as_bytes())
                    .ok_or_else(|| AccountProblem::UnknownUser(spec.user.clone()))?,
            ),
        };
        let uid = user
            .as_ref()
            .map(|user| user.uid)
            .or(number)
            .unwrap_or(u32::MAX);
        let home = user.as_ref().map_or_else(|| PathBuf::from("/"), User::home);
        let (gid, groups) = match (&spec.group, &user) {
            (Some(group), _) => {
                let gid = self.group_id(group)?;
                (gid, vec![gid])
            }
            (None, Some(user)) => (user.gid, self.groups_of(user)),
            (None, None) => return Err(AccountProblem::GroupMissing(uid)),
        };
        Ok(Identity {
            uid,
            gid,
            groups,
            home,
        })
    }

    fn group_id(&self, group: &str) -> Result<u32, AccountProblem> {
        if let Some(gid) = id(group.as_bytes()) {
            return Ok(gid);
        }
        lines(&self.group)
            .filter(|fields| fields.first() == Some(&group.as_bytes()))
            .find_map(|fields| id(fields.get(2)?))
            .ok_or_else(|| AccountProblem::UnknownGroup(group.into()))
    }

    fn groups_of(&self, user: &User<'_>) -> Vec<u32> {
        let mut groups = vec![user.gid];
        for fields in lines(&self.group) {
            let (Some(gid), Some(members)) = (fields.get(2).and_then(|gid| id(gid)), fields.get(3))
            else {
                continue;
            };
            let is_member = members
                .split(|&byte| byte == b',')
                .any(|member| member == user.name);
            if is_member && !groups.contains(&gid) {
                groups.push(gid);
            }
        }
        groups
    }

    fn users(&self) -> impl Iterator<Item = User<'_>> {
        lines(&self.passwd).filter_map(|fields| {
            let [name, _, uid, gid, _, home, ..] = fields.as_slice() else {
                return None;
            };
            Some(User {
                name,
                uid: id(uid)?,
                gid: id(gid)?,
                home,
            })
        })
    }
}

impl User<'_> {
    fn home(&self) -> PathBuf {
        use std::os::unix::ffi::OsStrExt;
        // As login(1) has it: what is no absolute path is `/`.
        let home = if self.home.starts_with(b"/") {
            self.home
        } else {
            b"/"
        };
        PathBuf::from(std::ffi::OsStr::from_bytes(home))
    }
}

fn lines(file: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    file.split(|&byte| byte == b'\n')
        // A NUL would end a field for the kernel, and with HOME its whole variable.
        .filter(|line| !line.starts_with(b"#") && !line.contains(&0))
        .map(|line| line.split(|&byte| byte == b':').collect())
}

/// A whole decimal number; the last one means "no id" to the kernel
/// (setresuid(2)), so it names nobody.
fn id(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|&number| is_number && number != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{AccountProblem, Accounts};
    use crate::policy::UserSpec;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh\n# note\nbroken\ngames:x:5:60:games:/usr/games:/bin/sh\nempty:x:7:7:::\n";
    const GROUP: &[u8] =
        b"root:x:0:\ndaemon:x:1:games,other\ngames:x:60:games\naudio:x:29:games\nbad:x:x:games\n";

    fn resolve(
        user: &str,
        group: Option<&str>,
    ) -> Result<(u32, u32, Vec<u32>, String), AccountProblem> {
        let accounts = Accounts::from_bytes(PASSWD.to_vec(), GROUP.to_vec());
        let spec = UserSpec {
            user: user.into(),
            group: group.map(String::from),
        };
        let found = accounts.resolve(&spec)?;
        Ok((
            found.uid,
            found.gid,
            found.groups,
            found.home.display().to_string(),
        ))
    }

    #[test]
    fn a_name_brings_its_groups_and_home() {
        assert_eq!(
            resolve("games", None),
            Ok((5, 60, vec![60, 1, 29], "/usr/games".into()))
        );
        assert_eq!(
            resolve("5", None),
            Ok((5, 60, vec![60, 1, 29], "/usr/games".into()))
        );
        assert_eq!(resolve("root", None), Ok((0, 0, vec![0], "/root".into())));
        assert_eq!(resolve("empty", None), Ok((7, 7, vec![7], "/".into())));
    }

    #[test]
    fn a_home_is_an_absolute_path_and_a_line_with_a_nul_is_none() {
        let passwd = b"a:x:1:1::relative:\nb:x:2:2::/usr/\0games:\nb:x:3:3::/b:\n";
        let accounts = Accounts::from_bytes(passwd.to_vec(), Vec::new());
        let home = |user: &str| {
            let spec = UserSpec {
                user: user.into(),
                group: None,
            };
            accounts.resolve(&spec).unwrap().home
        };
        assert_eq!(home("a").to_str(), Some("/"));
        assert_eq!(home("b").to_str(), Some("/b"));
    }

    #[test]
    fn an_explicit_group_is_the_only_one() {
        assert_eq!(
            resolve("games", Some("daemon")),
            Ok((5, 1, vec![1], "/usr/games".into()))
        );
        assert_eq!(
            resolve("1000", Some("1000")),
            Ok((1000, 1000, vec![1000], "/".into()))
        );
    }

    #[test]
    fn what_is_not_there_is_not_guessed() {
        assert_eq!(
            resolve("bogus", None),
            Err(AccountProblem::UnknownUser("bogus".into()))
        );
        assert_eq!(
            resolve("0day", None),
            Err(AccountProblem::UnknownUser("0day".into()))
        );
        assert_eq!(
            resolve("", None),
            Err(AccountProblem::UnknownUser(String::new()))
        );
        assert_eq!(
            resolve("4294967295", None),
            Err(AccountProblem::UnknownUser("4294967295".into()))
        );
        assert_eq!(
            resolve("0", Some("bogus")),
            Err(AccountProblem::UnknownGroup("bogus".into()))
        );
        assert_eq!(
            resolve("0", Some("0day")),
            Err(AccountProblem::UnknownGroup("0day".into()))
        );
        assert_eq!(
            resolve("1000", None),
            Err(AccountProblem::GroupMissing(1000))
        );
    }
}
