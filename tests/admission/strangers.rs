//! Whoever can reach the port may ask, so what they can do is bounded, and what they get to know as well.

use bytes::Bytes;
use harness::{Upstream, within};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant};

use crate::objects::{ingress, service};
use crate::webhook::review;
use crate::world::World;

/// As many connections are served at once.
const PLACES: usize = 64;

/// A world with one Ingress that is served.
async fn serving() -> (World, Upstream) {
    let upstream = Upstream::named("web").await;
    let mut objects = service("shop/web", upstream.address()).to_vec();
    objects.push(ingress("shop/old", &["a.test/"]));
    (World::start(objects).await, upstream)
}

/// Verdicts are given and requests are served.
async fn all_is_well(world: &World) {
    let (free, taken) = (ingress("shop/new", &["b.test/"]), ingress("shop/new", &["a.test/"]));
    assert_eq!(world.verdict("CREATE", &free).await["allowed"], true);
    assert_eq!(world.verdict("CREATE", &taken).await["allowed"], false);
    assert_eq!(world.get("a.test", "/").await.status, 200);
}

/// The status of the answer to these bytes over TLS; 0 without an answer.
async fn answer(world: &World, bytes: &[u8]) -> u16 {
    within("an answer, or the end", async {
        let mut stream = world.files.connect(world.webhook()).await.unwrap();
        let (mut answer, _) = (Vec::new(), stream.write_all(bytes).await);
        let _ = stream.read_to_end(&mut answer).await;
        status(&answer)
    })
    .await
}

fn status(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(answer);
    text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn post(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

#[tokio::test]
async fn junk_is_no_question() {
    let (world, _upstream) = serving().await;
    // Without TLS.
    for junk in [&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..], &[0; 4096], b"\x16\x03\x01\xff\xff\x01", b""] {
        let mut stream = TcpStream::connect(world.webhook()).await.unwrap();
        stream.write_all(junk).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = within("the end of a connection", stream.read_to_end(&mut answer)).await;
        assert_eq!(status(&answer), 0);
    }
    let good = review("CREATE", &ingress("shop/new", &["b.test/"]));
    let changed = |pointer: &str, value: Value| {
        let mut review = good.clone();
        *review.pointer_mut(pointer).unwrap() = value;
        post(&review.to_string())
    };
    let kind = |group: &str, version: &str, kind: &str| {
        changed("/request/kind", json!({ "group": group, "version": version, "kind": kind }))
    };
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(200_000));
    for (bytes, statuses) in [
        (kind("", "v1", "Pod"), &[400][..]),
        (kind("networking.k8s.io", "v1", "IngressClass"), &[400]),
        (kind("networking.k8s.io", "v1beta1", "Ingress"), &[400]),
        (changed("/apiVersion", json!("admission.k8s.io/v1beta1")), &[400]),
        (changed("/request/object", Value::Null), &[400]),
        (changed("/request/uid", json!("x".repeat(100_000))), &[400]),
        // A verdict: the API server may know fields of an Ingress that the controller does not.
        (changed("/request/object/spec/rules", json!("none")), &[200]),
        (post(""), &[400]),
        (post("{"), &[400]),
        (post(&"[".repeat(1_000_000)), &[400]),
        (post(&"{\"request\":".repeat(200_000)), &[400]),
        (post("\u{0}"), &[400]),
        (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(), &[405]),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}".to_vec(), &[415]),
        (b"POST / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}".to_vec(), &[400]),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[0, 400]),
        (b"\x00\x01\x02\r\n\r\n".to_vec(), &[0, 400]),
        (long.into_bytes(), &[0, 414, 431]),
    ] {
        let got = answer(&world, &bytes).await;
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
        assert!(statuses.contains(&got), "{statuses:?}, not {got}: {shown}");
    }
    all_is_well(&world).await;
}

