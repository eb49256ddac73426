//! "Since setup began", by the clock of the file system in question.
//!
//! In: a directory on a mount, before setup. Out: a mark that tells files that
//! changed since from those that did not. The time is that of a probe file on the
//! same mount: a server's clock may differ from ours. What is compared is ctime,
//! which no program can set back (utimensat(2)).
//!
//! **Never:** our own clock.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::unistd::{AccessFlags, faccessat, geteuid, mkstemp, unlink};

use super::as_user::ask;
use crate::collect::accounts::Identity;

use crate::sys::signal::{SignalSet, wait};
use crate::sys::statx::Mount;

/// A file system's clock moves at least this often (a jiffy is 1 to 10 ms).
const TICK: Duration = Duration::from_millis(1);
/// After as many ticks the clock is a coarse one, of a second or two.
const TICKS: u8 = 40;

/// A moment on one mount.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    mount: Mount,
    /// No file that was there before has a later ctime.
    last: Moment,
    /// Whether the clock has moved on, so that no later file has this ctime.
    has_ticked: bool,
}

/// Seconds and nanoseconds.
pub type Moment = (i64, i64);

/// What a probe is called; a crash may leave one, with nothing in it.
pub const PROBE: &str = ".vestibule-probe-";

impl Mark {
    /// Marks this moment for the mount that `directory` is on. Takes until the
    /// clock of the file system has moved, some milliseconds at most.
    pub fn set(directory: &Path) -> nix::Result<Self> {
        let mount = mount_of(directory)?;
        let last = probe(directory)?;
        for _ in 0..TICKS {
            if probe(directory)? > last {
                return Ok(Self {
                    mount,
                    last,
                    has_ticked: true,
                });
            }
            // An empty set: nothing arrives, the time passes.
            let _ = wait(SignalSet::default(), Some(TICK));
        }
        Ok(Self {
            mount,
            last,
            has_ticked: false,
        })
    }

    /// The same, if need be by a child of setup's user: it may write where a root
    /// without its capabilities may not.
    pub fn set_as(directory: &Path, setup: &Identity) -> nix::Result<Self> {
        Self::set(directory).or_else(|refused| {
            let answer = ask(setup, &|| {
                let (seconds, nanoseconds) =
                    Self::set(directory).map_or((0, 0), |mark| mark.began());
                [seconds.to_le_bytes(), nanoseconds.to_le_bytes()].concat()
            })?;
            let (seconds, rest) = answer.split_first_chunk().ok_or(refused)?;
            let nanoseconds = rest.first_chunk().ok_or(refused)?;
            match (
                i64::from_le_bytes(*seconds),
                i64::from_le_bytes(*nanoseconds),
            ) {
                (0, 0) => Err(refused),
                began => Self::at(directory, began),
            }
        })
    }

    /// A mark that was set in an earlier start, of which `began` was kept.
    pub fn at(path: &Path, began: Moment) -> nix::Result<Self> {
        Ok(Self {
            mount: mount_of(path)?,
            last: began,
            has_ticked: false,
        })
    }

    /// The first change time that is not older.
    #[must_use]
    pub fn began(&self) -> Moment {
        let (seconds, nanoseconds) = self.last;
        (
            seconds,
            nanoseconds.saturating_add(i64::from(self.has_ticked)),
        )
    }

