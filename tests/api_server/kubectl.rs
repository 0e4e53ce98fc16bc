//! kubectl, where there is one.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use harness::api_server::ApiServer;
use serde_json::{Value, json};

use super::ingress;

/// Runs kubectl with this standard input; gives whether it succeeded, and all that it said.
fn kubectl(config: &Path, args: &[&str], input: &Value) -> (bool, String) {
    let mut child = Command::new("kubectl")
        .args(args)
        .env("KUBECONFIG", config)
        .env("HOME", config.parent().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // kubectl may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input.to_string().as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn a_round_trip() {
    if Command::new("kubectl").args(["version", "--client"]).output().is_err() {
        println!("no kubectl on the path: nothing was tried");
        return;
    }
    let server = ApiServer::start().await;
    let dir = tempfile::tempdir().unwrap();
    let config = server.kubeconfig(dir.path());
    let ok = |args: &[&str], input: &Value| {
        let (succeeded, said) = kubectl(&config, args, input);
        assert!(succeeded, "{args:?}: {said}");
        said
    };
    let apply = ["apply", "--validate=false", "-f", "-"];
    assert_eq!(ok(&apply, &ingress("web")).trim(), "ingress.networking.k8s.io/web created");
    assert_eq!(ok(&apply, &ingress("web")).trim(), "ingress.networking.k8s.io/web unchanged");
    let mut changed = ingress("web");
    changed["spec"]["rules"][0]["host"] = json!("changed.test");
    assert_eq!(ok(&apply, &changed).trim(), "ingress.networking.k8s.io/web configured");
    assert_eq!(server.get("ingresses", "web").unwrap()["spec"]["rules"][0]["host"], "changed.test");

    let mut service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": "web", "namespace": "default" },
        "spec": { "ports": [{ "name": "http", "port": 80 }, { "name": "https", "port": 443 }] },
    });
    ok(&apply, &service);
    service["spec"]["ports"] = json!([{ "name": "https", "port": 443 }, { "name": "admin", "port": 81 }]);
    ok(&apply, &service);
    let ports = server.get("services", "web").unwrap()["spec"]["ports"].clone();
    let mut ports: Vec<_> =
        ports.as_array().unwrap().iter().map(|port| port["port"].as_u64().unwrap()).collect();
    ports.sort_unstable();
    assert_eq!(ports, [81, 443]);

    ok(&["label", "ing", "web", "tier=front"], &Value::Null);
    assert!(ok(&["get", "ing", "-l", "tier=front"], &Value::Null).contains("web"));
    assert!(ok(&["get", "ing", "web", "-o", "yaml"], &Value::Null).contains("host: changed.test"));
    ok(&["annotate", "ing", "web", "note=x"], &Value::Null);
    let patch = r#"{"spec":{"rules":[{"host":"patched.test"}]}}"#;
    ok(&["patch", "ingress", "web", "-p", patch], &Value::Null);
    let stored = server.get("ingresses", "web").unwrap();
    assert_eq!(stored["metadata"]["annotations"]["note"], "x");
    assert_eq!(stored["spec"]["rules"], json!([{ "host": "patched.test" }]));
    ok(&["delete", "ing", "web"], &Value::Null);
    assert!(server.get("ingresses", "web").is_none());
    let (succeeded, said) = kubectl(&config, &["get", "ing", "web"], &Value::Null);
    assert!(
        !succeeded && said.contains("(NotFound): ingresses.networking.k8s.io \"web\" not found"),
        "{said}"
    );
}
