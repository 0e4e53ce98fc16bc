//! What an operator sees of a request that was served: a line and a count.

use harness::world::{Replica, World};
use ingress_controller::AccessLogSink;

#[tokio::test]
async fn a_request_is_a_line_and_a_count() {
    let world = World::in_memory().await;
    let web = world.upstream("web").await;
    world.put_service("web", &[&web]).await;
    world.put_ingress("web", "a.test", "web").await;
    let mut config = world.config_in_pod("one", "203.0.113.1");
    let file = world.folder().join("access.log");
    config.access_log = AccessLogSink::File(file.clone());
    config.metrics.enabled = true;
    let replica = Replica::start(config).await;
    assert_eq!(replica.get("a.test", "/path?query").await.status, 200);
    assert_eq!(replica.get("unknown.test", "/").await.status, 404);

    let written = async || {
        let text = std::fs::read_to_string(&file).ok()?;
        text.contains("/path?query").then_some(text)
    };
    let text = world.until("a line of the access log", written).await;
    let upstream = format!("[{}-web-80] [] {} 3 ", world.name(), web.address());
    assert!(text.contains("\"GET /path?query HTTP/1.1\" 200 3 ") && text.contains(&upstream), "{text}");

    let counted = async || {
        let metrics = replica.metrics().await;
        metrics.lines().find(|line| line.starts_with("nginx_ingress_controller_requests{")).map(str::to_owned)
    };
    let line = world.until("a count", counted).await;
    let namespace = world.name();
    for label in [
        "host=\"a.test\"",
        "ingress=\"web\"",
        "service=\"web\"",
        "status=\"200\"",
        "method=\"GET\"",
        "path=\"/\"",
        "controller_pod=\"one\"",
        &format!("namespace=\"{namespace}\""),
        &format!("controller_namespace=\"{namespace}\""),
        &format!("controller_class=\"{}\"", world.controller_class()),
    ] {
        assert!(line.contains(label), "{label} in {line}");
    }
    assert!(line.ends_with(" 1"), "{line}");
}
