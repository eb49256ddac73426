//! A setup that is cut off owes its seal, and cannot rid itself of that; where it
//! could, a start that skips setup searches first.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::unistd::{Gid, Uid, chown};
use serde_json::json;

use crate::crashes::refused_or_inside;
use crate::harness::{End, Layer, Outcome, Scene, capability};
use crate::hunt;
use crate::rules::{APP, APP_GROUPS, Rules, TOKEN, mischief, refusal, sh, sh_with_token};

/// The fewest capabilities with which setup can have another user than PID 1.
const FEW: u64 = capability::SETUID | capability::SETGID | capability::SETPCAP | capability::KILL;

/// Leaves the value in plain and what `skip_if` looks at; does `mischief`, and waits
/// for its end, but for the second time.
fn leave(mischief: &str) -> String {
    format!(
        r#"if [ -e /once ]; then echo again; : > done; exit 0; fi
        printf %s "$TOKEN" > leak; : > done; {mischief}
        echo inside; sleep 100"#
    )
}

fn rules(mischief: &str) -> Rules {
    let rules = Rules::of(&[sh_with_token(&leave(mischief))]);
    rules.setup("skip_if", json!("/workspace/done"))
}

const MAIN: &str = "echo main; cat /workspace/leak /home/app/project/leak";

fn few(rules: &Rules) -> Scene {
    let scene = rules.bare(&["/bin/sh", "-c", MAIN]);
    scene.capabilities(FEW).no_new_privileges()
}

fn one_user(rules: &Rules) -> Scene {
    let scene = rules.bare(&["/bin/sh", "-c", MAIN]);
    scene.user(1000, 1000, &APP_GROUPS)
}

/// Starts it, and kills PID 1 once setup says `inside`. What setup said until then.
fn killed_in_setup(scene: &Scene) -> String {
    let mut running = scene.clone().spawn();
    running.line("inside");
    running.signal(9);
    let outcome = running.finish();
    assert_eq!(outcome.end, End::Signal(9));
    outcome.stdout
}

/// As a container that is made anew over its volumes.
fn lose_layer(layer: &Layer) {
    let _ = fs::remove_dir_all(layer.at("/var/lib/vestibule"));
}

/// The start after it: setup runs anew and main finds nothing.
#[track_caller]
fn expect_setup_anew(scene: &Scene, layer: &Layer) {
    fs::write(layer.at("/once"), "").expect("the layer is there");
    let outcome = scene.clone().run().expect_code(1);
    assert_eq!(outcome.stdout, "again\nmain\n", "{}", outcome.stderr);
    assert!(
        outcome
            .stderr
            .contains("an earlier start ended before its seal")
    );
    let token = outcome.value(TOKEN).to_owned();
    assert!(hunt::in_layer(layer, &token).is_empty());
}

/// A volume of setup's user.
fn volume() -> Layer {
    let volume = Layer::new();
    own(volume.path(), APP);
    volume
}

fn own(path: &Path, (uid, gid): (u32, u32)) {
    chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).expect("root may");
}

#[test]
fn setup_can_neither_remove_nor_change_its_journal() {
    let rules = Rules::of(&[mischief(&["rid", "journal"])]);
    let outcome = one_user(&rules).run();
    let said: Vec<&str> = outcome.stdout.lines().take(3).collect();
    let refused = "rid 95 95 95 95 95 95 95 95 38";
    let whole = [refused, "journal", "vestibule-journal 1"];
    assert_eq!(said, whole, "{}", outcome.stderr);
}

#[test]
fn a_journal_that_setup_tries_to_remove_is_found_by_the_next_start() {
    let rules = rules("/mischief rid");
    // Restarted; made anew over its volume; with a root that nobody can write.
    let few_made_anew = few(&rules);
    for (scene, is_made_anew) in [
        (one_user(&rules), false),
        (few_made_anew, true),
        (few(&rules).read_only(), false),
    ] {
        let (layer, volume) = (Layer::new(), volume());
        let scene = scene.volume(volume.path(), "/workspace").on(&layer);
        let scene = scene.tmpfs("/var/tmp", "", "mode=1777");
        let said = killed_in_setup(&scene);
        assert!(said.starts_with("rid 95 95"), "{said}");
        if is_made_anew {
            lose_layer(&layer);
        }
        expect_setup_anew(&scene, &layer);
        assert!(!volume.at("/leak").exists());
    }
}

