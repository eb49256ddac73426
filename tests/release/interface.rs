//! What can be typed is said by `--help`, and the manual page, the completions
//! and the README say the same.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use super::{VERSION, is_there, program, read, run, said, vestibule};

type Names = BTreeSet<String>;

fn help() -> String {
    said(program(vestibule()).arg("--help"))
}

/// The options of the list, in all their spellings.
fn listed_options(help: &str) -> Names {
    let lines = help.lines().filter(|line| line.starts_with("  "));
    let names: Names = lines
        .flat_map(|line| line.split_whitespace().take(2))
        .map(|word| word.trim_end_matches(',').to_owned())
        .filter(|word| word.starts_with('-'))
        .collect();
    assert!(names.len() > 15, "{names:?}");
    names
}

/// The options that only the lines of the subcommands name.
fn options_of_subcommands(help: &str) -> Names {
    usage(help)
        .filter(|line| !line.contains("[OPTIONS]"))
        .flat_map(|line| line.split(|c: char| c.is_whitespace() || "[]".contains(c)))
        .filter(|word| word.len() > 2 && word.starts_with("--"))
        .map(str::to_owned)
        .collect()
}

fn usage(help: &str) -> impl Iterator<Item = &str> {
    help.lines()
        .take_while(|line| line.starts_with("vestibule "))
}

fn subcommands(help: &str) -> Names {
    let names: Names = usage(help)
        .filter_map(|line| line.split_whitespace().nth(1))
        .filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))
        .map(str::to_owned)
        .collect();
    assert!(names.len() > 3, "{names:?}");
    names
}

fn all_options(help: &str) -> Names {
    listed_options(help)
        .union(&options_of_subcommands(help))
        .cloned()
        .collect()
}

