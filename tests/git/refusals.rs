//! What gets no credential: other paths, hosts, users, helpers.

use caps::{CapSet, Capability};

use crate::command::Desk;
use crate::harness::wait_for;
use crate::room::Room;

/// Capabilities that a hardened container's root lacks; of this thread only.
fn as_a_root_without_rights_over_files() {
    for capability in [
        Capability::CAP_CHOWN,
        Capability::CAP_DAC_OVERRIDE,
        Capability::CAP_DAC_READ_SEARCH,
        Capability::CAP_FOWNER,
    ] {
        caps::drop(None, CapSet::Effective, capability).expect("less is always possible");
    }
}

#[test]
fn another_owner_fails_at_once_and_says_why() {
    let room = Room::open();
    room.repository("cat/app.git", &[("a", "secret of cat")]);
    let mut desk = Desk::open(&room);
    let done = desk.run("git clone {}/cat/app.git");
    assert!(!done.is_success);
    let host = format!("127.0.0.1:{}", room.port);
    assert_eq!(
        done.remarks,
        [format!(
            "git has no credential for `{host}` `cat/app.git`: no entry of `setup.git` covers this path"
        )]
    );
    let git = "fatal: could not read Username for";
    assert!(
        done.err.contains(git) && done.err.contains("terminal prompts disabled"),
        "{done:?}"
    );
    assert!(!room.requests().contains("wrong"));
}

#[test]
fn a_redirection_takes_no_credential_to_another_host() {
    let room = Room::open();
    room.repository("acme/app.git", &[("a", "of acme")]);
    let mut desk = Desk::open(&room);
    let done = desk.run("git clone {}/moved/app.git");
    assert!(!done.is_success, "{done:?}");
    assert!(done.remarks[0].contains("`localhost:"), "{done:?}");
    assert!(
        done.remarks[0].ends_with("no entry of `setup.git` is for this host"),
        "{done:?}"
    );
    assert!(
        !room
            .requests()
            .contains("localhost /acme/app.git/info/refs right")
    );
}

#[test]
fn a_token_that_the_server_refuses_is_not_tried_twice_or_kept() {
    let room = Room::open();
    room.repository("acme/app.git", &[("a", "of acme")]);
    let mut desk = Desk::open(&room).with_value("acme", "revoked-token");
    let done = desk.run("git clone {}/acme/app.git");
    assert!(!done.is_success);
    assert!(done.err.contains("Authentication failed"), "{done:?}");
    assert!(!done.err.contains("revoked-token") && !done.out.contains("revoked-token"));
    assert_eq!(
        room.requests().matches("wrong").count(),
        1,
        "{}",
        room.requests()
    );
}

#[test]
fn no_other_helper_is_asked_wherever_it_was_planted() {
    let room = Room::open();
    room.repository("acme/app.git", &[("a", "of acme")]);
    let mut desk = Desk::open(&room);
    let done = desk.run(
        "steal='!tee -a \"$HOME\"/stolen >/dev/null; echo asked >> \"$HOME\"/asked; :'
         git config --global credential.helper \"$steal\" &&
         git config --global credential.{}.helper \"$steal\" &&
         git config --global credential.{}.useHttpPath false &&
         git config --global core.askPass \"touch $HOME/asked\" &&
         git clone -q {}/acme/app.git && cd app &&
         git config credential.helper \"$steal\" &&
         git config credential.{}/acme.helper \"$steal\" &&
         git fetch -q; git ls-remote {}/cat/app.git; ls \"$HOME\"",
    );
    assert_eq!(done.out, "app\n", "{done:?}");
    assert!(room.requests().contains("right"));
    // The planted setting would have taken the path away.
    assert!(
        done.remarks.iter().all(|remark| remark.contains("app.git")),
        "{done:?}"
    );
}

#[test]
fn another_user_is_refused_whether_or_not_the_socket_could_be_given_away() {
    let room = Room::open();
    room.repository("acme/app.git", &[("a", "of acme")]);
    std::os::unix::fs::chown(room.path.join("other"), Some(1001), Some(1001)).unwrap();
    let mut given = Desk::open(&room).run_as(1001, "other");
    let done = given.run("git clone {}/acme/app.git");
    assert!(!done.is_success && done.remarks.is_empty(), "{done:?}");
    let what = "vestibule: git's credentials are out of reach: permission denied";
    assert!(done.err.contains(what), "{done:?}");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            as_a_root_without_rights_over_files();
            let mut kept = Desk::open(&room).run_as(1001, "other");
            let done = kept.run("git clone {}/acme/app.git");
            assert!(!done.is_success, "{done:?}");
            assert_eq!(
                done.remarks,
                ["git's helper was not answered: uid 1001 asked, and it is not the command's user"]
            );
        });
    });
    assert!(!room.requests().contains("right"));
}

#[test]
fn a_root_without_rights_over_files_serves_setup_s_user_and_clears_up() {
    let room = Room::open();
    room.repository("acme/app.git", &[("a", "of acme")]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            as_a_root_without_rights_over_files();
            let mut desk = Desk::open(&room);
            let socket = desk.server.as_ref().unwrap().socket().to_owned();
            let done = desk.run("git clone -q {}/acme/app.git && cat app/a");
            assert_eq!(done.out, "of acme", "{done:?}");
            desk.close();
            let directory = socket.parent().unwrap();
            wait_for("the directory to go", || {
                (!directory.exists()).then_some(())
            });
        });
    });
}
