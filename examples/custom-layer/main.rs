//! `cargo run --release --example custom-layer` – a tower layer of your own around the proxy, in the proxy's own server.
//!
//! The layer refuses requests without an API key and adds a field to every answer.
#![allow(clippy::print_stdout)] // an example talks to whoever started it

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode};
use ingress_proxy::core::{Backend, HostPattern, PathPattern, Route, Snapshot, Upstream};
use ingress_proxy::{Body, Config, Proxy, Server, channel};
use tower::Service;
use tower::layer::layer_fn;

/// Asks for a key before the proxy sees the request.
#[derive(Debug, Clone)]
struct ApiKey {
    proxy: Proxy,
}

impl Service<Request<Body>> for ApiKey {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if !request.headers().contains_key("x-api-key") {
            let mut refusal = Response::new(Body::full("an X-Api-Key is needed\n"));
            *refusal.status_mut() = StatusCode::UNAUTHORIZED;
            return Box::pin(async { Ok(refusal) });
        }
        let answer = self.proxy.call(request);
        Box::pin(async {
            let Ok(mut response) = answer.await;
            response.headers_mut().insert("x-served-by", HeaderValue::from_static("custom-layer"));
            Ok(response)
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let snapshot = Snapshot::builder()
        .upstream(Upstream::new("api", [backend::start_ok("api").await?]))
        .route(Route::new(HostPattern::Any, PathPattern::prefix("/")?, Backend::Upstream("api".into())))
        .build()?;
    let (_publisher, subscriber) = channel(snapshot);
    let server = Server::new(subscriber, Config::default())
        .listen(([127, 0, 0, 1], 0).into())
        .start_layered(layer_fn(|proxy| ApiKey { proxy }))?;
    for address in server.addresses() {
        println!("try: curl -i http://{address}/");
        println!("try: curl -i -H 'X-Api-Key: 1' http://{address}/");
    }
    tokio::signal::ctrl_c().await?;
    server.drain(Duration::from_secs(10)).await;
    Ok(())
}
