//! The addresses at which Ingresses are reached: given, those of a Service, or those of the nodes that replicas run on.
//!
//! As long as it is not known what they are, nothing is written: an address that is missing for a moment must not flap through the status
//! of all Ingresses.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::IpAddr;

use futures_util::{StreamExt, pin_mut};
use ingress_core::ObjectName;
use k8s_openapi::api::core::v1::{Node, Pod as PodObject, Service};
use kube::api::Api;
use kube::runtime::watcher::{Config, Event};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use tokio::sync::watch;

use super::replicas;
use super::said::Said;
use crate::config::{Address, Pod, Publish};
use crate::permission::explain;
use crate::source::kube::WATCH_SECONDS;

/// Addresses in their order, or `None` if they are not known.
pub(super) type Known = Option<Vec<Address>>;

/// Keeps `known` at what `publish` says, for ever.
pub(super) async fn follow(
    publish: &Publish,
    client: Client,
    pod: Option<&Pod>,
    known: &watch::Sender<Known>,
) {
    match publish {
        Publish::Addresses(addresses) => tell(known, sorted(addresses.clone())),
        Publish::Service(name) => follow_service(name, client, known).await,
        Publish::Nodes { internal } => match pod {
            Some(pod) => follow_nodes(*internal, client, pod, known).await,
            None => tracing::warn!(
                "status of Ingresses: which pod this is is not known, and so neither are its nodes; set POD_NAME and POD_NAMESPACE, or \
                 pass --publish-service or --publish-status-address"
            ),
        },
    }
    pending().await
}

fn tell(known: &watch::Sender<Known>, addresses: Vec<Address>) {
    known.send_if_modified(|known| {
        let new = Some(addresses);
        let differs = *known != new;
        *known = new;
        differs
    });
}

/// Host names last, as ingress-nginx has them.
pub(super) fn sorted(mut addresses: Vec<Address>) -> Vec<Address> {
    addresses.sort_by_cached_key(|address| match address {
        Address::Ip(ip) => (String::new(), ip.to_string()),
        Address::Hostname(name) => (name.clone(), String::new()),
    });
    addresses.dedup();
    addresses
}

async fn follow_service(name: &ObjectName, client: Client, known: &watch::Sender<Known>) {
    let what = format!("--publish-service: the addresses of service {name} are not known");
    let config = Config::default().timeout(WATCH_SECONDS).fields(&format!("metadata.name={}", name.name));
    let events = watcher(Api::<Service>::namespaced(client, &name.namespace), config).default_backoff();
    pin_mut!(events);
    let (mut said, mut services) = (Said::default(), Kept::default());
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => services.apply(event, |service| of_service(&service)),
            Err(error) => trouble(&mut said, &what, &error),
        }
        match services.all().map(|services| services.values().next()) {
            Some(Some(addresses)) => tell(known, addresses.clone()),
            Some(None) => {
                said.trouble(&what, "there is no such service; status stays as it is until it is created");
            }
            None => {}
        }
    }
}

async fn follow_nodes(internal: bool, client: Client, pod: &Pod, known: &watch::Sender<Known>) {
    let selector = replicas::selector(&client, pod).await;
    let pods = Api::<PodObject>::namespaced(client.clone(), &pod.namespace);
    let pods = watcher(pods, selector.timeout(WATCH_SECONDS)).default_backoff();
    let nodes = watcher(Api::<Node>::all(client), Config::default().timeout(WATCH_SECONDS)).default_backoff();
    pin_mut!(pods, nodes);
    let what = "the addresses of our nodes are not known, so status stays as it is";
    let (mut said, mut replicas, mut addresses) = (Said::default(), Kept::default(), Kept::default());
    loop {
        let error = tokio::select! {
            Some(event) = pods.next() => event.map(|event| replicas.apply(event, |pod| replicas::node(&pod))).err(),
            Some(event) = nodes.next() => event.map(|event| addresses.apply(event, |node| of_node(&node, internal))).err(),
            else => return,
        };
        if let Some(error) = error {
            trouble(&mut said, what, &error);
        }
        if let (Some(replicas), Some(addresses)) = (replicas.all(), addresses.all()) {
            let of = |node: &String| addresses.get(node).copied().flatten();
            let found: Vec<_> = replicas.values().flatten().filter_map(of).map(Address::Ip).collect();
            // Before the first replica is ready, and after the last one, nothing is known.
            if !found.is_empty() {
                tell(known, sorted(found));
            }
        }
    }
}

