//! One planted trace for each row, and what a clean clone leaves.

mod cleaning;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::Duration;

use caps::{CapSet, Capability};
use nix::unistd::{Uid, chown};

use super::super::since::Mark;
use super::super::tests::{Deep, Place};
use super::{Found, Identity, Kind, Places, Residue, Settled, clean, look, look_as, settle};
use crate::report::Fault;
use crate::sys::attribute;

/// The value that no message and no cleaned file may hold.
const CANARY: &str = "canary-7f3a91";

/// What an honest `git clone` with submodules writes.
const CLEAN: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n\tfsmonitor = true\n[submodule]\n\tactive = .\n[remote \"origin\"]\n\turl = https://github.com/acme/app.git\n\tpushurl = ssh://git@github.com/acme/app.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n[branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/main\n[filter \"lfs\"]\n\tprocess = git-lfs filter-process\n[credential]\n\thelper =\n";

/// As a policy with `"on_hit": "remove"` has it.
fn settle_all(found: Found) -> Settled {
    settle(found, &|residue| clean(residue).is_ok())
}

fn agent() -> Identity {
    Identity {
        uid: 1000,
        gid: 1000,
        groups: vec![1000],
        home: "/".into(),
    }
}

struct Scene {
    place: Place,
    mark: Mark,
}

impl Scene {
    /// A work tree with an old repository in it, then the mark.
    fn new() -> Self {
        let place = Place::new();
        place.write("work/old/.git/HEAD", "ref: refs/heads/main\n");
        let old = format!("[remote \"o\"]\nurl = https://u:{CANARY}@old/\n");
        place.write("work/old/.git/config", old);
        place.write("home/.bashrc", "old");
        let mark = Mark::set(&place.0).unwrap();
        Self { place, mark }
    }

    /// With a repository `app` that has this configuration.
    fn with_config(config: &str) -> Self {
        let scene = Self::new();
        scene.write("work/app/.git/HEAD", "ref: refs/heads/main\n");
        scene.write("work/app/.git/config", config);
        scene
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        self.place.write(name, content.replace("CANARY", CANARY))
    }

    fn look(&self) -> Found {
        let [work, home] = ["work", "home"].map(|name| self.place.0.join(name));
        look(&Places {
            roots: &[work],
            homes: &[home],
            marks: &[self.mark],
            report: None,
            patience: Duration::from_mins(1),
            setup: &agent(),
        })
    }

    /// Row and place below the scene of every trace, in order.
    fn rows(&self) -> Vec<String> {
        let found = self.look();
        let mut rows: Vec<String> = found.residues.iter().map(|one| self.row(one)).collect();
        rows.sort();
        rows
    }

    fn row(&self, residue: &Residue) -> String {
        let text = format!("{}{}{}", residue.what(), residue.place(), residue.remedy());
        assert!(!text.contains(CANARY), "{text}");
        let top = format!("{}/", self.place.0.display());
        format!(
            "{} {}",
            residue.kind.row(),
            residue.place().replace(&top, "")
        )
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.place.0.join(name)).unwrap()
    }
}

fn has_hit(settled: &Settled) -> bool {
    let mut kept = settled.kept.iter();
    kept.any(|residue| residue.kind.is_credential())
}

#[test]
fn a_clean_clone_and_all_that_is_older_leave_nothing() {
    let scene = Scene::with_config(CLEAN);
    scene.write("work/app/.git/hooks/pre-commit.sample", "#!/bin/sh\n");
    scene.write(
        "work/app/.git/logs/HEAD",
        "clone: from https://github.com/acme/app\n",
    );
    scene.write(
        "work/app/.git/FETCH_HEAD",
        "x branch 'main' of https://github.com/acme/app\n",
    );
    scene.write(
        "work/app/.gitmodules",
        "[submodule \"l\"]\n\tpath = l\n\turl = ../l\n",
    );
    scene.write(
        "work/app/package-lock.json",
        "{\"resolved\": \"https://registry.npmjs.org/x\"}",
    );
    scene.write("work/app/.npmrc", "//registry/:_authToken=${NPM_TOKEN}\n");
    scene.write("home/.ssh/known_hosts", "github.com ssh-ed25519 AAAA\n");
    scene.write(
        "home/.gitconfig",
        "[user]\nname = CANARY\n[alias]\nst = status\n",
    );
    assert_eq!(scene.rows(), [""; 0]);
    assert!(scene.look().seen > 15);
}

