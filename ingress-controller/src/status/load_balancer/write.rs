//! One write of one status: read, compare, replace with the version that was read. Never a patch: the roles of ingress-nginx grant none.

use ingress_core::ObjectName;
use k8s_openapi::api::networking::v1::{
    Ingress, IngressLoadBalancerIngress, IngressLoadBalancerStatus, IngressStatus,
};
use kube::Client;
use kube::api::Api;

use crate::config::Address;
use crate::permission::explain;
use crate::status::addresses::{address, sorted};
use crate::status::as_us;

/// What is to become of a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Task {
    /// It is to hold these.
    Write(Vec<Address>),
    /// It is to be emptied if it holds exactly these.
    Remove(Vec<Address>),
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is as it was to be already, or for a removal, somebody else's.
    Same,
    /// It was written.
    Written,
    /// There is no such Ingress.
    Gone,
    /// It is another Ingress of that name than the one that is known to be ours, or its class has changed.
    Another,
    /// It failed, for this reason; and perhaps all others would.
    Failed { why: String, all: bool },
}

/// The addresses that a status holds, in our order.
pub(super) fn addresses(ingress: &Ingress) -> Vec<Address> {
    let balancer = ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let entries = balancer.and_then(|balancer| balancer.ingress.as_ref()).into_iter().flatten();
    sorted(entries.filter_map(|entry| address(entry.ip.as_deref(), entry.hostname.as_deref())).collect())
}

const ATTEMPTS: usize = 4;

/// Does `task` to the Ingress of a name. `known` is that Ingress as it was found to be ours; without it, it has been deleted, and what has
/// the name now may be anybody's.
pub(super) async fn write(client: Client, name: ObjectName, known: Option<&Ingress>, task: &Task) -> Outcome {
    let Some(known) = known else { return Outcome::Gone };
    let api = Api::<Ingress>::namespaced(client, &name.namespace);
    for _ in 0..ATTEMPTS {
        let mut ingress = match api.get_opt(&name.name).await {
            Ok(Some(ingress)) => ingress,
            Ok(None) => return Outcome::Gone,
            Err(error) => return failed(&error),
        };
        if !is_same(known, &ingress, task) {
            return Outcome::Another;
        }
        let found = addresses(&ingress);
        let entries = match task {
            Task::Write(wanted) if found == *wanted => return Outcome::Same,
            Task::Write(wanted) => Some(wanted.iter().map(entry).collect()),
            Task::Remove(written) if found != *written || found.is_empty() => return Outcome::Same,
            Task::Remove(_) => None,
        };
        let balancer = IngressLoadBalancerStatus { ingress: entries };
        ingress.status = Some(IngressStatus { load_balancer: Some(balancer) });
        match api.replace_status(&name.name, &as_us(), &ingress).await {
            Ok(_) => return Outcome::Written,
            Err(kube::Error::Api(status)) if status.is_conflict() => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => return Outcome::Gone,
            Err(error) => return failed(&error),
        }
    }
    Outcome::Failed { why: "it changes faster than it can be written".into(), all: false }
}

fn entry(address: &Address) -> IngressLoadBalancerIngress {
    let mut entry = IngressLoadBalancerIngress::default();
    match address {
        Address::Ip(ip) => entry.ip = Some(ip.to_string()),
        Address::Hostname(name) => entry.hostname = Some(name.clone()),
    }
    entry
}

/// What is known lags behind, so whether it still is ours is looked at again: nothing is written to Ingresses of others.
fn is_same(known: &Ingress, found: &Ingress, task: &Task) -> bool {
    const CLASS: &str = "kubernetes.io/ingress.class";
    let field = |ingress: &Ingress| ingress.spec.as_ref().and_then(|spec| spec.ingress_class_name.clone());
    let annotation = |ingress: &Ingress| {
        ingress.metadata.annotations.as_ref().and_then(|annotations| annotations.get(CLASS).cloned())
    };
    let same_class = || field(known) == field(found) && annotation(known) == annotation(found);
    known.metadata.uid == found.metadata.uid && (matches!(task, Task::Remove(_)) || same_class())
}

fn failed(error: &kube::Error) -> Outcome {
    let all = match error {
        kube::Error::Api(status) => status.code == 429 || status.code >= 500,
        _ => true,
    };
    Outcome::Failed { why: explain(error), all }
}
