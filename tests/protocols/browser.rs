//! A browser.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::{Authority, Upstream, command, start};

use crate::site;

const PAGE: &str = "<!doctype html><title>page</title><p id=told>nothing</p><script>\
    document.getElementById('told').textContent = \
    'spoken: ' + performance.getEntriesByType('navigation')[0].nextHopProtocol + ' at ' + location.host;</script>";

#[tokio::test]
#[ignore = "needs Chromium (Debian package chromium); .ci/run installs it and runs this test"]
async fn chromium_loads_a_page_over_http_2() {
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{PAGE}", PAGE.len());
    let upstream = Upstream::answering(answer).await;
    let identity = Authority::new("root").server(&["mywebsite.com"]);
    let manifests = site(&Authority::new("another"), &upstream)
        .ingress("mine")
        .host("mywebsite.com")
        .prefix("/", "web", 80)
        .tls(&["mywebsite.com"], "mine")
        .tls_secret("mine", &identity);
    let harness = start(&manifests).await;
    let folder = tempfile::tempdir().unwrap();
    let digest = aws_lc_sha256(&identity.public_key());
    let flags = [
        "--headless=new".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--no-proxy-server".to_owned(),
        format!("--user-data-dir={}", folder.path().display()),
        format!("--ignore-certificate-errors-spki-list={}", STANDARD.encode(digest)),
        "--host-resolver-rules=MAP mywebsite.com 127.0.0.1".to_owned(),
        "--dump-dom".to_owned(),
        format!("https://mywebsite.com:{}/", harness.https().port()),
    ];
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let output = command("chromium", &flags, "").await;
    let expected = format!("spoken: h2 at mywebsite.com:{}", harness.https().port());
    assert!(output.out.contains(&expected), "{output:?}");
    let requests = upstream.requests();
    assert!(requests.iter().any(|got| got.head.target() == "/"), "{requests:?}");
}

/// SHA-256, by the cryptography that rustls has.
fn aws_lc_sha256(bytes: &[u8]) -> Vec<u8> {
    let suite = rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let rustls::SupportedCipherSuite::Tls13(suite) = suite else { panic!("a suite of TLS 1.3") };
    suite.common.hash_provider.hash(bytes).as_ref().to_vec()
}
