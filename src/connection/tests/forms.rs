//! What each kind of connection looks like.

use super::{
    Fields, Kind, Part, bytes, connect, minio, name, options, part, postgres, redis, secret, some,
    url,
};
use crate::connection::{Connection, is_placeholder};

#[test]
fn kinds_have_the_names_of_the_policy() {
    assert_eq!(Kind::parse("postgres"), Some(Kind::Postgres));
    assert_eq!(Kind::parse("redis"), Some(Kind::Redis));
    assert_eq!(Kind::parse("minio"), Some(Kind::Minio));
    assert_eq!(Kind::parse("s3"), Some(Kind::Minio));
    assert_eq!(Kind::parse("url"), Some(Kind::Url));
    assert_eq!(Kind::parse("Postgres"), None);
}

#[test]
fn every_part_has_one_name() {
    let names = "url password host port user database endpoint access_key secret_key bucket conf \
                 pgpass mc_host";
    for text in names.split(' ') {
        assert_eq!(Part::parse(text).map(Part::as_str), Some(text));
    }
    assert_eq!(Part::parse("Password"), None);
    assert_eq!(Part::parse(""), None);
}

#[test]
fn postgres_is_the_url_that_every_client_reads() {
    let fields = Fields {
        options: options(&[("sslmode", "require")]),
        ..postgres("db")
    };
    let database = connect(Kind::Postgres, fields);
    assert_eq!(
        part(&database, Part::Url, b"p@ss w%41"),
        "postgresql://app:p%40ss%20w%2541@db:5432/shop?sslmode=require"
    );
    assert_eq!(part(&database, Part::Password, b"p@ss"), "p@ss");
    assert_eq!(part(&database, Part::Host, b"x"), "db");
    assert_eq!(part(&database, Part::Port, b"x"), "5432");
    assert_eq!(part(&database, Part::User, b"x"), "app");
    assert_eq!(part(&database, Part::Database, b"x"), "shop");
    assert_eq!(
        part(&database, Part::Pgpass, b"a:b\\c"),
        "db:5432:shop:app:a\\:b\\\\c\n"
    );
    assert_eq!(database.credential(), Some(&name("db")));
}

#[test]
fn postgres_hosts_are_names_addresses_sockets_and_lists() {
    for (host, port, written, alone, ports) in [
        ("db:5433", None, "db:5433", "db", "5433"),
        ("db", Some(5433), "db:5433", "db", "5433"),
        ("10.0.0.5", None, "10.0.0.5:5432", "10.0.0.5", "5432"),
        ("::1", None, "[::1]:5432", "::1", "5432"),
        ("[::1]", None, "[::1]:5432", "::1", "5432"),
        (
            "[2001:DB8::1]:7",
            None,
            "[2001:db8::1]:7",
            "2001:db8::1",
            "7",
        ),
        (
            "/var/run/postgresql",
            None,
            "%2Fvar%2Frun%2Fpostgresql:5432",
            "/var/run/postgresql",
            "5432",
        ),
        ("a,b", None, "a:5432,b:5432", "a,b", "5432"),
        ("a:1,b:2", None, "a:1,b:2", "a,b", "1,2"),
        ("a:1,::1", Some(2), "a:1,[::1]:2", "a,::1", "1,2"),
        (
            "my_db.internal.",
            None,
            "my_db.internal.:5432",
            "my_db.internal.",
            "5432",
        ),
    ] {
        let database = connect(
            Kind::Postgres,
            Fields {
                port,
                ..postgres(host)
            },
        );
        let expected = format!("postgresql://app:pw@{written}/shop");
        assert_eq!(part(&database, Part::Url, b"pw"), expected);
        assert_eq!(part(&database, Part::Host, b"pw"), alone);
        assert_eq!(part(&database, Part::Port, b"pw"), ports);
    }
}

#[test]
fn a_postgres_database_is_called_like_its_user_unless_named() {
    let fields = Fields {
        database: None,
        user: some("a b"),
        ..postgres("db")
    };
    let database = connect(Kind::Postgres, fields);
    assert_eq!(
        part(&database, Part::Url, b"pw"),
        "postgresql://a%20b:pw@db:5432/a%20b"
    );
    assert_eq!(part(&database, Part::Database, b"pw"), "a b");
}

