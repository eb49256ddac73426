//! `MinIO` and every other S3 server: endpoint, key pair and bucket.
//!
//! In: endpoint (`http://minio:9000`), access key, secret key, bucket. Out: the
//! parts, which is how every SDK takes them; a URL with the keys as user info,
//! encoded like any URL; and `mc_host`, the value of `MC_HOST_<alias>`.
//!
//! The last two are different on purpose: since 2020 `mc` does not decode the
//! keys in that variable (cmd/config.go, `parseEnvURLStr`). It takes the access
//! key up to the first colon and the secret key up to the last `@` as they
//! stand, and a further colon would begin a session token.
//!
//! **Never:** an endpoint with user info, a path or a query: `mc` and `MinIO`'s
//! SDKs refuse those, and other clients would sign another path.

use super::address::{self, Address};
use super::mistakes::{Mistakes, strangers};
use super::{Connection, Fields, Kind, Part};

const OWN: [&str; 4] = ["endpoint", "access_key", "secret_key", "bucket"];
const STRANGER: &str = "minio has endpoint, access_key, secret_key and bucket";

/// The lengths that S3 allows for the name of a bucket.
const BUCKET_BYTES: std::ops::RangeInclusive<usize> = 3..=63;

pub(super) fn check(fields: Fields, mistakes: &mut Mistakes) -> Option<Connection> {
    strangers(&fields, &OWN, STRANGER, mistakes);
    let endpoint = endpoint(fields.endpoint, mistakes);
    let access_key = mistakes.needed_text("access_key", fields.access_key);
    let secret_key = mistakes.needed("secret_key", fields.secret_key);
    let bucket = bucket(fields.bucket, mistakes);
    let ((scheme, address), access_key) = (endpoint?, access_key?);

    let authority = address.authority();
    let mut connection = Connection::new(Kind::Minio, secret_key);
    connection.set_url(scheme, Some(&access_key), &authority);
    if !access_key.contains(':') {
        connection.heads = vec![[scheme, "://", &access_key, ":"].concat()];
    }
    connection.offer(Part::Endpoint, [scheme, "://", &authority].concat());
    connection.offer(Part::AccessKey, access_key);
    if let Some(bucket) = bucket {
        connection.offer(Part::Bucket, bucket);
    }
    let port = address
        .port
        .unwrap_or(if scheme == "https" { 443 } else { 80 });
    connection.offer(Part::Host, address.host_text());
    connection.offer(Part::Port, port.to_string());
    Some(connection)
}

/// Scheme and address; a final slash is cut.
fn endpoint(text: Option<String>, mistakes: &mut Mistakes) -> Option<(&'static str, Address)> {
    let text = mistakes.needed_text("endpoint", text)?;
    let lower = text.to_ascii_lowercase();
    let (scheme, address) = match (
        lower.strip_prefix("https://"),
        lower.strip_prefix("http://"),
    ) {
        (Some(rest), _) => ("https", rest),
        (None, Some(rest)) => ("http", rest),
        (None, None) => {
            mistakes.address("endpoint", &text, "it starts with `http://` or `https://`");
            return None;
        }
    };
    let address = address.strip_suffix('/').unwrap_or(address);
    let result = if address.contains(['/', '?', '#', '\\']) {
        Err("it has only scheme, host and port: no path, query or fragment")
    } else {
        address::parse(address)
    };
    match result {
        Ok(address) => {
            mistakes.misread(scheme, std::slice::from_ref(&address), "", "endpoint");
            Some((scheme, address))
        }
        Err(rule) => {
            mistakes.address("endpoint", &text, rule);
            None
        }
    }
}

/// The rule that S3 and `MinIO` have for new buckets.
fn bucket(bucket: Option<String>, mistakes: &mut Mistakes) -> Option<String> {
    let bucket = mistakes.text("bucket", bucket)?;
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let plain = bucket
        .bytes()
        .all(|byte| inner(byte) || matches!(byte, b'-' | b'.'));
    let ends = bucket.bytes().next().is_some_and(inner) && bucket.bytes().last().is_some_and(inner);
    if !(plain && ends && BUCKET_BYTES.contains(&bucket.len())) {
        let rule = "a bucket is 3 to 63 lower-case letters, digits, `-` and `.`";
        mistakes.add("bucket", Some(bucket.clone()), rule);
    }
    Some(bucket)
}
