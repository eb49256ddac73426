//! What the witness says, unveiled.
//!
//! In: a line of the witness. Out: fields by name.
//!
//! **Never:** printed whole: it holds values.

use std::collections::BTreeMap;

use serde_json::Value;

/// The state that main found itself in.
pub(crate) struct Report(Value);

/// What a file held, or why it could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Mode, owner and bytes.
    Read(u32, u32, Vec<u8>),
    /// The error number.
    Unread(i32),
}

impl Report {
    pub(super) fn parse(line: &str) -> Self {
        Self(serde_json::from_str(line).expect("the witness writes JSON"))
    }

    /// The arguments of main, its own name first.
    pub(crate) fn arguments(&self) -> Vec<Vec<u8>> {
        self.texts("argv")
    }

    /// Each entry of the environment, as it is.
    pub(crate) fn entries(&self) -> Vec<Vec<u8>> {
        self.texts("env")
    }

    /// The environment by name; bytes that are no UTF-8 are replaced.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let entries = self.entries().into_iter();
        entries
            .map(|entry| {
                let entry = String::from_utf8_lossy(&entry).into_owned();
                let (name, value) = entry.split_once('=').expect("NAME=value");
                (name.to_owned(), value.to_owned())
            })
            .collect()
    }

    /// Open descriptors and what they refer to (nothing without `/proc`).
    pub(crate) fn descriptors(&self) -> BTreeMap<i32, String> {
        let all = self.0["fds"].as_object().expect("descriptors").iter();
        all.map(|(number, target)| {
            let target = unveil(target.as_str().unwrap_or_default());
            (
                number.parse().expect("a number"),
                String::from_utf8_lossy(&target).into_owned(),
            )
        })
        .collect()
    }

    /// A list of numbers: `uids` and `gids` (real, effective, saved, file
    /// system), `groups`.
    pub(crate) fn numbers(&self, name: &str) -> Vec<i64> {
        let all = self.0[name].as_array().expect("a list").iter();
        all.filter_map(Value::as_i64).collect()
    }

    /// A number: `umask`, `pid`, `ppid`, `pgid`, `sid`, `foreground`,
    /// `dumpable`, `no_new_privs`, `securebits`, `death_signal`, `subreaper`.
    pub(crate) fn number(&self, name: &str) -> i64 {
        self.0[name]
            .as_i64()
            .unwrap_or_else(|| panic!("no number `{name}`"))
    }

    /// A set of bits: `mask`, `pending`, `ignored`, `caught`, `effective`,
    /// `permitted`, `inheritable`, `bounding`, `ambient`.
    pub(crate) fn bits(&self, name: &str) -> u64 {
        let text = self.0[name]
            .as_str()
            .unwrap_or_else(|| panic!("no set `{name}`"));
        u64::from_str_radix(text, 16).expect("bits")
    }

    /// Soft and hard limit of a resource, by its number.
    pub(crate) fn limit(&self, resource: usize) -> (u64, u64) {
        let limit = &self.0["limits"][resource];
        (
            limit[0].as_u64().expect("a limit"),
            limit[1].as_u64().expect("a limit"),
        )
    }

    /// All limits.
    pub(crate) fn limits(&self) -> &Value {
        &self.0["limits"]
    }

    /// The working directory.
    pub(crate) fn directory(&self) -> String {
        let path = unveil(self.0["cwd"].as_str().unwrap_or_default());
        String::from_utf8_lossy(&path).into_owned()
    }

    fn texts(&self, name: &str) -> Vec<Vec<u8>> {
        let all = self.0[name].as_array().expect("a list").iter();
        all.map(|text| unveil(text.as_str().expect("text")))
            .collect()
    }
}

impl Content {
    pub(super) fn parse(line: &str) -> Self {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["content", mode, owner, bytes] => Self::Read(
                u32::from_str_radix(mode, 8).expect("a mode"),
                owner.parse().expect("an owner"),
                unveil(bytes.trim_matches('"')),
            ),
            ["unread", errno] => Self::Unread(errno.parse().expect("an error number")),
            _ => panic!("not an answer of the witness: {line}"),
        }
    }
}

/// The names of an environment, in order.
pub(crate) fn names(environment: &BTreeMap<String, String>) -> Vec<&str> {
    environment.keys().map(String::as_str).collect()
}

/// The reverse of the witness's `put_veiled`.
fn unveil(text: &str) -> Vec<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let (high, low) = (digit(pair[0]).expect("hex"), digit(pair[1]).expect("hex"));
            (high << 4 | low) ^ 0x5a
        })
        .collect()
}
