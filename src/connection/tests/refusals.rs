//! What a connection refuses, and how it says so.

use super::{
    ConnectionError, Fields, Kind, Part, connect, minio, mistakes, name, options, postgres, redis,
    refused, some, url,
};
use crate::connection::Connection;

#[test]
fn all_mistakes_are_reported_at_once() {
    let fields = Fields {
        host: some("a b"),
        user: some(""),
        database: some("x\0"),
        options: options(&[("sslmode", "require"), ("hostaddr", "10.0.0.1")]),
        bucket: some("b"),
        tls: Some(true),
        ..Fields::default()
    };
    let found: Vec<String> = mistakes(Kind::Postgres, fields)
        .iter()
        .map(|line| line.split([':', ' ']).next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        found,
        [
            "`bucket`",
            "`tls`",
            "`host`",
            "`user`",
            "`database`",
            "`options`"
        ]
    );
}

#[test]
fn what_is_missing_is_named() {
    let missing = |kind| mistakes(kind, Fields::default()).join("; ");
    assert_eq!(
        missing(Kind::Postgres),
        "`host`: it is missing; `user`: it is missing"
    );
    assert_eq!(missing(Kind::Redis), "`host`: it is missing");
    assert_eq!(
        missing(Kind::Minio),
        "`endpoint`: it is missing; `access_key`: it is missing; `secret_key`: it is missing"
    );
    assert_eq!(
        missing(Kind::Url),
        "`scheme`: it is missing; `host`: it is missing"
    );
}

#[test]
fn a_field_of_another_kind_is_a_mistake() {
    let all = Fields {
        host: some("h"),
        port: Some(1),
        user: some("u"),
        password: Some(name("p")),
        database: some("1"),
        options: options(&[("a", "b")]),
        endpoint: some("http://m"),
        access_key: some("a"),
        secret_key: Some(name("s")),
        bucket: some("bucket"),
        scheme: some("x"),
        path: some("p"),
        tls: Some(true),
    };
    for (kind, strangers) in [
        (Kind::Postgres, 7),
        (Kind::Redis, 6),
        (Kind::Minio, 9),
        (Kind::Url, 6),
    ] {
        assert_eq!(mistakes(kind, all.clone()).len(), strangers);
    }
}

#[test]
fn a_host_is_nothing_but_a_host() {
    for host in [
        "",
        " ",
        "a b",
        "a,",
        ",a",
        "a/b",
        "a?b",
        "a#b",
        "a\\b",
        "a%2Fb",
        "-a",
        "a-",
        "a..b",
        ".a",
        "a:",
        "a:0",
        "a:+1",
        "a:65536",
        "a:1:",
        "a:b",
        "[::1",
        "[::1]x",
        "[::1]:",
        "[a]",
        "::g",
        "fe80::1%eth0",
        "127.1",
        "0x7f.0.0.1",
        "0x7f",
        "0X7F",
        "2130706433",
        "1.2.3.4.5",
        "256.1.1.1",
        "127.0.0.1.",
        "db\n",
        "db\0",
        "/run/a:b",
        "/run\n",
        "münchen.example",
        "db:5432/x?host=e",
    ] {
        let found = mistakes(Kind::Postgres, postgres(host));
        assert!(
            found.len() == 1 && found[0].starts_with("`host` "),
            "{host:?}: {found:?}"
        );
    }
    let long = "a".repeat(64);
    assert_eq!(mistakes(Kind::Postgres, postgres(&long)).len(), 1);
    let long = "abcdefgh.".repeat(30) + "de";
    assert_eq!(mistakes(Kind::Postgres, postgres(&long)).len(), 1);
    assert!(mistakes(Kind::Postgres, postgres("münchen"))[0].contains("punycode"));
}

#[test]
fn a_host_with_user_info_is_not_repeated() {
    for (kind, fields) in [
        (Kind::Postgres, postgres("app:hunter2@db")),
        (Kind::Redis, redis(":hunter2@redis")),
        (Kind::Minio, minio("http://app:hunter2@minio:9000")),
        (Kind::Minio, minio("app:hunter2@minio:9000")),
        (Kind::Url, url("amqp", "app:hunter2@mq")),
        (Kind::Url, url("amqp://app:hunter2@", "mq")),
    ] {
        let found = mistakes(kind, fields).join("; ");
        assert!(found.contains("it has an `@`") && !found.contains("hunter2"));
    }
    for (kind, fields) in [
        (Kind::Minio, minio("http://app:hunter2@minio:9000\n")),
        (Kind::Url, url("amqp://app:hunter2@\n", "mq")),
    ] {
        let found = mistakes(kind, fields).join("; ");
        assert!(found.contains("control character") && !found.contains("hunter2"));
    }
}

