//! What works: owners, submodules, many at once, other programs that use git.

use std::ffi::OsStr;
use std::fs;

use crate::command::Desk;
use crate::harness;
use crate::room::Room;

#[test]
fn two_owners_are_cloned_with_two_tokens_and_nothing_is_left() {
    let room = Room::open();
    room.repository("acme/app.git", &[("a", "of acme")]);
    room.repository("bee/tool.git", &[("b", "of bee")]);
    let mut desk = Desk::open(&room);
    let done =
        desk.run("git clone {}/acme/app.git && git clone {}/bee/tool bee && cat app/a bee/b");
    assert!(done.is_success, "{done:?}");
    assert_eq!(done.out, "of acmeof bee");
    let requests = room.requests();
    assert!(
        requests.contains("/acme/app.git/git-upload-pack right"),
        "{requests}"
    );
    assert!(
        requests.contains("/bee/tool/git-upload-pack right"),
        "{requests}"
    );
    assert!(!requests.contains("wrong"), "{requests}");
    assert_eq!(
        room.leaks(&room.path.join("home")),
        Vec::<std::path::PathBuf>::new()
    );
    let config = fs::read_to_string(room.path.join("home/app/.git/config")).unwrap();
    assert!(!config.contains("credential"), "{config}");
    let expected = [
        "`acme/app.git`: the secret `acme`",
        "`bee/tool`: the secret `bee`",
    ];
    for (remark, end) in done.remarks.iter().zip(expected) {
        assert!(remark.ends_with(end), "{remark}");
    }
    assert_eq!(done.remarks.len(), 2);
}

#[test]
fn submodules_of_both_owners_come_along() {
    let room = Room::open();
    room.repository("acme/lib.git", &[("l", "lib")]);
    room.repository("bee/tool.git", &[("t", "tool")]);
    let modules = format!(
        "[submodule \"lib\"]\n path = acme/lib.git\n url = ../lib.git\n\
         [submodule \"tool\"]\n path = bee/tool.git\n url = {}\n",
        room.url("bee/tool.git")
    );
    room.repository("acme/app.git", &[(".gitmodules", &modules), ("a", "app")]);
    let mut desk = Desk::open(&room);
    let done = desk.run(
        "git clone --recurse-submodules -j2 {}/acme/app.git && cat app/acme/lib.git/l app/bee/tool.git/t \
         && cd app && git submodule update --remote --init && git pull --recurse-submodules",
    );
    assert!(done.is_success, "{done:?}");
    assert!(done.out.contains("libtool"), "{done:?}");
    assert!(!room.requests().contains("wrong"), "{}", room.requests());
    assert!(room.leaks(&room.path.join("home")).is_empty());
}

#[test]
fn sixteen_clones_at_once_all_succeed() {
    let room = Room::open();
    room.repository("acme/app.git", &[("a", "of acme")]);
    room.repository("bee/tool.git", &[("b", "of bee")]);
    let mut desk = Desk::open(&room);
    let done = desk.run(
        "for n in 1 2 3 4 5 6 7 8; do \
           git clone -q {}/acme/app.git a$n & git clone -q {}/bee/tool.git b$n & \
         done; wait; cat a?/a b?/b",
    );
    assert!(done.is_success, "{done:?}");
    assert_eq!(
        done.out,
        ["of acme".repeat(8), "of bee".repeat(8)].concat(),
        "{done:?}"
    );
    assert_eq!(done.remarks.len(), 16);
    assert!(!room.requests().contains("wrong"));
}

#[test]
fn a_push_and_a_fetch_work_as_well_as_a_clone() {
    let room = Room::open();
    room.repository("acme/app.git", &[("a", "one")]);
    crate::room::git(
        &room.path.join("repositories/acme/app.git"),
        &["config", "http.receivepack", "true"],
    );
    let mut desk = Desk::open(&room);
    let done = desk.run(
        "git clone -q {}/acme/app.git && cd app && \
         git -c user.name=t -c user.email=t@t commit -q --allow-empty -m two && \
         git push -q origin main && git fetch -q && git rev-parse origin/main",
    );
    assert!(done.is_success, "{done:?}");
    let bare = room.path.join("repositories/acme/app.git");
    let pushed = crate::room::git(&bare, &["rev-parse", "main"]);
    assert_eq!(done.out, pushed);
}

