//! The examples: each is brought up by the very commands that its README shows,
//! and prints what the README says.
//!
//! The files are a copy of `examples/`; what differs from a reader's machine goes
//! through variables: images that were made on the spot, a project's name, and a
//! `docker` that speaks to an older Compose.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::engine::{self, Finished};
use crate::images;
use crate::transcript;
use crate::workspace;

/// A copy of the examples in which one of them is followed; it goes with all
/// that Compose made of it.
pub(crate) struct Example {
    name: &'static str,
    project: String,
    copy: PathBuf,
    variables: Vec<(String, String)>,
}

impl Example {
    /// An example of Python programs.
    pub(crate) fn new(name: &'static str) -> Self {
        Self::upon("APP_IMAGE", name)
    }

    /// An example upon the image in this variable, its own images built.
    pub(crate) fn upon(image: &'static str, name: &'static str) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let project = format!("vestibule-example-{name}-{}-{number}", process::id());
        let copy = engine::workplace().join(&project);
        let source = engine::repository().join("examples");
        let mut cp = engine::program("cp");
        cp.args(["--recursive", "--no-target-directory"]);
        engine::finish(cp.args([&source, &copy])).success("the copy");
        let mut variables = images::variables().to_vec();
        let mut add = |name: &str, value: &str| variables.push((name.to_owned(), value.to_owned()));
        add("APP_IMAGE", images::variable(image));
        add("VESTIBULE_IMAGE", &workspace::binary());
        add("COMPOSE_PROJECT_NAME", &project);
        add("APP", &project);
        let example = Self {
            name,
            project,
            copy,
            variables,
        };
        if example.has_services() {
            example.keep(name);
        }
        example
    }

    /// Builds the images of an example so that they stay, upon this one's images.
    pub(crate) fn keep(&self, name: &str) -> String {
        images::keep(name, &self.variables)
    }

    /// The name of what is made for it: Compose's project, an image, a container.
    pub(crate) fn project(&self) -> &str {
        &self.project
    }

    /// The example's directory.
    pub(crate) fn directory(&self) -> PathBuf {
        self.copy.join(self.name)
    }

    /// Runs every command of the README, and claims that it prints what it shows.
    #[track_caller]
    pub(crate) fn follow(&self) {
        self.follow_by(|command| self.run(command));
    }

    /// The same, with commands run in a way of the caller's.
    #[track_caller]
    pub(crate) fn follow_by(&self, run: impl Fn(&str) -> Finished) {
        let readme = fs::read_to_string(self.directory().join("README.md")).expect("its README");
        let steps = transcript::steps(&readme);
        assert!(!steps.is_empty(), "the README shows no command");
        for step in steps {
            if step.looks() {
                engine::wait_for(&format!("what `{}` shows", step.command), || {
                    let finished = run(&step.command);
                    step.is_printed(&finished).then_some(())
                });
            } else {
                step.holds(&run(&step.command));
            }
        }
    }

    /// A line of shell in the example's directory.
    pub(crate) fn run(&self, line: &str) -> Finished {
        let shim = engine::repository().join("tests/docker/examples");
        let path = env::var("PATH").expect("a PATH");
        let mut shell = engine::program("bash");
        shell
            .args(["-o", "errexit", "-o", "pipefail", "-c", line])
            .current_dir(self.directory())
            .envs(self.variables.iter().cloned())
            .env("PATH", format!("{}:{path}", shim.display()));
        engine::finish(&mut shell)
    }

    fn has_services(&self) -> bool {
        self.directory().join("compose.yml").exists()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        if self.has_services() {
            self.run("docker compose down --volumes --rmi local --timeout 1");
        }
        // One that Compose does not take for its own.
        self.run("docker image rm $APP");
        let _ = fs::remove_dir_all(&self.copy);
    }
}

#[test]
fn an_image_of_your_own() {
    if engine::answers() {
        Example::new("app-image").follow();
    }
}

#[test]
fn rootless_on_a_read_only_root() {
    if engine::answers() {
        Example::new("rootless").follow();
    }
}

#[test]
fn from_a_shell_entrypoint() {
    if engine::answers() {
        Example::new("from-shell").follow();
    }
}

