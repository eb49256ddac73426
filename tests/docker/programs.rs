//! Programs that run today keep running under vestibule, and none of them gets
//! at a withheld secret: each does its usual work as root and as its own user,
//! below Landlock file rules, the strictest means in a container without
//! further rights.
//!
//! The work is in `programs/NAME.sh`, behind `programs/begin.sh`.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::engine::{self, Finished};
use crate::images;

/// What must not be read. Nothing else here looks like it.
const VALUE: &str = "withheld-mQ7xVb2Lr9Tz4Ks8";
/// Where Compose mounts secrets.
const USUAL: &str = "/run/secrets";

macro_rules! script {
    ($name:literal) => {
        concat!(
            include_str!("programs/begin.sh"),
            include_str!(concat!("programs/", $name, ".sh"))
        )
    };
}

/// Main, as one container has it.
struct Program {
    /// The variable of the image that has the program.
    image: &'static str,
    script: &'static str,
    /// The user that a policy names; root as the container starts otherwise.
    user: Option<&'static str>,
    /// Where the secrets are.
    place: &'static str,
    variables: &'static [&'static str],
}

impl Program {
    fn new(image: &'static str, script: &'static str) -> Self {
        Self {
            image,
            script,
            user: None,
            place: USUAL,
            variables: &[],
        }
    }

    fn user(self, user: &'static str) -> Self {
        Self {
            user: Some(user),
            ..self
        }
    }

    fn place(self, place: &'static str) -> Self {
        Self { place, ..self }
    }

    fn variables(self, variables: &'static [&'static str]) -> Self {
        Self { variables, ..self }
    }

    /// Runs it, and claims that it did its work and got at nothing.
    #[track_caller]
    fn works(&self) {
        let container = Container::new(self);
        let said = container
            .docker(
                &["run", "--rm"],
                &["bash", "-c", self.script, container.name.as_str()],
            )
            .said;
        assert!(!said.contains(VALUE), "the secret was read");
        let started = said
            .lines()
            .find(|line| line.starts_with("vestibule: starting"));
        let line = started.unwrap_or_else(|| panic!("no start line: {said}"));
        let means = "out of its reach by Landlock file rules (enforced; ";
        assert!(line.contains("withholds `token`"), "{line}");
        assert!(line.contains(means), "{line}");
        let has = |start: &str| said.lines().any(|line| line.starts_with(start));
        assert!(has("worked"), "{said}");
        assert!(has("refused: "), "{said}");
        assert!(!has("not refused: "), "{said}");
    }
}

/// A container, with the directory that its secrets and its policy come from;
/// both go with it.
struct Container {
    name: String,
    directory: PathBuf,
    options: Vec<String>,
    image: String,
}

