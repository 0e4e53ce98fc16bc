//! Which requests reach which Service, and what answers where none does.

// The helpers of tests may fail where they stand, as the tests do.
#![allow(clippy::expect_used)]

mod broken;
mod defaults;
mod hosts;
mod paths;
mod services;

use harness::{Harness, Upstream};

/// Endpoints that answer with their names, for Services of the same names.
async fn named<const N: usize>(names: [&str; N]) -> [Upstream; N] {
    let mut upstreams = Vec::new();
    for name in names {
        upstreams.push(Upstream::named(name).await);
    }
    upstreams.try_into().expect("as many as there are names")
}

/// Asks for each path of `host` and compares who answers: a name, or a status.
async fn answers(harness: &Harness, host: &str, expected: &[(&str, &str)]) {
    for (path, who) in expected {
        assert_eq!(who_answers(harness, host, path).await, *who, "{host}{path}");
    }
}

/// The endpoint that answers, or the status if none does.
async fn who_answers(harness: &Harness, host: &str, path: &str) -> String {
    let answer = harness.get(host, path).await;
    match answer.status {
        200 => answer.text().to_owned(),
        status => status.to_string(),
    }
}
