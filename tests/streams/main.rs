//! TCP and UDP services, PROXY headers, and TLS that is passed on unopened.

// The helpers of tests may fail where they stand, as the tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod headers;
mod passthrough;
mod proxied;
mod tcp;
mod udp;

use std::net::{Ipv4Addr, SocketAddr};

use harness::{Client, Harness, Manifests, Upstream, start_with, until};

/// Where settings and services of a test are.
const FLAGS: &[&str] = &[
    "--configmap=default/settings",
    "--tcp-services-configmap=default/tcp",
    "--udp-services-configmap=default/udp",
];

/// Runs the controller with all flags of this suite.
async fn serve(manifests: &Manifests) -> Harness {
    start_with(manifests, FLAGS).await
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// An endpoint that begins with its name and a line end, and then sends back what it gets, until that ends.
async fn echo(name: &str) -> Upstream {
    let name = name.to_owned();
    Upstream::script(move |mut conn| {
        let name = name.clone();
        async move {
            conn.write(format!("{name}\n")).await?;
            loop {
                let bytes = conn.some().await?;
                if bytes.is_empty() {
                    return conn.half_close().await;
                }
                conn.write(bytes).await?;
            }
        }
    })
    .await
}

/// Connects as soon as somebody listens there.
async fn connect(port: u16) -> Client {
    until(format!("the port {port} to be open"), async || Client::try_connect(local(port)).await.ok()).await
}

/// Reads a line without its end; nothing if the connection ends before.
async fn line(client: &mut Client) -> String {
    let mut line = Vec::new();
    loop {
        match client.exactly_or_end(1).await {
            Some(byte) if byte != b"\n" => line.extend(byte),
            _ => return String::from_utf8(line).expect("a line of UTF-8"),
        }
    }
}
