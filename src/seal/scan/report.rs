//! What a scan found, without any value.
//!
//! In: hits and troubles, in any order and from any helper. Out: sorted lists of
//! bounded length.
//!
//! **Never:** `Debug` or `Display` of a path: a file's name can be a value. For
//! people there is `shown`, which puts the secret's name in its place.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::FINDINGS;
use super::counts::{Counted, Counts};
use crate::search::{FormKind, Searcher};

/// Where in a file a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In its bytes.
    Content,
    /// In its name, or reaching into it from the names above.
    Name,
    /// In the target of a symbolic link.
    LinkTarget,
    /// In the name or value of an extended attribute.
    Attribute,
    /// In what gzip or zlib packed: a loose Git object, too.
    Unpacked,
    /// In an object of a Git pack.
    PackObject,
}

impl Place {
    /// Every place, by its number in a message.
    pub(super) const ALL: [Self; 6] = [
        Self::Content,
        Self::Name,
        Self::LinkTarget,
        Self::Attribute,
        Self::Unpacked,
        Self::PackObject,
    ];

    /// The name for people and for JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Name => "name",
            Self::LinkTarget => "link target",
            Self::Attribute => "attribute",
            Self::Unpacked => "unpacked content",
            Self::PackObject => "object of a git pack",
        }
    }
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Directories are nested too deeply.
    Levels,
    /// One stream unpacks to too much.
    StreamBytes,
    /// All streams together do.
    TotalBytes,
    /// The list of attributes is too long.
    Attributes,
    /// Troubles beyond those that are listed, in this directory.
    Troubles,
}

impl Limit {
    /// Every limit, by its number in a message.
    pub(super) const ALL: [Self; 5] = [
        Self::Levels,
        Self::StreamBytes,
        Self::TotalBytes,
        Self::Attributes,
        Self::Troubles,
    ];

    /// What was reached, for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Levels => {
                "directories are nested more than 4096 deep, or their path has more than 64 KiB"
            }
            Self::StreamBytes => "it unpacks to more than 256 MiB",
            Self::TotalBytes => "more than 16 GiB were unpacked",
            Self::Attributes => "its attributes take more than 64 KiB",
            Self::Troubles => "more than 1000 places could not be searched",
        }
    }
}

/// Why something was not searched, or not wholly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The system refused it.
    Unreadable(nix::errno::Errno),
    /// A limit was reached.
    Limit(Limit),
}

/// A value that was found, as a walk tells it.
pub(super) struct Hit<'a> {
    pub(super) place: Place,
    /// The number of the form in the searcher.
    pub(super) pattern: usize,
    /// Where in the place it begins; for a pack, where the object begins.
    pub(super) offset: u64,
    /// The name of the attribute.
    pub(super) detail: &'a [u8],
}

/// A value that was found.
pub struct Finding {
    path: Vec<u8>,
    detail: Vec<u8>,
    /// Where in the file.
    pub place: Place,
    /// Where in the place it begins; for a pack, where the object begins.
    pub offset: u64,
    /// The name of the secret.
    pub secret: String,
    /// How it is written.
    pub form: FormKind,
}

impl Finding {
    /// The file. It is not for a message: its name may be the value.
    #[must_use]
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }

    /// The file's path with the names of secrets in place of their values.
    #[must_use]
    pub fn shown(&self, searcher: &Searcher) -> Vec<u8> {
        masked(&self.path, searcher)
    }

    /// The attribute's name, in the same way.
    #[must_use]
    pub fn shown_detail(&self, searcher: &Searcher) -> Vec<u8> {
        masked(&self.detail, searcher)
    }
}

/// Something that was not searched.
pub struct Missed {
    path: Vec<u8>,
    /// Why.
    pub trouble: Trouble,
}

impl Missed {
    /// The file or directory. It is not for a message, either.
    #[must_use]
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }

    /// Its path with the names of secrets in place of their values.
    #[must_use]
    pub fn shown(&self, searcher: &Searcher) -> Vec<u8> {
        masked(&self.path, searcher)
    }
}