    /// The moment at which a file was made or last written, for its mount: later
    /// changes are since.
    pub fn of_file(path: &Path) -> nix::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = open(path, flags, Mode::empty())?;
        Ok(Self {
            last: changed(&fstat(&file)?),
            mount: Mount::of(file)?,
            has_ticked: false,
        })
    }

    /// Whether the mark holds for files of this mount.
    #[must_use]
    pub fn is_for(&self, mount: Mount) -> bool {
        self.mount == mount
    }

    /// Whether a file has surely changed since; what is older never has.
    #[must_use]
    pub fn is_before(&self, stat: &FileStat) -> bool {
        changed(stat) > self.last
    }

    /// Whether a file could have changed since: not less than the above.
    #[must_use]
    pub fn may_be_before(&self, stat: &FileStat) -> bool {
        self.is_before(stat) || (!self.has_ticked && changed(stat) == self.last)
    }

    /// Whether a file that was born then is not older.
    #[must_use]
    pub fn is_before_birth(&self, born: Moment) -> bool {
        born > self.last
    }

    /// Whether the clock still is past the mark: one that was set back in
    /// between makes new files look old.
    pub fn holds(&self, directory: &Path) -> nix::Result<bool> {
        Ok(mount_of(directory)? == self.mount && probe(directory)? >= self.last)
    }
}

fn changed(stat: &FileStat) -> Moment {
    (stat.st_ctime, stat.st_ctime_nsec)
}

/// The mount that a path is on.
pub fn mount_of(path: &Path) -> nix::Result<Mount> {
    Mount::of(open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?)
}

/// Whether what this process cannot read holds nothing that its user has written
/// since: it is older, another's, and neither to be written nor to be entered.
pub fn is_beyond_reach(directory: impl AsFd, name: &[u8], began: Moment) -> bool {
    let Ok(stat) = fstatat(&directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) else {
        return false;
    };
    let may = |right| faccessat(&directory, name, right, AtFlags::empty()).is_ok();
    let is_directory = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
    changed(&stat) < began
        && stat.st_uid != geteuid().as_raw()
        && !may(AccessFlags::W_OK)
        && !(is_directory && may(AccessFlags::X_OK))
}

/// The ctime of a file made just now.
fn probe(directory: &Path) -> nix::Result<Moment> {
    let (file, path) = mkstemp(&directory.join(format!("{PROBE}XXXXXX")))?;
    let made = fstat(&file).map(|stat| changed(&stat));
    match unlink(&path) {
        Ok(()) | Err(Errno::ENOENT) => made,
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use nix::sys::stat::lstat;

    use super::super::tests::Place;
    use super::Mark;

    #[test]
    fn what_was_written_just_before_is_older_and_just_after_is_not() {
        let place = Place::new();
        for round in 0..20 {
            let [old, new] = ["old", "new"].map(|name| place.0.join(format!("{name}{round}")));
            fs::write(&old, "").unwrap();
            let mark = Mark::set(&place.0).unwrap();
            fs::write(&new, "").unwrap();
            let [old, new] = [old, new].map(|path| lstat(&path).unwrap());
            assert!(!mark.is_before(&old) && !mark.may_be_before(&old));
            assert!(mark.is_before(&new) && mark.may_be_before(&new));
        }
        assert_eq!(
            fs::read_dir(&place.0).unwrap().count(),
            40,
            "no probe is left"
        );
    }

    #[test]
    fn a_forged_time_hides_nothing() {
        let place = Place::new();
        let mark = Mark::set(&place.0).unwrap();
        let path = place.0.join("new");
        let file = fs::File::create(&path).unwrap();
        let past = SystemTime::now() - Duration::from_hours(1000);
        file.set_modified(past).unwrap();
        assert!(mark.is_before(&lstat(&path).unwrap()));
    }

    #[test]
    fn a_change_of_an_old_file_counts() {
        let place = Place::new();
        let path = place.0.join("old");
        fs::write(&path, "").unwrap();
        let mark = Mark::set(&place.0).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(mark.is_before(&lstat(&path).unwrap()));
    }

    #[test]
    fn a_mark_holds_for_its_own_mount() {
        let place = Place::new();
        let mark = Mark::set(&place.0).unwrap();
        assert_eq!(mark.holds(&place.0), Ok(true));
        assert_eq!(mark.holds(Path::new("/dev/shm")), Ok(false));
        assert!(Mark::set(Path::new("/proc")).is_err());
    }
}
