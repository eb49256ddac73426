//! `cache.conf` read by a real `redis-server`, and log-ins through redis-py.
//!
//! Each server listens on a socket in a folder of its own: a port that was free
//! a moment ago may be taken by the test that runs beside this one.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::clients::ask;
use super::{Fields, Kind, Part, bytes, connect, hostile, redis};

/// A server on a socket, ended when dropped.
struct Server {
    child: Child,
    folder: PathBuf,
}

impl Server {
    fn start(folder: PathBuf, lines: &[u8]) -> Self {
        std::fs::create_dir(&folder).expect("a folder");
        let place = folder.display();
        let settings = format!("port 0\nunixsocket {place}/redis.sock\nsave \"\"\ndir {place}\n");
        let file = folder.join("redis.conf");
        std::fs::write(&file, [settings.as_bytes(), lines].concat()).expect("a file");
        let child = Command::new("redis-server")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server");
        Self { child, folder }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A folder that nothing else uses.
fn folder() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("vestibule-redis-{}-{count}", std::process::id()))
}

/// Starts a server for each value and checks who gets in: the right password
/// only, and nobody without one.
fn only_the_right_password_gets_in(values: &[String], user: Option<&str>) {
    let mut servers = Vec::new();
    let mut rows = Vec::new();
    for value in values {
        let folder = folder();
        let socket = folder.join("redis.sock");
        let socket = socket.to_str().expect("text");
        let fields = Fields {
            user: user.map(String::from),
            ..redis(socket)
        };
        let cache = connect(Kind::Redis, fields);
        servers.push(Server::start(
            folder.clone(),
            &bytes(&cache, Part::Conf, value.as_bytes()),
        ));
        let wrong = value.to_owned() + "x";
        let nobody = connect(
            Kind::Redis,
            Fields {
                password: None,
                ..redis(socket)
            },
        );
        rows.push(vec![bytes(&cache, Part::Url, value.as_bytes())]);
        rows.push(vec![bytes(&cache, Part::Url, wrong.as_bytes())]);
        rows.push(vec![bytes(&nobody, Part::Url, b"-")]);
    }
    let answers = ask("redis_login.py", &rows);
    for (case, answers) in answers.chunks(3).enumerate() {
        let expected = [[b"in".to_vec()], [b"out".to_vec()], [b"out".to_vec()]];
        assert!(answers == expected, "case {case}");
    }
}

/// All the named values and a few mixtures.
fn values() -> Vec<String> {
    hostile().into_iter().skip(190).take(90).collect()
}

#[test]
#[ignore = "needs redis-server and the client libraries: make test"]
fn a_server_with_cache_conf_lets_in_the_password_and_nobody_else() {
    for values in values().chunks(15) {
        only_the_right_password_gets_in(values, None);
    }
}

#[test]
#[ignore = "needs redis-server and the client libraries: make test"]
fn a_server_with_an_acl_user_lets_in_that_user_and_not_the_default_one() {
    for values in values().chunks(15) {
        only_the_right_password_gets_in(values, Some("a\"p\\p"));
    }
}
