//! What a program runs with besides its own file.
//!
//! In: a program and its arguments. Out: the files and directories by which
//! somebody who may change one of them decides what it does: interpreters, the
//! loader with its settings and libraries, a script's search path, a script that
//! is an argument.
//!
//! **Never:** "nothing" for a program that could not be read. What a program opens
//! by itself is its own matter.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::setup::phase::DEFAULT_PATH;

/// What ld.so(8) obeys, and where it and libraries are.
const LIBRARIES: [&str; 7] = [
    "/etc/ld.so.preload",
    "/etc/ld.so.cache",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
];
/// What runs a script without `#!`.
const SHELL: &str = "/bin/sh";
/// As many interpreters of interpreters as the kernel takes (execve(2)).
const INTERPRETERS: usize = 5;
/// The longest first line of a script, and more than the longest path.
const LINE: usize = 4096;

/// How the kernel starts a file.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// By itself.
    Static,
    /// By this loader (elf(5), PT_INTERP), where it can be told.
    Dynamic(Option<PathBuf>),
    /// By this program.
    Script(PathBuf),
}

/// All that these words need. `own` is setup's directory: what an argument names
/// there is what setup is asked to leave.
pub(super) fn needs(words: &[String], own: Option<&Path>) -> Vec<PathBuf> {
    let mut needed = Vec::new();
    let mut program = words.first().map(PathBuf::from).unwrap_or_default();
    let mut is_script = false;
    for _ in 0..INTERPRETERS {
        match kind(&program).unwrap_or(Kind::Dynamic(None)) {
            Kind::Static => break,
            Kind::Dynamic(loader) => {
                needed.extend(loader);
                needed.extend(LIBRARIES.map(PathBuf::from));
                break;
            }
            Kind::Script(interpreter) => {
                is_script = true;
                needed.push(interpreter.clone());
                program = interpreter;
            }
        }
    }
    if is_script {
        needed.extend(DEFAULT_PATH.split(':').map(PathBuf::from));
    }
    let arguments = words.iter().skip(1).map(Path::new);
    let files = arguments.filter(|path| {
        let is_own = own.is_some_and(|own| path.starts_with(own));
        path.is_absolute() && path.is_file() && !is_own
    });
    needed.extend(files.map(Path::to_path_buf));
    needed
}

fn kind(program: &Path) -> io::Result<Kind> {
    let file = File::open(program)?;
    let mut head = [0; LINE];
    let count = file.read_at(&mut head, 0)?;
    let head = head.get(..count).unwrap_or_default();
    if head.starts_with(b"\x7fELF") {
        return Ok(elf_kind(&file, head).unwrap_or(Kind::Dynamic(None)));
    }
    let Some(line) = head.strip_prefix(b"#!") else {
        return Ok(Kind::Script(SHELL.into()));
    };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let name = line.trim_ascii_start();
    let mut words = name.split(|byte| *byte == b' ' || *byte == b'\t');
    let name = words.next().unwrap_or_default();
    Ok(Kind::Script(PathBuf::from(OsStr::from_bytes(name))))
}

/// By the program headers of a 64-bit little-endian file (elf(5)): e_phoff at 32,
/// e_phentsize at 54, e_phnum at 56; p_type at 0, p_offset at 8, p_filesz at 32.
/// `None` for any other.
fn elf_kind(file: &File, head: &[u8]) -> Option<Kind> {
    const PT_INTERP: u64 = 3;
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (table, size) = (number(head, 32, 8)?, number(head, 54, 2)?);
    for index in 0..number(head, 56, 2)? {
        let mut header = [0; 56];
        let at = table.checked_add(index.checked_mul(size)?)?;
        file.read_exact_at(&mut header, at).ok()?;
        if number(&header, 0, 4)? == PT_INTERP {
            let length = usize::try_from(number(&header, 32, 8)?).ok()?;
            let mut name = vec![0; length.min(LINE)];
            file.read_exact_at(&mut name, number(&header, 8, 8)?).ok()?;
            let name = name.strip_suffix(b"\0")?;
            return Some(Kind::Dynamic(Some(OsStr::from_bytes(name).into())));
        }
    }
    Some(Kind::Static)
}

