//! Why a file that is there cannot be executed.
//!
//! In: the path and the kernel's error. Out: the true cause: a missing
//! interpreter, another architecture, a mount without exec.
//!
//! **Never:** a second attempt. This only reads what execve(2) has refused.

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};

use crate::exit::Exit;
use crate::report::{quote, said};

/// As much of a file as the kernel looks at (binfmt: BINPRM_BUF_SIZE), with
/// room for the program headers of an ELF file.
const HEAD_BYTES: usize = 4096;

/// What keeps a file from being executed.
#[derive(Debug, PartialEq, Eq)]
pub enum Cause {
    /// A directory.
    Directory,
    /// The mode has no execute bit for us.
    Mode(u32),
    /// The mount is `noexec`.
    NoExecMount,
    /// The interpreter that a script's first line or an ELF file names is not
    /// there.
    MissingInterpreter(PathBuf),
    /// An ELF file for another machine.
    Architecture(&'static str),
    /// Neither a program nor a script.
    Format,
    /// Another error of the kernel.
    Other(Errno),
}

impl Cause {
    /// The cause in words.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Self::Directory => "it is a directory".into(),
            Self::Mode(mode) => format!("its mode {mode:04o} does not let us execute it"),
            Self::NoExecMount => "it lies on a mount with the option noexec".into(),
            Self::MissingInterpreter(path) => {
                format!(
                    "its interpreter {} is missing",
                    quote(path.as_os_str().as_encoded_bytes())
                )
            }
            Self::Architecture(other) => format!(
                "it is built for {other}, this machine is {}",
                std::env::consts::ARCH
            ),
            Self::Format => "it is neither a program nor a script".into(),
            Self::Other(errno) => said(*errno),
        }
    }

    /// What to change.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Directory => "name a file in it".into(),
            Self::Mode(_) => "set the execute bit in the image (`chmod 0755`, Dockerfile: `COPY --chmod=0755`)".into(),
            Self::NoExecMount => "mount it without noexec, or put the command elsewhere".into(),
            Self::MissingInterpreter(_) => {
                "install the interpreter, correct the first line (no CR at its end), or use a static program".into()
            }
            Self::Architecture(_) => "use the image or the program for this machine's architecture".into(),
            Self::Format => "start a script with `#!/bin/sh`, or rebuild the program".into(),
            Self::Other(_) => "a restart may help".into(),
        }
    }

    /// 126, unless the system is at fault.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Other(errno) if SHORTAGES.contains(errno) => Exit::System,
            Self::Directory
            | Self::MissingInterpreter(_)
            | Self::Mode(_)
            | Self::NoExecMount
            | Self::Architecture(_)
            | Self::Format
            | Self::Other(_) => Exit::NotExecutable,
        }
    }
}

/// What a later attempt may overcome.
const SHORTAGES: [Errno; 5] = [
    Errno::ENOMEM,
    Errno::EAGAIN,
    Errno::EIO,
    Errno::ENFILE,
    Errno::EMFILE,
];

