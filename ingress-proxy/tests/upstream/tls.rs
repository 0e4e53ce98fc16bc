//! HTTPS and AUTO_HTTP: what endpoints are shown, and which of them are believed.

use http::StatusCode;
use ingress_proxy::Connection;
use ingress_proxy::connection::Tls;
use ingress_proxy::core::Settings;
use ingress_proxy::core::policy::{Protocol, Transport};
use ingress_proxy::core::tls::{Trust, UpstreamTls, Version};
use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use std::sync::Arc;

use super::authority::{Authority, Issued, self_signed, self_signed_until};
use super::peer::Peer;
use super::{ask, get, one, over, proxy, route, said, snapshot, whole};

/// The name that an endpoint of the Service `web` in `shop` has unless it is told.
const NAME: &str = "web.shop.svc";

fn verifying(trust: Trust) -> UpstreamTls {
    let mut tls = UpstreamTls::default();
    (tls.verify, tls.trust) = (true, Some(Arc::new(trust)));
    tls
}

async fn status(issued: &Issued, tls: UpstreamTls) -> StatusCode {
    let peer = Peer::http1(Some(issued.server(None, &["http/1.1"]))).await;
    ask(&one(&peer, over(Protocol::Https, tls)), get("/")).await.status()
}

#[tokio::test]
async fn whoever_answers_is_believed_by_default() {
    let peer = Peer::http1(Some(self_signed("anyone").server(None, &["http/1.1"]))).await;
    let proxy = one(&peer, Transport::new(Protocol::Https));
    let response = ask(&proxy, get("/")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!((said(&response, "x-secure"), said(&response, "x-alpn")), ("true", "http/1.1"));
    assert_eq!((said(&response, "x-sni"), said(&response, "x-client")), ("", ""));
    whole(response).await;
    assert_eq!(said(&ask(&proxy, get("/")).await, "x-connection"), "1");
}

#[tokio::test]
async fn a_name_is_told_if_asked() {
    let peer = Peer::http1(Some(self_signed("anyone").server(None, &[]))).await;
    let mut tls = UpstreamTls::default();
    tls.server_name = true;
    assert_eq!(said(&ask(&one(&peer, over(Protocol::Https, tls.clone())), get("/")).await, "x-sni"), NAME);
    tls.name = Some("api.test".into());
    assert_eq!(said(&ask(&one(&peer, over(Protocol::Https, tls)), get("/")).await, "x-sni"), "api.test");
}

#[tokio::test]
async fn only_those_are_believed_for_whom_somebody_vouches() {
    let (authority, other) = (Authority::new("one"), Authority::new("other"));
    let good = authority.issue(NAME);
    assert_eq!(status(&good, verifying(authority.trust())).await, StatusCode::OK);
    assert_eq!(status(&good, verifying(other.trust())).await, StatusCode::BAD_GATEWAY);
    assert_eq!(status(&good, verifying(Trust::default())).await, StatusCode::BAD_GATEWAY);
    let mut nobody = verifying(Trust::default());
    nobody.trust = None;
    assert_eq!(status(&good, nobody).await, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn the_name_counts() {
    let authority = Authority::new("one");
    let other = authority.issue("api.test");
    let mut tls = verifying(authority.trust());
    assert_eq!(status(&other, tls.clone()).await, StatusCode::BAD_GATEWAY);
    tls.name = Some("api.test".into());
    assert_eq!(status(&other, tls).await, StatusCode::OK);
}

#[tokio::test]
async fn time_purpose_and_revocation_count() {
    let authority = Authority::new("one");
    let expired = authority.issue_with(NAME, 2, |params| params.not_after = date_time_ymd(2021, 1, 1));
    let early = authority.issue_with(NAME, 3, |params| params.not_before = date_time_ymd(2100, 1, 1));
    let client = authority.issue_with(NAME, 4, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    for refused in [&expired, &early, &client] {
        assert_eq!(status(refused, verifying(authority.trust())).await, StatusCode::BAD_GATEWAY);
    }
    let (revoked, good) = (authority.issue_with(NAME, 5, |_| ()), authority.issue_with(NAME, 6, |_| ()));
    let trust = authority.trust_without(&revoked);
    assert_eq!(status(&revoked, verifying(trust.clone())).await, StatusCode::BAD_GATEWAY);
    assert_eq!(status(&good, verifying(trust)).await, StatusCode::OK);
}

#[tokio::test]
async fn the_depth_counts_who_stands_between() {
    let root = Authority::new("root");
    let middle = root.intermediate("middle");
    let lower = middle.intermediate("lower");
    let (near, far) = (middle.issue(NAME).with(&middle), lower.issue(NAME).with(&lower).with(&middle));
    let mut tls = verifying(root.trust());
    assert_eq!(status(&near, tls.clone()).await, StatusCode::OK);
    assert_eq!(status(&far, tls.clone()).await, StatusCode::BAD_GATEWAY);
    tls.depth = 2;
    assert_eq!(status(&far, tls).await, StatusCode::OK);
}

#[tokio::test]
async fn one_that_is_trusted_in_person_is_believed() {
    let own = self_signed(NAME);
    assert_eq!(status(&own, verifying(own.trust())).await, StatusCode::OK);
    assert_eq!(status(&self_signed(NAME), verifying(own.trust())).await, StatusCode::BAD_GATEWAY);
    let expired = self_signed_until(NAME, 2021);
    assert_eq!(status(&expired, verifying(expired.trust())).await, StatusCode::BAD_GATEWAY);
    let other_name = self_signed("api.test");
    assert_eq!(status(&other_name, verifying(other_name.trust())).await, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn our_certificate_is_shown_and_can_change() {
    let authority = Authority::new("one");
    let peer = Peer::http1(Some(authority.issue(NAME).server(Some(&authority), &[]))).await;
    let showing = |name: &str| {
        let mut tls = UpstreamTls::default();
        tls.certificate = Some(authority.issue(name).certificate());
        route("a.test", over(Protocol::Https, tls))
    };
    let (proxy, publisher) = proxy(&[&peer], [showing("first")]);
    let response = ask(&proxy, get("/")).await;
    assert_eq!(said(&response, "x-client"), "first");
    whole(response).await;
    assert!(publisher.publish(snapshot(&[&peer], [showing("second")]).build().unwrap()));
    let response = ask(&proxy, get("/")).await;
    assert_eq!((said(&response, "x-client"), said(&response, "x-connection")), ("second", "2"));
}

#[tokio::test]
async fn connections_are_kept_apart_by_how_they_were_made() {
    let peer = Peer::http1(Some(self_signed(NAME).server(None, &[]))).await;
    let mut named = UpstreamTls::default();
    named.server_name = true;
    let routes = [
        route("a.test", over(Protocol::Https, UpstreamTls::default())),
        route("b.test", over(Protocol::Https, named)),
        route("c.test", Transport::default()),
        route("d.test", over(Protocol::Https, UpstreamTls::default())),
    ];
    let (proxy, _publisher) = proxy(&[&peer], routes);
    for (host, connection) in [("a", "1"), ("b", "2"), ("c", "3"), ("d", "1"), ("b", "2"), ("c", "3")] {
        let request = http::Request::get("/").header("host", format!("{host}.test"));
        let response = ask(&proxy, request).await;
        assert_eq!(said(&response, "x-connection"), connection, "{host}");
        whole(response).await;
    }
}

#[tokio::test]
async fn auto_does_as_the_client_does() {
    let peer = Peer::http1(Some(self_signed(NAME).server(None, &[]))).await;
    let proxy = one(&peer, Transport::new(Protocol::Auto));
    let plain = Connection::new(([192, 0, 2, 1], 1000).into(), 80);
    let secure = plain.clone().with_tls(Tls::new(None, None));
    let balanced = plain.clone().on_behalf_of(([192, 0, 2, 9], 1).into(), 443);
    for (client, is_secure, number) in
        [(&plain, "false", "1"), (&secure, "true", "2"), (&plain, "false", "1"), (&balanced, "true", "2")]
    {
        let response = ask(&proxy.with_connection(client.clone()), get("/")).await;
        assert_eq!((said(&response, "x-secure"), said(&response, "x-connection")), (is_secure, number));
        whole(response).await;
    }
}

#[tokio::test]
async fn only_the_versions_that_are_asked_for_are_spoken() {
    let authority = Authority::new("one");
    for (version, other) in
        [(Version::Tls12, &rustls::version::TLS13), (Version::Tls13, &rustls::version::TLS12)]
    {
        let issued = authority.issue(NAME);
        let peer = Peer::http1(Some(issued.server_with(&[other]))).await;
        let mut tls = UpstreamTls::default();
        assert_eq!(ask(&one(&peer, over(Protocol::Https, tls.clone())), get("/")).await.status(), 200);
        tls.versions = vec![version];
        assert_eq!(ask(&one(&peer, over(Protocol::Https, tls)), get("/")).await.status(), 502);
    }
}

#[tokio::test]
async fn sessions_are_resumed() {
    let peer = Peer::http1(Some(self_signed(NAME).server(None, &[]))).await;
    let mut settings = Settings::default();
    settings.upstream_keepalive_requests = 1;
    let (proxy, publisher) = proxy(&[&peer], []);
    let routes = [route("a.test", Transport::new(Protocol::Https))];
    publisher.publish(snapshot(&[&peer], routes).settings(settings).build().unwrap());
    for (connection, resumed) in [("1", "false"), ("2", "true"), ("3", "true")] {
        let response = ask(&proxy, get("/")).await;
        assert_eq!((said(&response, "x-connection"), said(&response, "x-resumed")), (connection, resumed));
        whole(response).await;
    }
}
