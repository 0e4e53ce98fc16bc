//! HTTP/3, as clients see it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may give up anywhere"
)]

mod abuse;
mod ports;
mod requests;
mod support;
