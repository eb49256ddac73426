//! Every writing of a value that is searched for.
//!
//! In: a value. Out: its `Form`s, each a kind and the bytes to look for: the
//! whole value, and each line of one that has several.
//!
//! **Never:** a form under 8 bytes, since those occur by chance; a line that
//! every key of its kind begins with.

use super::encode::{
    Alphabet, Digits, Json, Numbers, Order, Percent, backslashed, base64, c_string, hex, json,
    percent, replaced, utf16,
};
use crate::secret::{SEARCHABLE_BYTES, Secret};

/// A line longer than this is searched for in pieces of this size.
const PIECE_BYTES: usize = 4096;
/// The part of a value that is searched for in every form; what comes after it,
/// as it is.
const ENCODED_BYTES: usize = 64 * 1024;
/// The longest value that is looked for in every form in messages.
const MESSAGE_BYTES: usize = 1024;
/// Bytes that make one line of base64 as `openssl` (64 characters) and MIME and
/// `base64` (76) break it.
const BASE64_LINES: [usize; 2] = [48, 57];
/// Bytes that make one line of `xxd -p`.
const HEX_LINE: usize = 30;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormKind {
    /// As it is.
    Raw,
    /// Base64 with `+` and `/`.
    Base64,
    /// Base64 with `-` and `_`.
    Base64Url,
    /// `%40` for `@`.
    Percent,
    /// Two digits a byte.
    Hex,
    /// With the escapes of a JSON string.
    Json,
    /// With the escapes of a shell.
    Shell,
    /// With the escapes of C, Redis or a password file.
    Backslash,
    /// With the entities of XML and HTML.
    Xml,
    /// Two bytes a character.
    Utf16,
}

impl FormKind {
    /// The name for people and for JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Raw => "plain",
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
            Self::Percent => "percent-encoded",
            Self::Hex => "hex",
            Self::Json => "json-escaped",
            Self::Shell => "shell-escaped",
            Self::Backslash => "backslash-escaped",
            Self::Xml => "xml-escaped",
            Self::Utf16 => "utf-16",
        }
    }
}

/// One writing of a value, or of one line of it.
pub struct Form {
    /// How it is written.
    pub kind: FormKind,
    /// The bytes to look for.
    pub(crate) bytes: Secret,
}

/// All forms of a value. Empty for a value under 8 bytes.
#[must_use]
pub fn forms(value: &Secret) -> Vec<Form> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the value is written down in other forms, each a Secret"
    )]
    let clear = value.expose();
    let mut forms = Forms::default();
    if value.is_short() {
        return forms.all;
    }
    let lines = lines(clear);
    if clear.len() <= PIECE_BYTES {
        forms.add_piece(clear);
    }
    for line in &lines {
        let is_whole = line.text.len() == clear.len() && clear.len() <= PIECE_BYTES;
        if !is_whole && !line.is_public {
            forms.add_line(line.text);
        }
    }
    forms.add_broken_lines(clear, &lines);
    forms.all
}

/// Those that stand in a message of ours, if somebody put the value where a name
/// belongs. A start has no time for all forms of a key: of what is long or has
/// several lines it is each line, as it is.
#[must_use]
pub fn message_forms(value: &Secret) -> Vec<Form> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the value is written down in other forms, each a Secret"
    )]
    let clear = value.expose();
    if value.is_short() {
        return Vec::new();
    }
    let lines = lines(clear);
    let is_one = lines.len() == 1 && clear.len() <= MESSAGE_BYTES;
    let mut forms = Forms {
        encoded: if is_one { 0 } else { ENCODED_BYTES },
        ..Forms::default()
    };
    for line in lines.iter().filter(|line| !line.is_public) {
        forms.add_line(line.text);
    }
    forms.all
}

/// A line without the spaces around it.
struct Line<'a> {
    text: &'a [u8],
    start: usize,
    is_public: bool,
}

fn lines(clear: &[u8]) -> Vec<Line<'_>> {
    let mut start = 0;
    let mut lines = Vec::new();
    for line in clear.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
        let text = line.trim_ascii();
        let is_public = PUBLIC.iter().any(|known| text.starts_with(known));
        lines.push(Line {
            text,
            start,
            is_public,
        });
        start += line.len();
    }
    lines
}

