use http_body_util::BodyExt;

use super::*;
use crate::config::MetricsConfig;
use crate::metrics::Names;

fn site() -> Site {
    Site {
        health_check_path: "/healthz".into(),
        health: Arc::default(),
        metrics: Metrics::new(MetricsConfig::default(), Names::default()),
    }
}

async fn get(site: &Site, target: &str) -> (u16, String) {
    let response = site.answer(&Request::get(target).body(()).unwrap());
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn it_answers_as_kubernetes_health_checks_do() {
    let site = site();
    assert_eq!(get(&site, "/healthz").await.0, 500);
    assert_eq!(get(&site, "/healthz/ping").await, (200, "ok".into()));
    assert_eq!(get(&site, "/healthz/nginx-ingress-controller").await, (500, "does not serve yet\n".into()));
    site.health.set_serving(true);
    assert_eq!(get(&site, "/healthz").await, (200, "ok".into()));
    assert_eq!(get(&site, "/healthz/").await, (200, "ok".into()));
    assert_eq!(get(&site, "/healthz/nginx-ingress-controller").await, (200, "ok".into()));
    let passed = "[+]ping ok\n[+]nginx-ingress-controller ok\nhealthz check passed\n";
    assert_eq!(get(&site, "/healthz?verbose").await, (200, passed.into()));
    for target in ["/", "/health", "/healthz/other", "/healthzz", "/healthz/sync", "/readyzz", "/metrics/"] {
        assert_eq!(get(&site, target).await.0, 404, "{target}");
    }
    let refused = site.answer(&Request::post("/healthz").body(()).unwrap());
    assert_eq!((refused.status().as_u16(), refused.headers()["allow"].to_str().unwrap()), (405, "GET, HEAD"));
}

#[tokio::test]
async fn the_health_check_may_have_any_path() {
    let mut site = site();
    site.health.set_serving(true);
    for path in ["/", "/readyz", "/metrics", "/a/b/"] {
        site.health_check_path = path.into();
        assert_eq!(get(&site, path).await, (200, "ok".into()), "{path}");
    }
    site.health_check_path = "/".into();
    assert_eq!(get(&site, "/ping").await, (200, "ok".into()));
    assert_eq!(get(&site, "/readyz/sync").await, (200, "ok".into()));
    assert!(get(&site, "/metrics").await.1.starts_with("# HELP "));
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let site = site();
    let lines = ["cannot list services: forbidden", "cannot list secrets: forbidden"];
    site.health.set_waiting(lines.map(str::to_owned).to_vec());
    let failed = "[+]ping ok\n[-]nginx-ingress-controller failed: does not serve yet\n\
                  [-]sync failed: cannot list services: forbidden; cannot list secrets: forbidden\n\
                  readyz check failed\n";
    assert_eq!(get(&site, "/readyz").await, (500, failed.into()));
    // What serves is alive, however much is still waited for.
    site.health.set_serving(true);
    assert_eq!(get(&site, "/healthz").await.0, 200);
    assert_eq!(get(&site, "/readyz").await.0, 500);
    assert_eq!(get(&site, "/readyz/ping").await, (200, "ok".into()));
    assert_eq!(get(&site, "/readyz/sync").await, (500, format!("{}; {}\n", lines[0], lines[1])));
    site.health.set_waiting(Vec::new());
    assert_eq!(get(&site, "/readyz").await, (200, "ok".into()));
    assert_eq!(get(&site, "/readyz/sync").await, (200, "ok".into()));
    let passed = "[+]ping ok\n[+]nginx-ingress-controller ok\n[+]sync ok\nreadyz check passed\n";
    assert_eq!(get(&site, "/readyz?verbose").await, (200, passed.into()));
}

#[tokio::test]
async fn a_shutdown_fails_both_probes_at_once() {
    let site = site();
    let alive = site.health.alive();
    site.health.set_serving(true);
    site.health.set_serving(false);
    for target in ["/healthz", "/readyz"] {
        let (status, body) = get(&site, target).await;
        assert!(status == 500 && body.contains("failed: shutting down\n"), "{body}");
    }
    drop(alive);
    assert!(get(&site, "/healthz").await.1.contains("shutting down"));
}

#[tokio::test]
async fn a_control_thread_that_dies_is_noticed() {
    let site = site();
    site.health.set_serving(true);
    let alive = site.health.alive();
    let panicked = std::thread::spawn(move || {
        let _alive = alive;
        panic!("a test's own");
    });
    assert!(panicked.join().is_err());
    site.health.set_serving(true);
    for target in ["/healthz", "/readyz"] {
        let (status, body) = get(&site, target).await;
        assert!(status == 500 && body.contains("the control thread has ended"), "{body}");
    }
}

#[tokio::test]
async fn metrics_are_text_that_prometheus_reads() {
    let site = site();
    let response = site.answer(&Request::get("/metrics").body(()).unwrap());
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let (status, body) = get(&site, "/metrics").await;
    assert!(status == 200 && body.contains("\nnginx_ingress_controller_build_info{"), "{body}");
}
