//! Lines of the access log for requests that endpoints were asked.

use std::io;

use harness::{Manifests, Upstream, one, snapshot};
use ingress_core::Settings;
use ingress_proxy::Config;

use crate::logged::{Logged, assert_line};

async fn logged(upstream: &Upstream) -> Logged {
    Logged::serve(snapshot(&one(upstream)), Config::default()).await
}

#[tokio::test]
async fn a_get() {
    let upstream = Upstream::named("hello").await;
    let logged = logged(&upstream).await;
    let request = "GET /\"path\"?q=1 HTTP/1.1\r\nHost: a.test\r\nReferer: http://b.test/\r\nUser-Agent: probe \"1\"\r\n\r\n";
    assert_eq!(logged.harness.send(request).await.status, 200);
    assert_line(
        &logged.line().await,
        &format!(
            "127.0.0.1 - - [<time>] \"GET /\\x22path\\x22?q=1 HTTP/1.1\" 200 5 \"http://b.test/\" \"probe \\x221\\x22\" \
             {} <s> [default-one-80] [] {} 5 <s> 200 <id>",
            request.len(),
            upstream.address(),
        ),
    );
    let id = upstream.only_request().header("x-request-id").unwrap().to_owned();
    assert!(logged.line().await.ends_with(&id));
}

#[tokio::test]
async fn a_chunked_upload_and_a_chunked_answer() {
    let upstream = Upstream::answering(
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
    )
    .await;
    let logged = logged(&upstream).await;
    let head = "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nX-Request-ID: mine\r\n\r\n";
    assert_eq!(logged.harness.send(format!("{head}5\r\nhello\r\n0\r\n\r\n")).await.status, 201);
    let (length, address) = (head.len() + 5, upstream.address());
    assert_line(
        &logged.line().await,
        &format!(
            "127.0.0.1 - - [<time>] \"POST / HTTP/1.1\" 201 7 \"-\" \"-\" {length} <s> [default-one-80] [] {address} 7 <s> 201 mine"
        ),
    );
}

#[tokio::test]
async fn several_tries_are_listed_in_order() {
    let (refusing, good) = (Upstream::refusing(), Upstream::named("good").await);
    let manifests = one(&good).service_at("two", [refusing.address(), good.address()]);
    let manifests = manifests.ingress("two").host("b.test").prefix("/", "two", 80);
    let logged = Logged::serve(snapshot(&manifests), Config::default()).await;
    for _ in 0..8 {
        assert_eq!(logged.harness.get("b.test", "/").await.status, 200);
    }
    let lines = logged.lines(8).await;
    let (bad, good) = (refusing.address(), good.address());
    let (retried, direct): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.contains(", "));
    assert!(!retried.is_empty(), "{lines:?}");
    for line in retried {
        assert_line(
            line,
            &format!(
                "127.0.0.1 - - [<time>] \"GET / HTTP/1.1\" 200 4 \"-\" \"-\" 32 <s> [default-two-80] [] {bad}, {good} 0, 4 <s>, <s> 502, 200 <id>"
            ),
        );
    }
    for line in direct {
        assert_line(
            line,
            &format!(
                "127.0.0.1 - - [<time>] \"GET / HTTP/1.1\" 200 4 \"-\" \"-\" 32 <s> [default-two-80] [] {good} 4 <s> 200 <id>"
            ),
        );
    }
}

#[tokio::test]
async fn an_endpoint_that_fails() {
    let upstream = Upstream::closing().await;
    let logged = logged(&upstream).await;
    assert_eq!(logged.harness.send("POST / HTTP/1.1\r\nHost: a.test\r\n\r\n").await.status, 502);
    assert_line(
        &logged.line().await,
        &format!(
            "127.0.0.1 - - [<time>] \"POST / HTTP/1.1\" 502 150 \"-\" \"-\" 33 <s> [default-one-80] [] {} 0 <s> 502 <id>",
            upstream.address()
        ),
    );
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_is_499() {
    let upstream = Upstream::stalling().await;
    let logged = logged(&upstream).await;
    let mut client = logged.harness.connect().await;
    client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    upstream.wait_requests(1).await;
    drop(client);
    assert_line(
        &logged.line().await,
        &format!(
            "127.0.0.1 - - [<time>] \"GET /slow HTTP/1.1\" 499 0 \"-\" \"-\" 36 <s> [default-one-80] [] {} 0 <s> - <id>",
            upstream.address()
        ),
    );
}

#[tokio::test]
async fn a_tunnel_is_told_of_when_it_ends() {
    let upstream = Upstream::echo_tunnel().await;
    let logged = logged(&upstream).await;
    let request = "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut client = logged.harness.connect().await;
    client.send(request).await;
    assert_eq!(client.head().await.status(), 101);
    for _ in 0..3 {
        client.send("ping").await;
        assert_eq!(client.exactly(4).await, b"ping");
    }
    // It would be written before this one.
    assert_eq!(logged.harness.get("nobody.test", "/").await.status, 404);
    assert_eq!(logged.harness.send("GET /x y HTTP/1.1\r\n\r\n").await.status, 400);
    assert!(logged.line().await.contains(" 400 "));
    drop(client);
    assert_line(
        &logged.lines(2).await[1],
        &format!(
            "127.0.0.1 - - [<time>] \"GET /ws HTTP/1.1\" 101 12 \"-\" \"-\" {} <s> [default-one-80] [] {} 12 <s> 101 <id>",
            request.len() + 12,
            upstream.address(),
        ),
    );
}

#[tokio::test]
async fn an_answer_that_is_cut_is_told_of_as_far_as_it_came() {
    let upstream = Upstream::answering_once("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").await;
    let logged = logged(&upstream).await;
    let mut client = logged.harness.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 200);
    assert_eq!(client.closed().await, b"abc");
    let line = logged.line().await;
    assert!(line.contains("\" 200 3 \"") && line.contains(" 3 0.0"), "{line}");
}

#[tokio::test]
async fn the_client_is_the_one_that_trusted_proxies_tell() {
    let upstream = Upstream::named("web").await;
    let mut settings = Settings::default();
    settings.forwarded.enable_real_ip = true;
    let logged = Logged::serve(snapshot(&one(&upstream)).with_settings(settings), Config::default()).await;
    logged.harness.send("GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n").await;
    assert!(logged.line().await.starts_with("1.2.3.4 - - ["));
}

#[tokio::test]
async fn http2_is_logged_too() {
    let upstream = Upstream::named("web").await;
    let logged = logged(&upstream).await;
    let client = harness::H2::connect(logged.harness.address()).await;
    let request = http::Request::get("http://a.test/h2?x").body("").unwrap();
    assert_eq!(client.request(request).await.unwrap().status(), 200);
    let line = logged.line().await;
    assert!(line.contains("\"GET /h2?x HTTP/2.0\" 200 3 "), "{line}");
}

#[tokio::test]
async fn a_log_that_cannot_be_written_costs_no_request() {
    #[derive(Debug)]
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let upstream = Upstream::named("web").await;
    let log = ingress_proxy::AccessLog::new(Full).unwrap();
    let observing = log.clone();
    let observe = move |server: ingress_proxy::Server| server.observe(move |_| observing.observer());
    let manifests: Manifests = one(&upstream);
    let harness = harness::serve_configured(snapshot(&manifests), Config::default(), observe).await;
    for _ in 0..10 {
        assert_eq!(harness.get("a.test", "/").await.status, 200);
    }
    assert!(log.flush(harness::DEADLINE));
    assert_eq!(log.dropped(), 10);
}
