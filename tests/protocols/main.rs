//! Protocols with real peers on both sides: HTTP/1.1, HTTP/2 and HTTP/3, WebSocket, gRPC, TLS towards endpoints, and programs of others.

// The helpers of tests may fail where they stand, as the tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod backends;
mod browser;
mod grpc;
mod grpc_errors;
mod http2;
mod http3;
mod notes;
mod others;
mod verified;
mod websocket;

use harness::{Authority, Harness, Manifests, Upstream, start_with};

/// Where the settings of a test are.
const SETTINGS: &str = "--configmap=default/settings";

/// Runs the controller on these objects, with these settings.
async fn start_set(manifests: Manifests, settings: &[(&str, &str)]) -> Harness {
    start_with(&manifests.config_map("settings", settings), &[SETTINGS]).await
}

/// `a.test` with a certificate, served by this upstream.
fn site(authority: &Authority, upstream: &Upstream) -> Manifests {
    Manifests::new()
        .ingress("web")
        .host("a.test")
        .prefix("/", "web", 80)
        .tls(&["a.test"], "web")
        .service("web", [upstream])
        .tls_secret("web", &authority.server(&["a.test"]))
}
