//! Hostile values against independent parsers.

use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use url::Url;

use super::parsers::{passfile_line, redis_lines, split};
use super::{
    Fields, Kind, Part, bytes, connect, hostile, minio, options, part, postgres, redis, some, url,
};
use crate::connection::Connection;
use crate::connection::address::{self, Address, Host};

/// What `percent_decode` of the `url` crate's own family gives.
fn decoded(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

#[test]
fn every_hostile_credential_survives_every_form() {
    let database = connect(Kind::Postgres, postgres("db"));
    let cache = connect(Kind::Redis, redis("redis"));
    let store = connect(Kind::Minio, minio("http://minio:9000"));
    let queue = connect(
        Kind::Url,
        Fields {
            path: some("/"),
            ..url("amqp", "mq")
        },
    );
    for (case, value) in hostile().iter().enumerate() {
        let value = value.as_bytes();
        for connection in [&database, &cache, &store, &queue] {
            let text = part(connection, Part::Url, value);
            let ours = split(&text).and_then(|read| read.password);
            assert!(ours.as_deref() == Some(value), "RFC 3986, case {case}");
            let read = Url::parse(&text).expect("a URL");
            let theirs = read.password().map(decoded);
            assert!(theirs.as_deref() == Some(value), "url crate, case {case}");
        }
        let lines = redis_lines(&bytes(&cache, Part::Conf, value)).expect("lines");
        assert!(
            lines == [[b"requirepass".to_vec(), value.to_vec()]],
            "conf, case {case}"
        );
        if !value.contains(&b'\n') && !value.contains(&b'\r') {
            let line = bytes(&database, Part::Pgpass, value);
            let read = passfile_line(&line).expect("a line");
            assert!(read[4] == value, "password file, case {case}");
        }
    }
}

#[test]
fn a_url_has_no_character_that_a_shell_or_a_parser_minds() {
    let database = connect(Kind::Postgres, postgres("db"));
    for (case, value) in hostile().iter().enumerate() {
        let text = part(&database, Part::Url, value.as_bytes());
        let info = text.strip_prefix("postgresql://app:").expect("the start");
        let (info, _) = info.split_once('@').expect("the end");
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
        assert!(info.bytes().all(plain), "case {case}");
    }
}

/// Whether the `url` crate finds this very address and path in the URL.
fn is_read_back(scheme: &str, address: &Address, path: &str) -> bool {
    let text = [scheme, "://", &address.authority(), path].concat();
    let Ok(url) = Url::parse(&text) else {
        return false;
    };
    let same_host = match (url.host(), &address.host) {
        (Some(url::Host::Ipv6(read)), Host::V6(written)) => read == *written,
        (Some(read), Host::Name(written)) => read.to_string().eq_ignore_ascii_case(written),
        _ => false,
    };
    // A port that is the scheme's default is read as none at all.
    let same_port = address.port.is_none() || url.port_or_known_default() == address.port;
    let same_path = url.path() == path || (path.is_empty() && url.path() == "/");
    same_host && same_port && same_path
}

#[test]
fn the_schemes_of_the_web_are_those_of_the_url_crate() {
    for scheme in [
        "http", "https", "ws", "wss", "ftp", "file", "redis", "rediss", "amqp", "mongodb", "s3",
        "mysql", "ftps", "gopher",
    ] {
        let url = Url::parse(&[scheme, "://h/"].concat()).expect("a URL");
        assert_eq!(address::is_web(scheme), url.is_special(), "{scheme}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_url_crate_reads_what_we_take_as_we_do(
        host in "[a-zA-Z0-9_-]{1,6}(\\.[a-z0-9-]{1,4}){0,2}\\.?|[0-9a-fA-Fx.]{1,12}|[0-9.]{7,12}|\\[?[0-9a-f:.]{2,14}\\]?|[\\PC]{1,6}|.{0,5}",
        port in "(:[0-9]{1,6})?",
        path in "(/[a-z0-9.~_-]{0,3}){0,4}",
        scheme in "http|https|redis|amqp|postgresql",
    ) {
        if let Ok(address) = address::parse(&[host, port].concat())
            && !address.is_socket()
            && address::misread(&scheme, &address, &path).is_none()
            // Of web schemes that crate decodes Punycode, which we pass on.
            && !address.host_text().to_ascii_lowercase().contains("xn--")
        {
            prop_assert!(is_read_back(&scheme, &address, &path), "{scheme} {address:?} {path}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names_and_options_survive_like_credentials(
        user in "\\PC{1,12}", database in "[^\\x00-\\x1f\\x7f-\\x9f]{1,12}", value in "\\PC{0,12}",
        password in any::<String>(),
    ) {
        let fields = Fields {
            user: Some(user.clone()),
            database: Some(database.clone()),
            options: options(&[("application_name", &value)]),
            ..postgres("a:1,[::1]:2")
        };
        let Ok(connection) = Connection::check(Kind::Postgres, fields) else {
            prop_assert!(database == "." || database == "..");
            return Ok(());
        };
        if !password.is_empty() && !password.contains('\0') {
            let text = part(&connection, Part::Url, password.as_bytes());
            let read = split(&text).expect("a URL");
            prop_assert_eq!(read.scheme, "postgresql");
            prop_assert_eq!(read.user, Some(user.into_bytes()));
            prop_assert_eq!(read.password, Some(password.into_bytes()));
            prop_assert_eq!(read.hosts, "a:1,[::1]:2");
            prop_assert_eq!(read.path, ["/", &database].concat().into_bytes());
            prop_assert_eq!(read.query, [(b"application_name".to_vec(), value.into_bytes())]);
        }
    }

    #[test]
    fn any_bytes_survive_the_forms_that_are_not_urls(
        password in proptest::collection::vec(1_u8.., 1..40), user in "[!-~é]{1,9}",
        database in "\\PC{1,9}",
    ) {
        let fields = Fields { user: Some(user.clone()), ..redis("h") };
        let cache = connect(Kind::Redis, fields);
        let lines = redis_lines(&bytes(&cache, Part::Conf, &password)).expect("lines");
        let last = lines.last().and_then(|line| line.last()).expect("an argument");
        if user == "default" {
            prop_assert_eq!(last, &password);
        } else {
            prop_assert_eq!(last.split_first(), Some((&b'>', &password[..])));
            prop_assert_eq!(&lines[0], &[b"user".to_vec(), b"default".to_vec(), b"off".to_vec()]);
            prop_assert_eq!(&lines[1][1], user.as_bytes());
        }
        if password.contains(&b'\n') || password.contains(&b'\r') || [".", ".."].contains(&&*database) {
            return Ok(());
        }
        let fields = Fields { user: Some(user.clone()), database: Some(database.clone()), ..postgres("::1") };
        let line = bytes(&connect(Kind::Postgres, fields), Part::Pgpass, &password);
        let read = passfile_line(&line).expect("a line");
        prop_assert_eq!(read, [b"::1".to_vec(), b"5432".to_vec(), database.into(), user.into(), password]);
    }

    #[test]
    fn an_accepted_host_is_the_one_that_the_url_names(host in "[a-z0-9:/@\\[\\].,%_# -]{1,16}") {
        let fields = Fields { password: None, ..postgres(&host) };
        if let Ok(connection) = Connection::check(Kind::Postgres, fields) {
            let text = part(&connection, Part::Url, b"x");
            let hosts = text.strip_prefix("postgresql://app@").and_then(|rest| rest.strip_suffix("/shop"));
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%:[],".contains(&byte);
            prop_assert!(hosts.is_some_and(|hosts| hosts.bytes().all(plain)));
            prop_assert!(!host.contains(['@', '#', ' ']) || host.starts_with('/') || host.contains(",/"));
        }
    }

    #[test]
    fn nothing_written_in_a_field_makes_check_fail_badly(text in any::<String>(), port in any::<u16>()) {
        for kind in [Kind::Postgres, Kind::Redis, Kind::Minio, Kind::Url] {
            let fields = Fields {
                host: Some(text.clone()), port: Some(port), user: Some(text.clone()),
                database: Some(text.clone()), endpoint: Some(text.clone()), path: Some(text.clone()),
                bucket: Some(text.clone()), access_key: Some(text.clone()), scheme: Some(text.clone()),
                options: vec![(text.clone(), text.clone())], ..Fields::default()
            };
            prop_assert!(Connection::check(kind, fields).is_err());
        }
    }
}
