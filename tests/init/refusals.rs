//! Commands that cannot be executed: the code says whether the command was not
//! found (127) or could not be executed (126), and vestibule names the cause.

use crate::claim::{Seen, claims, demand};
use crate::inits::Init;
use crate::scene::{Ended, Scene};

claims![
    a_missing_command_is_127,
    "command not found, by name and by path (want 127 127)",
    missing;
    a_file_that_may_not_be_executed_is_126,
    "command not executable, a directory (want 126 126)",
    not_executable;
    a_missing_interpreter_is_126_or_127,
    "script whose interpreter is missing (want 126, or dash's 127)",
    missing_interpreter;
    a_corrupt_program_is_126,
    "corrupt ELF file (want 126)",
    corrupt;
    a_program_for_another_machine_is_126,
    "ELF file for another architecture (want 126)",
    other_machine;
    a_program_on_a_noexec_mount_is_126,
    "program on a mount with noexec (want 126)",
    noexec;
    a_script_without_an_interpreter_line_runs_by_sh,
    "script without `#!`, by path and by PATH, with arguments (want 33 33)",
    plain_script;
];

/// The stage with one file made by a shell line, as `/mnt/it`.
fn with_file(init: &Init, make: &str) -> Scene {
    let prepare = format!("mount -t tmpfs tmpfs /mnt && cd /mnt && {make}");
    Scene::of(init).before(&prepare)
}

/// What the init says of a file made by a shell line.
fn told(init: &Init, make: &str) -> Ended {
    with_file(init, make).main(&["/mnt/it"]).run()
}

/// A row's cell for a file made by a shell line.
fn code_for(init: &Init, make: &str, wanted: u8) -> Seen {
    let ended = told(init, make);
    Seen::new(ended.code == Some(wanted), ended.shown())
}

const CORRUPT: &str = "printf '\\177ELFgarbage\\n' > it && chmod 755 it";
/// A header that is right but for its machine, 243: RISC-V (elf(5)).
const OTHER_MACHINE: &str = "{ printf '\\177ELF\\002\\001\\001\\000\\000\\000\\000\\000\\000\\000\\000\\000\\002\\000\\363\\000\\001\\000\\000\\000'; head -c 4000 /dev/zero; } > it && chmod 755 it";
const MISSING_INTERPRETER: &str = "printf '#!/nonexistent/interpreter\\n' > it && chmod 755 it";
const NOEXEC: &str = "cp /bin/true it && mount -o remount,noexec /mnt";

fn missing(init: &Init) -> Seen {
    let by_name = Scene::of(init).main(&["no-such-command"]).run();
    let by_path = Scene::of(init).main(&["/no/such/command"]).run();
    pair(&by_name, &by_path, 127)
}

fn not_executable(init: &Init) -> Seen {
    let file = told(init, "echo exit > it && chmod 644 it");
    let directory = told(init, "mkdir it");
    pair(&file, &directory, 126)
}

fn pair(first: &Ended, second: &Ended, wanted: u8) -> Seen {
    let right = first.code == Some(wanted) && second.code == Some(wanted);
    Seen::new(right, format!("{} {}", first.shown(), second.shown()))
}

fn missing_interpreter(init: &Init) -> Seen {
    // Shells differ: the script was found, so bash says 126, and we with it; for
    // dash, and execvp(3), what was not found is the interpreter.
    let as_bash = code_for(init, MISSING_INTERPRETER, 126);
    if as_bash.right {
        as_bash
    } else {
        code_for(init, MISSING_INTERPRETER, 127)
    }
}

fn corrupt(init: &Init) -> Seen {
    code_for(init, CORRUPT, 126)
}

fn other_machine(init: &Init) -> Seen {
    code_for(init, OTHER_MACHINE, 126)
}

fn noexec(init: &Init) -> Seen {
    code_for(init, NOEXEC, 126)
}

fn plain_script(init: &Init) -> Seen {
    let make = "echo 'exit $1' > it && chmod 755 it && export PATH=/mnt:$PATH";
    let by_path = with_file(init, make).main(&["/mnt/it", "33"]).run();
    let by_name = with_file(init, make).main(&["it", "33"]).run();
    pair(&by_path, &by_name, 33)
}

#[test]
fn a_refusal_names_its_true_cause() {
    for (make, cause) in [
        (MISSING_INTERPRETER, "/nonexistent/interpreter"),
        (CORRUPT, "neither a program nor a script"),
        (OTHER_MACHINE, "riscv64"),
        (NOEXEC, "noexec"),
        ("mkdir it", "directory"),
        ("touch it && chmod 640 it", "mode 0640"),
        (
            "printf '#!/bin/sh\\r\\nexit 0\\r\\n' > it && chmod 755 it",
            "/bin/sh\\r",
        ),
    ] {
        let ended = told(&Init::vestibule(), make);
        let said = &ended.complained;
        assert!(said.contains(cause), "{make}: wanted `{cause}`, got {said}");
        assert_eq!(said.lines().count(), 3, "what, where, fix: {said}");
    }
}

#[test]
fn a_missing_loader_of_a_program_is_named() {
    demand("a dynamic program without its loader", |init| {
        // The loader's path as every x86-64 program names it, one letter changed.
        let make = "sed 's,/lib64/ld-linux,/lib64/no-linux,' /bin/true > it && chmod 755 it";
        let ended = told(init, make);
        let named = ended.complained.contains("/lib64/no-linux");
        Seen::new(named && ended.code == Some(126), ended.complained)
    });
}

#[test]
fn the_search_goes_on_behind_a_directory_that_may_not_be_entered() {
    demand(
        "PATH with a file that may not be executed before one that may",
        |init| {
            let make = "mkdir a b && touch a/it && echo 'exit 5' > b/it && chmod 755 b/it";
            let scene = with_file(init, &format!("{make} && export PATH=/mnt/a:/mnt/b"));
            let ended = scene.main(&["it"]).run();
            Seen::new(ended.code == Some(5), ended.shown())
        },
    );
}
