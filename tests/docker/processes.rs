//! Claims about the processes of the running stack: who is PID 1, as whom the
//! application runs, and how everything ends.

use std::collections::BTreeMap;

use crate::engine;
use crate::images;
use crate::passwords;
use crate::stack::{SERVICES, Stack};

/// The fields of a `/proc/PID/status`.
pub(crate) type Status = BTreeMap<String, String>;

/// The status of every process in the container of a service.
fn processes(stack: &Stack, service: &str) -> Vec<Status> {
    let script = "for file in /proc/[0-9]*/status; do cat $file && echo; done";
    let said = stack.omniscient(service, &["sh", "-c", script]).said;
    said.split("\n\n")
        .map(|status| {
            let fields = status.lines().filter_map(|line| line.split_once(':'));
            fields
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                .collect()
        })
        .collect()
}

/// The child of PID 1 that runs a program.
pub(crate) fn main_process(stack: &Stack, service: &str, program: &str) -> Status {
    let is = |status: &Status, name: &str, value| status.get(name).is_some_and(|is| is == value);
    processes(stack, service)
        .into_iter()
        .find(|status| is(status, "PPid", "1") && is(status, "Name", program))
        .unwrap_or_else(|| panic!("PID 1 of {service} has no child `{program}`"))
}

#[test]
fn vestibule_is_pid_1_in_every_container() {
    if !engine::answers() {
        return;
    }
    let stack = Stack::shared();
    for service in SERVICES {
        let link = stack.omniscient(service, &["readlink", "/proc/1/exe"]);
        assert_eq!(
            link.success("readlink").trim(),
            "/vestibule",
            "PID 1 of {service}"
        );
    }
}

#[test]
fn the_binary_in_an_image_can_be_executed_and_not_read() {
    if !engine::answers() {
        return;
    }
    let stack = Stack::shared();
    for service in SERVICES {
        let mode = stack.omniscient(service, &["stat", "--format", "%a %u", "/vestibule"]);
        assert_eq!(
            mode.success("stat").trim(),
            "111 0",
            "its mode in {service}"
        );
    }
}

#[test]
fn the_image_of_the_binary_alone_runs_it() {
    if !engine::answers() {
        return;
    }
    let rust = format!("RUST_IMAGE={}", images::variable("RUST_IMAGE"));
    let target = [
        "build",
        "--quiet",
        "--target",
        "vestibule",
        "--build-arg",
        &rust,
        ".",
    ];
    let said = engine::docker(&target).success("docker build");
    let image = said
        .lines()
        .find(|line| line.starts_with("sha256:"))
        .expect("an image id");
    let version = engine::docker(&["run", "--rm", "--read-only", image, "--version"]);
    assert!(version.success("--version").starts_with("vestibule "));
}

#[test]
fn the_real_process_is_the_child_of_pid_1() {
    if !engine::answers() {
        return;
    }
    let stack = Stack::shared();
    let programs = [
        ("app", "python3"),
        ("postgres", "postgres"),
        ("redis", "redis-server"),
        ("minio", "s3s-fs"),
    ];
    for (service, program) in programs {
        main_process(&stack, service, program);
    }
}

#[test]
fn the_app_runs_without_root_capabilities_or_a_writable_root() {
    if !engine::answers() {
        return;
    }
    let stack = Stack::shared();
    let app = main_process(&stack, "app", "python3");
    assert_eq!(app["Uid"], "10001\t10001\t10001\t10001");
    assert_eq!(app["Gid"], "10001\t10001\t10001\t10001");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(app[set], "0000000000000000", "{set}");
    }
    assert_eq!(app["NoNewPrivs"], "1");
    let mounts = stack
        .omniscient("app", &["cat", "/proc/1/mounts"])
        .success("mounts");
    let root = mounts
        .lines()
        .find(|mount| mount.split(' ').nth(1) == Some("/"));
    let options = root
        .and_then(|mount| mount.split(' ').nth(3))
        .unwrap_or_default();
    assert!(
        options.split(',').any(|option| option == "ro"),
        "the root is mounted {options}"
    );
}

/// Docker asks with each image's stop signal and kills after the grace period:
/// then the code would be 137. Each server's own code shows that it was asked.
#[test]
fn the_stack_ends_when_asked_and_is_not_killed() {
    if !engine::answers() {
        return;
    }
    let stack = Stack::running("stop");
    stack.compose(&["stop"]).success("docker-compose stop");
    for (service, code) in [("app", 0), ("postgres", 0), ("redis", 0), ("minio", 143)] {
        let state = &stack.inspect(service)["State"];
        assert_eq!(state["ExitCode"], code, "the exit code of {service}");
        assert_eq!(state["OOMKilled"], false, "{service}");
    }
    let log = stack.logs("app");
    assert!(
        log.contains("app: stopped\n"),
        "the app ends: {}",
        passwords::printable(&log)
    );
}
