//! A power failure: what was not synchronised is lost, with all that was written
//! after it, and the next start stands on what reached the disk.
//!
//! The layer is a file system of its own in a file, which is told to lose power.

use std::fs;

use serde_json::json;

use crate::cuts::{one_user, usual};
use crate::disk::{Disk, Machine, Volume};
use crate::harness::{End, Scene};
use crate::rules::{APP_GROUPS, Rules, TOKEN, has_main, refusal, sh_with_token};

/// Setup up to its first line, then no power; and the start after it.
fn failed_in_setup(line: &str, is_known: bool) {
    let line = format!("{line} echo inside; [ -e /once ] || cat /go; rm -f planted; : > done");
    let rules = Rules::of(&[sh_with_token(&line)]).setup("skip_if", json!("/workspace/done"));
    let scene = rules.main(&["say", "main", "wait"]).fifo("/go", 0o666);
    for (scene, volume, journals) in [
        (scene.clone(), Volume::None, 2),
        (scene.clone(), Volume::Usual, 2),
        // Nobody but root has one in the layer.
        (as_app(scene.clone()), Volume::Usual, 1),
        (as_app(scene), Volume::Shared, 1),
    ] {
        let Some(machine) = Machine::new(&scene, volume) else {
            return;
        };
        let machine = without_power_after("inside", &scene, machine);
        let found = machine.journals();
        assert_eq!(found.len(), journals, "they were on the disk");
        for journal in found {
            assert!(journal.ends_with("\nend\n"), "{journal}");
        }
        let planted = machine.in_workspace("planted");
        assert_eq!(planted.is_some(), is_known, "the failure is one");
        fs::write(machine.layer().at("/once"), "").expect("the layer is there");
        let mut running = machine.hold(&scene).spawn();
        running.line("main");
        assert!(!machine.has(running.value(TOKEN)));
        running.signal(15);
        assert!(has_main(&running.finish()));
    }
}

fn as_app(scene: Scene) -> Scene {
    scene.user(1000, 1000, &APP_GROUPS)
}

/// A start that loses its power once this line was said, and its disks after it.
fn without_power_after(line: &str, scene: &Scene, machine: Machine) -> Machine {
    let mut running = machine.hold(scene).spawn();
    running.line(line);
    machine.disks(Disk::lose_power);
    running.signal(9);
    assert_eq!(running.finish().end, End::Signal(9));
    machine.come_back()
}

#[test]
fn a_power_failure_in_setup_is_known_to_the_next_start() {
    failed_in_setup(
        r#"printf %s "$TOKEN" > planted; printf %s "$TOKEN" > "$HOME/x";"#,
        false,
    );
}

#[test]
fn what_reached_the_disk_before_a_power_failure_is_gone_before_main() {
    let line = r#"printf %s "$TOKEN" > planted; printf %s "$TOKEN" > "$HOME/x"; sync;"#;
    failed_in_setup(line, true);
}

#[test]
fn a_power_failure_once_main_has_begun_gives_nothing_back_and_leaves_no_debt() {
    for (scene, volume) in [
        (usual(), Volume::None),
        (usual(), Volume::Usual),
        (one_user(), Volume::Usual),
        (one_user(), Volume::Shared),
    ] {
        let Some(machine) = Machine::new(&scene, volume) else {
            return;
        };
        let machine = without_power_after("main", &scene, machine);
        assert_eq!(machine.journals(), Vec::<String>::new());
        let mut running = machine.hold(&scene).spawn();
        running.line("main");
        assert!(!running.has_said("setup"), "it is skipped");
        assert!(!machine.has(running.value(TOKEN)));
        assert_eq!(machine.in_workspace("out").as_deref(), Some("built\n"));
        running.signal(15);
        running.finish();
    }
}

#[test]
fn a_refusal_outlives_a_power_failure() {
    let line = r#"echo setup; printf %s "$TOKEN" > planted; echo built > out"#;
    let scene = Rules::of(&[sh_with_token(line)]).main_sh("echo main; cat out");
    for (scene, volume) in [
        (scene.clone(), Volume::None),
        (scene.clone(), Volume::Usual),
        (as_app(scene.clone()), Volume::Usual),
        (as_app(scene), Volume::Shared),
    ] {
        let Some(machine) = Machine::new(&scene, volume) else {
            return;
        };
        let first = refusal(&machine.hold(&scene).run(), 121);
        machine.disks(Disk::lose_power);
        let machine = machine.come_back();
        let outcome = machine.hold(&scene).run();
        assert_eq!(refusal(&outcome, 121), first);
        assert_eq!(outcome.stdout, "", "setup had been through");
        // And all of its work is there.
        machine.remove_from_workspace("planted");
        let outcome = machine.hold(&scene).run().expect_code(0);
        assert_eq!(outcome.stdout, "main\nbuilt\n", "{}", outcome.stderr);
    }
}
