//! What is asked of the clients of each host, and its ciphers.
//!
//! These settings hold for a host, not for a path. The rules of ingress-nginx, made safe:
//!
//! * Only the namespace that the host belongs to sets them. Whoever else asks for client certificates cannot have them, and is not served
//!   without.
//! * The oldest Ingress that asks for client certificates and can have them decides. A younger one that asks for more is not served.
//! * If client certificates cannot be asked for, for whatever reason, the host is closed: all of it, as nobody can tell who may pass.
//! * Ciphers are those of the first Ingress that names the host.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::class::Served;
use super::owners::{Owners, hosts};
use super::patterns::Patterns;
use super::policies::{Policies, field, ignored};
use super::report::Finding;
use super::secrets::{Defect, Explained, Secrets};
use crate::annotation::{self, AskedClientAuth, CLIENT_AUTH_SECRET, MATCH_CN, PREFIX, Unmet};
use crate::route::HostPattern;
use crate::tls::{CipherSuite, ClientAuth, Guard, ServerTls};

/// The settings of all hosts that have any.
pub(super) type Servers = BTreeMap<HostPattern, ServerTls>;

/// What is needed to tell what can be had.
pub(super) struct Hosts<'c, 'o> {
    pub(super) served: &'c [Served<'o>],
    pub(super) owners: &'c Owners<'c, 'o>,
    /// Annotations may name Secrets of other namespaces.
    pub(super) cross_namespace: bool,
}

/// What an Ingress says about its hosts.
#[derive(Default)]
struct Said {
    /// What it asks of clients; or why nobody may pass.
    client_auth: Option<Result<ClientAuth, Arc<str>>>,
    ciphers: Option<Vec<CipherSuite>>,
    prefer_server_ciphers: Option<bool>,
}

