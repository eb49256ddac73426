//! The last step: a process that is exactly what main is permitted to be.
//!
//! In: what `collect` gathered and the rules for main. Out: main, executed; or,
//! in the parent, the exit code with which it ended.
//!
//! **Never:** a command started half prepared: every step that fails ends with
//! a message and no main.

pub mod capabilities;
pub mod confine;
pub mod diagnosis;
pub mod execute;
pub mod files;
pub mod identity;
pub mod prepare;
pub mod terminal_filter;

use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::os::fd::OwnedFd;

use nix::unistd::{ForkResult, Pid, getpid, getppid};

use crate::cli::Options;
use crate::collect::Collected;
use crate::collect::reach::Reach;
use crate::environment::Environment;
use crate::init;
use crate::init::channel::{Gate, Watch};
use crate::init::guard::Guard;
use crate::init::handover::{self, OwnProgram};
use crate::init::state::State;
use crate::init::supervise::{Rules, Supervisor};
use crate::init::terminal;
use crate::pin::Confined;
use crate::report::{Fault, Reporter, boxed};
use crate::seal::close::SetupGone;
use crate::seal::wording::shown_path;
use crate::start::Caller;
use crate::sys;
use crate::sys::arena::let_go;
use crate::sys::arguments::Arguments;

use capabilities::Kept;
use confine::prove::{Attempt, Circumstances, OutOfReach, ProofFault, prove, try_all};
use confine::{Hidden, Hiding};
use prepare::{Preparation, PrepareError};

/// Everything that main needs.
pub struct Launch {
    /// The command and its arguments.
    pub command: Vec<OsString>,
    /// Its environment, its files, and the names for the start line.
    pub collected: Collected,
    /// What is changed about the process.
    pub preparation: Preparation,
    /// Whether to be replaced by main instead of supervising it.
    pub replace: bool,
    /// Our program and the reaper's argument vector; `None` where nothing has to be
    /// left behind.
    pub reaper: Option<(OwnProgram, Vec<CString>)>,
    /// How PID 1 stays able to signal main.
    pub guard: Guard,
    /// How to look after main.
    pub rules: Rules,
    /// What the caller's signals and limits were.
    pub caller: Caller,
    /// Where messages go.
    pub report: Reporter,
}

/// Whether vestibule has to become the command: nobody re-parents orphans to
/// it, and no runtime sends it signals that a child could not get itself.
#[must_use]
pub fn is_replaced(options: &Options) -> bool {
    options.replace || (getpid().as_raw() != 1 && !options.subreaper)
}

/// Starts main, once setup is provably over, and stays until it and all it left behind are gone.
#[must_use]
pub fn start(mut launch: Launch, _gone: &SetupGone, arguments: &Arguments) -> u8 {
    if launch.replace {
        return become_main(launch, None);
    }
    let reaper = launch.reaper.take();
    // Effect: fork.
    let (watch, gate) = match handover::connect() {
        Ok(both) => both,
        Err(error) => return launch.report.refusal(&error).code(),
    };
    match sys::process::fork() {
        Err(errno) => launch.report.refusal(&PrepareError::Fork(errno)).code(),
        Ok(ForkResult::Child) => {
            // Only PID 1 may hold its end, or its own end would go unseen.
            let has_reaper = reaper.is_some();
            drop((reaper, watch));
            terminal::own_group(getpid());
            // Effect: foreground.
            terminal::to_foreground();
            // Its gate closes with the execution, and PID 1 learns of main by that.
            become_main(launch, has_reaper.then_some(&gate))
        }
        Ok(ForkResult::Parent { child }) => {
            drop(gate);
            // Both sides do this, so that a group signal finds the group.
            terminal::own_group(child);
            look_after(child, launch, reaper, watch, arguments)
        }
    }
}

/// PID 1 from here on: as a reaper executed anew, or, without any secret, as it
/// is.
fn look_after(
    main: Pid,
    launch: Launch,
    reaper: Option<(OwnProgram, Vec<CString>)>,
    watch: Watch,
    own: &Arguments,
) -> u8 {
    let Launch {
        rules,
        report,
        guard,
        collected,
        ..
    } = launch;
    // Effect: parent wiped.
    drop(collected);
    let text = format!("run: main is process {main}");
    report.detail(1, "supervising", &text, &[("pid", main.as_raw().into())]);
    if let Some((program, arguments)) = reaper {
        let state = State {
            main,
            guard,
            rules,
            report,
        };
        let error = program.execute(watch, &state, &arguments);
        return report.refusal(&error).code();
    }
    init::release_directory();
    Supervisor::new(main, rules, report).run(watch, own)
}

/// Turns this process into main. Returns only if that fails, with the code.
fn become_main(launch: Launch, gate: Option<&Gate>) -> u8 {
    let report = launch.report;
    match try_to_become_main(launch, gate) {
        Ok(never) => match never {},
        Err(error) => report.refusal(error.as_ref()).code(),
    }
}

