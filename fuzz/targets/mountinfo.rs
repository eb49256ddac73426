//! The list of mounts: no line that the kernel would write is lost, and a path
//! comes back as it was.
#![no_main]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use vestibule::run::confine::mounts::{Alias, Mounts};
use vestibule_fuzz::all_fields;

fuzz_target!(|input: &[u8]| {
    reads(input);
    comes_back(input);
});

/// Any bytes as a list.
fn reads(text: &[u8]) {
    let mounts = Mounts::parse(text);
    let expected: Vec<Vec<u8>> = text
        .split(|byte| *byte == b'\n')
        .filter_map(point)
        .collect();
    is_all_of(&mounts, &expected);
    // A line that is none makes it less than the whole list.
    let lines = text.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty()).count();
    let is_whole = !expected.is_empty() && lines == expected.len();
    assert_eq!(mounts.is_whole(), is_whole);
    // Each alias costs a look at the file system.
    for point in expected.iter().take(4) {
        let path = Path::new(OsStr::from_bytes(point));
        let aliases = mounts.aliases(path).unwrap_or_default();
        for alias in aliases.into_iter().map(Alias::into_path) {
            assert!(alias.is_absolute());
        }
        for below in mounts.at_or_below(path) {
            assert!(below.point.starts_with(path));
        }
    }
}

fn is_all_of(mounts: &Mounts, expected: &[Vec<u8>]) {
    let found = mounts.at_or_below(Path::new("/"));
    let found = found
        .iter()
        .rev()
        .map(|mount| mount.point.as_os_str().as_bytes());
    assert!(found.eq(expected.iter().map(Vec::as_slice)), "other mounts");
}

/// The point of a line that names a mount.
fn point(line: &[u8]) -> Option<Vec<u8>> {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [id, parent, device, _, point, ..] = fields.as_slice() else {
        return None;
    };
    let is_number =
        |field: &&&[u8]| std::str::from_utf8(field).is_ok_and(|text| text.parse::<u32>().is_ok());
    let point = unescaped(point);
    let is_mount = [id, parent].iter().all(is_number)
        && std::str::from_utf8(device).is_ok()
        && point.starts_with(b"/");
    is_mount.then_some(point)
}

/// Three octal digits behind a backslash are a byte.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < field.len() {
        let byte = match field[at..] {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
                at += 3;
                (a - b'0') * 64 + (b - b'0') * 8 + (c - b'0')
            }
            _ => field[at],
        };
        bytes.push(byte);
        at += 1;
    }
    bytes
}

/// The fields as paths of mounts, written as the kernel writes them.
fn comes_back(input: &[u8]) {
    let mut text = Vec::new();
    let mut expected = Vec::new();
    for field in all_fields(input) {
        let path = [b"/", field].concat();
        text.extend(b"29 1 8:1 / ");
        for byte in &path {
            match byte {
                b' ' | b'\t' | b'\n' | b'\\' | b'#' => text.extend(format!("\\{byte:03o}").bytes()),
                other => text.push(*other),
            }
        }
        text.extend(b" rw,relatime shared:1 - ext4 /dev/sda1 rw\n");
        expected.push(path);
    }
    is_all_of(&Mounts::parse(&text), &expected);
}
