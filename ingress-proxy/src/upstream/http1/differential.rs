//! Our client against hyper's: of the same bytes, both must make the same.

use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::time::{sleep, timeout};

use super::error::{Error, Malformed};
use super::script::{End, Script, Seen, ours};
use crate::body::Body;

/// Where we refuse what hyper takes, and why.
const STRICTER: &[(&str, &str, &[u8])] = &[
    ("two equal lengths", "GET", b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na"),
    ("a list of lengths", "GET", b"HTTP/1.1 200 OK\r\ncontent-length: 1, 1\r\n\r\na"),
    (
        "a length and a coding",
        "GET",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "a coding of which chunked is only the last",
        "GET",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "another coding, which ends with the connection",
        "GET",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\na",
    ),
    (
        "two codings",
        "GET",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "a length that is none, where there is no body",
        "HEAD",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
    ),
    (
        "a length that is none, where there may be no body",
        "GET",
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: x\r\n\r\n",
    ),
    (
        "a coding in HTTP/1.0, where there is no body",
        "HEAD",
        b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    ),
    (
        "trailers that are over before they end",
        "GET",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: y\n\r\n\r\n",
    ),
    ("an empty line before the answer", "GET", b"\r\nHTTP/1.1 204 No Content\r\n\r\n"),
];

fn request(method: &str) -> Request<Body> {
    Request::builder().method(method).uri("/").header("host", "a.test").body(Body::empty()).unwrap()
}

/// What hyper's client makes of it.
async fn hypers(method: &str, script: Script) -> Seen {
    let mut seen = Seen::default();
    let (mut sender, connection) = http1::handshake::<_, Body>(TokioIo::new(script)).await.unwrap();
    let connection = tokio::spawn(connection.with_upgrades());
    let exchange = async {
        let response = sender.send_request(request(method)).await?;
        seen.head(response.status().as_u16(), response.headers());
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                seen.body.extend_from_slice(&data);
            }
        }
        Ok::<(), hyper::Error>(())
    };
    match timeout(Duration::from_secs(1), exchange).await {
        Ok(Ok(())) => {
            // Its task looks at what is left.
            sleep(Duration::from_millis(1)).await;
            seen.end = End::Complete { reusable: sender.is_ready() };
        }
        Ok(Err(error)) => seen.end = End::Failed(error.to_string()),
        Err(_) => seen.end = End::Awaited,
    }
    connection.abort();
    seen
}

/// Both, in this order.
fn both(method: &str, answer: &[u8], cuts: &[u8], closes: bool) -> (Seen, Seen, Option<Error>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let hypers = runtime.unwrap().block_on(hypers(method, Script::new(answer, cuts, closes)));
    let (ours, _, error) = ours(request(method), Script::new(answer, cuts, closes));
    (ours, hypers, error)
}

fn agree(method: &str, answer: &[u8], cuts: &[u8], closes: bool) -> Result<(), TestCaseError> {
    let (ours, hypers, error) = both(method, answer, cuts, closes);
    let stricter = matches!(
        error,
        Some(Error::Malformed(
            Malformed::Length
                | Malformed::Coding
                | Malformed::Both
                | Malformed::Trailers
                | Malformed::Head("does not begin with HTTP")
        ))
    );
    if stricter {
        return Ok(());
    }
    let context =
        format!("{method} {:?}\nours   {ours:?}\nhypers {hypers:?}", answer.escape_ascii().to_string());
    match (&ours.end, &hypers.end) {
        (End::Failed(_), End::Failed(_)) => {
            let (short, long) =
                if ours.body.len() < hypers.body.len() { (&ours, &hypers) } else { (&hypers, &ours) };
            prop_assert!(long.body.starts_with(&short.body), "{context}");
        }
        // What is no head is found out by hyper and by us, but neither looks at each byte: at the latest when it is complete.
        (End::Awaited, End::Failed(_)) | (End::Failed(_), End::Awaited)
            if ours.status.is_none() && hypers.status.is_none() => {}
        (a, b) => {
            prop_assert!(a == b, "{context}");
            prop_assert!(ours.status == hypers.status && ours.fields == hypers.fields, "{context}");
            prop_assert!(ours.body == hypers.body, "{context}");
        }
    }
    Ok(())
}

