//! Which endpoint gets a request, and what becomes of a request that an endpoint does not answer.

// The helpers of tests may fail where they stand, as the tests do.
#![allow(clippy::expect_used)]

mod failures;
mod pool;
mod retry;
mod spread;
mod timeouts;

use harness::Upstream;

/// So many well-behaved endpoints.
async fn endpoints(count: usize) -> Vec<Upstream> {
    let mut endpoints = Vec::new();
    for number in 0..count {
        endpoints.push(Upstream::named(&format!("endpoint-{number}")).await);
    }
    endpoints
}
