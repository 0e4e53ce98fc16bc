//! What an endpoint gets and what a client gets back: headers, bodies while they flow, protocol versions, upgrades; and the settings that
//! change it.

// The helpers of tests may fail where they stand, as the tests do.
#![allow(clippy::expect_used)]

mod answers;
mod bodies;
mod body_size;
mod forwarded;
mod headers;
mod overtaken;
mod settings;
mod upgrade;
mod versions;
