//! Leftovers of every kind, in a PID namespace of their own.

use std::time::Duration;

use caps::{CapSet, Capability};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{ForkResult, Pid};

use super::super::tests::{Around, as_first, daemon, stay, with_descriptors};
use super::{Census, KillFault, Survivor, everything, everything_within};
use crate::exit::Exit;
use crate::report::Fault;
use crate::search::Searcher;
use crate::secret::Secret;
use crate::sys::process::{exit_now, fork};

/// Another user, for a PID 1 without CAP_KILL.
const AGENT: u32 = 1000;

/// Each parent ends at once, so that its number is never the one to kill.
fn comet() -> ! {
    loop {
        match fork() {
            Ok(ForkResult::Parent { .. }) => exit_now(0),
            Ok(ForkResult::Child) | Err(_) => {}
        }
    }
}

/// The init of a namespace of its own, which ignores all that it can.
fn nested() -> ! {
    let _ = unshare(CloneFlags::CLONE_NEWPID);
    let _ = fork();
    stay()
}

fn said(answer: Result<u32, KillFault>) -> String {
    match answer {
        Ok(_) => "nobody is left".into(),
        Err(fault) => format!("{}; {}", fault.what(), fault.exit().code()),
    }
}

#[test]
fn it_refuses_to_kill_when_not_pid_1() {
    assert_eq!(everything(None), Err(KillFault::NotFirst));
    assert_eq!(KillFault::NotFirst.exit(), Exit::Policy);
}

#[test]
fn daemons_and_orphans_end_and_are_reaped() {
    let text = as_first(Around::Proc, || {
        for _ in 0..20 {
            daemon(0, stay);
        }
        format!("{:?}", everything(None))
    });
    assert_eq!(text, "Ok(20)");
}

#[test]
fn one_that_could_not_be_looked_at_is_not_dead() {
    let text = as_first(Around::Proc, || {
        daemon(0, stay);
        let blind = |more| format!("{:?}", with_descriptors(more, Census::take).map(|_| "told"));
        // One for the list of processes, and none for what is said of each.
        format!("{} {} {}", blind(0), blind(1), blind(2))
    });
    assert_eq!(text, r#"None None Some("told")"#);
}

#[test]
fn nobody_to_kill_is_no_fault() {
    for around in [Around::Proc, Around::NoProc] {
        assert_eq!(
            as_first(around, || said(everything(None))),
            "nobody is left"
        );
    }
}

#[test]
fn chains_of_forks_do_not_outrun_it() {
    for around in [Around::Proc, Around::NoProc] {
        let text = as_first(around, || {
            for _ in 0..3 {
                daemon(0, comet);
            }
            let first = said(everything(None));
            format!("{first}, {:?}", everything(None))
        });
        assert_eq!(text, "nobody is left, Ok(0)");
    }
}

#[test]
fn a_nested_namespace_ends_with_its_init() {
    let text = as_first(Around::Proc, || {
        daemon(0, nested);
        let first = said(everything(None));
        format!("{first}, {:?}", everything(None))
    });
    assert_eq!(text, "nobody is left, Ok(0)");
}

#[test]
fn a_process_that_entered_from_outside_ends_too() {
    let text = as_first(Around::Entered, || {
        daemon(0, stay);
        format!("{:?}", everything(None))
    });
    assert_eq!(text, "Ok(1)", "the other is its own parent's to reap");
}

#[test]
fn without_the_right_to_kill_another_user_s_leftover_is_named() {
    let text = as_first(Around::Proc, || {
        daemon(AGENT, stay);
        caps::drop(None, CapSet::Effective, Capability::CAP_KILL).unwrap();
        caps::drop(None, CapSet::Permitted, Capability::CAP_KILL).unwrap();
        said(everything(None))
    });
    assert!(
        text.starts_with("processes are left that KILL did not end: `")
            && text.ends_with("uid 1000); 121"),
        "{text}"
    );
}

#[test]
fn without_the_right_to_kill_and_without_proc_it_is_refused() {
    let text = as_first(Around::NoProc, || {
        daemon(AGENT, stay);
        caps::drop(None, CapSet::Effective, Capability::CAP_KILL).unwrap();
        said(everything_within(Duration::from_millis(50), None))
    });
    assert_eq!(text, "processes are left that KILL did not end; 121");
}

#[test]
fn setup_s_user_is_reached_without_the_right_to_kill() {
    for around in [Around::Proc, Around::NoProc] {
        let text = as_first(around, || {
            daemon(AGENT, stay);
            daemon(0, stay);
            caps::drop(None, CapSet::Effective, Capability::CAP_KILL).unwrap();
            let first = said(everything(Some(AGENT)));
            let ids = nix::unistd::getresuid().unwrap();
            format!("{first}, as {}", ids.real)
        });
        assert_eq!(text, "nobody is left, as 0");
    }
}

#[test]
fn one_that_waits_for_storage_is_told_apart_and_a_long_list_is_cut() {
    let survivor = |state| Survivor {
        pid: Pid::from_raw(7),
        name: "git\n".to_owned(),
        uid: 1000,
        state,
    };
    let fault = KillFault::Survivors(vec![survivor('D')]);
    assert!(
        fault
            .what()
            .ends_with("`git\\n` (pid 7, uid 1000, waiting for storage)"),
        "{}",
        fault.what()
    );
    assert!(fault.remedy().contains("storage"));
    let fault = KillFault::Survivors(vec![survivor('S'); 20]);
    assert!(fault.what().ends_with(" and 12 more"), "{}", fault.what());
    assert!(fault.remedy().contains("cap_add: [KILL]"));
}

#[test]
fn the_beginning_of_a_value_is_no_name_of_a_process() {
    let value = Secret::concat(&[b"canary7fQz83hdk29xWmTb"]);
    let searcher = Searcher::new(&mut [("npm-token", &value)].into_iter());
    for (name, shown) in [
        ("canary7fQz83hdk", "`[secret]` (pid 7"),
        ("canary7fQz83hd", "`canary7fQz83hd` (pid 7"),
        ("chromium-browse", "`chromium-browse` (pid 7"),
    ] {
        let survivor = Survivor {
            pid: Pid::from_raw(7),
            name: name.to_owned(),
            uid: 1000,
            state: 'S',
        };
        let fault = KillFault::Survivors(vec![survivor]).shown(&searcher);
        assert!(fault.what().contains(shown), "{}", fault.what());
    }
}
