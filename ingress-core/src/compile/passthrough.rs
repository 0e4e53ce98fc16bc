//! Hosts whose TLS goes to an endpoint as it is (`ssl-passthrough`): to that of their path `/`.
//!
//! Over plain HTTP such a host is served as any other. What its annotations ask for beyond that cannot be done to connections that nobody
//! opens, so somebody is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashSet;

use super::Options;
use super::class::Served;
use super::client_auth::Servers;
use super::owners::{Owners, hosts};
use super::policies::{field, ignored};
use super::report::Finding;
use crate::annotation::{self, Effect, PREFIX};
use crate::route::{Backend, HostPattern, Route, RouteTable};
use crate::tls::{Guard, Passthrough, TlsTableBuilder};

const NAME: &str = "ssl-passthrough";
const SEND_PROXY: &str = "ssl-passthrough-proxy-protocol";

/// Adds the hosts of all Ingresses that ask for it.
pub(super) fn add(
    mut table: TlsTableBuilder,
    (served, owners): (&[Served<'_>], &Owners<'_, '_>),
    options: &Options,
    (servers, routes): (&Servers, &RouteTable),
    findings: &mut Vec<Finding>,
) -> TlsTableBuilder {
    let mut asked: BTreeMap<HostPattern, (&Served<'_>, bool)> = BTreeMap::new();
    for ingress in served {
        let (passthrough, send_proxy, invalid) = annotation::passthrough(ingress.annotations);
        findings.extend(invalid.iter().map(|invalid| ignored(ingress, invalid)));
        if passthrough != Some(true) {
            if send_proxy {
                let message = "it does nothing without ssl-passthrough";
                findings.push(ingress.warning(
                    "NoEffect",
                    field(SEND_PROXY),
                    message,
                    "add ssl-passthrough, or remove it",
                ));
            }
        } else if !options.ssl_passthrough {
            let message = "it needs --enable-ssl-passthrough, so TLS ends here as usual";
            let remedy = "run the controller with the flag, or remove the annotation";
            findings.push(ingress.warning("PassthroughDisabled", field(NAME), message, remedy));
        } else {
            for host in hosts(ingress) {
                match refusal(ingress, &host, owners) {
                    None => drop(asked.entry(host).or_insert((ingress, send_proxy))),
                    Some(finding) => findings.push(finding),
                }
            }
        }
    }
    // What is said of the annotations of an Ingress is the same for all of its hosts.
    let mut told = HashSet::new();
    for (host, (ingress, send_proxy)) in asked {
        match upstream(&host, owners, servers, routes) {
            Ok(name) => {
                if told.insert(&ingress.object) {
                    findings.extend(ineffective(ingress));
                }
                findings.extend(other_paths(ingress, &host, routes));
                table = table.passthrough(host, Passthrough::new(name.clone(), send_proxy));
            }
            Err((why, remedy)) => {
                let message = format!("{why}, so TLS of host {host} ends here as usual");
                findings.push(ingress.error("PassthroughWithoutRoot", field(NAME), message, remedy));
            }
        }
    }
    table
}

/// Why an Ingress cannot ask for it for a host, if so.
fn refusal(ingress: &Served<'_>, host: &HostPattern, owners: &Owners<'_, '_>) -> Option<Finding> {
    let (reason, message, remedy) = if *host == HostPattern::Any {
        (
            "PassthroughWithoutHost",
            "rules without a host cannot be told by the name in a handshake".to_owned(),
            "name the hosts",
        )
    } else if !owners.owns(ingress, host) {
        let message =
            format!("host {host} belongs to another namespace, so its TLS cannot be passed on from here");
        (
            "ForeignHost",
            message,
            "ask for it in the namespace whose ingress names the host first, or use a host of your own",
        )
    } else {
        return None;
    };
    Some(ingress.warning(reason, field(NAME), message, remedy))
}

/// The upstream of the path `/` of a host; or why there is none, and the way out.
fn upstream<'t>(
    host: &HostPattern,
    owners: &Owners<'_, '_>,
    servers: &Servers,
    routes: &'t RouteTable,
) -> Result<&'t Arc<str>, (&'static str, &'static str)> {
    const ROOT: &str = "give the host a path \"/\" of type Prefix in its own namespace";
    if servers.get(host).is_some_and(|server| matches!(server.client_auth, Some(Guard::Denied(_)))) {
        return Err((
            "the client certificates that are asked for cannot be had",
            "correct the auth-tls annotations",
        ));
    }
    let all = routes.pattern(host).map(|host| host.routes()).unwrap_or_default();
    let root =
        all.iter().find(|route| is_root(route)).ok_or(("there is no path \"/\" of type Prefix", ROOT))?;
    let namespace = root.ingress.as_ref().map(|ingress| &*ingress.namespace);
    match &root.backend {
        _ if namespace != owners.namespace(host) => {
            Err(("the path \"/\" is that of another namespace", ROOT))
        }
        Backend::Upstream(name) => Ok(name),
        Backend::Denied(_) => Err(("the path \"/\" is not served", "see to that path")),
    }
}

fn is_root(route: &Route) -> bool {
    !route.path.is_exact() && route.path.normal() == "/"
}

/// Says that other paths are not told apart.
fn other_paths(ingress: &Served<'_>, host: &HostPattern, routes: &RouteTable) -> Option<Finding> {
    let all = routes.pattern(host).map(|host| host.routes()).unwrap_or_default();
    let other = all.iter().find(|route| !is_root(route))?;
    let message = format!(
        "all TLS of host {host} goes to the backend of its path \"/\"; other paths, such as {:?}, are found over plain HTTP only",
        other.path.as_str()
    );
    Some(ingress.warning("PassthroughIneffective", field(NAME), message, "give them a host of their own"))
}

/// Says which annotations hold over plain HTTP only.
fn ineffective(ingress: &Served<'_>) -> Option<Finding> {
    const NAMED: usize = 10;
    let names = ingress.annotations.keys().filter_map(|key| key.strip_prefix(PREFIX));
    let names = names.filter(|name| *name != NAME && *name != SEND_PROXY).filter(|name| {
        annotation::find(name).is_some_and(|known| !matches!(known.effect, Effect::Needless | Effect::Canary))
    });
    let mut names: Vec<_> = names.collect();
    if names.is_empty() {
        return None;
    }
    // What keeps somebody out comes first.
    names.sort_by_key(|name| (!name.starts_with("auth-"), *name));
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    names.truncate(NAMED);
    let message = format!(
        "nobody opens these connections, so other annotations hold over plain HTTP only: {}{more}",
        names.join(", ")
    );
    let remedy = "let the endpoint do it, or remove ssl-passthrough";
    Some(ingress.warning("PassthroughIneffective", field(NAME), message, remedy))
}
