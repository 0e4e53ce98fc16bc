//! Lines of the access log for requests that no endpoint was asked, and which requests have none.

use harness::{Upstream, one, snapshot};
use ingress_core::Settings;
use ingress_proxy::Config;

use crate::logged::{Logged, assert_line};

#[tokio::test]
async fn what_no_rule_matches() {
    let upstream = Upstream::named("web").await;
    let manifests = one(&upstream).ingress("deep").host("b.test").prefix("/deep", "one", 80);
    let logged = Logged::serve(snapshot(&manifests), Config::default()).await;
    // The host is known: this is the default backend of ingress-nginx, and logged.
    assert_eq!(logged.harness.get("b.test", "/nothing").await.status, 404);
    assert_line(
        &logged.line().await,
        "127.0.0.1 - - [<time>] \"GET /nothing HTTP/1.1\" 404 146 \"-\" \"-\" 39 <s> [upstream-default-backend] [] - - - - -",
    );
}

#[tokio::test]
async fn what_is_malformed_is_logged_as_it_came() {
    let upstream = Upstream::named("web").await;
    let logged = Logged::serve(snapshot(&one(&upstream)), Config::default()).await;
    for (request, status, first_line, length) in [
        ("GET /a b HTTP/1.1\r\nHost: a.test\r\n\r\n", 400, "GET /a b HTTP/1.1", 17),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nbad\r\n\r\n", 400, "GET / HTTP/1.1", 14),
        ("\u{16}\u{3}\u{1}\n", 400, "\\x16\\x03\\x01", 3),
        ("GET / HTTP/3.0\r\n\r\n", 505, "GET / HTTP/3.0", 14),
        ("GET /../x HTTP/1.1\r\nHost: a.test\r\n\r\n", 400, "GET /../x HTTP/1.1", 36),
        ("TRACE / HTTP/1.1\r\nHost: a.test\r\n\r\n", 405, "TRACE / HTTP/1.1", 34),
        // This one only hyper refuses, and says no more of it.
        ("GET /?\"<> HTTP/1.1\r\nHost: a.test\r\n\r\n", 400, "-", 0),
    ] {
        let before = logged.lines(0).await.len();
        let answer = logged.harness.send(request).await;
        assert_eq!(answer.status, status, "{request:?}");
        let line = logged.lines(before + 1).await.pop().unwrap();
        let sent = answer.body.len();
        assert_line(
            &line,
            &format!(
                "127.0.0.1 - - [<time>] \"{first_line}\" {status} {sent} \"-\" \"-\" {length} <s> [-] [] - - - - -"
            ),
        );
    }
}

#[tokio::test]
async fn a_body_that_is_too_large() {
    let upstream = Upstream::named("web").await;
    let logged = Logged::serve(snapshot(&one(&upstream)), Config::default()).await;
    let request = "PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2000000\r\n\r\n";
    let answer = logged.harness.send(request).await;
    assert_eq!(answer.status, 413);
    assert_line(
        &logged.line().await,
        &format!(
            "127.0.0.1 - - [<time>] \"PUT / HTTP/1.1\" 413 {} \"-\" \"-\" {} <s> [default-one-80] [] - - - - -",
            answer.body.len(),
            request.len()
        ),
    );
}

#[tokio::test]
async fn an_upstream_without_endpoints() {
    let manifests = harness::Manifests::new().ingress("none").host("a.test").prefix("/", "none", 80);
    let logged = Logged::serve(snapshot(&manifests.service("none", [])), Config::default()).await;
    assert_eq!(logged.harness.get("a.test", "/").await.status, 503);
    let line = logged.line().await;
    assert!(line.contains(" 503 ") && line.contains(" [default-none-80] [] - - - - "), "{line}");
}

#[tokio::test]
async fn what_is_not_logged() {
    let upstream = Upstream::named("web").await;
    let mut config = Config::default();
    config.health_check_path = Some("/healthz".into());
    let mut settings = Settings::default();
    settings.access_log.skip = vec!["/skip?x".into()];
    let logged = Logged::serve(snapshot(&one(&upstream)).with_settings(settings.clone()), config).await;
    let harness = &logged.harness;
    assert_eq!(harness.get("nobody.test", "/healthz").await.status, 200);
    assert_eq!(harness.get("nobody.test", "/").await.status, 404);
    assert_eq!(harness.get("a.test", "/skip?x").await.status, 200);
    assert_eq!(harness.get("a.test", "/skip").await.status, 200);
    assert!(logged.line().await.contains("GET /skip HTTP"));

    settings.access_log.enabled = false;
    harness.set(settings.clone());
    assert_eq!(harness.get("a.test", "/off").await.status, 200);
    assert_eq!(harness.send("\r\r").await.status, 400);
    (settings.access_log.enabled, settings.access_log.default_backend) = (true, true);
    harness.set(settings);
    assert_eq!(harness.get("nobody.test", "/default").await.status, 404);
    let lines = logged.lines(2).await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[1].contains("GET /default HTTP/1.1\" 404 146 ")
            && lines[1].contains("[upstream-default-backend]"),
        "{lines:?}"
    );
}
