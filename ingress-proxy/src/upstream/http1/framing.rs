//! Where an answer ends, and whether another may follow on its connection (RFC 9112, sections 6.3 and 9.3).

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Method, StatusCode, Version};

use super::chunked::Chunked;
use super::error::Malformed;

/// What of an answer's body is still to come.
#[derive(Debug)]
pub(super) enum Rest {
    /// Nothing.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunked),
    /// All that comes until the endpoint closes the connection.
    UntilClose,
}

/// What the fields of an answer say of its end, gathered as they are read.
#[derive(Debug, Default)]
pub(super) struct Said {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
}

impl Said {
    /// Takes note of a field.
    ///
    /// # Errors
    /// [`Malformed`] if there is a length that is none, more than one, a coding other than `chunked` alone, or a length and a coding.
    pub(super) fn note(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<(), Malformed> {
        if *name == CONTENT_LENGTH {
            let length = digits(value.as_bytes()).ok_or(Malformed::Length)?;
            if self.length.replace(length).is_some() {
                return Err(Malformed::Length);
            }
        } else if *name == TRANSFER_ENCODING {
            let is_chunked = value.as_bytes().eq_ignore_ascii_case(b"chunked");
            if !is_chunked || std::mem::replace(&mut self.chunked, true) {
                return Err(Malformed::Coding);
            }
        } else if *name == CONNECTION {
            self.close |= has_token(value, b"close");
            self.keep_alive |= has_token(value, b"keep-alive");
        }
        if self.chunked && self.length.is_some() { Err(Malformed::Both) } else { Ok(()) }
    }

    /// Where the answer to a request of `method` ends.
    ///
    /// # Errors
    /// [`Malformed`] if there is no telling.
    pub(super) fn rest(
        &self,
        method: &Method,
        status: StatusCode,
        version: Version,
    ) -> Result<Rest, Malformed> {
        if self.chunked && version == Version::HTTP_10 {
            return Err(Malformed::Coding);
        }
        let bodyless = *method == Method::HEAD
            || matches!(
                status,
                StatusCode::SWITCHING_PROTOCOLS | StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
            );
        Ok(match self.length {
            _ if bodyless => Rest::None,
            _ if self.chunked => Rest::Chunked(Chunked::default()),
            Some(0) => Rest::None,
            Some(length) => Rest::Length(length),
            None => Rest::UntilClose,
        })
    }

    /// True if the endpoint will take another request on this connection.
    pub(super) fn keeps_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::HTTP_11 || self.keep_alive)
    }
}

/// The length that a message says it has.
///
/// # Errors
/// [`Malformed::Length`] if that is not one number.
pub(super) fn length_of(headers: &HeaderMap) -> Result<Option<u64>, Malformed> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(None),
        (Some(length), None) => digits(length.as_bytes()).map(Some).ok_or(Malformed::Length),
        _ => Err(Malformed::Length),
    }
}

/// A number of digits only: no sign, no blank, no list.
fn digits(text: &[u8]) -> Option<u64> {
    let add = |number: u64, digit: &u8| match digit {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    };
    if text.is_empty() { None } else { text.iter().try_fold(0, add) }
}

fn has_token(value: &HeaderValue, token: &[u8]) -> bool {
    value.as_bytes().split(|&byte| byte == b',').any(|it| it.trim_ascii().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How an answer ends: a letter for the way, and whether the connection stays.
    fn end(
        method: &Method,
        status: u16,
        version: Version,
        fields: &[(&str, &str)],
    ) -> Result<(char, bool), Malformed> {
        let mut said = Said::default();
        for (name, value) in fields {
            said.note(&name.parse().unwrap(), &value.parse().unwrap())?;
        }
        let way = match said.rest(method, StatusCode::from_u16(status).unwrap(), version)? {
            Rest::None => 'n',
            Rest::Length(_) => 'l',
            Rest::Chunked(_) => 'c',
            Rest::UntilClose => 'u',
        };
        Ok((way, said.keeps_alive(version)))
    }

    #[test]
    fn an_answer_ends_where_rfc_9112_says() {
        let (get, head) = (Method::GET, Method::HEAD);
        let (old, new) = (Version::HTTP_10, Version::HTTP_11);
        let (length, chunked) = (("content-length", "5"), ("transfer-encoding", "Chunked"));
        for (method, status, version, fields, expected) in [
            (&get, 200, new, &[length][..], ('l', true)),
            (&get, 200, new, &[("content-length", "0")], ('n', true)),
            (&get, 200, new, &[chunked], ('c', true)),
            (&get, 200, new, &[], ('u', true)),
            (&head, 200, new, &[length], ('n', true)),
            (&head, 200, new, &[chunked], ('n', true)),
            (&get, 204, new, &[length], ('n', true)),
            (&get, 304, new, &[length], ('n', true)),
            (&get, 101, new, &[], ('n', true)),
            (&get, 200, old, &[length], ('l', false)),
            (&get, 200, old, &[length, ("connection", "keep-alive")], ('l', true)),
            (&get, 200, old, &[length, ("connection", "keep-alive, close")], ('l', false)),
            (&get, 200, new, &[length, ("connection", "a, Close")], ('l', false)),
            (&get, 200, new, &[length, ("connection", "close"), ("connection", "keep-alive")], ('l', false)),
        ] {
            let found = end(method, status, version, fields);
            assert_eq!(found, Ok(expected), "{method} {status} {version:?} {fields:?}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let (length, chunked) = (("content-length", "5"), ("transfer-encoding", "chunked"));
        for fields in [
            &[length, chunked][..],
            &[chunked, length],
            &[length, length],
            &[length, ("content-length", "6")],
            &[("content-length", "5, 5")],
            &[("content-length", "+5")],
            &[("content-length", "-0")],
            &[("content-length", "5 ")],
            &[("content-length", "")],
            &[("content-length", "0x5")],
            &[("content-length", "18446744073709551616")],
            &[chunked, chunked],
            &[("transfer-encoding", "chunked, chunked")],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "identity")],
            &[("transfer-encoding", "")],
            &[("transfer-encoding", "\"chunked\"")],
        ] {
            for (method, status) in [(Method::GET, 200), (Method::HEAD, 200), (Method::GET, 204)] {
                let found = end(&method, status, Version::HTTP_11, fields);
                assert!(found.is_err(), "{fields:?} {status}");
            }
        }
        assert!(end(&Method::GET, 200, Version::HTTP_10, &[chunked]).is_err());
    }
}
