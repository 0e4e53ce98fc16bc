//! HTTPS: which certificate a client is shown and when it changes, what the handshake agrees on, what becomes of plain requests, and what
//! is asked of clients.

// The helpers of tests may fail where they stand, as the tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod broken;
mod challenge;
mod clients;
mod misdirected;
mod names;
mod redirects;
mod rotation;
mod sessions;
mod settings;

use harness::{Harness, Manifests, start_with};

/// Where the settings of a test are.
const SETTINGS: &str = "--configmap=default/settings";

/// Runs the controller on these objects, with these settings.
async fn start_set(manifests: Manifests, settings: &[(&str, &str)]) -> Harness {
    start_with(&manifests.config_map("settings", settings), &[SETTINGS]).await
}
