//! The names behind the dot: `database.password`, `cache.conf`.
//!
//! In: the text that a policy writes after a connection's name. Out: a `Part`.
//!
//! **Never:** a part that only some spelling reaches.

/// What a program can be given of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The whole as a URL: the connection's bare name.
    Url,
    /// The credential as it is.
    Password,
    /// Host name, address or socket path; several with commas, as `PGHOST` has them.
    Host,
    /// The port, also where it is the default one; several with commas.
    Port,
    /// The name that logs in.
    User,
    /// The database: a name, for Redis a number.
    Database,
    /// S3: scheme, host and port.
    Endpoint,
    /// S3: the public half of the key pair.
    AccessKey,
    /// S3: the credential as it is.
    SecretKey,
    /// S3: the bucket.
    Bucket,
    /// Redis: the line or lines of `redis.conf` that demand this log-in.
    Conf,
    /// Postgres: one line for each host, for a password file.
    Pgpass,
    /// S3: the value of `MC_HOST_<alias>`, which is not quite a URL.
    McHost,
}

/// Every part with its name, in the order in which people read them.
const NAMES: [(Part, &str); 13] = [
    (Part::Url, "url"),
    (Part::Password, "password"),
    (Part::Host, "host"),
    (Part::Port, "port"),
    (Part::User, "user"),
    (Part::Database, "database"),
    (Part::Endpoint, "endpoint"),
    (Part::AccessKey, "access_key"),
    (Part::SecretKey, "secret_key"),
    (Part::Bucket, "bucket"),
    (Part::Conf, "conf"),
    (Part::Pgpass, "pgpass"),
    (Part::McHost, "mc_host"),
];

impl Part {
    /// The part with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        NAMES
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(part, _)| *part)
    }

    /// The name, without the dot.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        NAMES
            .iter()
            .find(|(known, _)| *known == self)
            .map_or("", |(_, name)| name)
    }
}
