//! Programs that the policy names for vestibule itself: one that mints a secret
//! for setup (`command:`), one that revokes what was dropped (`on_drop`).
//!
//! In: an absolute path that neither setup's nor main's user can change, which is
//! judged before anything runs. Out: its standard output as a secret, or nothing.
//!
//! **Never:** the container's variables: PATH is fixed and HOME is empty.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
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
use crate::report::{Fault, boxed};
use crate::seal::as_user::ask;
use crate::seal::{kill, stop};
use crate::secret::{Scratch, Secret};
use crate::sys::process::{End, Reaped, reap};
use crate::sys::signal::{self, SignalSet};
use std::os::fd::AsFd;

/// As large as a variable's value may be; a token is a few hundred bytes.
const LARGEST: usize = 65_536;
/// How long such a program may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it is looked whether to go on, in milliseconds.
const ASK: u8 = 100;

/// What keeps a program of the policy from being run, or from being trusted:
/// these users could put another in its place.
pub(crate) fn faults(
    policy: &Policy,
    rules: &SetupRules,
    users: [(&Identity, &'static str); 2],
) -> Vec<Box<dyn Fault>> {
    let on_drop = policy.seal.on_drop.first();
    let on_drop = on_drop.map(|program| (program, "/seal/on_drop".to_owned()));
    let minting = rules.secrets(&policy.connections).into_iter();
    let minting = minting.filter_map(|(name, _)| {
        let (words, place) = words_of(name, policy)?;
        Some((words.first()?, place.to_string()))
    });
    let mut faults = Vec::new();
    for (program, place) in on_drop.into_iter().chain(minting) {
        let path = Path::new(program);
        if let Some(problem) = problem(path) {
            faults.push(boxed(SetupFault::Unusable {
                place: format!("{} at {place}", policy.file.display()),
                program: program.clone(),
                problem,
            }));
        }
        let mut users = users.into_iter();
        let changeable = users.find_map(|(user, who)| replaceable::program(path, user, who, ask));
        faults.extend(changeable.map(boxed));
    }
    faults
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
    let watch = Watch {
        main: start(starter, &rules.on_drop, standard, material)?,
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
