//! The place of vestibule's own file: a health check and `vestibule exec` run what is
//! there, with rights that main does not have. A root main cannot put another program
//! there; where it could, the start line says so.
//!
//! In: `/vestibule` as a file of the writable root, as an image has it. Out: a shell's
//! list of what went through, which is to be empty; and what a health check finds.

use crate::harness::{Running, Scene, capability, vestibule};
use crate::level::{WITHHELD, at_work, end, health, root_shell, session};

/// How programs replace a file, `$1`; each that is not refused says so.
const REPLACE: &str = r#"
    went() {
        what=$1; shift
        printf '#!/bin/sh\necho planted\n' > /srv/planted; chmod 755 /srv/planted
        if "$@" > /dev/null 2>&1; then echo "went $what"; fi
    }
    went 'mv away' mv "$1" /srv/away
    went 'mv beside' mv "$1" "$1.old"
    went 'mv over' mv -f /srv/planted "$1"
    went 'rm' rm -f "$1"
    went 'unlink' unlink "$1"
    went 'ln -f' ln -f /srv/planted "$1"
    went 'ln -sf' ln -sf /srv/planted "$1"
    went 'install' install -m 755 /srv/planted "$1"
    went 'cp' cp /srv/planted "$1"
    went 'cp --remove-destination' cp --remove-destination /srv/planted "$1"
    went 'write' sh -c 'echo >> "$1"' sh "$1"
    went 'truncate' truncate -s 0 "$1"
    went 'write by another name' sh -c 'ln "$1" /srv/other && echo >> /srv/other' sh "$1"
    went 'sed -i' sed -i s/a/b/ "$1"
    went 'perl rename' perl -e 'rename($ARGV[0], "/srv/perl") or exit 1' "$1"
    directory=${1%/*}
    if [ -n "$directory" ]; then
        went 'mv of the directory' mv -T "$directory" /srv/directory
        went 'mv of the directory beside' mv -T "$directory" "$directory.old"
        went 'rm -r' rm -rf "$directory"
    fi
    went 'bind mount' mount --bind /srv/planted "$1"
    echo over
"#;

/// Main tries all that on `path`, and then waits.
fn script(path: &str) -> String {
    format!("set -- {path}; {REPLACE} echo ready; sleep 600 & wait")
}

fn of_root(scene: Scene) -> Scene {
    scene.copied().directory("/srv", 0o755, (0, 0))
}

/// Only a variable is withheld; so there is no file to hide, and no rule on one.
fn variable_withheld(script: &str) -> Scene {
    let policy = r#"{ "version": 1, "secrets": { "dropped": { "from": "env:DROPPED" } },
        "run": { "inherit": ["PATH"] } }"#;
    Scene::command(&["/bin/sh", "-c", script])
        .policy(policy)
        .env("PATH", "/usr/bin:/bin")
        .env_secret("DROPPED")
        .capabilities(capability::DOCKER)
}

/// Every means by which something is withheld from a root main.
fn levels(script: &str) -> [(&'static str, Scene); 4] {
    let without = r#"{ "version": 1, "run": { "capabilities": [], "inherit": ["PATH"] } }"#;
    let shell = || Scene::command(&["/bin/sh", "-c", script]).env("PATH", "/usr/bin:/bin");
    [
        ("Landlock file rules", root_shell(script)),
        (
            "withholds `dropped`, out of its reach by a Landlock domain",
            variable_withheld(script),
        ),
        ("an unmount", shell().secret("github-token")),
        (
            "file permissions",
            shell()
                .secret_at(WITHHELD, 0o400, (1000, 1000), str::to_owned)
                .policy(without)
                .capabilities(capability::DOCKER),
        ),
    ]
}

fn went(said: &str) -> Vec<&str> {
    assert!(said.lines().any(|line| line == "over"), "{said}");
    let lines = said.lines();
    lines.filter(|line| line.starts_with("went ")).collect()
}

/// What is at the path is vestibule, and tells of a main at work.
fn expect_health(running: &Running) {
    let outcome = health(running).expect_code(0);
    assert_eq!((outcome.stdout, outcome.stderr), Default::default());
}

#[test]
fn a_root_main_cannot_put_another_program_in_the_place_of_vestibule() {
    for (means, scene) in levels(&script("/vestibule")) {
        let running = at_work(of_root(scene));
        expect_health(&running);
        let outcome = end(running);
        assert_eq!(went(&outcome.stdout), Vec::<&str>::new(), "{means}");
        let said = &outcome.stderr;
        assert!(said.contains(means), "{means}: {said}");
        assert!(!said.contains("health check"), "{means}: {said}");
    }
}

#[test]
fn nor_can_a_session_of_exec() {
    for (means, scene) in levels("echo ready; sleep 600 & wait") {
        let running = at_work(of_root(scene));
        let attack = format!("set -- /vestibule; {REPLACE}");
        let mut session = session(&["exec", "/bin/sh", "-c", &attack]).env("PATH", "/usr/bin:/bin");
        if means.contains("unmount") {
            // As the container has them.
            session = session.capabilities(capability::ALL);
        }
        if means.contains("dropped") {
            // A session of the engine has the container's variables.
            session = session.env("DROPPED", running.value("DROPPED"));
        }
        let outcome = running.beside(session).finish().expect_code(0);
        assert_eq!(went(&outcome.stdout), Vec::<&str>::new(), "{means}");
        expect_health(&running);
        end(running);
    }
}

/// Where nothing is withheld there is nothing to keep, and nothing changes.
#[test]
fn where_nothing_is_withheld_root_replaces_what_it_likes() {
    let scene = Scene::command(&["/bin/sh", "-c", &script("/vestibule")])
        .env("PATH", "/usr/bin:/bin")
        .capabilities(capability::DOCKER);
    let running = at_work(of_root(scene));
    let outcome = end(running);
    let through = went(&outcome.stdout);
    for way in ["mv away", "mv over", "rm", "ln -f", "write", "perl rename"] {
        let is_through = through.contains(&&*format!("went {way}"));
        assert!(is_through, "{way} is no attack: {through:?}");
    }
}

/// vestibule at another path, started by it.
fn at(path: &str, script: &str) -> Scene {
    let words = [path, "--", "/bin/sh", "-c", script];
    Scene::raw(&words)
        .init("/usr/bin/env")
        .copy(vestibule(), path)
        .env("PATH", "/usr/bin:/bin")
        .secret("github-token")
        .capabilities(capability::DOCKER)
        .directory("/srv", 0o755, (0, 0))
}

#[test]
fn in_directories_of_its_own_it_stays_as_well_as_the_directories() {
    let path = "/opt/own/vestibule";
    let running = at_work(at(path, &script(path)));
    let outcome = end(running);
    assert_eq!(went(&outcome.stdout), Vec::<&str>::new());
    assert!(
        !outcome.stderr.contains("health check"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_link_that_leads_to_it_stays_too() {
    let scene = at("/own/vestibule", &script("/start")).asking(&[
        "/start",
        "--",
        "/bin/sh",
        "-c",
        &script("/start"),
    ]);
    let running = at_work(scene.link("/start", "own/vestibule"));
    let outcome = end(running);
    assert_eq!(went(&outcome.stdout), Vec::<&str>::new());
    assert!(
        !outcome.stderr.contains("health check"),
        "{}",
        outcome.stderr
    );
}

/// By a second mount of its directory.
#[test]
fn another_path_to_it_is_no_way_around() {
    let path = "/own/vestibule";
    let script = script("/again/vestibule");
    let scene = at(path, &script).directory("/again", 0o755, (0, 0));
    let running = at_work(scene.mount_again("/own", "/again"));
    let outcome = end(running);
    assert_eq!(went(&outcome.stdout), Vec::<&str>::new());
    assert!(
        !outcome.stderr.contains("health check"),
        "{}",
        outcome.stderr
    );
}

/// What is mounted can be neither removed nor renamed, and so `/` is left as it is.
#[test]
fn a_vestibule_that_is_a_mount_of_its_own_needs_no_rule() {
    let script = "echo a > /note && rm /note && echo removed";
    let words = ["/mounted", "--", "/bin/sh", "-c", script];
    let outcome = Scene::raw(&words)
        .init("/usr/bin/env")
        .volume(vestibule(), "/mounted")
        .env("PATH", "/usr/bin:/bin")
        .secret("github-token")
        .capabilities(capability::DOCKER)
        .run()
        .expect_code(0);
    assert_eq!(outcome.stdout, "removed\n");
    assert!(
        !outcome.stderr.contains("health check"),
        "{}",
        outcome.stderr
    );
}

/// `vestibule` in a directory of others: to fix it there would be to refuse every
/// `pip install` its work. The start line says what that leaves open.
#[test]
fn beside_other_programs_it_can_be_replaced_and_the_start_line_says_so() {
    let says = " in this start: as root it could change what the next one trusts and what a health check runs";
    let path = "/opt/bin/vestibule";
    let scene = at(path, &script(path)).file("/opt/bin/other", 0o755, (0, 0), "#!/bin/sh\n");
    let running = at_work(scene.clone());
    let outcome = end(running);
    assert!(went(&outcome.stdout).contains(&"went mv away"));
    assert!(outcome.stderr.contains(says), "{}", outcome.stderr);
    let through_a_link = Scene::raw(&["/tools/start", "--", "/bin/true"])
        .init("/usr/bin/env")
        .copy(vestibule(), "/own/vestibule")
        .link("/tools/start", "/own/vestibule")
        .file("/tools/other", 0o755, (0, 0), "#!/bin/sh\n")
        .secret("github-token")
        .capabilities(capability::DOCKER);
    let said = through_a_link.run().expect_code(0).stderr;
    assert!(said.contains(says), "{said}");
    let words = [path, "--log-format", "json", "--", "/bin/true"];
    let outcome = scene.asking(&words).run().expect_code(0);
    let events = outcome.events();
    let event = events.last().expect("a start line");
    assert_eq!(event["program_replaceable"], true);
    assert_eq!(event["this_start_only"], true);
}

#[test]
fn where_it_cannot_be_kept_in_its_place_the_start_line_says_so() {
    let says = "as root it could change what the next one trusts and what a health check runs";
    let of = |scene: Scene| of_root(scene).run().expect_code(0).stderr;
    let script = "exit 0";
    let kept = of(root_shell(script));
    assert!(
        kept.contains("what the next one trusts") && !kept.contains(says),
        "{kept}"
    );
    // Nobody executes it any more, so it can be written to.
    let replaced = of(root_shell(script).options(&["--exec"]));
    assert!(replaced.contains(says), "{replaced}");
    // What is withheld is gone from its mounts, and there is nothing else to use.
    let [_, variable, unmount, _] = levels(script).map(|(_, scene)| scene.without_landlock(38));
    for scene in [variable, unmount] {
        let said = of(scene);
        assert!(said.contains(says), "{said}");
    }
    let fixed = of(root_shell(script).read_only());
    assert!(!fixed.contains("in this start"), "{fixed}");
}

/// Whose capabilities are stronger than owners and modes is like root here.
#[test]
fn a_user_with_power_over_files_is_kept_from_it_too_and_named() {
    let policy = r#"{ "version": 1, "run": { "user": "app", "inherit": ["PATH"],
        "capabilities": ["DAC_OVERRIDE", "FOWNER"] } }"#;
    let shell = Scene::command(&["/bin/sh", "-c", &script("/vestibule")])
        .env("PATH", "/usr/bin:/bin")
        .secret("github-token")
        .policy(policy);
    let running = at_work(of_root(shell).capabilities(capability::DOCKER));
    let outcome = end(running);
    assert_eq!(went(&outcome.stdout), Vec::<&str>::new());
    let says = " in this start: by its capabilities it could change what the next one trusts";
    assert!(outcome.stderr.contains(says), "{}", outcome.stderr);
}

#[test]
fn the_proof_tries_it_and_shows_it() {
    let running = at_work(of_root(root_shell("echo ready; sleep 600 & wait")));
    let shown = running.beside(session(&["exec", "--prove"])).finish();
    let line = "  refused   replacing `/vestibule`";
    let said = shown.expect_code(0).stdout;
    assert!(said.lines().any(|shown| shown == line), "{said}");
    end(running);
}
