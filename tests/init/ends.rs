//! How main's end becomes the init's: exit codes, signals, remapping.

use crate::claim::{Seen, claims, demand};
use crate::inits::Init;
use crate::scene::Scene;

claims![
    every_exit_code_of_main_is_inits_own,
    "main exits 0 to 255: the init's code is the same",
    exit_codes;
    every_signal_that_ends_main_becomes_128_plus_its_number,
    "main killed by each of the 56 signals that end a process, real-time ones too: 128+n",
    ends_by_signal;
    any_exit_code_can_be_counted_as_success,
    "`-e CODE` for each of 256 codes: that code becomes 0",
    success_codes;
    a_code_counted_as_success_leaves_the_other_255_alone,
    "all codes but one remapped: the one survives, for each of 256",
    success_bits;
    commands_need_no_double_dash,
    "`INIT sh -c 'exit 3'` without `--` (want 3)",
    no_double_dash;
    standard_input_reaches_main,
    "`echo 'exit 7' | INIT sh` (want 7)",
    standard_input;
];

fn exit_codes(init: &Init) -> Seen {
    let wrong: Vec<String> = (0..=255_u8)
        .filter_map(|code| {
            let ended = Scene::of(init).shell(&format!("exit {code}")).run();
            (ended.code != Some(code)).then(|| format!("{code}→{}", ended.shown()))
        })
        .collect();
    Seen::none_of(&wrong, "wrong:")
}

/// Signals whose default is to end a process (signal(7)).
fn ending_signals() -> impl Iterator<Item = u8> {
    // CHLD, CONT, URG and WINCH are ignored; STOP, TSTP, TTIN and TTOU stop.
    (1..=64).filter(|number| !matches!(number, 17..=23 | 28))
}

fn ends_by_signal(init: &Init) -> Seen {
    let wrong: Vec<String> = ending_signals()
        .filter_map(|number| {
            let script = format!("ulimit -c 0; kill -{number} $$; exit 1");
            let ended = Scene::of(init).shell(&script).run();
            (ended.code != Some(128 + number)).then(|| format!("{number}→{}", ended.shown()))
        })
        .collect();
    Seen::none_of(&wrong, "wrong:")
}

fn success_codes(init: &Init) -> Seen {
    let Some(option) = init.arguments.success else {
        return Seen::no_option();
    };
    let wrong: Vec<u8> = (0..=255)
        .filter(|code| {
            let scene = Scene::of(init).with(&[option, &code.to_string()]);
            scene.shell(&format!("exit {code}")).run().code != Some(0)
        })
        .collect();
    Seen::none_of(&wrong, "not 0:")
}

fn success_bits(init: &Init) -> Seen {
    let Some(option) = init.arguments.success else {
        return Seen::no_option();
    };
    let wrong: Vec<u8> = (0..=255)
        .filter(|&kept| {
            let others = (0..=255_u8).filter(|&code| code != kept);
            let words: Vec<String> = others
                .flat_map(|code| [option.to_owned(), code.to_string()])
                .collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let scene = Scene::of(init).with(&words);
            scene.shell(&format!("exit {kept}")).run().code != Some(kept)
        })
        .collect();
    Seen::none_of(&wrong, "lost:")
}

fn no_double_dash(init: &Init) -> Seen {
    let scene = Scene::of(init).without_separator();
    let ended = scene.main(&["sh", "-c", "exit 3"]).run();
    Seen::new(ended.code == Some(3), ended.shown())
}

fn standard_input(init: &Init) -> Seen {
    let mut running = Scene::of(init).main(&["sh"]).start();
    running.tell("exit 7\n");
    let ended = running.end();
    Seen::new(ended.code == Some(7), ended.shown())
}

#[test]
fn a_signal_that_is_remapped_is_its_128_plus_n() {
    demand("`-e 143` for a main that dies of TERM", |init| {
        let scene = Scene::of(init).with(&["-e", "143"]);
        let ended = scene.shell("kill -15 $$; exit 1").run();
        Seen::new(ended.code == Some(0), ended.shown())
    });
}

#[test]
fn arguments_reach_main_byte_by_byte() {
    demand("empty and odd arguments", |init| {
        let scene = Scene::of(init).main(&["printf", "[%s]", "", "-g", "--", "a b", "\u{1}é"]);
        let ended = scene.run();
        Seen::same(&ended.said.as_str(), &"[][-g][--][a b][\u{1}é]")
    });
}
