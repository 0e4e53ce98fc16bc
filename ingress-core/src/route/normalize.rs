//! The one normal form in which request paths and rule paths are compared.
//!
//! What is matched must be what an endpoint will make of the path, or a request can reach a route by one name and a handler by
//! another. So both sides go through [`normalize`]; the request's own bytes are what is forwarded.

use std::borrow::Cow;

/// Why a path has no normal form. A request with such a path is answered 400; a rule with such a path can never match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The path does not begin with `/`.
    #[error("does not begin with \"/\"")]
    NotAbsolute,
    /// A `%` is not followed by two hexadecimal digits.
    #[error("has a \"%\" that is not followed by two hexadecimal digits")]
    Escape,
    /// A NUL byte, plain or as `%00`.
    #[error("contains a NUL byte")]
    Nul,
    /// A backslash, plain or as `%5c`: some servers read it as `/`.
    #[error("contains a backslash")]
    Backslash,
    /// A rule's path is longer than 2048 bytes. Requests are not held to this.
    #[error("is longer than 2048 bytes")]
    TooLong,
    /// `..` climbs above the root, or is hidden beside an escaped slash (`..%2f`).
    #[error("climbs out of its root with \"..\"")]
    Escapes,
}

/// Normalises an absolute path (without query) for matching.
///
/// * Escapes are decoded once. `%2F` and `%25` stay escaped, so that the result reads in one way only and normalising it again changes
///   nothing; so do control bytes and what is not UTF-8. Escapes that stay are written in upper case.
/// * Runs of `/` become one; `.` and `..` segments are resolved.
/// * Refused: a malformed escape, NUL, a backslash, `..` above the root, and a dot segment next to an escaped slash.
///
/// Borrows when the path is in normal form already, as nearly all are.
///
/// # Errors
/// [`PathError`] says what is wrong with the path.
pub fn normalize(path: &str) -> Result<Cow<'_, str>, PathError> {
    if !path.starts_with('/') {
        return Err(PathError::NotAbsolute);
    }
    if is_plain(path.as_bytes()) {
        return Ok(Cow::Borrowed(path));
    }
    let decoded = decode(path.as_bytes())?;
    Ok(Cow::Owned(resolve_dots(&decoded)?))
}

/// True if no byte of the path can make its normal form differ from it.
fn is_plain(path: &[u8]) -> bool {
    let mut after_slash = false;
    for &byte in path {
        match byte {
            b'%' | b'\\' | 0..=0x1f | 0x7f => return false,
            b'/' | b'.' if after_slash => return false,
            _ => after_slash = byte == b'/',
        }
    }
    true
}

/// Decodes escapes once; what must stay escaped is written as upper-case `%XX`.
fn decode(path: &[u8]) -> Result<String, PathError> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.iter().copied();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => match (rest.next().and_then(hex), rest.next().and_then(hex)) {
                (Some(high), Some(low)) => match high << 4 | low {
                    escaped @ (b'/' | b'%') => {
                        push_escaped(&mut bytes, escaped);
                        continue;
                    }
                    plain => plain,
                },
                _ => return Err(PathError::Escape),
            },
            plain => plain,
        };
        match byte {
            0 => return Err(PathError::Nul),
            b'\\' => return Err(PathError::Backslash),
            0x01..=0x1f | 0x7f => push_escaped(&mut bytes, byte),
            _ => bytes.push(byte),
        }
    }
    Ok(escape_invalid_utf8(bytes))
}

fn escape_invalid_utf8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let mut text = Vec::with_capacity(error.as_bytes().len() + 8);
        for chunk in error.as_bytes().utf8_chunks() {
            text.extend_from_slice(chunk.valid().as_bytes());
            chunk.invalid().iter().for_each(|&byte| push_escaped(&mut text, byte));
        }
        String::from_utf8_lossy(&text).into_owned()
    })
}

fn push_escaped(bytes: &mut Vec<u8>, byte: u8) {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'A' + value - 10 };
    bytes.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Merges slashes and resolves dot segments (RFC 3986, section 5.2.4, but above the root is an error).
fn resolve_dots(decoded: &str) -> Result<String, PathError> {
    let mut path = String::with_capacity(decoded.len());
    let mut open = false; // the last segment was a dot segment or empty: the path ends in "/"
    for segment in decoded.split('/').skip(1) {
        open = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => match path.rfind('/') {
                Some(parent) => path.truncate(parent),
                None => return Err(PathError::Escapes),
            },
            _ if hides_dots(segment) => return Err(PathError::Escapes),
            _ => {
                path.push('/');
                path.push_str(segment);
            }
        }
    }
    if open || path.is_empty() {
        path.push('/');
    }
    Ok(path)
}

/// An escaped slash beside `..`: a server that decodes it would climb.
fn hides_dots(segment: &str) -> bool {
    segment.contains("%2F") && segment.split("%2F").any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn normal_paths_are_borrowed() {
        for path in ["/", "/foo", "/foo/", "/a.b/c..d/.well", "/a b{c}", "/é", "/a;b=c"] {
            if path.contains("/.") {
                assert_eq!(normalize(path).unwrap(), path);
            } else {
                assert!(matches!(normalize(path), Ok(Cow::Borrowed(same)) if same == path), "{path}");
            }
        }
    }

    #[test]
    fn paths_are_decoded_merged_and_resolved() {
        for (path, normal) in [
            ("//a//b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/./b/.", "/a/b/"),
            ("/a/b/..", "/a/"),
            ("/a/..", "/"),
            ("/%66oo", "/foo"),
            ("/a/%2e%2E/b", "/b"),
            ("/a%2fb", "/a%2Fb"),
            ("/100%25", "/100%25"),
            ("/a%20b%7Bc%7d", "/a b{c}"),
            ("/caf%c3%a9", "/café"),
            ("/%ff", "/%FF"),
            ("/a%0d%0ab", "/a%0D%0Ab"),
            ("/...", "/..."),
        ] {
            assert_eq!(normalize(path).as_deref(), Ok(normal), "{path}");
        }
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        for (path, error) in [
            ("", PathError::NotAbsolute),
            ("foo", PathError::NotAbsolute),
            ("/%zz", PathError::Escape),
            ("/%2", PathError::Escape),
            ("/%", PathError::Escape),
            ("/%00", PathError::Nul),
            ("/a\\b", PathError::Backslash),
            ("/a%5Cb", PathError::Backslash),
            ("/../x", PathError::Escapes),
            ("/a/../../x", PathError::Escapes),
            ("/%2e%2e/x", PathError::Escapes),
            ("/a%2f..%2fb", PathError::Escapes),
            ("/a/..%2fb", PathError::Escapes),
        ] {
            assert_eq!(normalize(path), Err(error), "{path}");
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(path in "/([a-c./%]|%2[eEfF5]|%c3|%a9|é|\\PC){0,24}") {
            if let Ok(once) = normalize(&path) {
                prop_assert!(once.starts_with('/'));
                prop_assert!(!once.contains("//") && !once.split('/').any(|s| s == "." || s == ".."));
                let twice = normalize(&once);
                prop_assert_eq!(twice.as_deref(), Ok(&*once));
            }
        }
    }
}
