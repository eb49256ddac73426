//! The files of a release. That a second build gives the same bytes is for
//! `scripts/reproduce.sh`.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use super::{VERSION, empty_directory, is_there, program, read, run, said, vestibule};

/// One file of the release: `vestibule-VERSION` and this.
pub(super) fn artifact(ending: &str) -> PathBuf {
    let path = directory().join(format!("vestibule-{VERSION}{ending}"));
    assert!(
        path.exists(),
        "{} is not there; run `make release`",
        path.display()
    );
    path
}

fn directory() -> PathBuf {
    super::target_directory().join("release-artifacts")
}

/// Mode and name of everything in an archive, as tar lists it.
fn listed(archive: &Path) -> Vec<(String, String)> {
    said(program("tar").arg("-tvzf").arg(archive))
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            (words[0].to_owned(), words[5].to_owned())
        })
        .collect()
}

#[test]
fn the_release_holds_the_binary_that_the_suites_test() {
    let machine = std::env::consts::ARCH;
    let released = fs::read(artifact(&format!("-{machine}"))).expect("the released binary");
    assert!(
        fs::read(vestibule()).expect("the binary") == released,
        "they differ; run `make release`"
    );
}

#[test]
fn both_binaries_are_static_and_name_no_directory_of_this_machine() {
    for (machine, number) in [("x86_64", 62), ("aarch64", 183)] {
        let bytes = fs::read(artifact(&format!("-{machine}"))).expect("a binary");
        let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        // e_machine, and a program header of the type PT_INTERP, as elf(5) has them.
        assert_eq!(short(18), number, "{machine}");
        let (size, count) = (usize::from(short(54)), usize::from(short(56)));
        for header in 0..count {
            assert_ne!(
                short(64 + header * size),
                3,
                "{machine} asks for an interpreter"
            );
        }
        let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME"));
        for place in [env!("CARGO_MANIFEST_DIR"), home.expect("a home").as_str()] {
            let crates = format!("{place}/");
            let found = bytes
                .windows(crates.len())
                .any(|window| window == crates.as_bytes() && place.len() > "/root".len());
            let registry = bytes
                .windows(14)
                .any(|window| window == b"/registry/src/".as_slice());
            assert!(!found && !registry, "{machine} names {place}");
        }
    }
}

#[test]
fn the_checksums_are_of_all_files_and_right() {
    let sums = fs::read_to_string(directory().join("SHA256SUMS")).expect("SHA256SUMS");
    let named: BTreeSet<&str> = sums
        .lines()
        .map(|line| line.split_once("  ").expect("two columns").1)
        .collect();
    let there: BTreeSet<String> = fs::read_dir(directory())
        .expect("the release")
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "SHA256SUMS")
        .collect();
    assert_eq!(named, there.iter().map(String::as_str).collect());
    said(
        program("sha256sum")
            .args(["--check", "--strict", "SHA256SUMS"])
            .current_dir(directory()),
    );
}

#[test]
fn the_archive_for_people_has_a_program_they_can_read_and_its_papers() {
    for machine in ["x86_64", "aarch64"] {
        let top = format!("vestibule-{VERSION}-{machine}/");
        let listed = listed(&artifact(&format!("-{machine}.tar.gz")));
        for (mode, name) in [
            ("-rwxr-xr-x", "vestibule"),
            ("-rw-r--r--", "vestibule.1"),
            ("-rw-r--r--", "LICENSE-APACHE"),
            ("-rw-r--r--", "LICENSE-MIT"),
            ("-rw-r--r--", "CHANGELOG.md"),
            ("-rw-r--r--", "completions/vestibule.bash"),
            ("-rw-r--r--", "completions/_vestibule"),
            ("-rw-r--r--", "completions/vestibule.fish"),
        ] {
            let entry = (mode.to_owned(), format!("{top}{name}"));
            assert!(listed.contains(&entry), "{entry:?} is not in {listed:?}");
        }
    }
}

#[test]
fn in_the_archive_for_images_nobody_can_read_the_program() {
    let names = ["Dockerfile", "amd64/vestibule", "arm64/vestibule"];
    let modes = ["-rw-r--r--", "---x--x--x", "---x--x--x"];
    let expected: Vec<(String, String)> = modes
        .iter()
        .zip(names)
        .map(|(mode, name)| ((*mode).to_owned(), name.to_owned()))
        .collect();
    assert_eq!(listed(&artifact("-image.tar.gz")), expected);
}

