use std::path::PathBuf;
use std::sync::mpsc;

use rcgen::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::config::MetricsConfig;
use crate::metrics::Names;

/// More than any wait takes on a busy machine.
const LONG: Duration = Duration::from_secs(30);

/// A folder with a certificate and its key, as a mounted Secret has them: behind a symbolic link to a folder that is swapped.
struct Secret {
    folder: TempDir,
    generation: std::cell::Cell<u32>,
}

impl Secret {
    fn new() -> (Self, CertificateDer<'static>) {
        let secret = Self { folder: tempfile::tempdir().unwrap(), generation: Default::default() };
        let certificate = secret.renew();
        for name in ["tls.crt", "tls.key"] {
            let link = secret.folder.path().join(name);
            std::os::unix::fs::symlink(format!("..data/{name}"), link).unwrap();
        }
        (secret, certificate)
    }

    fn renew(&self) -> CertificateDer<'static> {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["webhook.test".to_owned()]).unwrap();
        self.swap(&cert.pem(), &signing_key.serialize_pem());
        cert.der().clone()
    }

    fn swap(&self, certificate: &str, key: &str) {
        let generation = self.generation.get() + 1;
        self.generation.set(generation);
        let name = format!("..{generation}");
        let folder = self.folder.path().join(&name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("tls.crt"), certificate).unwrap();
        std::fs::write(folder.join("tls.key"), key).unwrap();
        let link = self.folder.path().join("..new");
        std::os::unix::fs::symlink(name, &link).unwrap();
        std::fs::rename(link, self.folder.path().join("..data")).unwrap();
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("tls.crt")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("tls.key")
    }
}

fn bind(secret: &Secret) -> Result<Webhook, Error> {
    Webhook::bind(([127, 0, 0, 1], 0).into(), &secret.certificate(), &secret.key())
}

/// A webhook that refuses Ingresses named `bad`, warns of those named `warn`, and panics at those named `panic`.
struct Running {
    address: SocketAddr,
    trusted: CertificateDer<'static>,
    secret: Secret,
    metrics: Arc<Metrics>,
    judged: mpsc::Receiver<String>,
    _stop: watch::Sender<()>,
}

fn start_with(change: impl FnOnce(&mut Limits)) -> Running {
    let (secret, trusted) = Secret::new();
    let mut webhook = bind(&secret).unwrap();
    change(&mut webhook.limits);
    let address = webhook.address();
    let metrics = Metrics::new(MetricsConfig::default(), Names::default());
    let (stop, stopped) = watch::channel(());
    let (seen, judged) = mpsc::channel();
    let judge = move |ingress: &Ingress| {
        let name = ingress.metadata.name.clone().unwrap_or_default();
        let _ = seen.send(format!("{}/{name}", ingress.metadata.namespace.clone().unwrap_or_default()));
        let mut verdict = Verdict::default();
        match name.as_str() {
            "bad" => verdict.refused = Some("host \"a.test\" and path \"/\" is already defined".into()),
            "warn" => verdict.warnings = vec!["first\nline".into(), "é".repeat(300)],
            "many" => verdict.warnings = (0..50).map(|number| format!("warning {number}")).collect(),
            "panic" => panic!("a test's own"),
            _ => {}
        }
        verdict
    };
    tokio::spawn(webhook.run(judge, metrics.clone(), stopped));
    Running { address, trusted, secret, metrics, judged, _stop: stop }
}

fn start() -> Running {
    start_with(|_| ())
}

fn review(kind: [&str; 3], operation: &str, object: impl Into<Value>) -> Value {
    let ([group, version, kind], object) = (kind, object.into());
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "0c9a8d74", "kind": {"group": group, "version": version, "kind": kind},
            "resource": {"group": group, "version": version, "resource": "things"},
            "namespace": "shop", "operation": operation, "userInfo": {"username": "somebody"},
            "object": object, "oldObject": null, "dryRun": false, "options": {"kind": "CreateOptions"},
        },
    })
}

const INGRESS: [&str; 3] = ["networking.k8s.io", "v1", "Ingress"];

fn ingress(name: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]},
        "spec": {"rules": [{"host": "a.test"}]},
    })
}

