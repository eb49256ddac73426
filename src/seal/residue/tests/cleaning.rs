//! Files without their traces, and what the policy makes of the rest.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use nix::unistd::{Gid, Uid, chown};

use super::super::{clean, settle};
use super::{CANARY, CLEAN, Scene, has_hit};
use crate::policy::OnHit;
use crate::report::Fault;

#[test]
fn a_configuration_is_cleaned_and_else_stays_byte_for_byte() {
    let before = "# kept \t\r\n[core]\r\n\tbare = false\n[remote \"o\"]\n\turl = \"https://u:CANARY@h/r\" ; why\n\tfetch = x\n[http \"https://h/\"]\n\textraheader = AUTHORIZATION: basic \\\n  CANARY\n\tsslVerify = true\n[url \"https://u:CANARY@h/\"]\n\tinsteadOf = https://h/\n[credential]\n\thelper = store\n[alias]\n\tx = !CANARY\n";
    let after = "# kept \t\r\n[core]\r\n\tbare = false\n[remote \"o\"]\n\turl = \"https://h/r\" ; why\n\tfetch = x\n[http \"https://h/\"]\n\t\n\n\tsslVerify = true\n[url \"https://h/\"]\n\tinsteadOf = https://h/\n[credential]\n\t\n[alias]\n\t\n";
    let scene = Scene::with_config(before);
    let path = scene.place.0.join("work/app/.git/config");
    chown(&path, Some(Uid::from_raw(1000)), Some(Gid::from_raw(1001))).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let settled = settle(scene.look(), OnHit::Remove);
    assert_eq!((settled.cleaned.len(), settled.kept.len()), (5, 0));
    assert_eq!(scene.read("work/app/.git/config"), after);
    let found = fs::metadata(&path).unwrap();
    assert_eq!(
        (found.uid(), found.gid(), found.mode() & 0o7777),
        (1000, 1001, 0o640)
    );
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
    assert_eq!(scene.rows(), [""; 0]);
}

#[test]
fn what_another_name_leads_to_is_not_rewritten() {
    let scene = Scene::with_config("[remote \"o\"]\nurl = https://CANARY@h/r\n");
    let path = scene.place.0.join("work/app/.git/config");
    let found = scene.look();
    fs::hard_link(&path, scene.place.0.join("work/other")).unwrap();
    assert!(!scene.look().residues[0].can_clean);
    let settled = settle(found, OnHit::Remove);
    assert!(has_hit(&settled));
    assert!(scene.read("work/other").contains(CANARY));
}

#[test]
fn a_trace_that_is_gone_is_no_reason_to_write() {
    let scene = Scene::with_config("[remote \"o\"]\nurl = https://CANARY@h/r\n");
    let found = scene.look();
    scene.write("work/app/.git/config", CLEAN);
    let fault = clean(&found.residues[0]).unwrap_err();
    assert!(fault.place().ends_with("/config"));
    assert_eq!(scene.read("work/app/.git/config"), CLEAN);
}

#[test]
fn only_a_policy_that_says_so_has_anything_taken_out() {
    let scene = Scene::with_config("[core]\nhooksPath = h\n");
    assert!(!has_hit(&settle(scene.look(), OnHit::Refuse)));
    scene.write("home/.netrc", "CANARY");
    for on_hit in [OnHit::Refuse, OnHit::Report] {
        let settled = settle(scene.look(), on_hit);
        assert!(has_hit(&settled));
        assert_eq!((settled.cleaned.len(), settled.kept.len()), (0, 2));
        assert!(scene.place.0.join("home/.netrc").exists());
    }
}
