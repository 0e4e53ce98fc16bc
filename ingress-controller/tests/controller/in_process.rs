//! The controller as a library: several in one process, each change awaited.

use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ingress_controller::{Controller, Error, Published, RunConfig, RunningController, Source};
use tokio::sync::watch;

use crate::support::{Backend, Folder, LONG, get, ingress, service};

fn config(folder: &Folder) -> RunConfig {
    let mut config = RunConfig::new(vec![folder.path()], (Ipv4Addr::LOCALHOST, 0).into());
    config.workers = Some(std::num::NonZeroUsize::MIN);
    config
}

async fn start(folder: &Folder) -> (RunningController, watch::Receiver<Arc<Published>>) {
    let controller = Controller::start(config(folder)).await.unwrap();
    let published = controller.published();
    (controller, published)
}

async fn wait(published: &mut watch::Receiver<Arc<Published>>, that: impl FnMut(&Arc<Published>) -> bool) {
    tokio::time::timeout(LONG, published.wait_for(that)).await.unwrap().unwrap();
}

async fn ask(controller: &RunningController, target: &'static str) -> (u16, String) {
    let address = controller.http_addresses()[0];
    tokio::task::spawn_blocking(move || get(address, "a.test", target)).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_change_that_is_seen_is_live() {
    let backend = Backend::new("api");
    let folder = Folder::new();
    folder.write("service.yaml", &service("api", backend.address));
    let (controller, mut published) = start(&folder).await;
    assert_eq!(published.borrow().generation, 1);
    assert_eq!(ask(&controller, "/one").await.0, 404);
    for round in 0..20 {
        let path = if round % 2 == 0 { "/one" } else { "/two" };
        let generation = published.borrow().generation;
        folder.write("ingress.yaml", &ingress("a.test", path, "api"));
        wait(&mut published, |published| published.generation > generation).await;
        assert_eq!(ask(&controller, path).await, (200, "api".into()), "round {round}");
    }
    assert_eq!(published.borrow().report.ingresses, 1);
    controller.drain(LONG).await;
}

#[tokio::test]
async fn the_health_path_is_answered_for_hosts_that_nobody_names() {
    let backend = Backend::new("api");
    let folder = Folder::new();
    let objects = format!("{}---\n{}", ingress("a.test", "/api", "api"), service("api", backend.address));
    folder.write("all.yaml", &objects);
    let (controller, _) = start(&folder).await;
    let address = controller.http_addresses()[0];
    for (host, status) in [("a.test", 404), ("b.test", 200)] {
        let answer = tokio::task::spawn_blocking(move || get(address, host, "/healthz")).await.unwrap();
        assert_eq!(answer.unwrap().0, status, "{host}");
    }
    controller.drain(LONG).await;
}

#[tokio::test]
async fn a_file_that_is_broken_at_the_start_hides_no_other() {
    let backend = Backend::new("api");
    let folder = Folder::new();
    folder.write("a.yaml", "spec: {{ .Values.nothing }}\n");
    folder.write(
        "b.yaml",
        &format!("{}---\n{}", ingress("a.test", "/", "api"), service("api", backend.address)),
    );
    let (controller, mut published) = start(&folder).await;
    let problem = published.borrow().problems[0].to_string();
    assert!(
        problem.ends_with(
            "/a.yaml:1:8: is no valid YAML here, but a template that was not rendered; nothing of this file is in use \
             until it is corrected"
        ),
        "{problem}"
    );
    assert_eq!(ask(&controller, "/").await, (200, "api".into()));
    folder.write("a.yaml", "");
    wait(&mut published, |published| published.problems.is_empty()).await;
    controller.drain(LONG).await;
}

#[tokio::test]
async fn a_drain_leaves_nothing_behind() {
    let folder = Folder::new();
    let (controller, published) = start(&folder).await;
    let (http, healthz) = (controller.http_addresses()[0], controller.healthz_address());
    assert_eq!(get(healthz, "x", "/healthz").unwrap(), (200, "ok".into()));
    let other = Controller::start(config(&folder)).await.unwrap();
    controller.drain(LONG).await;
    assert!(TcpStream::connect(http).is_err() && TcpStream::connect(healthz).is_err());
    assert!(published.has_changed().is_err(), "the control thread has not ended");
    assert_eq!(get(other.healthz_address(), "x", "/healthz").unwrap(), (200, "ok".into()));
}

#[tokio::test]
async fn dropping_it_ends_its_threads() {
    let folder = Folder::new();
    let (controller, mut published) = start(&folder).await;
    drop(controller);
    let closed = async { while published.changed().await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(20), closed).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_used_is_an_error() {
    let folder = Folder::new();
    let mut nowhere = config(&folder);
    nowhere.source = Source::Manifests(vec!["/nowhere".into()]);
    let error = Controller::start(nowhere).await.unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let mut deaf = config(&folder);
    deaf.http.clear();
    assert!(matches!(Controller::start(deaf).await, Err(Error::NoAddress)));
    let (controller, _) = start(&folder).await;
    let mut taken = config(&folder);
    taken.http = controller.http_addresses().to_vec();
    let error = Controller::start(taken).await.unwrap_err();
    assert!(matches!(error, Error::Listen { flag: "--http-port", .. }), "{error}");
    let mut taken = config(&folder);
    taken.healthz = controller.healthz_address();
    let error = Controller::start(taken).await.unwrap_err();
    assert!(matches!(error, Error::Listen { flag: "--healthz-port", .. }), "{error}");
}
