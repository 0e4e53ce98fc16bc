//! From a Service and a port to an upstream.

use std::sync::Arc;

use hashbrown::hash_map::Entry;
use hashbrown::{HashMap, HashSet};
use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::class::Served;
use super::index::Index;
use super::members::{Members, Problem, ports};
use super::report::{Finding, ObjectRef, Severity, quoted};
use super::rules::{Place, Port};
use super::uses::{Use, Uses};
use super::{Options, endpoints, external, links, transport};
use crate::policy::Protocol;
use crate::route::ObjectName;
use crate::snapshot::Upstreams;
use crate::stream::StreamProtocol;
use crate::upstream::Upstream;

/// A port of a Service that somebody wants to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Wanted<'c> {
    pub(super) namespace: &'c str,
    pub(super) service: &'c str,
    pub(super) port: Port<'c>,
    pub(super) protocol: StreamProtocol,
}

/// The upstreams of one compile, made as they are asked for: one for each Service and port, whoever uses it.
pub(super) struct Services<'c> {
    index: &'c Index<'c>,
    options: &'c Options,
    /// Those of the snapshot before: an equal one is taken over.
    earlier: &'c Arc<Upstreams>,
    made: HashMap<Wanted<'c>, Made>,
    /// Every use is wanted, not only those that a finding is about.
    keep_uses: bool,
    /// The links of the Services that streams ask for, had or not.
    streams: HashSet<u64>,
}

struct Made {
    upstream: Arc<Upstream>,
    problem: Option<Problem>,
    /// What the port says that it speaks (`appProtocol`).
    speaks: Option<Protocol>,
    /// About the objects that say who is in it.
    findings: Vec<Finding>,
    uses: Vec<Use>,
    /// The Ingress that used it last: one finding is enough for all its paths.
    last: Option<usize>,
    used: bool,
}

impl<'c> Services<'c> {
    pub(super) fn new(
        index: &'c Index<'c>,
        options: &'c Options,
        earlier: &'c Arc<Upstreams>,
        keep_uses: bool,
    ) -> Self {
        Self { index, options, earlier, made: HashMap::new(), keep_uses, streams: HashSet::new() }
    }

    /// The name of the upstream for a backend of an Ingress, and what the port of the Service says that it speaks. It exists even if nobody
    /// is in it.
    pub(super) fn of_backend(
        &mut self,
        (number, ingress): (usize, &'c Served<'_>),
        place: Place,
        (service, port): (&'c str, Port<'c>),
    ) -> (Arc<str>, Option<Protocol>) {
        let keep_uses = self.keep_uses;
        let namespace = &*ingress.object.namespace;
        let made = self.make(Wanted { namespace, service, port, protocol: StreamProtocol::Tcp });
        made.used = true;
        if (keep_uses || made.problem.is_some()) && made.last != Some(number) {
            made.uses.push(Use::Backend { ingress: ingress.object.clone(), place });
            made.last = Some(number);
        }
        (made.upstream.name.clone(), made.speaks)
    }

    /// The name of the upstream for a TCP or UDP service, or what keeps it from being one. It exists as soon as the port of the Service
    /// does, even if nobody is in it yet.
    pub(super) fn of_stream(
        &mut self,
        (map, number): (&ObjectName, u16),
        wanted: Wanted<'c>,
    ) -> Result<Arc<str>, &Problem> {
        let keep_uses = self.keep_uses;
        self.streams.insert(links::service(wanted.namespace, wanted.service));
        let made = self.make(wanted);
        match &made.problem {
            Some(problem) if problem.reason != endpoints::NOBODY => return Err(problem),
            problem if keep_uses || problem.is_some() => {
                made.uses.push(Use::Stream { map: map.clone(), number });
            }
            _ => {}
        }
        made.used = true;
        Ok(made.upstream.name.clone())
    }

    /// The name of the upstream for the global default backend: the first port of the Service. `None`, with a finding, if nobody is in it.
    pub(super) fn of_default(&mut self, findings: &mut Vec<Finding>) -> Option<Arc<str>> {
        let service = self.options.default_backend_service.as_ref()?;
        let key = (&*service.namespace, &*service.name);
        let protocol = StreamProtocol::Tcp;
        let first = self.index.services.get(&key).and_then(|service| ports(service, protocol).next());
        let port = Port::Number(first.map_or(0, |port| port.port));
        let made = self.make(Wanted { namespace: key.0, service: key.1, port, protocol });
        let Some(problem) = &made.problem else {
            made.used = true;
            return Some(made.upstream.name.clone());
        };
        findings.push(Finding::new(
            Severity::Error,
            problem.reason,
            ObjectRef::new("service", key.0, key.1),
            "",
            format!(
                "it is the default backend, but {}; what no rule matches is answered 404",
                problem.message
            ),
            &*problem.remedy,
        ));
        None
    }

