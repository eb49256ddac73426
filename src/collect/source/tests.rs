//! dotenv and JSON files: tables, and random bytes.

use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};

use super::SourceProblem::{
    DotenvSyntax, Empty, HalfPair, JsonSyntax, KeyTwice, NoKey, NoPointer, NotString, OpenQuote,
    PointerTwice, Reference,
};
use super::{Format, SourceProblem, reference_form};
use crate::sorted::Set;

#[expect(
    clippy::disallowed_methods,
    reason = "the tests look at values they made up"
)]
fn take(format: Format, file: &[u8], key: &str) -> Result<Vec<u8>, SourceProblem> {
    let parts = format.parts(file, &Set::from_iter([key]))?;
    parts.get(key).map(|value| value.expose().to_vec())
}

fn has_more(format: Format, file: &str, wanted: &[&str]) -> bool {
    let wanted = wanted.iter().copied().collect();
    format.parts(file.as_bytes(), &wanted).unwrap().has_more
}

#[test]
fn dotenv_values_are_read_as_people_write_them() {
    for (file, value) in [
        ("KEY=value", "value"),
        ("KEY=value\n", "value"),
        ("KEY=value\r\nOTHER=x\r\n", "value"),
        ("\u{feff}KEY=value", "value"),
        ("  KEY = value  ", "value"),
        ("export KEY=value", "value"),
        ("export\tKEY=value", "value"),
        ("export=1\nKEY=value", "value"),
        ("# c\n\n   # d\nKEY=value", "value"),
        ("KEY=value # comment", "value"),
        ("KEY=value\t# comment", "value"),
        ("KEY=a#b", "a#b"),
        ("KEY=a=b", "a=b"),
        ("KEY=it's", "it's"),
        ("KEY=$HOME ${HOME}", "$HOME ${HOME}"),
        ("KEY='a b'", "a b"),
        ("KEY='a\\n\"b' # c", "a\\n\"b"),
        ("KEY='$X'", "$X"),
        ("KEY=\"a\\n\\r\\t\\\"\\\\\\$b\"", "a\n\r\t\"\\$b"),
        ("KEY=\"a\\xb\\'\"", "a\\xb\\'"),
        ("KEY=\"a'b\"", "a'b"),
        ("KEY=\"one  \n two\"\nX=1", "one  \n two"),
        ("KEY='one\r\ntwo'\r\nX=1", "one\ntwo"),
        ("KEY='a\rb'", "a\rb"),
        ("KEY='value'\r", "value"),
        ("A='\nKEY=wrong\n'\nKEY=right", "right"),
        ("KEY=x-op://y", "x-op://y"),
    ] {
        let read = take(Format::Dotenv, file.as_bytes(), "KEY");
        assert_eq!(read, Ok(value.as_bytes().to_vec()), "{file:?}");
    }
    let read = take(Format::Dotenv, b"a.b-c_1=\xff\xfe", "a.b-c_1");
    assert_eq!(read, Ok(b"\xff\xfe".to_vec()));
}

#[test]
fn dotenv_mistakes_are_told_by_line_and_key() {
    let key = || "KEY".to_owned();
    for (file, problem) in [
        ("", NoKey(key())),
        ("OTHER=x", NoKey(key())),
        ("key=x", NoKey(key())),
        ("KEY=a\nX=1\nKEY=a", KeyTwice(key(), 1, 3)),
        ("KEY='\n'\nKEY=a", KeyTwice(key(), 1, 3)),
        ("KEY=", Empty(key())),
        ("KEY=''", Empty(key())),
        ("KEY=# nothing", Empty(key())),
        ("A=1\nnonsense", DotenvSyntax(2)),
        ("=x", DotenvSyntax(1)),
        ("A B=x", DotenvSyntax(1)),
        ("\u{e4}=x", DotenvSyntax(1)),
        ("KEY='a'b", DotenvSyntax(1)),
        ("KEY='\n\n'b=c", DotenvSyntax(3)),
        ("A=1\nKEY='open", OpenQuote(2)),
        ("KEY=\"open\\\"", OpenQuote(1)),
        ("KEY=\"a\nb\nc", OpenQuote(1)),
        ("KEY=op://a/b/c", Reference(key(), "1Password (`op://`)")),
    ] {
        let read = take(Format::Dotenv, file.as_bytes(), "KEY");
        assert_eq!(read, Err(problem), "{file:?}");
    }
}

