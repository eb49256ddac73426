//! After the command: no socket, no helper, a clear word.

use std::time::{Duration, Instant};

use crate::command::Desk;
use crate::room::Room;

#[test]
fn after_the_command_git_fails_at_once_with_a_clear_word() {
    let room = Room::open();
    room.repository("acme/app.git", &[("a", "of acme")]);
    let mut desk = Desk::open(&room);
    assert!(desk.run("git clone -q {}/acme/app.git").is_success);
    desk.close();
    let start = Instant::now();
    let done = desk.run("cd app && git fetch");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(!done.is_success);
    let said: Vec<&str> = done.err.lines().collect();
    assert_eq!(
        said[0],
        "vestibule: git's credentials are out of reach: no such file or directory"
    );
    assert!(said[1].starts_with("  where: `/"), "{done:?}");
    assert_eq!(
        said[2],
        "  fix:   they are there only while a setup command with `\"git\": true` runs, for its user"
    );
    assert!(
        said[3].starts_with("fatal: could not read Username for"),
        "{done:?}"
    );
}

#[test]
fn without_our_variables_git_knows_nothing_of_a_helper() {
    let room = Room::open();
    room.repository("acme/app.git", &[("a", "of acme")]);
    let mut desk = Desk::open(&room);
    let done = desk.run(
        "git clone -q {}/acme/app.git && cd app && \
         env -i PATH=\"$PATH\" HOME=\"$HOME\" git config --list --show-origin | grep -i credential",
    );
    assert_eq!(
        (done.is_success, done.out.as_str()),
        (false, ""),
        "{done:?}"
    );
}

#[test]
fn what_git_wants_kept_or_forgotten_is_taken_without_a_word() {
    let room = Room::open();
    let mut desk = Desk::open(&room);
    for operation in ["store", "erase", "unheard-of"] {
        let done = desk.run(&format!(
            "printf 'protocol=https\nhost=h\npassword=x\n' | \
               ../vestibule git-credential --socket /nonexistent {operation}"
        ));
        let said = (done.is_success, done.out.as_str(), done.err.as_str());
        assert_eq!(said, (true, "", ""), "{operation}");
    }
}

#[test]
fn a_question_that_git_would_not_ask_is_not_passed_on() {
    let room = Room::open();
    let mut desk = Desk::open(&room);
    for (question, reason) in [
        ("protocol=https", "it names no protocol or no host"),
        ("protocol=https\\nhost=a\\nhost=b", "a key stands twice"),
        ("url=https://h/", "it has a `url` in place of its parts"),
    ] {
        let done = desk.run(&format!(
            "printf '{question}\\n' | ../vestibule git-credential --socket /nonexistent get"
        ));
        assert!(!done.is_success && done.out.is_empty(), "{done:?}");
        let what = format!("vestibule: git's question cannot be passed on: {reason}\n");
        assert!(done.err.starts_with(&what), "{done:?}");
    }
}
