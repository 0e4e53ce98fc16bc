//! From EndpointSlices, or old Endpoints, to addresses.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::{Endpoints, Service, ServicePort};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::index::{Index, Key, SERVICE_NAME, namespace, reference};
use super::members::{Members, Problem, speaks};
use super::report::{Finding, ObjectRef, Severity, quoted};
use super::{Options, address};
use crate::stream::StreamProtocol;

/// Why nobody is in an upstream whose Service and port are there: what a change of endpoints may mend.
pub(super) const NOBODY: &str = "NoEndpoints";

/// The endpoints of a port of a Service: of all its slices and address families together.
///
/// Those that are ready; if there are none, those that still serve, though they may be terminating: an answer from a pod that is about to
/// go is better than none.
pub(super) fn members(
    index: &Index<'_>,
    options: &Options,
    key: Key<'_>,
    (service, port): (&Service, &ServicePort),
    findings: &mut Vec<Finding>,
) -> Result<Members, Problem> {
    let mut found = Found::new(options, port);
    match (index.slices.get(&key), index.endpoints.get(&key)) {
        (Some(slices), _) => slices.iter().for_each(|slice| found.slice(slice)),
        (None, Some(endpoints)) => found.endpoints(endpoints),
        (None, None) => return Err(no_slices(service, key)),
    }
    findings.append(&mut found.findings);
    if !found.ready.is_empty() {
        return Ok(Members::Addresses(found.ready));
    }
    if !found.serving.is_empty() {
        return Ok(Members::Addresses(found.serving));
    }
    Err(found.nobody(key))
}

/// Slices that name no Service and so are read by nobody, in the namespaces of our Ingresses.
pub(super) fn stray(index: &Index<'_>, is_ours: impl Fn(&str) -> bool) -> Vec<Finding> {
    let ours = index.stray_slices.iter().filter(|slice| is_ours(namespace(&slice.metadata)));
    let finding = |slice: &&EndpointSlice| {
        Finding::new(
            Severity::Warning,
            "StrayEndpointSlice",
            reference("endpointslice", &slice.metadata),
            "metadata.labels",
            format!("there is no label {SERVICE_NAME}, so the slice belongs to no service and is not used"),
            format!("add {SERVICE_NAME} with the name of the service"),
        )
    };
    ours.map(finding).collect()
}

struct Found<'c> {
    options: &'c Options,
    protocol: StreamProtocol,
    /// The name of the Service's port; empty if it has none.
    name: &'c str,
    /// The number that the Service sends to, unless it is a name.
    target: Option<u16>,
    ready: Vec<SocketAddr>,
    serving: Vec<SocketAddr>,
    /// How many addresses there were at all, whatever became of them.
    seen: usize,
    /// How many of them were refused, or are no addresses.
    refused: usize,
    /// The names of the ports that did not fit.
    other_ports: Vec<String>,
    findings: Vec<Finding>,
}

