//! The ground that setup stands on: its directory, its home, its programs.
//!
//! In: where setup works and who main is. Out: everything that an earlier main
//! could have prepared, such as a `.git/config` with a command in it, a shell's
//! start file or a program in front of the real one.
//!
//! **Never:** a look at contents: a directory is empty or it is not trusted.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::phase::DEFAULT_PATH;
use crate::collect::accounts::Identity;
use crate::collect::replaceable::{Unjudged, Weakness, find};
use crate::collect::setup::SetupMaterial;
use crate::exit::Exit;
use crate::policy::{Home, Reuse, SetupRules};
use crate::report::{Fault, boxed, quote};
use crate::seal::as_user::ask;
use crate::seal::journal;
use crate::seal::since::PROBE;
use crate::seal::wording::shown_path;

/// What setup with credentials would stand on.
pub struct Ground<'a> {
    /// Where its commands start, if not in their home.
    pub directory: Option<&'a Path>,
    /// Whether its home is made for it and removed afterwards.
    pub has_private_home: bool,
    /// Where its programs are looked for.
    pub path: &'a OsStr,
    /// Who could have prepared it.
    pub main: &'a Identity,
    /// Setup's user, who can look where a root without its capabilities may not.
    pub setup: &'a Identity,
}

/// Something that an earlier main could have prepared.
#[derive(Debug)]
pub enum GroundFault {
    /// There are files already.
    NotEmpty {
        /// Setup's directory.
        directory: PathBuf,
        /// One of them.
        entry: OsString,
    },
    /// Whether there are cannot be told.
    Unknown {
        /// Setup's directory.
        directory: PathBuf,
        /// Why not.
        kind: ErrorKind,
    },
    /// The home directory is main's too.
    SharedHome,
    /// A part of PATH that depends on where a command starts.
    Relative(OsString),
    /// Main's user could put programs there.
    Writable {
        /// The part of PATH.
        directory: PathBuf,
        /// What lets it.
        weakness: Weakness,
        /// Main's uid.
        uid: u32,
    },
    /// Whether main's user could put programs there cannot be told.
    Unjudged {
        /// The part of PATH.
        directory: PathBuf,
        /// What stood in the way.
        unjudged: Unjudged,
    },
}

/// Whether it matters who has been here before, and what setup wrote is removed
/// where it does not come to its end. Without a credential there is nothing to
/// win, and what is there may be somebody's work.
#[must_use]
pub fn is_needed(rules: &SetupRules) -> bool {
    rules.has_credentials() && rules.reuse == Reuse::Refused
}

/// All that speaks against setup where it is about to run.
#[must_use]
pub fn faults(
    rules: &SetupRules,
    material: &SetupMaterial,
    setup: &Identity,
    main: &Identity,
) -> Vec<Box<dyn Fault>> {
    if !is_needed(rules) {
        return Vec::new();
    }
    let path = material.commands.first();
    let path = path.and_then(|command| command.environment.search_path());
    let directory = rules.directory.as_ref();
    let ground = Ground {
        directory: directory.map(|(path, _)| path.as_path()),
        has_private_home: rules.home == Home::Private,
        path: path.unwrap_or(OsStr::new(DEFAULT_PATH)),
        main,
        setup,
    };
    ground.faults().into_iter().map(boxed).collect()
}

impl Ground<'_> {
    /// All that is not as it has to be. A root main can prepare anything and is
    /// asked about by `Trusted::could_be_prepared_by`.
    #[must_use]
    pub fn faults(&self) -> Vec<GroundFault> {
        let mut faults = Vec::new();
        let occupied = |directory| occupied(directory, self.setup);
        faults.extend(self.directory.and_then(occupied));
        if !self.has_private_home {
            faults.push(GroundFault::SharedHome);
        }
        for part in self.path.as_bytes().split(|&byte| byte == b':') {
            faults.extend(self.judge(Path::new(OsStr::from_bytes(part))));
        }
        faults
    }

    /// What speaks against a part of PATH.
    fn judge(&self, directory: &Path) -> Option<GroundFault> {
        if !directory.is_absolute() {
            return Some(GroundFault::Relative(directory.into()));
        }
        let uid = self.main.uid;
        let found = (uid != 0).then(|| find(directory, self.main, ask))?;
        let directory = directory.to_path_buf();
        match found {
            Ok(found) => found.map(|weakness| GroundFault::Writable {
                directory,
                weakness,
                uid,
            }),
            Err(unjudged) => Some(GroundFault::Unjudged {
                directory,
                unjudged,
            }),
        }
    }
}

