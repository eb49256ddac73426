//! Claims about the relay. `stream` are examples on one stream, `reference`
//! compares any stream with a naive rule, `pipes` are real ones.
//!
//! **Never:** a value in the message of a failing test beyond those made up here.

mod pipes;
mod reference;
mod stream;

use super::mask::Mask;
use super::masking::Masking;
use crate::secret::Secret;

fn masking_of(values: &[(&str, &[u8])]) -> Masking {
    let secrets: Vec<Secret> = values
        .iter()
        .map(|(_, value)| Secret::concat(&[value]))
        .collect();
    let names = values.iter().map(|(name, _)| *name);
    Masking::new(&mut names.zip(&secrets))
}

/// Masks `chunks` one after the other, taking all output in between.
fn relayed<'a>(masking: &Masking, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut mask = Mask::new(masking);
    let mut seen = Vec::new();
    for chunk in chunks {
        feed(&mut mask, chunk);
        take_all(&mut mask, &mut seen);
    }
    mask.end();
    take_all(&mut mask, &mut seen);
    seen
}

fn feed(mask: &mut Mask<'_>, chunk: &[u8]) {
    mask.room()[..chunk.len()].copy_from_slice(chunk);
    mask.advance(chunk.len());
}

/// What comes out of `chunk`, before the stream goes on.
fn fed(mask: &mut Mask<'_>, chunk: &[u8]) -> Vec<u8> {
    feed(mask, chunk);
    let mut seen = Vec::new();
    take_all(mask, &mut seen);
    seen
}

/// With room for a few bytes at a time, so that everything is cut somewhere.
fn take_all(mask: &mut Mask<'_>, seen: &mut Vec<u8>) {
    let mut room = [0; 7];
    loop {
        let count = mask.take(&mut room);
        if count == 0 {
            return;
        }
        seen.extend_from_slice(&room[..count]);
    }
}
