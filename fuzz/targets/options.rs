//! The command line: main's words are main's, and what the reaper shows of the
//! options reads back as the same options.
#![no_main]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use libfuzzer_sys::fuzz_target;
use vestibule::cli::{self, Command, Options};
use vestibule::redact::redacted;
use vestibule::report::Fault;
use vestibule_fuzz::{Canary, all_fields, said};

fuzz_target!(|input: &[u8]| {
    // The kernel's words end at a NUL, so none has one inside.
    if input.contains(&0) {
        return;
    }
    let canary = Canary::of(input);
    let mut fields = all_fields(input);
    let variables = fields.next().unwrap_or_default();
    let variable = |name: &str| {
        let lines = variables.split(|byte| *byte == b'\n');
        let mut values =
            lines.filter_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
        values
            .next()
            .map(|value| OsString::from_vec(value.to_vec()))
    };
    let mut words: Vec<OsString> = fields
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect();
    let command: [&OsStr; 3] = ["--", "app", "--password="].map(OsStr::new);
    words.extend(command.map(OsStr::to_owned));
    words.push(OsStr::from_bytes(canary.as_bytes()).to_owned());
    let (_, found) = cli::parse(words.clone(), &variable);
    match found {
        Ok(Command::Start(options, command)) => {
            assert!(!command.is_empty());
            assert!(words.ends_with(&command), "main's words are others");
            is_shown(&options, &command, &canary);
            for replaced in [false, true] {
                if let Some(error) = options.refuse_replacement(replaced) {
                    canary.is_not_told_by(&error);
                }
            }
        }
        Ok(Command::Exec(options, command)) => {
            assert!(options.prove == command.is_empty());
            assert!(words.ends_with(&command), "the command's words are others");
        }
        // No other one has words of a program.
        Ok(_) => {}
        Err(error) => {
            let words = said(&error);
            assert!(!canary.is_in(words) || is_superfluous(&error));
        }
    }
});

/// These have no command, so they say which word they do not take.
fn is_superfluous(error: &dyn Fault) -> bool {
    error.what().contains("` does not take ")
}

/// The reaper's own argument vector.
fn is_shown(options: &Options, command: &[OsString], canary: &Canary) {
    let shown: Vec<OsString> = options
        .in_force(command)
        .into_iter()
        .map(|word| OsString::from_vec(word.into_bytes()))
        .collect();
    // A start's first word is main's name, which is no secret.
    assert!(
        command[0].as_bytes() == canary.as_bytes()
            || shown.iter().all(|word| !canary.is_in(word.as_bytes()))
    );
    let (_, again) = cli::parse(shown[1..].to_vec(), &|_| None);
    let Ok(Command::Start(again, word)) = again else {
        panic!("what the reaper shows is no start");
    };
    let name = redacted(command[0].as_bytes());
    assert!(word.len() == 1 && word[0].as_bytes() == &*name);
    assert_eq!(again.policy, options.policy);
    assert_eq!(again.profile, options.profile);
    assert_eq!(again.grace, options.grace);
    assert_eq!(again.audience, options.audience);
    assert_eq!(again.subreaper, options.subreaper);
    assert_eq!(again.parent_death, options.parent_death);
    assert_eq!(again.success, options.success);
    assert_eq!(again.rewriting, options.rewriting);
    assert_eq!(again.warn_on_reap, options.warn_on_reap);
    assert_eq!(again.report.format, options.report.format);
    assert_eq!(again.report.verbosity, options.report.verbosity);
}
