//! The admission webhook as the users of a cluster meet it: the controller and an API server that asks it.

// Helpers of this suite stand outside its tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests"
)]

mod certificate;
mod failure;
mod kubectl;
mod objects;
mod overlap;
mod passes;
mod refusals;
mod strangers;
mod warnings;
mod webhook;
mod world;