#[test]
fn a_password_file_has_a_line_for_each_host_and_localhost_for_a_default_socket() {
    let pgpass = |fields| part(&connect(Kind::Postgres, fields), Part::Pgpass, b"pw");
    assert_eq!(
        pgpass(postgres("a,[::1]:2")),
        "a:5432:shop:app:pw\n\\:\\:1:2:shop:app:pw\n"
    );
    assert_eq!(pgpass(postgres("/srv/pg")), "/srv/pg:5432:shop:app:pw\n");
    assert_eq!(
        pgpass(postgres("/var/run/postgresql")),
        "/var/run/postgresql:5432:shop:app:pw\nlocalhost:5432:shop:app:pw\n"
    );
    let wild = Fields {
        user: some("*"),
        database: some("a:b"),
        ..postgres("db")
    };
    assert_eq!(pgpass(wild), "db:5432:a\\:b:\\*:pw\n");
}

#[test]
fn a_connection_without_a_password_offers_nothing_that_needs_one() {
    let database = connect(
        Kind::Postgres,
        Fields {
            password: None,
            ..postgres("db")
        },
    );
    let value = database
        .assemble(Part::Url, None)
        .ok()
        .map(|value| value.expose().to_vec());
    assert_eq!(
        value.as_deref(),
        Some(&b"postgresql://app@db:5432/shop"[..])
    );
    assert_eq!(
        database.parts(),
        [
            Part::Url,
            Part::Host,
            Part::Port,
            Part::User,
            Part::Database
        ]
    );
    assert!(!database.reveals(Part::Url));
    let cache = connect(
        Kind::Redis,
        Fields {
            password: None,
            ..redis("redis")
        },
    );
    assert_eq!(part(&cache, Part::Url, b"unused"), "redis://redis:6379/0");
    assert_eq!(cache.credential(), None);
}

#[test]
fn parts_that_hold_the_credential_are_told_apart() {
    let database = connect(Kind::Postgres, postgres("db"));
    for part in database.parts() {
        let expected = matches!(part, Part::Url | Part::Password | Part::Pgpass);
        assert_eq!(database.reveals(part), expected, "{}", part.as_str());
    }
}

#[test]
fn redis_is_read_with_tls_users_numbers_and_sockets() {
    let cache = |fields| part(&connect(Kind::Redis, fields), Part::Url, b"p:w");
    assert_eq!(cache(redis("redis")), "redis://:p%3Aw@redis:6379/0");
    let fields = Fields {
        tls: Some(true),
        user: some("app"),
        database: some("02"),
        ..redis("h")
    };
    assert_eq!(cache(fields), "rediss://app:p%3Aw@h:6379/2");
    assert_eq!(
        cache(Fields {
            tls: Some(false),
            ..redis("[::1]:1")
        }),
        "redis://:p%3Aw@[::1]:1/0"
    );
    let fields = Fields {
        options: options(&[("socket_timeout", "5")]),
        ..redis("h")
    };
    assert_eq!(cache(fields), "redis://:p%3Aw@h:6379/0?socket_timeout=5");
    let fields = Fields {
        options: options(&[("socket_timeout", "5"), ("protocol", "3")]),
        database: some("1"),
        user: some("app"),
        ..redis("/run/my redis/redis.sock")
    };
    let socket = connect(Kind::Redis, fields);
    assert_eq!(
        part(&socket, Part::Url, b"p:w"),
        "unix://app:p%3Aw@/run/my%20redis/redis.sock?db=1&socket_timeout=5&protocol=3"
    );
    assert!(!socket.parts().contains(&Part::Port));
    assert_eq!(part(&socket, Part::Host, b"x"), "/run/my redis/redis.sock");
}

#[test]
fn redis_conf_demands_the_same_log_in_as_the_url() {
    let conf = |fields, password| bytes(&connect(Kind::Redis, fields), Part::Conf, password);
    assert_eq!(conf(redis("h"), b"plain pw"), b"requirepass \"plain pw\"\n");
    assert_eq!(
        conf(redis("h"), b"\"\\%\n\xff"),
        b"requirepass \"\\x22\\x5C\\x25\\x0A\\xFF\"\n"
    );
    let default = Fields {
        user: some("default"),
        ..redis("h")
    };
    assert_eq!(conf(default, b"pw"), b"requirepass \"pw\"\n");
    let user = Fields {
        user: some("a\"b"),
        ..redis("h")
    };
    let expected = b"user default off\nuser \"a\\x22b\" on ~* &* +@all \">pw\"\n";
    assert_eq!(conf(user, b"pw"), expected);
}

