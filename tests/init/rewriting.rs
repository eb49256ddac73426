//! `-r`: which signal main gets for the one that came.

use crate::claim::{Seen, claims};
use crate::forwarding::{line, listener};
use crate::inits::Init;
use crate::running::send;
use crate::scene::{PATIENCE, Scene};

claims![
    a_rule_rewrites_one_signal,
    "rule 15:2: TERM arrives as INT, HUP as itself",
    |init| rewritten(init, &["15:2"], &[(15, 2), (1, 1)]);
    two_rules_can_swap_signals,
    "rules 1:31 and 31:1: the two arrive swapped",
    |init| rewritten(init, &["1:31", "31:1"], &[(1, 31), (31, 1)]);
    a_signal_that_is_dropped_does_not_hold_up_others,
    "rule 10:0: USR1 never arrives, a later USR2 does",
    dropped;
    stop_signals_of_the_terminal_can_be_rewritten,
    "rules 20:15, 21:10, 22:12: TSTP, TTIN, TTOU arrive as TERM, USR1, USR2",
    |init| rewritten(init, &["20:15", "21:10", "22:12"], &[(20, 15), (21, 10), (22, 12)]);
    real_time_signals_can_be_rewritten,
    "rules 34:12, 12:64: RTMIN arrives as USR2, USR2 as RTMAX",
    |init| rewritten(init, &["34:12", "12:64"], &[(34, 12), (12, 64)]);
];

fn with_rules(init: &Init, rules: &[&str]) -> Option<Scene> {
    let option = init.arguments.rewrite?;
    let words: Vec<&str> = rules.iter().flat_map(|rule| [option, rule]).collect();
    Some(Scene::of(init).with(init.arguments.child?).with(&words))
}

/// Sends the first of each pair, and looks for the second.
fn rewritten(init: &Init, rules: &[&str], pairs: &[(i32, i32)]) -> Seen {
    let Some(scene) = with_rules(init, rules) else {
        return Seen::no_option();
    };
    let running = listener(scene, 63);
    let wrong: Vec<String> = pairs
        .iter()
        .filter_map(|&(sent, wanted)| {
            let before = running.heard(&line(wanted));
            send(running.pid_1(), sent);
            let came = running.hears_often(&line(wanted), before + 1, PATIENCE / 10);
            (!came).then(|| format!("{sent}→{wanted}"))
        })
        .collect();
    // What came besides was not rewritten after all.
    let count = running.heard("signal ") - running.heard(&line(18));
    if wrong.is_empty() && count != pairs.len() {
        return Seen::new(false, format!("{count} instead of {} came", pairs.len()));
    }
    Seen::none_of(&wrong, "wrong:")
}

fn dropped(init: &Init) -> Seen {
    let Some(scene) = with_rules(init, &["10:0"]) else {
        return Seen::no_option();
    };
    let running = listener(scene, 12);
    send(running.pid_1(), 10);
    send(running.pid_1(), 12);
    let ended = running.end();
    let dropped = !ended.said.contains(&line(10));
    Seen::new(
        dropped && ended.code == Some(0),
        if dropped { "dropped" } else { "came" },
    )
}

#[test]
fn rules_take_names_and_numbers_in_any_form() {
    for (rule, sent, wanted) in [
        ("TERM:QUIT", 15, 3),
        ("SIGTERM:SIGQUIT", 15, 3),
        ("term:quit", 15, 3),
        ("15:QUIT", 15, 3),
        ("RTMIN+1:USR1", 35, 10),
        ("USR1:RTMAX-1", 10, 63),
        ("HUP:RTMIN", 1, 34),
        ("PWR:TERM", 30, 15),
    ] {
        for option in ["-r", "--rewrite"] {
            let scene = Scene::of(&Init::vestibule()).with(&[option, rule]);
            let running = listener(scene, wanted);
            send(running.pid_1(), sent);
            assert_eq!(running.end().code, Some(0), "{option} {rule}");
        }
    }
}

#[test]
fn a_policy_rewrites_signals_and_the_command_line_goes_before_it() {
    let policy = r#"{"version": 1, "run": {"signals": {"TERM": "QUIT", "HUP": "USR1"}}}"#;
    let prepare = format!("mount -t tmpfs tmpfs /mnt; echo '{policy}' > /mnt/policy.json");
    let scene = Scene::of(&Init::vestibule()).before(&prepare).with(&[
        "--policy",
        "/mnt/policy.json",
        "-r",
        "HUP:USR2",
    ]);
    let running = listener(scene, 3);
    for (sent, wanted) in [(1, 12), (15, 3)] {
        send(running.pid_1(), sent);
        assert!(running.hears_often(&line(wanted), 1, PATIENCE), "{sent}");
    }
    assert_eq!(running.end().code, Some(0));
}

#[test]
fn malformed_rules_are_refused_before_anything_starts() {
    for rule in [
        "",
        "derp",
        "15",
        "15:",
        ":15",
        ":",
        "TERM:",
        "15:12:10",
        "derp:1",
        "1:derp",
        "65:1",
        "1:65",
        "0:1",
        "-1:1",
        "1:-1",
        "9:1",
        "STOP:TERM",
        "KILL:TERM",
        "1,2:3",
        " 15:2",
        "15: 2",
    ] {
        let ended = Scene::of(&Init::vestibule())
            .with(&["-r", rule])
            .main(&["echo", "started"])
            .run();
        assert_eq!(ended.code, Some(100), "`{rule}`: {}", ended.complained);
        assert_eq!(ended.said, "", "`{rule}`");
        assert_eq!(ended.complained.lines().count(), 3, "{}", ended.complained);
    }
}
