use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::{Command, HELP, LICENCE, Options, UsageError, VERSION, parse};
use crate::init::forward::Audience;
use crate::init::signals::Signal;
use crate::report::{Fault, Format};

fn words(text: &str) -> Vec<OsString> {
    text.split_whitespace().map(OsString::from).collect()
}

fn with(arguments: &str, variables: &[(&str, &str)]) -> Result<Command, UsageError> {
    let (_, command) = parse(words(arguments), &|name| {
        let found = variables.iter().find(|(key, _)| *key == name)?;
        Some(OsString::from(found.1))
    });
    command
}

fn started(arguments: &str, variables: &[(&str, &str)]) -> (Options, Vec<OsString>) {
    match with(arguments, variables) {
        Ok(Command::Start(options, command)) => (options, command),
        other => panic!("{arguments}: {other:?}"),
    }
}

fn refused(arguments: &str, variables: &[(&str, &str)]) -> String {
    with(arguments, variables)
        .err()
        .map(|error| error.what())
        .expect(arguments)
}

#[test]
fn options_end_at_the_first_word_that_is_not_one() {
    for (line, command) in [
        ("sh -c exit", "sh -c exit"),
        ("-g sh -g -v", "sh -g -v"),
        ("-- check --json", "check --json"),
        ("-v -- -x", "-x"),
        ("-- -- true", "-- true"),
        ("app --policy x", "app --policy x"),
    ] {
        assert_eq!(started(line, &[]).1, words(command), "{line}");
    }
}

#[test]
fn every_option_is_taken() {
    let line = "-g -s -w -vv -p HUP -e 143 -e 5 -r TERM:QUIT --rewrite HUP:0 --grace 8s \
                --policy /p.json --profile web --log-format json true";
    let (options, _) = started(line, &[]);
    assert_eq!(options.audience, Audience::Group);
    assert!(options.subreaper && options.warn_on_reap);
    assert_eq!(options.report.verbosity, 2);
    assert_eq!(options.report.format, Format::Json);
    assert_eq!(options.parent_death, Some(Signal::HUP));
    assert_eq!(options.success.codes().collect::<Vec<_>>(), [5, 143]);
    assert_eq!(options.rewriting.apply(Signal::TERM), Some(Signal::QUIT));
    assert_eq!(options.rewriting.apply(Signal::HUP), None);
    assert_eq!(options.grace, Some(Duration::from_secs(8)));
    assert_eq!(options.policy.as_deref(), Some(Path::new("/p.json")));
    assert_eq!(options.profile.as_deref(), Some("web"));
}

#[test]
fn variables_of_other_inits_mean_what_they_meant_there() {
    let of = |variables: &[(&str, &str)]| started("true", variables).0;
    assert!(of(&[("TINI_SUBREAPER", "")]).subreaper);
    assert_eq!(
        of(&[("TINI_KILL_PROCESS_GROUP", "1")]).audience,
        Audience::Group
    );
    assert_eq!(of(&[("DUMB_INIT_SETSID", "1")]).audience, Audience::Group);
    assert_eq!(of(&[("DUMB_INIT_SETSID", "0")]).audience, Audience::Main);
    assert_eq!(of(&[("TINI_VERBOSITY", "3")]).report.verbosity, 2);
    assert_eq!(of(&[("DUMB_INIT_DEBUG", "1")]).report.verbosity, 2);
    assert_eq!(
        of(&[("VESTIBULE_GRACE", "500ms")]).grace,
        Some(Duration::from_millis(500))
    );
    assert_eq!(
        of(&[("VESTIBULE_PROFILE", "web")]).profile.as_deref(),
        Some("web")
    );
    assert_eq!(
        of(&[("VESTIBULE_POLICY", "/p")]).policy.as_deref(),
        Some(Path::new("/p"))
    );
}

#[test]
fn an_option_goes_before_the_variable_of_the_same_meaning() {
    let (options, _) = started(
        "--grace 1s -c true",
        &[("VESTIBULE_GRACE", "9s"), ("TINI_KILL_PROCESS_GROUP", "1")],
    );
    assert_eq!(options.grace, Some(Duration::from_secs(1)));
    assert_eq!(options.audience, Audience::Main);
}