#[test]
fn what_a_repository_brings_along_is_no_trace() {
    let scene =
        Scene::with_config("[remote \"o\"]\nurl = https://acme@dev.azure.com/acme/_git/r\n");
    for (name, content) in [
        (
            "app/.gitmodules",
            "[submodule \"l\"]\nurl = https://someone@bitbucket.org/acme/l.git\n",
        ),
        ("app/.lfsconfig", "[broken\n"),
        (
            "app/dotfiles/.gitconfig",
            "[include]\npath = x\n[credential]\nhelper = osxkeychain\n",
        ),
        (
            "app/dotfiles/.config/git/config",
            "[credential]\nhelper = store\n",
        ),
        ("app/roles/git/config", "no: configuration of Git\n"),
        ("app/fixtures/.gitconfig", "[broken\n"),
        ("app/fixtures/.git", "not a link to a repository\n"),
        ("app/fixtures/config", "[broken\n"),
        ("app/fixtures/.netrc", "machine h login u password p\n"),
        (
            "app/fixtures/id_rsa",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n",
        ),
        (
            "app/requirements.txt",
            "git+https://git@github.com/acme/lib.git\n",
        ),
        (
            "app/package-lock.json",
            "{\"resolved\": \"git+https://git@github.com/a/b.git#1\"}",
        ),
    ] {
        scene.write(&format!("work/{name}"), content);
    }
    symlink(
        "nowhere",
        scene.place.0.join("work/app/dotfiles/.gitmodules"),
    )
    .unwrap();
    symlink(
        "nowhere",
        scene.place.0.join("work/app/dotfiles/deep.gitconfig"),
    )
    .unwrap();
    assert_eq!(scene.rows(), [""; 0]);
}

#[test]
fn settings_of_package_managers_count_by_what_is_in_them() {
    let scene = Scene::new();
    scene.write("home/.npmrc", "registry=https://mirror/\nsave-exact=true\n");
    scene.write(
        "home/.config/pip/pip.conf",
        "[global]\nindex-url = https://mirror/simple\n",
    );
    assert_eq!(scene.rows(), [""; 0]);
    scene.write("home/.npmrc", "//mirror/:_authToken=CANARY\n");
    scene.write(
        "home/.config/pip/pip.conf",
        "[global]\nindex-url = https://u:CANARY@mirror/simple\n",
    );
    assert_eq!(
        scene.rows(),
        ["G14 home/.npmrc:1", "G15 home/.config/pip/pip.conf:2"]
    );
}

#[test]
fn each_setting_of_git_s_configuration_is_found_at_its_line() {
    for (config, expected) in [
        ("[remote \"o\"]\n\turl = https://u:CANARY@h/r\n", "G1 :2"),
        (
            "[remote \"o\"]\n\turl = \"https://ghp_CANARY@h/r\"\n",
            "G1 :2",
        ),
        ("[branch \"m\"]\nremote = https://u:CANARY@h/r\n", "G1 :2"),
        ("[http]\nproxy = http://u:CANARY@proxy:1\n", "G1 :2"),
        ("[credential \"https://u:CANARY@h\"]\n", "G1 :1"),
        ("[submodule \"l\"]\nurl = https://u:CANARY@h/l\n", "G2 :2"),
        (
            "[http]\n\textraHeader = Authorization: Basic CANARY\n",
            "G3 :2",
        ),
        ("[http \"https://h/\"] extraheader = x-CANARY", "G3 :1"),
        ("[credential]\nhelper = store\n", "G4 :2"),
        ("[credential \"https://h\"]\nusername = CANARY\n", "G4 :2"),
        ("[credential]\nhelper = cache --timeout 9\n", "G5 :2"),
        (
            "[url \"https://u:CANARY@h/\"]\n\tinsteadOf = https://h/\n",
            "G10 :1",
        ),
        ("[include]\npath = /nowhere\n", "G11 :2"),
        ("[includeIf \"gitdir:/\"]\npath = /nowhere\n", "G11 :2"),
        ("[core]\nfsmonitor = .git/x\n", "X3 :2"),
        ("[core]\nhooksPath = h\n", "X3 :2"),
        ("[core]\nsshCommand = x\n", "X3 :2"),
        ("[alias]\nx = \"!sh -c x\"\n", "X3 :2"),
        ("[broken\n", "Z6 :1"),
    ] {
        let scene = Scene::with_config(config);
        let expected = expected.replace(" :", " work/app/.git/config:");
        assert_eq!(scene.rows(), [expected], "{config}");
    }
}

