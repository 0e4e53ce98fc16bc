//! Upstream servers that more than one suite needs.

use std::net::{IpAddr, Ipv4Addr};

use crate::{Gate, Upstream};

impl Upstream {
    /// Answers `firstlast` in two chunks, the second when the gate is opened.
    pub async fn in_two_parts() -> (Self, Gate) {
        Self::in_two_parts_at(Ipv4Addr::LOCALHOST.into()).await
    }

    /// As [`in_two_parts`](Self::in_two_parts), on a free port of this address.
    pub async fn in_two_parts_at(ip: IpAddr) -> (Self, Gate) {
        let gate = Gate::default();
        let waiting = gate.clone();
        let upstream = Self::script_at(ip, move |mut conn| {
            let gate = waiting.clone();
            async move {
                conn.request().await?;
                conn.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await?;
                gate.passed().await;
                conn.write("4\r\nlast\r\n0\r\n\r\n").await
            }
        });
        (upstream.await, gate)
    }

    /// Agrees to an upgrade to WebSocket, and then sends every four bytes back.
    pub async fn echo_tunnel() -> Self {
        Self::script(|mut conn| async move {
            conn.head().await?;
            conn.write(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            )
            .await?;
            loop {
                let bytes = conn.exactly(4).await?;
                conn.write(bytes).await?;
            }
        })
        .await
    }
}