#[test]
fn minio_gives_the_parts_a_url_and_what_mc_reads() {
    let store = connect(Kind::Minio, minio("HTTP://Minio:9000/"));
    assert_eq!(
        part(&store, Part::Url, b"a+b/c@d"),
        "http://app:a%2Bb%2Fc%40d@minio:9000"
    );
    assert_eq!(
        part(&store, Part::McHost, b"a+b/c@d"),
        "http://app:a+b/c@d@minio:9000"
    );
    assert_eq!(part(&store, Part::Endpoint, b"x"), "http://minio:9000");
    assert_eq!(part(&store, Part::AccessKey, b"x"), "app");
    assert_eq!(part(&store, Part::SecretKey, b"s k"), "s k");
    assert_eq!(part(&store, Part::Bucket, b"x"), "artifacts");
    assert_eq!(part(&store, Part::Host, b"x"), "minio");
    assert_eq!(part(&store, Part::Port, b"x"), "9000");
    assert_eq!(store.credential(), Some(&name("minio-password")));
    for (endpoint, port) in [("https://s3.example.com", "443"), ("http://[::1]", "80")] {
        let store = connect(Kind::Minio, minio(endpoint));
        assert_eq!(part(&store, Part::Endpoint, b"x"), endpoint);
        assert_eq!(part(&store, Part::Port, b"x"), port);
    }
    let colon = Fields {
        access_key: some("a:b"),
        ..minio("http://minio:9000")
    };
    assert!(!connect(Kind::Minio, colon).parts().contains(&Part::McHost));
}

#[test]
fn other_urls_have_their_path_encoded_piece_by_piece() {
    for (scheme, path, written) in [
        ("mysql", None, ""),
        ("mysql", Some("app"), "/app"),
        ("mysql", Some("/app"), "/app"),
        ("https", Some("a b/c%2F?"), "/a%20b/c%252F%3F"),
        ("amqp", Some("/"), "/%2F"),
        ("amqps", Some("/"), "/%2F"),
        ("amqp", Some("shop"), "/shop"),
        ("amqp", Some("/shop"), "/%2Fshop"),
        ("AMQP", Some("/"), "/%2F"),
    ] {
        let fields = Fields {
            path: path.map(String::from),
            ..url(scheme, "mq")
        };
        let expected = format!("{}://app:p%2Fw@mq{written}", scheme.to_ascii_lowercase());
        assert_eq!(
            part(&connect(Kind::Url, fields), Part::Url, b"p/w"),
            expected
        );
    }
}

#[test]
fn mongodb_takes_several_hosts_and_a_slash_before_its_options() {
    let fields = Fields {
        options: options(&[("replicaSet", "rs 0")]),
        ..url("mongodb", "a:1,b:2")
    };
    let mongo = connect(Kind::Url, fields);
    assert_eq!(
        part(&mongo, Part::Url, b"pw"),
        "mongodb://app:pw@a:1,b:2/?replicaSet=rs%200"
    );
    assert_eq!(part(&mongo, Part::Port, b"pw"), "1,2");
    let mixed = connect(Kind::Url, url("mongodb", "a:1,b"));
    assert!(!mixed.parts().contains(&Part::Port));
}

#[test]
fn a_url_of_the_web_may_name_its_default_port() {
    let hook = connect(
        Kind::Url,
        Fields {
            user: None,
            ..url("https", "hooks.example.com:443")
        },
    );
    assert_eq!(
        part(&hook, Part::Url, b"pw"),
        "https://:pw@hooks.example.com:443"
    );
    assert_eq!(
        hook.parts(),
        [Part::Url, Part::Host, Part::Port, Part::Password]
    );
}

#[test]
fn names_in_other_letters_are_written_in_punycode_everywhere() {
    for (kind, fields) in [
        (Kind::Postgres, postgres("xn--mnchen-3ya.example")),
        (Kind::Minio, minio("https://xn--mnchen-3ya.example")),
        (Kind::Url, url("https", "xn--mnchen-3ya.example")),
    ] {
        assert!(Connection::check(kind, fields).is_ok());
    }
}

#[test]
fn placeholders_are_known_and_real_values_are_not() {
    for (file, value) in [
        ("db", "changeme"),
        ("db", "Change-Me"),
        ("db", "postgres_dev_password"),
        ("db", "PASSWORD"),
        ("db-password.secret", "db-password"),
        ("db-password.secret", "db_password.secret"),
        ("db", "db"),
        ("db", "${DB_PASSWORD}"),
        ("db", "<your password>"),
        ("db", "minioadmin"),
    ] {
        assert!(
            is_placeholder(&name(file), &secret(value.as_bytes())),
            "{value}"
        );
    }
    assert!(!is_placeholder(&name("-"), &secret(b"")));
    for value in [
        "",
        "-",
        "hunter2",
        "correct horse",
        "Change!Me",
        "password-of-mine",
        "${",
        "a$b",
    ] {
        assert!(
            !is_placeholder(&name("db"), &secret(value.as_bytes())),
            "{value}"
        );
    }
}
