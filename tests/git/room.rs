//! A directory for one test: an authority, repositories of two owners with a
//! token each, a server in front of them.
//!
//! In: nothing. Out: addresses, tokens, what the server saw. At the end the
//! server is ended and the directory removed.
//!
//! **Never:** a token of another test: each room has its own, so a search for
//! them finds only what this test did.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use crate::harness;

/// The user that commands of setup run as: one that every machine has, since
/// ssh(1) insists on an entry in `/etc/passwd`.
pub(crate) const SETUP: u32 = 65534;

pub(crate) struct Room {
    pub(crate) path: PathBuf,
    pub(crate) port: u16,
    server: Child,
    /// Both tokens in every form in which they could turn up.
    forms: Vec<String>,
}

impl Room {
    pub(crate) fn open() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("vestibule-git-{}-{number}", process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).expect("a directory for the test");
        allow(&path, 0o711);
        run(harness::program("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
            ])
            .args(["-nodes", "-days", "2", "-subj", "/CN=test"])
            .args(["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"])
            .arg("-keyout")
            .arg(path.join("key.pem"))
            .arg("-out")
            .arg(path.join("cert.pem")));
        run(harness::program("install")
            .args(["-m", "0111"])
            .args([harness::vestibule(), &path.join("vestibule")]));
        let mut room = Self {
            port: 0,
            forms: Vec::new(),
            server: harness::program("true").spawn().expect("a place-holder"),
            path,
        };
        room.forms = ["acme", "bee"]
            .iter()
            .flat_map(|owner| forms(&room.token(owner)))
            .collect();
        let tokens = format!(
            r#"{{"acme": "{}", "bee": "{}"}}"#,
            room.token("acme"),
            room.token("bee")
        );
        fs::write(room.path.join("tokens.json"), tokens).expect("the server's tokens");
        allow(&room.path.join("tokens.json"), 0o600);
        for home in ["home", "other"] {
            fs::create_dir(room.path.join(home)).expect("a home");
        }
        let home = room.path.join("home");
        std::os::unix::fs::chown(&home, Some(SETUP), Some(SETUP)).expect("root gives it away");
        room.serve()
    }

    fn serve(mut self) -> Self {
        let python = env::var_os("VESTIBULE_TEST_PYTHON");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/git/https.py");
        self.server.wait().expect("the place-holder ends");
        self.server = harness::program(python.as_deref().unwrap_or(OsStr::new("python3")))
            .args([&script, &self.path])
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is there");
        let mut line = String::new();
        let said = self.server.stdout.take().expect("a pipe");
        BufReader::new(said).read_line(&mut line).expect("a line");
        self.port = line.trim().parse().expect("the server says its port");
        self
    }

    /// The owner's token.
    pub(crate) fn token(&self, owner: &str) -> String {
        let room = self.path.file_name().expect("a name").to_string_lossy();
        format!("canary+{owner}/{room}=%41")
    }

    /// `https://127.0.0.1:PORT/PATH`
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}/{path}", self.port)
    }

    /// A repository with these files.
    pub(crate) fn repository(&self, name: &str, files: &[(&str, &str)]) {
        let work = self.path.join("work").join(name);
        for (file, content) in files {
            let file = work.join(file);
            fs::create_dir_all(file.parent().expect("a directory")).expect("a work tree");
            fs::write(file, content).expect("a file");
        }
        let bare = self.path.join("repositories").join(name);
        git(&work, &["init", "-q", "-b", "main"]);
        git(&work, &["add", "."]);
        for line in fs::read_to_string(work.join(".gitmodules"))
            .unwrap_or_default()
            .lines()
        {
            // A submodule is a commit of another repository, noted by its path.
            if let Some(path) = line.trim().strip_prefix("path = ") {
                let other = self.path.join("repositories").join(path);
                let commit = git(&other, &["rev-parse", "main"]);
                let entry = format!("160000,{},{path}", commit.trim());
                git(&work, &["update-index", "--add", "--cacheinfo", &entry]);
            }
        }
        git(&work, &["commit", "-q", "-m", "first"]);
        let words = ["clone", "-q", "--bare", ".", &bare.to_string_lossy()];
        git(&work, &words);
    }

    /// What the server was asked: host, path and how good the credential was.
    pub(crate) fn requests(&self) -> String {
        fs::read_to_string(self.path.join("requests.log")).unwrap_or_default()
    }

    /// Files below `place` that hold a token, in clear or in base64.
    pub(crate) fn leaks(&self, place: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![place.to_owned()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                let path = entry.path();
                let kind = entry.file_type().expect("a type");
                if kind.is_dir() {
                    open.push(path);
                } else if kind.is_file() && self.gives_away(&fs::read(&path).unwrap_or_default()) {
                    found.push(path);
                }
            }
        }
        found
    }

    /// Whether bytes hold a token.
    pub(crate) fn gives_away(&self, bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes);
        self.forms.iter().any(|form| text.contains(form))
    }
}

/// A token as it is, percent-encoded, and as HTTP sends it.
fn forms(token: &str) -> [String; 3] {
    let mut encoded = token.to_owned();
    for (character, code) in [('%', "%25"), ('+', "%2B"), ('/', "%2F"), ('=', "%3D")] {
        encoded = encoded.replace(character, code);
    }
    let basic = base64(format!("x-access-token:{token}").as_bytes());
    [token.to_owned(), encoded, basic]
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| {
            bits << 8 | u32::from(group.get(at).copied().unwrap_or_default())
        });
        for at in 0..=group.len() {
            let index = usize::try_from(bits >> (18 - 6 * at) & 0x3f).expect("six bits");
            text.push(char::from(LETTERS[index]));
        }
    }
    text
}

pub(crate) fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("our own file");
}

pub(crate) fn git(place: &Path, words: &[&str]) -> String {
    let mut command = harness::program("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@t"]);
    run(command
        .args(words)
        .current_dir(place)
        .env("GIT_CONFIG_NOSYSTEM", "1"))
}

/// Runs a program that has to succeed.
pub(crate) fn run(command: &mut process::Command) -> String {
    let done = command.output().expect("the program is there");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}