/// Lines that begin so are the same in many keys: the frame of PEM, and the
/// first line of an OpenSSH key, which holds its type and no part of the key.
const PUBLIC: [&[u8]; 2] = [b"-----", b"b3BlbnNzaC1rZXktdjEA"];

/// How the encoders of URLs differ: unreserved only (ours, curl); `/` kept
/// (Python's `quote`); `encodeURIComponent`; forms and Java; `encodeURI`; user
/// information as Go and as the URL standard of the browsers writes it.
const PERCENT: [(&[u8], bool); 8] = [
    (b"~", false),
    (b"~", true),
    (b"~/", false),
    (b"~!'()*", false),
    (b"*", true),
    (b"~;,/?:@&=+$!*'()#", false),
    (b"~$&+,;=", false),
    (b"~!$&'()*+,%", false),
];

/// How serialisers of JSON differ: most; PHP; Python; PHP with ASCII; Go;
/// Gson; .NET. Each: `\/`, further escapes, ASCII only, digits.
const JSON: [(bool, &[u8], bool, Digits); 7] = [
    (false, b"", false, Digits::Lower),
    (true, b"", false, Digits::Lower),
    (false, b"\x7f", true, Digits::Lower),
    (true, b"", true, Digits::Lower),
    (false, b"<>&", false, Digits::Lower),
    (false, b"<>&='", false, Digits::Lower),
    (false, b"\"<>&'+`\x7f", true, Digits::Upper),
];

/// What bash's `printf %q` puts a backslash before.
const SHELL_MARKS: &[u8] = b" !\"#$&'()*,;<>?[\\]^`{|}~";

/// The entities of XML; how an apostrophe is written differs.
const XML: [(u8, &[u8]); 4] = [
    (b'&', b"&amp;"),
    (b'<', b"&lt;"),
    (b'>', b"&gt;"),
    (b'"', b"&quot;"),
];
const APOSTROPHES: [&[u8]; 3] = [b"&#39;", b"&apos;", b"&#x27;"];

#[derive(Default)]
struct Forms {
    all: Vec<Form>,
    /// Where the forms of the piece at hand begin.
    piece: usize,
    /// Bytes written in every form so far.
    encoded: usize,
}

impl Forms {
    /// A line, in pieces if it is long; the last piece overlaps, so that no short
    /// end is left.
    fn add_line(&mut self, line: &[u8]) {
        let mut start = 0;
        while start + PIECE_BYTES < line.len() {
            self.add_piece(line.get(start..start + PIECE_BYTES).unwrap_or_default());
            start += PIECE_BYTES;
        }
        let start = start.min(line.len().saturating_sub(PIECE_BYTES));
        self.add_piece(line.get(start..).unwrap_or_default());
    }

    fn add_piece(&mut self, clear: &[u8]) {
        if clear.len() < SEARCHABLE_BYTES {
            return;
        }
        self.piece = self.all.len();
        self.add(FormKind::Raw, Secret::concat(&[clear]));
        self.encoded = self.encoded.saturating_add(clear.len());
        if self.encoded > ENCODED_BYTES {
            return;
        }
        for before in 0..3 {
            self.add(FormKind::Base64, base64(clear, before, Alphabet::Standard));
            self.add(
                FormKind::Base64Url,
                base64(clear, before, Alphabet::UrlSafe),
            );
        }
        for digits in [Digits::Lower, Digits::Upper] {
            self.add(FormKind::Hex, hex(clear, digits));
        }
        for order in [Order::Little, Order::Big] {
            self.add(FormKind::Utf16, utf16(clear, order));
        }
        // Most tokens have nothing that anybody escapes.
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
        if clear.iter().all(is_plain) {
            return;
        }
        self.add_percent(clear);
        self.add_json(clear);
        self.add_shell(clear);
        for numbers in [Numbers::Hex, Numbers::Octal] {
            for quotes in [&b"\""[..], b"'"] {
                for ascii in [false, true] {
                    let text = c_string(clear, quotes, numbers, ascii);
                    self.add(FormKind::Backslash, text);
                }
            }
        }
        self.add(FormKind::Backslash, backslashed(clear, b":\\"));
        // As our own messages quote it.
        let quoted = replaced(clear, &[(b'`', b"\\u{60}"), (b'\\', b"\\\\")]);
        self.add(FormKind::Backslash, quoted);
        let [and, less, greater, quote] = XML;
        self.add(FormKind::Xml, replaced(clear, &[and, less, greater]));
        self.add(FormKind::Xml, replaced(clear, &XML));
        for apostrophe in APOSTROPHES {
            let all = [and, less, greater, quote, (b'\'', apostrophe)];
            self.add(FormKind::Xml, replaced(clear, &all));
        }
    }