    /// All upstreams that a route or a stream leads to. What is to be said of the Services goes into the findings; who uses them, into `uses`.
    pub(super) fn finish(self, findings: &mut Vec<Finding>, mut uses: Option<&mut Uses>) -> Arc<Upstreams> {
        let mut used = Vec::with_capacity(self.made.len());
        if let Some(uses) = &mut uses {
            uses.streams = self.streams;
        }
        for (wanted, mut made) in self.made {
            once(&mut made.uses);
            if let Some(problem) = &made.problem {
                made.findings.extend(made.uses.iter().map(|one| one.finding(problem, wanted.port)));
            }
            match &mut uses {
                Some(uses) if !made.uses.is_empty() => {
                    findings.extend_from_slice(&made.findings);
                    uses.add(wanted, &made.upstream.name, made.uses, made.findings);
                }
                _ => findings.append(&mut made.findings),
            }
            if made.used {
                used.push(made.upstream);
            }
        }
        let upstreams: Upstreams = used.into_iter().collect();
        if upstreams == **self.earlier { self.earlier.clone() } else { Arc::new(upstreams) }
    }

    fn make(&mut self, wanted: Wanted<'c>) -> &mut Made {
        let entry = match self.made.entry(wanted) {
            Entry::Occupied(entry) => return entry.into_mut(),
            Entry::Vacant(entry) => entry,
        };
        let mut findings = Vec::new();
        let (upstream, problem) = upstream(self.index, self.options, wanted, &mut findings);
        let upstream = match self.earlier.get(&upstream.name) {
            Some(held) if **held == upstream => held.clone(),
            _ => Arc::new(upstream),
        };
        let service = self.index.services.get(&(wanted.namespace, wanted.service));
        let port = service.and_then(|service| find_port(service, wanted));
        let speaks = port.and_then(|port| transport::app_protocol(port.app_protocol.as_deref()?));
        entry.insert(Made { upstream, problem, speaks, findings, uses: Vec::new(), last: None, used: false })
    }
}

/// Leaves each Ingress one use. The default backends come after the paths of all Ingresses, so it is not enough to look at the last.
fn once(uses: &mut Vec<Use>) {
    if !uses.iter().any(|one| matches!(one, Use::Backend { place: Place::Default, .. })) {
        return;
    }
    let mut users = HashSet::new();
    uses.retain(|one| match one {
        Use::Backend { ingress, .. } => users.insert(ingress.clone()),
        Use::Stream { .. } => true,
    });
}

/// The upstream of a Service and a port, and why nobody is in it, if so.
pub(super) fn upstream(
    index: &Index<'_>,
    options: &Options,
    wanted: Wanted<'_>,
    findings: &mut Vec<Finding>,
) -> (Upstream, Option<Problem>) {
    let Wanted { namespace, service, port, protocol } = wanted;
    let name = match protocol {
        StreamProtocol::Tcp => format!("{namespace}/{service}:{port}"),
        StreamProtocol::Udp => format!("{namespace}/{service}:{port}/udp"),
    };
    match members(index, options, wanted, findings) {
        Ok(Members::Addresses(addresses)) => (Upstream::new(name, addresses), None),
        Ok(Members::Dns(host, port)) => (Upstream::dns(name, host, port), None),
        Err(problem) => (Upstream::new(name, []), Some(problem)),
    }
}

fn members(
    index: &Index<'_>,
    options: &Options,
    wanted: Wanted<'_>,
    findings: &mut Vec<Finding>,
) -> Result<Members, Problem> {
    let (namespace, name) = (wanted.namespace, wanted.service);
    let Some(service) = index.services.get(&(namespace, name)) else {
        return Err(Problem {
            reason: "UnknownService",
            port: false,
            message: format!("there is no service {} in namespace {namespace:?}", quoted(name)),
            remedy: "create the service, or name one of that namespace".into(),
        });
    };
    let kind = service.spec.as_ref().and_then(|spec| spec.type_.as_deref());
    if kind == Some("ExternalName") {
        return external::members(service, (wanted.port, wanted.protocol), options);
    }
    let port = find_port(service, wanted).ok_or_else(|| unknown_port(service, wanted))?;
    endpoints::members(index, options, (namespace, name), (service, port), findings)
}

/// The first port whose number, name or target is what the Ingress writes, as in ingress-nginx.
fn find_port<'o>(service: &'o Service, wanted: Wanted<'_>) -> Option<&'o ServicePort> {
    ports(service, wanted.protocol).find(|candidate| match wanted.port {
        Port::Number(number) => {
            candidate.port == number
                || matches!(&candidate.target_port, Some(IntOrString::Int(target)) if *target == number)
                || matches!(&candidate.target_port, Some(IntOrString::String(target)) if target.parse() == Ok(number))
        }
        Port::Name(name) => {
            candidate.name.as_deref() == Some(name)
                || matches!(&candidate.target_port, Some(IntOrString::String(target)) if target == name)
        }
    })
}

fn unknown_port(service: &Service, wanted: Wanted<'_>) -> Problem {
    let Wanted { namespace, service: name, protocol, .. } = wanted;
    let port = match wanted.port {
        Port::Number(number) => number.to_string(),
        Port::Name(name) => quoted(name),
    };
    let has: Vec<_> = ports(service, protocol)
        .take(20)
        .map(|port| match port.name.as_deref() {
            Some(name) if !name.is_empty() => format!("{name} ({})", port.port),
            _ => port.port.to_string(),
        })
        .collect();
    Problem {
        reason: "UnknownPort",
        port: true,
        message: format!("service {namespace}/{name} has no {} port {port}", protocol.name()),
        remedy: match has.as_slice() {
            [] => "add a port to the service".to_owned(),
            has => format!("use one that it has: {}", has.join(", ")),
        },
    }
}
