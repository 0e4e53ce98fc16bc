//! Programs of others: `curl`, as people use it.

use harness::{Authority, Harness, Output, Upstream, command, start};

use crate::site;

/// Runs `curl` for a path of `a.test` with the authority of the test, and has it say what it has seen.
async fn curl(harness: &Harness, authority: &Authority, flags: &[&str], path: &str) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trusted = folder.path().join("root.pem");
    std::fs::write(&trusted, authority.pem()).expect("a file");
    let address = harness.https();
    let (resolve, url) = (
        format!("a.test:{}:{}", address.port(), address.ip()),
        format!("https://a.test:{}{path}", address.port()),
    );
    let told = "\n%{http_version} %{http_code} %{ssl_verify_result} %{num_connects}\n";
    let trusted = trusted.to_str().expect("a path of UTF-8");
    let ours = [
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--cacert",
        trusted,
        "--resolve",
        &resolve,
        "--write-out",
        told,
    ];
    command("curl", &[&ours[..], flags, &[&url]].concat(), "").await
}

#[tokio::test]
async fn curl_speaks_each_version() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let harness = start(&site(&authority, &upstream)).await;
    for (flags, version) in [
        (&["--http1.1"][..], "1.1"),
        (&["--http2"], "2"),
        (&["--http2", "--tlsv1.3"], "2"),
        (&["--tls-max", "1.2"], "2"),
    ] {
        let output = curl(&harness, &authority, flags, "/").await;
        assert_eq!(output.out, format!("web\n{version} 200 0 1\n"), "{flags:?}: {output:?}");
    }
    let output = curl(&harness, &Authority::new("another root"), &[], "/").await;
    assert!(!output.success && output.errors.contains("certificate"), "{output:?}");
}

#[tokio::test]
async fn curl_uploads() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let harness = start(&site(&authority, &upstream)).await;
    let body = "x".repeat(200_000);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    std::fs::write(&file, &body).unwrap();
    let from = format!("@{}", file.display());
    for version in ["--http1.1", "--http2"] {
        let output = curl(&harness, &authority, &[version, "--data-binary", &from], "/upload").await;
        assert!(output.out.contains(" 200 0 1"), "{output:?}");
        let got = upstream.requests().pop().unwrap();
        assert!(got.complete && got.body == body.as_bytes(), "{version}");
    }
}

#[tokio::test]
async fn curl_follows_the_redirect_to_https() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let harness = start(&site(&authority, &upstream)).await;
    let (plain, tls) = (harness.address(), harness.https());
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("root.pem");
    std::fs::write(&trusted, authority.pem()).unwrap();
    // What leads to the port 443 leads to that of the test.
    let connect = [format!("a.test:80:{plain}"), format!("a.test:443:{tls}")];
    let output = command(
        "curl",
        &[
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--location",
            "--cacert",
            trusted.to_str().unwrap(),
            "--connect-to",
            &connect[0],
            "--connect-to",
            &connect[1],
            "--write-out",
            "\n%{url_effective} %{num_redirects} %{http_version}\n",
            "http://a.test/shop?x=1",
        ],
        "",
    )
    .await;
    assert_eq!(output.out, "web\nhttps://a.test/shop?x=1 1 2\n", "{output:?}");
}
