//! What the READMEs of the examples show: commands behind `$`, and lines of
//! what they print. The commands are run as they stand there, and each line has
//! to come.
//!
//! In: the text of a README. Out: its transcripts, or a panic that names the
//! command and the line that is missing.

use crate::engine::Finished;
use crate::passwords;

/// A command, and the lines that it has to print. `…` stands for anything.
pub(crate) struct Step {
    pub(crate) command: String,
    code: i32,
    lines: Vec<String>,
}

/// The commands of every ```` ```console ```` block, in order. `> ` continues a
/// command; `(exit code N)` says that it ends with N.
pub(crate) fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if !inside {
        } else if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                command: command.to_owned(),
                code: 0,
                lines: Vec::new(),
            });
        } else {
            let step = steps.last_mut().expect("a command before its output");
            if let Some(more) = line.strip_prefix("> ") {
                step.command += "\n";
                step.command += more;
            } else if let Some(code) = line.strip_prefix("(exit code ") {
                step.code = code.trim_end_matches(')').parse().expect("a code");
            } else {
                step.lines.push(line.to_owned());
            }
        }
    }
    steps
}

impl Step {
    /// Whether it does nothing but look at what others say, who may take a while.
    pub(crate) fn looks(&self) -> bool {
        ["logs ", "journalctl "]
            .iter()
            .any(|word| self.command.contains(word))
    }

    /// Whether every line was printed.
    pub(crate) fn is_printed(&self, finished: &Finished) -> bool {
        self.lines.iter().all(|line| shows(&finished.said, line))
    }

    /// Claims that the command did what the README says.
    #[track_caller]
    pub(crate) fn holds(&self, finished: &Finished) {
        let Finished { code, said } = finished;
        let shown = passwords::printable(said);
        assert_eq!(*code, Some(self.code), "$ {}\n{shown}", self.command);
        for line in &self.lines {
            assert!(
                shows(said, line),
                "no `{line}` from `{}`: {shown}",
                self.command
            );
        }
    }
}

fn shows(said: &str, line: &str) -> bool {
    let mut printed = said.lines();
    printed.any(|printed| matches(line, printed.trim_end()))
}

/// Whether a printed line is the one that was shown.
fn matches(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else {
        return false;
    };
    let mut last = "";
    let mut open = false;
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
        last = part;
        open = true;
    }
    rest.is_empty() || (open && printed.ends_with(last))
}

#[test]
fn a_shown_line_matches_itself_and_what_its_gaps_leave_open() {
    assert!(matches("app: ready", "app: ready"));
    assert!(!matches("app: ready", "app: ready or not"));
    assert!(!matches("app: ready", "app: rea"));
    assert!(matches(
        "proved: … ways tried to …",
        "proved: 34 ways tried to `token`"
    ));
    assert!(matches("a … b", "a 1 b 2 b"));
    assert!(!matches("a … b", "a 1 b 2"));
    assert!(!matches("a … b", "x a 1 b"));
}

#[test]
fn commands_and_their_lines_are_read_from_the_console_blocks_alone() {
    let readme =
        "text\n```console\n$ one \\\n> two\nout\n(exit code 3)\n$ three\n```\n```sh\n$ no\n```\n";
    let read = steps(readme);
    let commands: Vec<_> = read.iter().map(|step| step.command.as_str()).collect();
    assert_eq!(commands, ["one \\\ntwo", "three"]);
    assert_eq!(
        (read[0].code, read[0].lines.as_slice()),
        (3, &["out".to_owned()][..])
    );
    assert_eq!((read[1].code, read[1].lines.len()), (0, 0));
}
