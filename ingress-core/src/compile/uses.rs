//! Who uses which port of which Service: what a change of endpoints alone has to look at, and when an upstream is needed no more.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use super::Options;
use super::index::Index;
use super::members::Problem;
use super::part::Part;
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
    /// True if it is that of one of these Ingresses.
    fn is_of(&self, ingresses: &HashSet<ObjectName>) -> bool {
        matches!(self, Self::Backend { ingress, .. } if ingresses.contains(ingress))
    }

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
    /// The links of the Services that TCP and UDP services ask for, had or not: whether there is such a port decides about a stream.
    pub(super) streams: HashSet<u64>,
}

/// A Service that is used, whether it exists or not.
#[derive(Debug, Default)]
struct UsedService {
    ports: SmallVec<[UsedPort; 1]>,
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

#[derive(Debug, PartialEq, Eq)]
enum OwnedPort {
    Number(i32),
    Name(Arc<str>),
}

/// What Services have become.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) upstreams: Vec<Upstream>,
    /// The names of upstreams that nobody uses any more.
    pub(super) unused: Vec<Arc<str>>,
    /// Findings that do not hold any more.
    pub(super) gone: Vec<Finding>,
    /// Findings that hold now; some of them may be in `gone` too.
    pub(super) new: Vec<Finding>,
}

impl Uses {
    /// Adds the uses of a port, and what the report says because of it.
    pub(super) fn add(
        &mut self,
        wanted: Wanted<'_>,
        upstream: &Arc<str>,
        uses: Vec<Use>,
        findings: Vec<Finding>,
    ) {
        let name = ObjectName { namespace: wanted.namespace.into(), name: wanted.service.into() };
        let service = self.services.entry(name).or_default();
        let port = match wanted.port {
            Port::Number(number) => OwnedPort::Number(number),
            Port::Name(name) => OwnedPort::Name(name.into()),
        };
        let protocol = wanted.protocol;
        service.ports.push(UsedPort { port, protocol, upstream: upstream.clone(), uses });
        service.findings.extend(findings);
    }

    /// Puts what a part uses in the place of what its Ingresses used, and looks again at who is in the upstreams of its Services.
    pub(super) fn take_over(
        &mut self,
        part: &Part,
        uses: Self,
        (index, options): (&Index<'_>, &Options),
    ) -> Change {
        let mut change = Change::default();
        for service in &part.services {
            let Some(used) = self.services.get_mut(service) else { continue };
            for port in &mut used.ports {
                port.uses.retain(|one| !one.is_of(&part.names));
            }
        }
        for (name, used) in uses.services {
            let held = self.services.entry(name).or_default();
            for port in used.ports {
                let same = |held: &&mut UsedPort| held.port == port.port && held.protocol == port.protocol;
                match held.ports.iter_mut().find(same) {
                    Some(held) => held.uses.extend(port.uses),
                    None => held.ports.push(port),
                }
            }
        }
        for service in &part.services {
            self.look_again(service, (index, options), &mut change);
        }
        change
    }

    /// Looks again at who is in the upstreams of a Service, and forgets what nobody uses.
    fn look_again(
        &mut self,
        service: &ObjectName,
        (index, options): (&Index<'_>, &Options),
        change: &mut Change,
    ) {
        let Some(held) = self.services.get_mut(service) else { return };
        let unused = held.ports.iter().filter(|port| port.uses.is_empty());
        change.unused.extend(unused.map(|port| port.upstream.clone()));
        held.ports.retain(|port| !port.uses.is_empty());
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
        change.gone.append(&mut held.findings);
        change.new.extend_from_slice(&findings);
        held.findings = findings;
        if held.ports.is_empty() {
            self.services.remove(service);
        }
    }
}
