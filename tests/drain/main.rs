//! The end of the program: nothing that was accepted is lost.

// The helpers of tests may fail where they stand, as the tests do.
#![allow(clippy::expect_used)]

mod load;
mod orderly;

use std::net::SocketAddr;
use std::time::Duration;

use harness::{Client, DEADLINE, Harness, within};
use ingress_proxy::Drained;
use tokio::task::JoinHandle;

/// Longer than any request of these suites takes.
const PATIENCE: Duration = DEADLINE.checked_div(2).expect("a division by two");

/// Begins to drain and returns when new connections are refused.
async fn draining(harness: Harness, patience: Duration) -> JoinHandle<Drained> {
    let address = harness.address();
    let drained = tokio::spawn(harness.drain(patience));
    within("new connections to be refused", refused(address)).await;
    drained
}

async fn refused(address: SocketAddr) {
    while let Ok(client) = Client::try_connect(address).await {
        drop(client);
        tokio::task::yield_now().await;
    }
}

async fn ended(drained: JoinHandle<Drained>) -> Drained {
    within("the drain to end", drained).await.expect("a drain that does not panic")
}