#[test]
fn every_place_of_a_configuration_is_known() {
    let scene = Scene::new();
    let url = "[remote \"o\"]\nurl = https://u:CANARY@h/r\n";
    for name in [
        "work/app/.git/modules/lib",
        "work/bare.git",
        "work/app/.git",
        "outside/away",
    ] {
        scene.write(&format!("{name}/HEAD"), "x");
        scene.write(&format!("{name}/config"), url);
    }
    scene.write("work/app/.git/worktrees/w/config.worktree", url);
    scene.write(
        "work/app/.gitmodules",
        "[submodule \"l\"]\nurl = https://u:CANARY@h/l\n",
    );
    scene.write("work/tree/.git", "gitdir: ../../outside/away\n");
    scene.write("home/.gitconfig", "[include]\npath = ~/.more\n");
    scene.write("home/.more", url);
    scene.write("home/.config/git/config", url);
    let mut expected = [
        "G1 home/.config/git/config:2",
        "G1 home/.more:2",
        "G1 outside/away/config:2",
        "G1 work/app/.git/config:2",
        "G1 work/app/.git/worktrees/w/config.worktree:2",
        "G1 work/bare.git/config:2",
        "G11 home/.gitconfig:2",
        "G2 work/app/.git/modules/lib/config:2",
        "G2 work/app/.gitmodules:2",
    ];
    expected.sort_unstable();
    assert_eq!(scene.rows(), expected);
}

#[test]
fn files_that_are_a_trace_by_being_there_are_found_in_home_directories() {
    let scene = Scene::new();
    for (name, row) in [
        (".git-credentials", "G4"),
        (".config/git/credentials", "G4"),
        (".cache/git/credential/socket", "G5"),
        (".netrc", "G6"),
        (".config/gh/hosts.yml", "G14"),
        (".docker/config.json", "G14"),
        (".aws/sso/cache/x.json", "G14"),
        (".ssh/id_ed25519", "G14"),
        (".gnupg/private-keys-v1.d/x.key", "G14"),
        (".bash_history", "G16"),
        (".zshenv", "X3"),
        // It is older, and has grown.
        (".bashrc", "X3"),
    ] {
        let path = scene.write(&format!("home/{name}"), "CANARY");
        assert_eq!(scene.rows(), [format!("{row} home/{name}")]);
        let found = scene.look().residues;
        assert_eq!(found[0].can_clean, row != "X3", "{name}");
        if found[0].can_clean {
            clean(&found[0]).unwrap();
            assert_eq!(scene.rows(), [""; 0]);
        } else {
            assert!(clean(&found[0]).is_err());
            fs::remove_file(path).unwrap();
        }
    }
    symlink("/dev/shm/x", scene.place.0.join("home/.netrc")).unwrap();
    assert_eq!(scene.rows(), ["G6 home/.netrc"], "a link counts too");
    scene.write("work/.netrc", "not in a home directory");
    assert_eq!(scene.rows().len(), 1);
}

