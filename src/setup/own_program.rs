//! Programs that the policy names for vestibule itself: one that mints a secret
//! for setup (`command:`), one that revokes what was dropped (`on_drop`).
//!
//! In: an absolute path that neither setup's nor main's user can change, and neither
//! what it needs, which is judged before anything runs. A setup of root can change
//! whatever is writable: then what revokes after it is a copy made before it. Out:
//! its standard output as a secret, or nothing.
//!
//! **Never:** the container's variables: PATH is fixed and HOME is empty.

mod copy;
mod needs;

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{Pid, pipe2, read};

use super::command::{Standard, Starter, nothing};
use super::fault::SetupFault;
use super::phase::DEFAULT_PATH;
use super::relay::{Masking, Relay};
use super::watch::{Watch, Watched};
use super::work::Ended;
use crate::collect::accounts::Identity;
use crate::collect::reach::Reach;
use crate::collect::replaceable;
use crate::collect::setup::{Minted, SetupMaterial, words_of};
use crate::environment::Environment;
use crate::policy::{Policy, SealRules, SetupRules};
use crate::redact;
use crate::report::{Fault, boxed, lossy};
use crate::seal::as_user::ask;
use crate::seal::{kill, stop};
use crate::secret::{Scratch, Secret};
use crate::sys::process::{End, Reaped, reap};
use crate::sys::signal::{self, SignalSet};
use needs::needs;
use std::os::fd::AsFd;

/// As large as a variable's value may be; a token is a few hundred bytes.
const LARGEST: usize = 65_536;
/// How long such a program may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it is looked whether to go on, in milliseconds.
const ASK: u8 = 100;
/// The rule for the program that revokes.
const ON_DROP: &str = "/seal/on_drop";

