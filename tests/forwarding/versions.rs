//! HTTP/1.1 and its ways with connections, HTTP/1.0, HEAD, 100-continue, and HTTP/2 without TLS.

use harness::{H2, Upstream, serve_one};
use ingress_proxy::Config;

#[tokio::test]
async fn connections_are_kept_alive_on_both_sides() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    for _ in 0..10 {
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        assert_eq!(client.answer().await.text(), "web");
    }
    assert_eq!(upstream.connections().len(), 1, "one client connection needs one connection to the endpoint");
}

#[tokio::test]
async fn connection_close_closes_the_client_side_alone() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").await;
    let answer = client.answer().await;
    assert!(answer.status == 200 && answer.head.lists("connection", "close"), "{answer:?}");
    assert_eq!(client.closed().await, b"");
    assert_eq!(upstream.only_request().header("connection"), None);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let upstream = Upstream::script(|mut conn| async move {
        while let Some(request) = conn.request().await? {
            let body = format!("{} {}", request.head.target(), String::from_utf8_lossy(&request.body));
            conn.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await?;
        }
        Ok(())
    })
    .await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client
        .send(
            "GET /1 HTTP/1.1\r\nHost: a.test\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc\
             GET /missing HTTP/1.1\r\nHost: b.test\r\n\r\n\
             POST /3 HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n\
             GET /4 HTTP/1.1\r\nHost: a.test\r\n\r\n",
        )
        .await;
    for expected in ["/1 ", "/2 abc"] {
        assert_eq!(client.answer().await.text(), expected);
    }
    assert_eq!(client.answer().await.status, 404);
    for expected in ["/3 de", "/4 "] {
        assert_eq!(client.answer().await.text(), expected);
    }
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    for _ in 0..2 {
        client.send("HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        let answer = client.answer_to("HEAD").await;
        assert_eq!((answer.status, answer.header("content-length")), (200, Some("3")));
    }
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "web");
    client.send("HEAD / HTTP/1.1\r\nHost: unknown.test\r\n\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(client.answer_to("HEAD").await.status, 404);
    assert_eq!(client.answer().await.text(), "web");
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n",
    )
    .await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send("GET /old HTTP/1.0\r\nHost: a.test\r\n\r\n").await;
    let head = client.head().await;
    assert_eq!((head.status(), head.get("transfer-encoding")), (200, None), "1.0 knows no chunks");
    assert_eq!(client.closed().await, b"abcdef");
    assert_eq!(upstream.only_request().head.start, "GET /old HTTP/1.1");
}

#[tokio::test]
async fn http_1_0_may_ask_to_be_kept_alive() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n").await;
        let answer = client.answer().await;
        assert!(answer.text() == "web" && answer.head.lists("connection", "keep-alive"), "{answer:?}");
    }
}

#[tokio::test]
async fn the_proxy_says_continue() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 100);
    client.send("body").await;
    assert_eq!(client.answer().await.text(), "web");
    let got = upstream.only_request();
    assert_eq!((got.header("expect"), got.body.as_slice()), (None, &b"body"[..]));
}

#[tokio::test]
async fn a_body_that_nobody_wants_is_not_asked_for() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let answer = harness
        .send("POST / HTTP/1.1\r\nHost: unknown.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        .await;
    assert_eq!((answer.status, answer.interim.len()), (404, 0));
}

#[tokio::test]
async fn http_2_without_tls_is_served() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let client = H2::connect(harness.address()).await;
    let request = http::Request::post("http://a.test/h2?x=1").header("cookie", "a=1").header("cookie", "b=2");
    let answer = client.request(request.body("hello").unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (200, &b"web"[..]));
    let got = upstream.only_request();
    assert_eq!(got.head.start, "POST /h2?x=1 HTTP/1.1");
    assert_eq!(got.header("host"), Some("a.test"));
    assert_eq!(got.header("cookie"), Some("a=1; b=2"));
    assert_eq!(got.header("x-forwarded-host"), Some("a.test"));
    assert_eq!(got.header("x-forwarded-proto"), Some("http"));
    assert_eq!(got.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(got.body, b"hello");
    assert!(got.head.headers.iter().all(|(name, _)| !name.starts_with(':')));
}

#[tokio::test]
async fn http_2_streams_share_a_connection() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let client = std::sync::Arc::new(H2::connect(harness.address()).await);
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..50 {
        let client = client.clone();
        requests.spawn(async move {
            let host = if number % 5 == 0 { "unknown.test" } else { "a.test" };
            let request = http::Request::get(format!("http://{host}/{number}")).body("").unwrap();
            (number, client.request(request).await.unwrap().status().as_u16())
        });
    }
    for (number, status) in requests.join_all().await {
        assert_eq!(status, if number % 5 == 0 { 404 } else { 200 }, "stream {number}");
    }
    assert_eq!(upstream.count(), 40);
}
