//! Connections: what went in comes back from parsers that are not ours, and no
//! message has the credential.
#![no_main]

use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;
use url::Url;
use vestibule::connection::{Connection, ConnectionError, Fields, Kind, Part};
use vestibule::fuzzing::{clear, secret};
use vestibule::names::SecretName;
use vestibule_fuzz::{Canary, fields, is_fit_to_print};

#[path = "../../src/connection/tests/parsers.rs"]
mod parsers;

/// The fields as text, `=` before each that is there.
type Written<'a> = [&'a [u8]; 13];

fuzz_target!(|input: &[u8]| {
    let canary = Canary::of(input);
    let written: Written = fields(input);
    let credential = canary.put_into(written[12]);
    let Some((kind, given)) = read(&written, &canary) else {
        return;
    };
    let connection = match Connection::check(kind, given.clone()) {
        Ok(connection) => connection,
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a reason");
            for error in errors {
                is_fit_to_print(&error.to_string());
                // Where an `@` is, a password may stand before it.
                let is_address = matches!(error.field, "host" | "endpoint" | "scheme");
                let text = if error.field == "endpoint" {
                    &given.endpoint
                } else if error.field == "scheme" {
                    &given.scheme
                } else {
                    &given.host
                };
                if is_address && text.as_ref().is_some_and(|text| text.contains('@')) {
                    assert!(
                        !canary.is_in(error.to_string()),
                        "a pasted password is shown"
                    );
                }
            }
            return;
        }
    };
    let clear_texts = connection
        .parts()
        .into_iter()
        .filter(|part| !connection.reveals(*part));
    for part in clear_texts {
        let text = connection
            .assemble(part, None)
            .expect("it needs no credential");
        let same = connection.assemble(part, Some(&secret(&credential)));
        assert!(same.is_ok_and(|same| clear(&same) == clear(&text)));
    }
    for part in connection.parts() {
        match connection.assemble(part, Some(&secret(&credential))) {
            Ok(value) => reads_back(&connection, part, &given, clear(&value), &credential),
            Err(error) => is_deserved(&error, &credential, &canary),
        }
    }
});

fn read(written: &Written, canary: &Canary) -> Option<(Kind, Fields)> {
    let mut texts = [const { None }; 11];
    for (text, field) in texts.iter_mut().zip(&written[1..]) {
        *text = match field.strip_prefix(b"=") {
            Some(field) => Some(String::from_utf8(canary.put_into(field)).ok()?),
            None => None,
        };
    }
    let [
        host,
        port,
        user,
        database,
        options,
        endpoint,
        access_key,
        bucket,
        scheme,
        path,
        tls,
    ] = texts;
    let (kind, has_credential) = match written[0] {
        [b'!', name @ ..] => (name, false),
        name => (name, true),
    };
    let kind = Kind::parse(std::str::from_utf8(kind).ok()?)?;
    let name = SecretName::parse("credential")
        .ok()
        .filter(|_| has_credential);
    let (password, secret_key) = if kind == Kind::Minio {
        (None, name)
    } else {
        (name, None)
    };
    let options = options.unwrap_or_default();
    let options = options.split('\n').filter_map(|line| line.split_once('='));
    let fields = Fields {
        host,
        port: port.and_then(|port| port.parse().ok()),
        user,
        password,
        database,
        options: options
            .map(|(key, value)| (key.into(), value.into()))
            .collect(),
        endpoint,
        access_key,
        secret_key,
        bucket,
        scheme,
        path,
        tls: tls.map(|tls| tls == "true"),
    };
    Some((kind, fields))
}

fn is_deserved(error: &ConnectionError, credential: &[u8], canary: &Canary) {
    is_fit_to_print(&error.to_string());
    assert!(!canary.is_in(format!("{error} {error:?}")));
    let deserved = match error {
        ConnectionError::CredentialEmpty => credential.is_empty(),
        ConnectionError::NotCarried { part, .. } => match part {
            Part::Url => credential.contains(&0) || std::str::from_utf8(credential).is_err(),
            Part::Conf => credential.contains(&0),
            Part::Pgpass => credential.iter().any(|byte| b"\0\r\n".contains(byte)),
            Part::McHost => credential.iter().any(|byte| b"\0\r\n:".contains(byte)),
            _ => false,
        },
        ConnectionError::CredentialMissing | ConnectionError::NotOffered { .. } => false,
    };
    assert!(deserved, "{error:?}");
}

fn reads_back(
    connection: &Connection,
    part: Part,
    given: &Fields,
    value: &[u8],
    credential: &[u8],
) {
    match part {
        Part::Url => {
            let text = std::str::from_utf8(value).expect("a URL is text");
            is_read_by_rfc(connection, text, given, credential);
            is_read_by_url_crate(connection, text, given, credential);
        }
        Part::Password | Part::SecretKey => assert!(value == credential),
        Part::User => assert_eq!(Some(value), given.user.as_deref().map(str::as_bytes)),
        Part::AccessKey => assert_eq!(Some(value), given.access_key.as_deref().map(str::as_bytes)),
        Part::Bucket => assert_eq!(Some(value), given.bucket.as_deref().map(str::as_bytes)),
        Part::Conf => is_configuration(value, given, credential),
        Part::Pgpass => is_password_file(value, given, credential),
        Part::McHost => is_for_mc(value, given, credential),
        Part::Host | Part::Port | Part::Database | Part::Endpoint => {
            let text = std::str::from_utf8(value).expect("text");
            assert!(!text.chars().any(char::is_control));
        }
    }
}