#[test]
fn json_strings_are_found_by_pointer() {
    for (file, pointer, value) in [
        (r#"{"a": "x"}"#, "/a", "x"),
        ("\u{feff}{\"a\": \"x\"}", "/a", "x"),
        (r#" {"a": {"b": ["x", "y"]}} "#, "/a/b/1", "y"),
        (r#"["x"]"#, "/0", "x"),
        (r#"{"": "x"}"#, "/", "x"),
        (r#"{"a/b": "x", "a": {"b": "y"}}"#, "/a~1b", "x"),
        (r#"{"m~n": "x"}"#, "/m~0n", "x"),
        (r#"{"~1": "x"}"#, "/~01", "x"),
        (r#"{"\u0061": "x"}"#, "/a", "x"),
        (
            r#"{"a": "\"\\\/\b\f\n\r\t\u00e4"}"#,
            "/a",
            "\"\\/\u{8}\u{c}\n\r\t\u{e4}",
        ),
        (r#"{"a": "\ud83d\uDE00!"}"#, "/a", "\u{1f600}!"),
        (r#"{"a": "\u0000"}"#, "/a", "\0"),
        (r#"{"a": "${X}"}"#, "/a", "${X}"),
        (r#"{"a": 1, "b": "x"}"#, "/b", "x"),
    ] {
        let read = take(Format::Json, file.as_bytes(), pointer);
        assert_eq!(read, Ok(value.as_bytes().to_vec()), "{file}");
    }
}

#[test]
fn json_mistakes_are_told_by_pointer() {
    let at = |pointer: &str| pointer.to_owned();
    for (file, pointer, problem) in [
        ("", "/a", JsonSyntax(1, 0)),
        ("{\"a\": \n x}", "/a", JsonSyntax(2, 2)),
        ("{} {}", "/a", JsonSyntax(1, 4)),
        ("{}", "/a", NoPointer(at("/a"))),
        (r#"{"a": "x"}"#, "/a/b", NoPointer(at("/a/b"))),
        (r#"["x"]"#, "/00", NoPointer(at("/00"))),
        (r#"["x"]"#, "/1", NoPointer(at("/1"))),
        (r#"["x"]"#, "/-", NoPointer(at("/-"))),
        (r#"{"\ud800": "x", "a": "x"}"#, "/a", NoPointer(at("/a"))),
        (r#"{"a": 1}"#, "/a", NotString(at("/a"), "a number")),
        (r#"{"a": null}"#, "/a", NotString(at("/a"), "null")),
        (r#"{"a": true}"#, "/a", NotString(at("/a"), "true or false")),
        (r#"{"a": {}}"#, "/a", NotString(at("/a"), "an object")),
        (r#"{"a": []}"#, "/a", NotString(at("/a"), "an array")),
        (r#"{"a": ""}"#, "/a", Empty(at("/a"))),
        (r#"{"a": "1", "a": "1"}"#, "/a", PointerTwice(at("/a"))),
        (
            r#"{"a": {"b": "1"}, "a": {}}"#,
            "/a/b",
            PointerTwice(at("/a")),
        ),
        (r#"{"a": "\ud800"}"#, "/a", HalfPair(at("/a"))),
        (r#"{"a": "\udc00"}"#, "/a", HalfPair(at("/a"))),
        (r#"{"a": "\ud800\u0041"}"#, "/a", HalfPair(at("/a"))),
        (r#"{"a": "\ud800x"}"#, "/a", HalfPair(at("/a"))),
        (
            r#"{"a": "sm://x"}"#,
            "/a",
            Reference(at("/a"), "Google Secret Manager (`sm://`)"),
        ),
    ] {
        let read = take(Format::Json, file.as_bytes(), pointer);
        assert_eq!(read, Err(problem), "{file} {pointer}");
    }
    let broken = take(Format::Json, b"{\"a\": \"\xff\"}", "/a");
    assert!(matches!(broken, Err(JsonSyntax(..))));
    let parts = Format::Json.parts(b"{}", &Set::default()).unwrap();
    assert!(parts.get("not asked for").is_err());
}

#[test]
fn a_deep_document_is_no_danger() {
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let pointer = "/0".repeat(10_000);
    let read = take(Format::Json, deep.as_bytes(), &pointer);
    assert_eq!(read, Err(NoPointer(pointer)));
}

#[test]
fn ten_thousand_keys_are_taken_in_one_pass() {
    let keys: Vec<String> = (0..10_000).map(|number| format!("KEY_{number}")).collect();
    let wanted: Set<&str> = keys.iter().map(String::as_str).collect();
    let lines: Vec<String> = keys.iter().map(|key| format!("{key}=\"{key}\"")).collect();
    let file = lines.join("\n");
    let parts = Format::Dotenv.parts(file.as_bytes(), &wanted).unwrap();
    assert!(!parts.has_more && keys.iter().all(|key| parts.get(key).is_ok()));
}

#[test]
fn what_a_file_holds_beyond_the_wanted_is_noticed() {
    for (file, more) in [
        ("A=1", false),
        ("\nA=1\n", false),
        ("A=1\nB=2", true),
        ("A=1\n# B=2", true),
        ("A='1'\n", false),
    ] {
        assert_eq!(has_more(Format::Dotenv, file, &["A"]), more, "{file}");
    }
    for (file, more) in [
        (r#"{"a": "1"}"#, false),
        (r#"{"a": "1", "b": null, "c": {}, "d": []}"#, false),
        (r#"{"a": "1", "b": false}"#, true),
        (r#"{"a": "1", "b": {"c": 1}}"#, true),
        (r#"{"a": "1", "b": {"\ud800": 1}}"#, true),
        (r#"{"a": "1", "e": {"f": "1", "g": "2"}}"#, true),
        (r#"{"a": "1", "e": {"f": "1"}}"#, false),
        (r#"{"a": "1", "e": {"\ud800": "1"}}"#, true),
    ] {
        assert_eq!(
            has_more(Format::Json, file, &["/a", "/e/f"]),
            more,
            "{file}"
        );
    }
}

#[test]
fn references_are_known_by_their_form() {
    for text in [
        "op://vault/item/field",
        "arn:aws:secretsmanager:eu-west-1:1:secret:x",
        "arn:aws:ssm:eu-west-1:1:parameter/x",
        "gcp:secretmanager:projects/x",
        "sm://project/x",
        "berglas://bucket/x",
        "ENC[AES256_GCM,data:x]",
        "sops:file",
        "fernet:x",
        "vault:secret/data/x#key",
    ] {
        assert!(reference_form(text).is_some(), "{text}");
    }
    for text in [
        "vault:8200",
        "opt://x",
        " op://x",
        "arn:aws:s3:::bucket",
        "",
    ] {
        assert!(reference_form(text).is_none(), "{text}");
    }
}

#[test]
fn every_problem_has_its_words() {
    let name = || "K\u{1b}".to_owned();
    let shown = "`K\\u{1b}`";
    for (problem, what) in [
        (NoKey(name()), format!("there is no assignment of {shown}")),
        (
            KeyTwice(name(), 1, 3),
            format!("{shown} is assigned twice, in lines 1 and 3"),
        ),
        (DotenvSyntax(7), "line 7 is no `KEY=value`".into()),
        (
            OpenQuote(7),
            "the quote opened in line 7 is never closed".into(),
        ),
        (JsonSyntax(7, 2), "not JSON at line 7, column 2".into()),
        (NoPointer(name()), format!("there is nothing at {shown}")),
        (PointerTwice(name()), format!("{shown} stands there twice")),
        (
            NotString(name(), "a number"),
            format!("a number, not a string, stands at {shown}"),
        ),
        (
            HalfPair(name()),
            format!("the string at {shown} has half a surrogate pair"),
        ),
        (Empty(name()), format!("the value of {shown} is empty")),
        (
            Reference(name(), "SOPS"),
            format!("{shown} holds a SOPS reference, and there is no resolver yet"),
        ),
    ] {
        assert_eq!(problem.what(), what);
        assert!(!problem.remedy().is_empty() && !problem.remedy().ends_with('.'));
    }
}

fn dotenv_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"KEY=".to_vec()),
        Just(b"export ".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"'".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"\\".to_vec()),
        Just(b" #".to_vec()),
        any::<Vec<u8>>(),
    ];
    proptest::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

fn json_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("{\"a\":".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("}".to_owned()),
        Just(",".to_owned()),
        Just("\"\\ud83d".to_owned()),
        Just("\\u00e4\"".to_owned()),
        any::<String>().prop_map(|text| format!("{text:?}")),
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop_oneof![any::<Vec<u8>>(), dotenv_like(), json_like()]) {
        let _ = take(Format::Dotenv, &bytes, "KEY");
        let _ = take(Format::Json, &bytes, "/a/0");
    }

    #[test]
    fn a_single_quoted_value_reads_back(value in "[^'\r\0]{1,60}", ending in "(\r?\n)?") {
        let file = format!("A=1\nexport KEY='{value}'{ending}");
        match take(Format::Dotenv, file.as_bytes(), "KEY") {
            Ok(read) => prop_assert_eq!(read, value.into_bytes()),
            Err(problem) => prop_assert_eq!(Some(problem), reference_form(&value).map(|form| Reference("KEY".into(), form))),
        }
    }

    #[test]
    fn a_double_quoted_value_reads_back(value in "[^\r\0]{1,60}") {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
        let file = format!("KEY=\"{escaped}\"\nZ=1");
        match take(Format::Dotenv, file.as_bytes(), "KEY") {
            Ok(read) => prop_assert_eq!(read, value.into_bytes()),
            Err(problem) => prop_assert_eq!(Some(problem), reference_form(&value).map(|form| Reference("KEY".into(), form))),
        }
    }

    #[test]
    fn a_json_string_reads_as_serde_reads_it(value in "\\PC{1,60}|[\u{0}-\u{20}\"\\\\]{1,20}") {
        let file = serde_json::json!({ "x": [], "a": [value] }).to_string();
        match take(Format::Json, file.as_bytes(), "/a/0") {
            Ok(read) => prop_assert_eq!(read, value.into_bytes()),
            Err(problem) => prop_assert_eq!(Some(problem), reference_form(&value).map(|form| Reference("/a/0".into(), form))),
        }
    }
}
