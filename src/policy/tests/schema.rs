//! The schema that editors read accepts what the parser accepts.
//!
//! `tests/schema/agree.py` makes the policies and asks the schema; here is the
//! parser that it asks. `make test` sets `VESTIBULE_TEST_PYTHON`.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use super::variable;
use crate::policy::parse;

/// `pointer:what` of each mistake, in hexadecimal.
fn judged(text: &[u8]) -> String {
    let Err(error) = parse(text, Path::new("policy.json"), None, &variable) else {
        return String::new();
    };
    let mistakes = error.mistakes().iter().map(|mistake| {
        let what = mistake.to_string();
        format!(
            "{}:{} ",
            hexadecimal(&mistake.place.pointer),
            hexadecimal(&what)
        )
    });
    mistakes.collect()
}

fn hexadecimal(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        write!(all, "{byte:02x}").expect("a String takes everything");
        all
    })
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

#[test]
#[ignore = "needs the client libraries: make test"]
#[expect(
    clippy::disallowed_methods,
    reason = "a test is an ordinary program, not PID 1"
)]
fn the_schema_accepts_what_the_parser_accepts_and_nothing_else() {
    let python = std::env::var_os("VESTIBULE_TEST_PYTHON").expect("VESTIBULE_TEST_PYTHON");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema/agree.py");
    let mut child = Command::new(python)
        .arg("-B")
        .arg(script)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the interpreter");
    let mut answers = child.stdin.take().expect("a pipe");
    let questions = BufReader::new(child.stdout.take().expect("a pipe"));
    for question in questions.lines() {
        let text = unhex(&question.expect("a line"));
        writeln!(answers, "{}", judged(&text)).expect("somebody who asks");
    }
    assert!(child.wait().expect("an end").success(), "see above");
}