/// Whether anything is there that could have been prepared.
enum Look {
    Nothing,
    Entry(OsString),
    Refused(ErrorKind),
}

fn occupied(directory: &Path, setup: &Identity) -> Option<GroundFault> {
    let mut found = look(directory);
    if matches!(found, Look::Refused(ErrorKind::PermissionDenied)) {
        let as_setup = ask(setup, &|| match look(directory) {
            Look::Nothing => vec![b'/'],
            Look::Entry(name) => name.into_vec(),
            Look::Refused(_) => Vec::new(),
        });
        match as_setup.unwrap_or_default() {
            name if name == b"/" => found = Look::Nothing,
            name if !name.is_empty() => found = Look::Entry(OsString::from_vec(name)),
            _ => {}
        }
    }
    let directory = directory.to_path_buf();
    match found {
        Look::Nothing => None,
        Look::Entry(entry) => Some(GroundFault::NotEmpty { directory, entry }),
        Look::Refused(kind) => Some(GroundFault::Unknown { directory, kind }),
    }
}

fn look(directory: &Path) -> Look {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Look::Nothing,
        Err(error) => return Look::Refused(error.kind()),
    };
    for entry in entries {
        match entry {
            Ok(entry) if is_expected(&entry) => {}
            Ok(entry) => return Look::Entry(entry.file_name()),
            Err(error) => return Look::Refused(error.kind()),
        }
    }
    Look::Nothing
}

/// Our journal, an empty probe that a crash left, and what a new ext4 volume
/// starts with.
fn is_expected(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    let is =
        |expected: fn(&fs::Metadata) -> bool| entry.metadata().is_ok_and(|found| expected(&found));
    let is_probe = name.as_bytes().starts_with(PROBE.as_bytes());
    name == journal::FILE
        || (is_probe && is(|found| found.is_file() && found.len() == 0))
        || (name == "lost+found" && is(|found| found.is_dir() && found.uid() == 0))
}

impl Fault for GroundFault {
    fn what(&self) -> String {
        let what = match self {
            Self::NotEmpty { directory, .. } => {
                format!("setup's directory {} is not empty", shown_path(directory))
            }
            Self::Unknown { directory, kind } => {
                format!("cannot look into {}: {kind}", shown_path(directory))
            }
            Self::SharedHome => "setup's home is kept".into(),
            Self::Relative(part) => format!(
                "{} in setup's PATH is no absolute path",
                quote(part.as_bytes())
            ),
            Self::Writable { directory, .. } => format!(
                "main's user could put programs into {}, which setup's PATH names",
                shown_path(directory)
            ),
            Self::Unjudged { directory, .. } => format!(
                "whether main's user could put programs into {}, which setup's PATH names, cannot be told",
                shown_path(directory)
            ),
        };
        format!(
            "{what}: setup with credentials runs only on ground that no earlier main can have prepared"
        )
    }

    fn place(&self) -> String {
        match self {
            Self::NotEmpty { directory, entry } => shown_path(&directory.join(entry)),
            Self::Unknown { directory, .. } => shown_path(directory),
            Self::SharedHome => "`setup.home`".into(),
            Self::Relative(_) => "PATH".into(),
            Self::Writable { weakness, uid, .. } => {
                let of = weakness.ownership;
                format!(
                    "{} (owner {}:{}, mode {:04o}); main's user is uid {uid}",
                    shown_path(&weakness.path),
                    of.uid,
                    of.gid,
                    of.mode
                )
            }
            Self::Unjudged { unjudged, .. } => unjudged.place(),
        }
    }