#[test]
fn large_files_come_along() {
    let room = Room::open();
    let content = "large\n".repeat(1000);
    fs::create_dir(room.path.join("large")).unwrap();
    fs::write(room.path.join("large/content"), &content).unwrap();
    let sum = crate::room::run(harness::program("sha256sum").arg(room.path.join("large/content")));
    let id = sum.split(' ').next().unwrap();
    fs::rename(
        room.path.join("large/content"),
        room.path.join("large").join(id),
    )
    .unwrap();
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{id}\nsize {}\n",
        content.len()
    );
    room.repository(
        "acme/app.git",
        &[
            (".gitattributes", "*.bin filter=lfs -text\n"),
            ("a.bin", &pointer),
        ],
    );
    let mut desk = Desk::open(&room);
    let done = desk
        .run("git lfs install --skip-repo >&2 && git clone -q {}/acme/app.git && cat app/a.bin");
    assert!(done.is_success, "{done:?}");
    assert!(done.out == content, "{done:?}");
    let requests = room.requests();
    assert!(
        requests.contains("/acme/app.git/info/lfs/objects/batch right"),
        "{requests}"
    );
    assert!(!requests.contains("wrong"), "{requests}");
    assert!(room.leaks(&room.path.join("home")).is_empty());
}

#[test]
#[should_panic(expected = "cmdline")]
fn the_search_of_these_tests_finds_a_token_in_an_argument() {
    let room = Room::open();
    let token = room.token("acme");
    Desk::open(&room).run(&format!("sleep 1 # {token}"));
}

#[test]
#[should_panic(expected = "environ")]
fn the_search_of_these_tests_finds_a_token_in_a_variable() {
    let room = Room::open();
    let token = room.token("bee");
    Desk::open(&room).run_with("sleep 1", &[("X", token.as_ref())]);
}

#[test]
fn large_files_are_asked_for_below_the_repository() {
    let room = Room::open();
    let mut desk = Desk::open(&room);
    // As git-lfs asks: by git, with the path of its own server.
    let ask = |path: &str| {
        format!(
            "printf 'protocol=https\\nhost=127.0.0.1:{}\\npath={path}\\n\\n' | git credential fill",
            room.port
        )
    };
    let done = desk.run(&ask("acme/app.git/info/lfs"));
    let password = format!("password={}\n", room.token("acme"));
    assert!(done.is_success && done.out.contains(&password), "{done:?}");
    let done = desk.run(&ask("acme-evil/app.git/info/lfs"));
    assert!(
        !done.is_success && !done.out.contains("password"),
        "{done:?}"
    );
}

#[test]
fn pip_installs_a_package_from_a_private_repository() {
    let room = Room::open();
    room.repository(
        "acme/package.git",
        &[
            ("pyproject.toml", include_str!("package/pyproject.toml")),
            ("backend.py", include_str!("package/backend.py")),
        ],
    );
    // Python may be in a home of root's, so this command runs as root.
    let mut desk = Desk::open_for(&room, 0).run_as(0, "other");
    let python = std::env::var_os("VESTIBULE_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let path = std::env::var_os("PATH").unwrap();
    let done = desk.run_with(
        "\"$PYTHON\" -m pip install -q --no-deps --no-index --disable-pip-version-check \
           --target there git+{}/acme/package.git && cat there/of_acme.py",
        &[
            ("PYTHON", &python),
            ("PATH", &path),
            ("PIP_ROOT_USER_ACTION", OsStr::new("ignore")),
        ],
    );
    assert!(done.is_success, "{done:?}");
    assert_eq!(done.out, "HERE = True\n");
    assert!(room.leaks(&room.path.join("other")).is_empty());
}

#[test]
fn the_helper_of_a_path_with_blanks_and_quotes_is_found() {
    let room = Room::open();
    room.repository("acme/app.git", &[("a", "here")]);
    let odd = room.path.join("a b'c $(d)");
    fs::create_dir(&odd).unwrap();
    let vestibule = odd.join("vestibule");
    crate::room::run(
        harness::program("install")
            .args(["-m", "0111"])
            .args([harness::vestibule(), &vestibule]),
    );
    let mut desk = Desk::open(&room);
    let socket = desk.server.as_ref().unwrap().socket().to_owned();
    let found = vestibule::setup::git::environment::variables(&vestibule, &socket);
    let found = found.unwrap_or_else(|_| panic!("an absolute path"));
    let more: Vec<(&str, &OsStr)> = found
        .iter()
        .map(|(name, value)| (name.to_str().unwrap(), value.as_os_str()))
        .collect();
    let done = desk.run_with("git clone -q {}/acme/app.git && cat app/a", &more);
    assert_eq!(done.out, "here", "{done:?}");
}
