//! Metrics of the certificates that are presented.

use ingress_core::{Certificate, TlsTable};

use super::text::{Kind, Labels, Text};

/// The host of the default certificate, as in ingress-nginx.
const DEFAULT: &str = "_";

/// Writes one series for each host with a certificate, and one for the default certificate.
pub(super) fn write(table: &TlsTable, class: &str, text: &mut Text) {
    let mut all: Vec<_> = table.certificates().collect();
    all.sort_unstable_by_key(|(host, _)| *host);
    all.extend(table.default_certificate().map(|certificate| (DEFAULT, certificate)));
    let until = "Unix time at which the certificate of a host expires";
    let mut family = text.plain("ssl_expire_time_seconds", Kind::Gauge, until);
    for (host, certificate) in &all {
        let labels = labels(host, certificate, class);
        family.value(labels.as_str(), certificate.facts.not_after as f64);
    }
    let info = "What the certificate of a host says of itself, as labels";
    let mut family = text.plain("ssl_certificate_info", Kind::Gauge, info);
    for (host, certificate) in &all {
        let facts = &certificate.facts;
        let labels = labels(host, certificate, class)
            .with("issuer_organization", &facts.issuer_organization)
            .with("issuer_common_name", &facts.issuer_common_name)
            .with("serial_number", &facts.serial_number)
            .with("public_key_algorithm", &facts.public_key_algorithm);
        family.count(labels.as_str(), 1);
    }
}

fn labels(host: &str, certificate: &Certificate, class: &str) -> Labels {
    // A certificate that comes from no Secret has no namespace.
    let (namespace, secret) = certificate.name.split_once('/').unwrap_or(("", &certificate.name));
    Labels::default()
        .with("namespace", namespace)
        .with("class", class)
        .with("host", host)
        .with("secret_name", secret)
        .with("identifier", &format!("-{}", certificate.facts.serial_number))
}