#[test]
fn a_directory_that_setup_puts_another_one_in_the_place_of_takes_no_journal_along() {
    for mischief in [
        // It may do so: the directory above is its own.
        "cd /home/app; mv project away; mkdir project",
        "cd /home/app; rm -r project; mkdir project",
        "cd /home/app; mkdir other; mv project away; ln -s other project",
        "cd /home/app; mv project away; mkdir project; chmod 0 away",
    ] {
        let line = format!(
            r#"{mischief}; cd project && printf %s "$TOKEN" > leak && : > done; rm -f ../away/leak"#
        );
        let rules = rules(&line)
            .setup("directory", json!("/home/app/project"))
            .setup("skip_if", json!("/home/app/project/done"));
        let root_setup = rules.clone().setup("user", json!("root"));
        let root_setup = root_setup.run("user", json!("root"));
        for (scene, what) in [
            (one_user(&rules), "one user"),
            (few(&rules), "few rights"),
            (root_setup.command(&["/bin/sh", "-c", MAIN]), "root"),
        ] {
            let layer = Layer::new();
            let scene = scene.directory("/home/app/project", 0o755, APP).on(&layer);
            killed_in_setup(&scene);
            lose_layer(&layer);
            let outcome = refused_or_inside(&scene);
            let said = format!("{what}, {mischief}: {}{}", outcome.stdout, outcome.stderr);
            assert!(!outcome.stdout.contains("main"), "{said}");
            assert!(
                said.contains("an earlier start ended before its seal"),
                "{said}"
            );
        }
    }
}

#[test]
fn without_mischief_such_a_directory_is_set_up_anew_and_skipped_afterwards() {
    let rules = rules("").setup("directory", json!("/home/app/project"));
    let rules = rules.setup("skip_if", json!("/home/app/project/done"));
    for scene in [one_user(&rules), few(&rules)] {
        let layer = Layer::new();
        let scene = scene.directory("/home/app/project", 0o755, APP).on(&layer);
        killed_in_setup(&scene);
        lose_layer(&layer);
        expect_setup_anew(&scene, &layer);
        for _ in 0..2 {
            expect_skipped(&scene.clone().run());
        }
    }
}

#[track_caller]
fn expect_skipped(outcome: &Outcome) {
    assert_eq!(outcome.stdout, "main\n", "{}", outcome.stderr);
    assert!(
        !outcome.stderr.contains("is searched"),
        "{}",
        outcome.stderr
    );
}

/// The start after one that was killed: it skips setup, searches, and refuses;
/// once what it names is gone it starts main, each time after a search.
#[track_caller]
fn expect_search(scene: &Scene, volume: &Layer, why: &str) {
    for _ in 0..2 {
        let outcome = scene.clone().run();
        let said = refusal(&outcome, 121);
        assert!(outcome.stderr.contains(why), "{}", outcome.stderr);
        assert!(said.contains("/leak\n"), "{said}");
    }
    fs::remove_file(volume.at("/leak")).expect("it is there");
    for _ in 0..2 {
        let outcome = scene.clone().run();
        assert_eq!(outcome.stdout, "main\n", "{}", outcome.stderr);
        assert!(outcome.stderr.contains(why), "{}", outcome.stderr);
    }
}

const NO_PLACE: &str = "is searched, as no place for its journal is out of setup's reach";

#[test]
fn where_the_journal_is_a_file_that_setup_removes_the_next_start_searches() {
    // Nobody but its owner sets attributes on a sticky directory.
    let (layer, volume) = (Layer::new(), Layer::new());
    fs::set_permissions(volume.path(), PermissionsExt::from_mode(0o1777)).expect("root may");
    let rules = rules("rm .vestibule-journal && echo gone");
    let scene = one_user(&rules).volume(volume.path(), "/workspace");
    let scene = scene.on(&layer);
    assert!(killed_in_setup(&scene).starts_with("gone\n"));
    expect_search(&scene, &volume, NO_PLACE);
}

#[test]
fn without_seccomp_setup_removes_its_journal_and_the_next_start_searches() {
    let (layer, volume) = (Layer::new(), volume());
    let rules = rules("/mischief rid");
    let scene = one_user(&rules).without_filters();
    let scene = scene.volume(volume.path(), "/workspace").on(&layer);
    assert!(killed_in_setup(&scene).starts_with("rid 0 "), "it can");
    let why = "is searched, as the kernel has no seccomp filters";
    expect_search(&scene, &volume, why);
}

