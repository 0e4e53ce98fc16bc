//! HTTP/3: the same routes, for those who are told of it.

use bytes::Bytes;
use futures_util::future::join_all;
use harness::{Authority, H2, H3, Tls, Upstream, start};
use http::{Request, Version};

use crate::{site, start_set};

const ON: &[(&str, &str)] = &[("use-http3", "true")];

#[tokio::test]
async fn the_same_routes_over_quic() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let harness = start_set(site(&authority, &upstream), ON).await;
    let tls = Tls::trusting(&authority);
    let client = H3::connect(&tls, harness.https(), "a.test").await.unwrap();
    let answer = client.get("https://a.test/x?y").await;
    assert_eq!((answer.version(), answer.status().as_u16()), (Version::HTTP_3, 200));
    assert_eq!(answer.body(), b"web");
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000; includeSubDomains");
    let got = upstream.only_request();
    assert_eq!((got.head.method(), got.head.target()), ("GET", "/x?y"));
    assert_eq!(got.header("host"), Some("a.test"));
    assert_eq!(got.header("x-forwarded-proto"), Some("https"));
    assert_eq!(got.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(client.get("https://unknown.test/").await.status(), 404);
}

#[tokio::test]
async fn bodies_and_many_requests_at_once() {
    let upstream = Upstream::script(|mut conn| async move {
        while let Some(request) = conn.request().await? {
            conn.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", request.body.len())).await?;
            conn.write(&request.body).await?;
        }
        Ok(())
    })
    .await;
    let authority = Authority::new("root");
    let manifests = site(&authority, &upstream);
    let harness = start_set(manifests, &[("use-http3", "true"), ("proxy-body-size", "8m")]).await;
    let client = H3::connect(&Tls::any(), harness.https(), "a.test").await.unwrap();
    let post = async |length: usize| {
        let body: Vec<u8> = (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect();
        let request = Request::post("https://a.test/").body(Bytes::from(body.clone())).unwrap();
        let answer = client.request(request).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.body().len()), (200, length));
        assert!(*answer.body() == body);
    };
    post(2 << 20).await;
    join_all((1..60).map(|number| post(number * 100))).await;
    let too_big = Request::post("https://a.test/").header("content-length", 9 << 20);
    // The answer may come before the request has ended.
    let refused = client.request(too_big.body(Bytes::from(vec![0; 9 << 20])).unwrap()).await;
    assert!(refused.is_err() || refused.is_ok_and(|answer| answer.status() == 413));
}

#[tokio::test]
async fn a_length_that_is_not_that_of_the_body_is_never_a_whole_request() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let harness = start_set(site(&authority, &upstream), ON).await;
    for length in ["3", "30"] {
        let client = H3::connect(&Tls::any(), harness.https(), "a.test").await.unwrap();
        let request = Request::post("https://a.test/").header("content-length", length);
        if let Ok(answer) = client.request(request.body("GET /smuggled".into()).unwrap()).await {
            assert!(answer.status().is_client_error(), "{length}: {answer:?}");
        }
    }
    upstream.wait_all_closed().await;
    assert!(upstream.requests().iter().all(|got| !got.complete), "{:?}", upstream.requests());
}

#[tokio::test]
async fn it_is_announced_where_it_is_served() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let harness = start_set(site(&authority, &upstream), ON).await;
    let tls = Tls::any();
    let answer = tls.connect(harness.https(), "a.test").await.get("a.test", "/").await;
    let announced = answer.header("alt-svc").expect("an announcement");
    assert!(announced.starts_with("h3=\":") && announced.contains("ma="), "{announced}");
    let answer = H2::connect_tls(&tls, harness.https(), "a.test").await.get("https://a.test/").await;
    assert_eq!(answer.headers()["alt-svc"], announced);
    assert_eq!(harness.get("a.test", "/").await.header("alt-svc"), None, "plain HTTP tells of nothing");

    let off = start(&site(&authority, &upstream)).await;
    let answer = tls.connect(off.https(), "a.test").await.get("a.test", "/").await;
    assert_eq!(answer.header("alt-svc"), None);
}

#[tokio::test]
async fn it_is_switched_on_and_off_while_it_runs() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let manifests = |on: &str| site(&authority, &upstream).config_map("settings", &[("use-http3", on)]);
    let mut harness = harness::start_with(&manifests("false"), &[crate::SETTINGS]).await;
    let tls = Tls::any();
    let mut kept = tls.connect(harness.https(), "a.test").await;
    assert_eq!(kept.get("a.test", "/").await.header("alt-svc"), None);
    harness.update(&manifests("true")).await;
    let client =
        harness::until("HTTP/3", async || H3::connect(&tls, harness.https(), "a.test").await.ok()).await;
    assert_eq!(client.get("https://a.test/").await.status(), 200);
    assert!(kept.get("a.test", "/").await.header("alt-svc").is_some());
    harness.update(&manifests("false")).await;
    assert_eq!(kept.get("a.test", "/").await.header("alt-svc"), None);
}

#[tokio::test]
async fn hosts_that_want_certificates_are_not_served_over_it() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let manifests = site(&authority, &upstream)
        .ingress("closed")
        .nginx("auth-tls-secret", "default/clients")
        .host("closed.test")
        .prefix("/", "web", 80)
        .ca_secret("clients", &authority);
    let harness = start_set(manifests, ON).await;
    let tls = Tls::any().showing(&authority.client("good"));
    let client = H3::connect(&tls, harness.https(), "closed.test").await.unwrap();
    assert_eq!(client.get("https://closed.test/").await.status(), 421);
    assert_eq!(client.get("https://a.test/").await.status(), 200);
    let mut over_tcp = tls.connect(harness.https(), "closed.test").await;
    let answer = over_tcp.get("closed.test", "/").await;
    assert_eq!((answer.status, answer.header("alt-svc")), (200, None));
}
