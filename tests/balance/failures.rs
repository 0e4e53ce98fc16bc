//! Nobody answers: 502 and 503.

use harness::{Manifests, Upstream, one, serve, serve_one};
use ingress_proxy::Config;

#[tokio::test]
async fn endpoints_that_all_refuse_are_502() {
    let refusing = [Upstream::refusing(), Upstream::refusing()];
    let manifests = Manifests::new().ingress("web").host("a.test").prefix("/", "web", 80);
    let harness = serve(&manifests.service("web", &refusing)).await;
    let mut client = harness.connect().await;
    for _ in 0..3 {
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 502);
        assert!(!answer.text().contains("127.0.0.1"), "no addresses for clients: {}", answer.text());
    }
}

#[tokio::test]
async fn an_endpoint_that_resets_is_502() {
    let upstream = Upstream::script(|mut conn| async move {
        conn.request().await?;
        conn.reset();
        Ok(())
    })
    .await;
    let harness = serve_one(&upstream, Config::default()).await;
    assert_eq!(harness.get("a.test", "/").await.status, 502);
}

#[tokio::test]
async fn an_endpoint_that_comes_back_serves_again() {
    let mut upstream = Upstream::named("web").await;
    let mut harness = serve_one(&upstream, Config::default()).await;
    assert_eq!(harness.get("a.test", "/").await.status, 200);
    upstream.stop();
    upstream.wait_all_closed().await;
    assert_eq!(harness.get("a.test", "/").await.status, 502);
    let again = Upstream::named("again").await;
    harness.update(&one(&again)).await;
    assert_eq!(harness.get("a.test", "/").await.text(), "again");
}

#[tokio::test]
async fn a_failure_leaves_the_client_connection_usable() {
    let (refusing, good) = (Upstream::refusing(), Upstream::named("good").await);
    let manifests = Manifests::new()
        .ingress("web")
        .host("a.test")
        .prefix("/bad", "bad", 80)
        .prefix("/none", "none", 80)
        .prefix("/good", "good", 80)
        .service("bad", [&refusing])
        .service("none", [])
        .service("good", [&good]);
    let harness = serve(&manifests).await;
    let mut client = harness.connect().await;
    for (path, status) in [("/bad", 502), ("/none", 503), ("/good", 200), ("/", 404), ("/good", 200)] {
        client.send(format!("POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody")).await;
        assert_eq!(client.answer().await.status, status, "{path}");
    }
}
