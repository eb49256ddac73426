//! Claims about where no value may ever be seen: what Docker tells of a
//! container, its logs, its images, and the environment of its PID 1.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::engine;
use crate::passwords;
use crate::processes;
use crate::stack::{SERVICES, Stack};

/// Every string of a JSON document, names included, without JSON's escapes.
fn strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            into.push(name.clone());
            strings(member, into);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn assert_none(place: &str, text: &str) {
    let found = passwords::found_in(text.as_bytes());
    assert!(found.is_empty(), "{place} holds {}", found.join(", "));
}

#[test]
fn docker_inspect_holds_no_value() {
    if !engine::answers() {
        return;
    }
    let stack = Stack::shared();
    for service in SERVICES {
        let mut texts = Vec::new();
        strings(&stack.inspect(service), &mut texts);
        for text in texts {
            assert_none(&format!("docker inspect of {service}"), &text);
        }
    }
}

#[test]
fn docker_logs_hold_no_value() {
    if !engine::answers() {
        return;
    }
    let stack = Stack::shared();
    for service in SERVICES {
        assert_none(&format!("the log of {service}"), &stack.logs(service));
    }
}

#[test]
fn the_environment_and_arguments_of_pid_1_hold_no_value() {
    if !engine::answers() {
        return;
    }
    let stack = Stack::shared();
    for service in SERVICES {
        for file in ["/proc/1/environ", "/proc/1/cmdline"] {
            let text = stack.omniscient(service, &["cat", file]).success(file);
            assert_none(&format!("{file} of {service}"), &text);
        }
    }
}

#[test]
fn the_password_of_redis_is_in_no_argument_and_no_environment() {
    if !engine::answers() {
        return;
    }
    let script = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ";
    // The programs of this very search may be gone before they are read.
    let seen = Stack::shared()
        .omniscient("redis", &["sh", "-c", script])
        .said;
    assert!(
        seen.contains("redis-server"),
        "the search does not see Redis"
    );
    assert_none("a process of redis", &seen);
}

#[test]
fn exactly_the_permitted_variables_of_main_hold_a_value() {
    if !engine::answers() {
        return;
    }
    let stack = Stack::shared();
    let permitted: [(&str, &str, &[&str]); 4] = [
        (
            "app",
            "python3",
            &["DATABASE_URL", "MINIO_SECRET_KEY", "REDIS_URL"],
        ),
        ("postgres", "postgres", &["POSTGRES_PASSWORD"]),
        ("redis", "redis-server", &[]),
        ("minio", "s3s-fs", &["MINIO_ROOT_PASSWORD"]),
    ];
    for (service, program, names) in permitted {
        let pid = &processes::main_process(&stack, service, program)["Pid"];
        let environ = format!("/proc/{pid}/environ");
        let environ = stack
            .omniscient(service, &["cat", &environ])
            .success("its environment");
        let mut telling: Vec<_> = environ
            .split('\0')
            .filter(|variable| !passwords::found_in(variable.as_bytes()).is_empty())
            .filter_map(|variable| variable.split('=').next())
            .collect();
        telling.sort_unstable();
        assert_eq!(telling, names, "main of {service}");
    }
}

#[test]
fn the_images_hold_no_value() {
    if !engine::answers() {
        return;
    }
    let stack = Stack::shared();
    let patterns = stack.directory("patterns");
    let forms: Vec<_> = passwords::forms()
        .into_iter()
        .map(|(_, form)| form)
        .collect();
    fs::write(&patterns, forms.join(&b'\n')).expect("the patterns");
    let control = stack.directory("control");
    fs::write(&control, "def log_in_with_psycopg").expect("the control");
    for service in SERVICES {
        let image = stack.image(service);
        let history = [
            "history",
            "--no-trunc",
            "--format",
            "{{.CreatedBy}} {{.Comment}}",
            &image,
        ];
        let history = engine::docker(&history).success("docker history");
        assert_none(&format!("the history of the image of {service}"), &history);
        assert!(
            !occurs_in_image(&image, &patterns),
            "a layer of {service} holds a password"
        );
        assert!(
            service != "app" || occurs_in_image(&image, &control),
            "the search does not see what is in a layer"
        );
    }
}

/// Whether one of the lines of `patterns` occurs in the layers or the
/// configuration of an image. `docker save` writes both as they are.
fn occurs_in_image(image: &str, patterns: &std::path::Path) -> bool {
    let mut save = engine::program("docker")
        .args(["save", image])
        .stdout(Stdio::piped())
        .spawn()
        .expect("docker save starts");
    let layers = save.stdout.take().expect("the layers");
    let matches = engine::finish(
        engine::program("grep")
            .args(["--text", "--count", "--fixed-strings", "--file"])
            .arg(patterns)
            .env("LC_ALL", "C")
            .stdin(layers),
    );
    assert!(
        save.wait().expect("docker save ends").success(),
        "docker save was refused"
    );
    match matches.code {
        Some(0) => true,
        Some(1) => false,
        _ => panic!("grep: {}", passwords::printable(&matches.said)),
    }
}
