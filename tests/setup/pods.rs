//! Objects of the kernel where their namespace outlives the container, and where
//! nobody can list them.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use serde_json::json;

use crate::harness::{End, Layer, Outcome, Scene, program as command};
use crate::rules::{APP, APP_GROUPS, Rules, mischief_with_token, program, refusal, sh};

/// Runs a claim in an IPC namespace that its scenes share.
fn in_a_pod(claim: fn()) {
    thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWNS).expect("root may");
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("root may");
        claim();
    })
    .join()
    .expect("the claim holds");
}

/// Somebody else of the pod leaves something, as this user.
fn beside(uid: u32, parts: &[&str]) {
    let mut other = command(program());
    let other = other
        .args(parts)
        .uid(uid)
        .gid(uid)
        .env("TOKEN", "another's");
    assert!(
        other
            .stdout(Stdio::null())
            .status()
            .expect("it runs")
            .success()
    );
}

/// A process of setup's user, elsewhere in the pod, that has a segment.
struct Holder(Child);

impl Holder {
    fn of(key: &str) -> Self {
        let mut holder = command(program());
        let holder = holder.args(["segment", key, "wait"]).uid(1000).gid(1000);
        let holder = holder.env("TOKEN", "held").stdout(Stdio::null());
        Self(holder.spawn().expect("it runs"))
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The owners of all segments and message queues of the pod.
fn owners() -> Vec<(&'static str, u32)> {
    let mut owners = Vec::new();
    for (kind, column) in [("shm", 7), ("msg", 7), ("sem", 4)] {
        let list = format!("/proc/thread-self/root/proc/sysvipc/{kind}");
        let text = fs::read_to_string(list).expect("the list is there");
        let lines = text.lines().skip(1);
        owners.extend(lines.filter_map(|line| {
            let uid = line.split_ascii_whitespace().nth(column)?;
            Some((kind, uid.parse().ok()?))
        }));
    }
    owners
}

/// A setup that leaves objects and then `ends`; the second one does nothing.
fn scene(ends: &str) -> (Scene, Layer) {
    let layer = Layer::new();
    let parts = r"[ -e /once ] && exit 0; /mischief segment 77 leave-objects";
    let line = format!("{parts}; echo inside; {ends}");
    let rules =
        Rules::of(&[json!({ "argv": ["/bin/sh", "-c", line], "env": { "TOKEN": "token" } })]);
    let main = [
        "/mischief",
        "say",
        "main",
        "objects",
        "has-queue",
        "/left",
        "has-queue",
        "/older",
    ];
    let scene = rules.bare(&main).on(&layer).shared_objects();
    (scene, layer)
}

fn as_app(scene: Scene) -> Scene {
    scene.user(1000, 1000, &APP_GROUPS)
}

#[test]
fn what_a_setup_that_failed_left_in_a_pod_is_gone_with_its_end() {
    in_a_pod(|| {
        for (end, code) in [("exit 1", 120), ("sleep 100", 143)] {
            // Others, and the same user before: theirs stay.
            for (uid, key) in [(1000, "1"), (1001, "2"), (0, "3")] {
                beside(uid, &["segment", key]);
            }
            let before = owners();
            let (scene, layer) = scene(end);
            let mut running = scene.clone().spawn();
            running.line("inside");
            if code == 143 {
                running.signal(15);
            }
            let outcome = running.finish().expect_code(code);
            assert_eq!(owners(), before, "{}", outcome.stderr);
            expect_main(&scene, &layer);
            assert_eq!(owners(), before);
            clear();
        }
    });
}

/// The start after it has a main, which finds no queue of setup's.
#[track_caller]
fn expect_main(scene: &Scene, layer: &Layer) -> Outcome {
    fs::write(layer.at("/once"), "").expect("the layer is there");
    let outcome = scene.clone().run().expect_code(0);
    assert!(outcome.stdout.starts_with("main\n"), "{}", outcome.stderr);
    let [left, older] = ["queue 2", "queue 0"].map(|line| {
        let lines = outcome.stdout.lines();
        lines.filter(|said| *said == line).count()
    });
    assert!(left >= 1 && older <= 1, "{}", outcome.stdout);
    outcome
}

fn kill_in_setup(scene: &Scene) {
    let mut running = scene.clone().spawn();
    running.line("inside");
    running.signal(9);
    assert_eq!(running.finish().end, End::Signal(9));
}

#[test]
fn what_a_setup_that_was_killed_left_in_a_pod_is_gone_before_main_and_nobody_else_s() {
    in_a_pod(|| {
        for as_user in [as_app, |scene| scene] {
            // The same user's, from before; a queue of it too, that is used meanwhile.
            beside(1000, &["segment", "1", "queue", "/older"]);
            let older = owners();
            let (scene, layer) = scene("sleep 100");
            let scene = as_user(scene);
            kill_in_setup(&scene);
            beside(1000, &["queue", "/older"]);
            // Another user's and root's, made since; and one that somebody has.
            beside(1001, &["segment", "2"]);
            beside(0, &["segment", "3"]);
            let holder = Holder::of("4");
            crate::harness::wait_for("the segment", || {
                let own = owners()
                    .iter()
                    .filter(|(kind, uid)| (*kind, *uid) == ("shm", 1000))
                    .count();
                (own == older.iter().filter(|(_, uid)| *uid == 1000).count() + 3).then_some(())
            });
            let outcome = expect_main(&scene, &layer);
            let mut kept = owners();
            drop(holder);
            kept.sort_unstable();
            let mut wanted = older.clone();
            for other in [("shm", 1001), ("shm", 0), ("shm", 1000)] {
                if !wanted.contains(&other) || other.1 == 1000 {
                    wanted.push(other);
                }
            }
            wanted.sort_unstable();
            assert_eq!(kept, wanted, "{}", outcome.stderr);
            assert!(
                outcome.stdout.ends_with("queue 0\n"),
                "the older queue is there"
            );
            clear();
        }
    });
}

/// Takes all objects of the pod away.
fn clear() {
    assert!(
        command("ipcrm")
            .arg("--all")
            .status()
            .expect("it runs")
            .success()
    );
}

#[test]
fn without_a_word_of_what_is_older_nothing_is_removed_and_all_of_it_is_named() {
    in_a_pod(|| {
        beside(1000, &["segment", "1"]);
        beside(1001, &["segment", "2"]);
        let before = owners();
        let layer = Layer::new();
        let rules = Rules::of(&[sh("echo setup")]);
        let journal = "vestibule-journal 1\nstate setup-running\ntime 1\nend\n";
        let scene = rules.main(&["say", "main"]).shared_objects().on(&layer);
        let scene = scene.file("/workspace/.vestibule-journal", 0o644, APP, journal);
        let said = refusal(&scene.clone().run(), 121);
        assert!(said.contains("shared memory segment"), "{said}");
        assert!(said.contains("`ipcrm`"), "{said}");
        assert_eq!(owners(), before);
        clear();
        assert_eq!(scene.run().expect_code(0).stdout, "setup\nmain\n");
    });
}

#[test]
fn by_a_journal_that_main_could_have_forged_no_object_of_root_is_removed() {
    in_a_pod(|| {
        beside(0, &["segment", "1"]);
        let before = owners();
        let rules = Rules::of(&[sh("echo setup")]).setup("user", json!("root"));
        let journal = "vestibule-journal 1\nstate setup-running\ntime 1\nobjects ///\nend\n";
        let scene = rules.main(&["say", "main"]).shared_objects();
        let scene = scene.file("/workspace/.vestibule-journal", 0o644, APP, journal);
        let said = refusal(&scene.run(), 121);
        assert!(said.contains("shared memory segment"), "{said}");
        assert_eq!(owners(), before);
    });
}

#[test]
fn without_a_list_of_queues_setup_can_make_none() {
    let parts = mischief_with_token(&["queue", "/left", "segment", "77"]);
    let usual = Rules::of(&[parts]);
    let main = ["/mischief", "say", "main", "has-queue", "/left"];
    let made = "queue 0\nsegment 0\nmain\nqueue 2\n";
    let refused = "queue 38\nsegment 0\nmain\nqueue 2\n";
    let absent = usual.clone().without_queues();
    let covered = usual.command(&main).tmpfs("/dev/mqueue", "", "mode=1777");
    // The queues of somebody else's namespace.
    let others = Layer::new();
    let path = others.path().to_owned();
    let of_others = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWNS).expect("root may");
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("root may");
        mount(Some("none"), &path, Some("mqueue"), MsFlags::empty(), none).expect("root may");
        let rules = Rules::of(&[mischief_with_token(&["queue", "/left", "segment", "77"])]);
        let rules = rules.without_queues();
        let scene = rules.command(&["/mischief", "say", "main", "has-queue", "/left"]);
        scene
            .volume(&path, "/dev/mqueue")
            .run()
            .expect_code(0)
            .stdout
    });
    assert_eq!(usual.command(&main).run().expect_code(0).stdout, made);
    assert_eq!(absent.command(&main).run().expect_code(0).stdout, refused);
    assert_eq!(covered.run().expect_code(0).stdout, refused);
    assert_eq!(of_others.join().expect("the scene runs"), refused);
}

#[test]
fn without_a_list_of_system_v_objects_setup_can_make_none() {
    let rules = Rules::of(&[mischief_with_token(&["segment", "77", "queue", "/left"])]);
    let scene = rules.main(&["say", "main"]);
    let scene = scene.directory("/empty", 0o755, (0, 0));
    let scene = scene.mount_again("/empty", "/proc/sysvipc");
    assert_eq!(
        scene.run().expect_code(0).stdout,
        "segment 38\nqueue 0\nmain\n"
    );
}
