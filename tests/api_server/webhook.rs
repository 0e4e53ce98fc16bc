//! Validating webhooks are really asked, over TLS.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use harness::api_server::ApiServer;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use k8s_openapi::ByteString;
use k8s_openapi::api::networking::v1::Ingress;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{ingress, refused, typed};

/// Refuses Ingresses whose name begins with `bad`, and warns of the others.
async fn verdict(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let review: Value = serde_json::from_slice(&body).unwrap();
    let request = &review["request"];
    let operation = request["operation"].as_str().unwrap();
    assert_eq!(operation == "UPDATE", request["oldObject"].is_object());
    let allowed = !request["object"]["metadata"]["name"].as_str().unwrap().starts_with("bad");
    let answer = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {
            "uid": request["uid"],
            "allowed": allowed,
            "warnings": [format!("{operation} of {}", request["name"])],
            "status": { "code": 400, "reason": "BadRequest", "message": "the name is bad" },
        },
    });
    Ok(Response::new(Full::new(answer.to_string().into())))
}

/// A webhook with that verdict: its URL and its authority.
async fn webhook() -> (String, Vec<u8>) {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://{}/validate", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service_fn(verdict)));
        }
    });
    (url, certified.cert.pem().into_bytes())
}

fn api(server: &ApiServer) -> Api<Ingress> {
    Api::namespaced(server.client(), "default")
}

#[tokio::test]
async fn a_refusal_reaches_the_client_and_nothing_is_stored() {
    let server = ApiServer::start().await;
    let (url, ca) = webhook().await;
    server.register_webhook("validate.example.test", &url, &ca);
    let api = api(&server);
    let status = refused(api.create(&PostParams::default(), &typed(ingress("bad"))).await);
    assert_eq!(
        status.message,
        "admission webhook \"validate.example.test\" denied the request: the name is bad"
    );
    assert_eq!((status.code, status.reason.as_str()), (400, "BadRequest"));
    assert!(server.list("ingresses").is_empty());
    api.create(&PostParams::default(), &typed(ingress("good"))).await.unwrap();

    server.put(ingress("bad-already"));
    let label = Patch::Merge(json!({ "metadata": { "labels": { "a": "b" } } }));
    assert_eq!(refused(api.patch("bad-already", &PatchParams::default(), &label).await).code, 400);
    let status =
        Patch::Merge(json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } } }));
    api.patch_status("bad-already", &PatchParams::default(), &status).await.unwrap();
}

#[tokio::test]
async fn patches_that_overtake_each_other_at_the_webhook_all_count() {
    let server = ApiServer::start().await;
    let (url, ca) = webhook().await;
    server.register_webhook("validate.example.test", &url, &ca);
    server.put(ingress("web"));
    let names: Vec<_> = (0..8).map(|number| format!("label-{number}")).collect();
    let patches = names.iter().map(|name| async {
        let patch = Patch::Merge(json!({ "metadata": { "labels": { name: "x" } } }));
        api(&server).patch("web", &PatchParams::default(), &patch).await.unwrap();
    });
    futures_util::future::join_all(patches).await;
    let stored = server.get("ingresses", "web").unwrap();
    assert_eq!(
        stored["metadata"]["labels"].as_object().unwrap().keys().collect::<Vec<_>>(),
        names.iter().collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_configured_webhook_is_asked_and_its_failure_policy_counts() {
    let server = ApiServer::start().await;
    let (url, ca) = webhook().await;
    let configure = |ca: &[u8], policy: &str| {
        server.put(json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": { "name": "w" },
            "webhooks": [{
                "name": "w.example.test",
                "clientConfig": { "url": url, "caBundle": ByteString(ca.to_vec()) },
                "failurePolicy": policy,
                "rules": [{
                    "apiGroups": ["networking.k8s.io"], "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE"], "resources": ["ingresses"],
                }],
            }],
        }));
    };
    configure(&ca, "Fail");
    let (api, post) = (api(&server), PostParams::default());
    assert_eq!(refused(api.create(&post, &typed(ingress("bad"))).await).code, 400);
    let (_, other_ca) = webhook().await;
    configure(&other_ca, "Fail");
    let status = refused(api.create(&post, &typed(ingress("good"))).await);
    assert_eq!(status.code, 500);
    assert!(status.message.contains("failed calling webhook \"w.example.test\""), "{status}");
    configure(&other_ca, "Ignore");
    api.create(&post, &typed(ingress("good"))).await.unwrap();
}
