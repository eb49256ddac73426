//! PID 1 leaves everything behind: it executes itself anew as a small reaper.
//!
//! In: main's process id and the rules. Out: the same program with an empty
//! environment and a new address space, which never held a secret; main's child
//! waits until it says that it is ready.
//!
//! **Never:** a value in the state that crosses over, or a start of main if the
//! hand-over fails.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, OFlag, SealFlag, fcntl, open};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, execve, execveat, lseek, pipe2, read, write};

use super::forward::Audience;
use super::guard::Guard;
use super::signals::{Rewriting, Signal};
use super::status::SuccessCodes;
use super::supervise::Rules;
use crate::exit::Exit;
use crate::report::{Fault, Format, Reporter};
use crate::sys::descriptor;
use crate::sys::process::{Reaped, executed_path, reap};
use crate::sys::signal;

/// The sealed state, on this descriptor across the re-execution.
const STATE: i32 = 3;
/// The writing end of main's channel.
const READY: i32 = 4;
/// What the state starts with; it changes with the layout.
const MAGIC: [u8; 8] = *b"vstbl\0\x01\n";
/// Nobody can have changed a memfd with all of these (memfd_create(2)).
const SEALS: SealFlag = SealFlag::F_SEAL_SEAL
    .union(SealFlag::F_SEAL_SHRINK)
    .union(SealFlag::F_SEAL_GROW)
    .union(SealFlag::F_SEAL_WRITE);
/// The layout in bytes: magic, pid, guard, audience, grace, success codes,
/// rewriting, and one byte each for `-w`, format and verbosity.
const STATE_BYTES: usize = 8 + 4 + 4 + 1 + 8 + 32 + 65 + 3;
/// Stands for "no grace" and "no uid".
const NONE: u64 = u64::MAX;

/// What the reaper has to know.
#[derive(Clone, Debug)]
pub struct State {
    /// Main's process.
    pub main: Pid,
    /// How PID 1 keeps the power over a main of another user.
    pub guard: Guard,
    /// How to look after main.
    pub rules: Rules,
    /// Where messages go.
    pub report: Reporter,
}

/// The means for a hand-over, made before main's process exists.
pub struct Handover {
    program: OwnedFd,
    ready: OwnedFd,
}

/// The child's end of the channel.
pub struct Gate(OwnedFd);

/// Why there was no hand-over.
#[derive(Clone, Copy, Debug)]
pub struct HandoverError {
    step: &'static str,
    errno: Errno,
}

/// Opens our own program and makes the channel.
pub fn prepare() -> Result<(Handover, Gate), HandoverError> {
    let program = open_own_program().map_err(refused("opening our own program"))?;
    let (gate, ready) = pipe2(OFlag::O_CLOEXEC).map_err(refused("making a pipe"))?;
    Ok((Handover { program, ready }, Gate(gate)))
}

fn refused(step: &'static str) -> impl FnOnce(Errno) -> HandoverError {
    move |errno| HandoverError { step, errno }
}

/// By descriptor, so that the file may be gone by the time it is executed.
/// Opening for the path alone needs no read permission (mode 0111).
fn open_own_program() -> nix::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
    open(c"/proc/self/exe", flags, Mode::empty()).or_else(|errno| {
        let path = executed_path().ok_or(errno)?;
        open(&path, flags, Mode::empty())
    })
}

impl Handover {
    /// Executes the reaper. Returns only if that fails, with main killed.
    #[must_use]
    pub fn execute(self, state: &State, arguments: &[CString]) -> HandoverError {
        let Err(error) = self.try_execute(state, arguments);
        kill_main(state.main);
        error
    }

