//! Who uses which port of which Service: what a change of endpoints alone has to look at.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;
use k8s_openapi::api::core::v1::Service;

use super::Options;
use super::index::{Index, Key};
use super::members::Problem;
use super::report::{Finding, ObjectRef, Severity};
use super::rules::{Place, Port};
use super::services::{Wanted, upstream};
use crate::route::ObjectName;
use crate::stream::StreamProtocol;
use crate::upstream::Upstream;

/// Who uses a port of a Service.
#[derive(Debug)]
pub(super) enum Use {
    /// A backend of an Ingress.
    Backend { ingress: ObjectName, place: Place },
    /// A port of ours, in the ConfigMap of TCP or of UDP services.
    Stream { map: ObjectName, number: u16 },
}

impl Use {
    /// Says that nobody is behind it.
    pub(super) fn finding(&self, problem: &Problem, port: Port<'_>) -> Finding {
        let (ingress, place) = match self {
            Self::Backend { ingress, place } => (ingress, place),
            Self::Stream { map, number } => {
                let object = ObjectRef::new("configmap", &*map.namespace, &*map.name);
                let message = format!("{}; who connects to port {number} gets nothing", problem.message);
                let field = format!("data[{number}]");
                return Finding::new(
                    Severity::Error,
                    problem.reason,
                    object,
                    field,
                    message,
                    &*problem.remedy,
                );
            }
        };
        let field = match (problem.port, port) {
            (false, _) => format!("{place}.service.name"),
            (true, Port::Name(_)) => format!("{place}.service.port.name"),
            (true, Port::Number(_)) => format!("{place}.service.port.number"),
        };
        let object = ObjectRef::new("ingress", &*ingress.namespace, &*ingress.name);
        let message = format!("{}; answered 503", problem.message);
        Finding::new(Severity::Error, problem.reason, object, field, message, &*problem.remedy)
    }
}

/// All uses, by Service.
#[derive(Debug, Default)]
pub(super) struct Uses {
    services: HashMap<ObjectName, UsedService>,
}

/// A Service that is used, whether it exists or not.
#[derive(Debug, Default)]
struct UsedService {
    object: Option<Arc<Service>>,
    ports: Vec<UsedPort>,
    /// What the report says because of it.
    findings: Vec<Finding>,
}

#[derive(Debug)]
struct UsedPort {
    port: OwnedPort,
    protocol: StreamProtocol,
    upstream: Arc<str>,
    uses: Vec<Use>,
}

#[derive(Debug)]
enum OwnedPort {
    Number(i32),
    Name(Arc<str>),
}

/// What a Service has become.
#[derive(Default)]
pub(super) struct Change {
    pub(super) upstreams: Vec<Upstream>,
    /// Findings that do not hold any more.
    pub(super) gone: Vec<Finding>,
    /// Findings that hold now; some of them may be in `gone` too.
    pub(super) new: Vec<Finding>,
    /// What the report says because of Services for which that changed.
    services: Vec<(ObjectName, Vec<Finding>)>,
}

impl Uses {
    /// Adds the uses of a port, and what the report says because of it.
    pub(super) fn add(
        &mut self,
        wanted: Wanted<'_>,
        object: Option<&Arc<Service>>,
        upstream: &Arc<str>,
        uses: Vec<Use>,
        findings: Vec<Finding>,
    ) {
        let name = ObjectName { namespace: wanted.namespace.into(), name: wanted.service.into() };
        let service = self.services.entry(name).or_default();
        service.object = object.cloned();
        let port = match wanted.port {
            Port::Number(number) => OwnedPort::Number(number),
            Port::Name(name) => OwnedPort::Name(name.into()),
        };
        let protocol = wanted.protocol;
        service.ports.push(UsedPort { port, protocol, upstream: upstream.clone(), uses });
        service.findings.extend(findings);
    }

    /// Those of these Services that exist.
    pub(super) fn objects<'s>(
        &'s self,
        names: &'s BTreeSet<ObjectName>,
    ) -> HashMap<Key<'s>, &'s Arc<Service>> {
        let held = names.iter().filter_map(|name| {
            let object = self.services.get(name)?.object.as_ref()?;
            Some(((&*name.namespace, &*name.name), object))
        });
        held.collect()
    }

    /// Looks again at who is in the upstreams of a Service.
    pub(super) fn again(
        &self,
        service: &ObjectName,
        index: &Index<'_>,
        options: &Options,
        change: &mut Change,
    ) {
        let Some(held) = self.services.get(service) else { return };
        let mut findings = Vec::new();
        for used in &held.ports {
            let port = match &used.port {
                OwnedPort::Number(number) => Port::Number(*number),
                OwnedPort::Name(name) => Port::Name(name),
            };
            let (namespace, name) = (&*service.namespace, &*service.name);
            let wanted = Wanted { namespace, service: name, port, protocol: used.protocol };
            let (mut upstream, problem) = upstream(index, options, wanted, &mut findings);
            if let Some(problem) = problem {
                findings.extend(used.uses.iter().map(|one| one.finding(&problem, port)));
            }
            upstream.name = used.upstream.clone();
            change.upstreams.push(upstream);
        }
        if findings != held.findings {
            change.gone.extend_from_slice(&held.findings);
            change.new.extend_from_slice(&findings);
            change.services.push((service.clone(), findings));
        }
    }

    /// Remembers what the report says now.
    pub(super) fn settle(&mut self, change: &mut Change) {
        for (name, findings) in change.services.drain(..) {
            if let Some(held) = self.services.get_mut(&name) {
                held.findings = findings;
            }
        }
    }
}
