//! What main was started from and how it is confined, as digests that PID 1 shows.
//!
//! In: the policy's bytes, who main is, which files its secrets came from; then, from
//! main's process itself, by what it is confined. Out: one word of PID 1's argument
//! vector, which everybody can read and main cannot change; and the same word read
//! back, so that `vestibule exec` takes nothing that main could have changed since.
//!
//! **Never:** a value, or anything made from one: a policy names secrets and holds none.

use std::ffi::CString;
use std::fmt;
use std::fmt::Write as _;
use std::fs::metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use hmac_sha256::Hash;

/// What the word starts with.
const MARK: &str = "pinned";
/// Of SHA-256, as much as main would have to match: half of it.
const DIGEST_BYTES: usize = 16;
/// Letters for the level and the means of the confinement.
pub const LETTERS: usize = 6;
/// Stands in a letter's place.
pub const NO_LETTER: u8 = b'-';
/// The letters, a colon, and a digest in hexadecimal.
pub const CONFINED_BYTES: usize = LETTERS + 1 + 2 * DIGEST_BYTES;

/// A digest that nobody can find a second text for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest([u8; DIGEST_BYTES]);

/// Fields on their way into a digest, each with its length: so no two lists of
/// fields are the same text.
#[derive(Default)]
pub struct Digester(Hash);

impl Digester {
    /// Adds one field.
    pub fn add(&mut self, field: &[u8]) -> &mut Self {
        let size = u64::try_from(field.len()).unwrap_or(u64::MAX);
        self.0.update(size.to_le_bytes());
        self.0.update(field);
        self
    }

    /// Adds a path.
    pub fn add_path(&mut self, path: &Path) -> &mut Self {
        self.add(path.as_os_str().as_bytes())
    }

    /// The digest of all fields so far.
    #[must_use]
    pub fn finish(&self) -> Digest {
        let mut digest = Digest::default();
        let whole = self.0.finalize();
        for (byte, whole) in digest.0.iter_mut().zip(whole) {
            *byte = whole;
        }
        digest
    }
}

impl Digest {
    /// Of one text.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        Digester::default().add(text).finish()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut digest = Self::default();
        let is_long =
            text.len() == 2 * DIGEST_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        for (at, byte) in digest.0.iter_mut().enumerate().filter(|_| is_long) {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        is_long.then_some(digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(to, "{byte:02x}"))
    }
}

/// What was known before main's process existed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// The policy's bytes; `None`: there was no policy.
    pub policy: Option<Digest>,
    /// Who main is.
    pub identity: Digest,
    /// The files that main gets something from, those it may read, and the secret
    /// directories.
    pub files: Digest,
}

impl Inputs {
    /// Takes the digests; groups and paths in any order.
    #[must_use]
    pub fn of(
        policy: Option<Digest>,
        (uid, gid, groups): (u32, u32, &[u32]),
        paths: Vec<&Path>,
    ) -> Self {
        Self {
            policy,
            identity: digest_of_ids(uid, gid, groups),
            files: digest_of_files(paths),
        }
    }
}

fn digest_of_ids(uid: u32, gid: u32, groups: &[u32]) -> Digest {
    let mut groups = groups.to_vec();
    groups.sort_unstable();
    groups.dedup();
    let mut digester = Digester::default();
    for id in [uid, gid].into_iter().chain(groups) {
        digester.add(&id.to_le_bytes());
    }
    digester.finish()
}

/// Each path with the file that it leads to. A file that cannot be looked at is one
/// that is not there: a later look that finds one, finds another.
fn digest_of_files(mut paths: Vec<&Path>) -> Digest {
    paths.sort_unstable();
    paths.dedup();
    let mut digester = Digester::default();
    for path in paths {
        let found = metadata(path).map(|found| (found.dev(), found.ino()));
        let (device, inode) = found.unwrap_or_default();
        digester.add_path(path);
        digester
            .add(&device.to_le_bytes())
            .add(&inode.to_le_bytes());
    }
    digester.finish()
}

/// By what main is confined, as its own process says: letters for the level and the
/// means, and a digest of the paths that are shut. Kept as the text that PID 1 shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confined([u8; CONFINED_BYTES]);

impl Confined {
    /// Nothing is known yet: the room for it in PID 1's arguments.
    pub const UNKNOWN: Self = Self([NO_LETTER; CONFINED_BYTES]);

    /// Takes the letters and the digest of what is shut.
    #[must_use]
    pub fn of(letters: [u8; LETTERS], shut: Digest) -> Self {
        let digest = format!(":{shut}");
        let text = letters.into_iter().chain(digest.into_bytes());
        let mut confined = Self::UNKNOWN;
        for (to, byte) in confined.0.iter_mut().zip(text) {
            *to = byte;
        }
        confined
    }

    /// The text that PID 1 shows.
    #[must_use]
    pub fn text(&self) -> &[u8; CONFINED_BYTES] {
        &self.0
    }

    /// Takes such a text.
    #[must_use]
    pub fn from_text(text: [u8; CONFINED_BYTES]) -> Self {
        Self(text)
    }