    fn try_execute(
        self,
        state: &State,
        arguments: &[CString],
    ) -> Result<Infallible, HandoverError> {
        let memory = seal(&state.encode()).map_err(refused("passing the state on"))?;
        let numbered = [(memory, STATE), (self.ready, READY)];
        let program = descriptor::arrange(self.program, numbered)
            .map_err(refused("numbering the descriptors"))?;
        let Err(errno) =
            execveat::<_, CString, &CStr>(&program, c"", arguments, &[], AtFlags::AT_EMPTY_PATH);
        // An interpreter of binfmt_misc cannot open a close-on-exec descriptor by
        // name (execveat(2), BUGS), and an emulator may not know the call at all.
        let path = executed_path()
            .filter(|_| errno == Errno::ENOENT || errno == Errno::ENOSYS)
            .and_then(|path| CString::new(path.as_os_str().as_bytes()).ok());
        let errno = path.map_or(errno, |path| {
            let Err(errno) = execve::<CString, &CStr>(&path, arguments, &[]);
            errno
        });
        Err(HandoverError {
            step: "executing our own program",
            errno,
        })
    }
}

fn seal(state: &[u8; STATE_BYTES]) -> nix::Result<OwnedFd> {
    let memory = memfd_create(
        c"vestibule-state",
        MFdFlags::MFD_ALLOW_SEALING | MFdFlags::MFD_CLOEXEC,
    )?;
    write(&memory, state)?;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(SEALS))?;
    lseek(&memory, 0, nix::unistd::Whence::SeekSet)?;
    Ok(memory)
}

/// Main has not executed anything yet: it waits for the word.
fn kill_main(main: Pid) {
    let _ = signal::send(main, Signal::KILL.number());
    let chld = signal::SignalSet(1 << (Signal::CHLD.number() - 1));
    while let Ok(Reaped::Ended(..) | Reaped::NoneYet) = reap() {
        let _ = signal::wait(chld, Some(Duration::from_secs(1)));
    }
}

impl Gate {
    /// Waits for the reaper's word. End of file means that there is none.
    pub fn wait(self) -> Result<(), HandoverError> {
        let mut word = [0];
        loop {
            match read(&self.0, &mut word) {
                Ok(1) => return Ok(()),
                Err(Errno::EINTR) => {}
                Ok(_) => {
                    return Err(HandoverError {
                        step: "waiting for the reaper",
                        errno: Errno::EPIPE,
                    });
                }
                Err(errno) => {
                    return Err(HandoverError {
                        step: "waiting for the reaper",
                        errno,
                    });
                }
            }
        }
    }
}

/// What the reaper's process finds on its first instructions.
pub struct Arrived {
    state: State,
    ready: OwnedFd,
}

/// Whether this process was executed as the reaper: only then is there a memfd
/// on descriptor 3 that is wholly sealed and starts with our mark.
#[must_use]
pub fn arrive() -> Option<Arrived> {
    let memory = descriptor::inherited(STATE, &|memory| {
        let seals = fcntl(memory, FcntlArg::F_GET_SEALS).map(SealFlag::from_bits_truncate);
        seals.is_ok_and(|seals| seals.contains(SEALS))
    })?;
    let mut bytes = [0; STATE_BYTES];
    let count = read(&memory, &mut bytes).ok()?;
    let state = State::decode(&bytes).filter(|_| count == STATE_BYTES)?;
    let ready = descriptor::inherited(READY, &|_| true)?;
    Some(Arrived { state, ready })
}

impl Arrived {
    /// What the reaper has to know.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Tells main's child that PID 1 is out of its reach. If it is gone already
    /// (EPIPE), the loop is about to learn why.
    #[must_use]
    pub fn say_ready(self) -> State {
        let _ = write(&self.ready, b"r");
        self.state
    }
}

impl State {
    fn encode(&self) -> [u8; STATE_BYTES] {
        let rules = &self.rules;
        let grace = rules.grace.map_or(NONE, |grace| {
            u64::try_from(grace.as_millis()).unwrap_or(NONE - 1)
        });
        let mut writer = Writer {
            bytes: [0; STATE_BYTES],
            at: 0,
        };
        writer.put(&MAGIC);
        writer.put(&self.main.as_raw().to_le_bytes());
        writer.put(&self.guard.encode().to_le_bytes());
        writer.put(&[u8::from(rules.audience == Audience::Group)]);
        writer.put(&grace.to_le_bytes());
        for word in rules.success.words() {
            writer.put(&word.to_le_bytes());
        }
        writer.put(rules.rewriting.targets());
        writer.put(&[
            u8::from(rules.warn_on_reap),
            u8::from(self.report.format == Format::Json),
            self.report.verbosity,
        ]);
        writer.bytes
    }

