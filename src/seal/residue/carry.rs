//! Traces on their way from a child with another user's eyes.
//!
//! In: what it found. Out: bytes for a pipe, and back.
//!
//! **Never:** a reading that guesses: what is cut short is no answer.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::{Found, Kind, Residue};

const KINDS: [Kind; 20] = [
    Kind::GitUrl,
    Kind::SubmoduleUrl,
    Kind::ExtraHeader,
    Kind::CredentialSetting,
    Kind::CredentialStore,
    Kind::CredentialCache,
    Kind::Netrc,
    Kind::InsteadOf,
    Kind::Include,
    Kind::ToolCredential,
    Kind::ArtefactUrl,
    Kind::History,
    Kind::SetId,
    Kind::FileCapability,
    Kind::Preload,
    Kind::GitCommand,
    Kind::GitHook,
    Kind::StartFile,
    Kind::Unreadable,
    Kind::Unfinished,
];

/// Two counts, then for each trace kind, whether it can be cleaned, line and
/// length of the path, and the path.
pub(super) fn encode(found: &Found) -> Vec<u8> {
    let mut bytes = found.more.to_le_bytes().to_vec();
    bytes.extend(found.seen.to_le_bytes());
    for residue in &found.residues {
        let kind = KINDS.iter().position(|kind| *kind == residue.kind);
        let path = residue.path.as_os_str().as_bytes();
        let (Some(Ok(kind)), Ok(length)) = (kind.map(u8::try_from), u32::try_from(path.len()))
        else {
            continue;
        };
        bytes.extend([kind, u8::from(residue.can_clean)]);
        // No file has a line 0.
        bytes.extend(residue.line.unwrap_or(0).to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes.extend(path);
    }
    bytes
}

pub(super) fn decode(mut bytes: &[u8]) -> Option<Found> {
    let mut found = Found {
        more: u64::from_le_bytes(take(&mut bytes)?),
        seen: u64::from_le_bytes(take(&mut bytes)?),
        ..Found::default()
    };
    while !bytes.is_empty() {
        let [kind, can_clean] = take(&mut bytes)?;
        let line = u32::from_le_bytes(take(&mut bytes)?);
        let length = u32::from_le_bytes(take(&mut bytes)?);
        let (path, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
        bytes = rest;
        found.residues.push(Residue {
            path: PathBuf::from(OsStr::from_bytes(path)),
            line: (line > 0).then_some(line),
            kind: *KINDS.get(usize::from(kind))?,
            can_clean: can_clean == 1,
        });
    }
    Some(found)
}

fn take<const COUNT: usize>(bytes: &mut &[u8]) -> Option<[u8; COUNT]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Found, KINDS, Residue, decode, encode};

    #[test]
    fn every_kind_arrives_as_it_was_sent_and_a_cut_answer_is_none() {
        let residues = KINDS
            .iter()
            .zip(0..)
            .map(|(kind, number)| {
                let path = Path::new("/x\n").join(number.to_string());
                Residue::new(
                    &path,
                    (number > 0).then_some(number),
                    *kind,
                    number % 2 == 0,
                )
            })
            .collect();
        let found = Found {
            residues,
            more: 3,
            seen: 1 << 40,
        };
        let bytes = encode(&found);
        let arrived = decode(&bytes).unwrap();
        assert_eq!(arrived.residues, found.residues);
        assert_eq!((arrived.more, arrived.seen), (3, 1 << 40));
        assert!(decode(&bytes[..bytes.len() - 1]).is_none());
        assert!(decode(&[]).is_none());
    }
}
