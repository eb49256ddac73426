//! A start that is cut off anywhere, and the next one on the same file system:
//! no main ever finds what setup left.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{End, Layer, Outcome, Scene, capability, wait_for};
use crate::hunt;
use crate::rules::{APP, Rules, TOKEN, has_main, mischief_with_token, refusal, sh, sh_with_token};

const PLANT: &str = r#"printf %s "$TOKEN" > planted; mkdir -p "$HOME/.config"; printf %s "$TOKEN" > "$HOME/.config/gh"; printf %s "$TOKEN" > /tmp/t"#;

#[test]
fn a_refusal_of_the_seal_lasts() {
    let layer = Layer::new();
    let rules = Rules::of(&[sh_with_token(r#"printf %s "$TOKEN" > planted"#)]);
    let rules = rules.setup("skip_if", json!("/workspace/planted"));
    let scene = rules.main(&["say", "main"]).on(&layer);
    for start in 0..3 {
        let outcome = scene.clone().run();
        let said = refusal(&outcome, 121);
        assert!(said.contains("/workspace/planted"), "start {start}: {said}");
    }
    // Whoever removes what was found has mended it.
    fs::remove_file(layer.at("/workspace/planted")).expect("it is there");
    fs::write(layer.at("/workspace/planted"), "").expect("the directory is there");
    let outcome = scene.run().expect_code(0);
    assert_eq!(outcome.stdout, "main\n", "{}", outcome.stderr);
}

#[test]
fn a_refusal_for_a_file_that_holds_no_value_of_ours_lasts_as_well() {
    let layer = Layer::new();
    let line = "echo machine h login u password other > /home/app/.netrc; : > done";
    let rules = Rules::of(&[sh_with_token(line)]);
    let rules = rules.setup("skip_if", json!("/workspace/done"));
    let scene = rules.main(&["say", "main"]).on(&layer);
    // One of the image: older than setup, and nobody's trace.
    let scene = scene.file("/home/app/.git-credentials", 0o600, APP, "https://a:b@c");
    for start in 0..3 {
        let said = refusal(&scene.clone().run(), 121);
        assert!(said.contains("/home/app/.netrc"), "start {start}: {said}");
        assert!(!said.contains(".git-credentials"), "start {start}: {said}");
    }
    fs::remove_file(layer.at("/home/app/.netrc")).expect("it is there");
    assert_eq!(scene.run().expect_code(0).stdout, "main\n");
}

#[test]
fn after_a_refusal_over_a_directory_that_is_new_again_setup_runs_anew() {
    let layer = Layer::new();
    let line = r#"echo setup; echo built > out; [ -e /once ] || printf %s "$TOKEN" > planted"#;
    let rules = Rules::of(&[sh_with_token(line)]);
    let scene = rules.main_sh("echo main; cat out").on(&layer);
    let scene = scene.tmpfs("/workspace", "", "mode=0755,uid=1000,gid=1000");
    refusal(&scene.clone().run(), 121);
    fs::write(layer.at("/once"), "").expect("the layer is there");
    let outcome = scene.run().expect_code(0);
    assert_eq!(outcome.stdout, "setup\nmain\nbuilt\n", "{}", outcome.stderr);
}

#[test]
fn the_journal_is_gone_once_the_seal_has_passed_and_never_has_a_value() {
    // Every claim fails if the value is in what its scene says.
    let layer = Layer::new();
    let rules = Rules::of(&[mischief_with_token(&["journal"]), sh("ls -A; echo empty")]);
    let scene = rules.command(&["/mischief", "say", "main", "journal"]);
    let outcome = scene.on(&layer).run().expect_code(0);
    let said = &outcome.stdout;
    assert!(
        said.starts_with("journal\nvestibule-journal 1\nstate setup-running\n"),
        "{said}"
    );
    assert!(said.ends_with("\nend\nempty\nmain\nno journal\n"), "{said}");
    assert!(!layer.at("/workspace/.vestibule-journal").exists());
    assert!(!layer.at("/var/lib/vestibule/journal").exists());
}

/// What a container that is made anew has lost.
fn lose(layer: &Layer) {
    fs::remove_dir_all(layer.at("/var/lib/vestibule")).expect("it was there");
}

#[test]
fn a_new_container_over_the_same_volume_finds_the_journal_in_it() {
    let all = capability::DOCKER;
    let few = capability::SETUID | capability::SETGID | capability::SETPCAP | capability::KILL;
    for kept in [all, few] {
        let layer = Layer::new();
        let line = r#"printf %s "$TOKEN" > planted; : > done
            echo inside; if [ -e /once ]; then rm planted; else sleep 100; fi"#;
        let rules = Rules::of(&[sh_with_token(line)]);
        let rules = rules.setup("skip_if", json!("/workspace/done"));
        let scene = rules.bare(&["/bin/sh", "-c", "echo main; ls -A"]);
        let scene = scene.capabilities(kept).on(&layer);
        killed_in_setup(&scene);
        lose(&layer);
        fs::write(layer.at("/once"), "").expect("the layer is there");
        let outcome = scene.run().expect_code(0);
        assert_eq!(outcome.stdout, "inside\nmain\ndone\n", "{}", outcome.stderr);
    }
}

#[test]
fn a_setup_without_a_directory_is_made_up_for_as_well() {
    let layer = Layer::new();
    let line = r#"printf %s "$TOKEN" > "$HOME/x"; echo inside; [ -e /once ] || sleep 100"#;
    let rules = Rules::of(&[sh_with_token(line)]).without_directory();
    let scene = rules.main(&["say", "main"]).on(&layer);
    killed_in_setup(&scene);
    fs::write(layer.at("/once"), "").expect("the layer is there");
    assert_eq!(scene.clone().run().expect_code(0).stdout, "inside\nmain\n");
    assert_eq!(scene.run().expect_code(0).stdout, "inside\nmain\n");
}

/// One start that is killed while its setup runs.
fn killed_in_setup(scene: &Scene) {
    let mut running = scene.clone().spawn();
    running.line("inside");
    running.signal(9);
    let outcome = running.finish();
    assert_eq!(outcome.end, End::Signal(9));
}

#[test]
fn after_a_kill_of_pid_1_in_setup_the_next_start_sets_up_anew() {
    let layer = Layer::new();
    let line = format!(
        "{PLANT}; echo inside; if [ -e /once ]; then rm planted /tmp/t; else sleep 100; fi"
    );
    let rules = Rules::of(&[sh_with_token(&line)]);
    let scene = rules.main_sh("echo main; ls -A").on(&layer);
    killed_in_setup(&scene);
    let token = scene.value(TOKEN).to_owned();
    assert!(
        !hunt::in_layer(&layer, &token).is_empty(),
        "the crash leaves the value"
    );
    fs::write(layer.at("/once"), "").expect("the layer is there");
    let outcome = scene.run().expect_code(0);
    assert_eq!(outcome.stdout, "inside\nmain\n", "{}", outcome.stderr);
    assert!(hunt::in_layer(&layer, &token).is_empty());
    let left = fs::read_dir(layer.at("/var/tmp")).expect("it is there");
    assert_eq!(left.count(), 0, "a home of either start is left");
}

#[test]
fn a_home_that_a_forged_journal_names_is_removed_only_if_it_could_be_one() {
    // By a main that writes to setup's directory, each time as if setup had begun
    // long ago: a directory elsewhere, one of another user, a link, a mount.
    for home in [
        "/home/app/kept",
        "/var/tmp/kept",
        "/var/tmp/vestibule-home-other",
        "/var/tmp/vestibule-home-link",
        "/var/tmp/vestibule-home-mount",
        "/var/tmp/vestibule-home-x/../kept",
    ] {
        let layer = Layer::new();
        let rules = Rules::of(&[sh("echo setup")]);
        let scene = rules
            .main_sh("echo main; cat /home/app/kept/file")
            .on(&layer);
        let mut scene = scene
            .file("/home/app/kept/file", 0o644, APP, "kept")
            .file("/var/tmp/kept/file", 0o644, APP, "kept")
            .file("/var/tmp/vestibule-home-other/file", 0o644, (0, 0), "kept")
            .link("/var/tmp/vestibule-home-link", "/home/app/kept")
            .directory("/var/tmp/vestibule-home-x", 0o755, (0, 0));
        if home.ends_with("mount") {
            let point = scene.directory(home, 0o755, APP);
            scene = point.mount_again("/home/app/kept", home);
        }
        let journal =
            format!("vestibule-journal 1\nstate setup-running\ntime 1\nhome 1 1 {home}\nend\n");
        let scene = scene.file("/workspace/.vestibule-journal", 0o644, APP, journal);
        scene.run();
        for kept in [
            "/home/app/kept",
            "/var/tmp/kept",
            "/var/tmp/vestibule-home-other",
        ] {
            let content = fs::read(layer.at(kept).join("file"));
            assert_eq!(
                content.ok().as_deref(),
                Some(&b"kept"[..]),
                "{home}: {kept}"
            );
        }
    }
}

#[test]
fn a_pid_1_without_capabilities_over_files_sets_up_anew_as_well() {
    // It may not remove what setup's user made: only that user may.
    let kept = capability::SETUID | capability::SETGID | capability::SETPCAP | capability::KILL;
    let line = r#"mkdir -m 700 d; printf %s "$TOKEN" > d/planted; printf %s "$TOKEN" > "$HOME/x"
        echo inside; if [ -e /once ]; then rm -r d; else sleep 100; fi"#;
    let rules = Rules::of(&[sh_with_token(line)]);
    for stop in [9, 15] {
        let layer = Layer::new();
        let scene = rules.bare(&["/bin/sh", "-c", "echo main; ls -A"]);
        let scene = scene.capabilities(kept).on(&layer);
        let mut running = scene.clone().spawn();
        running.line("inside");
        running.signal(stop);
        running.finish();
        fs::write(layer.at("/once"), "").expect("the layer is there");
        let outcome = scene.run().expect_code(0);
        assert_eq!(
            outcome.stdout, "inside\nmain\n",
            "{stop}: {}",
            outcome.stderr
        );
        assert!(hunt::in_layer(&layer, outcome.value(TOKEN)).is_empty());
    }
}

/// Files of a host, older than any setup, of which one holds the value.
fn beside_a_host_s_files(scene: Scene) -> Scene {
    let token = scene.value(TOKEN).to_owned();
    let config = "[remote \"o\"]\nurl = https://u:p@host/r\n[credential]\nhelper = store\n";
    let root = (0, 0);
    scene
        .file("/srv/secrets/.env", 0o600, root, token)
        .file("/srv/repo/.git/HEAD", 0o644, root, "ref: refs/heads/main\n")
        .file("/srv/repo/.git/config", 0o644, root, config)
        .file(
            "/home/app/.netrc",
            0o600,
            root,
            "machine h login u password p\n",
        )
}

#[track_caller]
fn expect_a_host_s_files(layer: &Layer, what: &str) {
    assert!(layer.at("/srv/secrets/.env").exists(), "{what}");
    let config = fs::read_to_string(layer.at("/srv/repo/.git/config")).expect("it is there");
    assert!(
        config.contains("u:p@") && config.contains("store"),
        "{what}: {config}"
    );
}

#[test]
fn after_a_kill_what_is_older_than_setup_is_neither_a_finding_nor_removed() {
    for word in ["refuse", "remove"] {
        let layer = Layer::new();
        let line = "echo inside; [ -e /once ] || sleep 100";
        let rules = Rules::of(&[sh_with_token(line)]).seal("on_hit", json!(word));
        let scene = rules.main(&["say", "main"]).on(&layer);
        let scene = beside_a_host_s_files(scene);
        killed_in_setup(&scene);
        fs::write(layer.at("/once"), "").expect("the layer is there");
        let outcome = scene.run().expect_code(0);
        assert_eq!(outcome.stdout, "inside\nmain\n", "{}", outcome.stderr);
        expect_a_host_s_files(&layer, word);
        assert!(layer.at("/home/app/.netrc").exists(), "{word}");
    }
}

#[test]
fn a_journal_that_main_forges_makes_root_remove_nothing() {
    for (state, marks) in [
        ("setup-running", "mark 0 0 /\n"),
        ("setup-running", "mark 0 0 /nowhere\n"),
        ("refused", "mark 0 0 /\n"),
        ("refused", ""),
    ] {
        let layer = Layer::new();
        let text =
            format!("vestibule-journal 1\nstate {state}\ntime 1\nscan /workspace\n{marks}end\n");
        let rules = Rules::of(&[sh_with_token("echo setup")]).seal("on_hit", json!("remove"));
        let rules = rules.setup("skip_if", json!("/workspace/done"));
        let main = ["/mischief", "say", "main", "forge", &text];
        let scene = rules.command(&main).on(&layer);
        let scene = scene.file("/workspace/done", 0o644, APP, "");
        let scene = beside_a_host_s_files(scene);
        scene.clone().run().expect_code(0);
        let outcome = scene.run();
        if marks.is_empty() {
            // By no moment all is older, and setup's user could not have written it.
            assert!(has_main(&outcome), "{}", outcome.stderr);
        } else {
            let said = refusal(&outcome, 121);
            assert!(said.contains("/srv/secrets/.env"), "{said}");
        }
        expect_a_host_s_files(&layer, &text);
    }
}

/// A start that either refuses, or has removed what was left and sets up anew.
pub(crate) fn refused_or_inside(scene: &Scene) -> Outcome {
    let mut running = scene.clone().spawn();
    loop {
        if running.has_said("inside") {
            running.signal(15);
            return running.finish();
        }
        if running.init().read("stat").is_err() {
            return running.finish();
        }
        std::thread::yield_now();
    }
}

#[test]
fn after_a_kill_what_was_left_is_never_main_s_even_if_skip_if_is_there() {
    let layer = Layer::new();
    let line = format!("{PLANT}; : > done; echo inside; sleep 100");
    let rules = Rules::of(&[sh_with_token(&line)]).setup("skip_if", json!("/workspace/done"));
    let scene = rules.main_sh("echo main; cat planted").on(&layer);
    killed_in_setup(&scene);
    let token = scene.value(TOKEN).to_owned();
    let outcome = refused_or_inside(&scene);
    assert!(!has_main(&outcome), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains(&token));
}

#[test]
fn a_scan_that_term_left_owed_is_done_by_the_next_start() {
    let layer = Layer::new();
    let line = r#"mkdir -p /open/x; printf %s "$TOKEN" > /open/x/planted; : > done; echo inside; sleep 100"#;
    let rules = Rules::of(&[sh_with_token(line)]).setup("skip_if", json!("/workspace/done"));
    let scene = rules.main(&["say", "main"]).on(&layer);
    let scene = scene.directory("/open", 0o777, (0, 0));
    let mut running = scene.clone().spawn();
    running.line("inside");
    running.signal(15);
    running.finish().expect_code(143);
    let outcome = scene.run();
    let said = refusal(&outcome, 121);
    assert!(said.contains("/open/x/planted"), "{said}");
}

#[test]
fn a_setup_that_failed_leaves_a_debt_and_no_value_for_a_later_main() {
    let layer = Layer::new();
    let line = r#"[ -e /once ] && { echo again; exit 0; }; printf %s "$TOKEN" > planted; exit 5"#;
    let scene = Rules::of(&[sh_with_token(line)])
        .main_sh("echo main; ls -A")
        .on(&layer);
    refusal(&scene.clone().run(), 120);
    fs::write(layer.at("/once"), "").expect("the layer is there");
    let outcome = scene.run();
    let token = outcome.value(TOKEN).to_owned();
    if has_main(&outcome) {
        assert_eq!(outcome.stdout, "again\nmain\n");
        assert!(hunt::in_layer(&layer, &token).is_empty());
    } else {
        assert!([100, 121].contains(&outcome.code()), "{}", outcome.stderr);
    }
}

/// What main finds, however the start before was cut off.
#[track_caller]
fn expect_no_value_for_main(scene: &Scene, layer: &Layer, moment: Duration) {
    let mut running = scene.clone().spawn();
    let token = running.value(TOKEN).to_owned();
    let mut outcome = None;
    let start = Instant::now();
    while outcome.is_none() {
        if running.has_said("main") {
            assert_eq!(
                hunt::in_layer(layer, &token),
                Vec::<std::path::PathBuf>::new()
            );
            assert_eq!(hunt::in_memory(&running, &token), Vec::<i32>::new());
            running.signal(15);
            outcome = Some(running.finish());
            break;
        }
        if running.init().read("stat").is_err() || start.elapsed() > Duration::from_secs(15) {
            outcome = Some(running.finish());
            break;
        }
        std::thread::yield_now();
    }
    let outcome = outcome.expect("an outcome");
    let said = format!("{moment:?}: {}{}", outcome.stdout, outcome.stderr);
    assert!(has_main(&outcome), "the second start is no start: {said}");
}

#[test]
fn cut_off_at_any_moment_the_next_start_is_clean() {
    // How long a whole start takes here, from which the moments are taken: what
    // is claimed holds at each of them, so none has to be exact.
    let line =
        r#"printf %s "$TOKEN" > planted; printf %s "$TOKEN" > "$HOME/x"; echo setup; rm planted"#;
    let rules = Rules::of(&[sh_with_token(line), sh("echo built > out")]);
    let rules = rules.setup("skip_if", json!("/workspace/out"));
    let scene = rules.main(&["say", "main", "wait"]);
    let whole = {
        let layer = Layer::new();
        let start = Instant::now();
        let mut running = scene.clone().on(&layer).spawn();
        running.line("main");
        let whole = start.elapsed();
        running.signal(15);
        running.finish();
        whole
    };
    for signal in [9, 15] {
        for step in 0..20 {
            let moment = whole.mul_f64(f64::from(step) / 18.0);
            let layer = Layer::new();
            let scene = scene.clone().on(&layer);
            let mut running = scene.clone().spawn();
            // Before its first instructions the kernel keeps TERM from any init.
            wait_for("a PID 1 that hears signals", || {
                let blocked = u64::from_str_radix(&running.init().status("SigBlk"), 16);
                blocked.is_ok_and(|mask| mask != 0).then_some(())
            });
            let start = Instant::now();
            while start.elapsed() < moment {
                std::thread::yield_now();
            }
            let init = running.init();
            running.signal_to(init, signal);
            running.finish();
            expect_no_value_for_main(&scene, &layer, moment);
        }
    }
}
