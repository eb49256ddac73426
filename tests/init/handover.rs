//! The hand-over to the reaper, where executing oneself is not a matter of
//! course: no file, no `/proc`, no execveat(2), no way at all.

use crate::claim::Seen;
use crate::inits::Init;
use crate::scene::{Ended, PATIENCE, Scene};

/// Main says so, and who PID 1 is by now: `vestibule` without an environment.
const MAIN: &str =
    "echo started; tr '\\0' ' ' </proc/1/cmdline; echo; wc -c </proc/1/environ; exit 3";
const AS_REAPER: &str = "started\nvestibule -- /bin/sh pinned \n0\n";

/// What was said, without the digests.
fn said(ended: &Ended) -> String {
    let (before, rest) = ended.said.split_once("pinned:").unwrap_or_default();
    let (_, after) = rest.split_once(' ').unwrap_or_default();
    format!("{before}pinned {after}")
}

fn vestibule() -> Init {
    Init::vestibule_with_secret()
}

fn under(error: &str) -> Ended {
    let inject = format!("inject=execveat:error={error}");
    let strace = [
        "/usr/bin/strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=execveat",
        "-e",
        &inject,
    ];
    Scene::of(&vestibule())
        .shell(MAIN)
        .start_under(&strace)
        .end_within(PATIENCE)
}

#[test]
fn the_file_may_be_gone_by_then() {
    let mut gone = vestibule();
    let copy = format!(
        "mount -t tmpfs tmpfs /mnt; cp {} /mnt/it; exec 9</mnt/it; rm /mnt/it",
        gone.path.display()
    );
    gone.path = "/proc/self/fd/9".into();
    let ended = Scene::of(&gone).before(&copy).shell(MAIN).run();
    assert_eq!(
        (ended.code, said(&ended).as_str()),
        (Some(3), AS_REAPER),
        "{}",
        ended.complained
    );
}

#[test]
fn proc_may_be_absent() {
    let main = "echo started; exit 3";
    let ended = Scene::of(&vestibule())
        .before("umount -l /proc")
        .shell(main)
        .run();
    assert_eq!(
        (ended.code, ended.said.as_str()),
        (Some(3), "started\n"),
        "{}",
        ended.complained
    );
}

#[test]
fn a_descriptor_that_cannot_be_executed_is_replaced_by_the_path() {
    // ENOENT is what an interpreter of binfmt_misc makes of a descriptor that
    // closes at exec (execveat(2)), ENOSYS what qemu's user mode answers.
    for error in ["ENOENT", "ENOSYS"] {
        let ended = under(error);
        let seen = Seen::new(ended.code == Some(3), &ended.complained);
        assert!(
            seen.right && ended.said.starts_with("started\nvestibule -- /bin/sh"),
            "{error}: {}",
            seen.what
        );
    }
}

#[test]
fn without_any_way_main_is_not_started_and_the_code_is_111() {
    let ended = under("EACCES");
    assert_eq!(
        (ended.code, ended.said.as_str()),
        (Some(111), ""),
        "{}",
        ended.complained
    );
    assert!(
        ended
            .complained
            .contains("PID 1 cannot hand over to a clean process"),
        "{}",
        ended.complained
    );
}

#[test]
fn a_pipe_that_somebody_left_on_descriptor_3_is_no_state() {
    // One that cannot block and whose writer is open, as a runtime may leave it.
    let pipes = "exec 3<> /mnt/fifo 4>&3";
    let make = "mount -t tmpfs tmpfs /mnt; mkfifo /mnt/fifo";
    for content in ["", "printf 'vstbl' >&4;"] {
        let before = format!("{make}; {pipes}; {content}");
        let ended = Scene::of(&vestibule()).before(&before).shell(MAIN).run();
        assert_eq!(
            (ended.code, said(&ended).as_str()),
            (Some(3), AS_REAPER),
            "{}",
            ended.complained
        );
    }
}
