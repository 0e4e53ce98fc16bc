//! Which pods are replicas of ours: those in our namespace with the labels that our own pod has.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod as PodObject;
use kube::api::{Api, ListParams, ObjectList};
use kube::runtime::watcher::Config;
use kube::{Client, ResourceExt};
use tokio::time::{sleep, timeout};

use super::said::{Said, backoff};
use crate::config::Pod;
use crate::permission::explain;

const LONGEST: Duration = Duration::from_secs(30);
/// Labels in which replicas differ.
const DIFFER: &[&str] = &[
    "app.kubernetes.io/version",
    "apps.kubernetes.io/pod-index",
    "controller-revision-hash",
    "helm.sh/chart",
    "pod-template-generation",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
];

/// The labels of replicas, as a selector; empty if our pod has none, and then nobody knows of others.
async fn labels(client: &Client, pod: &Pod) -> Result<String, String> {
    let api = Api::<PodObject>::namespaced(client.clone(), &pod.namespace);
    // The charts of ingress-nginx grant list, and not get.
    let ours = ListParams::default().fields(&format!("metadata.name={}", pod.name));
    let found = list(&api, &ours).await?;
    let Some(found) = found.items.first() else {
        return Err(format!("there is no pod {pod}; set POD_NAME and POD_NAMESPACE to the pod that this is"));
    };
    let labels = found.labels().iter().filter(|(name, _)| !DIFFER.contains(&name.as_str()));
    Ok(labels.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(","))
}

async fn list(api: &Api<PodObject>, which: &ListParams) -> Result<ObjectList<PodObject>, String> {
    match timeout(LONGEST, api.list(which)).await {
        Ok(found) => found.map_err(|error| explain(&error)),
        Err(_) => Err("the API server does not answer".into()),
    }
}

/// What to watch to see the replicas. Asked for until it is known.
pub(super) async fn selector(client: &Client, pod: &Pod) -> Config {
    let (mut said, mut failures) = (Said::default(), 0);
    loop {
        match labels(client, pod).await {
            Ok(none) if none.is_empty() => {
                return Config::default().fields(&format!("metadata.name={}", pod.name));
            }
            Ok(labels) => return Config::default().labels(&labels),
            Err(why) => said.trouble("which pods are replicas is not known", &why),
        }
        failures += 1;
        sleep(backoff(failures, Duration::from_secs(2), Duration::from_secs(60))).await;
    }
}

/// True if there is a replica beside us that is not about to end.
pub(super) async fn others(client: &Client, pod: &Pod) -> Result<bool, String> {
    let labels = labels(client, pod).await?;
    if labels.is_empty() {
        return Ok(false);
    }
    let api = Api::<PodObject>::namespaced(client.clone(), &pod.namespace);
    let found = list(&api, &ListParams::default().labels(&labels)).await?;
    let stays = |pod: &PodObject| {
        pod.metadata.deletion_timestamp.is_none() && !matches!(phase(pod), Some("Succeeded" | "Failed"))
    };
    Ok(found.items.iter().any(|other| other.name_any() != pod.name && stays(other)))
}

/// The node of a pod that runs and is ready.
pub(super) fn node(pod: &PodObject) -> Option<String> {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let running = phase(pod) == Some("Running") && pod.metadata.deletion_timestamp.is_none();
    (running && ready).then(|| pod.spec.as_ref()?.node_name.clone()).flatten()
}

fn phase(pod: &PodObject) -> Option<&str> {
    pod.status.as_ref()?.phase.as_deref()
}
