//! Clients that are up to no good.

use super::support::{World, within};

/// What a client says first on its control stream: its type, and empty settings.
const CONTROL: &[u8] = &[0, 4, 0];

#[tokio::test]
async fn a_frame_without_end_ends_the_connection() {
    let world = World::new().await;
    // HEADERS, and a type that nobody knows.
    for kind in [1, 0x21] {
        let (_endpoint, connection) = world.connect().await;
        let mut control = connection.open_uni().await.unwrap();
        control.write_all(CONTROL).await.unwrap();
        let (mut send, _receive) = connection.open_bi().await.unwrap();
        // One GiB is announced.
        let flood = async {
            send.write_all(&[kind, 0xc0, 0, 0, 0, 0x40, 0, 0, 0]).await?;
            loop {
                send.write_all(&[0xff; 10_000]).await?;
            }
        };
        let sent: Result<(), quinn::WriteError> = within("the end", flood).await;
        assert!(sent.is_err());
        within("the connection to end", connection.closed()).await;
    }
    // Others are served.
    world.client().await.get("/").await.unwrap();
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let world = World::new().await;
    let client = world.client().await;
    let large = "x".repeat(40_000);
    let mut request = super::support::get("/");
    request.headers_mut().insert("large", large.parse().unwrap());
    let answer = client.send(request, bytes::Bytes::new()).await;
    // The client knows our limit, and does not even send it.
    assert!(answer.is_err() || answer.unwrap().head.status() == 431);
    client.get("/").await.unwrap();
}
