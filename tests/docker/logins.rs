//! Claims about who is let in: the application with what vestibule gave it, and
//! nobody with anything else.

use crate::engine::{self, Finished};
use crate::passwords::{self, PASSWORDS, Password};
use crate::stack::{self, Stack};

/// What the application says of each of its four clients when it is let in.
const WELCOMES: [&str; 4] = [
    "app: psycopg logged in as app to app",
    "app: redis logged in and read 'hello' back",
    "app: boto3 logged in and read 'hello' back",
    "app: minio logged in and found the buckets ['example']",
];

fn assert_welcome(said: &str) {
    for welcome in WELCOMES {
        assert!(
            said.contains(welcome),
            "no `{welcome}` in: {}",
            passwords::printable(said)
        );
    }
}

#[test]
fn the_app_logs_in_to_all_three_servers_with_what_it_was_given() {
    if !engine::answers() {
        return;
    }
    assert_welcome(&Stack::shared().logs("app"));
}

#[test]
fn every_server_refuses_a_wrong_password() {
    if !engine::answers() {
        return;
    }
    let stack = Stack::shared();
    let wrong = stack.directory("wrong");
    stack::write_secrets(&wrong, |value| value.to_owned() + "x");
    let app = [
        "run",
        "--rm",
        "--no-deps",
        "-T",
        "app",
        "python3",
        "/app/app.py",
        "--once",
    ];
    let Finished { code, said } = stack.compose_with_secrets(&wrong, &app);
    let shown = passwords::printable(&said);
    for refusal in [
        "app: psycopg was refused: OperationalError",
        "app: redis was refused: AuthenticationError",
        "app: boto3 was refused: ClientError SignatureDoesNotMatch",
        "app: minio was refused: S3Error SignatureDoesNotMatch",
    ] {
        assert!(said.contains(refusal), "no `{refusal}` in: {shown}");
    }
    assert_eq!(code, Some(1), "{shown}");
}

#[test]
fn the_usual_file_names_log_in_without_a_policy() {
    if !engine::answers() {
        return;
    }
    let stack = Stack::shared();
    let image = stack.image("app");
    let network = stack.network();
    let mounts = PASSWORDS.map(|Password { name, .. }| {
        format!(
            "{}:/run/secrets/{name}.secret:ro",
            stack.secret(name).display()
        )
    });
    let options = [
        ["--network", &network],
        ["--volume", &mounts[0]],
        ["--volume", &mounts[1]],
        ["--volume", &mounts[2]],
        ["--user", "10001:10001"],
        ["--cap-drop", "ALL"],
        ["--env", "POSTGRES_HOST=postgres"],
        ["--env", "POSTGRES_USER=app"],
        ["--env", "POSTGRES_DB=app"],
        ["--env", "MINIO_ENDPOINT=http://minio:9000"],
        ["--env", "MINIO_ACCESS_KEY=app"],
    ];
    let command = [&image, "python3", "/app/app.py", "--once"];
    let run = [&["run", "--rm"], options.concat().as_slice(), &command].concat();
    assert_welcome(&engine::docker(&run).success("the app without a policy"));
}
