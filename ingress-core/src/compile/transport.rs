//! How the endpoints of each route are spoken to: `backend-protocol`, `appProtocol`, `proxy-ssl-*`.
//!
//! Security comes before what ingress-nginx does: whoever asks for endpoints to be checked gets 503 if they cannot be. Such a defect also
//! denies the routes of other Ingresses that would have been checked by it.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::class::Served;
use super::policies::{field, ignored};
use super::report::Finding;
use super::secrets::Secrets;
use super::upstream_secrets::{self, Defect, Material};
use crate::annotation::{self, PREFIX, value};
use crate::config_map::Global;
use crate::policy::{Protocol, Transport};
use crate::route::{HostPattern, RouteTable};
use crate::tls::{Guard, UpstreamTls};

/// TLS towards endpoints, or why nobody may be spoken to.
type Tls = Guard<Arc<UpstreamTls>>;

/// The transports of one compile.
pub(super) struct Transports<'c> {
    /// Of each Ingress, in the same order.
    own: Vec<Own>,
    /// What holds on a host for Ingresses of a namespace without TLS of their own: that of the first that names an authority.
    hosts: HashMap<(HostPattern, &'c str), Tls>,
}

#[derive(Default)]
struct Own {
    /// What the annotation says.
    protocol: Option<Protocol>,
    tls: Option<Tls>,
}

impl<'c> Transports<'c> {
    /// Reads the annotations. Parts of the table before that are the same are taken over.
    pub(super) fn read(
        served: &'c [Served<'_>],
        global: &Global,
        secrets: &mut Secrets<'_>,
        earlier: &RouteTable,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let mut transports = Self { own: Vec::with_capacity(served.len()), hosts: HashMap::new() };
        for ingress in served {
            let mut own = Own { protocol: protocol(ingress), tls: None };
            if let Some(asked) = Asked::read(ingress, global, secrets, findings) {
                let tls = match asked.tls {
                    Guard::Ready(tls) => Guard::Ready(held(earlier, ingress, tls)),
                    denied @ Guard::Denied(_) => denied,
                };
                if asked.for_hosts {
                    transports.inherit(ingress, &tls);
                }
                own.tls = Some(tls);
            }
            transports.own.push(own);
        }
        transports
    }

    /// Lets the Ingress decide for hosts for which nobody does yet.
    fn inherit(&mut self, ingress: &'c Served<'_>, tls: &Tls) {
        for rule in ingress.spec.rules.iter().flatten() {
            if let Ok(host) = HostPattern::parse(rule.host.as_deref().unwrap_or_default()) {
                let key = (host, &*ingress.object.namespace);
                self.hosts.entry(key).or_insert_with(|| tls.clone());
            }
        }
    }

    /// Why no route of an Ingress may be served, if so; its number is that of its place in the order.
    pub(super) fn denied(&self, ingress: usize) -> Option<&Arc<str>> {
        match &self.own.get(ingress)?.tls {
            Some(Guard::Denied(reason)) => Some(reason),
            _ => None,
        }
    }

    /// The transport of a route of an Ingress, whose Service says that it speaks `app`; or why there can be none.
    pub(super) fn of(
        &self,
        (number, ingress): (usize, &'c Served<'_>),
        host: &HostPattern,
        app: Option<Protocol>,
    ) -> Guard<Transport> {
        let own = self.own.get(number);
        let protocol = own.and_then(|own| own.protocol).or(app).unwrap_or_default();
        let inherited = || match protocol.has_tls() && !self.hosts.is_empty() {
            true => self.hosts.get(&(host.clone(), &*ingress.object.namespace)),
            false => None,
        };
        match own.and_then(|own| own.tls.as_ref()).or_else(inherited) {
            None => Guard::Ready(Transport::new(protocol)),
            Some(Guard::Ready(tls)) => Guard::Ready(Transport { protocol, tls: tls.clone() }),
            Some(Guard::Denied(reason)) => Guard::Denied(reason.clone()),
        }
    }
}

/// What `backend-protocol` says; one that is not spoken stands for HTTP.
fn protocol(ingress: &Served<'_>) -> Option<Protocol> {
    let text = value(ingress.annotations, "backend-protocol").filter(|text| !text.is_empty())?;
    Some(annotation::protocol(text).unwrap_or_default())
}

