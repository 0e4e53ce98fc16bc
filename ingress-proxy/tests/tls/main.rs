//! Handshakes, as clients see them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may give up anywhere"
)]

mod certificates;
mod passthrough;
mod proxy_protocol;
mod sessions;
mod support;
mod wire;