/// Finds the cause for `errno`.
#[must_use]
pub fn cause(path: &Path, errno: Errno) -> Cause {
    let Ok(metadata) = std::fs::metadata(path) else {
        return Cause::Other(errno);
    };
    if metadata.is_dir() {
        return Cause::Directory;
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if errno == Errno::EACCES {
        if mode & 0o111 != 0 && is_noexec(path) {
            Cause::NoExecMount
        } else {
            Cause::Mode(mode)
        }
    } else if errno == Errno::ENOENT || errno == Errno::ENOTDIR {
        interpreter(&head(path)).map_or(Cause::Other(errno), Cause::MissingInterpreter)
    } else if [Errno::ENOEXEC, Errno::EINVAL, Errno::ELIBBAD].contains(&errno) {
        machine(&head(path))
            .filter(|other| *other != std::env::consts::ARCH)
            .map_or(Cause::Format, Cause::Architecture)
    } else {
        Cause::Other(errno)
    }
}

/// Whether a file that the kernel does not know is text for `sh`: as in bash, a
/// NUL byte in the first line says that it is not.
#[must_use]
pub fn may_be_a_script(path: &Path) -> bool {
    let head = head(path);
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    !head.starts_with(b"\x7fELF") && !line.contains(&0)
}

fn is_noexec(path: &Path) -> bool {
    statvfs(path).is_ok_and(|found| found.flags().contains(FsFlags::ST_NOEXEC))
}

fn head(path: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    if let Ok(file) = File::open(path) {
        let limit = u64::try_from(HEAD_BYTES).unwrap_or(0);
        let _ = file.take(limit).read_to_end(&mut head);
    }
    head
}

/// The interpreter of a script (execve(2)) or of an ELF file (its PT_INTERP).
fn interpreter(head: &[u8]) -> Option<PathBuf> {
    let name = match head.strip_prefix(b"#!") {
        Some(line) => line
            .split(|&byte| byte == b'\n')
            .next()?
            .trim_ascii_start()
            .split(|&byte| byte == b' ' || byte == b'\t')
            .next()?,
        None => elf_interpreter(head)?,
    };
    Some(PathBuf::from(std::ffi::OsString::from_vec(name.to_vec())))
}

/// PT_INTERP of a 64-bit little-endian file (elf(5)): e_phoff at 32, e_phentsize
/// at 54, e_phnum at 56; p_type at 0, p_offset at 8, p_filesz at 32.
fn elf_interpreter(head: &[u8]) -> Option<&[u8]> {
    const PT_INTERP: u64 = 3;
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let table = number(head, 32, 8)?;
    let size = number(head, 54, 2)?;
    let count = number(head, 56, 2)?;
    (0..count).find_map(|index| {
        let header = usize::try_from(table.checked_add(index.checked_mul(size)?)?).ok()?;
        if number(head, header, 4)? != PT_INTERP {
            return None;
        }
        let start = usize::try_from(number(head, header.checked_add(8)?, 8)?).ok()?;
        let length = usize::try_from(number(head, header.checked_add(32)?, 8)?).ok()?;
        head.get(start..start.checked_add(length)?)?
            .strip_suffix(b"\0")
    })
}

/// A little-endian number of `size` bytes.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(size)?)?;
    Some(
        field
            .iter()
            .rev()
            .fold(0, |number, &byte| number << 8 | u64::from(byte)),
    )
}

/// The machine of an ELF file (elf(5), e_machine), by Rust's name for it.
fn machine(head: &[u8]) -> Option<&'static str> {
    if !head.starts_with(b"\x7fELF") {
        return None;
    }
    match number(head, 18, 2)? {
        3 => Some("x86"),
        40 => Some("arm"),
        62 => Some("x86_64"),
        183 => Some("aarch64"),
        243 => Some("riscv64"),
        _ => Some("another architecture"),
    }
}

#[cfg(test)]
mod tests {
    use super::{interpreter, machine};
    use std::path::Path;

    #[test]
    fn the_interpreter_of_a_script_is_read_as_the_kernel_does() {
        let of = |head: &[u8]| interpreter(head).map(|path| path.display().to_string());
        assert_eq!(of(b"#!/bin/sh\necho"), Some("/bin/sh".into()));
        assert_eq!(
            of(b"#! /usr/bin/env python3\n"),
            Some("/usr/bin/env".into())
        );
        assert_eq!(of(b"#!/bin/sh\r\n"), Some("/bin/sh\r".into()));
        assert_eq!(of(b"plain"), None);
        assert_eq!(of(b"\x7fELF\x02\x01"), None);
    }

    #[test]
    fn the_interpreter_and_machine_of_a_real_program_are_found() {
        let own = std::fs::read("/proc/self/exe").expect("the test program");
        assert_eq!(machine(&own), Some(std::env::consts::ARCH));
        let found = interpreter(own.get(..4096).expect("a head"));
        assert!(found.is_none_or(|path| Path::new(&path).is_absolute()));
    }
}