impl<'c> Found<'c> {
    fn new(options: &'c Options, port: &'c ServicePort) -> Self {
        let target = match &port.target_port {
            // A Service that was never at an API server may leave its default out.
            None => Some(port.port),
            Some(IntOrString::Int(number)) => Some(*number),
            Some(IntOrString::String(text)) => text.parse().ok(),
        };
        let udp = speaks(port.protocol.as_deref(), StreamProtocol::Udp);
        Self {
            options,
            protocol: if udp { StreamProtocol::Udp } else { StreamProtocol::Tcp },
            name: port.name.as_deref().unwrap_or_default(),
            target: target.and_then(number),
            ready: Vec::new(),
            serving: Vec::new(),
            seen: 0,
            refused: 0,
            other_ports: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn slice(&mut self, slice: &EndpointSlice) {
        let object = reference("endpointslice", &slice.metadata);
        if slice.address_type == "FQDN" {
            self.seen += slice.endpoints.len();
            self.refused += slice.endpoints.len();
            self.findings.push(Finding::new(
                Severity::Warning,
                "FqdnEndpoints",
                object,
                "addressType",
                "\"FQDN\" is deprecated and has no defined meaning; the slice is skipped",
                "use a service of type ExternalName",
            ));
            return;
        }
        let ports = slice.ports.iter().flatten();
        let ports = ports.filter(|port| speaks(port.protocol.as_deref(), self.protocol));
        let ports: Vec<_> = ports.map(|port| (port.name.as_deref().unwrap_or_default(), port.port)).collect();
        let ports = self.ports(&ports);
        for (position, endpoint) in slice.endpoints.iter().enumerate() {
            let conditions = endpoint.conditions.as_ref();
            let ready = conditions.and_then(|conditions| conditions.ready);
            let serving = conditions.and_then(|conditions| conditions.serving).or(ready).unwrap_or(true);
            for (number, address) in endpoint.addresses.iter().enumerate() {
                let field = || format!("endpoints[{position}].addresses[{number}]");
                self.add(&object, field, address, &ports, (ready.unwrap_or(true), serving));
            }
        }
    }

    fn endpoints(&mut self, endpoints: &Endpoints) {
        let object = reference("endpoints", &endpoints.metadata);
        for (position, subset) in endpoints.subsets.iter().flatten().enumerate() {
            let ports = subset.ports.iter().flatten();
            let ports = ports.filter(|port| speaks(port.protocol.as_deref(), self.protocol));
            let ports: Vec<_> =
                ports.map(|port| (port.name.as_deref().unwrap_or_default(), Some(port.port))).collect();
            let ports = self.ports(&ports);
            for (number, address) in subset.addresses.iter().flatten().enumerate() {
                let field = || format!("subsets[{position}].addresses[{number}].ip");
                self.add(&object, field, &address.ip, &ports, (true, true));
            }
            self.seen += subset.not_ready_addresses.as_ref().map_or(0, Vec::len);
        }
    }

    /// The numbers at which the endpoints of one slice listen: those of the port with the name of the Service's port. A Service port
    /// without name takes the unnamed one, or any if there is none; if nothing fits, the number that the Service targets is taken.
    fn ports(&mut self, ports: &[(&str, Option<i32>)]) -> Vec<u16> {
        // A port without number stands for all ports.
        let numbers = |all: bool| -> Vec<u16> {
            let named = ports.iter().filter(|(name, _)| all || *name == self.name);
            named.filter_map(|(_, port)| port.map_or(self.target, number)).collect()
        };
        let mut fitting = numbers(false);
        if fitting.is_empty() && self.name.is_empty() {
            fitting = numbers(true);
        }
        if fitting.is_empty() {
            self.other_ports.extend(ports.iter().map(|(name, _)| (*name).to_owned()));
            fitting.extend(self.target);
        }
        fitting
    }

    fn add(
        &mut self,
        object: &ObjectRef,
        field: impl Fn() -> String,
        text: &str,
        ports: &[u16],
        (ready, serving): (bool, bool),
    ) {
        self.seen += 1;
        let address = match text.parse::<IpAddr>() {
            Ok(address) => match address::refusal(address, self.options) {
                None => Ok(address.to_canonical()),
                Some(refusal) => Err(("RefusedAddress", refusal)),
            },
            Err(_) => Err(("InvalidAddress", "is not an IP address")),
        };
        let address = match address {
            Ok(address) => address,
            Err((reason, why)) => {
                self.refused += 1;
                let message = format!("{} {why}; the endpoint is skipped", quoted(text));
                let remedy = "write the address of a pod or of another machine";
                let object = object.clone();
                self.findings.push(Finding::new(Severity::Error, reason, object, field(), message, remedy));
                return;
            }
        };
        let addresses = ports.iter().map(|&port| SocketAddr::new(address, port));
        if ready {
            self.ready.extend(addresses);
        } else if serving {
            self.serving.extend(addresses);
        }
    }

    fn nobody(mut self, (namespace, name): Key<'_>) -> Problem {
        let service = format!("service {namespace}/{name}");
        self.other_ports.sort();
        self.other_ports.dedup();
        let (message, remedy) = if self.seen == 0 {
            let remedy = "start pods that its selector matches, or add endpoints to its EndpointSlice";
            (format!("{service} has no endpoints"), remedy.to_owned())
        } else if self.refused == self.seen {
            (
                format!("every endpoint of {service} is refused"),
                "see the finding of its EndpointSlice".to_owned(),
            )
        } else if !self.other_ports.is_empty() && self.target.is_none() {
            let has: Vec<_> = self.other_ports.iter().map(|name| quoted(name)).collect();
            let has = has.join(", ");
            (
                format!(
                    "no EndpointSlice of {service} has a {} port named {}",
                    self.protocol.name(),
                    quoted(self.name)
                ),
                format!("give the port of the slice that name; it has: {has}"),
            )
        } else {
            let all = self.seen - self.refused;
            (
                format!("none of the {all} endpoints of {service} is ready"),
                "see why its pods are not ready".to_owned(),
            )
        };
        Problem { reason: NOBODY, port: false, message, remedy }
    }
}

fn no_slices(service: &Service, (namespace, name): Key<'_>) -> Problem {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let remedy = if selector.is_some_and(|selector| !selector.is_empty()) {
        "start pods that its selector matches".to_owned()
    } else {
        format!("add an EndpointSlice with the label {SERVICE_NAME}: {name}")
    };
    let message = format!("service {namespace}/{name} has no EndpointSlice");
    Problem { reason: NOBODY, port: false, message, remedy }
}

/// A port number that can be connected to.
fn number(port: i32) -> Option<u16> {
    u16::try_from(port).ok().filter(|&port| port != 0)
}
