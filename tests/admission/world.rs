//! A controller with its webhook, and the API server that asks it.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use harness::api_server::ApiServer;
use harness::{Answer, Client, within};
use http::Request;
use http_body_util::BodyExt;
use ingress_controller::{Controller, RunConfig, RunningController, WebhookConfig};
use ingress_core::ObjectName;
use kube::core::Status;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::objects::class;
use crate::webhook::{Files, review};

/// The name of the webhook, as refusals show it.
pub(crate) const NAME: &str = "validate.nginx.ingress.kubernetes.io";

pub(crate) struct World {
    pub(crate) server: ApiServer,
    pub(crate) controller: RunningController,
    pub(crate) files: Files,
    _folder: TempDir,
}

impl World {
    /// Starts with these objects and the class nginx. The API server knows the webhook.
    pub(crate) async fn start(objects: impl IntoIterator<Item = Value>) -> Self {
        Self::start_with(objects, |_| {}).await
    }

    /// As [`start`](Self::start), with other settings.
    pub(crate) async fn start_with(
        objects: impl IntoIterator<Item = Value>,
        change: impl FnOnce(&mut RunConfig),
    ) -> Self {
        let world = Self::unregistered(objects, change).await;
        let url = format!("https://localhost:{}/networking/v1/ingresses", world.webhook().port());
        world.server.register_webhook(NAME, &url, &world.files.authority());
        world
    }

    /// As [`start_with`](Self::start_with), but the API server does not know the webhook.
    pub(crate) async fn unregistered(
        objects: impl IntoIterator<Item = Value>,
        change: impl FnOnce(&mut RunConfig),
    ) -> Self {
        let (server, files, folder) = (ApiServer::start().await, Files::new(), tempfile::tempdir().unwrap());
        server.put(class());
        server.put_all(objects);
        let mut config = config(&server, &folder);
        config.webhook =
            Some(WebhookConfig::new(([127, 0, 0, 1], 0).into(), files.certificate(), files.key()));
        change(&mut config);
        let controller = start(config).await;
        Self { server, controller, files, _folder: folder }
    }

    /// Where the webhook is.
    pub(crate) fn webhook(&self) -> SocketAddr {
        self.controller.webhook_address().expect("a webhook")
    }

    /// Waits until the controller knows this Ingress as one of its own.
    pub(crate) async fn knows(&self, name: &str) {
        let mut published = self.controller.published();
        let known = published.wait_for(|now| now.report.ours.iter().any(|ours| ours.to_string() == name));
        within(format!("the controller to know {name}"), known).await.expect("a controller that runs");
    }

    /// Creates an object as a client of the API server, and gives its warnings or its refusal.
    pub(crate) async fn create(&self, object: &Value) -> Result<Vec<String>, Status> {
        create(&self.server, object).await
    }

    /// Replaces an Ingress.
    pub(crate) async fn update(&self, object: &Value) -> Result<Vec<String>, Status> {
        let name = ["namespace", "name"].map(|field| object["metadata"][field].as_str().unwrap());
        let stored = self.server.get("ingresses", &name.join("/")).expect("an ingress to update");
        let mut object = object.clone();
        object["metadata"]["resourceVersion"] = stored["metadata"]["resourceVersion"].clone();
        write(&self.server, "PUT", &object).await
    }

    /// Why the API server refuses to create this Ingress. What is refused must not be there afterwards.
    pub(crate) async fn refusal(&self, object: &Value) -> String {
        let status = self.create(object).await.expect_err("a refusal");
        let name = ["namespace", "name"].map(|field| object["metadata"][field].as_str().unwrap());
        assert_eq!(self.server.get("ingresses", &name.join("/")), None);
        assert_eq!((status.code, status.reason.as_str()), (400, "BadRequest"), "{}", status.message);
        let denied = format!("admission webhook {NAME:?} denied the request: ");
        status.message.strip_prefix(&denied).expect("a refusal of the webhook").to_owned()
    }

    /// What the webhook itself answers: `response` of the review.
    pub(crate) async fn verdict(&self, operation: &str, object: &Value) -> Value {
        let question = review(operation, object).to_string();
        let (status, mut answer) = self.files.ask(self.webhook(), question).await;
        assert_eq!(status, 200, "{answer}");
        answer["response"].take()
    }

    /// Stops the controller. API server and files stay.
    pub(crate) async fn stop(self) -> (ApiServer, Files) {
        within("the controller to stop", self.controller.drain(Duration::from_secs(1))).await;
        (self.server, self.files)
    }

    /// GETs a path of a host through the controller.
    pub(crate) async fn get(&self, host: &str, path: &str) -> Answer {
        get(&self.controller, host, path).await
    }
}

/// A controller for this API server, without webhook.
pub(crate) fn config(server: &ApiServer, folder: &TempDir) -> RunConfig {
    let mut config = RunConfig::cluster(server.kubeconfig(folder.path()), ([127, 0, 0, 1], 0).into());
    config.options.local_endpoints = true;
    config.options.config_map = Some(ObjectName { namespace: "ingress".into(), name: "settings".into() });
    config.workers = NonZeroUsize::new(1);
    config
}

pub(crate) async fn start(config: RunConfig) -> RunningController {
    within("the controller to start", Controller::start(config)).await.expect("a controller")
}

pub(crate) async fn get(controller: &RunningController, host: &str, path: &str) -> Answer {
    let mut client = Client::connect(controller.http_addresses()[0]).await;
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    client.answer().await
}

/// Creates an Ingress, and gives the warnings or the refusal.
pub(crate) async fn create(server: &ApiServer, object: &Value) -> Result<Vec<String>, Status> {
    write(server, "POST", object).await
}

/// Sends an Ingress to the API server. kube's own methods would drop the warnings.
async fn write(server: &ApiServer, method: &str, object: &Value) -> Result<Vec<String>, Status> {
    let meta = |field: &str| object["metadata"][field].as_str().unwrap();
    let mut path = format!("/apis/networking.k8s.io/v1/namespaces/{}/ingresses", meta("namespace"));
    if method == "PUT" {
        path = format!("{path}/{}", meta("name"));
    }
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request = request.body(object.to_string().into_bytes().into()).unwrap();
    let answer = within("an answer of the API server", server.client().send(request)).await.unwrap();
    let (head, body) = answer.into_parts();
    if head.status.is_success() {
        let warnings = head.headers.get_all("warning").iter().map(|warning| warning.to_str().unwrap());
        return Ok(warnings.map(unquoted).collect());
    }
    let body = body.collect().await.unwrap().to_bytes();
    Err(serde_json::from_slice(&body).unwrap())
}

/// The text of a `Warning` field: `299 - "text"`.
fn unquoted(field: &str) -> String {
    let quoted = field.strip_prefix("299 - ").expect("code and agent of a warning");
    serde_json::from_str(quoted).expect("a quoted text")
}

/// A ValidatingWebhookConfiguration for this webhook, as the chart has it but for the address.
pub(crate) fn configuration(files: &Files, address: SocketAddr, policy: &str) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "ingress-nginx-admission" },
        "webhooks": [{
            "name": NAME,
            "matchPolicy": "Equivalent",
            "failurePolicy": policy,
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 10,
            "rules": [{
                "apiGroups": ["networking.k8s.io"], "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"], "resources": ["ingresses"],
            }],
            "clientConfig": {
                "url": format!("https://localhost:{}/networking/v1/ingresses", address.port()),
                "caBundle": k8s_openapi::ByteString(files.authority()),
            },
        }],
    })
}
