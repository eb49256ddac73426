//! A setup of root, which can change whatever is writable: what it opens to main,
//! replaces or moves is seen before main starts, and what is honest goes on.

use serde_json::json;

use crate::harness::{Layer, Scene};
use crate::rules::{Rules, has_main, program, refusal, sh, sh_with_token};

/// A setup of root before a main of `app`, with these lines as commands.
fn as_root(lines: &[&str]) -> Rules {
    let (first, rest) = lines.split_first().expect("a line");
    let mut commands = vec![sh_with_token(first)];
    commands.extend(rest.iter().map(|line| sh(line)));
    Rules::of(&commands).setup("user", json!("root"))
}

fn scene(lines: &[&str]) -> Scene {
    as_root(lines).main(&["say", "main"])
}

/// The same with an `on_drop`.
fn revoking(words: &[&str], line: &str) -> Scene {
    let rules = as_root(&[line]).seal("on_drop", json!(words));
    rules.main(&["say", "main"])
}

fn static_program() -> Vec<u8> {
    std::fs::read(program()).expect("it was compiled")
}

#[test]
fn accounts_that_setup_opened_are_refused_until_they_are_mended() {
    let layer = Layer::new();
    let line = "chmod 666 /etc/passwd; echo setup; : > done";
    let rules = as_root(&[line]).setup("skip_if", json!("/workspace/done"));
    let scene = rules.main(&["say", "main"]).on(&layer);
    let outcome = scene.clone().run();
    let said = refusal(&outcome, 100);
    assert_eq!(outcome.stdout, "setup\n");
    let what = "vestibule: after setup, /etc/passwd can be changed by main, and the next start trusts it\n";
    assert!(said.contains(what), "{said}");
    let place = "where: /etc/passwd (owner 0:0, mode 0666); main is uid 1000\n";
    assert!(said.contains(place), "{said}");
    assert!(said.contains("(chmod 0644) at the end of setup"), "{said}");
    assert!(said.contains("make the container anew"), "{said}");
    for asked in [scene.clone(), scene.clone().asking(&["check"])] {
        let outcome = asked.run();
        let said = refusal(&outcome, 100);
        assert!(said.starts_with("vestibule: /etc/passwd can"), "{said}");
        assert_eq!(outcome.stdout, "");
    }
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(layer.at("/etc/passwd"), mode).expect("it is there");
    let outcome = scene.run().expect_code(0);
    assert_eq!(outcome.stdout, "main\n", "setup had been through");
}

#[test]
fn whatever_else_setup_opened_for_the_next_start_is_refused() {
    for (line, word) in [
        (
            "chgrp app /etc/group; chmod 664 /etc/group",
            "/etc/group (owner 0:1000",
        ),
        (
            "chmod 777 /etc/vestibule",
            "/etc/vestibule (owner 0:0, mode 0777)",
        ),
        ("chown app /etc", "/etc (owner 1000:0"),
        ("chmod 1777 /etc; rm /etc/group", "/etc/group could be made"),
        (
            "cd /etc/vestibule; cp policy.json p; chown app p; mv p policy.json",
            "/etc/vestibule/policy.json can be changed",
        ),
        (
            "mkdir /open; cp /etc/passwd /open; chown app /open; ln -sf /open/passwd /etc/passwd",
            "/open (owner 1000:0",
        ),
    ] {
        let outcome = scene(&[line]).run();
        let said = refusal(&outcome, 100);
        assert!(said.contains("vestibule: after setup, "), "{line}: {said}");
        assert!(said.contains(word), "{line}: {said}");
        assert!(said.contains("by main"), "{line}: {said}");
    }
}

