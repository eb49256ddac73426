//! The catalogue's rows about what setup may leave: each is planted as git or a
//! tool does it, and found, wiped or killed. Rows that other claims are about
//! are named with them in `docs/security.md`.

use serde_json::{Value, json};

use crate::harness::{Layer, program, wait_for};
use crate::hunt;
use crate::rules::{APP, Rules, TOKEN, mischief_with_token, refusal, sh, sh_with_token};

/// `$E`: the value as a part of a URL. `$A`: main's home, in which all stays.
const WORDS: &str = r#"E=$(printf %s "$TOKEN" | sed 's/%/%25/g; s,/,%2F,g; s/+/%2B/g; s/@/%40/g; s/:/%3A/g; s/#/%23/g; s/ /%20/g; s/é/%C3%A9/g')
A=/home/app; git() { /usr/bin/git "$@"; }
"#;

fn planting(line: &str) -> Value {
    sh_with_token(&format!("{WORDS}{line}"))
}

/// Nobody may start on what this leaves; each of the parts is in the refusal.
#[track_caller]
fn expect_found(line: &str, parts: &[&str]) {
    let outcome = Rules::of(&[planting(line)]).main(&["say", "main"]).run();
    let said = refusal(&outcome, 121);
    for part in parts {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// This leaves nothing: main starts, and nobody finds the value.
#[track_caller]
fn expect_clean(command: Value, said: &str) {
    let layer = Layer::new();
    let scene = Rules::of(&[command]).command(&["/mischief", "say", "main", "others"]);
    let outcome = scene.on(&layer).run();
    let wanted = format!("{said}main\nothers 0\n");
    assert_eq!(outcome.stdout, wanted, "{}", outcome.stderr);
    assert!(hunt::in_layer(&layer, outcome.value(TOKEN)).is_empty());
}

#[test]
fn g1_a_token_in_the_url_of_a_remote() {
    let line = r#"git init -q . && git remote add origin "https://u:$E@host/r""#;
    expect_found(line, &["/workspace/.git/config:", "(G1)", "percent"]);
}

#[test]
fn g2_the_same_in_submodules_though_the_remote_is_clean() {
    let line = r#"git init -q . && git remote add origin https://host/r &&
        git config submodule.m.url "https://u:$E@host/m" && git init -q --bare .git/modules/m &&
        git config -f .git/modules/m/config remote.origin.url "https://u:$E@host/m""#;
    let parts = [
        "/workspace/.git/config:",
        "/workspace/.git/modules/m/config:",
        "(G2)",
    ];
    expect_found(line, &parts);
}

#[test]
fn g3_a_header_with_the_token_in_base64() {
    let line = r#"git init -q . && git config http.https://host/.extraHeader "Authorization: Basic $(printf 'x-access-token:%s' "$TOKEN" | base64 -w 0)""#;
    expect_found(line, &["/workspace/.git/config:", "(G3)", "base64"]);
}

/// git's own hand, with `$H` as its home.
const APPROVE: &str = r#"printf 'protocol=https\nhost=h\nusername=u\npassword=%s\n\n' "$TOKEN" |
    HOME=$H XDG_CONFIG_HOME= XDG_CACHE_HOME= /usr/bin/git -c credential.helper="$W" credential approve"#;

#[test]
fn g4_the_helper_that_stores() {
    let stored = format!("W=store H=$A; {APPROVE}");
    expect_found(&stored, &["/home/app/.git-credentials", "(G4)", "percent"]);
    expect_found(
        "HOME=$A git config --global credential.helper store",
        &["/home/app/.gitconfig:", "(G4)"],
    );
    expect_clean(planting(&format!("W=store H=$HOME; {APPROVE}")), "");
}

#[test]
fn g5_the_helper_that_caches() {
    let ask = r"printf 'protocol=https\nhost=h\n\n' | HOME=$H XDG_CACHE_HOME= /usr/bin/git credential-cache get | grep -c ^password=";
    let cached = format!("W=cache H=$HOME; {APPROVE}; {ask}");
    expect_clean(planting(&cached), "1\n");
    // Its socket stays where it was made, and nobody answers.
    let cached = format!("W=cache H=$A; {APPROVE}");
    let parts = ["/home/app/.cache/git/credential/socket", "(G5)"];
    expect_found(&cached, &parts);
}

#[test]
fn g6_a_netrc() {
    let line = r#"echo "machine h login u password $TOKEN" > "$A/.netrc""#;
    expect_found(line, &["/home/app/.netrc", "(G6)", "plain"]);
    expect_clean(planting(&line.replace("$A", "$HOME")), "");
}

#[test]
fn g7_what_git_notes_of_a_fetch() {
    let line = r#"git init -q . && echo "0 branch 'x' of https://u:$E@h/r" > .git/FETCH_HEAD &&
        mkdir -p .git/logs && echo "0 0 n <e> 0 +0000 clone: from https://u:$E@h/r" > .git/logs/HEAD"#;
    let parts = ["/workspace/.git/FETCH_HEAD", "/workspace/.git/logs/HEAD"];
    expect_found(line, &parts);
}

#[test]
fn g8_a_trace_of_git() {
    let line = r#"GIT_TRACE=/workspace/trace git ls-remote "https://u:$E@127.0.0.1:1/r" 2> /dev/null || :"#;
    expect_found(line, &["/workspace/trace", "percent"]);
    // With credentials by vestibule there are no traces to begin with.
    let address = json!({ "https://h": { "username": "u", "password": TOKEN } });
    let line = r#"echo "trace ${GIT_TRACE-none} ${GIT_TRACE_CURL-none} ${GIT_CURL_VERBOSE-none}""#;
    let command = json!({ "argv": ["/bin/sh", "-c", line], "git": true });
    let mut scene = Rules::of(&[command])
        .setup("git", address)
        .main(&["say", "main"]);
    for name in ["GIT_TRACE", "GIT_TRACE_CURL", "GIT_CURL_VERBOSE"] {
        scene = scene.env(name, "/workspace/trace");
    }
    assert_eq!(
        scene.run().expect_code(0).stdout,
        "trace none none none\nmain\n"
    );
}

#[test]
fn g9_a_clone_that_failed() {
    let line = r#"git clone -q "https://u:$E@127.0.0.1:1/r" app 2> /dev/null || echo failed"#;
    expect_clean(planting(line), "failed\n");
}

#[test]
fn g10_a_url_that_stands_in_for_others() {
    let line = r#"HOME=$A git config --global "url.https://u:$E@h/.insteadOf" https://h/"#;
    expect_found(line, &["/home/app/.gitconfig:", "(G10)", "percent"]);
}

#[test]
fn g11_settings_in_an_included_file() {
    let line = r#"git init -q r && git -C r config include.path ../../creds &&
        git config -f creds http.extraHeader "Authorization: Bearer $TOKEN""#;
    let parts = [
        "/workspace/r/.git/config:",
        "(G11)",
        "/workspace/creds",
        "plain",
    ];
    expect_found(line, &parts);
}

#[test]
fn g13_a_program_that_git_asks_for_the_password() {
    let line = r#"printf '#!/bin/sh\necho "$TOKEN"\n' > "$HOME/ask" && chmod +x "$HOME/ask" &&
        printf 'protocol=https\nhost=h\nusername=u\n\n' | GIT_ASKPASS="$HOME/ask" git credential fill | grep -c ^password="#;
    expect_clean(planting(line), "1\n");
}

#[test]
fn g14_the_files_of_other_tools() {
    let files = [
        ".config/gh/hosts.yml",
        ".config/glab-cli/config.yml",
        ".docker/config.json",
        ".npmrc",
        ".yarnrc.yml",
        ".pypirc",
        ".config/pip/pip.conf",
        ".config/uv/uv.toml",
        ".cargo/credentials.toml",
        ".gem/credentials",
        ".m2/settings.xml",
        ".gradle/gradle.properties",
        ".composer/auth.json",
        ".aws/credentials",
        ".kube/config",
        ".config/gcloud/credentials.db",
        ".azure/accessTokens.json",
        ".ssh/id_ed25519",
        ".gnupg/private-keys-v1.d/key",
        ".terraform.d/credentials.tfrc.json",
    ];
    // What is in them is nobody's value: that they are new is enough, but for
    // those of package managers, which mostly hold no credential.
    let plant = |home: &str| {
        let each = r#"mkdir -p "${f%/*}"; echo https://u:of-a-tool@h/ > "$f""#;
        format!("for f in {}; do f={home}/$f; {each}; done", files.join(" "))
    };
    let found: Vec<String> = files
        .iter()
        .map(|file| format!("/home/app/{file}"))
        .collect();
    let mut parts: Vec<&str> = found.iter().map(String::as_str).collect();
    parts.push("(G14)");
    expect_found(&plant("$A"), &parts);
    expect_clean(planting(&plant("$HOME").replace("of-a-tool", "$TOKEN")), "");
}

#[test]
fn g15_what_was_installed_from_a_url() {
    let line = r#"U=https://u:p@h/r; mkdir -p lib/python3/site-packages/p.dist-info go vendor/v
        echo "{\"resolved\": \"$U\"}" > package-lock.json
        echo "{\"url\": \"$U\"}" > lib/python3/site-packages/p.dist-info/direct_url.json
        echo "source = { git = \"$U\" }" > uv.lock
        echo "GOPROXY=$U" > go/env; git init -q vendor/v && git -C vendor/v remote add o "$U"
        git config -f .lfsconfig lfs.url "https://u:$E@h/lfs"; echo "GET https://u:$E@h/" > install.log"#;
    let parts = [
        "/workspace/package-lock.json:1",
        "/workspace/lib/python3/site-packages/p.dist-info/direct_url.json:1",
        "/workspace/uv.lock:1",
        "/workspace/go/env:1",
        "/workspace/vendor/v/.git/config:",
        "/workspace/.lfsconfig",
        "/workspace/install.log",
        "(G15)",
    ];
    expect_found(line, &parts);
}

#[test]
fn g16_a_history_and_what_a_shell_traces() {
    let line = r#"echo "export TOKEN=..." > "$A/.bash_history"; (set -x; : "$TOKEN") 2> trace"#;
    let parts = [
        "/home/app/.bash_history",
        "(G16)",
        "/workspace/trace",
        "shell",
    ];
    expect_found(line, &parts[..3]);
    let traced = sh_with_token(r#"set -x; : "$TOKEN""#);
    let outcome = Rules::of(&[traced]).main(&["say", "main"]).run();
    let said = &outcome.expect_code(0).stderr;
    assert!(said.contains("***token***"), "{said}");
}

#[test]
fn p5_an_agent_that_stays() {
    let line =
        r#"eval "$(ssh-agent -a "$HOME/agent")" > /dev/null; [ -S "$HOME/agent" ] && echo agent"#;
    expect_clean(planting(line), "agent\n");
}

#[test]
fn f5_the_output_of_one_command_is_not_in_the_next_one_s_pipe() {
    let read = "timeout 1 head -c 4096 < /proc/self/fd/1 > got; wc -c < got; rm got";
    let rules = Rules::of(&[sh_with_token(r#"echo "$TOKEN""#), sh(read)]);
    let outcome = rules.main(&["say", "main"]).run().expect_code(0);
    assert_eq!(outcome.stdout, "***token***\n0\nmain\n");
}

#[test]
fn x2_and_x3_code_that_setup_plants_is_named_and_ends_no_start() {
    let line = r"/usr/bin/git init -q . && echo '#!/bin/sh' > .git/hooks/post-checkout && chmod +x .git/hooks/post-checkout
        /usr/bin/git config -f .git/config core.fsmonitor /tmp/x; echo x > /home/app/.bashrc; echo /tmp/x.so > /etc/ld.so.preload
        cp /bin/true s; chmod u+s s";
    let rules = Rules::of(&[sh(line)]).setup("user", json!("root"));
    // The last command: nothing dynamic may start with such a preload.
    let scene = rules.command(&["/witness", "say", "main"]);
    let outcome = scene.run().expect_code(0);
    for (path, row) in [
        ("/workspace/.git/hooks/post-checkout", "(X3)"),
        ("/workspace/.git/config:", "(X3)"),
        ("/home/app/.bashrc", "(X3)"),
        ("/etc/ld.so.preload", "(X2)"),
        ("/workspace/s", "(X1)"),
    ] {
        let mut pairs = outcome.stderr.lines().zip(outcome.stderr.lines().skip(1));
        let is_it = |(what, place): (&str, &str)| {
            what.starts_with("vestibule: warning: ") && what.ends_with(row) && place.contains(path)
        };
        assert!(pairs.any(is_it), "{path}: {}", outcome.stderr);
    }
}

#[test]
fn x4_a_file_that_tools_take_variables_from() {
    let line = r#"echo "TOKEN=$TOKEN" > .env; mkdir -p "$A/.config/environment.d"; echo "T=$TOKEN" > "$A/.config/environment.d/t.conf""#;
    let parts = [
        "/workspace/.env",
        "/home/app/.config/environment.d/t.conf",
        "plain",
    ];
    expect_found(line, &parts);
}

#[test]
fn z13_what_is_older_than_setup_is_neither_named_nor_removed() {
    let rules = Rules::of(&[sh_with_token(r#": > "$HOME/.cache-of-setup""#)])
        .setup("home", json!("keep"))
        .setup("reuse", json!("trusted"))
        .seal("on_hit", json!("remove"));
    let scene = rules.main_sh("echo main; cat /home/app/.ssh/id_ed25519 /home/app/.netrc");
    let scene = scene.file("/home/app/.ssh/id_ed25519", 0o600, APP, "the host's key\n");
    let scene = scene.file("/home/app/.netrc", 0o600, APP, "the host's, too\n");
    let outcome = scene.run().expect_code(0);
    assert_eq!(outcome.stdout, "main\nthe host's key\nthe host's, too\n");
    assert!(!outcome.stderr.contains("removed"), "{}", outcome.stderr);
}

#[test]
fn z11_what_another_user_made_meanwhile_is_named_and_not_removed() {
    let rules = Rules::of(&[
        sh("echo inside; cat /go"),
        mischief_with_token(&["leave-objects"]),
    ]);
    let scene = rules.command(&["/mischief", "say", "main", "objects"]);
    let mut running = scene.fifo("/go", 0o666).spawn();
    running.line("inside");
    let init = running.init();
    let target = init.0.to_string();
    // Somebody else in the same namespace makes something.
    let entered = program("nsenter")
        .args(["--target", &target, "--ipc", "--mount", "ipcmk", "-Q"])
        .output();
    assert!(entered.expect("nsenter is there").status.success());
    std::fs::write(init.path("root/go"), "").expect("the FIFO is opened");
    wait_for("the end", || {
        running.init().read("stat").is_err().then_some(())
    });
    let outcome = running.finish();
    // Nothing was there before, so the namespace is ours alone: it is named.
    let said = refusal(&outcome, 121);
    assert!(said.contains("message queue"), "{said}");
}
