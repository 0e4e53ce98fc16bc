//! One exchange that ends early, and what becomes of the others on its connection.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use h2::Reason;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use ingress_proxy::Body;
use ingress_proxy::core::policy::{Protocol, Transport};
use tokio::sync::{Notify, mpsc};

use super::peer::{Fault, Peer, text};
use super::{ask, get, next, one, post, route, said, send, whole, within, written};

fn grpc() -> Transport {
    Transport::new(Protocol::Grpc)
}

/// An endpoint that tells how the bodies that it reads end.
async fn listening() -> (Peer, mpsc::UnboundedReceiver<Option<Reason>>) {
    let (sender, ends) = mpsc::unbounded_channel();
    let peer = Peer::http2(move |request: Request<Incoming>| {
        let ended = sender.clone();
        async move {
            let answers = request.uri().path() == "/answer";
            let reading = tokio::spawn(async move {
                let mut body = request.into_body();
                let reason = loop {
                    match body.frame().await {
                        Some(Ok(_)) => {}
                        Some(Err(error)) => break reason_of(&error),
                        None => break None,
                    }
                };
                let _ = ended.send(reason);
            });
            if !answers {
                let _ = reading.await;
            }
            let frames = futures_util::stream::pending();
            let body: super::peer::PeerBody = http_body_util::StreamBody::new(frames).boxed_unsync();
            Ok(http::Response::new(body))
        }
    });
    (peer.await, ends)
}

fn reason_of(error: &(dyn std::error::Error + 'static)) -> Option<Reason> {
    let mut error = Some(error);
    while let Some(next) = error {
        if let Some(h2) = next.downcast_ref::<h2::Error>() {
            return h2.reason();
        }
        error = next.source();
    }
    None
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_calls_its_request_off() {
    let (peer, mut ends) = listening().await;
    let proxy = one(&peer, grpc());
    let (_client, body) = written();
    let asking = tokio::spawn(async move { send(&proxy, post("/").body(body).unwrap()).await });
    within("the endpoint", async {
        while peer.connections() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    asking.abort();
    // The request may not have left yet: then there is nothing to call off.
    let end = within("the end", async {
        tokio::select! { end = ends.recv() => end, () = peer.ended(1) => None }
    });
    assert!(matches!(end.await, None | Some(Some(Reason::CANCEL))));
}

#[tokio::test]
async fn a_client_that_leaves_during_the_answer_calls_the_rest_off() {
    let (peer, mut ends) = listening().await;
    let proxy = one(&peer, grpc());
    let (client, body) = written();
    let response = send(&proxy, post("/answer").body(body).unwrap()).await;
    client.send(Bytes::from_static(b"x")).unwrap();
    drop(response);
    assert_eq!(within("the end", ends.recv()).await, Some(Some(Reason::CANCEL)));
    // The connection is as good as it was.
    let (_client, body) = written();
    let response = send(&proxy, post("/answer").body(body).unwrap()).await;
    assert_eq!(said(&response, "x-connection"), "1");
}

#[tokio::test]
async fn what_an_endpoint_resets_is_cut_off_for_the_client() {
    let go_on = Arc::new(Notify::new());
    let told = go_on.clone();
    let peer = Peer::http2(move |_| {
        let told = told.clone();
        async move {
            let half = async { Ok::<_, Fault>(http_body::Frame::data(Bytes::from_static(b"half"))) };
            let reset = async move {
                told.notified().await;
                Err(h2::Error::from(Reason::INTERNAL_ERROR))
            };
            let frames = futures_util::stream::once(half).chain(futures_util::stream::once(reset));
            Ok(http::Response::new(http_body_util::StreamBody::new(frames).boxed_unsync()))
        }
    });
    let peer = peer.await;
    let proxy = one(&peer, grpc());
    let mut body = ask(&proxy, get("/")).await.into_body();
    assert_eq!(next(&mut body).await, "half");
    go_on.notify_one();
    let end = within("the end", body.frame()).await;
    assert!(end.is_some_and(|end| end.is_err()));
    assert_eq!(said(&ask(&proxy, get("/")).await, "x-connection"), "1");
}

#[tokio::test]
async fn a_reset_before_the_answer_is_502() {
    let peer = Peer::http2(|_| async { Err(h2::Error::from(Reason::INTERNAL_ERROR)) }).await;
    let proxy = one(&peer, grpc());
    assert_eq!(ask(&proxy, get("/")).await.status(), StatusCode::BAD_GATEWAY);
    let response = send(&proxy, post("/").body(Body::full("x")).unwrap()).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn an_early_answer_ends_a_body_that_nobody_reads() {
    // It keeps the request, so that hyper does not reset it, and lets the window close.
    let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = kept.clone();
    let peer = Peer::http2(move |request: Request<Incoming>| {
        keep.lock().unwrap().push(request);
        async { text("enough") }
    });
    let peer = peer.await;
    let mut route = route("a.test", grpc());
    route.request_body.max_size = None;
    let proxy = super::proxy(&[&peer], [route]).0;
    let (client, body) = written();
    for _ in 0..64 {
        client.send(vec![0; 128 << 10].into()).unwrap();
    }
    let response = send(&proxy, post("/").body(body).unwrap()).await;
    assert_eq!(whole(response).await.0, "enough");
    // What is stuck has its connection to itself, and goes with it.
    let response = send(&proxy, post("/").body(Body::empty()).unwrap()).await;
    assert_eq!(said(&response, "x-connection"), "2");
    peer.ended(1).await;
}

#[tokio::test]
async fn an_answer_whose_request_goes_on_is_not_cut_off() {
    let go_on = Arc::new(Notify::new());
    let told = go_on.clone();
    let peer = Peer::http2(move |request: Request<Incoming>| {
        let told = told.clone();
        async move {
            let frames = futures_util::stream::once(async move {
                told.notified().await;
                let all = request.into_body().collect().await.unwrap().to_bytes();
                Ok::<_, Fault>(http_body::Frame::data(all))
            });
            Ok(http::Response::new(http_body_util::StreamBody::new(frames).boxed_unsync()))
        }
    });
    let peer = peer.await;
    let (client, body) = written();
    let response = send(&one(&peer, grpc()), post("/").body(body).unwrap()).await;
    go_on.notify_one();
    for part in ["a", "b", "c"] {
        client.send(part.into()).unwrap();
        tokio::task::yield_now().await;
    }
    drop(client);
    assert_eq!(next(&mut response.into_body()).await, "abc");
}