    fn remedy(&self) -> String {
        let trust = "or accept it by name: `\"reuse\": \"trusted\"` in `setup`";
        match self {
            Self::NotEmpty { .. } => format!(
                "start from an empty directory or volume, name what setup makes in `skip_if`, {trust}"
            ),
            Self::Unknown { .. } => format!("let PID 1 list the directory, {trust}"),
            Self::SharedHome => format!("take `\"home\": \"keep\"` out, {trust}"),
            Self::Relative(_) => format!("take it out of PATH, {trust}"),
            Self::Writable { .. } => {
                format!("take it out of PATH, or make root its owner and mode 0755, {trust}")
            }
            Self::Unjudged { unjudged, .. } => {
                format!("take it out of PATH, or {}, {trust}", unjudged.remedy())
            }
        }
    }

    fn exit(&self) -> Exit {
        Exit::Policy
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::{Ground, GroundFault, Identity};
    use crate::exit::Exit;
    use crate::report::Fault;
    use crate::seal::journal;
    use crate::seal::tests::Place;

    fn main(uid: u32) -> Identity {
        Identity {
            uid,
            gid: uid,
            groups: vec![uid],
            home: PathBuf::from("/"),
        }
    }

    fn place() -> Place {
        let place = Place::new();
        fs::set_permissions(&place.0, fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["work", "bin"] {
            fs::create_dir(place.0.join(name)).unwrap();
        }
        place
    }

    fn faults(place: &Place, path: &str, uid: u32) -> Vec<GroundFault> {
        let ground = Ground {
            directory: Some(&place.0.join("work")),
            has_private_home: true,
            path: OsStr::new(path),
            main: &main(uid),
            setup: &main(uid),
        };
        ground.faults()
    }

    #[test]
    fn an_empty_directory_and_root_s_programs_are_ground_to_stand_on() {
        let place = place();
        let path = format!("{}/bin:/usr/bin:/bin", place.0.display());
        assert!(faults(&place, &path, 1000).is_empty());
        place.write(&format!("work/{}", journal::FILE), "");
        fs::create_dir(place.0.join("work/lost+found")).unwrap();
        assert!(faults(&place, &path, 1000).is_empty());
        fs::remove_dir_all(place.0.join("work")).unwrap();
        assert!(faults(&place, &path, 1000).is_empty(), "it will be made");
    }

    #[test]
    fn a_directory_with_anything_in_it_is_not() {
        let place = place();
        place.write("work/app/.git/config", "");
        let found = faults(&place, "/usr/bin", 1000);
        let [fault] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert!(fault.place().ends_with("work/app"), "{}", fault.place());
        assert!(fault.remedy().contains("\"reuse\": \"trusted\""));
        assert_eq!(fault.exit(), Exit::Policy);
        fs::remove_dir_all(place.0.join("work")).unwrap();
        place.write("work", "a file");
        assert!(matches!(
            faults(&place, "/usr/bin", 1000).as_slice(),
            [GroundFault::Unknown { .. }]
        ));
    }

    #[test]
    fn a_directory_of_programs_that_main_can_write_is_not() {
        let place = place();
        let bin = place.0.join("bin");
        fs::set_permissions(&bin, fs::Permissions::from_mode(0o1777)).unwrap();
        let path = bin.to_str().unwrap();
        assert!(matches!(
            faults(&place, path, 1000).as_slice(),
            [GroundFault::Writable { uid: 1000, .. }]
        ));
        assert!(faults(&place, path, 0).is_empty(), "root is told otherwise");
        let absent = format!("{path}/absent");
        assert!(matches!(
            faults(&place, &absent, 1000).as_slice(),
            [GroundFault::Writable { .. }]
        ));
    }

    #[test]
    fn parts_of_path_that_move_and_a_home_that_is_kept_are_not() {
        let place = place();
        for path in [":/usr/bin", "/usr/bin:", "/usr/bin:.", "bin"] {
            let found = faults(&place, path, 1000);
            assert!(
                matches!(found.as_slice(), [GroundFault::Relative(_)]),
                "{path}: {found:?}"
            );
        }
        let ground = Ground {
            directory: Some(&place.0.join("work")),
            has_private_home: false,
            path: OsStr::new("/usr/bin"),
            main: &main(1000),
            setup: &main(1000),
        };
        assert!(matches!(
            ground.faults().as_slice(),
            [GroundFault::SharedHome]
        ));
    }
}
