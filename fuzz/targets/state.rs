//! The state that crosses over to the reaper: what is read is written the same
//! way, and other bytes are no state.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule::fuzzing::{STATE, state, state_bytes};
use vestibule::init::guard::Guard;
use vestibule::init::signals::Signal;

/// What a state starts with.
const MARK: &[u8] = b"vstbl\0\x01\n";

fuzz_target!(|input: &[u8]| {
    let mut bytes = [0; STATE];
    let given = input.len().min(STATE);
    bytes[..given].copy_from_slice(&input[..given]);
    assert!(state(&bytes).is_none_or(|_| bytes.starts_with(MARK)));
    bytes[..MARK.len()].copy_from_slice(MARK);
    let before = state(&bytes).expect("the mark is there");
    let written = state_bytes(&before);
    let after = state(&written).expect("we wrote it");
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
    assert_eq!(written, state_bytes(&after));
    for signal in (1..=64).filter_map(Signal::from_number) {
        let target = before.rules.rewriting.apply(signal);
        assert_eq!(target, after.rules.rewriting.apply(signal));
        assert!(target.is_none_or(|signal| (1..=64).contains(&signal.number())));
    }
    // Root and "nobody" are no user for the real uid.
    assert!(!matches!(before.guard, Guard::RealUid(0 | u32::MAX)));
});