fn post(path: &str, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: webhook.test\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

impl Running {
    async fn connect(&self, trusted: &CertificateDer<'static>) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("webhook.test").unwrap();
        tokio_rustls::TlsConnector::from(config).connect(name, stream).await
    }

    /// Status and body of the answer to exactly these bytes.
    async fn send(&self, bytes: &str) -> (u16, String) {
        let exchange = async {
            let mut stream = self.connect(&self.trusted).await.unwrap();
            stream.write_all(bytes.as_bytes()).await.unwrap();
            // The last records may still be in the hands of TLS, and reading does not send them.
            stream.flush().await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            String::from_utf8(answer).unwrap()
        };
        let answer = tokio::time::timeout(LONG, exchange).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    async fn ask(&self, review: &Value) -> (u16, Value) {
        let (status, body) = self.send(&post("/", "application/json", &review.to_string())).await;
        let value = serde_json::from_str(&body).unwrap_or(Value::String(body));
        (status, value)
    }

    fn metric(&self, line: &str) -> bool {
        let text = self.metrics.render();
        let (name, rest) = line.split_once('{').unwrap();
        let start = format!("nginx_ingress_controller_{name}{{");
        text.lines().any(|line| line.starts_with(&start) && line.ends_with(rest))
    }
}

#[tokio::test]
async fn what_is_fine_is_accepted_on_any_path() {
    let webhook = start();
    let review = review(INGRESS, "CREATE", ingress("web"));
    let expected = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "response": {"uid": "0c9a8d74", "allowed": true},
    });
    for path in ["/", "/networking/v1/ingresses?timeout=10s"] {
        let (status, body) =
            webhook.send(&post(path, "application/json; charset=utf-8", &review.to_string())).await;
        assert_eq!((status, serde_json::from_str::<Value>(&body).unwrap()), (200, expected.clone()));
    }
    // The API server puts the namespace beside the object too.
    assert_eq!(webhook.judged.try_iter().collect::<Vec<_>>(), ["shop/web", "shop/web"]);
    assert!(webhook.metric("check_success{namespace=\"shop\",ingress=\"web\"} 2"));
}

#[tokio::test]
async fn what_is_refused_is_told_why() {
    let webhook = start();
    let (status, answer) = webhook.ask(&review(INGRESS, "UPDATE", ingress("bad"))).await;
    let message = "host \"a.test\" and path \"/\" is already defined";
    let expected = json!({
        "uid": "0c9a8d74", "allowed": false,
        "status": {"status": "Failure", "code": 400, "reason": "BadRequest", "message": message},
    });
    assert_eq!((status, &answer["response"]), (200, &expected));
    assert!(webhook.metric("check_errors{namespace=\"shop\",ingress=\"bad\"} 1"));
    // What cannot be an Ingress is not judged, and the field is named.
    let mut broken = ingress("web");
    broken["spec"]["rules"][0]["host"] = json!(7);
    let (status, answer) = webhook.ask(&review(INGRESS, "CREATE", broken)).await;
    let message = answer["response"]["status"]["message"].as_str().unwrap();
    assert!(status == 200 && answer["response"]["allowed"] == false, "{answer}");
    assert!(message.contains("request.object.spec.rules[0].host: invalid type"), "{message}");
}

#[tokio::test]
async fn warnings_are_such_as_the_api_server_passes_on() {
    let webhook = start();
    let (_, answer) = webhook.ask(&review(INGRESS, "CREATE", ingress("warn"))).await;
    let long = format!("{}…", "é".repeat(126));
    assert_eq!(
        answer["response"],
        json!({"uid": "0c9a8d74", "allowed": true, "warnings": ["first line", long]})
    );
    let (_, answer) = webhook.ask(&review(INGRESS, "CREATE", ingress("many"))).await;
    let warnings = answer["response"]["warnings"].as_array().unwrap();
    assert_eq!((warnings.len(), &warnings[19]), (20, &json!("and 31 more warnings")));
}

#[tokio::test]
async fn what_goes_away_passes_unread() {
    let webhook = start();
    let mut going = ingress("bad");
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let mut status_only = review(INGRESS, "UPDATE", ingress("bad"));
    status_only["request"]["subResource"] = json!("status");
    for review in [
        review(INGRESS, "DELETE", Value::Null),
        review(INGRESS, "CONNECT", ingress("bad")),
        review(INGRESS, "UPDATE", going),
        status_only,
    ] {
        let (status, answer) = webhook.ask(&review).await;
        assert_eq!((status, &answer["response"]["allowed"]), (200, &json!(true)), "{answer}");
    }
    assert_eq!(webhook.judged.try_iter().count(), 0);
}