    /// Whether exactly these paths are shut.
    #[must_use]
    pub fn shuts(&self, shut: Digest) -> bool {
        Self::of([NO_LETTER; LETTERS], shut)
            .0
            .iter()
            .skip(LETTERS)
            .eq(self.0.iter().skip(LETTERS))
    }

    /// Whether one of the letters is this one.
    #[must_use]
    pub fn has(&self, letter: u8) -> bool {
        self.0.iter().take(LETTERS).any(|own| *own == letter)
    }
}

impl fmt::Display for Confined {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| to.write_char(char::from(*byte)))
    }
}

/// The whole word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// What main was started from.
    pub inputs: Inputs,
    /// How it is confined.
    pub confined: Confined,
}

impl Pin {
    /// The word as PID 1 shows it. It ends with the text of `confined`, whose place
    /// is filled once main's process has said it.
    #[must_use]
    pub fn word(&self) -> Option<CString> {
        let Inputs {
            policy,
            identity,
            files,
        } = self.inputs;
        let mut word = format!("{MARK}:");
        let _ = match policy {
            Some(policy) => write!(word, "{policy}"),
            None => write!(word, "none"),
        };
        // Writing to a String cannot fail.
        let _ = write!(word, ":{identity}:{files}:");
        let mut word = word.into_bytes();
        word.extend(self.confined.text());
        CString::new(word).ok()
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let mut fields = word.splitn(5, ':');
        if fields.next()? != MARK {
            return None;
        }
        let policy = match fields.next()? {
            "none" => None,
            digest => Some(Digest::parse(digest)?),
        };
        Some(Self {
            inputs: Inputs {
                policy,
                identity: Digest::parse(fields.next()?)?,
                files: Digest::parse(fields.next()?)?,
            },
            confined: Confined(fields.next()?.as_bytes().try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Confined, Digest, Digester, Inputs, LETTERS, Pin};

    fn inputs(groups: &[u32], paths: &[&str]) -> Inputs {
        let paths = paths.iter().map(Path::new).collect();
        Inputs::of(None, (1000, 1000, groups), paths)
    }

    #[test]
    fn the_word_reads_back_as_it_was_written() {
        for policy in [None, Some(Digest::of(b"{}"))] {
            let pin = Pin {
                inputs: Inputs {
                    policy,
                    ..inputs(&[1000], &["/etc/passwd"])
                },
                confined: Confined::of(*b"fu-r--", Digest::of(b"/run/secrets")),
            };
            let word = pin.word().unwrap();
            assert_eq!(Pin::parse(word.to_str().unwrap()), Some(pin));
        }
    }

    #[test]
    fn a_word_that_is_not_whole_is_none() {
        let pin = Pin {
            inputs: inputs(&[], &[]),
            confined: Confined::UNKNOWN,
        };
        let word = pin.word().unwrap().into_string().unwrap();
        assert!(Pin::parse(&word).is_some());
        for other in [
            &word[1..],
            &word[..word.len() - 1],
            &word.replacen("none", "non", 1),
            &word.replacen("none", &format!("{}é", "0".repeat(30)), 1),
            "[7]",
            "",
        ] {
            assert_eq!(Pin::parse(other), None, "{other}");
        }
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let digest = |fields: &[&[u8]]| {
            let mut digester = Digester::default();
            for field in fields {
                digester.add(field);
            }
            digester.finish()
        };
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"ab"]), digest(&[b"ab", b""]));
    }

    #[test]
    fn the_order_of_groups_and_files_is_none_of_its_business() {
        let one = inputs(&[1, 2], &["/etc/passwd", "/etc/group"]);
        assert_eq!(one, inputs(&[2, 1, 2], &["/etc/group", "/etc/passwd"]));
        assert_ne!(one, inputs(&[1], &["/etc/passwd", "/etc/group"]));
        assert_ne!(one, inputs(&[1, 2], &["/etc/passwd"]));
    }

    #[test]
    fn another_file_at_the_same_path_is_another_digest() {
        let place = std::env::temp_dir().join(format!("vestibule-pin-{}", std::process::id()));
        std::fs::create_dir(&place).unwrap();
        let (a, b) = (place.join("a"), place.join("b"));
        std::fs::write(&a, "1").unwrap();
        std::fs::write(&b, "2").unwrap();
        let digest = || inputs(&[], &[a.to_str().unwrap()]).files;
        let before = digest();
        assert_eq!(before, digest());
        std::fs::rename(b, &a).unwrap();
        let exchanged = digest();
        std::fs::remove_dir_all(place).unwrap();
        assert_ne!(before, exchanged);
        assert_ne!(before, digest());
    }

    #[test]
    fn letters_are_those_of_the_means_and_not_of_the_digest() {
        let confined = Confined::of([b'f', b'-', b'-', b'r', b'-', b'-'], Digest::of(b""));
        assert!(confined.has(b'f') && confined.has(b'r'));
        assert!(!confined.has(b'u') && !confined.has(b':'));
        assert!(confined.shuts(Digest::of(b"")) && !confined.shuts(Digest::of(b"/")));
        assert_eq!(LETTERS, 6);
    }
}
