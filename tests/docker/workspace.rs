//! `examples/agent-workspace` itself: a private repository is cloned and built
//! with a token, and the agent that follows has nothing of it, however it tries
//! and however often its container is restarted.
//!
//! The repository is served by git's own `http-backend` in a container that the
//! network of the claim alone knows as github.com; that network leads nowhere.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::engine::{self, Finished};
use crate::images;

const FILE: &str = "examples/agent-workspace/compose.yml";
/// Letters, digits and two signs: what a token looks like that survives a shell.
const TOKEN: &str = "ghs_q8Rt0LmZ/w5+Xv2Nc7KbYd4Hs";
const KEY: &str = "sk-ant-f3Jk9PqW1sVx6Tz8Ub5Ng2";
/// What the agent of the example says, in order.
const REFUSALS: [&str; 10] = [
    "fetch",
    "push",
    "ask git for a credential",
    "read the token",
    "read it through PID 1",
    "read the environment of PID 1",
    "read the memory of PID 1",
    "find settings in git",
    "find files of credentials",
    "find another process",
];

/// A project of Compose, its git server, and its secrets.
struct Workspace {
    project: String,
    secrets: PathBuf,
    binary: String,
}

impl Workspace {
    /// Built, with a network and a server on it; nothing else runs.
    fn prepared(name: &str) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let project = format!("vestibule-{name}-{}-{number}", process::id());
        let workspace = Self {
            secrets: engine::workplace().join(&project),
            binary: binary(),
            project,
        };
        fs::create_dir_all(&workspace.secrets).expect("a directory for secrets");
        for (name, value) in [("github-token", TOKEN), ("anthropic-api-key", KEY)] {
            let file = workspace.secrets.join(name);
            fs::write(&file, value).expect("a secret");
            fs::set_permissions(&file, Permissions::from_mode(0o444)).expect("its mode");
        }
        // The containers, and with them the network.
        workspace
            .compose(&["up", "--no-start", "--build"])
            .success("docker-compose up --no-start");
        workspace.serve();
        workspace
    }

    /// The server, known as github.com.
    fn serve(&self) {
        let token = format!("TOKEN={TOKEN}");
        let (network, name) = (self.network(), self.server());
        let run = [
            ["run", "--detach"],
            ["--name", &name],
            ["--network", &network],
            ["--network-alias", "github.com"],
            ["--env", &token],
        ];
        let image = images::variable("GIT_SERVER_IMAGE");
        engine::docker(&[run.concat().as_slice(), &[image]].concat()).success("the git server");
        engine::wait_for("the git server", || {
            let said = engine::docker(&["logs", &name]).said;
            said.lines().any(|line| line == "443").then_some(())
        });
    }

    fn up(&self) {
        self.compose(&["up", "-d"]).success("docker-compose up");
    }

    fn compose(&self, arguments: &[&str]) -> Finished {
        let mut command = engine::compose();
        command
            .args(["-p", &self.project, "-f", FILE])
            .env("SECRETS_DIR", &self.secrets)
            .env("WORKSPACE_IMAGE", images::variable("WORKSPACE_IMAGE"))
            .env("VESTIBULE_IMAGE", &self.binary)
            .env("WORKSPACE_IS_CUT_OFF", "true");
        engine::finish(command.args(arguments))
    }

    fn network(&self) -> String {
        format!("{}_workspace", self.project)
    }

    fn server(&self) -> String {
        format!("{}-server", self.project)
    }

    /// The image of the service, as Compose of either age names it.
    fn image(&self) -> String {
        let found = ["_", "-"].map(|mark| format!("{}{mark}workspace", self.project));
        let is_there = |name: &&String| engine::docker(&["image", "inspect", name]).code == Some(0);
        found.iter().find(is_there).expect("the image").clone()
    }

    fn container(&self) -> String {
        let label = format!("label=com.docker.compose.project={}", self.project);
        let list = ["ps", "--all", "--quiet", "--filter", &label];
        engine::docker(&list).success("docker ps").trim().to_owned()
    }

    /// What the container has said, once the agent is through for the n-th time.
    fn agent(&self, times: usize) -> String {
        let container = self.container();
        engine::wait_for("the agent", || {
            let said = engine::docker(&["logs", &container]).said;
            let state = engine::docker(&["inspect", "--format", "{{.State.Status}}", &container]);
            assert!(state.said.trim() != "exited", "the container ended: {said}");
            (said.matches("agent: over").count() == times).then_some(said)
        })
    }

    /// A container of the same image with another main, by this name; not started.
    fn create(&self, suffix: &str, main: &str) -> String {
        let name = format!("{}-{suffix}", self.project);
        let secret = |name: &str| {
            let file = self.secrets.join(name);
            format!("{}:/run/secrets/{name}:ro", file.display())
        };
        let (token, key) = (secret("github-token"), secret("anthropic-api-key"));
        let (network, image) = (self.network(), self.image());
        let create = [
            "create",
            "--name",
            &name,
            "--network",
            &network,
            "--volume",
            &token,
            "--volume",
            &key,
            "--cap-drop",
            "ALL",
            "--cap-add",
            "SETUID",
            "--cap-add",
            "SETGID",
            "--cap-add",
            "SETPCAP",
            "--cap-add",
            "KILL",
            "--cap-add",
            "DAC_OVERRIDE",
            &image,
            "--",
            "sh",
            "-c",
            main,
        ];
        engine::docker(&create).success("docker create");
        name
    }

    /// What the server was asked for with a right token.
    fn requests(&self) -> String {
        let server = self.server();
        engine::docker(&["exec", &server, "cat", "/srv/requests.log"]).success("the server's log")
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        for suffix in ["server", "robber", "looker"] {
            engine::docker(&[
                "rm",
                "--force",
                "--volumes",
                &format!("{}-{suffix}", self.project),
            ]);
        }
        self.compose(&["down", "--volumes", "--rmi", "local", "--timeout", "1"]);
        let _ = fs::remove_dir_all(&self.secrets);
    }
}

