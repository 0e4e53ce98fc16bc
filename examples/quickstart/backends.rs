//! The backends, and the EndpointSlices that say where they are.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

use http::StatusCode;

/// The addresses of each Service.
pub(crate) type Backends = BTreeMap<&'static str, Vec<SocketAddr>>;

/// Starts two backends for each Service and one default backend, and writes their EndpointSlices into `folder`.
pub(crate) async fn start(folder: &Path) -> Result<Backends, Box<dyn Error>> {
    let mut backends = Backends::new();
    for service in ["api", "web", "docs"] {
        let addresses = vec![backend::start_ok(service).await?, backend::start_ok(service).await?];
        backends.insert(service, addresses);
    }
    // As the usual default backend: healthy, and without any page.
    let answer = |path: &str| if path == "/healthz" { StatusCode::OK } else { StatusCode::NOT_FOUND };
    backends.insert("default-http-backend", vec![backend::start("default-http-backend", answer).await?]);

    let mut slices = String::new();
    for (service, addresses) in &backends {
        for (number, address) in addresses.iter().enumerate() {
            slice(&mut slices, service, number, *address)?;
        }
    }
    std::fs::write(folder.join("endpoints.yaml"), slices)?;
    Ok(backends)
}

/// One slice for each address, since all addresses of a slice have the same port.
fn slice(slices: &mut String, service: &str, number: usize, address: SocketAddr) -> std::fmt::Result {
    write!(
        slices,
        "---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {service}-{number}
  labels:
    kubernetes.io/service-name: {service}
addressType: IPv4
ports:
  - name: http
    port: {}
endpoints:
  - addresses: [{}]
    conditions:
      ready: true
",
        address.port(),
        address.ip()
    )
}
