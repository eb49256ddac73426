//! What commands say: complete, on its own channel, and without the value.

use crate::rules::{Rules, sh, sh_with_token};

#[test]
fn a_value_in_the_output_is_replaced_by_its_name() {
    let line = r#"echo "out: <$TOKEN>"; echo "err: <$TOKEN>" >&2"#;
    let outcome = Rules::of(&[sh_with_token(line)])
        .main(&["say", "main"])
        .run();
    let outcome = outcome.expect_code(0);
    assert_eq!(outcome.said("out: "), Some("<***token***>"));
    assert!(
        outcome.stderr.contains("err: <***token***>\n"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn encoded_and_torn_values_are_replaced_as_well() {
    let line = r#"printf %s "$TOKEN" | base64 -w 0; echo
        printf %s "$TOKEN" | od -An -v -tx1 | tr -d ' \n'; echo
        printf %s "$TOKEN" | head -c 11; sleep 0.2; printf %s "$TOKEN" | tail -c +12; echo
        set -x; : "$TOKEN""#;
    let outcome = Rules::of(&[sh_with_token(line)])
        .main(&["say", "main"])
        .run();
    let outcome = outcome.expect_code(0);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(
        lines[..3].iter().all(|line| line.contains("***token***")),
        "{lines:?}"
    );
    assert!(outcome.stderr.contains("***token***"), "{}", outcome.stderr);
}

#[test]
fn a_value_that_this_command_does_not_have_is_replaced_too() {
    // Printed by a program that learned it otherwise: the masking is of all secrets.
    let rules = Rules::of(&[
        sh_with_token(r#"printf %s "$TOKEN" > "$HOME/kept""#),
        sh(r#"cat "$HOME/kept"; echo"#),
    ]);
    let outcome = rules.main(&["say", "main"]).run().expect_code(0);
    assert_eq!(outcome.stdout, "***token***\nmain\n");
}

#[test]
fn output_is_complete_however_long_and_to_the_last_byte() {
    let line = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; printf end";
    let outcome = Rules::of(&[sh(line)])
        .main(&["say", ""])
        .run()
        .expect_code(0);
    let wanted: Vec<String> = (0..20000)
        .map(|number| format!("line {number}\n"))
        .collect();
    assert!(
        outcome.stdout == wanted.concat() + "end\n",
        "{} bytes",
        outcome.stdout.len()
    );
}

#[test]
fn what_a_command_says_comes_before_what_the_next_one_says() {
    let one = sh("for i in 1 2 3 4 5 6 7 8 9; do printf $i; done; echo");
    let outcome = Rules::of(&[one.clone(), one]).main(&["say", "main"]).run();
    assert_eq!(
        outcome.expect_code(0).stdout,
        "123456789\n123456789\nmain\n"
    );
}

#[test]
fn a_line_is_seen_while_the_command_still_runs() {
    let rules = Rules::of(&[sh("echo early; cat /go")]);
    let mut running = rules.main(&["say", "main"]).fifo("/go", 0o666).spawn();
    running.line("early");
    std::fs::write(running.init().path("root/go"), "").expect("the FIFO is opened");
    running.finish().expect_code(0);
}

#[test]
fn main_s_own_output_is_not_touched() {
    // Permitted to main: what it says of it is its own business.
    let rules = Rules::of(&[sh("true")]);
    let rules = rules.run("env", serde_json::json!({ "TOKEN": "token" }));
    let scene = rules.main_sh(r#"echo main; [ -n "$TOKEN" ] && printf '%s' "$TOKEN" | wc -c"#);
    let outcome = scene.permits(&["token"]).run().expect_code(0);
    let size = outcome.value("token").len().to_string();
    assert_eq!(
        outcome.stdout.lines().nth(1).map(str::trim),
        Some(size.as_str())
    );
}