/// The image with the binary alone, made once; `VESTIBULE_IMAGE` names another.
pub(crate) fn binary() -> String {
    if let Ok(name) = env::var("VESTIBULE_IMAGE") {
        return name;
    }
    let name = "vestibule-docker-tests_binary".to_owned();
    let compiler = format!("RUST_IMAGE={}", images::variable("RUST_IMAGE"));
    let words = [
        "build",
        "--target",
        "vestibule",
        "--tag",
        &name,
        "--build-arg",
        &compiler,
        ".",
    ];
    engine::docker(&words).success("the binary's image");
    name
}

/// Fails if something that a container said, or has, holds the token.
#[track_caller]
fn expect_no_token(bytes: &str, place: &str) {
    // In clear, and in base64 at each of three places to begin.
    for core in [&TOKEN[4..12], "X3E4UnQwTG1a", "c19xOFJ0MEx", "NfcThSdDBMb"] {
        assert!(!bytes.contains(core), "the token is in {place}");
    }
}

#[test]
fn the_agent_has_its_key_and_its_workspace_and_no_way_to_the_token() {
    if !engine::answers() {
        return;
    }
    let workspace = Workspace::prepared("workspace");
    workspace.up();
    let said = workspace.agent(1);
    for line in [
        "agent: the workspace is built",
        "agent: the API key is there",
    ] {
        assert!(said.contains(line), "{said}");
    }
    for what in REFUSALS {
        assert!(
            said.contains(&format!("agent: {what}: refused\n")),
            "{what}: {said}"
        );
    }
    assert!(!said.contains("WORKED"), "{said}");
    expect_no_token(&said, "the log");
    let requests = workspace.requests();
    for repository in ["app", "library"] {
        let line = format!("/acme/{repository}.git/git-upload-pack right");
        assert!(requests.contains(&line), "{requests}");
    }
    assert!(
        requests.contains("/info/lfs/objects/batch right"),
        "{requests}"
    );
    assert!(!requests.contains("receive-pack right"), "{requests}");
    // What the writable layer has, seen from outside.
    let container = workspace.container();
    let changed = engine::docker(&["diff", &container]).success("docker diff");
    assert!(!changed.contains("vestibule-home"), "{changed}");
    assert!(
        !changed.contains("/workspace/.vestibule-journal"),
        "{changed}"
    );
    // Mounted secrets are not part of what is exported.
    let search = "docker export \"$0\" | grep -c -a -F -e \"$1\" -e \"$2\"";
    let words = ["-c", search, &container, TOKEN, &TOKEN[4..20]];
    let export = engine::finish(engine::program("sh").args(words));
    assert_eq!(export.said.trim(), "0", "the token is in the layer");
}

