//! Parsers written from the specifications, to disagree with ours if they can:
//! RFC 3986 for URLs, Redis' `sdssplitargs`, libpq's password file.

/// A URL in pieces, decoded. `hosts` is the authority after the user info.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) scheme: String,
    pub(super) user: Option<Vec<u8>>,
    pub(super) password: Option<Vec<u8>>,
    pub(super) hosts: String,
    pub(super) path: Vec<u8>,
    pub(super) query: Vec<(Vec<u8>, Vec<u8>)>,
}

/// RFC 3986, appendix A, without fragments and without sub-delims in user
/// info, path or query: what is not unreserved must be encoded there.
pub(super) fn split(url: &str) -> Option<Split> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let (info, hosts) = match authority.split_once('@') {
        Some((info, hosts)) => (Some(info), hosts),
        None => (None, authority),
    };
    if hosts.contains('@') || rest.contains('#') {
        return None;
    }
    let (user, password) = match info.map(|info| info.split_once(':').unwrap_or((info, ""))) {
        Some((user, "")) => (Some(decode(user)?), None),
        Some((user, password)) => (Some(decode(user)?), Some(decode(password)?)),
        None => (None, None),
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path
        .split('/')
        .map(decode)
        .collect::<Option<Vec<_>>>()?
        .join(&b'/');
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let query = pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=')?;
            Some((decode(key)?, decode(value)?))
        })
        .collect::<Option<_>>()?;
    Some(Split {
        scheme: scheme.into(),
        user,
        password,
        hosts: hosts.into(),
        path,
        query,
    })
}

/// Unreserved characters and `%HH`; anything else is an error.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'%' => {
                let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
                bytes.push(u8::from_str_radix(hex, 16).ok()?);
                rest = &tail[2..];
            }
            b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                bytes.push(*first);
            }
            _ => return None,
        }
    }
    Some(bytes)
}

/// The arguments of each line of `redis.conf`, as sds.c splits them.
pub(super) fn redis_lines(text: &[u8]) -> Option<Vec<Vec<Vec<u8>>>> {
    let lines = text.strip_suffix(b"\n")?.split(|byte| *byte == b'\n');
    lines.map(redis_line).collect()
}

fn redis_line(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let word;
        (word, rest) = if rest[0] == b'"' {
            quoted(&rest[1..])?
        } else {
            plain(rest)
        };
        words.push(word);
        if let [first, tail @ ..] = rest {
            if *first != b' ' {
                return None;
            }
            rest = tail;
        }
    }
    Some(words)
}

fn plain(rest: &[u8]) -> (Vec<u8>, &[u8]) {
    let end = rest
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(rest.len());
    (rest[..end].to_vec(), &rest[end..])
}

fn quoted(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    loop {
        match rest {
            [b'"', tail @ ..] => return Some((word, tail)),
            [b'\\', b'x', a, b, tail @ ..] => {
                let digits = [*a, *b];
                word.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
                rest = tail;
            }
            [b'\\', ..] | [] => return None,
            [first, tail @ ..] => {
                word.push(*first);
                rest = tail;
            }
        }
    }
}

/// The five fields of one line of a password file, unescaped.
pub(super) fn passfile_line(line: &[u8]) -> Option<[Vec<u8>; 5]> {
    let mut fields = vec![Vec::new()];
    let mut rest = line.strip_suffix(b"\n")?;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let last = fields.len() - 1;
        match (first, tail) {
            (b'\\', [next, tail @ ..]) => {
                fields[last].push(*next);
                rest = tail;
            }
            (b':', _) => fields.push(Vec::new()),
            (b'\n' | b'\r', _) => return None,
            _ => fields[last].push(*first),
        }
    }
    fields.try_into().ok()
}
