//! Thousands of requests in flight, hundreds of changes.

use harness::{Client, Gate, Harness, Manifests, Plan, Upstream, start, within};
use tokio::task::JoinSet;

/// Requests that are held at the endpoints while everything around them changes.
const HELD: usize = 2000;
const CHANGES: usize = 300;

/// An endpoint that answers at once, but `/held` only when the gate is open.
async fn endpoint(gate: &Gate) -> Upstream {
    let gate = gate.clone();
    Upstream::script(move |mut conn| {
        let gate = gate.clone();
        async move {
            while let Some(request) = conn.request().await? {
                if request.head.target() == "/held" {
                    gate.passed().await;
                }
                conn.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await?;
            }
            Ok(())
        }
    })
    .await
}

/// The n-th configuration. `/live` is always served, by two of the endpoints; all else comes and goes.
fn change(number: usize, endpoints: &[Upstream]) -> Manifests {
    let mut mine = endpoints.iter().cycle().skip(number % endpoints.len());
    let mut manifests = Manifests::new().ingress("live").host("a.test").prefix("/live", "live", 80);
    manifests = manifests.service("live", mine.by_ref().take(2));
    for other in 0..number % 5 {
        let host = format!("host-{}.test", (number + other) % 11);
        manifests = manifests.ingress(&format!("other-{other}")).host(&host).prefix("/", "live", "http");
    }
    if number.is_multiple_of(3) {
        manifests = manifests
            .ingress("held")
            .host("a.test")
            .prefix("/held", "held", 80)
            .service("held", mine.take(1));
    }
    if number.is_multiple_of(7) {
        manifests = manifests.ingress("broken").host("a.test").prefix("/broken", "missing", "nope");
    }
    manifests
}

/// Sends requests that are held, each on a connection of its own, and waits until all are at the endpoints.
async fn hold(harness: &Harness, endpoints: &[Upstream]) -> Vec<Client> {
    let mut held = Vec::with_capacity(HELD);
    for _ in 0..HELD {
        let mut client = harness.connect().await;
        client.send("GET /held HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        held.push(client);
    }
    within("the held requests to reach their endpoints", async {
        while endpoints.iter().map(Upstream::count).sum::<usize>() < HELD {
            tokio::task::yield_now().await;
        }
    })
    .await;
    held
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_everything_changes() {
    let gate = Gate::default();
    let mut endpoints = Vec::new();
    for _ in 0..6 {
        endpoints.push(endpoint(&gate).await);
    }
    let everywhere = Manifests::new()
        .ingress("held")
        .host("a.test")
        .prefix("/held", "held", 80)
        .prefix("/live", "held", 80)
        .service("held", &endpoints);
    let mut harness = start(&everywhere).await;
    let held = hold(&harness, &endpoints).await;
    let load = Plan::get(harness.address(), 16, "a.test", "/live").start();
    for number in 0..CHANGES {
        if number.is_multiple_of(10) {
            harness.update(&change(number, &endpoints)).await;
            load.reached(load.good() + 20).await;
        } else {
            harness.write(&change(number, &endpoints));
            load.reached(load.good() + 5).await;
        }
    }
    gate.open();
    let mut answers = JoinSet::new();
    for mut client in held {
        answers.spawn(async move { client.try_answer("GET").await.map_err(|error| error.to_string()) });
    }
    let answers = answers.join_all().await;
    let failed: Vec<_> =
        answers.iter().filter(|answer| !matches!(answer, Ok(ok) if ok.status == 200)).collect();
    assert!(failed.is_empty(), "{} of {HELD} held requests failed: {:?}", failed.len(), failed.first());
    let tally = load.stop().await;
    assert!(tally.failures.is_empty() && tally.refused + tally.unaccepted == 0, "{tally:?}");
    assert!(tally.good >= CHANGES * 5, "{tally:?}");
}
