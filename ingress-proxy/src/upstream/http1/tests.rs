//! What our client makes of endpoints that are broken or mean harm, and of bodies that are not what was said of them.

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body::Frame;
use http_body_util::StreamBody;

use super::script::{End, Script, ours};
use crate::body::Body;

fn ask(method: &str, answer: &[u8], closes: bool) -> (String, Option<u16>) {
    let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
    let mut ends = Vec::new();
    // However it comes, it means the same.
    for cuts in [&[][..], &[1; 255], &[7; 255], &[60, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]] {
        let mut again = Request::new(Body::empty());
        again.method_mut().clone_from(request.method());
        let (seen, _, _) = ours(again, Script::new(answer, cuts, closes));
        let end = match &seen.end {
            End::Complete { reusable: true } => format!("{}|again", seen.body.escape_ascii()),
            End::Complete { reusable: false } => format!("{}|over", seen.body.escape_ascii()),
            End::Awaited => "awaited".to_owned(),
            End::Failed(why) => format!("failed: {why}"),
        };
        ends.push((end, seen.status));
    }
    ends.dedup();
    assert_eq!(ends.len(), 1, "{method} {}: {ends:?}", answer.escape_ascii());
    ends.remove(0)
}

fn get(answer: &str) -> String {
    ask("GET", answer.as_bytes(), false).0
}

#[test]
fn a_complete_answer_leaves_the_connection() {
    assert_eq!(get("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"), "hello|again");
    assert_eq!(
        get("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nx: y\r\n\r\n"),
        "abc|again"
    );
    assert_eq!(
        get("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\na: b\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"),
        "|again"
    );
    assert_eq!(get("HTTP/1.0 200 OK\r\ncontent-length: 1\r\nconnection: keep-alive\r\n\r\na"), "a|again");
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
    assert_eq!(ask("HEAD", head, false).0, "|again");
}

#[test]
fn a_byte_too_much_costs_the_connection() {
    assert_eq!(get("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello!"), "hello|over");
    assert_eq!(
        get("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        "a|over"
    );
    assert_eq!(get("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nx"), "|over");
    assert_eq!(get("HTTP/1.1 204 No Content\r\n\r\nx"), "|over");
    assert_eq!(get("HTTP/1.1 304 Not Modified\r\ncontent-length: 1\r\n\r\nx"), "|over");
    assert_eq!(ask("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx", false).0, "|over");
    assert_eq!(get("HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\na"), "a|over");
    assert_eq!(get("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na"), "a|over");
}

#[test]
fn an_answer_that_breaks_off_is_seen_to() {
    let closed = |answer: &str| ask("GET", answer.as_bytes(), true).0;
    let cut = "failed: the connection was closed before the answer was complete";
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhell",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: y\r\n",
    ] {
        assert_eq!(closed(answer), cut, "{answer}");
    }
    assert_eq!(closed("HTTP/1.1 200 OK\r\n\r\nhello"), "hello|over");
    assert_eq!(get("HTTP/1.1 200 OK\r\n\r\nhello"), "awaited");
}

#[test]
fn what_is_no_answer_is_refused() {
    for answer in [
        "SSH-2.0-OpenSSH\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx : y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\rx: a\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    ] {
        let (end, head) = ask("GET", answer.as_bytes(), false);
        assert!(end.starts_with("failed: ") && head.is_none(), "{answer}: {end}");
    }
    // RFC 9112 lets a line end with a line feed alone; nginx and hyper do too.
    assert_eq!(get("HTTP/1.1 200 OK\ncontent-length: 1\n\na"), "a|again");
}

#[test]
fn a_chunk_has_one_reading() {
    for body in [
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "10000000000000000\r\nhello",
        "fffffffffffffffff\r\nhello",
        "\r\nhello",
        "-1\r\nhello",
        "0\r\nx y: z\r\n\r\n",
        "0\r\nx: y\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}");
        let end = get(&answer);
        assert!(end.starts_with("failed: "), "{body:?}: {end}");
    }
}

