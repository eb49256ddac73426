//! The objects that a setup left which did not reach its seal.
//!
//! In: what its user had before it began, as its journal keeps it. Out: a
//! snapshot in which everything but setup's own counts as older.
//!
//! **Never:** an object of others taken for setup's: the namespace outlived that
//! start, so it is shared.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::look::{KINDS, objects};
use super::{MESSAGE_QUEUES, Remover, Snapshot};

/// What setup's user had before setup: the numbers of each of `KINDS`, and the
/// inodes of its queues, whose names are anybody's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Older {
    objects: [Vec<i32>; 3],
    queues: Vec<u64>,
}

impl Older {
    /// Looks at what is there.
    #[must_use]
    pub fn of(uid: u32) -> Self {
        let of_kind = |kind| {
            let own = objects(&kind).into_iter();
            own.filter(|object| object.is_of(uid))
                .map(|object| object.id)
                .collect()
        };
        let queues = queues().into_iter().filter(|queue| queue.uid == uid);
        Self {
            objects: KINDS.map(of_kind),
            queues: queues.map(|queue| queue.inode).collect(),
        }
    }

    /// As a line of a journal has it: four lists of numbers.
    #[must_use]
    pub fn text(&self) -> String {
        let [memory, semaphores, messages] = self.objects.each_ref().map(|list| joined(list));
        [memory, semaphores, messages, joined(&self.queues)].join("/")
    }

    /// The same from a journal; `None`: it is none of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lists = text.split('/');
        let older = Self {
            objects: [
                numbers(lists.next()?)?,
                numbers(lists.next()?)?,
                numbers(lists.next()?)?,
            ],
            queues: numbers(lists.next()?)?,
        };
        lists.next().is_none().then_some(older)
    }
}

impl Snapshot {
    /// Everything that is there but what setup's user has and did not have before.
    /// Memory that some process has is not setup's: all of that is dead. Without
    /// any word of what is older nothing is removed, and all of it is named.
    #[must_use]
    pub fn owed(uid: u32, older: Option<&Older>, remover: Remover) -> Self {
        let mut snapshot = Self::take();
        let none = Older::default();
        let known = older.unwrap_or(&none);
        for ((kind, ids), known) in KINDS.iter().zip(&mut snapshot.objects).zip(&known.objects) {
            for object in objects(kind) {
                let is_owed = object.is_of(uid) && object.attached == 0;
                if is_owed && !known.contains(&object.id) {
                    ids.retain(|id| *id != object.id);
                }
            }
        }
        for queue in queues() {
            if queue.uid == uid && !known.queues.contains(&queue.inode) {
                snapshot.queues.retain(|name| *name != queue.name);
            }
        }
        snapshot.remover = older.map_or(Remover::Nobody, |_| remover);
        snapshot
    }
}

struct Queue {
    name: std::ffi::OsString,
    uid: u32,
    inode: u64,
}

/// Every queue. One whose owner cannot be told is gone by now.
fn queues() -> Vec<Queue> {
    let entries = fs::read_dir(Path::new(MESSAGE_QUEUES)).into_iter();
    let queue = |entry: fs::DirEntry| {
        let found = fs::symlink_metadata(entry.path()).ok()?;
        Some(Queue {
            name: entry.file_name(),
            uid: found.uid(),
            inode: found.ino(),
        })
    };
    entries.flatten().flatten().filter_map(queue).collect()
}

fn joined<N: ToString>(numbers: &[N]) -> String {
    let numbers: Vec<String> = numbers.iter().map(N::to_string).collect();
    numbers.join(",")
}

fn numbers<N: std::str::FromStr>(text: &str) -> Option<Vec<N>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let numbers = text.split(',').map(|number| number.parse().ok());
    numbers.collect()
}
