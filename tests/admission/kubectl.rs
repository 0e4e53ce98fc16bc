//! What somebody at a terminal sees.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use harness::Upstream;
use serde_json::Value;

use crate::objects::{annotated, ingress, service};
use crate::world::World;

/// Applies an object: whether that succeeded, and all that was said.
fn apply(config: &Path, object: &Value) -> (bool, String) {
    let mut child = Command::new("kubectl")
        .args(["apply", "--validate=false", "-f", "-"])
        .env("KUBECONFIG", config)
        .env("HOME", config.parent().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // kubectl may end without reading.
    let _ = child.stdin.take().unwrap().write_all(object.to_string().as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = [output.stderr, output.stdout].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn refusals_and_warnings_reach_the_terminal() {
    if Command::new("kubectl").args(["version", "--client"]).output().is_err() {
        println!("no kubectl on the path: nothing was tried");
        return;
    }
    let upstream = Upstream::named("web").await;
    let mut objects = service("shop/web", upstream.address()).to_vec();
    objects.push(ingress("shop/old", &["a.test/"]));
    let world = World::start(objects).await;
    let folder = tempfile::tempdir().unwrap();
    let config = world.server.kubeconfig(folder.path());

    let (succeeded, said) = apply(&config, &ingress("shop/new", &["a.test/"]));
    assert!(!succeeded);
    assert_eq!(
        said.trim(),
        "Error from server (BadRequest): error when creating \"STDIN\": admission webhook \
         \"validate.nginx.ingress.kubernetes.io\" denied the request: host \"a.test\" and path \"/\" is already defined in ingress \
         shop/old"
    );
    let slow = annotated(ingress("shop/new", &["b.test/"]), "proxy-read-timeout", "5x");
    let (succeeded, said) = apply(&config, &slow);
    assert!(succeeded, "{said}");
    let (warning, done) = said.trim().split_once('\n').unwrap();
    assert!(warning.starts_with("Warning: "), "{said}");
    assert!(warning.contains("nginx.ingress.kubernetes.io/proxy-read-timeout"), "{said}");
    assert_eq!(done, "ingress.networking.k8s.io/new created");
    let (succeeded, said) = apply(&config, &annotated(slow, "server-snippet", "deny all;"));
    assert!(!succeeded);
    assert!(
        said.contains("denied the request: annotation nginx.ingress.kubernetes.io/server-snippet: "),
        "{said}"
    );
}