/// The words of a text that are options, without what punctuation surrounds them.
fn options_in(text: &str) -> Names {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .filter(|word| {
            let bytes = word.as_bytes();
            let short =
                bytes.len() == 2 && bytes.starts_with(b"-") && bytes[1].is_ascii_alphabetic();
            let long = word.starts_with("--") && bytes.len() > 2 && bytes[2] != b'-';
            short || long
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn manual_page_and_completions_are_what_the_script_makes_of_the_help() {
    assert_eq!(
        help(),
        read("docs/help.txt"),
        "the binary prints another text"
    );
    let check = run(program("python3").args(["scripts/interface.py", "--check"]));
    assert!(
        check.status.success(),
        "{}",
        String::from_utf8_lossy(&check.stderr)
    );
}

#[test]
fn the_manual_page_has_the_options_and_subcommands_of_the_help() {
    let help = help();
    let page = read("docs/vestibule.1").replace("\\-", "-");
    let tags: String = page
        .lines()
        .zip(page.lines().skip(1))
        .filter(|(line, _)| *line == ".TP")
        .map(|(_, tag)| tag.replace("\\fB", " ").replace("\\fR", " ") + "\n")
        .collect();
    assert_eq!(options_in(&tags), all_options(&help));
    for subcommand in subcommands(&help) {
        assert!(
            tags.lines()
                .any(|tag| tag.split_whitespace().next() == Some(&subcommand)),
            "{subcommand}"
        );
    }
    for variable in help.split(|c: char| !(c.is_ascii_uppercase() || c == '_')) {
        assert!(
            !variable.contains('_') || page.contains(variable),
            "{variable}"
        );
    }
}

#[test]
fn the_readme_has_the_options_and_subcommands_of_the_help() {
    let help = help();
    let readme = read("README.md");
    let section = readme
        .split_once("\n## Options\n")
        .and_then(|(_, rest)| rest.split_once("\n## "))
        .expect("a section of options")
        .0;
    assert_eq!(options_in(section), all_options(&help));
    for subcommand in subcommands(&help) {
        assert!(
            section.contains(&format!("\nvestibule {subcommand} ")),
            "{subcommand}"
        );
    }
}

#[test]
fn each_completion_has_the_options_and_subcommands_of_the_help() {
    let help = help();
    for file in ["vestibule.bash", "_vestibule", "vestibule.fish"] {
        let text = read(&format!("completions/{file}"));
        let named: Names = match file {
            "vestibule.bash" => text
                .lines()
                .filter(|line| line.contains("options='"))
                .flat_map(options_in)
                .collect(),
            "_vestibule" => text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("'*-"))
                .filter_map(|line| line.split_once('['))
                .map(|(name, _)| format!("-{name}"))
                .collect(),
            _ => text.lines().flat_map(options_for_fish).collect(),
        };
        assert_eq!(named, all_options(&help), "{file}");
        for subcommand in subcommands(&help) {
            assert!(text.contains(&subcommand), "{file}: {subcommand}");
        }
    }
}

/// `complete ... -s g -l grace -d '...'`
fn options_for_fish(line: &str) -> Vec<String> {
    let before_its_text = line
        .strip_prefix("complete ")
        .and_then(|rest| rest.split(" -d '").next());
    let words: Vec<&str> = before_its_text.unwrap_or_default().split(' ').collect();
    words
        .windows(2)
        .filter_map(|pair| match pair[0] {
            "-s" => Some(format!("-{}", pair[1])),
            "-l" => Some(format!("--{}", pair[1])),
            _ => None,
        })
        .collect()
}

/// What bash offers for the last of these words.
fn bash_offers(words: &[&str]) -> Names {
    let script = "set -eu; . completions/vestibule.bash; COMP_WORDS=(\"$@\"); \
        COMP_CWORD=$(($# - 1)); _vestibule; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let said = said(program("bash").args(["-c", script, "bash"]).args(words));
    said.lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

fn names(words: &[&str]) -> Names {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn bash_offers_after_each_subcommand_what_the_binary_takes_there() {
    let help = help();
    for subcommand in subcommands(&help) {
        let offered = bash_offers(&["vestibule", &subcommand, "-"]);
        for option in all_options(&help) {
            let output = run(program(vestibule())
                .args([&subcommand, &option])
                .stdin(Stdio::null()));
            let refused = String::from_utf8_lossy(&output.stderr)
                .contains(&format!("does not take `{option}`"));
            assert_eq!(
                offered.contains(&option),
                !refused,
                "{subcommand} {option}: offered, taken"
            );
        }
    }
}

#[test]
fn bash_completes_options_values_subcommands_and_commands() {
    for (words, offered) in [
        (&["vestibule", "--gr"][..], &["--grace"][..]),
        (&["vestibule", "--log-format", "j"], &["json"]),
        (&["vestibule", "-p", "SIGTER"], &["SIGTERM"]),
        (
            &["vestibule", "--grace", "8s", "-v", "--prof"],
            &["--profile"],
        ),
        (&["vestibule", "scan", "--js"], &["--json"]),
        (&["vestibule", "exec", "--pr"], &["--prove"]),
        // What is the command's own is left to readline.
        (&["vestibule", "sh", "--gr"], &[]),
        (&["vestibule", "--", "sh", "--gr"], &[]),
        (&["vestibule", "--policy", ""], &[]),
    ] {
        assert_eq!(bash_offers(words), names(offered), "{words:?}");
    }
    assert!(bash_offers(&["vestibule", "hea"]).contains("health"));
    assert!(bash_offers(&["vestibule", "--", "ba"]).contains("bash"));
    assert!(!bash_offers(&["vestibule", "--", "healt"]).contains("health"));
}

#[test]
fn fish_completes_options_values_and_subcommands() {
    if !is_there("fish", &["--version"]) {
        return;
    }
    for (line, offered) in [
        ("vestibule --gr", &["--grace"][..]),
        ("vestibule --log-format js", &["json"]),
        ("vestibule --grace 8s healt", &["health"]),
        ("vestibule scan --js", &["--json"]),
        ("vestibule sh --gr", &[]),
    ] {
        let script = format!("source completions/vestibule.fish; complete -C '{line}'");
        let said = said(program("fish").args(["--no-config", "-c", &script]));
        let found: Names = said
            .lines()
            .filter_map(|line| line.split('\t').next())
            .map(str::to_owned)
            .collect();
        assert_eq!(found, names(offered), "{line}");
    }
}

#[test]
fn zsh_reads_its_completion() {
    if is_there("zsh", &["--version"]) {
        said(program("zsh").args(["-n", "completions/_vestibule"]));
    }
}

#[test]
fn version_manual_page_and_changelog_agree() {
    assert_eq!(
        said(program(vestibule()).arg("--version")),
        format!("vestibule {VERSION}\n")
    );
    let page = read("docs/vestibule.1");
    let header = page.lines().find(|line| line.starts_with(".TH "));
    assert!(header.is_some_and(|line| line.contains(&format!("\"vestibule {VERSION}\""))));
    let changes = read("CHANGELOG.md");
    let newest = changes.lines().find_map(|line| line.strip_prefix("## "));
    let (version, date) = newest
        .and_then(|line| line.split_once(" - "))
        .expect("a version and its date, or `unreleased`");
    assert_eq!(version, VERSION);
    let is_date = date.len() == 10
        && date
            .bytes()
            .enumerate()
            .all(|(at, byte)| (byte == b'-') == (at == 4 || at == 7));
    assert!(date == "unreleased" || is_date, "{date}");
}

#[test]
fn the_manual_page_is_one() {
    if Path::new("/usr/bin/mandoc").exists() {
        let lint = run(program("mandoc").args(["-T", "lint", "-W", "error", "docs/vestibule.1"]));
        assert!(
            lint.status.success(),
            "{}",
            String::from_utf8_lossy(&lint.stdout)
        );
    }
}
