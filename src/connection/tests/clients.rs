//! Hostile values against the real clients, one Python process each.
//!
//! `make test` sets `VESTIBULE_TEST_PYTHON` to an interpreter that has the
//! packages of `tests/clients/requirements.txt`. `tests/clients/rows.py` says
//! how cases travel.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{
    Connection, Fields, Kind, Part, bytes, connect, hostile, minio, options, part, postgres, redis,
    some, url,
};

pub(super) type Row = Vec<Vec<u8>>;

/// Sends `rows` to a script and reads as many answers.
pub(super) fn ask(script: &str, rows: &[Row]) -> Vec<Row> {
    let python = std::env::var_os("VESTIBULE_TEST_PYTHON").expect("VESTIBULE_TEST_PYTHON");
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(script);
    let mut child = Command::new(python)
        .arg("-B")
        .arg(path)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the interpreter");
    let mut input = child.stdin.take().expect("a pipe");
    let text: String = rows.iter().map(|row| hexadecimal(row)).collect();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("an end");
    assert!(
        output.status.success() && writer.join().is_ok(),
        "{script} failed"
    );
    let answers = String::from_utf8(output.stdout).expect("text");
    let answers: Vec<Row> = answers
        .lines()
        .map(|line| line.split(' ').map(unhex).collect())
        .collect();
    assert_eq!(answers.len(), rows.len(), "{script} answers every case");
    answers
}

fn hexadecimal(row: &[Vec<u8>]) -> String {
    let mut line = String::new();
    for field in row {
        if field.is_empty() {
            line.push('-');
        }
        for byte in field {
            write!(line, "{byte:02x}").expect("a String takes everything");
        }
        line.push(' ');
    }
    line + "\n"
}

