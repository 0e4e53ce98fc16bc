//! The head of an answer.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Version};
use httparse::{Header, ParserConfig, Status};
use hyper::ext::ReasonPhrase;

use super::error::Malformed;
use super::framing::{Rest, Said};
use super::input::Input;

/// The most fields of one answer, and the most of its trailers.
pub(super) const MOST_FIELDS: usize = 100;
/// The most bytes of a head, as over HTTP/2.
const MOST_BYTES: usize = 64 * 1024;
/// The most informational answers (1xx) before the answer itself. They may say for long that work goes on (102).
const MOST_INFORMATIONAL: u32 = 100;

/// The first line of an answer, and what follows from its fields.
#[derive(Debug)]
pub(in crate::upstream) struct Head {
    pub(in crate::upstream) status: StatusCode,
    /// The reason phrase, if it is not the usual one.
    pub(in crate::upstream) reason: Option<ReasonPhrase>,
    pub(super) rest: Rest,
    pub(super) keeps_alive: bool,
}

/// Finds heads in what comes.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// How many bytes were searched for the end of a head.
    searched: usize,
    /// How many bytes there were when an unfinished head was last parsed.
    parsed: usize,
    informational: u32,
}

impl Heads {
    /// The head of the answer to a request of `method`, if all of it is there; its fields are put into `fields` in the place of what is
    /// there. Informational answers are skipped, but for one that switches protocols. `ended` if no more will come.
    ///
    /// # Errors
    /// [`Malformed`] if it is no head, or too large. `fields` are of no use then.
    pub(super) fn next(
        &mut self,
        input: &mut Input,
        ended: bool,
        method: &Method,
        fields: &mut HeaderMap,
    ) -> Result<Option<Head>, Malformed> {
        loop {
            let Some(end) = self.find_end(input.as_bytes(), ended)? else { return Ok(None) };
            let head = input.take_head(end);
            (self.searched, self.parsed) = (0, 0);
            if let Some(head) = parse(&head, method, fields)? {
                return Ok(Some(head));
            }
            self.informational += 1;
            if self.informational > MOST_INFORMATIONAL {
                return Err(Malformed::Informational);
            }
        }
    }

    /// Where the first head ends: behind an empty line. One that is not complete is parsed now and then, so that what is none is found
    /// out early, but not with each byte.
    fn find_end(&mut self, bytes: &[u8], ended: bool) -> Result<Option<usize>, Malformed> {
        // Nothing may stand before it, although RFC 9112 lets a server forgive an empty line before a request.
        if bytes.first().is_some_and(|&first| first != b'H') {
            return Err(Malformed::Head("does not begin with HTTP"));
        }
        let most = bytes.len().min(MOST_BYTES);
        let end = empty_line(bytes.get(..most).unwrap_or_default(), self.searched);
        if end.is_none() {
            // An empty line can be there but for its last byte or two.
            self.searched = most.saturating_sub(2);
            if ended || bytes.len() >= 2 * self.parsed {
                self.parsed = bytes.len();
                httparse::Response::new(&mut [httparse::EMPTY_HEADER; MOST_FIELDS]).parse(bytes)?;
            }
            if bytes.len() >= MOST_BYTES {
                return Err(Malformed::TooLarge);
            }
        }
        Ok(end)
    }
}

/// Where the first empty line ends that begins behind a line feed at `from` or later.
fn empty_line(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes.get(from..)?).find_map(|at| match bytes.get(from + at + 1..)? {
        [b'\n', ..] => Some(from + at + 2),
        [b'\r', b'\n', ..] => Some(from + at + 3),
        _ => None,
    })
}

/// Reads a head that is all of `bytes`; `None` if it is informational.
fn parse(bytes: &Bytes, method: &Method, fields: &mut HeaderMap) -> Result<Option<Head>, Malformed> {
    let mut room = [const { MaybeUninit::<Header<'_>>::uninit() }; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let parsed =
        ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, &mut room)?;
    let (Status::Complete(length), Some(code), Some(version)) = (parsed, response.code, response.version)
    else {
        return Err(Malformed::Head("incomplete"));
    };
    if length != bytes.len() {
        return Err(Malformed::Head("ends early"));
    }
    let status = StatusCode::from_u16(code).map_err(|_| Malformed::Head("invalid status"))?;
    if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(None);
    }
    let version = if version == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
    let said = fill(fields, bytes, response.headers)?;
    let reason = response.reason.filter(|reason| status.canonical_reason() != Some(reason));
    Ok(Some(Head {
        status,
        reason: reason.and_then(|reason| ReasonPhrase::try_from(reason.as_bytes()).ok()),
        rest: said.rest(method, status, version)?,
        keeps_alive: said.keeps_alive(version),
    }))
}

/// Puts fields into a map, their values as parts of the head.
fn fill(map: &mut HeaderMap, head: &Bytes, fields: &[Header<'_>]) -> Result<Said, Malformed> {
    let mut said = Said::default();
    map.clear();
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let name = name.map_err(|_| Malformed::Head("invalid field name"))?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value));
        let value = value.map_err(|_| Malformed::Head("invalid field value"))?;
        said.note(&name, &value)?;
        map.append(name, value);
    }
    Ok(said)
}
