//! How connections are spread over the workers. The system goes by a hash of the addresses: without more, four connections would be two
//! and two in three of eight cases only.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::time::Duration;

use harness::{H2, affordable, until};
use ingress_core::Snapshot;
use ingress_proxy::{Config, Running, Server, channel};

/// Nothing to forward to: everything is answered 404.
fn server(workers: usize) -> Running {
    let workers = NonZeroUsize::new(workers).expect("a worker");
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::new(channel(Snapshot::default()).1, Config::default());
    let server = server.listen(free).listen_tls(free).workers(workers);
    server.start().expect("a proxy on free ports")
}

async fn spread(running: &Running, connections: usize) -> Vec<usize> {
    until(format!("{connections} connections"), async || {
        let spread = running.spread();
        (spread.iter().sum::<usize>() == connections).then_some(spread)
    })
    .await
}

#[tokio::test]
async fn no_worker_starves_beside_a_few_long_connections() {
    for _ in 0..5 {
        let running = server(2);
        let mut clients = Vec::new();
        for _ in 0..4 {
            let client = H2::connect(running.addresses()[0]).await;
            assert_eq!(client.get("http://a.test/").await.status(), 404);
            clients.push(client);
        }
        assert_eq!(spread(&running, 4).await, [2, 2]);
        let counts = running.counts();
        assert_eq!((counts.accepted, counts.handled, counts.active), (4, 4, 4));
        // Each goes on where it is.
        for client in &clients {
            assert_eq!(client.get("http://a.test/").await.status(), 404);
        }
        drop(clients);
        spread(&running, 0).await;
        assert_eq!(running.drain(Duration::from_secs(5)).await.cut, 0);
    }
}

#[tokio::test]
async fn so_on_ports_of_tls_and_with_many_connections() {
    let running = server(3);
    let count = affordable(900) / 3 * 3;
    let connect = |_| TcpStream::connect(running.tls_addresses()[0]).unwrap();
    let clients: Vec<_> = (0..count).map(connect).collect();
    let spread = spread(&running, count).await;
    let (least, most) = (spread.iter().min().unwrap(), spread.iter().max().unwrap());
    assert!(most - least <= most / 8 + 1, "{spread:?}");
    drop(clients);
}
