//! What the forge runs: actions by commit, permissions by job, make targets that
//! exist. Read by indentation, which is fixed in these files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::{read, root};

/// The job that publishes; it alone may write.
const PUBLISHER: &str = "publish";

/// A job's name, and its lines with the number of spaces before each.
type Jobs<'a> = BTreeMap<&'a str, Vec<(usize, &'a str)>>;

fn jobs(text: &str) -> Jobs<'_> {
    let mut jobs = Jobs::new();
    let mut name = None;
    for line in text.lines().skip_while(|line| *line != "jobs:").skip(1) {
        let content = line.trim_start();
        let depth = line.len() - content.len();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if depth == 2 {
            name = content.strip_suffix(':');
            jobs.entry(name.expect("a job's name")).or_default();
        } else if let Some(name) = name {
            jobs.entry(name).or_default().push((depth, content));
        }
    }
    jobs
}

/// The value of a step's key, whether it is the first of the step or not.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let line = line.strip_prefix("- ").unwrap_or(line);
    line.strip_prefix(key)?.strip_prefix(':').map(str::trim)
}

fn is_pinned(uses: &str) -> bool {
    let Some((action, version)) = uses.split_once(" # v") else {
        return false;
    };
    let hash = action.split_once('@').map_or("", |(_, hash)| hash);
    action.starts_with("actions/")
        && hash.len() == 40
        && hash
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        && version.contains('.')
}

/// The targets of a script: `make git` and `sudo … make git`, options and
/// variables left out.
fn make_targets(script: &str) -> Vec<&str> {
    script
        .split_once("make ")
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .filter(|word| !word.starts_with('-') && !word.contains('='))
        .collect()
}

fn has_target(makefile: &str, target: &str) -> bool {
    makefile
        .lines()
        .any(|line| line.starts_with(&format!("{target}:")))
}

/// What is wrong with a workflow.
fn faults(text: &str, makefile: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !text.lines().any(|line| line == "permissions: {}") {
        faults.push("no `permissions: {}` at the top".to_owned());
    }
    for (job, lines) in jobs(text) {
        let rights: Vec<_> = lines
            .iter()
            .skip_while(|(depth, line)| (*depth, *line) != (4, "permissions:"))
            .skip(1)
            .take_while(|(depth, _)| *depth > 4)
            .collect();
        if rights.is_empty() {
            faults.push(format!("{job}: no permissions of its own"));
        }
        for (_, right) in rights {
            if !right.ends_with(": read") && job != PUBLISHER {
                faults.push(format!("{job}: {right}"));
            }
        }
        for (_, line) in &lines {
            faults.extend(faults_of_step(job, line, makefile));
        }
        let checkouts = lines.iter().filter(|(_, line)| line.contains("/checkout@"));
        let without = lines
            .iter()
            .filter(|(_, line)| *line == "persist-credentials: false");
        if checkouts.count() != without.count() {
            faults.push(format!("{job}: a checkout leaves its token behind"));
        }
    }
    faults
}

fn faults_of_step(job: &str, line: &str, makefile: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if value(line, "uses").is_some_and(|uses| !is_pinned(uses)) {
        faults.push(format!("{job}: not pinned: {line}"));
    }
    if let Some(script) = value(line, "run") {
        if script.contains("${{") {
            faults.push(format!("{job}: an expression becomes a script: {line}"));
        }
        if script.starts_with(['|', '>']) {
            faults.push(format!(
                "{job}: a script of several lines is a file's: {line}"
            ));
        }
        if job == PUBLISHER && script.contains("make ") {
            faults.push(format!("{job}: runs code of the repository: {line}"));
        }
        for target in make_targets(script) {
            if !has_target(makefile, target) {
                faults.push(format!("{job}: there is no `make {target}`"));
            }
        }
    }
    faults
}

#[test]
fn workflows_are_pinned_may_do_little_and_call_make_targets() {
    let makefile = read("Makefile");
    let directory = fs::read_dir(root().join(".github/workflows")).expect("workflows");
    let mut count = 0;
    for entry in directory {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a workflow");
        assert_eq!(faults(&text, &makefile), [""; 0], "{}", path.display());
        assert!(!jobs(&text).is_empty(), "{}", path.display());
        count += 1;
    }
    assert!(count >= 2);
}

#[test]
fn the_claim_about_workflows_sees_each_fault() {
    let makefile = read("Makefile");
    let good = read(".github/workflows/release.yml");
    let hash = "08c6903cd8c0fde910a37f88322edcfb5dd907a8";
    for (from, to, fault) in [
        ("permissions: {}", "permissions: read-all", "at the top"),
        (
            "      contents: read\n",
            "      contents: write\n",
            "build: contents: write",
        ),
        (
            "    permissions:\n      contents: read\n",
            "",
            "no permissions of its own",
        ),
        (&format!("{hash} # v5.0.0"), "v5", "not pinned"),
        (
            &format!("{hash} # v5.0.0"),
            &format!("{} # v5.0.0", &hash[1..]),
            "not pinned",
        ),
        ("actions/checkout@", "elsewhere/checkout@", "not pinned"),
        (
            "persist-credentials: false",
            "fetch-depth: 0",
            "leaves its token",
        ),
        (
            "make release TAG",
            "make no-such-target TAG",
            "no `make no-such-target`",
        ),
        (
            "\"$GITHUB_REF_NAME\" --repo",
            "\"${{ github.ref_name }}\" --repo",
            "becomes a script",
        ),
        (
            "run: sha256sum --check",
            "run: make check &&",
            "code of the repository",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        let found = faults(&good.replacen(from, to, 1), &makefile).join("\n");
        assert!(found.contains(fault), "{fault}: {found}");
    }
}

/// The suites that `make TARGET` runs by scripts/test.sh, one line of a recipe each.
fn suites_of<'a>(makefile: &'a str, target: &str) -> Vec<&'a str> {
    let head = format!("{target}:");
    let recipe = makefile.lines().skip_while(|line| !line.starts_with(&head));
    let recipe = recipe.skip(1).take_while(|line| line.starts_with('\t'));
    recipe
        .filter_map(|line| line.split_once("scripts/test.sh "))
        .flat_map(|(_, suites)| suites.split_whitespace())
        .collect()
}

/// The words of the one line that starts with `head`, up to `end`.
fn words_after<'a>(text: &'a str, head: &str, end: char) -> BTreeSet<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(head));
    let words = line.and_then(|line| line.split(end).next());
    words.expect(head).split_whitespace().collect()
}

#[test]
fn the_forge_runs_every_suite_but_those_that_its_file_names() {
    let (makefile, workflow) = (read("Makefile"), read(".github/workflows/ci.yml"));
    let script = read("scripts/test.sh");
    let all = words_after(&script, "ALL=(", ')');
    let left_out = words_after(&workflow, "# Not run here: ", '.');
    let runs = workflow
        .lines()
        .filter_map(|line| value(line.trim(), "run"));
    let run: BTreeSet<&str> = runs
        .flat_map(make_targets)
        .flat_map(|target| suites_of(&makefile, target))
        .collect();
    assert!(left_out.is_disjoint(&run), "{left_out:?} {run:?}");
    assert_eq!(run.union(&left_out).copied().collect::<BTreeSet<_>>(), all);
}
