//! What a scan saw, in numbers.
//!
//! In: one thing at a time. Out: sums, also of several helpers.
//!
//! **Never:** a thing that was left out and not counted.

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Regular files that were searched.
    Files,
    /// Directories that were entered.
    Directories,
    /// Symbolic links whose target was searched.
    Links,
    /// Bytes that were read.
    Bytes,
    /// Bytes that came out of compressed streams and deltas.
    UnpackedBytes,
    /// Files that were left out because they did not change since.
    Older,
    /// FIFOs, sockets and devices: only their names were searched.
    Special,
    /// Entries that are on another mount, which was not asked for.
    OtherMounts,
    /// Files of the secret directories.
    SecretFiles,
    /// Older files and directories that cannot be read, and not be reached by who
    /// wrote since.
    BeyondReach,
    /// Findings beyond those that are listed.
    Unlisted,
    /// Zip archives, and what is one: jar, whl, docx, apk.
    Zip,
    /// Files of `xz`.
    Xz,
    /// Files of `zstd`.
    Zstd,
    /// Files of `bzip2`.
    Bzip2,
    /// Archives of 7-Zip.
    SevenZip,
    /// Rar archives.
    Rar,
    /// Files of `lz4`.
    Lz4,
    /// Compressed streams that broke off or are damaged.
    Damaged,
    /// Deltas of a Git pack whose base was not at hand.
    GitDeltas,
}

/// Every kind, in the order of `Counts`.
pub const COUNTED: [Counted; 20] = [
    Counted::Files,
    Counted::Directories,
    Counted::Links,
    Counted::Bytes,
    Counted::UnpackedBytes,
    Counted::Older,
    Counted::Special,
    Counted::OtherMounts,
    Counted::SecretFiles,
    Counted::BeyondReach,
    Counted::Unlisted,
    Counted::Zip,
    Counted::Xz,
    Counted::Zstd,
    Counted::Bzip2,
    Counted::SevenZip,
    Counted::Rar,
    Counted::Lz4,
    Counted::Damaged,
    Counted::GitDeltas,
];

impl Counted {
    /// The name in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Directories => "directories",
            Self::Links => "links",
            Self::Bytes => "bytes",
            Self::UnpackedBytes => "unpacked_bytes",
            Self::Older => "older",
            Self::Special => "special",
            Self::OtherMounts => "other_mounts",
            Self::SecretFiles => "secret_files",
            Self::BeyondReach => "beyond_reach",
            Self::Unlisted => "unlisted",
            Self::Zip => "zip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::SevenZip => "7z",
            Self::Rar => "rar",
            Self::Lz4 => "lz4",
            Self::Damaged => "damaged",
            Self::GitDeltas => "git_deltas",
        }
    }

    /// Whether it counts something whose contents were not searched, although
    /// they may hold anything.
    #[must_use]
    pub fn is_unopened(self) -> bool {
        self.place() >= Self::Zip.place()
    }

    fn place(self) -> usize {
        COUNTED
            .iter()
            .position(|&counted| counted == self)
            .unwrap_or(0)
    }
}

/// The sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    sums: [u64; COUNTED.len()],
}

impl Counts {
    /// One sum.
    #[must_use]
    pub fn of(&self, counted: Counted) -> u64 {
        self.sums.get(counted.place()).copied().unwrap_or(0)
    }

    /// Counts `more` of one kind.
    pub fn add(&mut self, counted: Counted, more: u64) {
        if let Some(sum) = self.sums.get_mut(counted.place()) {
            *sum = sum.saturating_add(more);
        }
    }

    /// Adds all sums of another part.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            *sum = sum.saturating_add(more);
        }
    }

    /// What came since `earlier`.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let mut more = *self;
        for (sum, before) in more.sums.iter_mut().zip(earlier.sums) {
            *sum = sum.saturating_sub(before);
        }
        more
    }

    pub(super) fn sums(&self) -> &[u64] {
        &self.sums
    }

    pub(super) fn from_sums(sums: [u64; COUNTED.len()]) -> Self {
        Self { sums }
    }
}