    fn decode(bytes: &[u8; STATE_BYTES]) -> Option<Self> {
        let mut reader = Reader { bytes };
        if reader.take::<8>()? != MAGIC {
            return None;
        }
        let main = Pid::from_raw(i32::from_le_bytes(reader.take()?));
        let guard = Guard::decode(u32::from_le_bytes(reader.take()?));
        let [group] = reader.take()?;
        let grace = u64::from_le_bytes(reader.take()?);
        let mut words = [0; 4];
        for word in &mut words {
            *word = u64::from_le_bytes(reader.take()?);
        }
        let targets = reader.take()?;
        let [warn, json, verbosity] = reader.take()?;
        let rules = Rules {
            audience: if group == 0 {
                Audience::Main
            } else {
                Audience::Group
            },
            rewriting: Rewriting::from_targets(targets),
            grace: (grace != NONE).then(|| Duration::from_millis(grace)),
            success: SuccessCodes::from_words(words),
            warn_on_reap: warn != 0,
        };
        let format = if json == 0 {
            Format::Text
        } else {
            Format::Json
        };
        Some(Self {
            main,
            guard,
            rules,
            report: Reporter { format, verbosity },
        })
    }
}

struct Writer {
    bytes: [u8; STATE_BYTES],
    at: usize,
}

impl Writer {
    fn put(&mut self, field: &[u8]) {
        let end = self.at + field.len();
        if let Some(room) = self.bytes.get_mut(self.at..end) {
            room.copy_from_slice(field);
        }
        self.at = end;
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn take<const SIZE: usize>(&mut self) -> Option<[u8; SIZE]> {
        let (field, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*field)
    }
}

impl Fault for HandoverError {
    fn what(&self) -> String {
        format!(
            "PID 1 cannot hand over to a clean process: {} failed: {}",
            self.step,
            self.errno.desc().to_lowercase()
        )
    }

    fn place(&self) -> String {
        "before the command, which was not started".into()
    }

    fn remedy(&self) -> String {
        "let vestibule execute itself: its file must not be on a mount that forbids it, and the seccomp profile must allow execveat and memfd_create".into()
    }

    fn exit(&self) -> Exit {
        Exit::System
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::unistd::Pid;

    use super::{MAGIC, STATE_BYTES, State};
    use crate::init::forward::Audience;
    use crate::init::guard::Guard;
    use crate::init::signals::{Rewriting, Signal};
    use crate::init::status::SuccessCodes;
    use crate::init::supervise::Rules;
    use crate::report::{Format, Reporter};

    fn state(grace: Option<Duration>) -> State {
        let mut rewriting = Rewriting::default();
        rewriting.set(Signal::TERM, Some(Signal::QUIT));
        rewriting.set(Signal::HUP, None);
        let mut success = SuccessCodes::default();
        success.insert(0);
        success.insert(143);
        success.insert(255);
        let rules = Rules {
            audience: Audience::Group,
            rewriting,
            grace,
            success,
            warn_on_reap: true,
        };
        let report = Reporter {
            format: Format::Json,
            verbosity: 3,
        };
        State {
            main: Pid::from_raw(4_194_303),
            guard: Guard::KillOnly,
            rules,
            report,
        }
    }

    #[test]
    fn the_state_reads_back_as_it_was_written() {
        for grace in [
            None,
            Some(Duration::ZERO),
            Some(Duration::from_millis(8_500)),
        ] {
            let before = state(grace);
            let after = State::decode(&before.encode()).expect("a state");
            assert_eq!(format!("{after:?}"), format!("{before:?}"));
        }
    }

    #[test]
    fn bytes_without_the_mark_are_no_state() {
        let mut bytes = state(None).encode();
        bytes[0] ^= 1;
        assert!(State::decode(&bytes).is_none());
        assert!(State::decode(&[0; STATE_BYTES]).is_none());
        assert_eq!(MAGIC.len(), 8);
    }

    #[test]
    fn the_layout_fills_the_state_exactly() {
        assert_eq!(
            state(None).encode().last(),
            Some(&3),
            "verbosity is the last byte"
        );
    }
}
