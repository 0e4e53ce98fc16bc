//! HTTP/2: the same rules, and nothing that it could smuggle into HTTP/1.

use harness::{H2, Upstream, serve_one};
use http::{Method, Request};
use ingress_proxy::Config;

#[tokio::test]
async fn requests_are_refused_for_the_same_reasons() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let client = H2::connect(harness.address()).await;
    let get = |target: &str| Request::get(format!("http://a.test{target}"));
    for (what, request, status) in [
        ("TRACE", get("/").method(Method::TRACE), 405),
        ("dots above the root", get("/../x"), 400),
        ("escaped dots above the root", get("/%2e%2e/x"), 400),
        ("a NUL", get("/%00"), 400),
        ("a backslash", get("/a%5Cb"), 400),
        ("a bad escape", get("/%zz"), 400),
        ("a host that is not the authority", get("/").header("host", "b.test"), 400),
        ("an unknown host", Request::get("http://b.test/"), 404),
    ] {
        match client.request(request.body("").unwrap()).await {
            Ok(answer) => assert_eq!(answer.status(), status, "{what}"),
            // The stream may be reset instead: that is how HTTP/2 calls a request malformed.
            Err(error) => assert_eq!(status, 400, "{what}: {error}"),
        }
        assert_eq!(upstream.count(), 0, "{what} reached the endpoint: {:?}", upstream.requests());
    }
    let good = H2::connect(harness.address()).await;
    assert_eq!(good.request(get("/good").body("").unwrap()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_length_that_is_not_that_of_the_body_never_becomes_a_whole_request() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    for length in ["3", "30"] {
        let client = H2::connect(harness.address()).await;
        let request =
            Request::post("http://a.test/").header("content-length", length).body("GET /smuggled").unwrap();
        if let Ok(answer) = client.request(request).await {
            assert!(answer.status().is_client_error(), "{length}: {}", answer.status());
        }
    }
    upstream.wait_all_closed().await;
    assert!(upstream.requests().iter().all(|got| !got.complete), "{:?}", upstream.requests());
}

#[tokio::test]
async fn values_that_http1_would_read_otherwise_go_no_further() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    for (name, values) in [("content-length", ["4", "4"]), ("x-y", [" 1", "2"]), ("x-y", ["1", "2\t"])] {
        let client = H2::connect(harness.address()).await;
        let mut request = Request::post("http://a.test/");
        for value in values {
            request = request.header(name, value);
        }
        if let Ok(answer) = client.request(request.body("body").unwrap()).await {
            assert_eq!(answer.status(), 400, "{name}: {values:?}");
        }
        assert_eq!(upstream.count(), 0, "{name}: {values:?}: {:?}", upstream.requests());
    }
}

#[tokio::test]
async fn fields_are_cleaned_alike() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let client = H2::connect(harness.address()).await;
    let request = Request::get("http://A.test:80/x")
        .header("x_forwarded_for", "1.2.3.4")
        .header("x-forwarded-for", "1.2.3.4")
        .header("x-forwarded-proto", "https")
        .header("forwarded", "for=1.2.3.4")
        .header("proxy", "http://evil.test")
        .header("http2-settings", "AAMAAABkAAQAAP__")
        .header("te", "trailers")
        .header("x-stays", "1");
    assert_eq!(client.request(request.body("").unwrap()).await.unwrap().status(), 200);
    let got = upstream.only_request();
    assert_eq!(got.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(got.header("x-original-forwarded-for"), Some("1.2.3.4"));
    assert_eq!(got.header("x-forwarded-proto"), Some("http"));
    assert_eq!(got.header("x-stays"), Some("1"));
    for name in ["x_forwarded_for", "forwarded", "proxy", "http2-settings", "te", "connection", "upgrade"] {
        assert_eq!(got.header(name), None, "{name}");
    }
}
