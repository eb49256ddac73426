//! passwd and group files: nobody becomes a user that no line names.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use vestibule::collect::accounts::Accounts;
use vestibule::collect::fault::CollectFault;
use vestibule::policy::UserSpec;
use vestibule_fuzz::{fields, said};

fuzz_target!(|input: &[u8]| {
    let [user, explicit, passwd, group] = fields(input);
    let (Ok(user), Ok(explicit)) = (std::str::from_utf8(user), std::str::from_utf8(explicit))
    else {
        return;
    };
    let explicit = Some(explicit).filter(|group| !group.is_empty());
    let accounts = Accounts::from_bytes(passwd.to_vec(), group.to_vec());
    let found = accounts.resolve(&UserSpec {
        user: user.into(),
        group: explicit.map(Into::into),
    });
    let found = match found {
        Ok(found) => found,
        Err(problem) => {
            let asked = String::from("a policy");
            let _ = said(&CollectFault::Account { problem, asked });
            return;
        }
    };
    assert!(found.uid != u32::MAX && found.gid != u32::MAX);
    assert!(found.home.is_absolute(), "HOME would depend on a directory");
    assert!(!found.home.as_os_str().as_encoded_bytes().contains(&0));
    let line = line_of(passwd, user);
    assert!(line.is_some() || Some(found.uid) == number(user.as_bytes()));
    if let Some(line) = &line {
        assert_eq!(number(line[2]), Some(found.uid));
        assert!(
            found.home == Path::new("/") || found.home.as_os_str().as_encoded_bytes() == line[5]
        );
    }
    if let Some(name) = explicit {
        let named = lines(group).find(|line| line[0] == name.as_bytes() && is_group(line));
        let gid = number(name.as_bytes()).or_else(|| number(named?[2]));
        assert_eq!(Some(found.gid), gid);
        assert_eq!(found.groups, [found.gid]);
    } else {
        let line = line.expect("a number alone has no group");
        assert_eq!(number(line[3]), Some(found.gid));
        assert_eq!(found.groups.first(), Some(&found.gid));
        for (at, gid) in found.groups.iter().enumerate().skip(1) {
            assert!(!found.groups[..at].contains(gid), "a group counts twice");
            assert!(lines(group).any(|entry| is_member(&entry, line[0], *gid)));
        }
    }
});

fn is_member(entry: &[&[u8]], user: &[u8], gid: u32) -> bool {
    is_group(entry)
        && number(entry[2]) == Some(gid)
        && entry
            .get(3)
            .is_some_and(|members| members.split(|byte| *byte == b',').any(|name| name == user))
}

fn is_group(line: &[&[u8]]) -> bool {
    line.len() > 2 && number(line[2]).is_some()
}

/// The first line that is about the user, by number or by name.
fn line_of<'a>(passwd: &'a [u8], user: &str) -> Option<Vec<&'a [u8]>> {
    lines(passwd).find(|line| {
        let is_complete = line.len() >= 6 && number(line[2]).is_some() && number(line[3]).is_some();
        is_complete
            && match number(user.as_bytes()) {
                Some(uid) => number(line[2]) == Some(uid),
                None => line[0] == user.as_bytes(),
            }
    })
}

fn lines(file: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let lines = file.split(|byte| *byte == b'\n');
    lines
        .filter(|line| line.first() != Some(&b'#') && !line.contains(&0))
        .map(|line| line.split(|byte| *byte == b':').collect())
}

/// By the letter: digits, below the number that means "no id".
fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    let value = text.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        Some(value * 10 + u64::from(digit)).filter(|value| *value < u64::from(u32::MAX))
    });
    u32::try_from(value?).ok()
}
