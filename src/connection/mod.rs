//! An endpoint and a credential become a value that a client understands.
//!
//! In: the fields that a policy or convention gives, and one `Secret`. Out:
//! the URL, one of its parts, a Redis configuration line or a `.pgpass` line.
//! Pure functions; the caller delivers.
//!
//! `check` does everything that needs no credential: it builds the URL up to
//! and after the password, of parts that every reader takes alike. `assemble`
//! puts the encoded credential between the two, in one allocation.
//!
//! **Never:** I/O, a value in an error, a credential in memory that cannot be
//! wiped.

mod address;
mod encode;
mod error;
mod generic;
mod minio;
mod mistakes;
mod options;
mod part;
mod placeholder;
mod postgres;
mod redis;
#[cfg(test)]
mod tests;

use crate::names::SecretName;
use crate::secret::Secret;

pub(crate) use self::address::is_canonical;
pub use self::error::ConnectionError;
use self::error::not_carried;
pub use self::mistakes::FieldError;
use self::mistakes::Mistakes;
pub use self::part::Part;
pub use self::placeholder::{is_called_like, is_placeholder, is_well_known};

/// The sort of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Postgres and what speaks its protocol.
    Postgres,
    /// Redis and Valkey.
    Redis,
    /// `MinIO` or another S3 server.
    Minio,
    /// Anything that is reached by a URL.
    Url,
}

impl Kind {
    /// The kind with this name; `s3` is another word for `minio`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "postgres" => Some(Self::Postgres),
            "redis" => Some(Self::Redis),
            "minio" | "s3" => Some(Self::Minio),
            "url" => Some(Self::Url),
            _ => None,
        }
    }

    /// Its name in a policy.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Minio => "minio",
            Self::Url => "url",
        }
    }
}

/// What a policy or convention says about a connection, already expanded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Host name, address, socket path, or several of them with commas.
    pub host: Option<String>,
    /// The port of each host that has none of its own.
    pub port: Option<u16>,
    /// The name that logs in.
    pub user: Option<String>,
    /// The secret that is the password.
    pub password: Option<SecretName>,
    /// The database; for Redis a decimal number.
    pub database: Option<String>,
    /// Further settings, in the order in which they were written.
    pub options: Vec<(String, String)>,
    /// S3: `http://` or `https://`, host and port.
    pub endpoint: Option<String>,
    /// S3: the public half of the key pair.
    pub access_key: Option<String>,
    /// S3: the secret that is the other half.
    pub secret_key: Option<SecretName>,
    /// S3: the bucket.
    pub bucket: Option<String>,
    /// `kind: url`: what stands before `://`.
    pub scheme: Option<String>,
    /// `kind: url`: what follows the host; for AMQP the virtual host.
    pub path: Option<String>,
    /// Redis: whether to encrypt.
    pub tls: Option<bool>,
}

/// A connection that has been checked and lacks only its credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    kind: Kind,
    credential: Option<SecretName>,
    /// The URL up to where `:` and the password go.
    before: String,
    /// The URL from there on: `@` and the rest, or the rest.
    after: String,
    /// The parts that hold no credential.
    texts: Vec<(Part, String)>,
    /// What stands before the credential in each line of the kind's own form.
    heads: Vec<String>,
}

impl Connection {
    /// Checks `fields` for this kind; reports every mistake, not the first.
    pub fn check(kind: Kind, fields: Fields) -> Result<Self, Vec<FieldError>> {
        let mut mistakes = Mistakes::default();
        let connection = match kind {
            Kind::Postgres => postgres::check(fields, &mut mistakes),
            Kind::Redis => redis::check(fields, &mut mistakes),
            Kind::Minio => minio::check(fields, &mut mistakes),
            Kind::Url => generic::check(fields, &mut mistakes),
        };
        let errors = mistakes.into_errors();
        connection.filter(|_| errors.is_empty()).ok_or(errors)
    }

    /// The secret that this connection logs in with.
    #[must_use]
    pub fn credential(&self) -> Option<&SecretName> {
        self.credential.as_ref()
    }

    /// The sort of server.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The parts that hold no credential: nothing in them is secret.
    #[must_use]
    pub fn texts(&self) -> &[(Part, String)] {
        &self.texts
    }

