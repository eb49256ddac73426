//! `cache.conf` read by a real `redis-server`, and log-ins through redis-py.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::clients::ask;
use super::{Fields, Kind, Part, bytes, connect, hostile, redis};

/// A server on loopback, ended when dropped.
struct Server {
    child: Child,
    folder: PathBuf,
}

impl Server {
    fn start(port: u16, lines: &[u8]) -> Self {
        let folder = std::env::temp_dir().join(format!("vestibule-{}-{port}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder");
        let settings = format!(
            "bind 127.0.0.1\nport {port}\nsave \"\"\ndir {}\nlogfile \"\"\n",
            folder.display()
        );
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

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Starts a server for each value and checks who gets in: the right password
/// only, and nobody without one.
fn only_the_right_password_gets_in(values: &[String], user: Option<&str>) {
    let mut servers = Vec::new();
    let mut rows = Vec::new();
    for value in values {
        let port = free_port();
        let fields = Fields {
            port: Some(port),
            user: user.map(String::from),
            ..redis("127.0.0.1")
        };
        let cache = connect(Kind::Redis, fields);
        servers.push(Server::start(
            port,
            &bytes(&cache, Part::Conf, value.as_bytes()),
        ));
        let wrong = value.to_owned() + "x";
        let nobody = Fields {
            password: None,
            port: Some(port),
            ..redis("127.0.0.1")
        };
        rows.push(vec![bytes(&cache, Part::Url, value.as_bytes())]);
        rows.push(vec![bytes(&cache, Part::Url, wrong.as_bytes())]);
        rows.push(vec![bytes(&connect(Kind::Redis, nobody), Part::Url, b"-")]);
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