impl Hosts<'_, '_> {
    /// Reads the settings, and denies the Ingresses that cannot have the client certificates that they ask for.
    pub(super) fn servers(
        &self,
        policies: &mut [Policies],
        (secrets, patterns): (&mut Secrets<'_>, &mut Patterns),
        findings: &mut Vec<Finding>,
    ) -> Servers {
        let mut by_host: BTreeMap<HostPattern, Vec<(usize, Arc<Said>)>> = BTreeMap::new();
        for (index, (ingress, policies)) in self.served.iter().zip(policies.iter_mut()).enumerate() {
            let Some(said) = self.said(ingress, (secrets, patterns), findings) else { continue };
            if let Some(Err(reason)) = &said.client_auth {
                policies.deny(ingress, reason, findings);
            }
            let said = Arc::new(said);
            for host in hosts(ingress) {
                let all = by_host.entry(host).or_default();
                if all.last().is_none_or(|(last, _)| *last != index) {
                    all.push((index, said.clone()));
                }
            }
        }
        let hosts = by_host.into_iter().map(|(host, said)| {
            let server = self.server(&host, &said, policies, findings);
            (host, server)
        });
        hosts.filter(|(_, server)| *server != ServerTls::default()).collect()
    }

    /// What the annotations of an Ingress come to; `None` for most.
    fn said(
        &self,
        ingress: &Served<'_>,
        (secrets, patterns): (&mut Secrets<'_>, &mut Patterns),
        findings: &mut Vec<Finding>,
    ) -> Option<Said> {
        let values = ingress.annotations;
        let about = |name: &str| name.starts_with("auth-tls-") || name.starts_with("ssl-");
        values.keys().find(|key| key.strip_prefix(PREFIX).is_some_and(about))?;
        let (asked, mut invalid) = annotation::client_auth(values);
        let (ciphers, more) = annotation::ciphers(values);
        invalid.extend(more);
        let (prefer_server_ciphers, more) = annotation::prefer_server_ciphers(values);
        invalid.extend(more);
        findings.extend(invalid.iter().map(|invalid| ignored(ingress, invalid)));
        let client_auth = match asked {
            Ok(None) => None,
            Ok(Some(asked)) => Some(self.client_auth(ingress, &asked, (secrets, patterns))),
            Err(unmet) => Some(Err(denied(unmet))),
        };
        let client_auth = client_auth.map(|result| {
            result.map_err(|(reason, Unmet { name, message, remedy })| {
                let text = format!("annotation {PREFIX}{name}: {message}");
                let message = format!(
                    "{message}; all paths of this ingress are answered 503, and all others of its hosts that belong to its namespace 403"
                );
                findings.push(ingress.error(reason, field(name), message, remedy));
                text.into()
            })
        });
        let said = Said { client_auth, ciphers, prefer_server_ciphers };
        let nothing = said.client_auth.is_none() && said.ciphers.is_none() && prefer_server_ciphers.is_none();
        (!nothing).then_some(said)
    }

    /// Builds what is asked for, or says why it cannot be: the reason in one word, and the annotation.
    fn client_auth(
        &self,
        ingress: &Served<'_>,
        asked: &AskedClientAuth<'_>,
        (secrets, patterns): (&mut Secrets<'_>, &mut Patterns),
    ) -> Result<ClientAuth, (&'static str, Unmet)> {
        let secret = &asked.secret;
        if secret.namespace != ingress.object.namespace && !self.cross_namespace {
            let message = format!("secret {secret} is in another namespace");
            let remedy = "copy the secret into this namespace, or set allow-cross-namespace-resources in the ConfigMap";
            return Err(denied(Unmet::new(CLIENT_AUTH_SECRET, message, remedy)));
        }
        let key = (&*secret.namespace, &*secret.name);
        let trust = secrets.trust(key).map_err(|defect: Defect| {
            let remedy = "give it the authorities of the clients as ca.crt, in PEM";
            let Explained { reason, message, remedy } = defect.explain(key, remedy);
            (reason, Unmet::new(CLIENT_AUTH_SECRET, message, remedy))
        })?;
        let mut auth = ClientAuth::new(trust);
        auth.verify = asked.verify;
        auth.depth = asked.depth;
        auth.error_page = asked.error_page.map(Arc::from);
        auth.pass_certificate = asked.pass_certificate;
        auth.match_subject = match asked.match_subject {
            None => None,
            Some(text) => Some(patterns.get(text).map_err(|error| {
                let message = format!("the regular expression cannot be used: {error}");
                let remedy = "write it without look-around and back references, and shorter";
                denied(Unmet::new(MATCH_CN, message, remedy))
            })?),
        };
        Ok(auth)
    }

    /// What holds for a host of what all its Ingresses say, those that were first in front.
    fn server(
        &self,
        host: &HostPattern,
        said: &[(usize, Arc<Said>)],
        policies: &mut [Policies],
        findings: &mut Vec<Finding>,
    ) -> ServerTls {
        let mut server = ServerTls::default();
        for (index, said) in said {
            let (Some(ingress), Some(policies)) = (self.served.get(*index), policies.get_mut(*index)) else {
                continue;
            };
            if self.owners.first(host) == Some(*index) {
                server.ciphers.clone_from(&said.ciphers);
                server.prefer_server_ciphers = said.prefer_server_ciphers;
            } else if said.ciphers.is_some() || said.prefer_server_ciphers.is_some() {
                findings.push(not_first(ingress, host, said));
            }
            let Some(asked) = &said.client_auth else { continue };
            if self.owners.owns(ingress, host) {
                settle(&mut server, asked, (ingress, host, policies), findings);
            } else if asked.is_ok() {
                let message = format!(
                    "host {host} belongs to another namespace, so it cannot ask for client certificates"
                );
                let remedy = "ask for them in the namespace whose ingress names the host first, or use a host of your own";
                refuse("ForeignHost", &message, remedy, (ingress, policies), findings);
            }
        }
        server
    }
}

/// Adds what one more Ingress of the owner asks for.
fn settle(
    server: &mut ServerTls,
    asked: &Result<ClientAuth, Arc<str>>,
    (ingress, host, policies): (&Served<'_>, &HostPattern, &mut Policies),
    findings: &mut Vec<Finding>,
) {
    match (asked, &server.client_auth) {
        (_, Some(Guard::Denied(_))) => {}
        (Err(reason), _) => server.client_auth = Some(Guard::Denied(reason.clone())),
        (Ok(asked), None) => server.client_auth = Some(Guard::Ready(Arc::new(asked.clone()))),
        (Ok(asked), Some(Guard::Ready(held))) if **held == *asked => {}
        (Ok(asked), Some(Guard::Ready(held))) if is_enough(held, asked) => {
            let message = format!(
                "an older ingress of host {host} asks for client certificates in another way, which holds"
            );
            let remedy = "write the same auth-tls annotations on all ingresses of a host, or on one";
            findings.push(ingress.warning("HostSettingIgnored", field(CLIENT_AUTH_SECRET), message, remedy));
        }
        (Ok(_), Some(Guard::Ready(_))) => {
            let message = format!(
                "an older ingress of host {host} asks for client certificates in another way, by which others would get through"
            );
            let remedy = "write the same auth-tls annotations on all ingresses of a host";
            refuse("HostSettingIgnored", &message, remedy, (ingress, policies), findings);
        }
    }
}

/// True if nobody gets through by the one whom the other would keep out.
fn is_enough(held: &ClientAuth, asked: &ClientAuth) -> bool {
    held.trust == asked.trust
        && held.verify <= asked.verify
        && held.depth <= asked.depth
        && (asked.match_subject.is_none() || held.match_subject == asked.match_subject)
}

/// Denies an Ingress that is not served without client certificates.
fn refuse(
    reason: &'static str,
    message: &str,
    remedy: &str,
    (ingress, policies): (&Served<'_>, &mut Policies),
    findings: &mut Vec<Finding>,
) {
    let text = format!("annotation {PREFIX}{CLIENT_AUTH_SECRET}: {message}");
    policies.deny(ingress, &text.into(), findings);
    let message = format!("{message}; all paths of this ingress are answered 503");
    findings.push(ingress.error(reason, field(CLIENT_AUTH_SECRET), message, remedy));
}

fn denied(unmet: Unmet) -> (&'static str, Unmet) {
    ("Denied", unmet)
}

fn not_first(ingress: &Served<'_>, host: &HostPattern, said: &Said) -> Finding {
    let name = if said.ciphers.is_some() { "ssl-ciphers" } else { "ssl-prefer-server-ciphers" };
    let message = format!("host {host} has its ciphers from the ingress that names it first; ignored there");
    ingress.warning("HostSettingIgnored", field(name), message, "move it to that ingress")
}
