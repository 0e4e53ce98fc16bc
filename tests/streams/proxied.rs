//! PROXY headers of TCP services: from clients, and to endpoints.

use harness::world::ReservedPort;
use harness::{Client, Manifests, ServicePort, Upstream};

use crate::{connect, line, serve};

/// An endpoint that reads a line and says it back, then what follows.
async fn reader() -> Upstream {
    Upstream::script(|mut conn| async move {
        loop {
            let bytes = conn.some().await?;
            if bytes.is_empty() {
                return Ok(());
            }
            conn.write(bytes).await?;
        }
    })
    .await
}

fn service(port: u16, flags: &str, upstream: &Upstream) -> Manifests {
    Manifests::new()
        .config_map("tcp", &[(&port.to_string(), &format!("default/db:6379{flags}"))])
        .service_ports("db", &[ServicePort::tcp(6379, [upstream.address()])])
}

#[tokio::test]
async fn endpoints_are_told_who_the_client_is() {
    let (held, upstream) = (ReservedPort::new(), reader().await);
    let port = held.address().port();
    let _harness = serve(&service(port, "::PROXY", &upstream)).await;
    let mut client = connect(port).await;
    let expected = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {} {port}\r", client.local_address().port());
    client.send("data\n").await;
    assert_eq!(line(&mut client).await, expected);
    assert_eq!(line(&mut client).await, "data");
}

#[tokio::test]
async fn clients_tell_for_whom_they_come() {
    let (held, upstream) = (ReservedPort::new(), reader().await);
    let port = held.address().port();
    let _harness = serve(&service(port, ":PROXY:PROXY", &upstream)).await;
    drop(connect(port).await);
    for parts in [
        &[&b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 6379\r\ndata\n"[..]][..],
        &[b"PROXY TCP4 192.0", b".2.7 198.51.100.1 4711 6379\r", b"\n", b"data\n"],
        &[
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c",
            &[192, 0, 2, 7, 198, 51, 100, 1, 0x12, 0x67, 0x18, 0xeb],
            b"data\n",
        ],
    ] {
        let mut client = connect(port).await;
        for part in parts {
            client.send(part).await;
        }
        let told = line(&mut client).await;
        assert!(told.starts_with("PROXY TCP4 192.0.2.7 ") && told.contains(" 4711 "), "{told:?}");
        assert_eq!(line(&mut client).await, "data");
    }
}

#[tokio::test]
async fn without_the_header_nothing_goes_through() {
    let (held, upstream) = (ReservedPort::new(), reader().await);
    let port = held.address().port();
    let _harness = serve(&service(port, ":PROXY", &upstream)).await;
    for bytes in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"PROXY NONSENSE\r\n", b"PROXY TCP4 999.1.1.1 1.1.1.1 1 1\r\n"]
    {
        let mut client: Client = connect(port).await;
        let _ = client.try_send(bytes).await;
        assert_eq!(client.closed().await, b"", "{}", bytes.escape_ascii());
    }
    let mut good = connect(port).await;
    good.send("PROXY UNKNOWN\r\ndata\n").await;
    assert_eq!(line(&mut good).await, "data", "the header is not for the endpoint");
    for (index, bytes) in upstream.connections().iter().enumerate() {
        assert!(bytes.is_empty() || bytes == b"data\n", "{index}: {}", bytes.escape_ascii());
    }
}
