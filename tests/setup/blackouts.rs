//! A start whose disks lose their power before any single step of PID 1, and the
//! next one on what had reached them.
//!
//! How much that is depends on clocks and on other programs: a claim goes through
//! the ends of it, nothing but what somebody synchronised, and everything; and
//! through the worst, what setup wrote without what the seal did to it.

use nix::sys::signal::Signal;

use crate::cuts::{Alike, expect_clean_start, no_rights, one_user, usual};
use crate::disk::{Disk, Machine, Volume};
use crate::harness::Scene;
use crate::rules::{TOKEN, has_main};
use crate::tracer::{Change, Cut, cut};

/// What is on the disks besides what the start itself synchronised.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// Nothing.
    Nothing,
    /// All that was there when setup had written the value.
    Value,
    /// All that was there when the power failed.
    Everything,
}

/// Without a debt there is nothing of setup, or all of it and its seal.
#[track_caller]
fn expect_no_half_without_a_debt(machine: &Machine, value: &str, change: &Change) {
    if !machine.journals().is_empty() {
        return;
    }
    assert!(!machine.has(value), "{change:?}: no debt, and the value");
    let (built, revoked) = (machine.in_workspace("out"), machine.in_workspace("revoked"));
    match built {
        None => assert_eq!(revoked, None, "{change:?}"),
        Some(built) => {
            assert_eq!(built, "built\n", "{change:?}: half of setup, and no debt");
            assert!(revoked.is_some(), "{change:?}: nothing was revoked");
        }
    }
}

/// Loses the power before one change. `None`: the start was over before it.
fn fail_before(number: usize, scene: Scene, machine: &Machine, reached: Reached) -> Option<Cut> {
    let token = scene.value(TOKEN).to_owned();
    let (mut alike, mut left) = (Alike::default(), number);
    let mut is_on_disk = false;
    cut(scene, Signal::SIGKILL, &mut |change| {
        if reached == Reached::Value && !is_on_disk {
            // The first that setup does after it is to say so.
            is_on_disk = change.call == "write" && machine.has(&token);
            if !is_on_disk {
                return false;
            }
            machine.disks(Disk::synchronize);
        }
        if alike.is_more(change) {
            return false;
        }
        if left > 0 {
            left -= 1;
            return false;
        }
        if reached == Reached::Everything {
            machine.disks(Disk::synchronize);
        }
        machine.disks(Disk::lose_power);
        true
    })
}

/// Goes through all changes of a start, a share of them. How many there are.
fn everywhere(
    scene: &Scene,
    volume: Volume,
    reached: Reached,
    (share, of): (usize, usize),
) -> usize {
    let Some(new) = Machine::new(scene, volume) else {
        return usize::MAX;
    };
    for number in (share..).step_by(of) {
        let machine = new.copy();
        let found = fail_before(number, machine.hold(scene), &machine, reached);
        let Some(found) = found else { return number };
        assert!(!has_main(&found.outcome), "{:?}", found.change);
        let machine = machine.come_back();
        expect_no_half_without_a_debt(&machine, scene.value(TOKEN), &found.change);
        expect_clean_start(&machine.hold(scene), machine.layer(), &found);
        assert!(!machine.has(scene.value(TOKEN)), "{:?}", found.change);
        let built = machine.in_workspace("out");
        assert_eq!(built.as_deref(), Some("built\n"), "{:?}", found.change);
        let revoked = machine.in_workspace("revoked");
        assert!(revoked.is_some(), "{:?}: nothing revoked", found.change);
    }
    unreachable!("a start has an end")
}

macro_rules! everywhere {
    ($($name:ident: $scene:ident, $volume:ident, $reached:ident, $share:literal of $of:literal, $least:literal;)*) => {
        $(
            #[test]
            fn $name() {
                let steps = everywhere(&$scene(), Volume::$volume, Reached::$reached, ($share, $of));
                assert!(steps > $least, "{steps} steps are not all");
            }
        )*
    };
}

everywhere! {
    without_power_before_any_change_the_next_start_is_clean_1: usual, None, Nothing, 0 of 2, 30;
    without_power_before_any_change_the_next_start_is_clean_2: usual, None, Nothing, 1 of 2, 30;
    // A share: a KILL leaves the same, and `cuts` goes through all of it.
    with_all_on_the_disk_before_a_change_the_next_start_is_clean: usual, None, Everything, 0 of 3, 30;
    with_the_value_on_the_disk_the_next_start_is_clean: usual, Usual, Value, 0 of 1, 15;
    the_same_for_one_user_whose_journal_is_on_the_volume_alone: one_user, Usual, Value, 0 of 1, 15;
    the_same_for_a_root_that_may_not_look_into_the_volume: no_rights, Private, Value, 0 of 1, 15;
}
