//! A JSON file: pointers lead where `serde_json`'s tree says they lead, and no
//! message has a value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use vestibule::collect::fault::CollectFault;
use vestibule::collect::source::{Format, SourceProblem};
use vestibule::fuzzing::clear;
use vestibule::sorted::Set;
use vestibule_fuzz::{Canary, fields};

fuzz_target!(|input: &[u8]| {
    let canary = Canary::of(input);
    let [pointer, file] = fields(input);
    let file = canary.put_into(file);
    let Ok(pointer) = std::str::from_utf8(pointer) else {
        return;
    };
    let wanted = Set::from_iter([pointer, "", "/a", "/a/0", "/a~1b", "/m~0n/x", "/a/b/c"]);
    let parts = match Format::Json.parts(&file, &wanted) {
        Ok(parts) => parts,
        Err(problem) => return is_told_right(&canary, &file, problem),
    };
    let plain = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&file);
    let tree = serde_json::from_slice::<Value>(plain).ok();
    for pointer in wanted {
        let place = tree.as_ref().map(|tree| tree.pointer(pointer));
        match parts.get(pointer) {
            Ok(value) => {
                assert!(!clear(&value).is_empty());
                // No tree: half a surrogate pair stands somewhere else.
                if let Some(place) = place {
                    let theirs = place.and_then(Value::as_str).map(str::as_bytes);
                    assert!(theirs == Some(clear(&value)), "another string was read");
                }
            }
            Err(problem) => {
                if let Some(place) = place {
                    is_deserved(&problem, place);
                }
                is_told_right(&canary, &file, problem);
            }
        }
    }
    come_back(&file);
});

fn is_deserved(problem: &SourceProblem, place: Option<&Value>) {
    match problem {
        // The tree takes `+1` and `01` for no index either, so both agree.
        SourceProblem::NoPointer(_) => assert!(place.is_none(), "something stands there"),
        SourceProblem::NotString(_, kind) => {
            let theirs = match place {
                Some(Value::Null) => "null",
                Some(Value::Bool(_)) => "true or false",
                Some(Value::Number(_)) => "a number",
                Some(Value::Array(_)) => "an array",
                Some(Value::Object(_)) => "an object",
                Some(Value::String(_)) | None => "",
            };
            assert_eq!(*kind, theirs);
        }
        SourceProblem::Empty(_) => assert_eq!(place.and_then(Value::as_str), Some("")),
        SourceProblem::HalfPair(_) => panic!("the tree has a string there"),
        SourceProblem::PointerTwice(_) | SourceProblem::Reference(..) => {}
        other => panic!("not of a JSON file: {other:?}"),
    }
}

fn is_told_right(canary: &Canary, file: &[u8], problem: SourceProblem) {
    if let SourceProblem::JsonSyntax(line, _) = problem {
        let lines = file.split(|byte| *byte == b'\n').count();
        // An empty file ends in line 1, column 0.
        assert!((1..=lines).contains(&line), "line {line} of {lines}");
    }
    canary.is_not_told_by(&CollectFault::Source {
        path: "/run/secrets/app.json".into(),
        problem,
        ownership: None,
        asked: "a policy".into(),
    });
}

/// The file as a string of a JSON file that `serde_json` wrote.
fn come_back(file: &[u8]) {
    let Ok(text) = std::str::from_utf8(file) else {
        return;
    };
    let written = serde_json::json!({ "x": 1, "a/b": ["", text] }).to_string();
    let parts = Format::Json.parts(written.as_bytes(), &Set::from_iter(["/a~1b/1"]));
    let parts = parts.expect("this is JSON");
    assert!(parts.has_more, "there is a number besides");
    match parts.get("/a~1b/1") {
        Ok(value) => assert!(clear(&value) == file, "another value came back"),
        Err(SourceProblem::Empty(_)) => assert!(file.is_empty()),
        Err(problem) => assert!(matches!(problem, SourceProblem::Reference(..))),
    }
}