/// What keeps a program of the policy from being run, or from being trusted:
/// these users could put another in its place.
pub(crate) fn faults(
    policy: &Policy,
    rules: &SetupRules,
    users: [(&Identity, &'static str); 2],
) -> Vec<Box<dyn Fault>> {
    let on_drop = Some((policy.seal.on_drop.as_slice(), ON_DROP.to_owned()));
    let minting = rules.secrets(&policy.connections).into_iter();
    let minting = minting.filter_map(|(name, _)| {
        let (words, place) = words_of(name, policy)?;
        Some((words, place.to_string()))
    });
    let mut faults = Vec::new();
    for (words, place) in on_drop.into_iter().chain(minting) {
        let Some(program) = words.first() else {
            continue;
        };
        let path = Path::new(program);
        let problem = problem(path);
        let needed = match problem {
            Some(_) => Vec::new(),
            None => needs(words, own_directory(rules)),
        };
        let entry = format!("{} at {place}", lossy(&policy.file));
        faults.extend(problem.map(|problem| {
            boxed(SetupFault::Unusable {
                place: entry.clone(),
                program: program.clone(),
                problem,
            })
        }));
        let found = users
            .iter()
            .map(|(user, who)| replaceable::program(path, &needed, user, who, ask));
        let mut found = found.filter(|found| !found.is_empty());
        faults.extend(found.next().into_iter().flatten().map(boxed));
        let [(setup, _), _] = users;
        // What gives a secret runs before setup, and of a program that needs nothing
        // there is a copy.
        let is_exposed = place == ON_DROP && !needed.is_empty();
        let changeable = changeable_by_root(path, &needed, setup).filter(|_| is_exposed);
        faults.extend(changeable.map(|changeable| {
            boxed(SetupFault::Dependent {
                place: entry,
                program: program.clone(),
                changeable,
            })
        }));
    }
    faults
}

/// Where setup works: what is there it is to make itself.
fn own_directory(rules: &SetupRules) -> Option<&Path> {
    let directory = rules.directory.as_ref();
    directory.map(|(path, _)| path.as_path())
}

/// The first of these files that setup can change as root, which no owner and no
/// mode keeps from it.
fn changeable_by_root(program: &Path, needed: &[PathBuf], setup: &Identity) -> Option<PathBuf> {
    let files = needed.iter().map(PathBuf::as_path).chain([program]);
    let mut files = files.filter(|_| setup.uid == 0);
    let found = files.find(|file| replaceable::find(file, setup, ask) != Ok(None));
    found.map(Path::to_path_buf)
}

/// A copy of the program that revokes, if setup can change its file: it is a static
/// one then, or `faults` would have said so.
pub(super) fn copied(
    (rules, seal): (&SetupRules, &SealRules),
    setup: &Identity,
    policy: &str,
) -> Result<Option<OwnedFd>, SetupFault> {
    let Some(program) = seal.on_drop.first() else {
        return Ok(None);
    };
    let path = Path::new(program);
    let needed = needs(&seal.on_drop, own_directory(rules));
    if changeable_by_root(path, &needed, setup).is_none() {
        return Ok(None);
    }
    let copy = copy::in_memory(path);
    copy.map(Some).map_err(|error| SetupFault::NotCopied {
        place: format!("{policy} at {ON_DROP}"),
        program: program.clone(),
        kind: error.kind(),
    })
}

fn problem(program: &Path) -> Option<&'static str> {
    match program.metadata() {
        Ok(found) if found.is_file() && found.mode() & 0o111 != 0 => None,
        Ok(_) => Some("is no executable file"),
        Err(_) => Some("is not there"),
    }
}

/// Runs the programs of `command:` sources and takes what they write.
pub(super) fn mint(starter: &Starter, material: &mut SetupMaterial) -> Result<(), SetupFault> {
    for minted in std::mem::take(&mut material.minted) {
        let place = format!("{} at {}", starter.policy, minted.place);
        let value = output_of(starter, &minted, &place, material)?;
        let name = minted.name.as_str().to_owned();
        redact::learn_also(&mut std::iter::once((name.as_str(), &value)));
        material.all.push((name.clone(), value.duplicate()));
        material.dropped.push((name, value.duplicate()));
        material.values.insert(minted.name, value);
    }
    Ok(())
}

/// Runs `on_drop`, its output masked.
pub(super) fn revoke(
    starter: &Starter,
    rules: &SealRules,
    material: &SetupMaterial,
) -> Result<(), Ended> {
    let Some(program) = rules.on_drop.first() else {
        return Ok(());
    };
    let mut all = material
        .all
        .iter()
        .map(|(name, value)| (name.as_str(), value));
    let masking = Masking::new(&mut all);
    let (relay, ends) = Relay::open(&masking, None).map_err(system)?;
    let standard = Standard {
        input: nothing(OFlag::O_RDONLY).map_err(system)?,
        output: ends.output,
        error: ends.error,
    };
    let by_copy = Starter {
        opened: starter.before.revoking(),
        ..starter.clone()
    };
    let watch = Watch {
        main: start(&by_copy, &rules.on_drop, standard, material)?,
        relay,
        server: None,
        passwords: &|_| None,
        until: Instant::now().checked_add(PATIENCE),
        report: starter.report,
    };
    let (watched, relay) = watch.until_end().map_err(system)?;
    // What outlasts it is the seal's: it kills next, with all the time there is.
    let _ = kill::everything_again(Some(starter.identity.uid));
    relay.finish(Duration::from_secs(1));
    let end = match watched {
        Watched::Ended(End::Exited(0)) => return Ok(()),
        Watched::Stopped(signal) => return Err(Ended::Stopped(signal)),
        Watched::Ended(end) => Some(end),
        Watched::Overran => None,
    };
    Err(SetupFault::NotRevoked {
        place: format!("{} at /seal/on_drop", starter.policy),
        program: program.clone(),
        end,
    }
    .into())
}

fn start(
    starter: &Starter,
    words: &[String],
    standard: Standard,
    material: &SetupMaterial,
) -> Result<Pid, SetupFault> {
    let mut environment = Environment::default();
    environment.set(OsStr::new("PATH"), OsStr::new(DEFAULT_PATH));
    environment.set(OsStr::new("HOME"), OsStr::new("/nonexistent"));
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let mut reach = Reach::without_secrets(&material.directories, &material.files);
    let at_root = Starter {
        directory: ("/".into(), starter.policy.clone()),
        ..starter.clone()
    };
    at_root.start(&words, environment, &mut reach, standard)
}

fn output_of(
    starter: &Starter,
    minted: &Minted,
    place: &str,
    material: &SetupMaterial,
) -> Result<Secret, SetupFault> {
    let fault = |problem| SetupFault::NoSecret {
        place: place.to_owned(),
        problem,
    };
    let (output, input) = pipe2(OFlag::O_CLOEXEC).map_err(system)?;
    let standard = Standard {
        input: nothing(OFlag::O_RDONLY).map_err(system)?,
        output: input,
        error: nothing(OFlag::O_WRONLY).map_err(system)?,
    };
    let process = start(starter, &minted.words, standard, material)?;
    let until = Instant::now() + PATIENCE;
    let read = read_all(&output, until);
    let end = if read.is_ok() {
        end_of(process, until)
    } else {
        None
    };
    kill::everything(Some(starter.identity.uid)).map_err(|_| fault("it could not be ended"))?;
    let value = read.map_err(fault)?.without_final_newline();
    match end {
        Some(End::Exited(0)) if value.is_usable() => Ok(value),
        Some(End::Exited(0)) => Err(fault("it wrote nothing, a NUL or several lines")),
        Some(_) => Err(fault("it failed")),
        None => Err(fault("it took longer than a minute")),
    }
}

fn read_all(output: &OwnedFd, until: Instant) -> Result<Secret, &'static str> {
    let mut held = Scratch::with_capacity(LARGEST);
    loop {
        let mut watched = [PollFd::new(output.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, PollTimeout::from(ASK)) {
            Ok(0) if stop::is_asked() => return Err("it was not waited for"),
            Ok(0) if until <= Instant::now() => return Err("it took longer than a minute"),
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) | Err(_) => {}
        }
        let room = held.room();
        if room.is_empty() {
            return Err("it wrote more than 64 KiB");
        }
        match read(output, room) {
            Ok(0) => return Ok(held.into_secret()),
            Ok(count) => held.advance(count),
            Err(Errno::EINTR) => {}
            Err(_) => return Err("its output could not be read"),
        }
    }
}

/// Waits for one process; others are reaped on the way.
fn end_of(process: Pid, until: Instant) -> Option<End> {
    const CHILD: u64 = 1 << 16;
    loop {
        match reap() {
            Ok(Reaped::Ended(pid, end)) if pid == process => return Some(end),
            Ok(Reaped::Ended(..)) => {}
            Ok(Reaped::NoneYet) if Instant::now() < until && !stop::is_asked() => {
                let _ = signal::wait(SignalSet(CHILD), Some(Duration::from_millis(50)));
            }
            Ok(Reaped::NoneYet | Reaped::NoChildren) | Err(_) => return None,
        }
    }
}

fn system(errno: Errno) -> SetupFault {
    SetupFault::System {
        step: "running a program of the policy",
        errno,
    }
}
