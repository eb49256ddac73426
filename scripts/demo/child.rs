//! The demo's application: says what a process sees of itself, values masked.
//! The last line is for `scripts/demo.sh`, which makes a table of it.

use std::env;
use std::fs;
use std::process;

/// Variables whose values are no secrets.
const PLAIN: [&str; 9] = [
    "HOME",
    "HOSTNAME",
    "PATH",
    "POSTGRES_DB",
    "POSTGRES_HOST",
    "POSTGRES_USER",
    "PWD",
    "SHLVL",
    "TERM",
];
const MASK: &str = "••••••••";

fn main() {
    let first = first_process();
    let user = status("Uid:");
    let capabilities = status("CapEff:");
    let root = if user == "0" { " (root)" } else { "" };
    let without = if capabilities.bytes().all(|digit| digit == b'0') {
        ", no capabilities"
    } else {
        ""
    };
    println!(
        "    process      {}",
        if process::id() == 1 {
            "PID 1 itself: nobody reaps its orphans".to_string()
        } else {
            format!(
                "PID {}, a child of PID 1, which is `{first}`",
                process::id()
            )
        }
    );
    println!("    user         uid {user}{root}{without}");
    let mut variables: Vec<(String, String)> = env::vars().collect();
    variables.sort();
    let host = env::var("DATABASE_URL")
        .ok()
        .map(|url| host_of(&url).to_string());
    let broken = host.as_deref().filter(|host| *host != "db");
    let mut label = "variables";
    for (name, value) in &variables {
        println!("    {label:<12} {name:<18} {}", masked(name, value));
        label = "";
        if let Some(host) = broken.filter(|_| name == "DATABASE_URL") {
            println!(
                "    {label:<12} {label:<18} └ broken: a client reads the host `{host}`, not `db`"
            );
        }
    }
    let (readable, all) = secret_files();
    println!(
        "    files        {}",
        match readable.len() {
            0 => format!("none of the {all} files in /run/secrets can be read"),
            count => format!(
                "{count} of {all} in /run/secrets can be read: {}",
                readable.join(", ")
            ),
        }
    );
    let token = variables.iter().any(|(name, _)| name == "GITHUB_TOKEN");
    println!(
        "FACTS\t{first}\t{user}\t{}\t{}\t{} of {all}",
        if host.as_deref() == Some("db") {
            "right"
        } else {
            "broken"
        },
        if token { "yes" } else { "no" },
        readable.len()
    );
}

fn first_process() -> String {
    let line = fs::read_to_string("/proc/1/cmdline").unwrap_or_default();
    let program = line.split('\0').next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default();
    if process::id() == 1 {
        "the application".into()
    } else {
        name.to_string()
    }
}

/// The first number of a line of `/proc/self/status`.
fn status(field: &str) -> String {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.split_whitespace().next())
        .unwrap_or("?")
        .to_string()
}

fn masked(name: &str, value: &str) -> String {
    if PLAIN.contains(&name) {
        return value.to_string();
    }
    let password = value.find("://").and_then(|scheme| {
        let from = value[scheme + 3..].find(':')? + scheme + 4;
        Some((from, value.rfind('@').filter(|at| *at > from)?))
    });
    match password {
        Some((from, at)) => format!("{}{MASK}{}", &value[..from], &value[at..]),
        None => MASK.to_string(),
    }
}

/// The host as clients find it (RFC 3986, 3.2): the authority ends at the first
/// slash, question mark or hash, and the user info at its last `@`.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let address = authority.rsplit('@').next().unwrap_or(authority);
    address.split(':').next().unwrap_or(address)
}

/// The names of the secret files that this process can read, and how many
/// there are.
fn secret_files() -> (Vec<String>, usize) {
    let mut names: Vec<String> = fs::read_dir("/run/secrets")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let all = names.len();
    names.retain(|name| fs::read(format!("/run/secrets/{name}")).is_ok());
    (names, all)
}