#[test]
fn where_we_are_stricter() {
    for (what, method, answer) in STRICTER {
        let (ours, hypers, _) = both(method, answer, &[], true);
        assert!(matches!(ours.end, End::Failed(_)), "{what}: {ours:?}");
        assert!(matches!(hypers.end, End::Complete { .. }), "no longer a difference: {what}: {hypers:?}");
    }
}

fn lines(of: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    proptest::sample::select(of).prop_map(str::to_owned)
}

fn field() -> impl Strategy<Value = String> + Clone {
    let usual = lines(&[
        "content-length: 5\r\n",
        "Content-Length: 0\r\n",
        "content-length:  3 \r\n",
        "transfer-encoding: chunked\r\n",
        "Transfer-Encoding:Chunked\r\n",
        "connection: close\r\n",
        "connection: keep-alive\r\n",
        "x: y\r\n",
        "x:\r\n",
        "x: \u{e9}\r\n",
        "set-cookie: a=b\r\n",
    ]);
    let odd = lines(&[
        "content-length: +5\r\n",
        "content-length: 5, 5\r\n",
        "content-length: 99999999999999999999\r\n",
        "content-length: \r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: identity\r\n",
        "transfer-encoding : chunked\r\n",
        "transfer-encoding: chunked\n",
        "x: a\r\n b\r\n",
        " x: y\r\n",
        "x y: z\r\n",
        "x: \0\r\n",
        "x: a\rb\r\n",
        "x\r\n",
        ": x\r\n",
        "connection: x, close\r\n",
        "connection: upgrade\r\n",
        "\n",
        "\r",
    ]);
    prop_oneof![4 => usual, 1 => odd]
}

fn head() -> impl Strategy<Value = String> + Clone {
    let first = prop_oneof![
        6 => lines(&["HTTP/1.1 200 OK\r\n", "HTTP/1.1 404 \r\n", "HTTP/1.1 500 Odd reason\r\n"]),
        2 => lines(&["HTTP/1.0 200 OK\r\n", "HTTP/1.1 204 No Content\r\n", "HTTP/1.1 304 Not Modified\r\n"]),
        2 => lines(&["HTTP/1.1 100 Continue\r\n", "HTTP/1.1 103 Early Hints\r\n", "HTTP/1.1 200\r\n"]),
        1 => lines(&["HTTP/1.1  200 OK\r\n", "HTTP/2.0 200 OK\r\n", "HTTP/1.1 099 OK\r\n", "HTTP/1.1 20 OK\r\n",
                     "HTTP/1.1 200 OK\n", "http/1.1 200 OK\r\n", "\r\nHTTP/1.1 200 OK\r\n", "SSH-2.0-x\r\n", "HTTP/1.1 1000 x\r\n"]),
    ];
    (first, prop::collection::vec(field(), 0..4))
        .prop_map(|(first, fields)| first + &fields.concat() + "\r\n")
}

fn body() -> impl Strategy<Value = String> + Clone {
    lines(&[
        "",
        "hello",
        "hello world",
        "5\r\nhello\r\n0\r\n\r\n",
        "3\r\nabc\r\n2\r\nde\r\n0\r\nx: y\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5;a=b\r\nhello\r\n000\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nhello",
        "10000000000000000\r\nhello",
        "\r\nhello",
        "0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "0\r\nx\r\n\r\n",
        "0\r\nx : y\r\n\r\n",
        "0\r\nx: y\n\r\n\r\n",
        "0\r\n\n",
        "0\r\n",
        "5\r\nhel",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    ])
}

fn answer() -> impl Strategy<Value = Vec<u8>> {
    let whole =
        (prop::collection::vec(head(), 1..3), body()).prop_map(|(heads, body)| heads.concat() + &body);
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    let changed = (whole.clone(), change).prop_map(|(whole, (at, byte, how))| {
        let mut bytes = whole.into_bytes();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
        bytes
    });
    prop_oneof![whole.prop_map(String::into_bytes), changed]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn both_make_the_same_of_an_answer(
        method in lines(&["GET", "GET", "POST", "HEAD"]),
        answer in answer(),
        cuts in prop::collection::vec(1..40_u8, 0..12),
        closes in any::<bool>(),
    ) {
        agree(&method, &answer, &cuts, closes)?;
        agree(&method, &answer, &[1; 4096], closes)?;
    }
}