    fn add_percent(&mut self, clear: &[u8]) {
        for digits in [Digits::Upper, Digits::Lower] {
            for (kept, plus) in PERCENT {
                let style = Percent { kept, plus, digits };
                self.add(FormKind::Percent, percent(clear, style));
            }
        }
        let style = Percent {
            kept: b"~",
            plus: false,
            digits: Digits::Upper,
        };
        self.add_again(FormKind::Percent, &percent(clear, style), |once| {
            percent(once, style)
        });
    }

    fn add_json(&mut self, clear: &[u8]) {
        for (slash, also, ascii, digits) in JSON {
            let style = Json {
                slash,
                also,
                ascii,
                digits,
            };
            self.add(FormKind::Json, json(clear, style));
        }
        let style = Json {
            slash: false,
            also: b"",
            ascii: false,
            digits: Digits::Lower,
        };
        self.add_again(FormKind::Json, &json(clear, style), |once| {
            json(once, style)
        });
        // A key of a policy, in a pointer to it (RFC 6901).
        let pointer = replaced(clear, &[(b'~', b"~0"), (b'/', b"~1")]);
        self.add(FormKind::Json, pointer);
    }

    fn add_shell(&mut self, clear: &[u8]) {
        for quote in [&b"'\\''"[..], b"'\"'\"'"] {
            self.add(FormKind::Shell, replaced(clear, &[(b'\'', quote)]));
        }
        for marks in [SHELL_MARKS, b"\"$`\\", b"\"$`\\!", b"'", b"\\'"] {
            self.add(FormKind::Shell, backslashed(clear, marks));
        }
    }

    /// A form of a form: an URL in an URL, JSON in JSON.
    fn add_again(&mut self, kind: FormKind, once: &Secret, again: impl Fn(&[u8]) -> Secret) {
        #[expect(
            clippy::disallowed_methods,
            reason = "a form is written down in its form once more"
        )]
        self.add(kind, again(once.expose()));
    }

    /// Base64 and hex of the whole value, broken into lines by the program that
    /// wrote them.
    fn add_broken_lines(&mut self, clear: &[u8], lines: &[Line<'_>]) {
        let head = clear.get(..ENCODED_BYTES).unwrap_or(clear);
        for size in BASE64_LINES {
            if head.len() > size {
                for piece in private(head, size, lines) {
                    self.piece = self.all.len();
                    self.add(FormKind::Base64, base64(piece, 0, Alphabet::Standard));
                }
            }
        }
        if head.len() > HEX_LINE {
            for piece in private(head, HEX_LINE, lines) {
                self.piece = self.all.len();
                self.add(FormKind::Hex, hex(piece, Digits::Lower));
            }
        }
    }

    /// Keeps a form that is long enough and that this piece has not yet.
    fn add(&mut self, kind: FormKind, bytes: Secret) {
        #[expect(
            clippy::disallowed_methods,
            reason = "compared with the other forms of the same value"
        )]
        let clear = bytes.expose();
        let earlier = self.all.get(self.piece..).unwrap_or_default();
        if clear.len() >= SEARCHABLE_BYTES && !earlier.iter().any(|form| form.bytes.equals(clear)) {
            self.all.push(Form { kind, bytes });
        }
    }
}

/// The pieces of `size` bytes that share nothing with a public line.
fn private<'a>(clear: &'a [u8], size: usize, lines: &[Line<'_>]) -> impl Iterator<Item = &'a [u8]> {
    clear
        .chunks(size)
        .enumerate()
        .filter_map(move |(index, piece)| {
            let start = index * size;
            let is_public = lines.iter().any(|line| {
                line.is_public
                    && line.start < start + piece.len()
                    && start < line.start + line.text.len()
            });
            (!is_public).then_some(piece)
        })
}
