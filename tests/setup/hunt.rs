//! A search for a value in everything that a main of a scene could reach, by
//! somebody who may see all of it.
//!
//! In: a process of the scene that lives. Out: the files, the memory of processes
//! and whatever else holds the value, in clear or in hex.
//!
//! **Never:** the secret directory itself, where the value lies on purpose.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Layer, Process, Running, contains, found_in_memory, program};

/// Directories of a scene that are the machine's, or the kernel's, or on purpose.
const OUTSIDE: [&str; 5] = ["usr", "proc", "sys", "dev", "run/secrets"];

/// Files below the root of this process that hold the value, or have it as a name.
pub(crate) fn in_files(process: Process, value: &str) -> Vec<PathBuf> {
    let root = process.path("root");
    let mut found = below(&root, value);
    found.extend(below_all(&root.join("dev/shm"), &root, value));
    found
}

/// Every place of a scene that holds the value or could: files, `/dev/shm`, what
/// `/proc` shows of each process, objects of the kernel, names of sockets.
pub(crate) fn everywhere(running: &Running, value: &str) -> Vec<String> {
    let init = running.init();
    let files = in_files(init, value).into_iter();
    let mut found: Vec<String> = files.map(|path| path.display().to_string()).collect();
    for process in running.processes() {
        let number = process.inner();
        for name in ["environ", "cmdline", "comm", "mountinfo"] {
            if gives_away(&process.read(name).unwrap_or_default(), value) {
                found.push(format!("{name} of {number}"));
            }
        }
        for descriptor in process.descriptors().into_keys() {
            // Only what has contents: a pipe would be emptied, or waited for.
            let path = process.path(&format!("fd/{descriptor}"));
            let is_file = fs::metadata(&path).is_ok_and(|found| found.is_file());
            if is_file && gives_away(&fs::read(&path).unwrap_or_default(), value) {
                found.push(format!("descriptor {descriptor} of {number}"));
            }
        }
    }
    found.extend(
        in_memory(running, value)
            .iter()
            .map(|number| format!("memory of {number}")),
    );
    if gives_away(&init.read("net/unix").unwrap_or_default(), value) {
        found.push("the name of a socket".into());
    }
    found.extend(kernel_objects(init));
    found
}

/// System V objects and message queues: a scene begins without any.
fn kernel_objects(init: Process) -> Vec<String> {
    let target = init.0.to_string();
    let mut found = Vec::new();
    for kind in ["shm", "sem", "msg"] {
        let list = format!("/proc/sysvipc/{kind}");
        let words = ["--target", &target, "--ipc", "cat", &list];
        let said = program("nsenter")
            .args(words)
            .output()
            .expect("nsenter is there");
        assert!(said.status.success(), "{list} can be read");
        let lines = said.stdout.split(|byte| *byte == b'\n').skip(1);
        let count = lines.filter(|line| !line.is_empty()).count();
        found.extend((0..count).map(|_| format!("an object of {list}")));
    }
    let queues = fs::read_dir(init.path("root/dev/mqueue"))
        .into_iter()
        .flatten();
    found.extend(
        queues
            .flatten()
            .map(|queue| format!("the queue {}", queue.path().display())),
    );
    found
}

/// The same for a layer on which nothing runs.
pub(crate) fn in_layer(layer: &Layer, value: &str) -> Vec<PathBuf> {
    below(layer.path(), value)
}

/// Processes of the scene whose memory holds the value.
pub(crate) fn in_memory(running: &Running, value: &str) -> Vec<i32> {
    let holders = running.processes().into_iter();
    let holders =
        holders.filter(|process| !found_in_memory(*process, &[value.as_bytes()]).is_empty());
    holders.map(Process::inner).collect()
}

fn below(root: &Path, value: &str) -> Vec<PathBuf> {
    below_all(root, root, value)
}

fn below_all(start: &Path, root: &Path, value: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![start.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let inner = path.strip_prefix(root).unwrap_or(&path).to_owned();
            let is_outside = OUTSIDE.iter().any(|outside| inner == Path::new(outside));
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let name = entry.file_name();
            if gives_away(name.as_encoded_bytes(), value) {
                found.push(inner.clone());
            }
            if kind.is_dir() && !is_outside {
                open.push(path);
            } else if kind.is_file() && gives_away(&fs::read(&path).unwrap_or_default(), value) {
                found.push(inner);
            }
        }
    }
    found
}

/// By either half: a value may be cut, and each half is random enough.
fn gives_away(bytes: &[u8], value: &str) -> bool {
    let value = value.as_bytes();
    [&value[..16], &value[value.len() - 16..]]
        .iter()
        .any(|half| {
            let hex: Vec<String> = half.iter().map(|byte| format!("{byte:02x}")).collect();
            contains(bytes, half) || contains(bytes, hex.concat().as_bytes())
        })
}
