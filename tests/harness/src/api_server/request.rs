//! Paths and queries of the API.

use super::kinds::Kind;
use super::status::Failure;
use super::write::Target;

/// The parts of a path between slashes, decoded.
pub(crate) fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|segment| !segment.is_empty()).map(|segment| decode(segment, false)).collect()
}

/// What a path below `/api/v1` or `/apis/<group>/<version>` names.
pub(crate) fn target(segments: &[&str]) -> Result<Target, Failure> {
    let (group, version, rest) = match segments {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Err(Failure::no_such_path()),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, plural, rest @ ..] if *plural != "status" => {
            (Some((*namespace).to_owned()), [&[*plural], rest].concat())
        }
        rest => (None, rest.to_vec()),
    };
    let (plural, name, status) = match rest.as_slice() {
        [plural] => (*plural, "", false),
        [plural, name] => (*plural, *name, false),
        [plural, name, "status"] => (*plural, *name, true),
        _ => return Err(Failure::no_such_path()),
    };
    let kind = Kind::find(group, version, plural).ok_or_else(Failure::no_such_path)?;
    let misplaced =
        if kind.namespaced() { namespace.is_none() && !name.is_empty() } else { namespace.is_some() };
    if misplaced || (status && !kind.has_status()) {
        return Err(Failure::no_such_path());
    }
    Ok(Target { kind, namespace, name: name.to_owned(), status })
}

/// The query, decoded. An empty pair is no pair: kube's queries begin with `?&`.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name, true), decode(value, true))
        };
        Self(pairs.map(pair).collect())
    }

    /// A parameter, unless it is missing or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        matches!(self.get(name), Some("true" | "1"))
    }

    /// A number; 0 where there is none.
    pub(crate) fn number(&self, name: &str) -> Result<u64, Failure> {
        let Some(text) = self.get(name) else { return Ok(0) };
        text.parse()
            .map_err(|_| Failure::bad_request(format!("{name}: Invalid value: {text:?}: must be a number")))
    }
}

/// Undoes percent-encoding, and in queries `+` for a space.
fn decode(text: &str, query: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |at: usize| char::from(*tail.get(at)?).to_digit(16);
        rest = tail;
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                rest = &tail[2..];
            }
            (b'+', ..) if query => out.push(b' '),
            _ => out.push(*first),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
