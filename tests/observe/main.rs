//! What is told of requests: the access log, and what the workers count.

// The helpers of tests may fail where they stand, as the tests do.
#![allow(clippy::expect_used)]

mod counts;
mod lines;
mod logged;
mod refused;
mod sizes;
mod spread;
