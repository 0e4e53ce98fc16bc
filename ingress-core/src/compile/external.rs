//! Services of type ExternalName.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::index::reference;
use super::members::{Members, Problem, ports};
use super::report::quoted;
use super::rules::Port;
use super::{Options, address};
use crate::stream::StreamProtocol;

/// Where an ExternalName leads: to whatever addresses the proxy will find for the name, or to the address if it is one.
///
/// A name of this machine is refused here; the proxy must look at each address that it resolves too, as any name may lead here.
pub(super) fn members(
    service: &Service,
    (port, protocol): (Port<'_>, StreamProtocol),
    options: &Options,
) -> Result<Members, Problem> {
    let object = reference("service", &service.metadata);
    let refuse = |message: String, remedy: &str| Problem {
        reason: "ExternalName",
        port: false,
        message,
        remedy: remedy.to_owned(),
    };
    if options.disable_external_name {
        let message = format!("{object} is of type ExternalName, which --disable-svc-external-name forbids");
        return Err(refuse(message, "use endpoints instead, or remove the flag"));
    }
    let text = service.spec.as_ref().and_then(|spec| spec.external_name.as_deref()).unwrap_or_default();
    let number = number(service, port, protocol).ok_or_else(|| Problem {
        reason: "UnknownPort",
        port: true,
        message: format!("{object} has no {} port {}", protocol.name(), quoted(&port.to_string())),
        remedy: "give a number from 1 to 65535, or the name of a port of the service".to_owned(),
    })?;
    if let Ok(ip) = text.parse::<IpAddr>() {
        return match address::refusal(ip, options) {
            Some(refusal) => {
                let message = format!("spec.externalName {} of {object} {refusal}", quoted(text));
                Err(refuse(message, "name another machine"))
            }
            None => Ok(Members::Addresses(vec![SocketAddr::new(ip.to_canonical(), number)])),
        };
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        let message = format!("spec.externalName {} of {object} is this machine itself", quoted(text));
        return Err(refuse(message, "name another machine, or list the address in an EndpointSlice"));
    }
    if !is_name(&name) {
        let message = format!("spec.externalName {} of {object} is not a DNS name", quoted(text));
        return Err(refuse(message, "write a DNS name"));
    }
    Ok(Members::Dns(name, number))
}

/// The numeric target of the port, else its number; a number that the Service does not list is taken as it is.
fn number(service: &Service, port: Port<'_>, protocol: StreamProtocol) -> Option<u16> {
    let listed = ports(service, protocol).find(|candidate| match port {
        Port::Number(number) => candidate.port == number,
        Port::Name(name) => candidate.name.as_deref() == Some(name),
    });
    let number = match (listed, port) {
        (Some(listed), _) => match &listed.target_port {
            Some(IntOrString::Int(target)) if *target != 0 => *target,
            Some(IntOrString::String(target)) => target.parse().unwrap_or(listed.port),
            _ => listed.port,
        },
        (None, Port::Number(number)) => number,
        (None, Port::Name(_)) => return None,
    };
    u16::try_from(number).ok().filter(|&number| number != 0)
}

/// A DNS name. One that ends in a number is none: resolvers read `127.1` as an address.
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    name.len() <= 253 && name.split('.').all(label) && !numeric
}
