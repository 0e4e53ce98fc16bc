//! Thousands of requests in flight, hundreds of changes.

use harness::{Client, Gate, Harness, Manifests, Plan, Upstream, affordable, serve, start, within};
use tokio::task::JoinSet;

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

/// All is served by all endpoints.
fn everywhere(endpoints: &[Upstream]) -> Manifests {
    let manifests = Manifests::new().ingress("held").host("a.test");
    manifests.prefix("/held", "held", 80).prefix("/live", "held", 80).service("held", endpoints)
}

/// Sends requests that are held, each on a connection of its own, and waits until all are at the endpoints.
async fn hold(harness: &Harness, endpoints: &[Upstream], count: usize) -> Vec<Client> {
    let mut held = Vec::with_capacity(count);
    for _ in 0..count {
        let mut client = harness.connect().await;
        client.send("GET /held HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        held.push(client);
    }
    within("the held requests to reach their endpoints", async {
        while endpoints.iter().map(Upstream::count).sum::<usize>() < count {
            tokio::task::yield_now().await;
        }
    })
    .await;
    held
}

/// Reads the answers of all these clients; none may be missing.
async fn answered(held: Vec<Client>) {
    let mut answers = JoinSet::new();
    for mut client in held {
        answers.spawn(async move { client.try_answer("GET").await.map_err(|error| error.to_string()) });
    }
    let answers = answers.join_all().await;
    let failed: Vec<_> =
        answers.iter().filter(|answer| !matches!(answer, Ok(ok) if ok.status == 200)).collect();
    assert!(
        failed.is_empty(),
        "{} of {} held requests failed: {:?}",
        failed.len(),
        answers.len(),
        failed.first()
    );
}

/// Holds requests, and keeps more of them coming, while the configuration changes `changes` times. Waits for each `every`-th change.
async fn no_request_fails(
    start: impl AsyncFn(&Manifests) -> Harness,
    held: usize,
    changes: usize,
    every: usize,
) {
    let gate = Gate::default();
    let mut endpoints = Vec::new();
    for _ in 0..6 {
        endpoints.push(endpoint(&gate).await);
    }
    let mut harness = start(&everywhere(&endpoints)).await;
    let held = hold(&harness, &endpoints, affordable(held)).await;
    let load = Plan::get(harness.address(), 16, "a.test", "/live").start();
    for number in 0..changes {
        if number.is_multiple_of(every) {
            harness.update(&change(number, &endpoints)).await;
        } else {
            harness.write(&change(number, &endpoints));
        }
        load.reached(load.good() + 5).await;
    }
    gate.open();
    answered(held).await;
    let tally = load.stop().await;
    assert!(tally.failures.is_empty() && tally.refused + tally.unaccepted == 0, "{tally:?}");
    assert!(tally.good >= changes * 5, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_files_are_rewritten() {
    no_request_fails(start, 2000, 300, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_snapshots_are_swapped() {
    no_request_fails(serve, 500, 1000, 1).await;
}
