//! TCP and UDP services: the ConfigMaps that the options name, a port of ours in each key.

use std::sync::Arc;

use super::global::config_map;
use super::report::{Finding, ObjectRef, Severity, quoted};
use super::rules::Port;
use super::services::{Services, Wanted};
use super::{Objects, Options};
use crate::route::ObjectName;
use crate::stream::{Stream, StreamProtocol};

/// Opens a port for each entry that can be read and whose Service has the port that it names. An entry that cannot be served is left out,
/// with a finding.
pub(super) fn read<'c>(
    objects: &'c Objects,
    options: &'c Options,
    earlier: &Arc<[Stream]>,
    services: &mut Services<'c>,
    findings: &mut Vec<Finding>,
) -> Arc<[Stream]> {
    let mut streams = Vec::new();
    for (protocol, flag, map) in [
        (StreamProtocol::Tcp, "--tcp-services-configmap", &options.tcp_services),
        (StreamProtocol::Udp, "--udp-services-configmap", &options.udp_services),
    ] {
        let Some(map) = map else { continue };
        let Some(found) = config_map(objects, map, (flag, "no port is opened"), findings) else { continue };
        for (key, value) in found.data.iter().flatten() {
            let entry = Entry { protocol, map, key };
            match entry.stream(value.trim(), options, services, findings) {
                Ok(stream) => streams.push(stream),
                Err(refused) => findings.push(entry.finding(
                    Severity::Error,
                    refused.reason,
                    format!("{}; the port is not opened", refused.message),
                    refused.remedy,
                )),
            }
        }
    }
    streams.sort_unstable();
    if *streams == **earlier { earlier.clone() } else { streams.into() }
}

/// One key of a ConfigMap.
struct Entry<'c> {
    protocol: StreamProtocol,
    map: &'c ObjectName,
    key: &'c str,
}

struct Refused {
    reason: &'static str,
    message: String,
    remedy: String,
}

impl<'c> Entry<'c> {
    fn stream(
        &self,
        value: &'c str,
        options: &Options,
        services: &mut Services<'c>,
        findings: &mut Vec<Finding>,
    ) -> Result<Stream, Refused> {
        let number = self.number(options)?;
        let target = Target::parse(value).ok_or_else(|| Refused {
            reason: "InvalidStream",
            message: format!("{} is no service with a port", quoted(value)),
            remedy: "write namespace/service:port, and for TCP :PROXY behind it to accept a PROXY header, or :PROXY:PROXY to send one too"
                .to_owned(),
        })?;
        let namespace = target.namespace;
        if !options.watch_namespace.is_empty() && options.watch_namespace != namespace {
            return Err(Refused {
                reason: "UnknownService",
                message: format!("namespace {} is not the watched one", quoted(namespace)),
                remedy: "name a service of the watched namespace, or change --watch-namespace".to_owned(),
            });
        }
        let wanted =
            Wanted { namespace, service: target.service, port: target.port, protocol: self.protocol };
        let upstream = services.of_stream((self.map, number), wanted);
        let upstream = upstream.map_err(|problem| Refused {
            reason: problem.reason,
            message: problem.message.clone(),
            remedy: problem.remedy.clone(),
        })?;
        let mut stream = Stream::new(self.protocol, number, upstream);
        match self.protocol {
            StreamProtocol::Tcp => {
                (stream.accept_proxy, stream.send_proxy) = (target.accept_proxy, target.send_proxy);
            }
            StreamProtocol::Udp if target.accept_proxy || target.send_proxy => findings.push(self.finding(
                Severity::Warning,
                "InvalidStream",
                "PROXY headers are for TCP only; ignored".to_owned(),
                "remove PROXY".to_owned(),
            )),
            StreamProtocol::Udp => {}
        }
        Ok(stream)
    }

    /// The port of ours. Only its plain form is one, so that no two keys are the same port.
    fn number(&self, options: &Options) -> Result<u16, Refused> {
        let number = self.key.parse::<u16>().ok();
        let number = number.filter(|number| *number != 0 && number.to_string() == self.key);
        let number = number.ok_or_else(|| Refused {
            reason: "InvalidPort",
            message: format!("{} is no port", quoted(self.key)),
            remedy: "write a number from 1 to 65535".to_owned(),
        })?;
        if options.reserved_ports.contains(&number) {
            return Err(Refused {
                reason: "ReservedPort",
                message: format!("port {number} is one of the controller's own"),
                remedy: "choose another one, or give the controller others by its flags".to_owned(),
            });
        }
        Ok(number)
    }

    fn finding(&self, severity: Severity, reason: &'static str, message: String, remedy: String) -> Finding {
        let object = ObjectRef::new("configmap", &*self.map.namespace, &*self.map.name);
        let key: String = self.key.chars().take(80).collect();
        Finding::new(severity, reason, object, format!("data[{key}]"), message, remedy)
    }
}

/// What an entry leads to.
#[derive(Debug, PartialEq, Eq)]
struct Target<'c> {
    namespace: &'c str,
    service: &'c str,
    port: Port<'c>,
    accept_proxy: bool,
    send_proxy: bool,
}

impl<'c> Target<'c> {
    /// Reads `namespace/service:port[:PROXY[:PROXY]]`. Either PROXY may be left empty.
    fn parse(value: &'c str) -> Option<Self> {
        let mut parts = value.split(':');
        let (namespace, service) = parts.next()?.split_once('/')?;
        let port = parts.next().filter(|port| !port.is_empty())?;
        let port = port.parse().map_or(Port::Name(port), Port::Number);
        let mut proxy = || match parts.next() {
            None | Some("") => Some(false),
            Some(word) => word.eq_ignore_ascii_case("PROXY").then_some(true),
        };
        let (accept_proxy, send_proxy) = (proxy()?, proxy()?);
        let whole =
            !namespace.is_empty() && !service.is_empty() && !service.contains('/') && parts.next().is_none();
        whole.then_some(Self { namespace, service, port, accept_proxy, send_proxy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_of_an_entry() {
        let target = |port, accept_proxy, send_proxy| {
            Some(Target { namespace: "a", service: "b", port, accept_proxy, send_proxy })
        };
        let (number, name) = (Port::Number(80), Port::Name("dns"));
        for (text, expected) in [
            ("a/b:80", target(number, false, false)),
            ("a/b:dns", target(name, false, false)),
            ("a/b:80:PROXY", target(number, true, false)),
            ("a/b:80:proxy:Proxy", target(number, true, true)),
            ("a/b:80::PROXY", target(number, false, true)),
            ("a/b:dns:", target(name, false, false)),
            ("", None),
            ("b:80", None),
            ("a/b", None),
            ("a/b:", None),
            ("/b:80", None),
            ("a/:80", None),
            ("a/b/c:80", None),
            ("a/b:80:PROXXY", None),
            ("a/b:80:PROXY:PROXY:PROXY", None),
        ] {
            assert_eq!(Target::parse(text), expected, "{text}");
        }
    }
}
