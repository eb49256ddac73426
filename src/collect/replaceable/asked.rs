//! The same question, where this process may not look: put to the identity itself.
//!
//! In: a path, an identity, and how to ask it. Out: what lets it change the file,
//! or that nobody could tell.
//!
//! **Never:** an answer where neither could look for another reason than a refusal:
//! what the identity is refused too is no way for it, all else may be one.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::walk::{Unjudged, weakness};
use super::{Way, Weakness};
use crate::collect::accounts::Identity;
use crate::collect::file::Ownership;

/// Does some work in a child that has the identity, and returns its answer.
pub type Ask = fn(&Identity, &dyn Fn() -> Vec<u8>) -> nix::Result<Vec<u8>>;

/// The first thing that lets `identity` change what `path` leads to. Whoever asks
/// takes what could not be judged for a finding.
pub fn find(path: &Path, identity: &Identity, ask: Ask) -> Result<Option<Weakness>, Unjudged> {
    let unjudged = match weakness(path, identity) {
        Ok(found) => return Ok(found),
        Err(unjudged) => unjudged,
    };
    // From the step on that nobody here can look at: the identity may not come to it
    // by the links before.
    let path = unjudged.step.join(&unjudged.rest);
    let answer = ask(identity, &|| encode(&weakness(&path, identity)));
    let answer = answer.map_err(|_| NoAnswer);
    answer
        .and_then(|answer| decode(&answer))
        .map_err(|NoAnswer| unjudged)
}

/// The identity could not be had, or could not tell.
struct NoAnswer;

/// The answer that there is nothing.
const NOTHING: u8 = b'-';
const WAYS: [(u8, Way); 3] = [
    (b'w', Way::Write),
    (b'r', Way::Replace),
    (b'c', Way::Create),
];

/// A letter, and for a weakness three numbers of four bytes and a path. Empty: not
/// even the identity could tell.
fn encode(found: &Result<Option<Weakness>, Unjudged>) -> Vec<u8> {
    let weakness = match found {
        Ok(Some(weakness)) => weakness,
        // The kernel refuses it there too, and where it owned the directory that was
        // found before.
        Ok(None)
        | Err(Unjudged {
            errno: Errno::EACCES | Errno::ELOOP,
            ..
        }) => return vec![NOTHING],
        Err(_) => return Vec::new(),
    };
    let letter = WAYS.iter().find(|(_, way)| *way == weakness.way);
    let mut bytes: Vec<u8> = letter.iter().map(|(letter, _)| *letter).collect();
    let Ownership { uid, gid, mode } = weakness.ownership;
    for number in [uid, gid, mode] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(weakness.path.as_os_str().as_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Result<Option<Weakness>, NoAnswer> {
    match bytes {
        [] => Err(NoAnswer),
        [NOTHING] => Ok(None),
        [letter, rest @ ..] => weakness_of(*letter, rest).map(Some).ok_or(NoAnswer),
    }
}

fn weakness_of(letter: u8, mut rest: &[u8]) -> Option<Weakness> {
    let mut number = || {
        let (first, after) = rest.split_first_chunk()?;
        rest = after;
        Some(u32::from_le_bytes(*first))
    };
    let (_, way) = WAYS.iter().find(|(known, _)| *known == letter)?;
    let ownership = Ownership {
        uid: number()?,
        gid: number()?,
        mode: number()?,
    };
    Some(Weakness {
        path: PathBuf::from(OsString::from_vec(rest.to_vec())),
        ownership,
        way: *way,
    })
}