/// `text` with the name of a secret wherever its value was.
#[must_use]
pub fn masked(text: &[u8], searcher: &Searcher) -> Vec<u8> {
    let mut shown = Vec::new();
    let mut from = 0;
    while let Some(found) = searcher.find(text, from) {
        shown.extend_from_slice(text.get(from..found.start).unwrap_or_default());
        shown.extend_from_slice(b"[secret ");
        shown.extend_from_slice(searcher.name(found.pattern).as_bytes());
        shown.push(b']');
        from = found.end;
    }
    shown.extend_from_slice(text.get(from..).unwrap_or_default());
    shown
}

/// The same for a path.
#[must_use]
pub fn masked_path(path: &Path, searcher: &Searcher) -> PathBuf {
    OsString::from_vec(masked(path.as_os_str().as_bytes(), searcher)).into()
}

/// How a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything was seen.
    Complete,
    /// The caller stopped it.
    Stopped,
    /// A helper process ended before it was done.
    HelperLost,
}

/// The result of a scan.
pub struct Report {
    /// What was found, sorted by path.
    pub findings: Vec<Finding>,
    /// What could not be searched, sorted by path.
    pub missed: Vec<Missed>,
    /// What was seen.
    pub counts: Counts,
    /// Whether all of it was.
    pub end: End,
    /// The names of the secrets, by number, and the secret and form of each pattern.
    names: Vec<String>,
    patterns: Vec<(usize, FormKind)>,
}

impl Report {
    pub(super) fn new(searcher: &Searcher) -> Self {
        let patterns = 0..searcher.patterns();
        Self {
            findings: Vec::new(),
            missed: Vec::new(),
            counts: Counts::default(),
            end: End::Complete,
            names: searcher.names().to_vec(),
            patterns: patterns
                .map(|pattern| (searcher.secret(pattern), searcher.kind(pattern)))
                .collect(),
        }
    }

    /// Whether everything was searched and nothing found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.missed.is_empty() && self.end == End::Complete
    }

    /// Takes a hit, once for each secret and place of a file.
    pub(super) fn found(&mut self, path: &[u8], hit: &Hit<'_>) {
        let Some((secret, form)) = self.patterns.get(hit.pattern).copied() else {
            return;
        };
        let secret = self.names.get(secret).cloned().unwrap_or_default();
        let at = self.findings.partition_point(|finding| {
            (finding.path.as_slice(), finding.place, &finding.secret) < (path, hit.place, &secret)
        });
        if self.findings.len() >= FINDINGS {
            self.counts.add(Counted::Unlisted, 1);
            return;
        }
        self.findings.insert(
            at,
            Finding {
                path: path.to_vec(),
                detail: hit.detail.to_vec(),
                place: hit.place,
                offset: hit.offset,
                secret,
                form,
            },
        );
    }

    pub(super) fn missed(&mut self, path: &[u8], trouble: Trouble) {
        let missed = Missed {
            path: path.to_vec(),
            trouble,
        };
        if self.missed.len() < FINDINGS {
            let at = self.missed.partition_point(|missed| *missed.path < *path);
            self.missed.insert(at, missed);
        } else {
            self.missed_beyond(missed.path());
        }
    }

    /// Keeps only the directory of what is not listed: who searched all that is in it
    /// missed nothing.
    fn missed_beyond(&mut self, path: &Path) {
        let mut beyond = self.missed.iter().skip(FINDINGS);
        if beyond.any(|beyond| path.starts_with(beyond.path())) {
            return;
        }
        let directory = path.parent().unwrap_or(path);
        if self.missed.len() < 2 * FINDINGS {
            self.missed.push(Missed {
                path: directory.as_os_str().as_bytes().to_vec(),
                trouble: Trouble::Limit(Limit::Troubles),
            });
        } else if let Some(last) = self.missed.last_mut() {
            last.path.truncate(above_both(last.path(), directory));
        }
    }
}

/// The length of the path of the directory that has both in it.
fn above_both(one: &Path, other: &Path) -> usize {
    let mut above = one.ancestors();
    let both = above.find(|directory| other.starts_with(directory));
    both.map_or(0, |directory| directory.as_os_str().len())
}