#[test]
fn from_tini_and_gosu() {
    if engine::answers() {
        Example::upon("PROGRAMS_IMAGE", "from-tini-gosu").follow();
    }
}

#[test]
fn from_file_variables() {
    if engine::answers() {
        Example::new("from-file-variables").follow();
    }
}

#[test]
fn migration_web_and_worker_from_one_image() {
    if engine::answers() {
        Example::new("profiles").follow();
    }
}

/// A swarm of one machine, left again if it was not there before.
struct Swarm(bool);

impl Swarm {
    fn joined() -> Self {
        let words = ["swarm", "init", "--advertise-addr", "127.0.0.1"];
        Self(engine::docker(&words).code == Some(0))
    }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        engine::docker(&["stack", "rm", "example"]);
        let secrets = ["example-db-password", "example-admin-token"];
        engine::docker(&[&["secret", "rm"][..], &secrets].concat());
        if self.0 {
            engine::docker(&["swarm", "leave", "--force"]);
        }
    }
}

#[test]
fn a_swarm_stack_with_the_secrets_of_swarm() {
    if engine::answers() {
        let example = Example::new("swarm");
        example.keep("app-image");
        let _swarm = Swarm::joined();
        example.follow();
    }
}

/// A systemd as the init of a container. It makes the credentials in a namespace
/// of its own, so the mounts have to be shared with that.
struct Systemd<'a>(&'a Example);

impl Systemd<'_> {
    fn booted(example: &Example) -> Systemd<'_> {
        let cgroups = "/sys/fs/cgroup";
        // With the second version the engine gives each container its own part.
        let own = Path::new(cgroups).join("cgroup.controllers").exists();
        let volume = format!("--volume={cgroups}:{cgroups}:ro");
        let boot = format!(
            "mount --make-rshared / && {} && exec /lib/systemd/systemd --unit=basic.target",
            if own {
                format!("mount -o remount,rw {cgroups}")
            } else {
                "true".to_owned()
            }
        );
        let name = format!("--name={}", example.project());
        let copy = format!("--volume={}:/examples:ro", example.copy.display());
        let mut run = vec![
            "run",
            "--detach",
            &name,
            &copy,
            "--tmpfs=/run",
            "--tmpfs=/tmp",
        ];
        run.extend(["--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined"]);
        run.extend([
            "--security-opt=apparmor=unconfined",
            "--env=container=docker",
        ]);
        run.extend((!own).then_some(volume.as_str()));
        let image = images::variable("PROGRAMS_IMAGE");
        run.extend(["--entrypoint=sh", image, "-c", &boot]);
        engine::docker(&run).success("docker run");
        let systemd = Systemd(example);
        engine::wait_for("systemd", || {
            let state = systemd.run("systemctl is-system-running").said;
            ["running", "degraded"]
                .contains(&state.trim())
                .then_some(())
        });
        systemd
    }

    fn run(&self, command: &str) -> Finished {
        let directory = format!("--workdir=/examples/{}", self.0.name);
        let name = self.0.project();
        engine::docker(&[
            "exec", &directory, name, "bash", "-e", "-o", "pipefail", "-c", command,
        ])
    }
}

impl Drop for Systemd<'_> {
    fn drop(&mut self) {
        engine::docker(&["rm", "--force", "--volumes", self.0.project()]);
    }
}

#[test]
fn a_unit_of_systemd_with_its_credentials() {
    if !engine::answers() {
        return;
    }
    let example = Example::new("systemd");
    let copy = "container=$(docker create $VESTIBULE_IMAGE) && docker cp $container:/vestibule . && docker rm $container";
    example.run(copy).success("the binary");
    let systemd = Systemd::booted(&example);
    example.follow_by(|command| systemd.run(command));
}

#[test]
fn the_list_of_examples_names_every_one() {
    let examples = engine::repository().join("examples");
    let list = fs::read_to_string(examples.join("README.md")).expect("the list");
    for entry in fs::read_dir(&examples).expect("the examples") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("a plain name");
        if examples.join(name).is_dir() {
            assert!(
                list.contains(&format!("{name}/")),
                "{name} is not in the list"
            );
        }
    }
}