/// What the `appProtocol` of a Service's port says: the values that Kubernetes documents, and `grpc`, which it does not but others read.
pub(super) fn app_protocol(name: &str) -> Option<Protocol> {
    match name.to_ascii_lowercase().as_str() {
        "http" | "ws" | "kubernetes.io/ws" => Some(Protocol::Http),
        "https" | "wss" | "kubernetes.io/wss" => Some(Protocol::Https),
        "grpc" | "kubernetes.io/h2c" => Some(Protocol::Grpc),
        _ => None,
    }
}

/// The TLS that an Ingress asks for.
struct Asked {
    tls: Tls,
    /// An authority vouches for the endpoints, or was to; and that is not for this Ingress alone.
    for_hosts: bool,
}

impl Asked {
    /// As in ingress-nginx nothing holds without a Secret; but who asks for a check is denied then.
    fn read(
        ingress: &Served<'_>,
        global: &Global,
        secrets: &mut Secrets<'_>,
        findings: &mut Vec<Finding>,
    ) -> Option<Self> {
        let shared = !global.proxy_ssl_location_only;
        let values = ingress.annotations;
        let mut names = values.keys().filter_map(|key| key.strip_prefix(PREFIX)?.strip_prefix("proxy-ssl-"));
        let first = annotation::find(&format!("proxy-ssl-{}", names.next()?))?.name;
        let (tls, invalid) = annotation::upstream_tls(values);
        findings.extend(invalid.iter().map(|invalid| ignored(ingress, invalid)));
        let verify = tls.verify;
        let secret = value(values, "proxy-ssl-secret").map(str::trim).filter(|name| !name.is_empty());
        let (name, outcome) = match secret {
            Some(secret) => {
                let cross_namespace = global.allow_cross_namespace;
                let material = upstream_secrets::read(secrets, &ingress.object, secret, cross_namespace);
                ("proxy-ssl-secret", with_secret(tls, material))
            }
            None if verify => {
                let message = "endpoints are to be checked, and no secret with ca.crt is named";
                ("proxy-ssl-verify", Err(Defect::new("Denied", message)))
            }
            None => {
                let message = "it has no effect without proxy-ssl-secret, as in ingress-nginx";
                let remedy = "name a secret with ca.crt, or with tls.crt and tls.key, or remove it";
                findings.push(ingress.warning("NoEffect", field(first), message, remedy));
                return None;
            }
        };
        Some(match outcome {
            Ok(tls) => Self { for_hosts: shared && tls.trust.is_some(), tls: Guard::Ready(Arc::new(tls)) },
            Err(defect) => {
                let for_hosts = shared && secret.is_some() && verify;
                let whose = match for_hosts {
                    true => {
                        "this ingress, and those of its namespace and hosts that rely on it for TLS to endpoints,"
                    }
                    false => "this ingress",
                };
                let message = format!("{}; all paths of {whose} are answered 503", defect.message);
                findings.push(ingress.error(defect.reason, field(name), message, defect.remedy));
                let reason = format!("annotation {PREFIX}{name}: {}", defect.message);
                Self { tls: Guard::Denied(reason.into()), for_hosts }
            }
        })
    }
}

fn with_secret(tls: UpstreamTls, material: Result<Material, Defect>) -> Result<UpstreamTls, Defect> {
    let Material { certificate, trust } = material?;
    match tls.verify && trust.is_none() {
        true => {
            Err(Defect::new("InvalidSecret", "endpoints are to be checked, and the secret has no ca.crt"))
        }
        false => Ok(UpstreamTls { certificate, trust, ..tls }),
    }
}

/// The same as in the table before, if it is there.
fn held(earlier: &RouteTable, ingress: &Served<'_>, tls: Arc<UpstreamTls>) -> Arc<UpstreamTls> {
    let rules = ingress.spec.rules.iter().flatten();
    let hosts = rules.filter_map(|rule| HostPattern::parse(rule.host.as_deref().unwrap_or_default()).ok());
    // A host of many rules is looked at once.
    let hosts: HashSet<_> = hosts.collect();
    let routes = hosts.iter().filter_map(|host| earlier.pattern(host)).flat_map(|host| host.routes());
    let mut own = routes.filter(|route| route.ingress.as_ref() == Some(&ingress.object));
    own.find(|route| route.transport.tls == tls).map_or(tls, |route| route.transport.tls.clone())
}