#[test]
fn floods_are_bounded() {
    let too_large = "failed: more than is held of fields or chunk extensions";
    let fields = "x: y\r\n".repeat(101);
    assert_eq!(get(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n")), too_large);
    let value = "y".repeat(70_000);
    assert_eq!(get(&format!("HTTP/1.1 200 OK\r\nx: {value}\r\n\r\n")), too_large);
    assert_eq!(get(&format!("HTTP/1.1 200 OK\r\nx: {value}")), too_large);
    assert_eq!(get(&format!("HTTP/1.1 200 {value}")), too_large);
    let informational = "HTTP/1.1 102 Processing\r\n\r\n".repeat(101);
    assert_eq!(get(&informational), "failed: too many informational answers");
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let extensions = format!("1;{}\r\na\r\n", "x".repeat(1000)).repeat(17);
    assert_eq!(get(&format!("{chunked}{extensions}")), too_large);
    let trailers = "x: y\r\n".repeat(3000);
    assert_eq!(get(&format!("{chunked}0\r\n{trailers}")), too_large);
    assert_eq!(get(&format!("{chunked}0\r\n{trailers}\r\n")), too_large);
}

/// What an endpoint hears of a request whose body comes in these pieces.
fn heard(length: Option<u64>, pieces: &[&'static str]) -> (String, bool) {
    let frames: Vec<_> =
        pieces.iter().map(|piece| Ok::<_, std::io::Error>(Frame::data(Bytes::from(*piece)))).collect();
    let mut request = Request::post("/");
    if let Some(length) = length {
        request = request.header("content-length", length);
    }
    let request = request.body(Body::new(StreamBody::new(stream::iter(frames)))).unwrap();
    let (seen, script, _) = ours(request, Script::new(b"HTTP/1.1 204 No Content\r\n\r\n", &[], false));
    let heard = String::from_utf8(script.heard).unwrap();
    let body = heard.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    (body.unwrap_or_default(), seen.end == End::Complete { reusable: true })
}

#[test]
fn a_request_is_as_long_as_it_says() {
    assert_eq!(heard(Some(5), &["hello"]), ("hello".into(), true));
    assert_eq!(heard(Some(5), &["he", "", "llo", ""]), ("hello".into(), true));
    assert_eq!(heard(None, &["he", "", "llo"]), ("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n".into(), true));
    assert_eq!(heard(None, &[]), ("0\r\n\r\n".into(), true));
    assert_eq!(heard(Some(5), &["hell"]), ("hell".into(), false));
    assert_eq!(heard(Some(5), &["hello!"]), (String::new(), false));
    assert_eq!(heard(Some(5), &["hello", "!"]), (String::new(), false));
    assert_eq!(heard(Some(5), &["he", "llo", "!"]), ("he".into(), false));
    assert_eq!(heard(Some(0), &["!"]), (String::new(), false));
}

#[test]
fn a_body_that_fails_is_cut_off() {
    let frames = [Ok(Frame::data(Bytes::from("he"))), Err(std::io::Error::other("gone"))];
    let request = Request::post("/").body(Body::new(StreamBody::new(stream::iter(frames)))).unwrap();
    let (seen, script, _) = ours(request, Script::new(b"HTTP/1.1 204 No Content\r\n\r\n", &[], false));
    assert_eq!(seen.end, End::Failed("the body of the request failed".into()));
    assert!(script.heard.ends_with(b"\r\n\r\n2\r\nhe\r\n"), "{}", script.heard.escape_ascii());
}

#[test]
fn an_answer_may_overtake_the_request() {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
    let frames = stream::unfold(receiver, |mut receiver| async {
        Some((Ok::<_, std::io::Error>(Frame::data(receiver.recv().await?)), receiver))
    });
    sender.send(Bytes::from("first")).unwrap();
    let request = Request::post("/").body(Body::new(StreamBody::new(frames))).unwrap();
    let answer = b"HTTP/1.1 413 Payload Too Large\r\ncontent-length: 2\r\n\r\nno";
    let (seen, ..) = ours(request, Script::new(answer, &[], false));
    assert_eq!((seen.status, seen.body), (Some(413), b"no".to_vec()));
    assert_eq!(seen.end, End::Complete { reusable: false });
}
