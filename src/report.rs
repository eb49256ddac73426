//! The one door to stderr: three-line refusals and warnings, one-line notes.
//!
//! In: a `Fault` (what, where, fix) or a note with named fields. Out: text for
//! people or one JSON object a line, written with a single write each. All of it
//! goes through `redact`: foreign text as it is quoted, since a quotation is cut
//! and escaped, and every line once more as it goes out.
//!
//! **Never:** a value, prefix, length or hash of a secret; the print macros,
//! which panic when stderr is closed; a write to stdout, which is main's.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;

use crate::exit::Exit;
use crate::json::Value;
use crate::redact::{redacted, redacted_text};
use crate::sys;

/// Foreign text is cut at this many bytes in a message.
const QUOTED_BYTES: usize = 80;

/// A refusal or warning that tells an operator everything needed to mend it.
pub trait Fault {
    /// What went wrong: lower case, no full stop.
    fn what(&self) -> String;
    /// Where: the file, the policy's pointer and line, or the option.
    fn place(&self) -> String;
    /// What to change.
    fn remedy(&self) -> String;
    /// How vestibule ends because of it.
    fn exit(&self) -> Exit;
}

/// The exit code for several faults: what a restart cannot mend goes first.
#[must_use]
pub fn exit_of(faults: &[Box<dyn Fault>]) -> Exit {
    faults
        .iter()
        .map(|fault| fault.exit())
        .min()
        .unwrap_or(Exit::Policy)
}

/// A fault among others of other rooms.
#[must_use]
pub fn boxed(fault: impl Fault + 'static) -> Box<dyn Fault> {
    Box::new(fault)
}

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

/// Writes messages in one format, and notes only as far as they were asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reporter {
    /// How messages look.
    pub format: Format,
    /// How often `-v` was given: 0 is quiet.
    pub verbosity: u8,
}

impl Reporter {
    /// Says why vestibule ends, and returns the exit code that goes with it.
    pub fn refusal(self, fault: &dyn Fault) -> Exit {
        self.three_lines("refusal", fault, Some(fault.exit()));
        fault.exit()
    }

    /// Says every reason why vestibule ends, and returns the exit code.
    #[must_use]
    pub fn refusals(self, faults: &[Box<dyn Fault>]) -> Exit {
        for fault in faults {
            self.refusal(fault.as_ref());
        }
        exit_of(faults)
    }

    /// Says what deserves an operator's attention although the start goes on.
    pub fn warning(self, fault: &dyn Fault) {
        self.three_lines("warning", fault, None);
    }

    /// One line with the event's name and its fields; text readers get `text`.
    pub fn note(self, event: &'static str, text: &str, fields: &[(&'static str, Value)]) {
        match self.format {
            Format::Text => emit(&["vestibule: ", &plain(text), "\n"].concat()),
            Format::Json => {
                let mut members = vec![("event", event.into())];
                members.extend_from_slice(fields);
                emit(&[&Value::Object(members).to_string(), "\n"].concat());
            }
        }
    }

    /// A note that only `-v` (given `level` times) shows.
    pub fn detail(
        self,
        level: u8,
        event: &'static str,
        text: &str,
        fields: &[(&'static str, Value)],
    ) {
        if self.verbosity >= level {
            self.note(event, text, fields);
        }
    }

    fn three_lines(self, event: &'static str, fault: &dyn Fault, exit: Option<Exit>) {
        let (what, place, remedy) = (fault.what(), fault.place(), fault.remedy());
        match self.format {
            Format::Text => {
                let label = if exit.is_some() { "" } else { "warning: " };
                let [what, place, remedy] = [what, place, remedy].map(|text| plain(&text));
                emit(&format!(
                    "vestibule: {label}{what}\n  where: {place}\n  fix:   {remedy}\n"
                ));
            }
            Format::Json => {
                let mut fields = vec![
                    ("what", what.into()),
                    ("where", place.into()),
                    ("fix", remedy.into()),
                ];
                if let Some(exit) = exit {
                    fields.push(("exit", exit.code().into()));
                }
                self.note(event, "", &fields);
            }
        }
    }
}

/// Foreign text made safe for a terminal and a log: in backticks, without what
/// is secret, control and non-ASCII-printable bytes escaped, cut at 80 bytes.
#[must_use]
pub fn quote(text: impl AsRef<[u8]>) -> String {
    let shown = redacted(text.as_ref());
    let bytes = &*shown;
    let (head, end) = match bytes.get(..QUOTED_BYTES) {
        Some(head) if bytes.len() > QUOTED_BYTES => (head, "…`"),
        _ => (bytes, "`"),
    };
    format!("`{}{end}", escaped(head))
}

/// The same without backticks around it and uncut, for a path in an answer.
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    escaped(&redacted(bytes))
}

