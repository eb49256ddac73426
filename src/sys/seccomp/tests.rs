//! The guard of setup, step by step for every architecture, and before a kernel.

use std::thread;

use nix::errno::Errno;
use nix::sys::prctl;

use super::{
    ARCHITECTURE, ATTRIBUTES, Call, FIRST, IOCTL, KEYRINGS, LIMITS, NUMBER, OBJECTS, QUEUES, RING,
    Unlisted, guard, guard_setup, is_available,
};
use crate::seal::tests::Place;
use crate::sys::{attribute, ipc};

const ALL: Unlisted = Unlisted {
    queues: true,
    objects: true,
};
const X32: u32 = 0x4000_0000;

/// What the program answers to a call with this first argument: the number of an
/// error, 0 if the call goes on.
fn answer(unlisted: Unlisted, architecture: u32, number: u32, first: u32) -> u32 {
    let program = guard(unlisted).unwrap();
    let (mut at, mut held) = (0, 0);
    loop {
        let step = program[at];
        at += 1;
        match step.code {
            super::LOAD => {
                held = match step.k {
                    NUMBER => number,
                    ARCHITECTURE => architecture,
                    FIRST => first,
                    other => panic!("{other} is not looked at"),
                }
            }
            super::AND => held &= step.k,
            super::JUMP_IF_EQUAL if held == step.k => at += usize::from(step.jt),
            super::JUMP_IF_EQUAL => at += usize::from(step.jf),
            super::RETURN if step.k == libc::SECCOMP_RET_ALLOW => return 0,
            super::RETURN => return step.k & libc::SECCOMP_RET_DATA,
            other => panic!("{other} is no step of ours"),
        }
    }
}

/// Each list with what its calls are answered.
fn lists() -> [(Vec<Call>, u32); 5] {
    [
        (KEYRINGS.to_vec(), libc::EPERM.unsigned_abs()),
        (ATTRIBUTES.to_vec(), libc::EOPNOTSUPP.unsigned_abs()),
        (RING.to_vec(), libc::ENOSYS.unsigned_abs()),
        (QUEUES.to_vec(), libc::ENOSYS.unsigned_abs()),
        (OBJECTS.to_vec(), libc::ENOSYS.unsigned_abs()),
    ]
}

#[test]
fn every_call_of_the_lists_is_refused_on_every_architecture_that_the_kernel_runs() {
    let [(native, _), (compat, _)] = IOCTL;
    for (calls, wanted) in lists() {
        for [first, second] in calls {
            if first != super::NONE {
                assert_eq!(answer(ALL, native, first, 0), wanted, "{first}");
                assert_eq!(answer(ALL, native, first | X32, 0), wanted, "{first}");
            }
            assert_eq!(answer(ALL, compat, second, 0), wanted, "{second}");
        }
    }
}

#[test]
fn an_architecture_without_a_list_can_do_nothing() {
    // Of MIPS, and of none.
    for architecture in [0xc000_0008, 0] {
        for number in [0, 1, 60] {
            assert_eq!(answer(ALL, architecture, number, 0), 1);
        }
    }
}

#[test]
fn only_the_limits_of_pid_1_are_shut() {
    let [(native, _), (compat, _)] = IOCTL;
    let [first, second] = LIMITS;
    for (architecture, number) in [(native, first), (native, first | X32), (compat, second)] {
        assert_eq!(answer(ALL, architecture, number, 1), 1);
        for pid in [0, 2, 1000] {
            assert_eq!(answer(ALL, architecture, number, pid), 0, "{pid}");
        }
    }
}

#[test]
fn objects_that_can_be_listed_may_be_made_and_everything_else_goes_on() {
    let [(native, _), (compat, _)] = IOCTL;
    let [.., (queues, _), (objects, _)] = lists();
    for [first, second] in queues.into_iter().chain(objects) {
        let none = Unlisted::default();
        let natively = answer(none, native, first, 0);
        assert_eq!((natively, answer(none, compat, second, 0)), (0, 0));
    }
    let refused = |number: u32, column: usize| {
        let all = lists().into_iter().flat_map(|(calls, _)| calls);
        let mut numbers = all.map(|call| call[column]);
        numbers.any(|known| known == number)
    };
    for number in 0..600 {
        for (column, architecture) in [native, compat].into_iter().enumerate() {
            let is_refused = answer(ALL, architecture, number, 0) != 0;
            assert_eq!(is_refused, refused(number, column), "{column}: {number}");
        }
    }
}

#[test]
fn the_kernel_takes_the_guard_and_obeys_it() {
    assert!(is_available());
    let place = Place::new();
    let name = c"user.vestibule.test";
    thread::spawn(move || {
        prctl::set_no_new_privs().unwrap();
        attribute::set(&place.0, name, b"before").unwrap();
        guard_setup(ALL).unwrap();
        let refused = Err(Errno::EOPNOTSUPP);
        assert_eq!(attribute::set(&place.0, name, b"since"), refused);
        assert_eq!(attribute::remove(&place.0, name), refused);
        let mut room = [0; 8];
        assert_eq!(attribute::get(&place.0, name, &mut room), Ok(Some(6)));
        assert_eq!(ipc::leave_session_keyring(), Err(Errno::EPERM));
        assert_eq!(ipc::make_each(), Err(Errno::ENOSYS));
    })
    .join()
    .unwrap();
}

#[test]
fn in_every_case_the_program_is_one_that_the_kernel_takes() {
    for (queues, objects) in [(false, false), (false, true), (true, false), (true, true)] {
        let taken = thread::spawn(move || {
            prctl::set_no_new_privs().unwrap();
            guard_setup(Unlisted { queues, objects })
        });
        assert_eq!(taken.join().unwrap(), Ok(()));
    }
}