#[test]
fn mistakes_name_the_option_and_what_it_takes() {
    for (line, what) in [
        ("", "there is no command to start"),
        ("--", "there is no command to start"),
        ("-z true", "there is no option `-z`"),
        ("--nonsense true", "there is no option `--nonsense`"),
        ("-e 256 true", "`-e` cannot be `256`"),
        ("-e", "`-e` needs a value"),
        ("-p NOSUCH true", "`-p` cannot be `NOSUCH`"),
        ("-r TERM true", "`TERM` is not a rewriting rule"),
        ("-r TERM:65 true", "`-r` cannot be `65`"),
        ("-r :TERM true", "`-r` cannot be ``"),
        ("-r KILL:TERM true", "KILL cannot be rewritten"),
        ("-r STOP:0 true", "STOP cannot be rewritten"),
        ("--grace 8 true", "`--grace` cannot be `8`"),
        ("--log-format xml true", "`--log-format` cannot be `xml`"),
        (
            "-g=1 true",
            "an option was given a value that it does not take",
        ),
        ("plan --nope", "`plan` does not take `--nope`"),
        ("plan sh", "`plan` does not take `sh`"),
        ("check --nope", "`check` does not take `--nope`"),
        ("check sh", "`check` does not take `sh`"),
        (
            "git-credential get",
            "`git-credential` is not called as git calls it",
        ),
        (
            "git-credential --socket /s",
            "`git-credential` is not called as git calls it",
        ),
        (
            "git-credential --socket /s get store",
            "`git-credential` is not called as git calls it",
        ),
    ] {
        assert_eq!(refused(line, &[]), what, "{line}");
    }
    assert_eq!(
        refused("true", &[("VESTIBULE_GRACE", "x")]),
        "`VESTIBULE_GRACE` cannot be `x`"
    );
    assert_eq!(
        refused("true", &[("TINI_VERBOSITY", "x")]),
        "`TINI_VERBOSITY` cannot be `x`"
    );
}

#[test]
fn what_needs_a_supervisor_is_refused_where_there_is_none() {
    for option in ["-g", "-w", "-e 1", "-r HUP:0", "--grace 1s"] {
        let (options, _) = started(&format!("{option} --exec true"), &[]);
        let name = option.split(' ').next().unwrap_or_default();
        let error = options.refuse_replacement(true).expect(option);
        assert_eq!(
            error.what(),
            format!(
                "`{name}` has no effect: with `--exec` vestibule is gone once the command runs"
            )
        );
        assert!(options.refuse_replacement(false).is_none(), "{option}");
    }
    let (plain, _) = started("-s -v --exec true", &[("VESTIBULE_GRACE", "1s")]);
    assert!(plain.refuse_replacement(true).is_none());
}

#[test]
fn the_reaper_shows_the_options_in_force_wherever_they_were_given() {
    let (options, command) = started(
        "-g -v -e 3 -r TERM:QUIT -r HUP:0 app secret-looking-argument",
        &[("VESTIBULE_POLICY", "/p.json"), ("VESTIBULE_GRACE", "8s")],
    );
    let shown: Vec<String> = options
        .in_force(&command)
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    assert_eq!(
        shown.join(" "),
        "vestibule --policy /p.json --grace 8000ms -e 3 -r HUP:0 -r TERM:QUIT -g -v -- app"
    );
    let again = shown.get(1..).expect("options").join(" ");
    let (reread, command) = started(&again, &[]);
    assert_eq!(reread.grace, options.grace);
    assert_eq!(reread.rewriting, options.rewriting);
    assert_eq!(command, words("app"));
}

#[test]
fn texts_are_printed_without_a_command() {
    for (line, text) in [
        ("--help", HELP),
        ("-h", HELP),
        ("-V", VERSION),
        ("--version", VERSION),
        ("-l", LICENCE),
        ("check -h", HELP),
    ] {
        assert!(
            matches!(with(line, &[]), Ok(Command::Print(found)) if found == text),
            "{line}"
        );
    }
    assert!(
        matches!(with("check --policy /p --profile web --json", &[]), Ok(Command::Check(options)) if options.json)
    );
}

#[test]
fn git_s_helper_has_an_operation_and_a_socket() {
    for line in [
        "git-credential --socket /run/s get",
        "git-credential get --socket /run/s",
    ] {
        assert!(
            matches!(with(line, &[]), Ok(Command::GitCredential(operation, socket))
                if operation == "get" && socket == Path::new("/run/s")),
            "{line}"
        );
    }
}

#[test]
fn a_scan_takes_paths_and_the_options_that_ask() {
    let line = "--log-format json scan /a --json --policy /p -- -b --json";
    let Ok(Command::Scan(options, paths)) = with(line, &[]) else {
        panic!("no scan");
    };
    assert!(options.json && options.policy.is_some());
    assert_eq!(paths, ["/a", "-b", "--json"].map(std::path::PathBuf::from));
    for line in ["scan", "scan --json", "scan -g /a", "scan --grace 8s /a"] {
        assert!(with(line, &[]).is_err(), "{line}");
    }
    assert!(matches!(with("scan -h", &[]), Ok(Command::Print(text)) if text == HELP));
}

#[test]
fn the_help_names_every_option() {
    for option in [
        "--policy",
        "--profile",
        "-g",
        "-c",
        "--single-child",
        "-r",
        "--rewrite",
        "--grace",
        "-e",
        "-s",
        "-p",
        "--exec",
        "-v",
        "--verbose",
        "-w",
        "--log-format",
        "-h",
        "--help",
        "-V",
        "--version",
        "-l",
    ] {
        assert!(
            HELP.split(|c: char| c.is_whitespace() || c == ',')
                .any(|word| word == option),
            "{option}"
        );
    }
}

#[test]
fn a_mistake_is_said_in_the_form_that_was_asked_for_before_it() {
    let format = |line: &str| parse(words(line), &|_| None).0.format;
    assert_eq!(format("--log-format json --bogus"), Format::Json);
    assert_eq!(format("--bogus --log-format json"), Format::Text);
}
