//! Whose a finding can be: what setup's user could not have written it did not leave.
//!
//! In: paths of findings. Out: for each whether setup's user could have written there,
//! as the kernel answers it: by owner, mode, access list and mount.
//!
//! Age alone blames the innocent: in a container that was made anew over a volume the
//! files of a later image are younger than the setup that the volume tells of.
//!
//! **Never:** an error taken for innocence: only a refused right is.

use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{FileStat, SFlag, lstat};
use nix::unistd::{AccessFlags, faccessat, geteuid};

use super::as_user::ask;
use crate::collect::accounts::Identity;

/// Whether setup's user could have written each of them. Where it cannot be asked, it
/// could; a root could anyway.
pub(super) fn could_have_written(paths: &[&Path], setup: &Identity) -> Vec<bool> {
    let anything = || vec![true; paths.len()];
    if setup.is_root() || paths.is_empty() {
        return anything();
    }
    let each = || {
        paths
            .iter()
            .map(|path| u8::from(could_write(path)))
            .collect()
    };
    match ask(setup, &each) {
        Ok(answer) if answer.len() == paths.len() => {
            answer.into_iter().map(|could| could == 1).collect()
        }
        Ok(_) | Err(_) => anything(),
    }
}

/// Whether this process's user could have made what is there, or changed it: the
/// entry or its directory is its own (then any mode can have been another meanwhile),
/// or may be written.
fn could_write(path: &Path) -> bool {
    [Some(path), path.parent()]
        .into_iter()
        .flatten()
        .any(|path| match lstat(path) {
            Ok(stat) => is_own(&stat) || may_write(path, &stat),
            // It could not come here, unless it shut a directory of its own.
            Err(Errno::EACCES) => {
                let mut above = path.ancestors().skip(1);
                above.any(|above| lstat(above).is_ok_and(|stat| is_own(&stat)))
            }
            Err(_) => true,
        })
}

fn is_own(stat: &FileStat) -> bool {
    stat.st_uid == geteuid().as_raw()
}

fn may_write(path: &Path, stat: &FileStat) -> bool {
    // The mode of a link says nothing: who may write its directory can replace it.
    let is_link = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFLNK;
    let answer = faccessat(
        AT_FDCWD,
        path,
        AccessFlags::W_OK,
        nix::fcntl::AtFlags::empty(),
    );
    !is_link && !matches!(answer, Err(Errno::EACCES | Errno::EROFS))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions, create_dir};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::{Path, PathBuf};

    use nix::unistd::{Gid, Uid, chown};

    use super::super::tests::Place;
    use super::{Identity, could_have_written};

    fn agent() -> Identity {
        Identity {
            uid: 1000,
            gid: 1000,
            groups: vec![1000, 2000],
            home: PathBuf::from("/"),
        }
    }

    #[track_caller]
    fn expect(place: &Place, name: &str, could: bool) {
        let path = place.0.join(name);
        assert_eq!(could_have_written(&[&path], &agent()), [could], "{name}");
    }

    fn own(place: &Place, name: &str) {
        let agent = Some(Uid::from_raw(1000));
        chown(&place.0.join(name), agent, Some(Gid::from_raw(1000))).unwrap();
    }

    fn mode(place: &Place, name: &str, mode: u32) {
        fs::set_permissions(place.0.join(name), Permissions::from_mode(mode)).unwrap();
    }

    fn place() -> Place {
        let place = Place::new();
        fs::set_permissions(&place.0, Permissions::from_mode(0o755)).unwrap();
        place
    }

    #[test]
    fn what_another_owns_in_a_directory_of_another_is_nobody_s_but_theirs() {
        let place = place();
        place.write("etc/gitconfig", "x");
        symlink("nowhere", place.0.join("etc/link")).unwrap();
        expect(&place, "etc/gitconfig", false);
        expect(&place, "etc/link", false);
        place.write("shut/below/file", "x");
        mode(&place, "shut", 0o700);
        expect(&place, "shut/below/file", false);
    }

    #[test]
    fn by_owner_mode_group_and_directory_it_could() {
        let place = place();
        let names = [
            "own/file",
            "open/file",
            "group/file",
            "in-open/file",
            "in-own/file",
        ];
        for name in names {
            place.write(name, "x");
        }
        own(&place, "own/file");
        mode(&place, "own/file", 0o444);
        mode(&place, "open/file", 0o666);
        chown(&place.0.join("group/file"), None, Some(Gid::from_raw(2000))).unwrap();
        mode(&place, "group/file", 0o664);
        mode(&place, "in-open", 0o777);
        own(&place, "in-own");
        mode(&place, "in-own", 0o555);
        for name in names {
            expect(&place, name, true);
        }
    }

    #[test]
    fn what_it_shut_from_itself_it_could_have_written_and_so_what_is_not_there() {
        let place = place();
        place.write("own/below/file", "x");
        own(&place, "own");
        mode(&place, "own", 0);
        expect(&place, "own/below/file", true);
        expect(&place, "absent/file", true);
        let long = place.0.join("x/".repeat(3000));
        assert_eq!(could_have_written(&[&long], &agent()), [true]);
    }

    #[test]
    fn a_root_could_write_anything_and_so_could_who_cannot_be_asked() {
        for uid in [0, u32::MAX] {
            let user = Identity { uid, ..agent() };
            let path = Path::new("/etc/passwd");
            assert_eq!(could_have_written(&[path], &user), [true], "{uid}");
        }
        let place = place();
        create_dir(place.0.join("x")).unwrap();
        expect(&place, "x", false);
    }
}
