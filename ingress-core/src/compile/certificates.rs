//! Which certificate each host presents: that of `spec.tls` of the first Ingress that has one, in the order and by the rules of
//! ingress-nginx.
//!
//! The entry that lists the host decides, or, where none does, the first whose certificate covers it. Whatever is wrong with it, the host
//! keeps its place in the table: the default certificate stands in there, and plain requests are redirected all the same.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use k8s_openapi::api::networking::v1::IngressTLS;
use k8s_openapi::jiff::Timestamp;

use super::Options;
use super::class::Served;
use super::index::Key;
use super::owners::{Owners, hosts};
use super::report::{Finding, ObjectRef, Severity, quoted};
use super::secrets::{Defect, Explained, Secrets};
use super::time::Time;
use crate::route::HostPattern;
use crate::tls::{Certificate, TlsTable, TlsTableBuilder, names_for};

const REMEDY: &str = "make it one of type kubernetes.io/tls, with tls.crt and tls.key that fit";

/// So long before its end a certificate is said to expire soon, as in ingress-nginx.
const SOON: i64 = 240 * 3600;

/// Says what is wrong with the Secrets that `spec.tls` names.
pub(super) fn check(
    served: &[Served<'_>],
    secrets: &mut Secrets<'_>,
    time: &mut Time,
    findings: &mut Vec<Finding>,
) {
    for ingress in served {
        for (number, tls) in ingress.spec.tls.iter().flatten().enumerate() {
            let Some(key) = secret(ingress, tls) else { continue };
            for Explained { reason, message, remedy } in defects(key, secrets, time) {
                findings.push(ingress.warning(reason, field(number), message, remedy));
            }
        }
    }
}

fn defects(key: Key<'_>, secrets: &mut Secrets<'_>, time: &mut Time) -> Vec<Explained> {
    match secrets.certificate(key) {
        // That they cannot be read is said once, by whoever tried.
        Err(Defect::NotRead | Defect::Unknown) => Vec::new(),
        Err(defect) => vec![defect.explain(key, REMEDY)],
        Ok(certificate) => {
            let kind = secrets.other_type(key).map(|kind| Explained {
                reason: "SecretType",
                message: format!(
                    "secret {}/{} is of type {}, not kubernetes.io/tls; it is served all the same",
                    key.0,
                    key.1,
                    quoted(kind)
                ),
                remedy: "create it anew as one of type kubernetes.io/tls",
            });
            kind.into_iter().chain(outdated(key, &certificate, time)).collect()
        }
    }
}

/// What is to be said about the time in which a certificate is valid.
fn outdated((namespace, name): Key<'_>, certificate: &Certificate, time: &mut Time) -> Option<Explained> {
    if !time.is_known() {
        return None;
    }
    let facts = &certificate.facts;
    let (reason, what, at, remedy) = if time.is_past(facts.not_after) {
        ("CertificateExpired", "expired at", facts.not_after, "renew it")
    } else if !time.is_past(facts.not_before.saturating_sub(1)) {
        // It is valid from that second on.
        (
            "CertificateNotYetValid",
            "is not valid before",
            facts.not_before,
            "wait, or set the clock of whoever made it",
        )
    } else if time.is_past(facts.not_after.saturating_sub(SOON)) {
        ("CertificateExpiring", "expires at", facts.not_after, "renew it")
    } else {
        return None;
    };
    let at = Timestamp::from_second(at).map_or_else(|_| at.to_string(), |at| at.to_string());
    let message =
        format!("the certificate of secret {namespace}/{name} {what} {at}; it is served all the same");
    Some(Explained { reason, message, remedy })
}

/// A table with a place for each host that has one.
pub(super) fn of_hosts(
    (served, owners): (&[Served<'_>], &Owners<'_, '_>),
    cross_namespace: bool,
    secrets: &mut Secrets<'_>,
    findings: &mut Vec<Finding>,
) -> TlsTableBuilder {
    let table = add(TlsTable::builder(), (served, owners), secrets, findings);
    if cross_namespace { table } else { separate(table, owners, findings) }
}

/// Adds a place for each host that has one.
fn add(
    mut table: TlsTableBuilder,
    (served, owners): (&[Served<'_>], &Owners<'_, '_>),
    secrets: &mut Secrets<'_>,
    findings: &mut Vec<Finding>,
) -> TlsTableBuilder {
    let mut decided: HashSet<HostPattern> = HashSet::new();
    let mut foreign = Vec::new();
    for ingress in served.iter().filter(|ingress| ingress.spec.tls.iter().flatten().next().is_some()) {
        let mut entries = Entries::new(ingress);
        for host in hosts(ingress).filter(|host| *host != HostPattern::Any) {
            if !owners.owns(ingress, &host) {
                foreign.push((ingress, host));
            } else if !decided.contains(&host) {
                let name = host.to_string();
                let certificate = entries.choose(&name, secrets, findings);
                table = table.certificate(name, certificate);
                decided.insert(host);
            }
        }
    }
    // Where the owner has certificates too, nothing was expected of the others.
    foreign.retain(|(_, host)| !decided.contains(host));
    findings.extend(foreign.iter().map(|(ingress, host)| {
        let message = format!("host {host} belongs to another namespace, whose ingress names it first, so no certificate is taken from here");
        let remedy = "add spec.tls to an ingress of that namespace, or use a host of your own";
        ingress.warning("ForeignHost", "spec.tls", message, remedy)
    }));
    table
}

/// Takes the hosts that have no certificate out of the wildcards of other namespaces: whoever names a wildcard first would else decide
/// what the clients of everybody's hosts below it see, and that their plain requests are redirected.
fn separate(
    mut table: TlsTableBuilder,
    owners: &Owners<'_, '_>,
    findings: &mut Vec<Finding>,
) -> TlsTableBuilder {
    for (host, ingress) in owners.all() {
        let HostPattern::Exact(name) = host else { continue };
        let Some(wildcard) =
            table.table().wildcard_above(name).and_then(|name| HostPattern::parse(name).ok())
        else {
            continue;
        };
        if owners.owns(ingress, &wildcard) {
            continue;
        }
        let message = format!(
            "host {host} has no certificate, and that of {wildcard} belongs to another namespace, so the default certificate stands in"
        );
        let remedy = "add spec.tls, or set allow-cross-namespace-resources in the ConfigMap";
        findings.push(ingress.warning("ForeignCertificate", "spec.tls", message, remedy));
        table = table.without_certificate(&**name);
    }
    table
}

/// The entries of one Ingress by the names that they are asked for: there may be thousands of both, and a look at every entry for every
/// host would hold up all other Ingresses.
struct Entries<'s, 'o> {
    ingress: &'s Served<'o>,
    /// The first entry that lists a host, in lower case.
    listed: HashMap<String, (usize, &'s IngressTLS)>,
    /// The first certificate for a name, with its place; collected when the first host asks that no entry lists.
    covering: Option<HashMap<String, (usize, Arc<Certificate>)>>,
}

impl<'s, 'o> Entries<'s, 'o> {
    fn new(ingress: &'s Served<'o>) -> Self {
        let mut listed = HashMap::new();
        for (number, tls) in ingress.spec.tls.iter().flatten().enumerate() {
            for host in tls.hosts.iter().flatten() {
                listed.entry(host.to_ascii_lowercase()).or_insert((number, tls));
            }
        }
        Self { ingress, listed, covering: None }
    }

    fn choose(
        &mut self,
        host: &str,
        secrets: &mut Secrets<'_>,
        findings: &mut Vec<Finding>,
    ) -> Option<Arc<Certificate>> {
        let Some((number, tls)) = self.listed.get(host) else { return self.covering(host, secrets) };
        let (namespace, name) = secret(self.ingress, tls)?;
        let certificate = secrets.certificate((namespace, name)).ok()?;
        if certificate.covers(host) {
            return Some(certificate);
        }
        let message = format!(
            "the certificate of secret {namespace}/{name} is for {}, not for {host:?}, where the default certificate stands in",
            names(&certificate)
        );
        let remedy = "use a certificate that is for the host, or list the host where it belongs";
        findings.push(self.ingress.warning("CertificateMismatch", field(*number), message, remedy));
        None
    }

    /// The first certificate that is for a host.
    fn covering(&mut self, host: &str, secrets: &mut Secrets<'_>) -> Option<Arc<Certificate>> {
        let ingress = self.ingress;
        let covering = self.covering.get_or_insert_with(|| {
            let mut covering = HashMap::new();
            let mut seen = HashSet::new();
            for (number, tls) in ingress.spec.tls.iter().flatten().enumerate() {
                let Some(key) = secret(ingress, tls).filter(|key| seen.insert(*key)) else { continue };
                let Ok(certificate) = secrets.certificate(key) else { continue };
                for name in &certificate.facts.names {
                    covering.entry(name.clone()).or_insert_with(|| (number, certificate.clone()));
                }
            }
            covering
        });
        let found = names_for(host).filter_map(|name| covering.get(&*name));
        found.min_by_key(|(number, _)| *number).map(|(_, certificate)| certificate.clone())
    }
}

/// The names of a certificate as a message shows them.
fn names(certificate: &Certificate) -> String {
    const SHOWN: usize = 5;
    let names = &certificate.facts.names;
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| quoted(name)).collect();
    match names.len().checked_sub(SHOWN) {
        _ if names.is_empty() => "no name".to_owned(),
        Some(more @ 1..) => format!("{} and {more} more", shown.join(", ")),
        _ => shown.join(", "),
    }
}

/// Adds what stands in: the certificate that the options name, or the other that they bring.
pub(super) fn add_default(
    table: TlsTableBuilder,
    options: &Options,
    secrets: &mut Secrets<'_>,
    time: &mut Time,
    findings: &mut Vec<Finding>,
) -> TlsTableBuilder {
    let named = options.default_certificate.as_ref().and_then(|object| {
        let key = (&*object.namespace, &*object.name);
        let certificate = secrets.certificate(key);
        let found = certificate.is_ok();
        findings.extend(defects(key, secrets, time).into_iter().map(
            |Explained { reason, message, remedy }| {
                let (severity, message) = match found {
                    true => (Severity::Warning, message),
                    false => (
                        Severity::Error,
                        format!(
                            "{message}; --default-ssl-certificate names it, and a self-signed one stands in"
                        ),
                    ),
                };
                Finding::new(severity, reason, ObjectRef::new("secret", key.0, key.1), "", message, remedy)
            },
        ));
        certificate.ok()
    });
    match named.or_else(|| options.fallback_certificate.clone()) {
        Some(certificate) => table.default_certificate(certificate),
        None => table,
    }
}

/// The Secret of an entry, if it names one.
fn secret<'s>(ingress: &'s Served<'_>, tls: &'s IngressTLS) -> Option<Key<'s>> {
    let name = tls.secret_name.as_deref().filter(|name| !name.is_empty())?;
    Some((&ingress.object.namespace, name))
}

fn field(number: usize) -> String {
    format!("spec.tls[{number}].secretName")
}
