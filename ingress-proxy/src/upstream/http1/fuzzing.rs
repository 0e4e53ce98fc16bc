//! What must hold whatever an endpoint says and a client sends.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{Method, Request};
use http_body::Frame;
use http_body_util::StreamBody;

use super::script::{End, Script, Seen, ours};
use crate::body::Body;

/// An answer means the same however it is cut, and leaves a connection for another only if nothing stands behind it.
pub fn response(data: &[u8]) {
    let [choice, count, data @ ..] = data else { return };
    let Some((cuts, answer)) = data.split_at_checked(usize::from(count % 16)) else { return };
    let closes = choice & 1 == 0;
    let method = if choice & 2 == 0 { Method::GET } else { Method::HEAD };
    let ask = |answer: &[u8], cuts: &[u8]| {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method.clone();
        ours(request, Script::new(answer, cuts, closes)).0
    };
    let whole = ask(answer, &[]);
    assert_same(&whole, &ask(answer, cuts));
    assert_same(&whole, &ask(answer, &vec![1; answer.len()]));
    if whole.end == (End::Complete { reusable: true }) {
        let more = ask(&[answer, b"x"].concat(), cuts);
        assert_eq!(more.end, End::Complete { reusable: false });
        assert_eq!((more.status, more.fields, more.body), (whole.status, whole.fields, whole.body));
    }
}

fn assert_same(one: &Seen, other: &Seen) {
    match (&one.end, &other.end) {
        // What is wrong with an unfinished head, or behind a piece of a body, need not be found out at once.
        (End::Failed(_), End::Failed(_)) => {
            assert!(one.body.starts_with(&other.body) || other.body.starts_with(&one.body));
        }
        (End::Failed(_), End::Awaited) | (End::Awaited, End::Failed(_)) => {
            assert!(one.status.is_none() && other.status.is_none());
        }
        _ => assert_eq!(one, other),
    }
}

/// A request reaches an endpoint as one message with the body it had, or as none that is complete.
pub fn exchange(data: &[u8]) {
    let [choice, length, data @ ..] = data else { return };
    let mut parts = data.split(|&byte| byte == 0xff);
    let (method, name, value) = (parts.next(), parts.next(), parts.next());
    let pieces: Vec<Bytes> = parts.map(Bytes::copy_from_slice).collect();
    let body = pieces.concat();
    let frames = futures_util::stream::iter(
        pieces.into_iter().map(|piece| Ok::<_, std::io::Error>(Frame::data(piece))),
    );
    let mut request = Request::new(Body::new(StreamBody::new(frames)));
    if let Some(Ok(method)) = method.map(Method::from_bytes) {
        *request.method_mut() = method;
    }
    if let (Some(Ok(name)), Some(Ok(value))) =
        (name.map(HeaderName::from_bytes), value.map(HeaderValue::from_bytes))
    {
        request.headers_mut().append(name, value);
    }
    match choice % 4 {
        0 => {}
        1 => drop(request.headers_mut().append(CONTENT_LENGTH, HeaderValue::from(u64::from(*length)))),
        2 => drop(request.headers_mut().append(CONTENT_LENGTH, HeaderValue::from(body.len() as u64))),
        _ => *request.body_mut() = Body::full(body.clone()),
    }
    let (seen, script, _) = ours(request, Script::new(b"HTTP/1.1 204 No Content\r\n\r\n", &[], false));
    let complete = message(&script.heard);
    if seen.end == (End::Complete { reusable: true }) {
        assert_eq!(complete.as_deref(), Some(&body[..]));
    } else if let Some(sent) = complete {
        assert!(sent.is_empty() && body.is_empty(), "a body that failed arrived whole");
    }
}

/// The body of the one request that is all of these bytes, read in another way than our own.
fn message(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut fields = [httparse::EMPTY_HEADER; 16];
    let mut request = httparse::Request::new(&mut fields);
    let Ok(httparse::Status::Complete(head)) = request.parse(bytes) else { return None };
    let body = bytes.get(head..)?;
    let said = |name: &str| {
        let mut values = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        let first = values.next().map(|field| String::from_utf8_lossy(field.value).into_owned());
        assert!(values.next().is_none(), "{name} is there twice");
        first
    };
    match (said("content-length"), said("transfer-encoding")) {
        (Some(_), Some(_)) => unreachable!("a length and a coding"),
        (Some(length), None) => (length.parse::<usize>() == Ok(body.len())).then(|| body.to_vec()),
        (None, Some(_)) => dechunked(body),
        (None, None) => body.is_empty().then(Vec::new),
    }
}

fn dechunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let at = memchr::memmem::find(rest, b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(rest.get(..at)?).ok()?, 16).ok()?;
        let data = rest.get(at + 2..at + 2 + size)?;
        all.extend_from_slice(data);
        rest = rest.get(at + 2 + size..)?.strip_prefix(b"\r\n")?;
        if size == 0 {
            return rest.is_empty().then_some(all);
        }
    }
}
