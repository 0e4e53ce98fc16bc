//! How long the webhook takes with 5 000 Ingresses of three paths each: `cargo bench -p ingress-tests --bench admission`.
//!
//! The API server of the tests and the caller are in the same process; they rest while the webhook works.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    dead_code,
    reason = "helpers of a bench, some of which only the suite uses"
)]

#[path = "../admission/objects.rs"]
mod objects;
#[path = "../admission/webhook.rs"]
mod webhook;
#[path = "../admission/world.rs"]
mod world;

use std::time::Duration;

use objects::{ingress, service};
use serde_json::{Value, json};
use tokio::time::Instant;
use webhook::{review, send};
use world::World;

const INGRESSES: usize = 5_000;
const CALLS: usize = 300;

/// Each Ingress with its Service and endpoint; a hundred to a namespace, three paths of a host.
fn cluster() -> impl Iterator<Item = Value> {
    (0..INGRESSES).flat_map(|number| {
        let name = format!("team-{}/shop-{number}", number / 100);
        let mut ingress = ingress(&name, &paths(number).each_ref().map(String::as_str));
        for rule in ingress["spec"]["rules"].as_array_mut().unwrap() {
            rule["http"]["paths"][0]["backend"]["service"]["name"] = json!(format!("shop-{number}"));
        }
        let [service, slice] = service(&name, ([10, 0, (number >> 8) as u8, number as u8], 8080).into());
        [service, slice, ingress]
    })
}

fn paths(number: usize) -> [String; 3] {
    ["", "api", "static"].map(|path| format!("shop-{number}.example.com/{path}"))
}

/// Sorted times of calls: over a connection that is open already, and with the connection.
async fn measure(world: &World, name: &str, question: &Value, allowed: bool) {
    let question = question.to_string();
    let (mut open, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        let start = Instant::now();
        let mut sender = world.files.open(world.webhook()).await;
        let opened = Instant::now();
        let (status, answer) = send(&mut sender, question.clone()).await;
        open.push(opened.elapsed());
        whole.push(start.elapsed());
        assert!(status == 200 && answer["response"]["allowed"] == allowed, "{answer}");
    }
    let row = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        let at = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1e3;
        format!("{:8.2} {:8.2} {:8.2}", at(50), at(90), at(99))
    };
    println!("{name:32} {}   {}", row(&mut open), row(&mut whole));
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // `cargo test --all-targets` only wants to know that it can be built.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let world = World::start(cluster()).await;
    let published = world.controller.published().borrow().clone();
    assert_eq!(published.report.ours.len(), INGRESSES);
    println!("{INGRESSES} Ingresses with 3 paths each; {CALLS} calls; milliseconds");
    println!("{:32} {:^26}   {:^26}", "", "over an open connection", "with TCP and TLS handshake");
    println!("{:32} {:>8} {:>8} {:>8}   {:>8} {:>8} {:>8}", "", "p50", "p90", "p99", "p50", "p90", "p99");
    let path = |host: &str| ["", "api", "static"].map(|path| format!("{host}/{path}"));
    let new = path("new.example.com");
    let new = ingress("team-7/new", &new.each_ref().map(String::as_str));
    measure(&world, "new host: accepted", &review("CREATE", &new), true).await;
    let taken = ingress("team-7/new", &["shop-4711.example.com/api"]);
    measure(&world, "taken path: refused", &review("CREATE", &taken), false).await;
    let own = world.server.get("ingresses", "team-7/shop-720").unwrap();
    measure(&world, "update of itself: accepted", &review("UPDATE", &own), true).await;
    let foreign = objects::of_class(new, "other");
    measure(&world, "other class: passes", &review("CREATE", &foreign), true).await;
}