#[tokio::test]
async fn what_is_no_question_about_an_ingress_is_an_http_error() {
    let webhook = start();
    let good = review(INGRESS, "CREATE", ingress("web"));
    let changed = |pointer: &str, value: Value| {
        let mut review = good.clone();
        *review.pointer_mut(pointer).unwrap() = value;
        post("/", "application/json", &review.to_string())
    };
    let kind = |kind| post("/", "application/json", &review(kind, "CREATE", ingress("web")).to_string());
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    for (bytes, status, text) in [
        (kind(["", "v1", "Pod"]), 400, "only Ingresses of networking.k8s.io/v1 are judged here"),
        (kind(["networking.k8s.io", "v1beta1", "Ingress"]), 400, "only Ingresses of networking.k8s.io/v1"),
        (kind(["networking.k8s.io", "v1", "IngressClass"]), 400, "only Ingresses of networking.k8s.io/v1"),
        (
            changed("/apiVersion", json!("admission.k8s.io/v1beta1")),
            400,
            "only kind AdmissionReview of admission",
        ),
        (changed("/kind", json!("Review")), 400, "only kind AdmissionReview of admission"),
        (changed("/request", Value::Null), 400, "has no request"),
        (changed("/request/object", Value::Null), 400, "request.object: it is missing"),
        (changed("/request/uid", json!("x".repeat(1000))), 400, "request.uid: it must have 1 to 128 bytes"),
        (post("/", "application/json", "{"), 400, "this is no AdmissionReview: EOF"),
        (post("/", "application/json", ""), 400, "this is no AdmissionReview: EOF"),
        (post("/", "application/json", &deep), 400, "this is no AdmissionReview: "),
        (post("/", "application/json", &format!("{good}{{}}")), 400, "trailing characters"),
        (post("/", "text/plain", &good.to_string()), 415, "only the Content-Type application/json"),
        (post("/", "application/json", &good.to_string()).replace("POST", "PUT"), 405, "only POST"),
    ] {
        let (got, body) = webhook.send(&bytes).await;
        assert!(got == status && body.contains(text) && body.len() < 1000, "{status} {text}: {got} {body}");
    }
    assert_eq!(webhook.judged.try_iter().count(), 0);
}

