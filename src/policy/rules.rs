//! Rules whose breach needs no details: one sentence what, one how to mend it.
//!
//! In: nothing. Out: constants that the reading refers to, so that all of this
//! wording can be read and reviewed in one place.
//!
//! **Never:** advice that would let a value into a policy.

/// A rule of the policy that says everything by itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// What is wrong if it is broken.
    pub what: &'static str,
    /// What to change.
    pub fix: &'static str,
}

macro_rules! rules {
    ($($name:ident: $what:literal, $fix:literal;)*) => {
        $(pub(super) const $name: Rule = Rule { what: $what, fix: $fix };)*
        /// Every rule, for the golden test.
        #[cfg(test)]
        pub(super) const ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    // The text as a whole.
    TOO_LONG: "the policy is longer than 1 MiB",
        "split it into one policy for each kind of container";
    EMPTY: "the policy is empty",
        "write at least `{ \"version\": 1 }`, or name another file";
    BYTE_ORDER_MARK: "the policy starts with a byte order mark",
        "save it as UTF-8 without a byte order mark";
    NOT_UTF8: "the policy is not UTF-8 from here on",
        "save it as UTF-8";
    ENDS_EARLY: "the JSON text ends too early",
        "close every string, array and object; the file may have been cut off";
    TRAILING_COMMA: "a comma before a closing bracket is not JSON",
        "take the comma out";
    COMMENT: "a comment is not JSON",
        "take the comment out";
    WRONG_QUOTES: "strings stand in straight double quotation marks",
        "replace the quotation marks by `\"`";
    NOT_JSON: "this is not JSON",
        "look here for a missing comma, colon, bracket or quotation mark";
    TRAILING_TEXT: "something follows the end of the policy",
        "keep one JSON object and nothing after it";
    // Any string.
    BROKEN_ESCAPE: "a `\\u` escape stands for half a character",
        "write both halves of the pair, or the character itself";
    HAS_NUL: "the string has a NUL",
        "take it out: no path, name or variable can have one";
    EXPANSION_OPEN: "`${` is not closed by `}`",
        "close it, or write `$${` for a literal `${`";
    EXPANSION_NOT_A_NAME: "`${...}` does not name a variable",
        "write `${NAME}` or `${NAME:-default}`, or `$${` for a literal `${`";
    EXPANSION_NESTED: "a default cannot have another `${`",
        "write the default out";
    NO_EXPANSION: "container variables do not expand here",
        "write the name out, so that the policy alone says who gets which secret";
    // The top level.
    VERSION: "vestibule reads policies of version 1",
        "write `\"version\": 1`, as a number";
    NOT_ABSOLUTE: "the path is not absolute",
        "write it from `/` on";
    // Secrets.
    SOURCE_FORM: "this is no source of a secret",
        "write `file:PATH`, `env:NAME`, `dotenv:PATH#KEY`, `json:PATH#/pointer` or `command:/PROGRAM`; a PATH is below a secret directory";
    SOURCE_VARIABLE: "`env:` is not followed by the name of a variable",
        "write `env:NAME`: letters, digits and `_`, and no digit first";
    SOURCE_DOTENV: "`dotenv:` needs a file and a key",
        "write `dotenv:PATH#KEY`, with a key without blanks and `=`";
    SOURCE_JSON: "`json:` needs a file and a JSON pointer",
        "write `json:PATH#/pointer`; in a pointer `~` is `~0` and a key's `/` is `~1` (RFC 6901)";
    SOURCE_COMMAND: "`command:` is not followed by an absolute path",
        "write `command:/PROGRAM ARGUMENT...`";
    SOURCE_COMMAND_QUOTES: "`command:` is not read by a shell",
        "leave quotes and backslashes out: blanks alone separate program and arguments";
    SOURCE_AS_REFERENCE: "a source can stand under `secrets` only",
        "make it the `from` of an entry of `secrets` and write that entry's name here";
    // Connections and references.
    CONNECTION_NAME: "a connection's name has only letters, digits, `_` and `-`",
        "rename the connection";
    CONNECTION_AS_SECRET: "this is a connection, and a credential can only be a secret",
        "name an entry of `secrets` or a file in `secret_dirs`";
    PORT: "a port is a number from 1 to 65535",
        "write such a number";
    SETUP_ONLY: "this secret comes from a command and is for the setup phase only",
        "give main a secret with another source";
    // Deliveries and variables.
    LOADER_VARIABLE: "the loader reads `LD_` variables in every program and prints their values in errors",
        "deliver the secret under another name";
    OWN_VARIABLE: "`PATH` and `HOME` decide what runs and are never made from a secret",
        "deliver the secret under another name";
    INHERIT: "this is neither a variable's name nor a pattern",
        "write a name, `PREFIX*`, or `*` for everything that is harmless";
    // Main as a process.
    USER_DIGIT: "a user or group that starts with a digit has to be a number",
        "write the number alone, or a name: others read `0day` as uid 0";
    USER_EMPTY: "the user or the group is empty",
        "write `NAME`, `UID`, `NAME:GROUP` or `UID:GID`";
    USER_NAME: "this is neither a user nor a user and a group",
        "write `NAME`, `UID`, `NAME:GROUP` or `UID:GID`";
    USER_RANGE: "a uid or gid is at most 4294967294",
        "write a smaller number: 4294967295 means no change to the kernel";
    NUMBER_RANGE: "the number is not a whole one from 0 to 18446744073709551614",
        "write such a number";
    LIMIT: "a limit is a whole number or `unlimited`",
        "write a number, or the string `\"unlimited\"`";
    UMASK: "this is not a umask",
        "write three octal digits as a string, for example `\"027\"`";
    UMASK_NUMBER: "a umask is octal, and a JSON number is decimal",
        "write it as a string, for example `\"027\"`";
    BARE_DURATION: "a duration needs a unit, so it is a string",
        "write for example `\"8s\"`; the units are `ms`, `s`, `m` and `h`";
    SIGNAL: "there is no such signal",
        "write for example `TERM`, `SIGTERM`, `15` or `RTMIN+3`";
    SIGNAL_TARGET: "there is no such signal",
        "write for example `QUIT`, `SIGQUIT`, `3` or `RTMIN+3`, or `none` to drop the signal";
    SIGNAL_FIXED: "this signal cannot be rewritten",
        "take it out: KILL and STOP reach no handler, and ILL, FPE and SEGV tell of a bug";
    SIGNAL_TWICE: "this signal has a rule already, under another spelling",
        "keep one of the two";
    CAPABILITY: "there is no such capability",
        "write a name of capabilities(7), for example `NET_BIND_SERVICE`";
    // Setup and seal.
    ARGV_EMPTY: "the command has no program",
        "write the program and its arguments as an array of strings";
    NO_COMMANDS: "setup has no commands",
        "add a command, or leave `setup` out";
    GIT_WITHOUT: "this command asks for Git credentials, and there are none",
        "add `git` to `setup`, or take `git` out of the command";
    GIT_URL: "this is not an `https://` address without user, query and fragment",
        "write for example `https://github.com/acme`";
    GIT_AMBIGUOUS: "this address can be read in more than one way",
        "write host and path plainly: no dot at the host's end, no `..`, no empty part, no `%2f`";
    GIT_TWICE: "another entry is for the same repositories",
        "keep one of the two: `.git` and the port 443 make no difference";
    GIT_USERNAME_LINE: "the user name is not one line of text",
        "write what the server expects, for example `x-access-token`";
    GIT_USERNAME: "the user name is empty",
        "write what the server expects, for example `x-access-token`";
    SEAL_WITHOUT_SETUP: "there is no `setup`, so there is nothing to seal",
        "add `setup`, or take `seal` out";
    PROGRAM_ABSOLUTE: "the program's path is not absolute",
        "write it from `/` on: there is no PATH that setup could not have changed";
}
