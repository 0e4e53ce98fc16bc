//! The framing and hyper must agree on where a request ends, whatever a client sends. If they did not, bytes would be a body to one and
//! a request to the other.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use ingress_core::{Settings, Snapshot};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_util::sync::CancellationToken;
use tower::service_fn;

use super::framing::{Framing, Verdict};
use super::http::Counted;
use super::http1::Serving;
use super::lifecycle::Lifecycle;
use super::state::Open;
use super::transport::Transport;

use crate::body::Body;
use crate::config::Config;
use crate::proxy::Proxy;
use crate::snapshot::channel;

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// What a service saw of each request that was not refused: its path, and its body if it came whole.
type Seen = Arc<Mutex<Vec<(String, Option<Vec<u8>>)>>>;

/// Sends the bytes in pieces, with pauses, and returns what the service saw of them.
async fn served(bytes: &[u8], piece: usize, pause: Duration) -> Vec<(String, Option<Vec<u8>>)> {
    let (mut client, io) = duplex(1 << 16);
    let seen = Seen::default();
    let service = {
        let seen = seen.clone();
        service_fn(move |request: Request<Body>| {
            let seen = seen.clone();
            async move {
                let path = request.uri().path().to_owned();
                if path == "/later" {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                let body = request.into_body().collect().await.ok().map(|body| body.to_bytes().to_vec());
                seen.lock().unwrap().push((path, body));
                Ok::<_, Infallible>(Response::new(Body::empty()))
            }
        })
    };
    let (config, settings) = (Config::default(), Settings::default());
    let proxy = Proxy::new(channel(Snapshot::default()).1, config.clone());
    let lifecycle = Arc::new(Lifecycle::new(Open::new(Arc::default())));
    let (first, rest) = bytes.split_at(piece.min(bytes.len()));
    let transport = Transport::new(io, true, first.to_vec(), lifecycle.clone(), &settings, &config);
    // Not so many that the time for a head is up.
    let piece = if pause.is_zero() { piece } else { piece.max(bytes.len() / 20) };
    let send = async {
        for piece in rest.chunks(piece) {
            if client.write_all(piece).await.is_err() {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        // Until the proxy has waited long enough. A client that closed would be taken for one that gave up.
        let _ = client.read_to_end(&mut Vec::new()).await;
    };
    let drain = CancellationToken::new();
    let settings = (Arc::new(settings), config.send_timeout);
    let service = Counted::new((service, proxy), lifecycle.clone(), settings, true);
    let serving = Serving::new(transport, service, lifecycle, &drain);
    let both = async { tokio::join!(serving, send) };
    // A body that never comes whole is awaited forever by a service without timeouts. The time is that of a paused clock.
    let _ = tokio::time::timeout(Duration::from_secs(1000), both).await;
    seen.lock().unwrap().clone()
}

/// How many heads the framing lets pass.
fn passed(bytes: &[u8]) -> u32 {
    let mut framing = Framing::default();
    framing.widen();
    match framing.scan(bytes) {
        Verdict::Pass { heads, .. } | Verdict::Refused { heads, .. } => heads,
        // How many heads came before is not told; hyper must not see more than there are request lines.
        Verdict::Broken => u32::MAX,
    }
}

fn request() -> impl Strategy<Value = String> {
    let body = prop_oneof![Just(SMUGGLED.to_owned()), "[a-z\r\n]{0,20}"];
    (0..5u8, body, any::<bool>()).prop_map(|(kind, body, split)| match kind {
        0 => "GET /get HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        1 => format!("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        2 if split && body.len() > 1 => {
            let (one, two) = body.split_at(body.len() / 2);
            let head = "POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
            format!("{head}{:x}\r\n{one}\r\n{:X};e=1\r\n{two}\r\n0\r\nX: y\r\n\r\n", one.len(), two.len())
        }
        2 => "POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        // More fields than is usual.
        3 => format!("GET /long HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(120)),
        _ => "GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".to_owned(),
    })
}

/// None, or long enough for a connection to be taken out of hyper where nothing is going on.
fn pause() -> impl Strategy<Value = Duration> {
    prop_oneof![Just(Duration::ZERO), Just(Duration::from_secs(2))]
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap().block_on(future)
}

/// What is sent ahead of an upgrade that is declined, so much that no more of it may be read, is read all the same when it has to wait for
/// more room for its fields.
#[test]
fn a_head_of_many_fields_behind_an_upgrade_is_served() {
    let upgrade = "GET /later HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
    let body = "x".repeat(70_000);
    let fields = "a: b\r\n".repeat(120);
    let wide = format!("POST /wide HTTP/1.1\r\nContent-Length: {}\r\n{fields}\r\n{body}", body.len());
    let seen = block_on(served((upgrade.to_owned() + &wide).as_bytes(), 8000, Duration::ZERO));
    let expected = [("/later".to_owned(), Some(Vec::new())), ("/wide".to_owned(), Some(body.into_bytes()))];
    assert!(seen == expected, "{:?}", seen.iter().map(|(path, _)| path).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn sound_requests_are_served_one_by_one(
        requests in proptest::collection::vec(request(), 1..6),
        piece in 1usize..200,
        pause in pause(),
    ) {
        let stream = requests.concat();
        let seen = block_on(served(stream.as_bytes(), piece, pause));
        prop_assert_eq!(seen.len(), requests.len());
        prop_assert_eq!(passed(stream.as_bytes()) as usize, requests.len());
        prop_assert!(seen.iter().all(|(path, body)| path != "/smuggled" && body.is_some()), "{seen:?}");
    }

    /// One byte is changed, put in or left out: hyper never sees a request where the framing has seen none.
    #[test]
    fn damage_does_not_part_the_two(
        requests in proptest::collection::vec(request(), 1..5),
        place in any::<prop::sample::Index>(),
        byte in prop_oneof![Just(b'\r'), Just(b'\n'), Just(b' '), Just(b':'), Just(b'0'), Just(b','), any::<u8>()],
        damage in 0..3u8,
        piece in 1usize..200,
        pause in pause(),
    ) {
        let mut stream = requests.concat().into_bytes();
        let place = place.index(stream.len());
        match damage {
            0 => stream[place] = byte,
            1 => stream.insert(place, byte),
            _ => drop(stream.remove(place)),
        }
        let seen = block_on(served(&stream, piece, pause));
        prop_assert!(seen.len() <= passed(&stream) as usize, "{}: {seen:?}", stream.escape_ascii());
    }
}