#[tokio::test]
async fn too_much_is_not_read() {
    let (world, _upstream) = serving().await;
    let good = review("CREATE", &ingress("shop/new", &["b.test/"])).to_string();
    let padded = |length: usize| Bytes::from(good.clone() + &" ".repeat(length - good.len()));
    let (status, verdict) = world.files.ask(world.webhook(), padded(3 << 20)).await;
    assert_eq!((status, &verdict["response"]["allowed"]), (200, &json!(true)));
    assert_eq!(world.files.ask(world.webhook(), padded((3 << 20) + 1)).await.0, 413);
    let announced = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n";
    assert_eq!(answer(&world, announced).await, 413);

    // Without end, and without a word about the length.
    let head =
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = [&b"10000\r\n"[..], &[b' '; 0x1_0000], b"\r\n"].concat();
    let mut stream = world.files.connect(world.webhook()).await.unwrap();
    stream.write_all(head).await.unwrap();
    let mut sent = 0;
    let flood = async {
        while stream.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
    };
    within("the end of a flood", flood).await;
    assert!(sent < 64 << 20, "{sent} bytes were taken");
    all_is_well(&world).await;
}

#[tokio::test]
async fn who_is_slow_holds_one_place_and_not_for_long() {
    let (world, _upstream) = serving().await;
    let start = Instant::now();
    let mut slow = Vec::new();
    for number in 0..PLACES / 2 {
        let mut stream = world.files.connect(world.webhook()).await.unwrap();
        let part = if number % 2 == 0 {
            "POST / HTT"
        } else {
            "POST / HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"
        };
        stream.write_all(part.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    all_is_well(&world).await;
    // Those who send a byte now and then are slow, too.
    let cut = slow.into_iter().map(|mut stream| async move {
        let mut answer = [0; 1024];
        loop {
            tokio::select! {
                read = stream.read(&mut answer) => match read {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                },
                () = tokio::time::sleep(Duration::from_millis(500)) => {
                    let _ = stream.write_all(b"x").await;
                }
            }
        }
    });
    within("the slow ones to be cut", futures_util::future::join_all(cut)).await;
    assert!(start.elapsed() > Duration::from_secs(5), "they were cut early");
    all_is_well(&world).await;
}

#[tokio::test]
async fn many_connections_keep_neither_questions_nor_requests_waiting() {
    let (world, _upstream) = serving().await;
    let start = Instant::now();
    let held: Vec<_> = futures_util::future::join_all(
        (0..PLACES).map(|_| async { world.files.connect(world.webhook()).await.unwrap() }),
    )
    .await;
    // All places are taken, and as many wait already: the API server asks after all of them.
    let more: Vec<_> = futures_util::future::join_all(
        (0..PLACES).map(|_| async { TcpStream::connect(world.webhook()).await.unwrap() }),
    )
    .await;
    let new = ingress("shop/new", &["b.test/"]);
    let mut verdict = std::pin::pin!(world.verdict("CREATE", &new));
    let verdict = loop {
        tokio::select! {
            biased;
            answer = world.get("a.test", "/") => assert_eq!(answer.status, 200),
            verdict = &mut verdict => break verdict,
        }
    };
    assert_eq!(verdict["allowed"], true);
    assert!(start.elapsed() < Duration::from_secs(9), "the API server would not have waited");
    drop((held, more));
    all_is_well(&world).await;
}

#[tokio::test]
async fn what_is_in_secrets_is_not_told() {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "namespace": "shop", "name": "hidden" },
        "data": { "tls.key": k8s_openapi::ByteString(b"MARKER".to_vec()), "MARKER": k8s_openapi::ByteString(b"x".to_vec()) },
    });
    let world = World::start([secret]).await;
    let mut asking = ingress("shop/new", &["a.test/"]);
    asking["spec"]["tls"] = json!([{ "secretName": "hidden" }]);
    for name in ["auth-secret", "auth-tls-secret", "proxy-ssl-secret"] {
        asking = crate::objects::annotated(asking, name, "hidden");
    }
    let answer = world.verdict("CREATE", &asking).await.to_string();
    assert!(
        answer.contains("hidden") && !answer.contains("MARKER") && !answer.contains("TUFSS0VS"),
        "{answer}"
    );
}
