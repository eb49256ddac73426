//! Claims about the list of mounts.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Mounts, is_within, joined};

fn line(id: u32, root: &str, point: &str) -> String {
    format!("{id} 0 8:1 {root} {point} rw,relatime shared:1 - ext4 /dev/sda1 rw\n")
}

#[test]
fn a_path_lies_on_the_longest_point_and_there_on_the_last_mount() {
    let text = [
        line(1, "/", "/"),
        line(2, "/a", "/run"),
        line(3, "/b", "/run/secrets"),
        line(4, "/c", "/run/secrets"),
    ]
    .concat();
    let mounts = Mounts::parse(text.as_bytes());
    let id = |path: &str| mounts.of(Path::new(path)).map(|mount| mount.id);
    assert_eq!(id("/run/secrets/x"), Some(4));
    assert_eq!(id("/run/secretsx"), Some(2));
    assert_eq!(id("/etc"), Some(1));
}

#[test]
fn bytes_tell_what_lies_below_a_directory_as_components_do() {
    let paths = [
        "/",
        "/run",
        "/run/secrets",
        "/run/secretsx",
        "/run/secrets/x",
        "/r",
    ];
    for path in paths.map(Path::new) {
        for directory in paths.map(Path::new) {
            let expected = path.starts_with(directory);
            assert_eq!(
                is_within(path, directory),
                expected,
                "{path:?} {directory:?}"
            );
        }
    }
}

#[test]
fn blanks_are_unescaped_and_stray_backslashes_stay() {
    let text = line(1, "/", r"/a\040b\134c\9\+12\777");
    let mounts = Mounts::parse(text.as_bytes());
    assert_eq!(mounts.0[0].point, PathBuf::from(r"/a b\c\9\+12\777"));
}

#[test]
fn lines_that_are_none_are_left_out() {
    for text in [
        "",
        "\n\n",
        "1 2 3",
        "x 0 8:1 / / rw - t s o",
        "1 0 8:1 net:[1] / rw - t s o",
    ] {
        assert!(Mounts::parse(text.as_bytes()).is_empty(), "{text}");
    }
    let without_optional = "1 0 8:1 / / rw - tmpfs tmpfs rw";
    assert_eq!(Mounts::parse(without_optional.as_bytes()).0.len(), 1);
}

#[test]
fn a_second_mount_of_the_same_file_is_an_alias_and_another_file_is_none() {
    let base = std::env::temp_dir().join(format!("vestibule-mounts-{}", std::process::id()));
    let (original, other) = (base.join("original"), base.join("other"));
    fs::create_dir_all(&original).expect("a directory");
    fs::create_dir_all(other.join("project")).expect("a directory");
    fs::write(original.join("token"), "t").expect("a file");
    fs::hard_link(original.join("token"), other.join("project/token")).expect("a link");
    fs::write(other.join("token"), "another").expect("a file");
    let point = |path: &Path| path.to_str().expect("text").to_owned();
    let list = |root: &str| {
        let text = [
            line(1, "/host/secrets/project", &point(&original)),
            line(2, root, &point(&other)),
        ]
        .concat();
        Mounts::parse(text.as_bytes()).aliases(&original.join("token"))
    };
    // Both are one file, so the paths that the list leads to hold.
    assert_eq!(list("/host/secrets"), [other.join("project/token")]);
    // The list leads to a path where another file lies.
    assert!(list("/host/secrets/project").is_empty());
    assert!(list("/elsewhere").is_empty());
    fs::remove_dir_all(&base).expect("no more files");
}

#[test]
fn an_empty_rest_adds_no_slash() {
    assert_eq!(joined(Path::new("/a"), Path::new("")), PathBuf::from("/a"));
}