#[test]
fn the_bill_of_materials_names_what_docs_dependencies_txt_names() {
    let text = fs::read_to_string(artifact(".cdx.json")).expect("the bill");
    let bill: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(bill["bomFormat"], "CycloneDX");
    assert_eq!(bill["specVersion"], "1.5");
    assert!(
        bill["serialNumber"]
            .as_str()
            .is_some_and(|serial| serial.starts_with("urn:uuid:") && serial.len() == 45)
    );
    assert_eq!(bill["metadata"]["component"]["version"], VERSION);
    let components = bill["components"].as_array().expect("components");
    let mut named = BTreeSet::new();
    for component in components {
        let text = |key: &str| component[key].as_str().expect("a text").to_owned();
        assert_eq!(text("type"), "library");
        assert!(component["licenses"][0]["expression"].is_string());
        if text("name") != "rust-std" {
            let checksum = &component["hashes"][0]["content"];
            assert!(checksum.as_str().is_some_and(|sum| sum.len() == 64));
            named.insert(format!("{} v{}", text("name"), text("version")));
        }
    }
    let linked: BTreeSet<String> = read("docs/dependencies.txt")
        .lines()
        .skip(1)
        .map(|line| {
            line.trim_start_matches(|c: char| !c.is_alphanumeric())
                .into()
        })
        .collect();
    assert_eq!(named, linked);
    let references: Vec<&Value> = components.iter().map(|found| &found["bom-ref"]).collect();
    for dependency in bill["dependencies"].as_array().expect("dependencies") {
        for needed in dependency["dependsOn"].as_array().expect("a list") {
            assert!(references.contains(&needed), "{needed} is no component");
        }
    }
}

#[test]
fn make_install_puts_each_file_in_its_place() {
    let place = empty_directory("install");
    said(
        program("make")
            .args(["install", "PREFIX=/usr"])
            .arg(format!("DESTDIR={}", place.display())),
    );
    let mut wanted = vec![
        (0o111, "bin/vestibule"),
        (0o644, "share/man/man1/vestibule.1"),
        (0o644, "share/bash-completion/completions/vestibule"),
        (0o644, "share/zsh/site-functions/_vestibule"),
        (0o644, "share/fish/vendor_completions.d/vestibule.fish"),
    ];
    if super::root().join("policy.schema.json").exists() {
        wanted.push((0o644, "share/vestibule/policy.schema.json"));
    }
    for (mode, name) in wanted {
        let found = fs::metadata(place.join("usr").join(name)).expect(name);
        assert_eq!(found.permissions().mode() & 0o7777, mode, "{name}");
    }
}

/// Builds an image from what comes through standard input, and says its id.
fn image(context: &[u8], argument: &str) -> String {
    let mut build = program("docker")
        .args(["build", "--quiet", "--build-arg", argument, "-"])
        .env("DOCKER_BUILDKIT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("docker build");
    let mut input = build.stdin.take().expect("a pipe");
    input.write_all(context).expect("docker reads it");
    drop(input);
    let output = build.wait_with_output().expect("docker ends");
    assert!(output.status.success());
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

#[test]
fn an_image_is_built_from_the_archive_and_another_needs_one_line_of_it() {
    if !is_there("docker", &["version"]) {
        return;
    }
    let context = fs::read(artifact("-image.tar.gz")).expect("the archive");
    let own = image(&context, "TARGETARCH=amd64");
    let lines =
        format!("FROM scratch\nCOPY --from={own} /vestibule /init\nENTRYPOINT [\"/init\"]\n");
    let other = image(lines.as_bytes(), "UNUSED=");
    for image in [&own, &other] {
        let version = said(program("docker").args(["run", "--rm", image, "--version"]));
        assert_eq!(version, format!("vestibule {VERSION}\n"));
    }
    let container = said(program("docker").args(["create", &other]));
    let container = container.trim();
    let listing = said(program("sh").args([
        "-c",
        &format!("docker export {container} | tar -tvf - init"),
    ]));
    run(program("docker").args(["rm", container]));
    run(program("docker").args(["rmi", &other, &own]));
    assert!(listing.starts_with("---x--x--x"), "{listing}");
}
