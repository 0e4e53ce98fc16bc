//! Certificates for Secrets that ask for one: annotation `make: certificate`, with `names`, `from` and `until`; or `make: authority`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};

/// Puts in what a Secret asks for.
pub(crate) fn fill(secret: &mut Secret) {
    let Some(wishes) = secret.metadata.annotations.clone() else { return };
    let data = match wishes.get("make").map(String::as_str) {
        Some("certificate") => certificate(&wishes),
        Some("authority") => authority(secret.metadata.name.as_deref().unwrap_or_default()),
        other => panic!("{other:?}"),
    };
    let all = secret.string_data.get_or_insert_default();
    for (key, value) in data {
        all.entry(key.to_owned()).or_insert(value);
    }
}

fn certificate(wishes: &BTreeMap<String, String>) -> Vec<(&'static str, String)> {
    let names = wishes.get("names").map(String::as_str).unwrap_or_default();
    let names: Vec<_> = names.split_whitespace().map(str::to_owned).collect();
    let mut params = CertificateParams::new(names).unwrap();
    let date = |wish: &str, otherwise: &str| {
        let text = wishes.get(wish).map_or(otherwise, String::as_str);
        let parts: Vec<u16> = text.split('-').map(|part| part.parse().unwrap()).collect();
        date_time_ymd(parts[0].into(), parts[1].try_into().unwrap(), parts[2].try_into().unwrap())
    };
    params.not_before = date("from", "2020-01-01");
    params.not_after = date("until", "2100-01-01");
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    vec![("tls.crt", certificate.pem()), ("tls.key", key.serialize_pem())]
}

fn authority(name: &str) -> Vec<(&'static str, String)> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    vec![("ca.crt", params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem())]
}
