//! gRPC, with tonic on both sides: each kind of call, over each kind of connection.

use futures_util::stream;
use harness::{Authority, Gate, Harness, Manifests, ServicePort, Tls, TlsServer, Upstream, start, within};
use tokio::sync::mpsc;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};

use crate::notes::{Client, Note, next, server};

/// `a.test` with notes behind it.
pub(crate) fn site(upstream: &Upstream, protocol: Option<&str>, speaks: Option<&str>) -> Manifests {
    let mut manifests = Manifests::new().ingress("notes").nginx("ssl-redirect", "false");
    if let Some(protocol) = protocol {
        manifests = manifests.nginx("backend-protocol", protocol);
    }
    let mut port = ServicePort::tcp(80, [upstream.address()]);
    if let Some(speaks) = speaks {
        port = port.speaks(speaks);
    }
    manifests.host("a.test").prefix("/", "notes", 80).tls(&["a.test"], "").service_ports("notes", &[port])
}

async fn serve(gate: &Gate) -> (Upstream, Harness) {
    let upstream = server(None, gate.clone()).await;
    let harness = start(&site(&upstream, Some("GRPC"), None)).await;
    (upstream, harness)
}

fn tls_server() -> TlsServer {
    TlsServer::new(&Authority::new("endpoints").server(&["notes"]), &["h2"], None)
}

#[tokio::test]
async fn over_tls_and_with_prior_knowledge_on_both_sides() {
    let plain = server(None, Gate::default()).await;
    let tls = server(Some(tls_server()), Gate::default()).await;
    for manifests in [
        site(&plain, Some("GRPC"), None),
        site(&plain, None, Some("kubernetes.io/h2c")),
        site(&tls, Some("GRPCS"), None),
    ] {
        let harness = start(&manifests).await;
        let mut client = Client::connect(harness.address(), None).await;
        assert_eq!(client.say("hello").await.unwrap(), "you said hello");
        let mut client = Client::connect(harness.https(), Some(Tls::any())).await;
        assert_eq!(client.say("hello again").await.unwrap(), "you said hello again");
    }
    assert!(tls.handshakes().iter().all(|agreed| agreed.alpn.as_deref() == Some("h2")));
    assert!(tls.handshakes().len() <= 2, "connections are shared: {:?}", tls.handshakes());
}

#[tokio::test]
async fn metadata_and_statuses_pass() {
    let (_upstream, harness) = serve(&Gate::default()).await;
    let mut client = Client::connect(harness.https(), Some(Tls::any())).await;
    let mut request = Request::new(Note::of("hello"));
    request.metadata_mut().insert("x-asked", "plain".parse().unwrap());
    request.metadata_mut().insert_bin("x-asked-bin", MetadataValue::from_bytes(&[0, 1, 255]));
    let answer = client.unary("/test.Notes/Say", request).await.unwrap();
    assert_eq!(answer.metadata().get("x-answered").unwrap(), "plain");
    assert_eq!(
        answer.metadata().get_bin("x-answered-bin").unwrap().to_bytes().unwrap().as_ref(),
        [0, 1, 255]
    );

    let status = client.say("fail").await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, "no: 100 % zu spät"));
    assert_eq!(status.details(), b"details");
    assert_eq!(status.metadata().get("x-why").unwrap(), "because");
    let status = client.unary("/test.Notes/Unknown", Request::new(Note::of(""))).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(client.say("after").await.unwrap(), "you said after", "the connection goes on");
}

#[tokio::test]
async fn clients_may_stream() {
    let (_upstream, harness) = serve(&Gate::default()).await;
    let mut client = Client::connect(harness.https(), Some(Tls::any())).await;
    let many: Vec<_> = (0..500).map(|number| number.to_string()).collect();
    let joined = client.join(stream::iter(many.clone().into_iter().map(Note::of))).await.unwrap();
    assert_eq!(joined, many.join(" "));
    assert_eq!(client.join(stream::empty()).await.unwrap(), "");
    let big = "x".repeat(600_000);
    assert_eq!(client.join(stream::iter([Note::of(big.clone())])).await.unwrap(), big);
}

#[tokio::test]
async fn servers_may_stream_and_fail_at_the_end() {
    let gate = Gate::default();
    let (_upstream, harness) = serve(&gate).await;
    let mut client = Client::connect(harness.https(), Some(Tls::any())).await;
    let mut numbers = client.count().await.unwrap();
    for expected in ["1", "2"] {
        assert_eq!(next(&mut numbers).await.unwrap().as_deref(), Some(expected));
    }
    // The rest is still to come, and nothing else waits for it.
    assert_eq!(client.say("meanwhile").await.unwrap(), "you said meanwhile");
    gate.open();
    for expected in ["3", "4"] {
        assert_eq!(next(&mut numbers).await.unwrap().as_deref(), Some(expected));
    }
    let status = next(&mut numbers).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::OutOfRange, "five"));
}

#[tokio::test]
async fn both_may_stream_message_by_message() {
    let secure = server(Some(tls_server()), Gate::default()).await;
    let plain = server(None, Gate::default()).await;
    for manifests in [site(&plain, Some("GRPC"), None), site(&secure, Some("GRPCS"), None)] {
        let harness = start(&manifests).await;
        let mut client = Client::connect(harness.https(), Some(Tls::any())).await;
        let (send, receive) = mpsc::channel(1);
        let notes = stream::unfold(receive, |mut receive| async { Some((receive.recv().await?, receive)) });
        let mut answers = client.chat(notes).await.unwrap();
        for round in 0..50 {
            // Each is answered before the next one is sent.
            send.send(Note::of(round.to_string())).await.unwrap();
            assert_eq!(next(&mut answers).await.unwrap(), Some(format!("re: {round}")));
        }
        drop(send);
        assert_eq!(next(&mut answers).await.unwrap(), None, "the end of one half, then of the other");
    }
}

#[tokio::test]
async fn many_calls_share_few_connections() {
    let (upstream, harness) = serve(&Gate::default()).await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..8 {
        let mut client = Client::connect(harness.https(), Some(Tls::any())).await;
        calls.spawn(async move {
            for round in 0..20 {
                let text = format!("{number}/{round}");
                assert_eq!(client.say(&text).await.unwrap(), format!("you said {text}"));
            }
        });
    }
    while let Some(done) = within("the calls", calls.join_next()).await {
        done.unwrap();
    }
    // Each of the two workers has its own, and two may begin at once.
    assert!(upstream.connections().len() <= 8, "{}", upstream.connections().len());
}
