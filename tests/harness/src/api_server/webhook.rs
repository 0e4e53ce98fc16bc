//! Asks validating webhooks about Ingresses, over TLS, as a real API server does.
//!
//! Webhooks come from a test, or from ValidatingWebhookConfigurations that name a `url`; one that names a Service is not called, because
//! no Service has an address here.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use k8s_openapi::ByteString;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::kinds::Kind;
use super::shared::Shared;
use super::status::Failure;
use super::write::Candidate;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A webhook to ask.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub(crate) name: String,
    pub(crate) url: String,
    /// The authority's certificate, PEM.
    pub(crate) ca: Vec<u8>,
    pub(crate) rules: Value,
    /// True if what cannot be asked is refused.
    pub(crate) required: bool,
    pub(crate) timeout: Duration,
}

impl Webhook {
    /// A webhook for every Ingress that is created or updated.
    pub(crate) fn new(name: &str, url: &str, ca: &[u8]) -> Self {
        let rules = json!([{
            "operations": ["CREATE", "UPDATE"],
            "apiGroups": ["networking.k8s.io"],
            "apiVersions": ["v1"],
            "resources": ["ingresses"],
        }]);
        let timeout = Duration::from_secs(10);
        Self { name: name.to_owned(), url: url.to_owned(), ca: ca.to_owned(), rules, required: true, timeout }
    }

    /// A webhook of a ValidatingWebhookConfiguration, if it names a URL.
    fn configured(webhook: &Value) -> Option<Self> {
        let client = &webhook["clientConfig"];
        let ca: ByteString = serde_json::from_value(client["caBundle"].clone()).unwrap_or_default();
        Some(Self {
            name: webhook["name"].as_str()?.to_owned(),
            url: client["url"].as_str()?.to_owned(),
            ca: ca.0,
            rules: webhook["rules"].clone(),
            required: webhook["failurePolicy"] != "Ignore",
            timeout: Duration::from_secs(webhook["timeoutSeconds"].as_u64().unwrap_or(10)),
        })
    }

    fn covers(&self, kind: &Kind, operation: &str) -> bool {
        let has = |list: &Value, wanted: &str| {
            list.as_array().into_iter().flatten().any(|value| value == "*" || value == wanted)
        };
        self.rules.as_array().into_iter().flatten().any(|rule| {
            has(&rule["operations"], operation)
                && has(&rule["apiGroups"], kind.group)
                && has(&rule["apiVersions"], kind.version)
                && has(&rule["resources"], kind.plural)
        })
    }

    async fn ask(&self, review: &Value) -> Result<Value, Error> {
        let uri: Uri = self.url.parse()?;
        let host = uri.host().ok_or("the URL has no host")?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&self.ca) {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpStream::connect((host, uri.port_u16().unwrap_or(443))).await?;
        let name = ServerName::try_from(host.to_owned())?;
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls)).await?;
        tokio::spawn(connection);
        let request = Request::post(uri.path_and_query().map_or("/", |path| path.as_str()))
            .header("host", uri.authority().map_or("", |authority| authority.as_str()))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(review.to_string())))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            return Err(format!("it answered {status}").into());
        }
        let answer: Value = serde_json::from_slice(&body)?;
        if answer["kind"] != "AdmissionReview" || answer["response"]["uid"] != review["request"]["uid"] {
            return Err("its answer is no AdmissionReview with the uid of the request".into());
        }
        Ok(answer["response"].clone())
    }
}

/// Asks every webhook that wants to know about this change. Gives their warnings, or the first refusal.
pub(crate) async fn review(
    shared: &Shared,
    candidate: &Candidate,
    user: &str,
    dry_run: bool,
) -> Result<Vec<String>, Failure> {
    let Some(object) = &candidate.new else { return Ok(Vec::new()) };
    let operation = if candidate.old.is_none() { "CREATE" } else { "UPDATE" };
    let mut webhooks = shared.webhooks.lock().unwrap().clone();
    if let Some(kind) = Kind::plural("validatingwebhookconfigurations") {
        let configurations: Vec<Value> =
            shared.read(|store| store.all(kind).map(|stored| stored.value()).collect());
        let configured = configurations.iter().filter_map(|object| object["webhooks"].as_array()).flatten();
        webhooks.extend(configured.filter_map(Webhook::configured));
    }
    let mut warnings = Vec::new();
    for webhook in webhooks.iter().filter(|webhook| webhook.covers(candidate.kind, operation)) {
        let review = question(candidate, object, operation, user, dry_run);
        let asked = tokio::time::timeout(webhook.timeout, webhook.ask(&review)).await;
        let answer = match asked.map_err(|_| "context deadline exceeded".into()).flatten() {
            Ok(answer) => answer,
            Err(_) if !webhook.required => continue,
            Err(error) => {
                let what = format!("failed calling webhook {:?}: failed to call webhook", webhook.name);
                return Err(Failure::internal(format!("{what}: Post {:?}: {error}", webhook.url)));
            }
        };
        warnings.extend(
            answer["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned),
        );
        if answer["allowed"] != true {
            return Err(refusal(&webhook.name, &answer["status"]));
        }
    }
    Ok(warnings)
}

fn question(candidate: &Candidate, object: &Value, operation: &str, user: &str, dry_run: bool) -> Value {
    let Candidate { kind, key, old, .. } = candidate;
    let group_kind = json!({ "group": kind.group, "version": kind.version, "kind": kind.kind });
    let resource = json!({ "group": kind.group, "version": kind.version, "resource": kind.plural });
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": format!("{:032x}", rand::random::<u128>()),
            "kind": group_kind,
            "resource": resource,
            "requestKind": group_kind,
            "requestResource": resource,
            "namespace": key.0,
            "name": key.1,
            "operation": operation,
            "userInfo": { "username": user },
            "object": object,
            "oldObject": old.as_ref().map(|old| old.value()),
            "dryRun": dry_run,
            "options": null,
        },
    })
}

/// A refusal as clients get to see it.
fn refusal(webhook: &str, status: &Value) -> Failure {
    let denied = format!("admission webhook {webhook:?} denied the request");
    let message = match status["message"].as_str().or_else(|| status["reason"].as_str()) {
        Some(why) if !why.is_empty() => format!("{denied}: {why}"),
        _ => format!("{denied} without explanation"),
    };
    let code = status["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(400).max(400);
    Failure::new(code, status["reason"].as_str().unwrap_or("BadRequest"), message)
}
