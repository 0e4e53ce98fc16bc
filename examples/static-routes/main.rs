//! `cargo run --release --example static-routes` – the proxy without Kubernetes: routes, upstreams and endpoints made by hand.
//!
//! Starts two backends and the proxy, and serves until Ctrl-C. Addresses given as arguments take the place of the backends.
#![allow(clippy::print_stdout)] // an example talks to whoever started it

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use ingress_proxy::core::{Backend, HostPattern, PathPattern, Route, Snapshot, Upstream};
use ingress_proxy::{Config, Server, channel};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut endpoints: Vec<SocketAddr> =
        std::env::args().skip(1).map(|address| address.parse()).collect::<Result<_, _>>()?;
    if endpoints.is_empty() {
        endpoints = vec![backend::start_ok("one").await?, backend::start_ok("two").await?];
    }
    let snapshot = Snapshot::builder()
        .upstream(Upstream::new("api", endpoints))
        .route(Route::new(
            HostPattern::parse("mywebsite.com")?,
            PathPattern::prefix("/api")?,
            Backend::Upstream("api".into()),
        ))
        .build()?;

    // `publisher.publish(…)` swaps in another snapshot at any time, without touching a connection.
    let (_publisher, subscriber) = channel(snapshot);
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(0);
    let server = Server::new(subscriber, Config::default()).listen(([127, 0, 0, 1], port).into()).start()?;
    for address in server.addresses() {
        println!("try: curl -H 'Host: mywebsite.com' http://{address}/api/hello");
    }
    tokio::signal::ctrl_c().await?;
    server.drain(Duration::from_secs(10)).await;
    Ok(())
}
