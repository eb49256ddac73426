//! The programs that a scene needs: the init under test, the stage, the witness.
//!
//! In: `VESTIBULE_BINARY`, or the release build; two C sources. Out: paths.
//!
//! **Never:** a binary that is older than its sources, taken in silence.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

const RELEASE: &str = "target/x86_64-unknown-linux-musl/release/vestibule";
const BUILD: &str = "cargo build --release --target x86_64-unknown-linux-musl";

/// A program to be started by a test.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is an ordinary program, not PID 1"
)]
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    Command::new(name)
}

/// The binary under test: `VESTIBULE_BINARY`, or the static release build.
pub(crate) fn vestibule() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| match env::var_os("VESTIBULE_BINARY") {
        Some(path) => {
            let path = PathBuf::from(path);
            assert!(
                path.is_file(),
                "VESTIBULE_BINARY {} is not there",
                path.display()
            );
            path
        }
        None => release(),
    })
}

fn release() -> PathBuf {
    let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join(RELEASE);
    let built = fs::metadata(&binary).and_then(|found| found.modified());
    let built =
        built.unwrap_or_else(|_| panic!("{} is not there; run `{BUILD}`", binary.display()));
    // Cargo's own list: `target: source source…`.
    let sources = fs::read_to_string(binary.with_extension("d")).unwrap_or_default();
    for source in sources.split_ascii_whitespace().skip(1) {
        let changed = fs::metadata(source).and_then(|found| found.modified());
        assert!(
            changed.is_ok_and(|changed| changed <= built),
            "{} is older than {source}; run `{BUILD}`",
            binary.display()
        );
    }
    binary
}

/// The binary under test in the mode that images ship it in: 0111, executable
/// by everybody and readable by nobody.
pub(crate) fn unreadable_vestibule() -> &'static Path {
    static COPIED: OnceLock<PathBuf> = OnceLock::new();
    COPIED.get_or_init(|| {
        fs::create_dir_all(workplace()).expect("a workplace");
        let copy = workplace().join(format!("unreadable-{}", std::process::id()));
        // By another program: a descriptor of ours, open for writing, could be
        // inherited by a fork in another thread and make exec fail (ETXTBSY).
        let made = program("install")
            .args(["-m", "0111"])
            .args([vestibule(), &copy])
            .status();
        assert!(
            made.is_ok_and(|status| status.success()),
            "`install` makes a copy"
        );
        let ready = workplace().join("unreadable");
        fs::rename(&copy, &ready).expect("the copy is put in its place");
        ready
    })
}

/// The program that sets scenes.
pub(super) fn stage() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let sources = [
            ("stage.c", include_str!("stage.c")),
            ("beside.h", include_str!("beside.h")),
        ];
        compile("stage", &sources)
    })
}

/// The program that says what main was given; `/witness` in every scene.
pub(crate) fn witness() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| compile("witness", &[("witness.c", include_str!("witness.c"))]))
}

/// An empty directory to mount a scene's root on.
pub(super) fn mount_point() -> PathBuf {
    let place = workplace().join("root");
    fs::create_dir_all(&place).expect("a mount point");
    place
}

pub(super) fn workplace() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("harness")
}

/// Compiles sources, each with its file name, into one static program: in a
/// directory of this process, and renamed, so that test targets that run at the
/// same time never see half a program.
pub(crate) fn compile(name: &str, sources: &[(&str, &str)]) -> PathBuf {
    let own = workplace().join(format!("{}-{name}", std::process::id()));
    fs::create_dir_all(&own).expect("a place to compile in");
    let built = own.join(name).with_extension("static");
    for (file, text) in sources {
        fs::write(own.join(file), text).expect("the source is written");
    }
    let code = sources.iter().map(|(file, _)| own.join(file));
    let code = code.filter(|path| path.extension() == Some(OsStr::new("c")));
    let said = program("cc")
        .args(["-static", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&built)
        .args(code)
        .output()
        .expect("`cc` is there, as Rust's linker");
    let complaint = String::from_utf8_lossy(&said.stderr);
    assert!(
        said.status.success(),
        "{name} does not compile: {complaint}"
    );
    let ready = workplace().join(name);
    fs::rename(&built, &ready).expect("the program is put in its place");
    fs::remove_dir_all(&own).unwrap_or_default();
    ready
}
