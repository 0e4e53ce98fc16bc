//! HTTP/2 towards endpoints: what they get, and how requests share connections.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use ingress_proxy::core::Settings;
use ingress_proxy::core::policy::{Protocol, Transport};
use ingress_proxy::{Body, Config, Proxy, channel};
use tokio::sync::{Semaphore, mpsc, watch};

use super::authority::self_signed;
use super::peer::{Fault, Handled, Peer, Speech, handler, text};
use super::{ask, get, next, one, post, proxy, route, said, send, snapshot, whole, within, written};

fn grpc() -> Transport {
    Transport::new(Protocol::Grpc)
}

/// Sends each frame back as it comes, and then trailers.
async fn echo(request: Request<Incoming>) -> Handled {
    let (sender, receiver) = mpsc::unbounded_channel();
    let facts = format!("{} {:?}", request.uri(), request.headers().get("te"));
    let has_host = request.headers().contains_key("host");
    tokio::spawn(async move {
        let mut body = request.into_body();
        while let Some(Ok(frame)) = body.frame().await {
            let _ = sender.send(Ok::<_, Fault>(Frame::data(frame.into_data().unwrap())));
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        trailers.insert("content-length", "7".parse().unwrap());
        let _ = sender.send(Ok(Frame::trailers(trailers)));
    });
    let frames = futures_util::stream::unfold(receiver, |mut receiver| async {
        let frame = receiver.recv().await?;
        Some((frame, receiver))
    });
    let response = Response::builder().header("x-uri", facts).header("x-has-host", has_host.to_string());
    Ok(response.body(StreamBody::new(frames).boxed_unsync()).unwrap())
}

#[tokio::test]
async fn a_call_and_its_trailers() {
    let peer = Peer::http2(echo).await;
    let proxy = one(&peer, grpc());
    let response = send(&proxy, post("/a/B?c=d").body(Body::full("hello")).unwrap()).await;
    assert_eq!((said(&response, "x-version"), said(&response, "x-has-host")), ("HTTP/2.0", "false"));
    assert_eq!(said(&response, "x-uri"), "http://a.test/a/B?c=d Some(\"trailers\")");
    let (text, trailers) = whole(response).await;
    assert_eq!(text, "hello");
    let trailers = trailers.unwrap();
    assert_eq!(trailers.get("grpc-status").unwrap(), "0");
    assert!(!trailers.contains_key("content-length"), "{trailers:?}");
}

#[tokio::test]
async fn a_client_of_http1_gets_no_trailers() {
    let peer = Peer::http2(echo).await;
    let proxy = one(&peer, grpc());
    let request = Request::post("/").header("host", "a.test").body(Body::full("hello")).unwrap();
    let response = send(&proxy, request).await;
    assert_eq!(said(&response, "x-uri"), "http://a.test/ None");
    assert_eq!(whole(response).await, ("hello".into(), None));
}

#[tokio::test]
async fn messages_go_both_ways_while_both_sides_talk() {
    let peer = Peer::http2(echo).await;
    let (client, body) = written();
    let response = send(&one(&peer, grpc()), post("/").body(body).unwrap()).await;
    let mut answer = response.into_body();
    for message in ["one", "two", "three"] {
        client.send(message.into()).unwrap();
        assert_eq!(next(&mut answer).await, message);
    }
    drop(client);
    let last = within("trailers", answer.frame()).await.unwrap().unwrap();
    assert_eq!(last.into_trailers().unwrap().get("grpc-status").unwrap(), "0");
}

#[tokio::test]
async fn an_upgrade_is_not_asked_of_http2() {
    let peer = Peer::http2(|request: Request<Incoming>| async move {
        text(format!("{} {}", request.headers().contains_key("upgrade"), request.method()))
    });
    let peer = peer.await;
    let proxy = one(&peer, grpc());
    let request = get("/").header("connection", "upgrade").header("upgrade", "websocket");
    assert_eq!(whole(ask(&proxy, request).await).await.0, "false GET");
    assert_eq!(said(&ask(&proxy, get("/")).await, "x-connection"), "1");
}

/// An endpoint whose answers wait until they are let go.
struct Holding {
    peer: Peer,
    gate: Arc<Semaphore>,
    arrived: watch::Receiver<usize>,
}

async fn holding(streams: u32) -> Holding {
    let (gate, (arrivals, arrived)) = (Arc::new(Semaphore::new(0)), watch::channel(0));
    let held = gate.clone();
    let handle = handler(move |_| {
        arrivals.send_modify(|count| *count += 1);
        let held = held.clone();
        async move {
            held.acquire().await.unwrap().forget();
            text("")
        }
    });
    let peer = Peer::start(Speech { http2: true, tls: None, streams }, handle).await;
    Holding { peer, gate, arrived }
}

impl Holding {
    /// Goes on with `asking` until so many requests have come in all.
    async fn until(&self, count: usize, asking: impl Future) {
        let mut arrived = self.arrived.clone();
        let all = within("requests", arrived.wait_for(|arrived| *arrived >= count));
        tokio::select! {
            _ = asking => panic!("answered while it was held"),
            all = all => drop(all.unwrap()),
        }
    }
}

/// Runs so many requests at once, and returns by how many connections they went.
async fn connections_of(count: usize, streams: u32) -> usize {
    let held = holding(streams).await;
    let proxy = one(&held.peer, grpc());
    // The limit of the endpoint is known once it has said something.
    held.gate.add_permits(1);
    whole(ask(&proxy, get("/")).await).await;
    tokio::task::yield_now().await;
    let mut requests = std::pin::pin!(join_all((0..count).map(|_| ask(&proxy, get("/")))));
    held.until(count + 1, requests.as_mut()).await;
    held.gate.add_permits(count);
    assert!(within("all", requests).await.iter().all(|response| response.status() == StatusCode::OK));
    held.peer.connections()
}

#[tokio::test]
async fn a_hundred_requests_share_a_connection() {
    assert_eq!(connections_of(100, 1000).await, 1);
    assert_eq!(connections_of(101, 1000).await, 2);
}

#[tokio::test]
async fn an_endpoint_may_want_fewer_at_once() {
    assert_eq!(connections_of(4, 2).await, 2);
}

#[tokio::test]
async fn the_first_requests_wait_for_one_connection() {
    let peer = Peer::http2(|_| async { text("") }).await;
    let proxy = one(&peer, grpc());
    let responses = within("all", join_all((0..50).map(|_| ask(&proxy, get("/"))))).await;
    assert!(responses.iter().all(|response| response.status() == StatusCode::OK));
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_is_left_finishes_what_it_has() {
    let peer = Peer::http2(echo).await;
    let proxy = one(&peer, grpc());
    let (client, body) = written();
    let response = send(&proxy, post("/").body(body).unwrap()).await;
    assert_eq!(said(&response, "x-connection"), "1");
    let mut answer = response.into_body();
    peer.leave();
    // The endpoint reads on for what is on its way; then the connection takes no more.
    let fresh = async {
        loop {
            let response = send(&proxy, post("/").body(Body::empty()).unwrap()).await;
            assert_eq!(response.status(), StatusCode::OK);
            if said(&response, "x-connection") != "1" {
                break;
            }
        }
    };
    within("another connection", fresh).await;
    client.send(Bytes::from_static(b"still here")).unwrap();
    assert_eq!(next(&mut answer).await, "still here");
    drop(client);
    assert!(within("trailers", answer.frame()).await.unwrap().unwrap().is_trailers());
    peer.ended(1).await;
}

/// A proxy with one route and these settings.
fn set(peer: &Peer, settings: Settings) -> Proxy {
    let snapshot = snapshot(&[peer], [route("a.test", grpc())]).settings(settings).build().unwrap();
    Proxy::new(channel(snapshot).1, Config::default())
}

#[tokio::test]
async fn connections_wear_out() {
    let peer = Peer::http2(|_| async { text("") }).await;
    let mut settings = Settings::default();
    settings.upstream_keepalive_requests = 2;
    let proxy = set(&peer, settings);
    for number in ["1", "1", "2"] {
        let response = ask(&proxy, get("/")).await;
        assert_eq!(said(&response, "x-connection"), number);
        whole(response).await;
    }
    peer.ended(1).await;
}

#[tokio::test]
async fn idle_connections_are_closed_and_only_so_many_are_kept() {
    let peer = Peer::http2(|_| async { text("") }).await;
    let mut settings = Settings::default();
    settings.upstream_keepalive_timeout = Duration::from_millis(50);
    let proxy = set(&peer, settings.clone());
    whole(ask(&proxy, get("/")).await).await;
    peer.ended(1).await;
    settings.upstream_keepalive_timeout = Duration::from_secs(60);
    settings.upstream_keepalive_connections = 0;
    let proxy = set(&peer, settings);
    whole(ask(&proxy, get("/")).await).await;
    peer.ended(2).await;
}

#[tokio::test]
async fn endpoints_that_leave_finish_what_they_have() {
    let held = holding(100).await;
    let (proxy, publisher) = proxy(&[&held.peer], [route("a.test", grpc())]);
    let mut running = std::pin::pin!(ask(&proxy, get("/")));
    held.until(1, running.as_mut()).await;
    publisher.publish(snapshot(&[], [route("a.test", grpc())]).build().unwrap());
    assert_eq!(ask(&proxy, get("/")).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    held.gate.add_permits(1);
    let response = running.await;
    assert_eq!(response.status(), StatusCode::OK);
    whole(response).await;
    held.peer.ended(1).await;
}

#[tokio::test]
async fn over_tls_the_endpoint_must_not_choose_another_protocol() {
    for (alpn, status) in [(&["h2"][..], 200), (&["h2", "http/1.1"], 200), (&[], 200), (&["http/1.1"], 502)] {
        let tls = Some(self_signed("anyone").server(None, alpn));
        let peer = Peer::start(Speech { http2: true, tls, streams: 100 }, handler(echo)).await;
        let proxy = one(&peer, Transport::new(Protocol::Grpcs));
        let response = send(&proxy, post("/").body(Body::full("hello")).unwrap()).await;
        assert_eq!(response.status(), status, "{alpn:?}");
        if status == 200 {
            assert!(said(&response, "x-uri").starts_with("https://a.test/"));
            let (text, trailers) = whole(response).await;
            assert_eq!((text.as_str(), trailers.is_some()), ("hello", true));
        }
    }
}
