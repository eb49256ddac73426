//! What a helper says to the process that forked it.
//!
//! In: a hit, a trouble or the sums. Out: one message of numbers, a path and an
//! attribute's name; a form only by its number.
//!
//! **Never:** trust in a message: what cannot be read counts as a lost helper.

use nix::errno::Errno;

use super::counts::{COUNTED, Counts};
use super::report::{Hit, Limit, Place, Trouble};
use super::window::wide;

/// The longest message: a path of as many levels as are walked.
pub(super) const MESSAGE_BYTES: usize = 128 * 1024;

const HIT: u64 = 1;
const UNREADABLE: u64 = 2;
const LIMIT: u64 = 3;
const PROGRESS: u64 = 4;
const DONE: u64 = 5;

/// A message, as read.
pub(super) enum Message<'a> {
    Hit(&'a [u8], Hit<'a>),
    Missed(&'a [u8], Trouble),
    Progress(Counts),
    Done(Counts),
}

pub(super) fn hit(path: &[u8], hit: &Hit<'_>) -> Vec<u8> {
    let place = Place::ALL.iter().position(|place| *place == hit.place);
    let numbers = [
        HIT,
        wide(place.unwrap_or(0)),
        wide(hit.pattern),
        hit.offset,
        wide(hit.detail.len()),
    ];
    message(&numbers, &[hit.detail, path])
}

pub(super) fn missed(path: &[u8], trouble: Trouble) -> Vec<u8> {
    let numbers = match trouble {
        Trouble::Unreadable(errno) => [UNREADABLE, u64::from(errno_number(errno))],
        Trouble::Limit(limit) => {
            let number = Limit::ALL.iter().position(|known| *known == limit);
            [LIMIT, wide(number.unwrap_or(0))]
        }
    };
    message(&numbers, &[path])
}

pub(super) fn sums(counts: &Counts, is_done: bool) -> Vec<u8> {
    let mut numbers = vec![if is_done { DONE } else { PROGRESS }];
    numbers.extend_from_slice(counts.sums());
    message(&numbers, &[])
}

fn message(numbers: &[u64], texts: &[&[u8]]) -> Vec<u8> {
    let mut message = Vec::new();
    for number in numbers {
        message.extend_from_slice(&number.to_le_bytes());
    }
    for text in texts {
        message.extend_from_slice(text);
    }
    message
}

/// Reads a message.
pub(super) fn read(message: &[u8]) -> Option<Message<'_>> {
    let mut rest = message;
    match number(&mut rest)? {
        HIT => {
            let place = *Place::ALL.get(short(&mut rest)?)?;
            let pattern = short(&mut rest)?;
            let offset = number(&mut rest)?;
            let length = short(&mut rest)?;
            let (detail, path) = rest.split_at_checked(length)?;
            let hit = Hit {
                place,
                pattern,
                offset,
                detail,
            };
            Some(Message::Hit(path, hit))
        }
        UNREADABLE => {
            let errno = i32::try_from(number(&mut rest)?).ok()?;
            Some(Message::Missed(
                rest,
                Trouble::Unreadable(Errno::from_raw(errno)),
            ))
        }
        LIMIT => {
            let limit = *Limit::ALL.get(short(&mut rest)?)?;
            Some(Message::Missed(rest, Trouble::Limit(limit)))
        }
        PROGRESS => Some(Message::Progress(counts(&mut rest)?)),
        DONE => Some(Message::Done(counts(&mut rest)?)),
        _ => None,
    }
}

fn counts(rest: &mut &[u8]) -> Option<Counts> {
    let mut sums = [0; COUNTED.len()];
    for sum in &mut sums {
        *sum = number(rest)?;
    }
    rest.is_empty().then(|| Counts::from_sums(sums))
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (bytes, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(u64::from_le_bytes(*bytes))
}

fn short(rest: &mut &[u8]) -> Option<usize> {
    usize::try_from(number(rest)?).ok()
}

#[expect(
    clippy::as_conversions,
    reason = "the numbers of errors are the values of the enum"
)]
fn errno_number(errno: Errno) -> u32 {
    (errno as i32).unsigned_abs()
}
