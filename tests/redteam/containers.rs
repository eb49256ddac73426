//! The same thief in containers of a real engine, with its seccomp profile, its
//! mounts and its devices; in each also after a setup phase that clones a private
//! repository.
//!
//! In: the Docker engine of this machine, images of `tests/docker/images.sh`.
//! Out: no theft in any mode. A machine without an engine skips these claims and
//! says so, unless `CI` is set.
//!
//! In every container a session of `docker exec` holds the value in its
//! environment before the thief begins. After a setup phase a command of it was
//! the thief before, and a session of `vestibule exec` is it too.

use std::fs;
use std::path::Path;

use crate::claims::JUDGED;
use crate::engine::{self, docker, finish, program};
use crate::kinds::{CONTAINERS, Container};
use crate::loot::{self, Attempt};
use crate::rows;
use crate::server::Server;
use crate::started::{Init, value};

impl Container {
    /// Lets the thief begin, beside a session that holds the value, and waits
    /// for its report.
    fn rob(&self, init: Init) -> Vec<Attempt> {
        let scene = self.start(init);
        scene.wait_for_main();
        let session = scene.directory.join("session");
        let mut exec = program("docker");
        exec.args([
            "exec",
            "--detach",
            "--user",
            if self.is_root() { "0:0" } else { "1000:1000" },
        ]);
        exec.arg("--env-file").arg(session);
        exec.args([&scene.name, "sleep", "600"]);
        let held = finish(&mut exec);
        assert_eq!(held.code, Some(0), "{}: {}", self.name, scene.said());
        let has_setup = init.server().is_some();
        let mut of_session = Vec::new();
        if has_setup {
            of_session = scene.session(&["/protector", "exec", "--", "/thief"]);
        }
        docker(&["exec", &scene.name, "touch", "/tmp/begin"]).success(self.name);
        docker(&["wait", &scene.name]).success(self.name);
        let said = scene.said();
        let attempts = loot::of_container(&said, has_setup);
        let mut attempts =
            attempts.unwrap_or_else(|| panic!("{}: the thief did not end: {said}", self.name));
        attempts.extend(of_session);
        attempts
    }

    fn expect_nothing(&self, attempts: &[Attempt]) {
        let thefts = attempts.iter().filter(|attempt| {
            let is_judged = attempt.row == "S16" || JUDGED.contains(&attempt.row.as_str());
            is_judged && attempt.is_theft() && !rows::is_conceded(&attempt.row, self.name)
                || attempt.is_of_setup()
        });
        let thefts: Vec<String> = thefts
            .map(|attempt| format!("mode `{}`: {attempt}", self.name))
            .collect();
        assert!(thefts.is_empty(), "{}", thefts.join("\n"));
    }
}

fn expect_nothing_in_any_container(init: Init) {
    let mut failures = String::new();
    for container in CONTAINERS {
        let judged = std::panic::catch_unwind(|| container.expect_nothing(&container.rob(init)));
        if let Err(panic) = judged {
            failures.push_str(panic.downcast_ref::<String>().map_or("?", String::as_str));
            failures.push('\n');
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn no_prevented_row_succeeds_in_any_container() {
    if engine::answers() {
        expect_nothing_in_any_container(Init::Vestibule);
    }
}

#[test]
fn no_prevented_row_succeeds_in_any_container_after_setup() {
    if engine::answers() {
        expect_nothing_in_any_container(Init::AfterSetup(&Server::start(value())));
    }
}

#[test]
fn devices_of_the_machine_are_out_of_reach() {
    if !engine::answers() {
        return;
    }
    let server = Server::start(value());
    for name in [
        "container, root",
        "container, same user",
        "container, without seccomp",
    ] {
        for init in [Init::Vestibule, Init::AfterSetup(&server)] {
            let attempts = named(name).rob(init);
            let theft = attempts
                .iter()
                .find(|attempt| attempt.row == "S16" && attempt.is_theft());
            assert!(
                theft.is_none(),
                "{name}: {}",
                theft.map_or(String::new(), ToString::to_string)
            );
        }
    }
}

fn named(name: &str) -> &'static Container {
    let found = CONTAINERS.iter().find(|container| container.name == name);
    found.expect("the container")
}

#[test]
fn the_same_rows_succeed_behind_an_ordinary_init() {
    if !engine::answers() || !Path::new("/usr/bin/tini-static").exists() {
        return;
    }
    let robbed = |container: &Container, expected: &[&str]| {
        let attempts = container.rob(Init::Tini);
        for row in expected {
            let mut of_row = attempts.iter().filter(|attempt| attempt.row == *row);
            assert!(
                of_row.any(Attempt::is_theft),
                "{}: {row} proves nothing",
                container.name
            );
        }
    };
    robbed(&CONTAINERS[0], &["E2", "E3", "E4", "E9", "S1"]);
    robbed(&CONTAINERS[2], &["E3", "S1"]);
    robbed(&CONTAINERS[4], &["E2", "E3", "E4", "S1"]);
    let privileged = named("container, privileged root");
    robbed(privileged, &["E7", "S4", "S12", "S19", "L2"]);
    if opens_a_disk() {
        robbed(privileged, &["S16"]);
    }
}

/// Whether this machine lets its own root open a disk; one that is itself a
/// container does not, and then no container of it can.
fn opens_a_disk() -> bool {
    let disks = fs::read_to_string("/proc/partitions").unwrap_or_default();
    let names = disks
        .lines()
        .filter_map(|line| line.split_ascii_whitespace().nth(3));
    let mut paths = names.map(|name| Path::new("/dev").join(name));
    paths.any(|path| fs::File::open(path).is_ok())
}

/// What a session of the operator's finds: by itself the secret, and through
/// `vestibule exec` nothing.
#[test]
fn a_session_is_confined_by_vestibule_exec_and_not_without() {
    if !engine::answers() {
        return;
    }
    let server = Server::start(value());
    for name in [
        "container, root",
        "container, root to user, files 0444",
        "container, same user",
    ] {
        for init in [Init::Vestibule, Init::AfterSetup(&server)] {
            let scene = named(name).start(init);
            scene.wait_for_main();
            let plain = scene.session(&["/thief", "S1"]);
            assert!(
                plain.iter().any(Attempt::is_theft),
                "{name}: plain exec is as it was"
            );
            let through = scene.session(&["/protector", "exec", "--", "/thief"]);
            named(name).expect_nothing(&through);
        }
    }
}