fn try_to_become_main(launch: Launch, gate: Option<&Gate>) -> Result<Infallible, Box<dyn Fault>> {
    let Launch {
        command,
        mut collected,
        preparation,
        caller,
        report,
        ..
    } = launch;
    let summary = std::mem::take(&mut collected.summary);
    let almost = AlmostMain::become_it(collected, &preparation, &caller)?;
    almost.explain(report);
    // Without a secret PID 1 goes on as it is, and there is nothing to wait for.
    if let Some(gate) = gate {
        gate.report(&almost.confined()).map_err(boxed)?;
        gate.wait().map_err(boxed)?;
    }
    let reaper = gate.map(|_| getppid());
    // Effect: proof.
    let (almost, proof) = almost.prove(reaper).map_err(boxed)?;
    // Effect: start line.
    if !summary.is_silent() {
        let line = summary.start_line(&command, proof.standing());
        report.note("started", &line.text, &line.fields);
    }
    almost.execute(&command, &preparation, &caller, &proof)
}

/// A process that is main but for its program: identity, files, confinement.
pub struct AlmostMain {
    environment: Environment,
    descriptors: Vec<OwnedFd>,
    capabilities: Kept,
    hidden: Hidden,
    reach: Reach,
}

impl AlmostMain {
    /// Turns this process into it. There is no way back: of all values it has only
    /// main's from here on.
    pub fn become_it(
        collected: Collected,
        preparation: &Preparation,
        caller: &Caller,
    ) -> Result<Self, Box<dyn Fault>> {
        // Before main's user may have any way to look into this process.
        let Collected {
            mut environment,
            files,
            reach,
            ..
        } = let_go(|| collected.once_more());
        let capabilities = preparation.kept_capabilities();
        let pinned = preparation.pinned;
        let hiding = Hiding::prepare(&reach, preparation.confinement, pinned).map_err(boxed)?;
        prepare::take_identity(preparation, caller).map_err(boxed)?;
        // Effect: files made.
        let delivered =
            files::deliver(&files, preparation.copies, &mut environment).map_err(boxed)?;
        let directory = delivered.directory.as_deref();
        // Effect: confinement entered.
        let hidden = hiding.enter(directory).map_err(boxed)?;
        Ok(Self {
            environment,
            descriptors: delivered.kept,
            capabilities,
            hidden,
            reach,
        })
    }

    /// Tries to reach what is withheld; `reaper` is a PID 1 of ours. Only once: the
    /// marks of the values do not outlive it.
    pub fn prove(mut self, reaper: Option<Pid>) -> Result<(Self, OutOfReach), ProofFault> {
        let marks = std::mem::take(&mut self.reach.marks);
        let proof = prove(&self.circumstances(reaper), marks)?;
        Ok((self, proof))
    }

    /// Tries the same, and hands over every attempt.
    #[must_use]
    pub fn try_all(mut self, reaper: Option<Pid>, see: &mut dyn FnMut(Attempt)) -> Self {
        let marks = std::mem::take(&mut self.reach.marks);
        try_all(&self.circumstances(reaper), marks, see);
        self
    }

    /// By what this process is confined, for PID 1 to show.
    #[must_use]
    pub fn confined(&self) -> Confined {
        self.hidden.confined()
    }

    /// What main cannot read although it is no secret, for `-v`.
    fn explain(&self, report: Reporter) {
        let Hidden::Files(hidden) = &self.hidden else {
            return;
        };
        for path in &hidden.unlisted {
            let shown = shown_path(path);
            let text = format!(
                "run: main can read no file in {shown}: a withheld secret is or may be below it, and neither PID 1 nor main may list it"
            );
            report.detail(1, "unlisted", &text, &[("path", shown.into())]);
        }
    }

    /// Whether the policy accepts that withheld files can be read.
    #[must_use]
    pub fn is_environment_only(&self) -> bool {
        matches!(self.hidden, Hidden::EnvironmentOnly)
    }

    fn circumstances(&self, reaper: Option<Pid>) -> Circumstances<'_> {
        Circumstances {
            hidden: &self.hidden,
            reach: &self.reach,
            reaper,
            capabilities: &self.capabilities,
            descriptors: &self.descriptors,
        }
    }

    /// Executes the command.
    pub fn execute(
        self,
        command: &[OsString],
        preparation: &Preparation,
        caller: &Caller,
        proof: &OutOfReach,
    ) -> Result<Infallible, Box<dyn Fault>> {
        prepare::settle(preparation).map_err(boxed)?;
        let kept = self.descriptors;
        execute::execute(command, &self.environment, kept, caller, proof).map_err(boxed)
    }

    /// The same for a program that is open. It has neither limits nor a umask of its
    /// own, and no descriptor.
    pub fn execute_opened(
        self,
        program: &OwnedFd,
        words: &[OsString],
        caller: &Caller,
        proof: &OutOfReach,
    ) -> Result<Infallible, Box<dyn Fault>> {
        execute::execute_opened(program, words, &self.environment, caller, proof).map_err(boxed)
    }
}