#[test]
fn a_port_is_given_once() {
    let both = Fields {
        port: Some(1),
        ..postgres("db:2")
    };
    assert_eq!(
        mistakes(Kind::Postgres, both),
        ["`port`: `host` has a port already"]
    );
    let zero = Fields {
        port: Some(0),
        ..postgres("db")
    };
    assert_eq!(
        mistakes(Kind::Postgres, zero),
        ["`port`: a port is a number from 1 to 65535"]
    );
}

#[test]
fn options_cannot_overrule_what_was_checked() {
    let libpq = "host hostaddr port dbname user password passfile service servicefile sslkey \
                 sslcert sslrootcert sslcrl sslcrldir sslpassword sslkeylogfile scram_client_key \
                 scram_server_key oauth_issuer oauth_client_secret";
    let others = "username ssl_keyfile ssl_certfile ssl_ca_certs ssl_ca_path ssl_ca_data path db \
                  unix_socket_path credential_provider ssl-root-cert ssl-ca unix_socket \
                  tlsCAFile tlsCertificateKeyFilePassword proxyHost database socket dsn \
                  authMechanismProperties read_default_file AWS_SESSION_TOKEN secret pwd";
    for key in libpq.split_whitespace().chain(others.split_whitespace()) {
        for key in [
            key.to_owned(),
            key.to_ascii_uppercase(),
            key.replace('_', "-") + "_",
        ] {
            let fields = Fields {
                options: options(&[(&key, "hunter2")]),
                ..postgres("db")
            };
            let found = mistakes(Kind::Postgres, fields).join("; ");
            assert!(
                found.starts_with("`options` ") && !found.contains("hunter2"),
                "{key}"
            );
            assert!(found.contains(&key), "{key}");
        }
    }
    for key in [
        "", "h%6fst", "a=b", "a&host", "a b", "host\0", "é", "a[b]", "a#", "a+",
    ] {
        let fields = Fields {
            options: options(&[(key, "x")]),
            ..postgres("db")
        };
        assert!(
            mistakes(Kind::Postgres, fields)[0].contains("letters, digits"),
            "{key}"
        );
    }
}

#[test]
fn options_that_only_sound_dangerous_are_allowed() {
    let keys = "sslmode sslrootcert load_balance_hosts tcp_user_timeout sslcertmode options \
                application_name keepalives target_session_attrs channel_binding require_auth \
                connect_timeout search_path sslnegotiation";
    for key in keys.split_whitespace() {
        let value = if key == "sslrootcert" { "system" } else { "x" };
        let fields = Fields {
            options: options(&[(key, value)]),
            ..postgres("db")
        };
        assert!(Connection::check(Kind::Postgres, fields).is_ok(), "{key}");
    }
    let roots = || options(&[("sslrootcert", "system")]);
    assert_eq!(
        mistakes(
            Kind::Url,
            Fields {
                options: roots(),
                ..url("x", "h")
            }
        )
        .len(),
        1
    );
    // A driver for SQL Server takes the database as an option.
    let fields = Fields {
        options: options(&[("database", "x")]),
        ..url("sqlserver", "h")
    };
    assert!(Connection::check(Kind::Url, fields).is_ok());
}

#[test]
fn an_option_that_a_client_would_change_is_refused() {
    let control = Fields {
        options: options(&[("application_name", "a\nb")]),
        ..postgres("db")
    };
    assert!(mistakes(Kind::Postgres, control)[0].contains("control character"));
    let twice = Fields {
        options: options(&[("client_name", "50%")]),
        ..redis("h")
    };
    assert!(mistakes(Kind::Redis, twice)[0].contains("decode twice"));
}

#[test]
fn redis_has_one_host_a_number_and_no_half_log_in() {
    for fields in [
        redis("a,b"),
        Fields {
            database: some("x"),
            ..redis("h")
        },
        Fields {
            database: some("-1"),
            ..redis("h")
        },
        Fields {
            database: some("+1"),
            ..redis("h")
        },
        Fields {
            database: some("65536"),
            ..redis("h")
        },
        Fields {
            database: some(""),
            ..redis("h")
        },
        Fields {
            user: some("a b"),
            ..redis("h")
        },
        Fields {
            user: some("app"),
            password: None,
            ..redis("h")
        },
        Fields {
            port: Some(1),
            ..redis("/run/redis.sock")
        },
        Fields {
            tls: Some(true),
            ..redis("/run/redis.sock")
        },
    ] {
        assert_eq!(mistakes(Kind::Redis, fields).len(), 1);
    }
}