#[test]
fn all_that_is_wrong_after_setup_is_said_at_once() {
    let scene = scene(&[r#"chmod 666 /etc/passwd; printf %s "$TOKEN" > planted"#]);
    let said = refusal(&scene.run(), 100);
    assert!(said.contains("/etc/passwd can be changed"), "{said}");
    assert!(said.contains("/workspace/planted"), "{said}");
}

#[test]
fn honest_work_of_root_starts_and_restarts_twenty_times() {
    let layer = Layer::new();
    let line = "set -e
        { cat /etc/passwd; echo new:x:1001:1001::/home/new:/bin/sh; } > /etc/passwd-
        { cat /etc/group; echo new:x:1001:; } > /etc/group-
        for of in passwd group; do chmod 644 /etc/$of-; mv /etc/$of- /etc/$of; done
        mkdir -p /opt/tool/bin /home/new /var/lib/dpkg; echo tool > /opt/tool/bin/tool
        chmod -R a+rX,go-w /opt; chown -R 1001:1001 /home/new
        : > /workspace/done; chown -R app:app /workspace; echo setup";
    let rules = as_root(&[line]).setup("skip_if", json!("/workspace/done"));
    let scene = rules.main(&["say", "main"]).on(&layer);
    let outcome = scene.clone().run().expect_code(0);
    assert_eq!(outcome.stdout, "setup\nmain\n", "{}", outcome.stderr);
    for _ in 0..20 {
        assert_eq!(scene.clone().run().expect_code(0).stdout, "main\n");
    }
}

#[test]
fn who_main_is_was_settled_before_setup() {
    let line = "sed -i 's/^app:x:1000:1000:app:.home.app/app:x:0:0:app:\\/root/' /etc/passwd
        sed -i 's/^root:x:0:/root:x:0:app/' /etc/group";
    let scene = as_root(&[line]).main_sh("echo main; id -u; id -G; echo $HOME");
    let outcome = scene.run().expect_code(0);
    let (said, line) = (outcome.stdout, outcome.stderr);
    assert_eq!(said, "main\n1000\n1000 2000\n/home/app\n");
    assert!(
        line.contains("in this start: as root setup could change"),
        "{line}"
    );
}

#[test]
fn the_start_line_says_in_this_start_where_a_setup_of_root_could_prepare_the_next() {
    let said = |scene: Scene| scene.run().expect_code(0).stderr;
    let words = "in this start: as root setup could change what the next one trusts";
    let line = said(scene(&["true"]));
    assert!(line.contains(words), "{line}");
    let of_another = Rules::of(&[sh_with_token("true")]).main(&["say", "main"]);
    let line = said(of_another);
    assert!(!line.contains("in this start"), "{line}");
    let line = said(fixed(as_root(&["true"]).main(&["say", "main"])));
    assert!(!line.contains("in this start"), "{line}");
    let skipped = as_root(&["true"]).setup("skip_if", json!("/etc/passwd"));
    let line = said(skipped.main(&["say", "main"]));
    assert!(!line.contains("in this start"), "{line}");
}

/// With a root that nobody writes to.
fn fixed(scene: Scene) -> Scene {
    let scene = scene.tmpfs("/workspace", "", "mode=0777");
    scene.tmpfs("/var/tmp", "", "mode=1777").read_only()
}

const SCRIPT: &str = "#!/bin/sh\necho revoked\n";

#[test]
fn a_script_that_revokes_is_refused_before_a_setup_that_could_change_its_shell() {
    let scene = revoking(&["/opt/revoke"], "echo setup");
    let scene = scene.file("/opt/revoke", 0o755, (0, 0), SCRIPT);
    for asked in [scene.clone(), scene.asking(&["check"])] {
        let outcome = asked.run();
        let said = refusal(&outcome, 100);
        assert_eq!(outcome.stdout, "", "a command ran before the judgement");
        let what = "setup runs as root and could change what `/opt/revoke` needs to revoke anything: /bin/sh\n";
        assert!(said.contains(what), "{said}");
        assert!(said.contains("policy.json at /seal/on_drop\n"), "{said}");
        for way_out in ["`user` in `setup`", "a static program", "read_only: true"] {
            assert!(said.contains(way_out), "{said}");
        }
    }
}

#[test]
fn so_is_every_program_that_reads_what_setup_could_change() {
    let program = || static_program();
    // Its loader obeys /etc/ld.so.preload.
    let dynamic = std::fs::read("/usr/bin/env").expect("coreutils are there");
    for (words, content) in [
        (&["/opt/revoke"][..], dynamic),
        (&["/opt/revoke", "sh", "/opt/script"], program()),
        (&["/opt/revoke"], b"echo revoked\n".to_vec()),
    ] {
        let scene = revoking(words, "echo setup").file("/opt/script", 0o755, (0, 0), SCRIPT);
        let outcome = scene.file("/opt/revoke", 0o755, (0, 0), content).run();
        let said = refusal(&outcome, 100);
        assert!(said.contains("needs to revoke anything"), "{said}");
        assert_eq!(outcome.stdout, "", "a command ran before the judgement");
    }
}

#[test]
fn a_static_program_revokes_whatever_setup_put_in_its_place() {
    let fake = "printf '#!/bin/sh\\necho nothing revoked\\n'";
    for line in [
        format!("{fake} > /opt/of/revoke"),
        format!("{fake} > /opt/of/new; chmod 755 /opt/of/new; mv /opt/of/new /opt/of/revoke"),
        format!(
            "mkdir /fake; {fake} > /fake/revoke; chmod 755 /fake/revoke; mv /opt/of /opt/old; ln -s /fake /opt/of"
        ),
        "rm -r /opt/of".to_owned(),
        "chmod 000 /opt/of/revoke; echo /none/preload.so > /etc/ld.so.preload".to_owned(),
    ] {
        let scene = revoking(&["/opt/of/revoke", "say", "revoked"], &line);
        let scene = scene.file("/opt/of/revoke", 0o755, (0, 0), static_program());
        let outcome = scene.run().expect_code(0);
        assert_eq!(
            outcome.stdout, "revoked\nmain\n",
            "{line}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn without_a_copy_of_it_no_command_runs() {
    let scene = revoking(&["/opt/revoke", "say", "revoked"], "echo setup");
    let scene = scene.file("/opt/revoke", 0o755, (0, 0), static_program());
    let outcome = scene.without_memory_files(13).run();
    let said = refusal(&outcome, 111);
    let what = "cannot keep a copy of `/opt/revoke` in memory: permission denied\n";
    assert!(said.contains(what), "{said}");
    assert!(said.contains("vm.memfd_noexec"), "{said}");
    assert_eq!(outcome.stdout, "");
}

#[test]
fn a_script_revokes_after_a_setup_of_root_on_a_root_that_nobody_writes_to() {
    let scene = revoking(&["/opt/revoke"], "echo setup");
    let scene = scene.file("/opt/revoke", 0o755, (0, 0), SCRIPT);
    let outcome = fixed(scene).run().expect_code(0);
    assert_eq!(
        outcome.stdout, "setup\nrevoked\nmain\n",
        "{}",
        outcome.stderr
    );
}

#[test]
fn an_interpreter_that_another_user_could_change_is_refused() {
    let shell = std::fs::read("/bin/sh").expect("a shell");
    let mints = json!({ "minted": { "from": "command:/opt/program" } });
    let command = json!({ "argv": ["/bin/true"], "env": { "A": "minted" } });
    for rules in [
        Rules::of(&[sh("echo setup")]).seal("on_drop", json!(["/opt/program"])),
        Rules::of(&[command]).secrets(mints),
    ] {
        let scene = rules.main(&["say", "main"]);
        let scene = scene.directory("/open", 0o777, (0, 0));
        let scene = scene.file("/open/sh", 0o755, (0, 0), &shell);
        let scene = scene.file("/opt/program", 0o755, (0, 0), "#!/open/sh\n");
        let outcome = scene.run();
        let said = refusal(&outcome, 100);
        let what =
            "/open/sh can be replaced by setup, and a program that vestibule is to run needs it\n";
        assert!(said.contains(what), "{said}");
        assert_eq!(outcome.stdout, "", "a command ran before the judgement");
    }
}

#[test]
fn what_setup_put_in_the_place_of_dev_null_is_nobody_s_input() {
    let making = "mv /dev /old; mkdir /dev";
    for line in [
        format!("{making}; mkfifo -m 666 /dev/null"),
        format!("{making}; echo input > /dev/null"),
    ] {
        let scene = revoking(&["/opt/revoke", "say", "revoked"], &line);
        let scene = scene.file("/opt/revoke", 0o755, (0, 0), static_program());
        let outcome = scene.run();
        let said = refusal(&outcome, 111);
        assert!(said.contains("running a program of the policy"), "{said}");
        assert_eq!(outcome.stdout, "");
    }
}

/// With one more secret, in a directory that is no mount of its own.
fn with_keys(rules: Rules, owner: (u32, u32)) -> Scene {
    let scene = rules.secret_directories(&["/run/secrets", "/opt/keys"]);
    let scene = scene.main(&["say", "main"]);
    let scene = scene.secret_at("/opt/keys/other", 0o444, (0, 0), str::to_owned);
    scene.directory("/opt", 0o755, owner)
}

#[test]
fn secrets_that_setup_moved_are_found_before_main() {
    for line in [
        "mv /opt/keys /opt/elsewhere; echo setup",
        "mv /opt/keys /opt/elsewhere; mkdir /opt/keys; echo setup",
        "mv /opt /elsewhere; mkdir -p /opt/keys; echo setup",
    ] {
        let outcome = with_keys(as_root(&[line]), (0, 0)).run();
        let said = refusal(&outcome, 120);
        assert!(said.contains("setup moved /opt/keys away"), "{said}");
        assert_eq!(outcome.stdout, "setup\n");
    }
}

#[test]
fn so_are_those_beside_the_directories_and_an_owner_of_one_is_refused_before() {
    let rules = Rules::of(&[sh_with_token("mv /opt/keys /opt/elsewhere")]);
    let said = refusal(&with_keys(rules, crate::rules::APP).run(), 100);
    assert!(said.contains("/opt/keys can be replaced by main"), "{said}");
    let rules = as_root(&["mv /opt/keys/other /opt/keys/another"]);
    let rules = rules.secrets(json!({ "other": { "from": "env:OTHER" } }));
    let scene = rules.main(&["say", "main"]);
    let scene = scene.secret_at("/opt/keys/other", 0o444, (0, 0), str::to_owned);
    let scene = scene.env("OTHER_FILE", "/opt/keys/other");
    let said = refusal(&scene.run(), 120);
    assert!(said.contains("setup moved /opt/keys/other away"), "{said}");
}

#[test]
fn secrets_that_one_command_moved_are_found_before_the_next() {
    let reading = "cat /opt/elsewhere/other; echo second";
    let rules = as_root(&["mv /opt/keys /opt/elsewhere; echo first", reading]);
    let outcome = with_keys(rules, (0, 0)).run();
    let said = refusal(&outcome, 120);
    assert!(said.contains("setup moved /opt/keys away"), "{said}");
    assert_eq!(outcome.stdout, "first\n");
}

#[test]
fn a_binary_that_setup_replaced_is_not_what_health_checks_run() {
    for line in [
        "cd /opt; mv vestibule old; printf '#!/bin/sh\\n' > vestibule; chmod 755 vestibule",
        "rm /opt/vestibule",
        "mv /opt /old; mkdir /opt; cp /old/vestibule /opt",
    ] {
        // Alone in its directory it could not be replaced at all.
        let installed = scene(&[line]).installed_at("/opt/vestibule");
        let outcome = installed.file("/opt/other", 0o644, (0, 0), "").run();
        let said = refusal(&outcome, 100);
        assert!(
            said.contains("setup replaced /opt/vestibule in this start"),
            "{line}: {said}"
        );
        assert!(said.contains("make the container anew"), "{said}");
    }
    let line = "echo >> /opt/vestibule; chmod 700 /opt/vestibule; touch /opt/vestibule";
    let outcome = scene(&[line]).installed_at("/opt/vestibule").run();
    assert!(has_main(&outcome.expect_code(0)), "it is the same file");
}