#[test]
fn urls_in_what_was_installed_are_found_and_rewritten() {
    let scene = Scene::new();
    let lock =
        "{\n \"a\": \"https://u:CANARY@h/a\", \"b\": \"https://u:CANARY@h/b\",\n \"c\": 1\n}";
    scene.write("work/app/package-lock.json", lock);
    scene.write(
        "work/x.dist-info/direct_url.json",
        "{\"url\":\"https://u:CANARY@h/p\"}",
    );
    scene.write("home/.config/go/env", "GOPROXY=https://u:CANARY@proxy\n");
    scene.write("work/app/.npmrc", "# _auth=x\n//h/:_authToken=CANARY\n");
    assert_eq!(
        scene.rows(),
        [
            "G14 work/app/.npmrc:2",
            "G15 home/.config/go/env:1",
            "G15 work/app/package-lock.json:2",
            "G15 work/x.dist-info/direct_url.json:1",
        ]
    );
    let settled = settle_all(scene.look());
    assert_eq!((settled.cleaned.len(), settled.kept.len()), (3, 1));
    assert!(settled.kept[0].kind.is_credential(), "the token stays");
    assert_eq!(
        scene.read("work/app/package-lock.json"),
        "{\n \"a\": \"https://h/a\", \"b\": \"https://h/b\",\n \"c\": 1\n}"
    );
}

