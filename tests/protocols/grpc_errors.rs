//! gRPC when something goes wrong: clients get a status, never a page.

use std::pin::pin;
use std::time::Duration;

use harness::{Gate, Manifests, Tls, Upstream, start, until};
use tokio::time::Instant;
use tonic::{Code, Request};

use crate::grpc::site;
use crate::notes::{Client, Note, next, server};

#[tokio::test]
async fn what_we_answer_ourselves_is_a_status() {
    let mut gone = server(None, Gate::default()).await;
    let closing = Upstream::script(|mut conn| async move { conn.some().await.map(drop) }).await;
    let refusing = Upstream::refusing();
    gone.stop();
    let none = Manifests::new()
        .ingress("notes")
        .nginx("backend-protocol", "GRPC")
        .host("a.test")
        .prefix("/", "notes", 80)
        .service("notes", [])
        .nginx("ssl-redirect", "false");
    for (what, manifests, expected) in [
        ("nobody listens", site(&refusing, Some("GRPC"), None), Code::Unavailable),
        ("it has stopped", site(&gone, Some("GRPC"), None), Code::Unavailable),
        ("it closes", site(&closing, Some("GRPC"), None), Code::Unavailable),
        ("there is no endpoint", none, Code::Unavailable),
        (
            "there is no route",
            Manifests::new().ingress("x").host("x.test").prefix("/", "x", 80),
            Code::Unimplemented,
        ),
    ] {
        let harness = start(&manifests).await;
        for tls in [None, Some(Tls::any())] {
            let address = if tls.is_some() { harness.https() } else { harness.address() };
            let status = Client::connect(address, tls).await.say("hello").await.unwrap_err();
            assert_eq!(status.code(), expected, "{what}: {status:?}");
            assert!(!status.message().contains('<'), "{what}: {status:?}");
        }
    }
}

#[tokio::test]
async fn others_still_get_a_page() {
    let refusing = Upstream::refusing();
    let harness = start(&site(&refusing, Some("GRPC"), None)).await;
    let answer = harness.get("a.test", "/").await;
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("<center>"), "{}", answer.text());
}

#[tokio::test]
async fn a_deadline_is_told_to_the_endpoint_and_holds() {
    let gate = Gate::default();
    let upstream = server(None, gate.clone()).await;
    let harness = start(&site(&upstream, Some("GRPC"), None)).await;
    let mut client = Client::connect(harness.https(), Some(Tls::any())).await;
    let mut request = Request::new(Note::of("hang"));
    request.set_timeout(Duration::from_millis(300));
    let asked = Instant::now();
    let status = client.unary("/test.Notes/Hang", request).await.unwrap_err();
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status:?}");
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    assert_eq!(client.say("after").await.unwrap(), "you said after");
}

#[tokio::test]
async fn an_endpoint_that_is_silent_too_long() {
    let upstream = server(None, Gate::default()).await;
    let harness = start(&site(&upstream, Some("GRPC"), None).nginx("proxy-read-timeout", "1")).await;
    let mut client = Client::connect(harness.https(), Some(Tls::any())).await;
    let status = client.unary("/test.Notes/Hang", Request::new(Note::of(""))).await.unwrap_err();
    assert!(matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded), "{status:?}");
    // A stream that has begun ends with an error, not as if it were whole.
    let mut numbers = client.count().await.unwrap();
    for expected in ["1", "2"] {
        assert_eq!(next(&mut numbers).await.unwrap().as_deref(), Some(expected));
    }
    next(&mut numbers).await.expect_err("a stream that is cut looks cut");
}

#[tokio::test]
async fn what_the_client_gives_up_is_given_up_at_the_endpoint() {
    let gate = Gate::default();
    let upstream = server(None, gate.clone()).await;
    let harness = start(&site(&upstream, Some("GRPC"), None)).await;
    let mut client = Client::connect(harness.https(), Some(Tls::any())).await;
    {
        let mut call = pin!(client.unary("/test.Notes/Hang", Request::new(Note::of(""))));
        let waits = until("the endpoint to wait", async || (gate.waiting() == 1).then_some(()));
        tokio::select! {
            answer = &mut call => panic!("nothing was to come: {answer:?}"),
            () = waits => {}
        }
    }
    until("the endpoint to be told", async || (gate.waiting() == 0).then_some(())).await;
    let mut numbers = client.count().await.unwrap();
    next(&mut numbers).await.unwrap();
    until("the endpoint to wait", async || (gate.waiting() == 1).then_some(())).await;
    drop(numbers);
    until("the endpoint to be told", async || (gate.waiting() == 0).then_some(())).await;
    assert_eq!(client.say("after").await.unwrap(), "you said after", "the connection goes on");
}