#[test]
fn an_endpoint_is_scheme_host_and_port() {
    for endpoint in [
        "minio:9000",
        "ftp://minio",
        "http://",
        "http://minio:9000/path",
        "http://minio?x",
        "http://minio#x",
        "http:///minio",
        "http://minio\\x",
        "http://a,b",
        "http://127.1",
        "http://mi nio",
        "http://minio:99999",
        "https:/minio",
        "http://minio:9000//",
    ] {
        let found = mistakes(Kind::Minio, minio(endpoint));
        assert!(
            found.len() == 1 && found[0].starts_with("`endpoint` "),
            "{endpoint}"
        );
    }
    for bucket in [
        "ab",
        "Artifacts",
        "a_b",
        "-ab",
        "ab-",
        "a/b",
        &"a".repeat(64),
    ] {
        let fields = Fields {
            bucket: some(bucket),
            ..minio("http://minio")
        };
        assert_eq!(mistakes(Kind::Minio, fields).len(), 1, "{bucket}");
    }
}

#[test]
fn a_url_that_others_would_read_otherwise_is_refused() {
    for (fields, start) in [
        (url("file", "h:1"), "`scheme`"),
        (url("https", "a,b"), "`host`"),
        (url("x", "/run/socket"), "`host`"),
        (
            Fields {
                path: some("a/../b"),
                ..url("https", "h")
            },
            "`path`",
        ),
        (
            Fields {
                path: some(".."),
                ..url("amqp", "h")
            },
            "`path`",
        ),
        (
            Fields {
                path: some(""),
                ..url("amqp", "h")
            },
            "`path`",
        ),
        (url("1x", "h"), "`scheme`"),
        (url("a_b", "h"), "`scheme`"),
        (url("amqp:", "h"), "`scheme`"),
        (url("File", "h"), "`scheme`"),
        (
            Fields {
                user: some(""),
                ..url("amqp", "h")
            },
            "`user`",
        ),
    ] {
        let found = mistakes(Kind::Url, fields);
        assert!(found.len() == 1 && found[0].starts_with(start), "{found:?}");
    }
    let dots = Fields {
        database: some(".."),
        ..postgres("db")
    };
    assert!(mistakes(Kind::Postgres, dots)[0].starts_with("`database`"));
}

#[test]
fn each_form_refuses_the_bytes_that_it_cannot_carry() {
    let database = connect(Kind::Postgres, postgres("db"));
    let cache = connect(Kind::Redis, redis("h"));
    let store = connect(Kind::Minio, minio("http://minio"));
    for (connection, part, credential, content) in [
        (&database, Part::Url, &b"a\0b"[..], "a NUL byte"),
        (&database, Part::Url, b"a\xff", "bytes that are not UTF-8"),
        (&database, Part::Pgpass, b"a\0b", "a NUL byte"),
        (&database, Part::Pgpass, b"a\nb", "a newline"),
        (&database, Part::Pgpass, b"a\r", "a carriage return"),
        (&cache, Part::Conf, b"a\0b", "a NUL byte"),
        (&store, Part::McHost, b"a:b", "a colon"),
    ] {
        let error = refused(connection, part, credential);
        assert_eq!(error, ConnectionError::NotCarried { part, content });
        let text = format!(
            "the credential has {content}, which `{}` cannot carry",
            part.as_str()
        );
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(
        super::bytes(&database, Part::Password, b"\0\xff"),
        b"\0\xff"
    );
}

#[test]
fn an_empty_credential_never_becomes_a_value() {
    let database = connect(Kind::Postgres, postgres("db"));
    for part in [Part::Url, Part::Password, Part::Pgpass] {
        let error = refused(&database, part, b"");
        assert_eq!(error, ConnectionError::CredentialEmpty);
        assert_eq!(error.to_string(), "the credential is empty");
    }
    let error = database.assemble(Part::Url, None).err();
    assert_eq!(error, Some(ConnectionError::CredentialMissing));
    assert_eq!(
        ConnectionError::CredentialMissing.to_string(),
        "the credential is missing"
    );
}

#[test]
fn a_part_that_is_not_offered_is_refused() {
    for (kind, fields, part) in [
        (Kind::Postgres, postgres("db"), Part::Bucket),
        (Kind::Postgres, postgres("db"), Part::Conf),
        (Kind::Redis, redis("h"), Part::User),
        (
            Kind::Redis,
            Fields {
                password: None,
                ..redis("h")
            },
            Part::Password,
        ),
        (Kind::Minio, minio("http://minio"), Part::Password),
        (Kind::Url, url("amqp", "mq"), Part::Database),
    ] {
        let error = refused(&connect(kind, fields), part, b"pw");
        assert_eq!(error, ConnectionError::NotOffered { part });
        let text = format!("this connection has no part `{}`", part.as_str());
        assert_eq!(error.to_string(), text);
    }
}