#[tokio::test]
async fn a_question_that_is_too_large_is_refused_with_or_without_a_length() {
    let webhook = start();
    let good = review(INGRESS, "CREATE", ingress("web")).to_string();
    let padded = |length: usize| good.clone() + &" ".repeat(length - good.len());
    assert_eq!(webhook.send(&post("/", "application/json", &padded(3 << 20))).await.0, 200);
    let (status, body) = webhook.send(&post("/", "application/json", &padded((3 << 20) + 1))).await;
    assert_eq!((status, body.as_str()), (413, "the body is larger than 3145728 bytes\n"));
    let body = padded(4 << 20);
    let chunked = format!(
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n\
         {:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    assert_eq!(webhook.send(&chunked).await.0, 413);
    let announced =
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n";
    assert_eq!(webhook.send(announced).await.0, 413);
}

#[tokio::test]
async fn a_defect_of_the_compile_is_survived() {
    let webhook = start();
    let (status, body) = webhook.ask(&review(INGRESS, "CREATE", ingress("panic"))).await;
    assert_eq!((status, body), (500, json!("the compile failed; this is a defect, please report it\n")));
    assert_eq!(webhook.ask(&review(INGRESS, "CREATE", ingress("web"))).await.0, 200);
}

#[tokio::test]
async fn who_is_slow_is_cut_and_keeps_nobody_waiting_for_long() {
    let webhook = start_with(|limits| {
        limits.connections = 3;
        limits.handshake = Duration::from_secs(2);
        limits.exchange = Duration::from_secs(2);
    });
    // All places are taken: by somebody who says nothing, by half a head and by half a body.
    let mut silent = TcpStream::connect(webhook.address).await.unwrap();
    let mut slow = Vec::new();
    for half in [
        "POST / HTTP/1.1\r\nhost: x\r\n",
        "POST / HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
    ] {
        let mut stream = webhook.connect(&webhook.trusted).await.unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    assert_eq!(webhook.ask(&review(INGRESS, "CREATE", ingress("web"))).await.0, 200);
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(LONG, silent.read_to_end(&mut rest)).await.unwrap();
    for mut stream in slow {
        let _ = tokio::time::timeout(LONG, stream.read_to_end(&mut rest)).await.unwrap();
    }
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn a_connection_carries_one_question() {
    let webhook = start();
    let question = post("/", "application/json", &review(INGRESS, "CREATE", ingress("web")).to_string());
    let mut stream = webhook.connect(&webhook.trusted).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), None);
    stream.write_all(format!("{question}{question}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert_eq!(webhook.judged.try_iter().count(), 1);
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_who_connects() {
    let webhook = start();
    let new = webhook.secret.renew();
    // The files are looked at once a second.
    let connected = async { while webhook.connect(&new).await.is_err() {} };
    tokio::time::timeout(LONG, connected).await.unwrap();
    assert!(webhook.connect(&webhook.trusted).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_cannot_be_used_is_not_taken() {
    let (secret, _) = Secret::new();
    let mut identity = Identity::new(&secret.certificate(), &secret.key()).unwrap();
    let first = identity.current();
    secret.renew();
    assert!(Arc::ptr_eq(&first, &identity.current()), "looked too early");
    tokio::time::advance(Duration::from_secs(1)).await;
    let second = identity.current();
    assert!(!Arc::ptr_eq(&first, &second));
    // Two that do not fit, and then none: what was there before stays.
    let [one, other] =
        [(); 2].map(|()| rcgen::generate_simple_self_signed(["webhook.test".to_owned()]).unwrap());
    secret.swap(&one.cert.pem(), &other.signing_key.serialize_pem());
    for _ in 0..2 {
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(Arc::ptr_eq(&second, &identity.current()));
        std::fs::write(secret.certificate(), "").unwrap();
    }
    // Written in place, one after the other.
    std::fs::write(secret.certificate(), one.cert.pem()).unwrap();
    std::fs::write(secret.key(), one.signing_key.serialize_pem()).unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(!Arc::ptr_eq(&second, &identity.current()));
    assert_eq!(identity.current().alpn_protocols, [b"http/1.1"]);
}

#[test]
fn files_that_cannot_be_used_are_told_at_the_start() {
    let (secret, _) = Secret::new();
    let good = |name: &str| std::fs::read_to_string(secret.folder.path().join(name)).unwrap();
    let (certificate, key) = (good("tls.crt"), good("tls.key"));
    let other =
        rcgen::generate_simple_self_signed(["webhook.test".to_owned()]).unwrap().signing_key.serialize_pem();
    let broken = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    let half = "-----BEGIN PRIVATE KEY-----\nsecret\n";
    for (certificate, key, expected) in [
        (
            certificate.as_str(),
            other.as_str(),
            "--validating-webhook-key: \"…/tls.key\" cannot be used: it is not the key of the certificate in \"…/tls.crt\"; pass that one",
        ),
        (
            &certificate,
            "",
            "--validating-webhook-key: \"…/tls.key\" cannot be used: it holds no private key in PEM form; pass a file that does",
        ),
        (
            &certificate,
            half,
            "--validating-webhook-key: \"…/tls.key\" cannot be used: it holds no private key in PEM form; pass a file that does",
        ),
        (
            &certificate,
            broken,
            "--validating-webhook-key: \"…/tls.key\" cannot be used: it is no key that can be used: ",
        ),
        (
            &key,
            &key,
            "--validating-webhook-certificate: \"…/tls.crt\" cannot be used: it holds no certificate; pass a file in PEM form that does",
        ),
        (
            half,
            &key,
            "--validating-webhook-certificate: \"…/tls.crt\" cannot be used: it is not PEM; pass a certificate in that form",
        ),
    ] {
        secret.swap(certificate, key);
        let error = bind(&secret).unwrap_err();
        let text = error.to_string().replace(secret.folder.path().to_str().unwrap(), "…");
        assert!(text.starts_with(expected) && !text.contains("ecret") && error.exit_code() == 2, "{text}");
    }
    std::fs::remove_file(secret.key()).unwrap();
    secret.swap(&certificate, &key);
    let text = bind(&secret).unwrap_err().to_string();
    assert!(
        text.contains("No such file or directory") && text.ends_with("; pass a file that can be read"),
        "{text}"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_names_the_flag() {
    let webhook = start();
    let (secret, _) = Secret::new();
    let error = Webhook::bind(webhook.address, &secret.certificate(), &secret.key()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("--validating-webhook: cannot listen on 127.0.0.1:"), "{text}");
    assert!(text.ends_with("or pass another port with --validating-webhook"), "{text}");
}
