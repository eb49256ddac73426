//! A scan over places that were planted, for the tests of this room.

mod limits;
mod places;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Counts, Limits, Options, Report, Root, scan};
use crate::search::Searcher;
use crate::secret::Secret;

/// The value that is planted. No file system refuses it in a name.
const VALUE: &str = "kT9+wq%Zr2 mX'7p\"La&4=Vb";

/// A new directory, removed when dropped.
struct Tree(PathBuf);

impl Tree {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("vestibule-scan-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Lets Python plant something: `tree` is this directory, `value` the value.
    fn python(&self, script: &str) {
        #[expect(clippy::disallowed_methods, reason = "a test asks another program")]
        let mut child = Command::new("python3")
            .args(["-c", &format!("{PREAMBLE}\n{script}")])
            .arg(&self.0)
            .stdin(Stdio::piped())
            .spawn()
            .expect("python3 is needed");
        let mut input = child.stdin.take().unwrap();
        input.write_all(VALUE.as_bytes()).unwrap();
        drop(input);
        assert!(child.wait().unwrap().success());
    }

    fn scan(&self) -> Report {
        self.scan_by(|_| {}, |_| {})
    }

    fn scan_by(&self, root: impl Fn(&mut Root), options: impl Fn(&mut Options<'_>)) -> Report {
        let mut watch = |_: &Counts| ControlFlow::Continue(());
        let mut chosen = Options {
            limits: Limits::default(),
            secret_directories: Vec::new(),
            helpers: 0,
            watch: &mut watch,
        };
        options(&mut chosen);
        let mut from = Root::new(self.0.clone());
        root(&mut from);
        scan(&[from], &searcher(), chosen)
    }

    /// `path place form` of each finding, with the path below the tree.
    fn found(&self, report: &Report) -> BTreeSet<String> {
        let findings = report.findings.iter().map(|finding| {
            let below = finding.path().strip_prefix(&self.0).unwrap();
            let shown = Path::new(below).to_str().unwrap().replace(VALUE, "VALUE");
            format!("{shown}: {}, {}", finding.place.word(), finding.form.word())
        });
        findings.collect()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn searcher() -> Searcher {
    let value = Secret::concat(&[VALUE.as_bytes()]);
    Searcher::new(&mut [("planted", &value)].into_iter())
}

fn set(lines: &[&str]) -> BTreeSet<String> {
    lines.iter().map(ToString::to_string).collect()
}

/// Packs and objects as gitformat-pack(5) describes them.
const PREAMBLE: &str = r#"
import gzip, hashlib, os, struct, sys, zlib
tree, value = sys.argv[1], sys.stdin.read()
raw = value.encode()

def write(name, content):
    path = os.path.join(tree, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "wb").write(content)

def size(number):
    out = b""
    while True:
        low, number = number & 127, number >> 7
        out += bytes([low | (128 if number else 0)])
        if not number:
            return out

def header(kind, length):
    first, length = length & 15, length >> 4
    return bytes([kind << 4 | first | (128 if length else 0)]) + (size(length) if length else b"")

def back(distance):
    out = bytes([distance & 127])
    while distance >> 7:
        distance = (distance >> 7) - 1
        out = bytes([128 | distance & 127]) + out
    return out

class Pack:
    def __init__(self):
        self.bytes, self.count = b"", 0
    def add(self, kind, content, before=b""):
        at = 12 + len(self.bytes)
        self.bytes += header(kind, len(content)) + before + zlib.compress(content)
        self.count += 1
        return at
    def blob(self, content):
        return self.add(3, content)
    def delta(self, base, content):
        return self.add(6, content, back(12 + len(self.bytes) - base))
    def done(self):
        whole = b"PACK" + struct.pack(">II", 2, self.count) + self.bytes
        return whole + hashlib.sha1(whole).digest()

# All of the base, then what is new.
def append(base, new):
    return size(base) + size(base + len(new)) + b"\xb0" + struct.pack("<H", base) + bytes([len(new)]) + new
"#;