#[test]
fn a_directory_that_a_second_mount_shows_where_it_can_be_renamed_is_searched() {
    let (layer, volume) = (Layer::new(), volume());
    fs::create_dir(volume.at("/sub")).expect("it is new");
    own(&volume.at("/sub"), APP);
    let line = r#"mv /data/sub /data/old; mkdir /data/sub; cd /data/sub; : > done
        printf %s "$TOKEN" > leak; rm ../old/leak"#;
    let scene = one_user(&rules(line)).volume(volume.path(), "/data");
    let scene = scene.volume(volume.at("/sub"), "/workspace").on(&layer);
    killed_in_setup(&scene);
    let outcome = scene.run();
    assert!(outcome.stderr.contains(NO_PLACE), "{}", outcome.stderr);
    assert!(refusal(&outcome, 121).contains("/leak\n"));
}

#[test]
fn what_skips_setup_on_another_mount_than_the_journal_is_no_word_of_a_seal() {
    // Setup's directory is empty after a restart, and so is its journal gone.
    let layer = Layer::new();
    let line = r#"cd /home/app; : > done; printf %s "$TOKEN" > leak; rm /workspace/leak"#;
    let rules = rules(line).setup("skip_if", json!("/home/app/done"));
    let scene = one_user(&rules).on(&layer);
    let scene = scene.tmpfs("/workspace", "", "mode=0755,uid=1000,gid=1000");
    killed_in_setup(&scene);
    let outcome = scene.run();
    let why = "`skip_if` is on another mount than setup's journal";
    assert!(outcome.stderr.contains(why), "{}", outcome.stderr);
    assert!(refusal(&outcome, 121).contains("/home/app/leak\n"));
}

#[test]
fn in_the_layer_of_a_root_that_setup_is_not_a_restart_needs_no_search() {
    let layer = Layer::new();
    let line = "echo setup; : > /home/app/done";
    let rules = Rules::of(&[sh_with_token(line)]).without_directory();
    let rules = rules.setup("skip_if", json!("/home/app/done"));
    let scene = rules.main(&["say", "main"]).on(&layer);
    assert_eq!(scene.clone().run().stdout, "setup\nmain\n");
    for _ in 0..2 {
        expect_skipped(&scene.clone().run());
    }
    // A new container finds the work of an old one, and no word about it.
    lose_layer(&layer);
    let outcome = scene.run().expect_code(0);
    assert_eq!(outcome.stdout, "main\n");
    assert!(outcome.stderr.contains(NO_PLACE), "{}", outcome.stderr);
}

#[test]
fn a_setup_of_root_that_removes_the_journal_of_the_layer_is_no_sealed_one() {
    let layer = Layer::new();
    let line = r#"rm /var/lib/vestibule/journal; : > /opt/done; printf %s "$TOKEN" > /opt/leak
        echo inside; sleep 100"#;
    let rules = Rules::of(&[sh_with_token(line)]).without_directory();
    let rules = rules.setup("skip_if", json!("/opt/done"));
    let rules = rules.setup("user", json!("root"));
    let scene = rules.command(&["/bin/sh", "-c", MAIN]);
    let scene = scene.directory("/opt", 0o755, (0, 0)).on(&layer);
    killed_in_setup(&scene);
    let outcome = scene.run();
    assert!(outcome.stderr.contains(NO_PLACE), "{}", outcome.stderr);
    assert!(refusal(&outcome, 121).contains("/opt/leak\n"));
}