impl Container {
    fn new(program: &Program) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("vestibule-program-{}-{number}", process::id());
        let directory = engine::workplace().join(&name);
        fs::create_dir_all(&directory).expect("a directory for secrets");
        let user = program
            .user
            .map(|user| format!(r#", "user": "{user}""#))
            .unwrap_or_default();
        let policy = format!(
            r#"{{ "version": 1, "secret_dirs": ["{}"],
                "run": {{ "env": {{ "API_KEY": "api-key" }} {user} }} }}"#,
            program.place
        );
        let mut options: Vec<String> = ["--network", "none", "--name", &name]
            .map(Into::into)
            .into();
        let mut mount = |file: &str, content: &str, target: &str| {
            let path = directory.join(file);
            write(&path, content);
            options.extend(["-v".to_owned(), format!("{}:{target}:ro", path.display())]);
        };
        mount("policy", &policy, "/etc/vestibule/policy.json");
        mount(
            "api-key",
            "permitted-Hd5nWc1Yp6Gf3Jq0\n",
            &format!("{}/api-key", program.place),
        );
        mount(
            "token",
            &format!("{VALUE}\n"),
            &format!("{}/token", program.place),
        );
        let withheld = format!("WITHHELD={}/token", program.place);
        for variable in program.variables.iter().copied().chain([withheld.as_str()]) {
            options.extend(["-e".to_owned(), variable.to_owned()]);
        }
        Self {
            name,
            directory,
            options,
            image: image(program.image),
        }
    }

    /// `docker` with a verb, the options of this container, and a command.
    fn docker(&self, verb: &[&str], command: &[&str]) -> Finished {
        let options = self.options.iter().map(String::as_str);
        let words: Vec<&str> = verb
            .iter()
            .copied()
            .chain(options)
            .chain([self.image.as_str()])
            .chain(command.iter().copied())
            .collect();
        engine::docker(&words)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        engine::docker(&["rm", "--force", "--volumes", &self.name]);
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn write(path: &Path, content: &str) {
    fs::write(path, content).expect("a file to mount");
    fs::set_permissions(path, Permissions::from_mode(0o444)).expect("its mode");
}

/// An image with vestibule in front; each is made once.
fn image(variable: &'static str) -> String {
    static MADE: Mutex<BTreeMap<&str, String>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let build = || {
        let tag = format!("vestibule-docker-tests-program:{}", variable.to_lowercase());
        let arguments = [
            format!("RUST_IMAGE={}", images::variable("RUST_IMAGE")),
            format!("BASE={}", images::variable(variable)),
        ];
        let words = ["build", "--target", "service", "--tag", &tag];
        let arguments = arguments.iter().flat_map(|one| ["--build-arg", one]);
        let words: Vec<&str> = words.into_iter().chain(arguments).chain(["."]).collect();
        engine::docker(&words).success("docker build");
        tag
    };
    made.entry(variable).or_insert_with(build).clone()
}

#[test]
fn apt_installs_upgrades_and_removes_packages() {
    if engine::answers() {
        Program::new("PROGRAMS_IMAGE", script!("apt")).works();
    }
}

#[test]
fn pip_and_python_work() {
    if engine::answers() {
        Program::new("PROGRAMS_IMAGE", script!("python")).works();
        Program::new("PROGRAMS_IMAGE", script!("python"))
            .user("app")
            .works();
    }
}

#[test]
fn git_works() {
    if engine::answers() {
        Program::new("PROGRAMS_IMAGE", script!("git")).works();
        Program::new("PROGRAMS_IMAGE", script!("git"))
            .user("app")
            .works();
    }
}

#[test]
fn a_tmux_session_works() {
    if engine::answers() {
        Program::new("PROGRAMS_IMAGE", script!("tmux")).works();
        Program::new("PROGRAMS_IMAGE", script!("tmux"))
            .user("app")
            .works();
    }
}

#[test]
fn a_java_virtual_machine_works() {
    if engine::answers() {
        Program::new("PROGRAMS_IMAGE", script!("java")).works();
        Program::new("PROGRAMS_IMAGE", script!("java"))
            .user("app")
            .works();
    }
}

#[test]
fn redis_keeps_what_it_was_given() {
    if engine::answers() {
        Program::new("REDIS_IMAGE", script!("redis")).works();
        Program::new("REDIS_IMAGE", script!("redis"))
            .user("redis")
            .works();
    }
}

#[test]
fn postgres_is_set_up_asked_and_restarted() {
    if engine::answers() {
        Program::new("POSTGRES_IMAGE", script!("postgres"))
            .variables(&["HOME=/var/lib/postgresql"])
            .works();
        Program::new("POSTGRES_IMAGE", script!("postgres"))
            .user("postgres")
            .works();
    }
}

/// nginx creates its pid file for reading and writing. In `/run`, or in a
/// directory that is made there later, it could not do so below rules for
/// `/run/secrets`: one of the two has to be elsewhere.
#[test]
fn nginx_serves_and_reloads() {
    if engine::answers() {
        Program::new("PROGRAMS_IMAGE", script!("nginx"))
            .variables(&["PID_FILE=/var/lib/nginx/pid"])
            .works();
        Program::new("PROGRAMS_IMAGE", script!("nginx"))
            .place("/secrets")
            .variables(&["PID_FILE=/run/nginx.pid"])
            .works();
        Program::new("PROGRAMS_IMAGE", script!("nginx"))
            .user("www-data")
            .variables(&["PID_FILE=/tmp/nginx.pid"])
            .works();
    }
}

/// A configuration whose page is the script's name.
const SERVER: &str = r"
cat > /srv/nginx.conf << END
pid /var/lib/nginx/pid;
error_log stderr;
events {}
http {
    access_log off;
    server {
        listen 127.0.0.1:8080;
        location / { return 200 $0; }
        location /withheld { alias $WITHHELD; }
    }
}
END
";
const GET: &str = r#"import sys, urllib.request
try:
    print(urllib.request.urlopen("http://127.0.0.1:8080" + sys.argv[1]).read().decode())
except Exception as error:
    print(error)"#;

/// As main, nginx gets the signals that PID 1 gets.
#[test]
fn nginx_reloads_on_hup_and_ends_on_quit_as_main() {
    if !engine::answers() {
        return;
    }
    let program = Program::new("PROGRAMS_IMAGE", "");
    let container = Container::new(&program);
    let serve = format!("{SERVER}exec nginx -c /srv/nginx.conf -g 'daemon off;'");
    let started = container.docker(&["run", "--detach"], &["sh", "-c", &serve, "one"]);
    started.success("docker run");
    let inside = |command: &[&str]| {
        let words = [
            &["exec", "-e", "WITHHELD=/run/secrets/token", &container.name],
            command,
        ];
        engine::docker(&words.concat())
    };
    let get = |path: &str| inside(&["python3", "-c", GET, path]).said.trim().to_owned();
    let await_page = |page: &str| {
        engine::wait_for(page, || (get("/") == page).then_some(()));
    };
    await_page("one");
    assert_eq!(get("/withheld"), "HTTP Error 403: Forbidden");
    // The control: nothing but confinement keeps the server from it.
    assert!(inside(&["cat", "/run/secrets/token"]).said.contains(VALUE));
    inside(&["sh", "-c", SERVER, "two"]).success("a new configuration");
    engine::docker(&["kill", "--signal", "HUP", &container.name]).success("docker kill");
    await_page("two");
    engine::docker(&["kill", "--signal", "QUIT", &container.name]).success("docker kill");
    let code = engine::docker(&["wait", &container.name]).success("docker wait");
    assert_eq!(code.trim(), "0");
    let said = engine::docker(&["logs", &container.name]).success("docker logs");
    assert!(!said.contains(VALUE), "the secret was read");
    assert!(said.contains("by Landlock file rules"), "{said}");
}