fn is_read_by_rfc(connection: &Connection, text: &str, given: &Fields, credential: &[u8]) {
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
    let read = parsers::split(text).expect("RFC 3986");
    let user = given.user.as_ref().or(given.access_key.as_ref());
    if connection.credential().is_some() {
        assert!(
            read.password.as_deref() == Some(credential),
            "another password"
        );
        assert_eq!(
            read.user.as_deref(),
            Some(user.map_or("", |user| user.as_str()).as_bytes())
        );
    } else {
        assert!(read.password.is_none());
        assert_eq!(read.user.as_deref(), user.map(String::as_bytes));
    }
    assert!(!read.hosts.contains('@'));
    if let Some(database) = given
        .database
        .as_ref()
        .filter(|_| read.scheme == "postgresql")
    {
        assert_eq!(read.path, ["/", database].concat().as_bytes());
    }
    let mut query = read.query.iter();
    if read.scheme == "unix" {
        assert_eq!(
            Some(read.path.as_slice()),
            given.host.as_deref().map(str::as_bytes)
        );
        assert!(query.next().is_some_and(|(key, _)| key == b"db"));
    }
    let options = given.options.iter();
    assert!(
        query
            .cloned()
            .eq(options.map(|(key, value)| (key.clone().into(), value.clone().into())))
    );
}

/// Several hosts are no URL for the crate; each was read alone before.
fn is_read_by_url_crate(connection: &Connection, text: &str, given: &Fields, credential: &[u8]) {
    // WHATWG has no user info without a host, as `unix` URLs of Redis have it.
    if text.starts_with("unix:") {
        return;
    }
    let is_one = given.host.as_ref().is_none_or(|host| !host.contains(','));
    let read = match Url::parse(text) {
        Ok(read) if is_one => read,
        read => return assert!(!is_one || read.is_ok(), "the crate reads no URL"),
    };
    let password = read
        .password()
        .map(|text| percent_decode_str(text).collect::<Vec<u8>>());
    if connection.credential().is_some() {
        assert!(password.as_deref() == Some(credential), "another password");
    } else {
        assert!(password.is_none());
    }
    let user = given.user.as_ref().or(given.access_key.as_ref());
    let theirs: Vec<u8> = percent_decode_str(read.username()).collect();
    assert_eq!(theirs, user.map_or("", |user| user.as_str()).as_bytes());
    let host = connection
        .assemble(Part::Host, None)
        .expect("every kind has a host");
    let theirs: Vec<u8> = percent_decode_str(read.host_str().unwrap_or_default()).collect();
    let theirs = theirs
        .strip_prefix(b"[")
        .and_then(|rest| rest.strip_suffix(b"]"))
        .unwrap_or(&theirs);
    assert!(theirs.eq_ignore_ascii_case(clear(&host)), "another host");
    if let Ok(port) = connection.assemble(Part::Port, None) {
        let theirs = read.port_or_known_default().map(|port| port.to_string());
        assert!(theirs.is_none_or(|theirs| theirs.as_bytes() == clear(&port)));
    }
}

fn is_configuration(value: &[u8], given: &Fields, credential: &[u8]) {
    let lines = parsers::redis_lines(value).expect("lines of redis.conf");
    let last = lines
        .last()
        .and_then(|line| line.last())
        .expect("an argument");
    match given.user.as_deref() {
        None | Some("default") => {
            assert_eq!(lines.len(), 1);
            assert!(lines[0][0] == b"requirepass" && last == credential);
        }
        Some(user) => {
            assert_eq!(lines.len(), 2);
            assert_eq!(lines[1][1], user.as_bytes());
            assert!(last.split_first() == Some((&b'>', credential)));
        }
    }
}

fn is_password_file(value: &[u8], given: &Fields, credential: &[u8]) {
    for line in value.split_inclusive(|byte| *byte == b'\n') {
        let [_, _, database, user, password] = parsers::passfile_line(line).expect("five fields");
        assert!(password == credential, "another password");
        assert_eq!(
            Some(user.as_slice()),
            given.user.as_deref().map(str::as_bytes)
        );
        let theirs = given.database.as_ref().or(given.user.as_ref());
        assert_eq!(Some(database), theirs.map(|text| text.clone().into_bytes()));
    }
}

/// Access key up to the first colon, secret key up to the last `@`.
fn is_for_mc(value: &[u8], given: &Fields, credential: &[u8]) {
    let start = value
        .windows(3)
        .position(|window| window == b"://")
        .expect("a scheme")
        + 3;
    let end = value
        .iter()
        .rposition(|byte| *byte == b'@')
        .expect("an address");
    let info = &value[start..end];
    let colon = info
        .iter()
        .position(|byte| *byte == b':')
        .expect("two keys");
    assert_eq!(
        Some(&info[..colon]),
        given.access_key.as_deref().map(str::as_bytes)
    );
    assert!(&info[colon + 1..] == credential, "another secret key");
}
