//! The pictures of README and docs.

use std::fs;

use super::{is_there, program, read, root, run, said, vestibule};

/// The names of the pictures in docs.
fn pictures() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join("docs"))
        .expect("docs")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "svg"))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 3, "{names:?}");
    names
}

#[test]
fn the_terminals_show_what_the_binary_says() {
    if !is_there("unshare", &["--mount", "--pid", "--fork", "true"]) {
        return;
    }
    let check = run(program("python3")
        .args(["scripts/pictures.py", "--check"])
        .env("VESTIBULE_BINARY", vestibule()));
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        check.status.success(),
        "{}{}",
        told(&check.stdout),
        told(&check.stderr)
    );
}

#[test]
fn each_picture_is_xml_that_loads_nothing_says_what_it_shows_and_stands_in_the_readme() {
    let readme = read("README.md");
    for name in pictures() {
        let path = format!("docs/{name}");
        let script = "import sys, xml.dom.minidom as x; x.parse(sys.argv[1])";
        said(program("python3").args(["-c", script, &path]));
        let text = read(&path);
        let inside = text.replacen("http://www.w3.org/2000/svg", "", 1);
        for foreign in ["http:", "https:", "href", "url(", "@import", "<script"] {
            assert!(!inside.contains(foreign), "{name}: {foreign}");
        }
        assert!(text.contains("<title id=\"title\">"), "{name}");
        assert!(
            readme.contains(&format!("]({path})")),
            "{name} is not in README.md"
        );
    }
}
