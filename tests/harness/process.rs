//! A process of a scene, seen from outside.
//!
//! In: its process id here. Out: what `/proc` says about it.
//!
//! **Never:** a process of another scene.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{fs, io};

/// A process by its id outside the scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process(pub(crate) i32);

impl Process {
    /// A file of its `/proc` directory.
    pub(crate) fn read(self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path(name))
    }

    /// The path of such a file.
    pub(crate) fn path(self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.0))
    }

    /// Its arguments, as `ps` shows them.
    pub(crate) fn arguments(self) -> Vec<String> {
        strings(&self.read("cmdline").unwrap_or_default())
    }

    /// Its environment as it was when it was executed.
    pub(crate) fn environment(self) -> Vec<String> {
        strings(&self.read("environ").unwrap_or_default())
    }

    /// A line of `/proc/PID/status`.
    pub(crate) fn status(self, name: &str) -> String {
        let status = self.read("status").unwrap_or_default();
        let status = String::from_utf8_lossy(&status);
        let mut lines = status.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(label, _)| *label == name);
        found.map_or_else(String::new, |(_, value)| value.trim().to_owned())
    }

    /// Soft and hard value of a line of `/proc/PID/limits`.
    pub(crate) fn limit(self, name: &str) -> (String, String) {
        let limits = self.read("limits").unwrap_or_default();
        let limits = String::from_utf8_lossy(&limits);
        let line = limits
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default();
        let mut words = line.split_ascii_whitespace().map(str::to_owned);
        (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        )
    }

    /// Its id inside the scene.
    pub(crate) fn inner(self) -> i32 {
        let ids = self.status("NSpid");
        ids.split_ascii_whitespace()
            .last()
            .and_then(|id| id.parse().ok())
            .unwrap_or(0)
    }

    /// Whether it is gone, or nothing is left of it but its exit code.
    pub(crate) fn has_ended(self) -> bool {
        let state = self.status("State");
        state.is_empty() || state.starts_with(['Z', 'X'])
    }

    /// The program that it runs, as the scene names it.
    pub(crate) fn program(self) -> PathBuf {
        fs::read_link(self.path("exe")).unwrap_or_default()
    }

    /// Its open descriptors and what they refer to.
    pub(crate) fn descriptors(self) -> BTreeMap<i32, String> {
        let entries = fs::read_dir(self.path("fd"))
            .into_iter()
            .flatten()
            .flatten();
        entries
            .filter_map(|entry| {
                let target = fs::read_link(entry.path()).ok()?;
                let number = entry.file_name().to_str()?.parse().ok()?;
                Some((number, target.to_string_lossy().into_owned()))
            })
            .collect()
    }

    /// Its children, oldest first.
    pub(crate) fn children(self) -> Vec<Self> {
        let ids = self
            .read(&format!("task/{}/children", self.0))
            .unwrap_or_default();
        let ids = String::from_utf8_lossy(&ids);
        ids.split_ascii_whitespace()
            .filter_map(|id| id.parse().ok())
            .map(Self)
            .collect()
    }

    /// Everybody in its process namespace.
    pub(crate) fn scene(self) -> Vec<Self> {
        let Ok(own) = fs::read_link(self.path("ns/pid")) else {
            return Vec::new();
        };
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .map(Self)
            .filter(|process| {
                fs::read_link(process.path("ns/pid")).is_ok_and(|theirs| theirs == own)
            })
            .collect()
    }
}

fn strings(block: &[u8]) -> Vec<String> {
    let block = block.strip_suffix(b"\0").unwrap_or(block);
    if block.is_empty() {
        return Vec::new();
    }
    block
        .split(|&byte| byte == 0)
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect()
}
