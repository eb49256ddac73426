//! The commands of README and docs/ for an image of one's own, run as they stand
//! there: only the names of images and containers are made up.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process;

use crate::engine::{self, Finished};
use crate::images;

const MARKER: &str = "<!-- run by: tests/docker/documents.rs, \
    the_commands_for_an_image_of_your_own_work_as_they_stand -->\n";

/// The blocks of a document that this file has to run.
fn blocks(document: &str) -> Vec<String> {
    let text = fs::read_to_string(engine::repository().join(document)).expect(document);
    let marked = text.split(MARKER).skip(1);
    marked.map(|rest| fenced(rest).replace("$ ", "")).collect()
}

/// What stands in the first fenced block.
fn fenced(text: &str) -> String {
    let (_, block) = text.split_once("```").expect("a block");
    let (block, _) = block.split_once("\n```").expect("its end");
    block.split_once('\n').expect("its language").1.to_owned()
}

/// An image as the README makes one, a container of it, and its secrets.
struct Own {
    name: String,
    directory: PathBuf,
}

impl Own {
    fn prepared() -> Self {
        let name = format!("vestibule-documents-{}", process::id());
        let directory = engine::workplace().join(&name);
        let own = Self { name, directory };
        fs::create_dir_all(own.directory.join("secrets")).expect("a directory");
        own.write("secrets/db-password.secret", "k8/Nq#v@2");
        own.write("secrets/github-token", "ghs_q8Rt0LmZw5Xv2Nc7");
        own.write(
            "policy.json",
            r#"{ "version": 1, "run": { "env": { "PASSWORD": "db-password.secret" } } }"#,
        );
        own
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.directory.join(name);
        fs::write(&path, text).expect(name);
        fs::set_permissions(&path, Permissions::from_mode(0o444)).expect("its mode");
    }

    fn binary(&self) -> String {
        format!("{}-binary", self.name)
    }

    /// A block as a script: the document's placeholders are words of their own.
    fn run(&self, block: &str, place: &Path) -> Finished {
        let compiler = format!("--build-arg RUST_IMAGE={}", images::variable("RUST_IMAGE"));
        let tag = format!("{compiler} --tag {}", self.binary());
        let compose = engine::compose();
        let compose = if compose.get_program() == "docker" {
            "docker compose"
        } else {
            "docker-compose"
        };
        let script = block
            .replace("--tag vestibule", &tag)
            .replace("docker compose", &format!("{compose} -p {}", self.name))
            .replace("my-app", &self.name)
            .replace("IMAGE check", &format!("{} check", self.name))
            .replace("CONTAINER", &self.name);
        let mut shell = engine::program("sh");
        engine::finish(shell.args(["-euc", &script]).current_dir(place))
    }

    fn here(&self, block: &str) -> String {
        self.run(block, &self.directory).success(block)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        engine::docker(&["rm", "--force", "--volumes", &self.name]);
        engine::docker(&["image", "rm", "--force", &self.name, &self.binary()]);
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The Dockerfile of the README, behind an image that has another program.
fn dockerfile(own: &Own) -> String {
    let readme = fs::read_to_string(engine::repository().join("README.md")).expect("README.md");
    let (_, rest) = readme.split_once("```dockerfile").expect("a Dockerfile");
    let lines = fenced(&format!("```dockerfile{rest}"))
        .replace("--from=vestibule", &format!("--from={}", own.binary()))
        .replace(
            r#"["node", "server.js"]"#,
            r#"["python3", "-m", "http.server"]"#,
        );
    format!("FROM {}\n{lines}\n", images::variable("APP_IMAGE"))
}

#[test]
fn the_commands_for_an_image_of_your_own_work_as_they_stand() {
    if !engine::answers() {
        return;
    }
    let own = Own::prepared();
    let readme = blocks("README.md");
    let [build, check, prove] = readme.as_slice() else {
        panic!("other blocks in README.md: {readme:?}");
    };
    own.run(build, engine::repository()).success(build);
    own.write("Dockerfile", &dockerfile(&own));
    let context = own.directory.to_str().expect("text");
    engine::docker(&["build", "--tag", &own.name, context]).success("the image");
    own.here(check);

    let mount = format!("{context}/secrets:/run/secrets:ro");
    let start = ["run", "--detach", "--name", &own.name, "--volume", &mount];
    engine::docker(&[&start[..], &[&own.name]].concat()).success("the container");
    engine::wait_for("main", || {
        let health = engine::docker(&["exec", &own.name, "/vestibule", "health"]);
        (health.code == Some(0)).then_some(())
    });
    let proved = own.here(prove);
    assert!(proved.contains("github-token"), "{proved}");

    for block in blocks("docs/policy.md") {
        own.here(&block);
    }
    let service = format!(
        "services:\n  app:\n    image: {}\n    entrypoint: [\"/vestibule\"]\n    volumes: [\"{mount}\"]\n",
        own.name
    );
    own.write("docker-compose.yml", &service);
    let pages = blocks("docs/troubleshooting.md");
    assert_eq!(pages.len(), 1);
    own.here(&pages[0]);
}
