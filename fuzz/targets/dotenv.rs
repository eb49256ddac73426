//! A dotenv file: what was written comes back, and no message has a value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule::collect::fault::CollectFault;
use vestibule::collect::source::{Format, SourceProblem};
use vestibule::fuzzing::clear;
use vestibule::sorted::Set;
use vestibule_fuzz::Canary;

const WANTED: [&str; 4] = ["A", "KEY", "a.b-c_1", "export"];

fuzz_target!(|input: &[u8]| {
    reads(input);
    comes_back(input);
});

/// Any bytes as a file.
fn reads(input: &[u8]) {
    let canary = Canary::of(input);
    let file = canary.put_into(input);
    let parts = match Format::Dotenv.parts(&file, &Set::from_iter(WANTED)) {
        Ok(parts) => parts,
        Err(problem) => return is_told_right(&canary, &file, problem),
    };
    for key in WANTED {
        let alone = Format::Dotenv.parts(&file, &Set::from_iter([key]));
        let alone = alone.expect("the file was read a moment ago").get(key);
        match (parts.get(key), alone) {
            (Ok(value), Ok(alone)) => {
                assert_eq!(clear(&value), clear(&alone));
                assert!(!clear(&value).is_empty() && clear(&value).len() <= file.len());
            }
            (Err(problem), Err(alone)) => {
                assert_eq!(problem, alone);
                is_told_right(&canary, &file, problem);
            }
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => panic!("one key changes another"),
        }
    }
}

fn is_told_right(canary: &Canary, file: &[u8], problem: SourceProblem) {
    let lines = file.split(|byte| *byte == b'\n').count();
    let named = match problem {
        SourceProblem::KeyTwice(_, first, second) => {
            assert!(first < second);
            second
        }
        SourceProblem::DotenvSyntax(line) | SourceProblem::OpenQuote(line) => line,
        _ => 1,
    };
    assert!((1..=lines).contains(&named), "line {named} of {lines}");
    canary.is_not_told_by(&CollectFault::Source {
        path: "/run/secrets/app.env".into(),
        problem,
        ownership: None,
        asked: "a policy".into(),
    });
}

/// The input as a value, written in each way that can hold it.
fn comes_back(value: &[u8]) {
    let is_reference = |problem: &SourceProblem| matches!(problem, SourceProblem::Reference(..));
    for assignment in spellings(value) {
        for (before, behind) in [("", ""), ("# c\n\nX='\n'\n", "\nY=1"), ("\u{feff}", "\r\n")] {
            let file = [before.as_bytes(), &assignment, behind.as_bytes()].concat();
            let read = Format::Dotenv
                .parts(&file, &Set::from_iter(["KEY"]))
                .and_then(|parts| parts.get("KEY"));
            match read {
                Ok(read) => assert!(clear(&read) == value, "another value came back"),
                Err(SourceProblem::Empty(_)) => assert!(value.is_empty()),
                Err(problem) => assert!(is_reference(&problem), "{problem:?}"),
            }
        }
    }
}

fn spellings(value: &[u8]) -> Vec<Vec<u8>> {
    let mut spellings = vec![[b"KEY=\"", &*escaped(value), b"\" # c"].concat()];
    // A CRLF in quotes is read as LF.
    if !value.contains(&b'\'') && !value.windows(2).any(|pair| pair == b"\r\n") {
        spellings.push([b"export KEY = '", value, b"'"].concat());
    }
    let is_bare =
        value.trim_ascii() == value && !value.iter().any(|byte| b"\r\n\x0b\x0c'\"#".contains(byte));
    if is_bare {
        spellings.push([b" KEY=", value, b"  # c"].concat());
    }
    spellings
}

fn escaped(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in value {
        match byte {
            b'\n' => text.extend(b"\\n"),
            b'\r' => text.extend(b"\\r"),
            b'\t' => text.extend(b"\\t"),
            b'"' | b'\\' | b'$' => text.extend([b'\\', *byte]),
            other => text.push(*other),
        }
    }
    text
}
