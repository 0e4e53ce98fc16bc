//! From a Service and a port to an upstream.

use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::class::Served;
use super::index::Index;
use super::members::{Members, Problem, ports};
use super::report::{Finding, ObjectRef, Severity, quoted};
use super::rules::{Place, Port};
use super::uses::{Use, Uses};
use super::{Options, endpoints, external};
use crate::snapshot::Upstreams;
use crate::upstream::Upstream;

/// The upstreams of one compile, made as they are asked for: one for each Service and port, whoever uses it.
pub(super) struct Services<'c> {
    index: &'c Index<'c>,
    options: &'c Options,
    /// Those of the snapshot before: an equal one is taken over.
    earlier: &'c Arc<Upstreams>,
    made: HashMap<(&'c str, &'c str, Port<'c>), Made>,
    /// Every use is wanted, not only those that a finding is about.
    keep_uses: bool,
}

struct Made {
    upstream: Arc<Upstream>,
    problem: Option<Problem>,
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
        Self { index, options, earlier, made: HashMap::new(), keep_uses }
    }

    /// The name of the upstream for a backend of an Ingress. It exists even if nobody is in it.
    pub(super) fn of_backend(
        &mut self,
        (number, ingress): (usize, &'c Served<'_>),
        place: Place,
        (service, port): (&'c str, Port<'c>),
    ) -> Arc<str> {
        let keep_uses = self.keep_uses;
        let made = self.make((&ingress.object.namespace, service, port));
        made.used = true;
        if (keep_uses || made.problem.is_some()) && made.last != Some(number) {
            made.uses.push(Use { ingress: ingress.object.clone(), place });
            made.last = Some(number);
        }
        made.upstream.name.clone()
    }

    /// The name of the upstream for the global default backend: the first port of the Service. `None`, with a finding, if nobody is in it.
    pub(super) fn of_default(&mut self, findings: &mut Vec<Finding>) -> Option<Arc<str>> {
        let service = self.options.default_backend_service.as_ref()?;
        let key = (&*service.namespace, &*service.name);
        let first = self.index.services.get(&key).and_then(|service| ports(service).next());
        let made = self.make((key.0, key.1, Port::Number(first.map_or(0, |port| port.port))));
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

    /// All upstreams that a route leads to. What is to be said of the Services goes into the findings; who uses them, into `uses`.
    pub(super) fn finish(self, findings: &mut Vec<Finding>, mut uses: Option<&mut Uses>) -> Arc<Upstreams> {
        let mut used = Vec::with_capacity(self.made.len());
        for ((namespace, service, port), mut made) in self.made {
            if let Some(problem) = &made.problem {
                made.findings.extend(made.uses.iter().map(|one| one.finding(problem, port)));
            }
            match &mut uses {
                Some(uses) if !made.uses.is_empty() => {
                    findings.extend_from_slice(&made.findings);
                    let object = self.index.services.get(&(namespace, service)).copied();
                    let name = &made.upstream.name;
                    uses.add((namespace, service), object, port, name, made.uses, made.findings);
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

    fn make(&mut self, key: (&'c str, &'c str, Port<'c>)) -> &mut Made {
        let entry = match self.made.entry(key) {
            Entry::Occupied(entry) => return entry.into_mut(),
            Entry::Vacant(entry) => entry,
        };
        let mut findings = Vec::new();
        let (upstream, problem) = upstream(self.index, self.options, key, &mut findings);
        let upstream = match self.earlier.get(&upstream.name) {
            Some(held) if **held == upstream => held.clone(),
            _ => Arc::new(upstream),
        };
        entry.insert(Made { upstream, problem, findings, uses: Vec::new(), last: None, used: false })
    }
}

/// The upstream of a Service and a port, and why nobody is in it, if so.
pub(super) fn upstream(
    index: &Index<'_>,
    options: &Options,
    key: (&str, &str, Port<'_>),
    findings: &mut Vec<Finding>,
) -> (Upstream, Option<Problem>) {
    let (namespace, service, port) = key;
    let name = format!("{namespace}/{service}:{port}");
    match members(index, options, key, findings) {
        Ok(Members::Addresses(addresses)) => (Upstream::new(name, addresses), None),
        Ok(Members::Dns(host, port)) => (Upstream::dns(name, host, port), None),
        Err(problem) => (Upstream::new(name, []), Some(problem)),
    }
}

fn members(
    index: &Index<'_>,
    options: &Options,
    (namespace, name, port): (&str, &str, Port<'_>),
    findings: &mut Vec<Finding>,
) -> Result<Members, Problem> {
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
        return external::members(service, port, options);
    }
    let port = find_port(service, port).ok_or_else(|| unknown_port(service, (namespace, name), port))?;
    endpoints::members(index, options, (namespace, name), (service, port), findings)
}

/// The first port whose number, name or target is what the Ingress writes, as in ingress-nginx.
fn find_port<'o>(service: &'o Service, port: Port<'_>) -> Option<&'o ServicePort> {
    ports(service).find(|candidate| match port {
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

fn unknown_port(service: &Service, (namespace, name): (&str, &str), port: Port<'_>) -> Problem {
    let port = match port {
        Port::Number(number) => number.to_string(),
        Port::Name(name) => quoted(name),
    };
    let has: Vec<_> = ports(service)
        .take(20)
        .map(|port| match port.name.as_deref() {
            Some(name) if !name.is_empty() => format!("{name} ({})", port.port),
            _ => port.port.to_string(),
        })
        .collect();
    Problem {
        reason: "UnknownPort",
        port: true,
        message: format!("service {namespace}/{name} has no TCP port {port}"),
        remedy: match has.as_slice() {
            [] => "add a port to the service".to_owned(),
            has => format!("use one that it has: {}", has.join(", ")),
        },
    }
}