    /// Which parts this connection offers, the URL first.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = vec![Part::Url];
        parts.extend(self.texts.iter().map(|(part, _)| *part));
        if self.credential.is_some() {
            parts.push(self.credential_part());
            parts.extend(self.own_form());
        }
        parts
    }

    /// Whether `part` holds the credential, so that it is permitted only where
    /// the credential is.
    #[must_use]
    pub fn reveals(&self, part: Part) -> bool {
        self.credential.is_some() && !self.texts.iter().any(|(offered, _)| *offered == part)
    }

    /// Builds `part` from `credential`, which only the parts that hold it need.
    pub fn assemble(
        &self,
        part: Part,
        credential: Option<&Secret>,
    ) -> Result<Secret, ConnectionError> {
        if let Some((_, text)) = self.texts.iter().find(|(offered, _)| *offered == part) {
            return Ok(Secret::concat(&[text.as_bytes()]));
        }
        if !self.parts().contains(&part) {
            return Err(ConnectionError::NotOffered { part });
        }
        if self.credential.is_none() {
            return Ok(Secret::concat(&[
                self.before.as_bytes(),
                self.after.as_bytes(),
            ]));
        }
        let credential = credential.ok_or(ConnectionError::CredentialMissing)?;
        self.assemble_with(part, credential)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the credential is written into its form"
    )]
    fn assemble_with(&self, part: Part, credential: &Secret) -> Result<Secret, ConnectionError> {
        let clear = credential.expose();
        if clear.is_empty() {
            return Err(ConnectionError::CredentialEmpty);
        }
        if let Some(content) = not_carried(part, clear) {
            return Err(ConnectionError::NotCarried { part, content });
        }
        let mut pieces: Vec<&[u8]> = Vec::new();
        if part == Part::Url {
            pieces.extend([self.before.as_bytes(), b":"]);
            pieces.extend(encode::url(clear).map(str::as_bytes));
            pieces.push(self.after.as_bytes());
        } else if self.own_form() == Some(part) {
            for head in &self.heads {
                pieces.push(head.as_bytes());
                self.write_own_form(clear, &mut pieces);
            }
        } else {
            pieces.push(clear);
        }
        Ok(Secret::concat(&pieces))
    }

    /// The credential, and what follows it, in the kind's own form.
    fn write_own_form<'a>(&'a self, clear: &'a [u8], pieces: &mut Vec<&'a [u8]>) {
        match self.kind {
            Kind::Postgres => {
                pieces.extend(encode::pgpass(clear));
                pieces.push(b"\n");
            }
            Kind::Redis => {
                pieces.extend(encode::conf(clear).map(str::as_bytes));
                pieces.push(b"\"\n");
            }
            Kind::Minio | Kind::Url => pieces.extend([clear, self.after.as_bytes()]),
        }
    }

    /// The form that only this kind has, where it can be written.
    fn own_form(&self) -> Option<Part> {
        let part = match self.kind {
            Kind::Postgres => Part::Pgpass,
            Kind::Redis => Part::Conf,
            Kind::Minio => Part::McHost,
            Kind::Url => return None,
        };
        (!self.heads.is_empty()).then_some(part)
    }

    fn credential_part(&self) -> Part {
        if self.kind == Kind::Minio {
            Part::SecretKey
        } else {
            Part::Password
        }
    }

    fn new(kind: Kind, credential: Option<SecretName>) -> Self {
        let (before, after) = (String::new(), String::new());
        Self {
            kind,
            credential,
            before,
            after,
            texts: Vec::new(),
            heads: Vec::new(),
        }
    }

    fn offer(&mut self, part: Part, text: String) {
        self.texts.push((part, text));
    }

    /// `rest` is the URL after the user info.
    fn set_url(&mut self, scheme: &str, user: Option<&str>, rest: &str) {
        let name = user.map(encode::url_text).unwrap_or_default();
        self.before = [scheme, "://", &name].concat();
        let at = if user.is_some() || self.credential.is_some() {
            "@"
        } else {
            ""
        };
        self.after = [at, rest].concat();
    }
}
