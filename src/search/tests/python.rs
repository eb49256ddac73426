//! The forms against encoders that others wrote: Python's standard library.

use std::io::Write as _;
use std::process::Stdio;

use super::searcher;
use crate::search::encode::{Digits, hex};

/// Reads a value in hex, prints `name hex` for each way of writing it.
const ENCODERS: &str = r#"
import base64, html, json, shlex, sys, urllib.parse, xml.sax.saxutils, binascii, codecs
value = bytes.fromhex(sys.stdin.read())
out = {}
for before in range(3):
    for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
        out[f"{name} after {before}"] = encode(b"u:x"[:before] + value + b"\0tail")
out["hex"] = value.hex().encode()
out["HEX"] = value.hex().upper().encode()
out["quote"] = urllib.parse.quote(value).encode()
out["quote all"] = urllib.parse.quote(value, safe="").encode()
out["quote_plus"] = urllib.parse.quote_plus(value).encode()
out["quote twice"] = urllib.parse.quote(urllib.parse.quote(value, safe=""), safe="").encode()
out["encodeURIComponent"] = urllib.parse.quote(value, safe="!'()*").encode()
out["mime"] = base64.encodebytes(value)
out["shlex"] = shlex.quote(value.decode("latin-1")).encode("latin-1")
out["repr"] = repr(value).encode()
try:
    text = value.decode()
    out["json"] = json.dumps(text).encode()
    out["json as it is"] = json.dumps(text, ensure_ascii=False).encode()
    out["json twice"] = json.dumps(json.dumps(text, ensure_ascii=False), ensure_ascii=False).encode()
    out["php"] = json.dumps(text).replace("\\u007f", "\x7f").replace("/", "\\/").encode()
    out["utf-16le"] = text.encode("utf-16le")
    out["utf-16be"] = text.encode("utf-16be")
    out["html"] = html.escape(text).encode()
    out["xml"] = xml.sax.saxutils.escape(text, {'"': "&quot;"}).encode()
except UnicodeDecodeError:
    pass
for name, written in out.items():
    print(name + "\t" + written.hex())
"#;

#[test]
fn what_python_writes_is_found() {
    let values: [&[u8]; 6] = [
        b"glpat-4fJk29sLqPz8vXw1Tn",
        b"a b/c+d%e@f:g?h#i&j=k\"l'm\\n<o>p~q!r(s)t*u",
        "p\u{e4}\u{df}w\u{f6}rt \u{1f511} \u{20ac}\u{7f}/'".as_bytes(),
        b"\x01\x1b[31m\xff\xfe\x80 binary \t tail",
        b"two lines of\nthe very same value, the second longer than sixty bytes it is",
        b"12345678",
    ];
    for value in values {
        let searcher = searcher(&[value]);
        let written = python(value);
        assert!(written.lines().count() >= 14);
        for line in written.lines() {
            let (name, digits) = line.split_once('\t').unwrap();
            let text = bytes_of(digits);
            assert!(searcher.find(&text, 0).is_some(), "{name} of {value:?}");
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test asks another program about a value that it made up"
)]
fn python(value: &[u8]) -> String {
    let mut child = std::process::Command::new("python3")
        .args(["-c", ENCODERS])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is needed");
    let digits = hex(value, Digits::Lower);
    let mut input = child.stdin.take().unwrap();
    input.write_all(digits.expose()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn bytes_of(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
