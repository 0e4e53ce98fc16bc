//! HTTPS: which certificate is presented, and how a new one takes over.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ingress_controller::{Controller, Published, RunConfig, RunningController};
use ingress_core::{ObjectName, tls::Facts};

use crate::support::{Backend, Folder, LONG, get, ingress, service};
use crate::tls::{Client, secret};

fn config(folder: &Folder) -> RunConfig {
    let mut config = RunConfig::new(vec![folder.path()], (Ipv4Addr::LOCALHOST, 0).into());
    config.https = vec![(Ipv4Addr::LOCALHOST, 0).into()];
    config.workers = std::num::NonZeroUsize::new(2);
    config
}

fn with_tls(ingress: &str, secret: &str) -> String {
    format!("{ingress}  tls: [{{hosts: [a.test], secretName: {secret}}}]\n")
}

fn https(controller: &RunningController) -> SocketAddr {
    controller.https_addresses()[0]
}

/// What is presented to a client that asks for `name`.
async fn presented(address: SocketAddr, name: &'static str) -> Facts {
    tokio::task::spawn_blocking(move || Client::connect(address, name).unwrap().facts()).await.unwrap()
}

#[tokio::test]
async fn a_host_without_certificate_is_served_with_the_fake_one() {
    let backend = Backend::new("api");
    let folder = Folder::new();
    folder.write(
        "all.yaml",
        &format!("{}---\n{}", ingress("a.test", "/", "api"), service("api", backend.address)),
    );
    let controller = Controller::start(config(&folder)).await.unwrap();
    let address = https(&controller);
    assert_ne!(address, controller.http_addresses()[0]);
    for name in ["a.test", "elsewhere.test"] {
        let facts = presented(address, name).await;
        assert_eq!(facts.issuer_common_name, "Kubernetes Ingress Controller Fake Certificate", "{name}");
        assert_eq!(facts.names, ["ingress.local"], "{name}");
    }
    let status =
        tokio::task::spawn_blocking(move || Client::connect(address, "a.test").unwrap().get("a.test", "/"));
    assert_eq!(status.await.unwrap(), 200);
    // The other workers too, and every handshake: it is one certificate.
    let first = presented(address, "a.test").await;
    for _ in 0..8 {
        assert_eq!(presented(address, "a.test").await, first);
    }
    let metrics = get(controller.healthz_address(), "x", "/metrics").unwrap().1;
    let series = "ssl_expire_time_seconds{namespace=\"\",class=\"k8s.io/ingress-nginx\",host=\"_\",\
                  secret_name=\"default-fake-certificate\"";
    assert!(metrics.contains(series), "{metrics}");
    controller.drain(LONG).await;
}

#[tokio::test]
async fn the_default_certificate_is_that_of_the_flag_while_it_is_there() {
    let folder = Folder::new();
    folder.write("secret.yaml", &secret("wildcard", "*.test"));
    let mut config = config(&folder);
    config.options.default_certificate =
        Some(ObjectName { namespace: "default".into(), name: "wildcard".into() });
    let controller = Controller::start(config).await.unwrap();
    let mut published = controller.published();
    let address = https(&controller);
    assert_eq!(presented(address, "any.test").await.names, ["*.test"]);

    folder.remove("secret.yaml");
    let missing = |published: &Arc<Published>| {
        published.report.findings.iter().any(|finding| finding.object.name == "wildcard")
    };
    tokio::time::timeout(LONG, published.wait_for(missing)).await.unwrap().unwrap();
    assert_eq!(presented(address, "any.test").await.names, ["ingress.local"]);
    controller.drain(LONG).await;
}

#[tokio::test]
async fn a_new_certificate_is_presented_at_once_and_open_connections_stay() {
    let backend = Backend::new("api");
    let folder = Folder::new();
    folder.write("service.yaml", &service("api", backend.address));
    folder.write("secret.yaml", &secret("a-tls", "a.test"));
    folder.write("ingress.yaml", &with_tls(&ingress("a.test", "/", "api"), "a-tls"));
    let controller = Controller::start(config(&folder)).await.unwrap();
    let address = https(&controller);
    let connect = move || Client::connect(address, "a.test").unwrap();
    let mut open = tokio::task::spawn_blocking(connect).await.unwrap();
    let mut before = open.facts().serial_number;
    for round in 0..5 {
        folder.write("secret.yaml", &secret("a-tls", "a.test"));
        let newer = async {
            loop {
                let now = presented(address, "a.test").await;
                if now.serial_number != before {
                    return now;
                }
            }
        };
        let now = tokio::time::timeout(LONG, newer).await;
        let now = now.unwrap_or_else(|_| panic!("round {round}: still the old one"));
        assert_eq!(now.names, ["a.test"]);
        before = now.serial_number;
        let (client, status) = tokio::task::spawn_blocking(move || {
            let status = open.get("a.test", "/nothing");
            (open, status)
        })
        .await
        .unwrap();
        open = client;
        assert_eq!(status, 200, "the connection that is open");
    }
    let metrics = get(controller.healthz_address(), "x", "/metrics").unwrap().1;
    let series = format!("host=\"a.test\",secret_name=\"a-tls\",identifier=\"-{before}\"");
    assert!(metrics.contains(&series), "{metrics}");
    drop(open);
    controller.drain(LONG).await;
}

#[tokio::test]
async fn clients_are_told_of_http3_at_the_port_that_the_embedder_names() {
    for (named, told) in [(None, "h3=\":443\""), (Some(9443), "h3=\":9443\"")] {
        let folder = Folder::new();
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: edge, name: settings}\ndata: {use-http3: 'true'}\n";
        folder.write("all.yaml", map);
        let mut config = config(&folder);
        config.options.config_map = Some(ObjectName { namespace: "edge".into(), name: "settings".into() });
        config.proxy.http3_port = named;
        let controller = Controller::start(config).await.unwrap();
        let address = https(&controller);
        let head = tokio::task::spawn_blocking(move || {
            Client::connect(address, "a.test").unwrap().head("a.test", "/")
        });
        let head = head.await.unwrap();
        assert!(head.contains(told), "{head}");
        controller.drain(LONG).await;
    }
}