fn unhex(word: &str) -> Vec<u8> {
    let digits = if word == "-" { "" } else { word };
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

fn row(fields: &[&[u8]]) -> Row {
    fields.iter().map(|field| field.to_vec()).collect()
}

/// Compares without showing either side.
fn agree(client: &str, answers: &[Row], expected: &[Row]) {
    for (case, (answer, expected)) in answers.iter().zip(expected).enumerate() {
        assert!(answer == expected, "{client} reads case {case} otherwise");
    }
}

#[test]
#[ignore = "needs the client libraries: make test"]
fn libpq_reads_every_postgres_url_as_it_was_meant() {
    let (mut rows, mut expected) = (Vec::new(), Vec::new());
    for (host, hosts, ports) in [
        ("db", "db", "5432"),
        ("[::1]:7", "::1", "7"),
        ("/var/run/postgresql", "/var/run/postgresql", "5432"),
        ("a:1,b:2,::1", "a,b,::1", "1,2,5432"),
        ("a,b", "a,b", "5432,5432"),
    ] {
        for value in hostile() {
            // Names cannot have control characters; the password may.
            let name: String = value.chars().filter(|c| !c.is_control()).collect();
            let name = if [".", "..", ""].contains(&name.as_str()) {
                "name"
            } else {
                &name
            };
            let fields = Fields {
                user: some(name),
                database: some(name),
                options: options(&[("application_name", name), ("sslmode", "require")]),
                ..postgres(host)
            };
            let database = connect(Kind::Postgres, fields);
            rows.push(vec![bytes(&database, Part::Url, value.as_bytes())]);
            let option = format!("application_name={name}");
            let read = [name, &value, hosts, ports, name, &option, "sslmode=require"];
            expected.push(row(&read.map(str::as_bytes)));
        }
    }
    agree("libpq", &ask("libpq_url.py", &rows), &expected);
}

#[test]
#[ignore = "needs the client libraries: make test"]
fn libpq_finds_the_password_in_every_password_file() {
    let (mut rows, mut expected) = (Vec::new(), Vec::new());
    let hosts = ["db", "::1", "/var/run/postgresql", "/tmp", "/srv/pg"];
    for (case, value) in hostile().into_iter().enumerate() {
        if value.contains(['\n', '\r']) {
            continue;
        }
        let name: String = value.chars().filter(|c| !c.is_control()).collect();
        let name = if [".", "..", ""].contains(&name.as_str()) {
            "name"
        } else {
            &name
        };
        let host = hosts[case % hosts.len()];
        // The line of interest is the second one: a first host comes before it.
        let fields = Fields {
            host: Some(format!("other,{host}")),
            user: some(name),
            database: some(name),
            ..postgres("db")
        };
        let file = bytes(
            &connect(Kind::Postgres, fields),
            Part::Pgpass,
            value.as_bytes(),
        );
        let name = name.as_bytes();
        rows.push(row(&[&file, host.as_bytes(), b"5432", name, name]));
        rows.push(row(&[&file, host.as_bytes(), b"5433", name, name]));
        expected.push(row(&[value.as_bytes()]));
        expected.push(row(&[b""]));
    }
    agree("libpq", &ask("libpq_passfile.py", &rows), &expected);
}

#[test]
#[ignore = "needs the client libraries: make test"]
fn redis_py_reads_every_redis_url_as_it_was_meant() {
    let (mut rows, mut expected) = (Vec::new(), Vec::new());
    for value in hostile() {
        let name: String = value
            .chars()
            .filter(|c| !c.is_control() && *c != ' ')
            .collect();
        let user = if name.is_empty() { "app" } else { &name };
        let option = value.replace(|c: char| c.is_control() || c == '%', "") + "x";
        let full = |host| Fields {
            user: some(user),
            database: some("3"),
            options: options(&[("client_name", &option)]),
            ..redis(host)
        };
        let setting = format!("client_name={option}");
        let plain = ["Connection", "", &value, "redis", "6379", "0"];
        let tls = ["SSLConnection", user, &value, "::1", "7", "3", &setting];
        let socket = [
            "UnixDomainSocketConnection",
            user,
            &value,
            "/a b?/r",
            "",
            "3",
            &setting,
        ];
        for (fields, read) in [
            (redis("redis"), &plain[..]),
            (
                Fields {
                    tls: Some(true),
                    ..full("[::1]:7")
                },
                &tls,
            ),
            (full("/a b?/r"), &socket),
        ] {
            rows.push(vec![bytes(
                &connect(Kind::Redis, fields),
                Part::Url,
                value.as_bytes(),
            )]);
            expected.push(read.iter().map(|field| field.as_bytes().to_vec()).collect());
        }
    }
    agree("redis-py", &ask("redis_url.py", &rows), &expected);
}

/// Endpoints, and where a request for the object `k` in the bucket goes.
const ENDPOINTS: [(&str, &str); 3] = [
    ("http://minio:9000", "http://minio:9000/artifacts/k"),
    (
        "https://s3.example.com:8443",
        "https://s3.example.com:8443/artifacts/k",
    ),
    ("http://[::1]:9000", "http://[::1]:9000/artifacts/k"),
];

/// Keys travel in a header, where no client accepts control characters.
fn store(endpoint: &str, value: &str) -> Option<(Connection, String)> {
    let name: String = value.chars().filter(char::is_ascii_graphic).collect();
    let access_key = if name.is_empty() { "app".into() } else { name };
    let fields = Fields {
        access_key: Some(access_key.clone()),
        ..minio(endpoint)
    };
    (!value.contains(char::is_control)).then(|| (connect(Kind::Minio, fields), access_key))
}

#[test]
#[ignore = "needs the client libraries: make test"]
fn boto3_signs_with_the_keys_for_the_endpoint_that_was_meant() {
    let (mut rows, mut expected) = (Vec::new(), Vec::new());
    // A client of boto3 costs much time: the named values and some mixtures.
    for (endpoint, object) in ENDPOINTS {
        for value in hostile().into_iter().take(350).step_by(3) {
            let Some((store, access_key)) = store(endpoint, &value) else {
                continue;
            };
            let parts = [
                Part::Endpoint,
                Part::AccessKey,
                Part::SecretKey,
                Part::Bucket,
            ];
            rows.push(
                parts
                    .map(|part| bytes(&store, part, value.as_bytes()))
                    .to_vec(),
            );
            expected.push(row(&[
                object.as_bytes(),
                access_key.as_bytes(),
                value.as_bytes(),
            ]));
        }
    }
    agree("boto3", &ask("s3_boto3.py", &rows), &expected);
}

#[test]
#[ignore = "needs the client libraries: make test"]
fn minio_signs_with_the_keys_for_the_endpoint_that_was_meant() {
    let (mut rows, mut expected) = (Vec::new(), Vec::new());
    for (endpoint, object) in ENDPOINTS {
        let scheme = if endpoint.starts_with("https") {
            &b"https"[..]
        } else {
            b"http"
        };
        for value in hostile() {
            let Some((store, access_key)) = store(endpoint, &value) else {
                continue;
            };
            let part = |part| bytes(&store, part, value.as_bytes());
            rows.push(vec![
                part(Part::Host),
                part(Part::Port),
                scheme.to_vec(),
                part(Part::AccessKey),
                part(Part::SecretKey),
                part(Part::Bucket),
            ]);
            expected.push(row(&[
                object.as_bytes(),
                access_key.as_bytes(),
                value.as_bytes(),
            ]));
        }
    }
    agree("minio", &ask("s3_minio.py", &rows), &expected);
}

#[test]
#[ignore = "needs the client libraries: make test"]
fn python_reads_the_url_of_an_endpoint_as_it_was_meant() {
    let (mut rows, mut expected) = (Vec::new(), Vec::new());
    for value in hostile() {
        let Some((store, access_key)) = store("http://minio:9000", &value) else {
            continue;
        };
        rows.push(vec![bytes(&store, Part::Url, value.as_bytes())]);
        expected.push(row(&[
            b"http",
            access_key.as_bytes(),
            value.as_bytes(),
            b"minio",
            b"9000",
        ]));
        // `mc` takes the keys as they stand: the access key up to the first
        // colon, the secret key up to the last `@`.
        if !value.contains(':') && !access_key.contains(':') {
            let text = part(&store, Part::McHost, value.as_bytes());
            let (keys, host) = text.rsplit_once('@').expect("user info");
            let keys = keys
                .strip_prefix("http://")
                .and_then(|keys| keys.split_once(':'));
            assert!(keys == Some((access_key.as_str(), value.as_str())) && host == "minio:9000");
        }
    }
    agree("urllib", &ask("python_url.py", &rows), &expected);
}

#[test]
#[ignore = "needs the client libraries: make test"]
fn other_drivers_read_their_urls_as_they_were_meant() {
    let (mut rows, mut expected) = (Vec::new(), Vec::new());
    for value in hostile() {
        let mongo = Fields {
            path: some("app"),
            ..url("mongodb", "a:1,b:2")
        };
        let queue = Fields {
            path: some("/"),
            ..url("amqp", "mq:5672")
        };
        for (driver, connection, hosts, last) in [
            (
                "sqlalchemy",
                connect(Kind::Postgres, postgres("db")),
                "db:5432",
                "shop",
            ),
            ("mongodb", connect(Kind::Url, mongo), "a:1,b:2", "app"),
            ("amqp", connect(Kind::Url, queue), "mq:5672", "/"),
        ] {
            rows.push(vec![
                driver.into(),
                bytes(&connection, Part::Url, value.as_bytes()),
            ]);
            expected.push(row(&["app", &value, hosts, last].map(str::as_bytes)));
        }
    }
    agree("a driver", &ask("drivers.py", &rows), &expected);
}