/// Says what is wrong, unless a new list follows at once because the watch was too old: that happens after each outage.
fn trouble(said: &mut Said, what: &str, error: &watcher::Error) {
    if !matches!(error, watcher::Error::WatchError(status) if status.code == 410) {
        said.trouble(what, &why(error));
    }
}

/// What is kept of objects, by name, from the events of a watch.
struct Kept<T> {
    now: Option<BTreeMap<String, T>>,
    next: BTreeMap<String, T>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { now: None, next: BTreeMap::new() }
    }
}

impl<T> Kept<T> {
    fn apply<K: ResourceExt>(&mut self, event: Event<K>, keep: impl Fn(K) -> T) {
        match event {
            Event::Init => self.next.clear(),
            Event::InitApply(object) => drop(self.next.insert(object.name_any(), keep(object))),
            Event::InitDone => self.now = Some(std::mem::take(&mut self.next)),
            Event::Apply(object) => {
                if let Some(now) = &mut self.now {
                    now.insert(object.name_any(), keep(object));
                }
            }
            Event::Delete(object) => {
                if let Some(now) = &mut self.now {
                    now.remove(&object.name_any());
                }
            }
        }
    }

    /// All of them, once all were listed.
    fn all(&self) -> Option<&BTreeMap<String, T>> {
        self.now.as_ref()
    }
}

fn why(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => explain(error),
        other => other.to_string(),
    }
}

/// The addresses of a Service, by its type.
fn of_service(service: &Service) -> Vec<Address> {
    let Some(spec) = &service.spec else { return Vec::new() };
    let ip = |text: &String| text.parse().ok().map(Address::Ip);
    let external = || spec.external_ips.iter().flatten().filter_map(ip);
    let cluster = || spec.cluster_ip.as_ref().and_then(ip).into_iter();
    sorted(match spec.type_.as_deref() {
        Some("LoadBalancer") => {
            let status = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
            let entries = status.and_then(|balancer| balancer.ingress.as_ref()).into_iter().flatten();
            let entries = entries.filter_map(|entry| address(entry.ip.as_deref(), entry.hostname.as_deref()));
            entries.chain(external()).collect()
        }
        Some("NodePort") => match external().collect::<Vec<_>>() {
            none if none.is_empty() => cluster().collect(),
            external => external,
        },
        Some("ExternalName") => {
            spec.external_name.iter().filter_map(|name| address(Some(name), Some(name))).collect()
        }
        _ => cluster().collect(),
    })
}

/// An IP address if it is one, else the host name.
pub(super) fn address(ip: Option<&str>, hostname: Option<&str>) -> Option<Address> {
    match ip.and_then(|ip| ip.parse().ok()) {
        Some(ip) => Some(Address::Ip(ip)),
        None => hostname.filter(|name| !name.is_empty()).map(|name| Address::Hostname(name.into())),
    }
}

/// The address of a node: the first external one, for want of that the first internal one.
fn of_node(node: &Node, internal: bool) -> Option<IpAddr> {
    let all = node.status.as_ref()?.addresses.as_ref()?;
    let first = |kind: &str| {
        all.iter().filter(|address| address.type_ == kind).find_map(|address| address.address.parse().ok())
    };
    if internal { first("InternalIP") } else { first("ExternalIP").or_else(|| first("InternalIP")) }
}

#[cfg(test)]
mod tests;