#[test]
fn a_restart_of_the_same_container_skips_setup_and_the_agent_is_as_before() {
    if !engine::answers() {
        return;
    }
    let workspace = Workspace::prepared("again");
    workspace.up();
    workspace.agent(1);
    // The server is not even there any more.
    engine::docker(&["stop", "--time", "1", &workspace.server()]).success("docker stop");
    let container = workspace.container();
    engine::docker(&["restart", "--time", "5", &container]).success("docker restart");
    let said = workspace.agent(2);
    let times = |line: &str| said.matches(line).count();
    for what in REFUSALS {
        assert_eq!(
            times(&format!("agent: {what}: refused\n")),
            2,
            "{what}: {said}"
        );
    }
    assert_eq!(times("agent: the workspace is built"), 2, "{said}");
    assert_eq!(times("Cloning into '/workspace/app'"), 1, "{said}");
    assert_eq!(times("setup is skipped"), 1, "{said}");
}

#[test]
fn an_agent_that_prepares_the_ground_for_the_next_setup_gains_nothing() {
    if !engine::answers() {
        return;
    }
    let workspace = Workspace::prepared("robber");
    // What setup with the token would run, if it ran here once more.
    let main = "echo robber; cd /workspace; rm -rf app; git init -q . ; \
        git config core.fsmonitor 'cp /run/secrets/github-token /workspace/stolen; env > /workspace/env; false'; \
        git config core.hooksPath /workspace/hooks; mkdir hooks bin; \
        printf '#!/bin/sh\\nenv > /workspace/env\\n' > hooks/post-checkout; \
        cp hooks/post-checkout bin/git; chmod +x hooks/* bin/*; \
        echo 'env > /workspace/env' > ~/.bashrc; cp ~/.bashrc ~/.profile; cp ~/.bashrc .envrc; \
        git config --global core.fsmonitor 'env > /workspace/env'; exit 0";
    let name = workspace.create("robber", main);
    let start = || engine::docker(&["start", "--attach", &name]);
    let first = start();
    assert_eq!(first.code, Some(0), "{}", first.said);
    assert!(first.said.contains("robber"), "{}", first.said);
    let requests = workspace.requests();
    let second = start();
    assert_eq!(second.code, Some(100), "{}", second.said);
    assert!(second.said.contains("/workspace"), "{}", second.said);
    assert!(!second.said.contains("robber"), "{}", second.said);
    assert_eq!(workspace.requests(), requests, "setup used the token again");
    let changed = engine::docker(&["diff", &name]).success("docker diff");
    assert!(changed.contains("/workspace/hooks"), "{changed}");
    for stolen in ["/workspace/stolen", "/workspace/env"] {
        assert!(!changed.contains(stolen), "{changed}");
    }
}

#[test]
fn a_container_that_was_killed_in_setup_sets_up_anew() {
    if !engine::answers() {
        return;
    }
    let workspace = Workspace::prepared("killed");
    // Setup waits for a server that does not answer.
    engine::docker(&["pause", &workspace.server()]).success("docker pause");
    let name = workspace.create("looker", "echo looker; cat out; exit 0");
    engine::docker(&["start", &name]).success("docker start");
    engine::wait_for("the clone", || {
        let said = engine::docker(&["top", &name]).said;
        said.contains("git clone").then_some(())
    });
    engine::docker(&["kill", &name]).success("docker kill");
    engine::docker(&["unpause", &workspace.server()]).success("docker unpause");
    let ended = engine::docker(&["start", "--attach", &name]);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(
        ended.said.contains("looker\nof the library\n"),
        "{}",
        ended.said
    );
    expect_no_token(&ended.said, "the log");
}