#[test]
fn a_search_without_the_secret_says_so_and_what_cannot_be_searched_is_a_warning() {
    let layer = Layer::new();
    let absent = json!({ "argv": ["/bin/true"], "env": { "A": "absent" } });
    let rules = Rules::of(&[sh_with_token("true"), absent]);
    let rules = rules.setup("skip_if", json!("/home/app/done"));
    let scene = one_user(&rules).file("/home/app/done", 0o644, APP, "");
    let scene = scene.tmpfs("/workspace", "", "mode=0755,uid=1000,gid=1000");
    let scene = scene.on(&layer);
    // A value that is another's, in what setup's user could never reach.
    let token = scene.value(TOKEN).to_owned();
    let scene = scene.file("/root/note", 0o600, (0, 0), token);
    assert_eq!(scene.clone().run().stdout, "main\n");
    // And what main may have made of its own: an archive, and something shut away.
    let archive = fs::File::create(layer.at("/home/app/big.gz")).expect("it is new");
    let line = "head -c 270000000 /dev/zero | gzip -1";
    let packed = crate::harness::program("sh")
        .args(["-c", line])
        .stdout(archive)
        .status();
    assert!(packed.expect("gzip is there").success());
    let shut = layer.at("/home/app/shut");
    fs::create_dir(&shut).expect("it is new");
    own(&shut, APP);
    fs::set_permissions(&shut, PermissionsExt::from_mode(0o0)).expect("root may");
    let outcome = scene.run();
    assert_eq!(outcome.stdout, "main\n", "{}", outcome.stderr);
    for words in [
        "an earlier setup may have left `absent`, and its value is not here",
        "a file could not be searched: ",
        "/home/app/shut",
        "/home/app/big.gz",
    ] {
        assert!(
            outcome.stderr.contains(words),
            "{words}: {}",
            outcome.stderr
        );
    }
    assert!(!outcome.stderr.contains("/root"), "{}", outcome.stderr);
}

#[test]
fn setup_cannot_set_a_limit_of_pid_1_and_can_its_own() {
    for scene in [one_user, few] {
        let rules = Rules::of(&[mischief(&["limits"])]);
        let outcome = scene(&rules).run();
        assert!(
            outcome.stdout.starts_with("limits 1 0\nmain"),
            "{}",
            outcome.stderr
        );
    }
}

/// What honest setups do with files, each with its own way to set attributes.
const WORK: &str = r#"set -e
    cp -a /src/noted copied; cp --preserve=all /src/noted again
    tar --xattrs -C /src -cf noted.tar noted; mkdir out; tar --xattrs -C out -xf noted.tar
    install -m 755 /src/noted installed; mv installed moved
    python3 -c 'import shutil, os, resource; shutil.copy2("/src/noted", "by-python")
resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE, (64, 64))'
    prlimit --pid $$ --nofile=512; prlimit --nofile=64 true
    /usr/bin/git init -q r; printf '#!/bin/sh\necho hook\n' > r/.git/hooks/pre-commit
    chmod +x r/.git/hooks/pre-commit
    /usr/bin/git -C r -c user.name=n -c user.email=e commit -q --allow-empty -m m
    rm r/.git/hooks/pre-commit; /usr/bin/git clone -q r r2; /usr/bin/git -C r2 gc -q
    UV_USE_IO_URING=1 node -e 'const fs = require("fs").promises
fs.readFile("noted.tar").then(b => fs.writeFile("by-node", b)).then(() => fs.copyFile("by-node", "2"))'
    mkdir p; echo '{"name":"p","version":"1.0.0"}' > p/package.json
    npm pack --silent ./p > /dev/null; mkdir n; cd n; npm install --silent --offline ../p-1.0.0.tgz; cd ..
    mkdir w; printf '[package]\nname = "w"\nversion = "0.1.0"\nedition = "2021"\n' > w/Cargo.toml
    mkdir w/src; echo 'fn main() {}' > w/src/main.rs
    (cd w && CARGO_HOME="$HOME/cargo" RUSTFLAGS=-Clinker=gcc RUSTC=/opt/rust/bin/rustc /opt/rust/bin/cargo build -q --offline)
    echo works"#;

#[test]
fn honest_programs_go_on_without_attributes() {
    let sysroot = crate::harness::program("rustc")
        .args(["--print", "sysroot"])
        .output();
    let sysroot = String::from_utf8(sysroot.expect("rustc is there").stdout).expect("a path");
    let layer = Layer::new();
    let source = layer.at("/src/noted");
    fs::create_dir(layer.at("/src")).expect("it is new");
    fs::write(&source, "noted").expect("it is new");
    let noted = crate::harness::program(crate::rules::program())
        .args(["attribute".as_ref(), source.as_os_str()])
        .status();
    assert!(noted.expect("mischief runs").success());
    for user in ["app", "root"] {
        let rules = Rules::of(&[sh(WORK)]).setup("user", json!(user));
        let scene = rules
            .directory(0o777)
            .main_sh("echo main; cat /workspace/moved");
        let scene = scene.bind(sysroot.trim(), "/opt/rust").on(&layer);
        let outcome = scene.run();
        assert_eq!(outcome.stdout, "works\nmain\nnoted", "{}", outcome.stderr);
        fs::remove_dir_all(layer.at("/workspace")).expect("it is there");
    }
}