/// A little-endian number of `size` bytes.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(size)?)?;
    let fold = |number, byte: &u8| number << 8 | u64::from(*byte);
    Some(field.iter().rev().fold(0, fold))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Kind, LIBRARIES, kind, needs};
    use crate::seal::tests::Place;

    fn of(words: &[&str], own: Option<&Path>) -> Vec<PathBuf> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        needs(&words, own)
    }

    /// A little-endian 64-bit program with one header of this type, whose content is
    /// `name`, both behind what is read at first.
    fn elf(kind: u8, name: &str) -> Vec<u8> {
        let mut file = vec![0; 8192];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[32..34].copy_from_slice(&6000_u16.to_le_bytes());
        (file[54], file[56]) = (56, 1);
        file[6000] = kind;
        file[6008..6010].copy_from_slice(&7000_u16.to_le_bytes());
        file[6032] = u8::try_from(name.len()).unwrap();
        file[7000..7000 + name.len()].copy_from_slice(name.as_bytes());
        file
    }

    fn path(place: &Place, name: &str) -> String {
        place.0.join(name).display().to_string()
    }

    #[test]
    fn a_static_program_needs_nothing_and_a_dynamic_one_its_loader_and_libraries() {
        let place = Place::new();
        std::fs::write(place.0.join("static"), elf(1, "")).unwrap();
        std::fs::write(place.0.join("dynamic"), elf(3, "/opt/ld.so\0")).unwrap();
        assert_eq!(
            of(&[&path(&place, "static")], None),
            [""; 0].map(PathBuf::from)
        );
        let expected = [&["/opt/ld.so"], &LIBRARIES[..]].concat();
        let expected: Vec<PathBuf> = expected.into_iter().map(PathBuf::from).collect();
        assert_eq!(of(&[&path(&place, "dynamic")], None), expected);
    }

    #[test]
    fn what_cannot_be_read_or_understood_is_never_static() {
        let place = Place::new();
        assert_eq!(of(&["/none"], None).len(), LIBRARIES.len());
        let whole = elf(1, "");
        for broken in [&whole[..40], &whole[..6010], b"\x7fELF\x01\x01"] {
            std::fs::write(place.0.join("broken"), broken).unwrap();
            let found = kind(&place.0.join("broken")).unwrap();
            assert_eq!(found, Kind::Dynamic(None), "{}", broken.len());
        }
    }

    #[test]
    fn a_script_needs_each_interpreter_and_its_search_path() {
        let place = Place::new();
        std::fs::write(place.0.join("static"), elf(1, "")).unwrap();
        let (one, two) = (path(&place, "one"), path(&place, "two"));
        let program = path(&place, "static");
        place.write("one", format!("#! {two} -x\n"));
        place.write("two", format!("#!{program}\n"));
        let found = of(&[&one], None);
        assert_eq!(found[..2], [&two, &program].map(PathBuf::from));
        assert!(
            found.contains(&PathBuf::from("/usr/local/sbin")),
            "{found:?}"
        );
        assert!(!found.contains(&PathBuf::from("/etc/ld.so.preload")));
        place.write("plain", "echo\n");
        let found = of(&[&path(&place, "plain")], None);
        assert_eq!(found[0], Path::new("/bin/sh"));
    }

    #[test]
    fn a_file_that_is_an_argument_counts_unless_setup_is_to_make_it() {
        let place = Place::new();
        std::fs::write(place.0.join("static"), elf(1, "")).unwrap();
        place.write("script", "");
        place.write("own/state", "");
        let (program, script) = (path(&place, "static"), path(&place, "script"));
        let state = path(&place, "own/state");
        let own = place.0.join("own");
        let found = of(&[&program, "sh", &script, &state, "/"], Some(&own));
        assert_eq!(found, [PathBuf::from(script)]);
    }
}
