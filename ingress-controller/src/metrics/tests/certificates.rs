//! What is said of certificates.

use ingress_core::{Certificate, TlsTable};

use super::*;
use crate::fake_certificate;

fn certificate(name: &str) -> Certificate {
    let mut certificate = fake_certificate::make().unwrap();
    certificate.name = name.into();
    certificate
}

/// All series about certificates.
fn series(metrics: &Metrics) -> Vec<(String, f64)> {
    let samples = parse(&metrics.render());
    samples.into_iter().filter(|(name, _)| name.contains("ssl_")).collect()
}

#[test]
fn each_host_with_a_certificate_has_a_series_without_constant_labels() {
    let metrics = Metrics::new(config(false), names());
    let (shop, fake) = (certificate("shop/web-tls"), certificate("default-fake-certificate"));
    let table = TlsTable::builder()
        .certificate("*.shop.test", Some(Arc::new(shop.clone())))
        .certificate("none.test", None)
        .default_certificate(fake.clone())
        .build();
    let snapshot = |table: TlsTable| Arc::new(Snapshot::default().with_tls(table));
    metrics.published(&Arc::default(), &snapshot(table));
    let labels = |certificate: &Certificate, namespace: &str, host: &str, secret: &str| {
        let serial = &certificate.facts.serial_number;
        format!(
            "namespace=\"{namespace}\",class=\"k8s.io/ingress-nginx\",host=\"{host}\",secret_name=\"{secret}\",\
             identifier=\"-{serial}\""
        )
    };
    let shop_labels = labels(&shop, "shop", "*.shop.test", "web-tls");
    let fake_labels = labels(&fake, "", "_", "default-fake-certificate");
    let samples = parse(&metrics.render());
    for (labels, certificate) in [(&shop_labels, &shop), (&fake_labels, &fake)] {
        let expires = format!("nginx_ingress_controller_ssl_expire_time_seconds{{{labels}}}");
        assert_eq!(samples[&expires], certificate.facts.not_after as f64);
        let issuer = "issuer_organization=\"Acme Co\",issuer_common_name=\"Kubernetes Ingress Controller Fake Certificate\"";
        let serial = &certificate.facts.serial_number;
        let info = format!(
            "nginx_ingress_controller_ssl_certificate_info{{{labels},{issuer},serial_number=\"{serial}\",\
             public_key_algorithm=\"ECDSA\"}}"
        );
        assert_eq!(samples[&info], 1.0);
    }
    assert_eq!(series(&metrics).len(), 4);

    // With the certificate its series goes.
    let table = TlsTable::builder().default_certificate(fake).build();
    metrics.published(&Arc::default(), &snapshot(table));
    let left = series(&metrics);
    assert!(left.len() == 2 && left.iter().all(|(name, _)| name.contains("host=\"_\"")), "{left:?}");
}
