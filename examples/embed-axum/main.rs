//! `cargo run --release --example embed-axum` – the proxy as the fallback of an axum application, on a multi-threaded runtime.
#![allow(clippy::print_stdout)] // an example talks to whoever started it

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use ingress_proxy::core::{Backend, HostPattern, PathPattern, Route, Snapshot, Upstream};
use ingress_proxy::{Config, Connection, Proxy, channel};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let snapshot = Snapshot::builder()
        .upstream(Upstream::new("shop", [backend::start_ok("shop").await?]))
        .route(Route::new(HostPattern::Any, PathPattern::prefix("/shop")?, Backend::Upstream("shop".into())))
        .build()?;
    let (_publisher, subscriber) = channel(snapshot);
    let proxy = Proxy::new(subscriber, Config::default());

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let port = address.port();
    let application = Router::new()
        .route("/hello", get(|| async { "axum itself\n" }))
        .fallback_service(proxy)
        // Tells the proxy who the client is, for X-Forwarded-For and its like.
        .layer(from_fn(move |client, request, next| name_client(client, port, request, next)));

    println!("try: curl http://{address}/hello");
    println!("try: curl http://{address}/shop/cart");
    let service = application.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(ended()).await?;
    Ok(())
}

async fn name_client(
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    port: u16,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(Connection::new(client, port));
    next.run(request).await
}

async fn ended() {
    // Without a handler for Ctrl-C the process is simply ended by it.
    let _ = tokio::signal::ctrl_c().await;
}