#[test]
fn rights_that_files_give_are_found_and_left() {
    let scene = Scene::new();
    for (name, mode) in [
        ("suid", 0o4755),
        ("sgid", 0o2755),
        // Mandatory locking, no right.
        ("lock", 0o2644),
        ("plain", 0o755),
        ("capable", 0o755),
    ] {
        let path = scene.write(&format!("work/{name}"), "x");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    // Version 2, permitted and inheritable (capabilities(7)): CAP_NET_RAW.
    let mut capability = vec![0_u8; 20];
    capability[3] = 2;
    capability[5] = 0x20;
    let path = scene.place.0.join("work/capable");
    attribute::set(&path, c"security.capability", &capability).unwrap();
    assert_eq!(
        scene.rows(),
        ["X1 work/capable", "X1 work/sgid", "X1 work/suid"]
    );
    let settled = settle_all(scene.look());
    assert!(!has_hit(&settled), "planted code is reported");
    assert_eq!((settled.cleaned.len(), settled.kept.len()), (0, 3));
}

#[test]
fn hooks_count_in_repositories_and_if_they_can_be_run() {
    let scene = Scene::with_config(CLEAN);
    for (name, mode) in [
        ("app/.git/hooks/post-checkout", 0o755),
        ("app/.git/hooks/pre-push", 0o644),
        ("app/.git/hooks/update.sample", 0o755),
        ("app/hooks/build", 0o755),
    ] {
        let path = scene.write(&format!("work/{name}"), "x");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    assert_eq!(scene.rows(), ["X3 work/app/.git/hooks/post-checkout"]);
}

#[test]
fn what_is_unread_by_one_user_and_read_by_another_was_looked_at() {
    let residue = |name: &str, kind| Residue::new(name.as_ref(), None, kind, false);
    let found = |residues| Found {
        residues,
        ..Found::default()
    };
    let mut one = found(vec![
        residue("/a", Kind::Unreadable),
        residue("/b", Kind::Unreadable),
        residue("/c", Kind::Netrc),
    ]);
    one.join(&found(vec![
        residue("/b", Kind::Unreadable),
        residue("/d", Kind::Unreadable),
        residue("/e", Kind::GitHook),
    ]));
    let names: Vec<_> = one.residues.iter().map(Residue::place).collect();
    assert_eq!(names, ["/b", "/c", "/e"]);
}

#[test]
fn a_root_that_may_not_read_all_sees_with_the_other_user_s_eyes() {
    let scene = Scene::new();
    for path in ["", "home", "work"] {
        let path = scene.place.0.join(path);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = scene.write("home/.config/git/config", "[credential]\nhelper = store\n");
    let shut = path.ancestors().nth(2).unwrap().to_owned();
    for path in [&path, &shut] {
        chown(path, Some(Uid::from_raw(1000)), None).unwrap();
    }
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o700)).unwrap();
    // The thread that gives up its rights is not the one that tidies up.
    let work = || {
        // As `cap_drop: ALL` with SETUID and SETGID leaves it.
        for capability in [
            Capability::CAP_DAC_OVERRIDE,
            Capability::CAP_DAC_READ_SEARCH,
        ] {
            caps::drop(None, CapSet::Effective, capability).unwrap();
        }
        let [work, home] = ["work", "home"].map(|name| scene.place.0.join(name));
        let (roots, homes, marks) = ([work], [home], [scene.mark]);
        let identity = agent();
        let places = Places {
            roots: &roots,
            homes: &homes,
            marks: &marks,
            report: None,
            patience: Duration::from_mins(1),
            setup: &identity,
        };
        let alone: Vec<_> = look(&places)
            .residues
            .iter()
            .map(|one| scene.row(one))
            .collect();
        assert_eq!(alone, ["Z6 home/.config"]);
        let found = look_as(&places, &[&identity]).unwrap();
        found
            .residues
            .iter()
            .map(|one| scene.row(one))
            .collect::<Vec<_>>()
    };
    let rows = std::thread::scope(|scope| scope.spawn(work).join().unwrap());
    assert_eq!(rows, ["G4 home/.config/git/config:2"]);
}

#[test]
fn four_hundred_levels_are_looked_at_below_a_path_of_any_length() {
    let scene = Scene::new();
    let work = scene.place.0.join("work");
    let token = (
        "package-lock.json",
        "\"resolved\": \"https://u:p@host/x.tgz\"\n",
    );
    let deep = Deep::below(&work, 400, "node_modules-and-more", token);
    let found = scene.look();
    let kinds = found.residues.iter().map(|one| one.kind);
    assert_eq!(kinds.filter(|kind| *kind == Kind::ArtefactUrl).count(), 400);
    assert_eq!(found.residues.len(), 400);
    drop(deep);
}

#[test]
fn a_look_that_takes_too_long_ends_and_is_a_finding_with_its_way_out() {
    let scene = Scene::new();
    for number in 0..200 {
        scene.write(&format!("work/{number}"), "");
    }
    let work = scene.place.0.join("work");
    let found = look(&Places {
        roots: std::slice::from_ref(&work),
        homes: &[],
        marks: &[scene.mark],
        report: None,
        patience: Duration::ZERO,
        setup: &agent(),
    });
    let [residue] = found.residues.as_slice() else {
        panic!("{:?}", found.residues);
    };
    assert_eq!(residue.kind, Kind::Unfinished);
    assert!(residue.path.starts_with(&work) && residue.kind.is_credential());
    assert!(residue.remedy().contains("\"on_hit\": \"report\""));
    assert!(found.seen < 200);
}

#[test]
fn what_setup_s_user_could_not_have_written_is_no_trace_of_it_however_much_of_it_there_is() {
    let scene = Scene::new();
    for path in ["", "home", "work"] {
        let path = scene.place.0.join(path);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let helper = "[credential]\nhelper = store\n";
    // More of the image's than are listed, before and after.
    for number in 0..1_100 {
        scene.write(&format!("work/{number}/etc/gitconfig"), helper);
    }
    let own = scene.write("work/own/etc/gitconfig", helper);
    chown(&own, Some(Uid::from_raw(1000)), None).unwrap();
    let [work, home] = ["work", "home"].map(|name| scene.place.0.join(name));
    let (roots, homes, marks, agent) = ([work], [home], [scene.mark], agent());
    let places = Places {
        roots: &roots,
        homes: &homes,
        marks: &marks,
        report: None,
        patience: Duration::from_mins(1),
        setup: &agent,
    };
    let found = look_as(&places, &[&agent]).unwrap();
    let rows: Vec<_> = found.residues.iter().map(|one| scene.row(one)).collect();
    assert_eq!(rows, ["G4 work/own/etc/gitconfig:2"]);
    assert_eq!(found.more, 0);
}
