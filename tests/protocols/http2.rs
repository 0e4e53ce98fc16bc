//! HTTP/2 with clients: many streams, none of which waits for another, and the limits.

use futures_util::future::join_all;
use harness::{Authority, Client, Gate, H2, Tls, Upstream, start, within};
use http::Request;

use crate::{site, start_set};

/// Answers each request with its target, those of `/slow` when the gate is open.
async fn targets(gate: Gate) -> Upstream {
    Upstream::script(move |mut conn| {
        let gate = gate.clone();
        async move {
            while let Some(request) = conn.request().await? {
                let target = request.head.target().to_owned();
                if target.starts_with("/slow") {
                    gate.passed().await;
                }
                conn.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}", target.len()))
                    .await?;
            }
            Ok(())
        }
    })
    .await
}

#[tokio::test]
async fn many_streams_share_a_connection() {
    let gate = Gate::default();
    let upstream = targets(gate.clone()).await;
    let authority = Authority::new("root");
    let harness = start(&site(&authority, &upstream)).await;
    let client = H2::connect_tls(&Tls::trusting(&authority), harness.https(), "a.test").await;
    let ask = async |path: String| {
        let answer = client.get(&format!("https://a.test{path}")).await;
        assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (200, path.as_bytes()));
    };
    let slow = join_all((0..20).map(|number| ask(format!("/slow/{number}"))));
    let quick = async {
        upstream.wait_requests(20).await;
        join_all((0..100).map(|number| ask(format!("/{number}")))).await;
        gate.open();
    };
    tokio::join!(slow, quick);
    assert_eq!(harness.connections(), 1);
}

#[tokio::test]
async fn without_tls_there_must_be_prior_knowledge() {
    let upstream = targets(Gate::default()).await;
    let manifests = harness::one(&upstream);
    let harness = start(&manifests).await;
    let client = H2::connect(harness.address()).await;
    assert_eq!(client.get("http://a.test/x").await.body().as_ref(), b"/x");
    // An upgrade from HTTP/1.1 is not offered, and the header that asks for it goes no further.
    let mut plain = harness.connect().await;
    plain
        .send(
            "GET /y HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
             HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        )
        .await;
    let answer = plain.answer().await;
    assert_eq!((answer.status, answer.text()), (200, "/y"));
    assert!(upstream.requests().iter().all(|got| got.header("http2-settings").is_none()));

    let harness = start_set(manifests, &[("use-http2", "false")]).await;
    let mut client = Client::connect(harness.address()).await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let answer = client.closed().await;
    assert!(
        answer.starts_with(b"HTTP/1.1 400") || answer.starts_with(b"HTTP/1.1 505"),
        "{}",
        answer.escape_ascii()
    );
}

#[tokio::test]
async fn so_many_streams_and_no_more() {
    let gate = Gate::default();
    let upstream = targets(gate.clone()).await;
    let authority = Authority::new("root");
    let settings = [("http2-max-concurrent-streams", "2")];
    let harness = start_set(site(&authority, &upstream), &settings).await;
    let client = H2::connect_tls(&Tls::any(), harness.https(), "a.test").await;
    // Once this is answered, the client knows the limit.
    assert_eq!(client.get("https://a.test/").await.status(), 200);
    let slow = join_all((0..4).map(|number| {
        let client = &client;
        async move { client.get(&format!("https://a.test/slow/{number}")).await.status() }
    }));
    let watch = async {
        upstream.wait_requests(3).await;
        let other = H2::connect_tls(&Tls::any(), harness.https(), "a.test").await;
        for _ in 0..10 {
            assert_eq!(other.get("https://a.test/").await.status(), 200);
        }
        let slow = upstream.requests().iter().filter(|got| got.head.target().starts_with("/slow")).count();
        assert_eq!(slow, 2, "two at a time");
        gate.open();
    };
    let (statuses, ()) = tokio::join!(slow, watch);
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}

#[tokio::test]
async fn headers_that_are_too_big_are_refused_alike() {
    let upstream = targets(Gate::default()).await;
    let authority = Authority::new("root");
    let harness = start(&site(&authority, &upstream)).await;
    let client = H2::connect_tls(&Tls::any(), harness.https(), "a.test").await;
    assert_eq!(client.get("https://a.test/before").await.status(), 200);
    let mut request = Request::get("https://a.test/big");
    for number in 0..10 {
        request = request.header(format!("x-{number}"), "v".repeat(6_000));
    }
    // The stream may be reset instead of answered.
    if let Ok(answer) = client.request(request.body("").unwrap()).await {
        assert!(answer.status().is_client_error(), "{answer:?}");
    }
    let next = H2::connect_tls(&Tls::any(), harness.https(), "a.test").await;
    assert_eq!(within("the next", next.get("https://a.test/after")).await.status(), 200);
    let targets: Vec<_> = upstream.requests().iter().map(|got| got.head.target().to_owned()).collect();
    assert_eq!(targets, ["/before", "/after"]);
}