/// A path as text, for what is neither quoted nor cut; bytes that are no UTF-8
/// are replaced.
#[must_use]
pub fn lossy(path: impl AsRef<OsStr>) -> String {
    let bytes = path.as_ref().as_encoded_bytes();
    String::from_utf8_lossy(&redacted(bytes)).into_owned()
}

fn escaped(bytes: &[u8]) -> String {
    let mut escaped = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '`' {
                // `escape_default` leaves it, and it would end the quotation.
                escaped.extend(character.escape_unicode());
            } else if character == '\\' || steers(character) {
                escaped.extend(character.escape_default());
            } else {
                escaped.push(character);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "\\x{byte:02x}");
        }
    }
    escaped
}

/// A line of a message. What is foreign in it is quoted already; should it not
/// be, it still shows no secret and cannot steer a terminal.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for character in redacted_text(text).chars() {
        if steers(character) {
            plain.extend(character.escape_default());
        } else {
            plain.push(character);
        }
    }
    plain
}

/// Whether a character steers a terminal, reorders or hides text on it, or ends
/// a line for some readers of a log (control characters, Unicode Bidi_Control,
/// Zl, Zp, and format characters without a width, the tags included).
pub(crate) fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// What the system said when it refused a call: lower case, without the number.
#[must_use]
pub fn said(errno: Errno) -> String {
    let text = io::Error::from(errno).to_string();
    let words = text.split_once(" (os error");
    words
        .map_or(text.as_str(), |(words, _)| words)
        .to_ascii_lowercase()
}

/// `one`, `one and two`, `one, two and three`.
#[must_use]
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// Writes everything to stderr, or gives up silently: a closed or full stderr
/// must not stop PID 1.
pub(crate) fn emit(text: &str) {
    sys::descriptor::write_all(stderr(), text.as_bytes());
}

/// Writes a subcommand's JSON to stdout, as one line.
pub(crate) fn answer_json(value: &Value) {
    answer(&[&value.to_string(), "\n"].concat());
}

/// Writes a subcommand's answer (help, `check --json`) to stdout.
pub(crate) fn answer(text: &str) {
    let lines = text.split_inclusive('\n').map(redacted_text);
    let text: String = lines.collect();
    sys::descriptor::write_all(sys::descriptor::stdout(), text.as_bytes());
}

fn stderr() -> BorrowedFd<'static> {
    sys::descriptor::stderr()
}

/// Replaces the panic message: file and line tell us enough, and a payload
/// could quote a value. Ends with 101 at once, because unwinding is compiled
/// out and an abort as PID 1 would look like a crash of main.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line()));
        emit(&format!(
            "vestibule: a bug in vestibule itself\n  where: {place}\n  fix:   report this place to the authors; no value was printed\n"
        ));
        sys::process::exit_now(Exit::Bug.code());
    }));
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::{list, quote, said};

    #[test]
    fn foreign_text_is_escaped_and_cut() {
        assert_eq!(quote("db"), "`db`");
        assert_eq!(quote("a\x1b[31mb\n"), "`a\\u{1b}[31mb\\n`");
        assert_eq!(quote(b"\xff\\"), "`\\xff\\\\`");
        assert_eq!(quote("x".repeat(90)), format!("`{}…`", "x".repeat(80)));
        assert_eq!(quote("\u{202e}x"), "`\\u{202e}x`");
    }

    #[test]
    fn a_backtick_does_not_end_the_quotation() {
        assert_eq!(quote("a` and `b"), "`a\\u{60} and \\u{60}b`");
    }

    #[test]
    fn what_steers_a_terminal_or_ends_a_line_is_escaped() {
        for character in [
            '\u{ad}',
            '\u{61c}',
            '\u{180e}',
            '\u{2028}',
            '\u{2029}',
            '\u{fff9}',
            '\u{e0061}',
        ] {
            let escaped = format!("`{}`", character.escape_unicode());
            assert_eq!(quote(character.to_string()), escaped);
        }
    }

    #[test]
    fn a_refused_call_is_told_in_words_without_a_number() {
        assert_eq!(said(Errno::EACCES), "permission denied");
        assert_eq!(said(Errno::ENOENT), "no such file or directory");
    }

    #[test]
    fn lists_read_like_sentences() {
        let items =
            |words: &[&str]| list(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(items(&[]), "");
        assert_eq!(items(&["a"]), "a");
        assert_eq!(items(&["a", "b"]), "a and b");
        assert_eq!(items(&["a", "b", "c"]), "a, b and c");
    }
}
