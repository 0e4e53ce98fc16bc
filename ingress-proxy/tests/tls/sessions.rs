//! Sessions go on, on whichever worker, and never under another policy.

use std::sync::Arc;

use ingress_proxy::core::HostPattern;
use ingress_proxy::core::tls::{ClientAuth, Guard, ServerTls, TicketKey, TlsTableBuilder, Trust};
use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};

use crate::support::{Client, Parts, World, ecdsa, get, table};

async fn handshake(client: &Client, world: &World, name: &str) -> HandshakeKind {
    let mut stream = client.connect(world.tls(), name).await.unwrap();
    // Tickets come behind the handshake.
    get(&mut stream, name).await;
    stream.get_ref().1.handshake_kind().unwrap()
}

fn parts() -> Parts {
    Parts { tls: table(&[]).build().into(), ..Parts::default() }
}

#[tokio::test]
async fn sessions_go_on_whichever_worker_takes_the_connection() {
    let mut with_tickets = parts();
    with_tickets.settings.tls.sessions.tickets = true;
    for (parts, version) in
        [(parts(), &TLS12), (parts(), &TLS13), (with_tickets.clone(), &TLS12), (with_tickets, &TLS13)]
    {
        let world = World::with(&parts, ingress_proxy::Config::default(), 2).await;
        let client = Client::speaking(version);
        assert_eq!(handshake(&client, &world, "a.test").await, HandshakeKind::Full);
        for _ in 0..20 {
            assert_eq!(handshake(&client, &world, "a.test").await, HandshakeKind::Resumed);
        }
        let counts = world.running.counts();
        assert_eq!((counts.handshakes, counts.handshakes_resumed), (21, 20));
    }
}

#[tokio::test]
async fn sessions_do_not_go_on_where_that_is_off() {
    let mut parts = parts();
    parts.settings.tls.sessions.cache = false;
    let world = World::new(&parts).await;
    for version in [&TLS12, &TLS13] {
        let client = Client::speaking(version);
        for _ in 0..3 {
            assert_eq!(handshake(&client, &world, "a.test").await, HandshakeKind::Full);
        }
    }
}

#[tokio::test]
async fn replicas_with_one_ticket_key_take_each_others_sessions() {
    let parts = |key: Option<u8>| {
        let mut parts = parts();
        let sessions = &mut parts.settings.tls.sessions;
        (sessions.cache, sessions.tickets) = (false, true);
        sessions.ticket_key = key.map(|byte| TicketKey::new(vec![byte; 48]).unwrap());
        parts
    };
    for version in [&TLS12, &TLS13] {
        for (one, other, kind) in [
            (Some(1), Some(1), HandshakeKind::Resumed),
            (Some(1), Some(2), HandshakeKind::Full),
            (None, None, HandshakeKind::Full),
        ] {
            let client = Client::speaking(version);
            let (one, other) = (World::new(&parts(one)).await, World::new(&parts(other)).await);
            handshake(&client, &one, "a.test").await;
            assert_eq!(handshake(&client, &other, "a.test").await, kind);
        }
    }
}

#[tokio::test]
async fn sessions_outlive_a_new_certificate_but_not_a_new_policy() {
    let ca = ecdsa(&["ca.test"]);
    let other_ca = ecdsa(&["ca.test"]);
    let asking = |builder: TlsTableBuilder, ca: &Arc<ingress_proxy::core::Certificate>| {
        let mut trust = Trust::default();
        trust.authorities = ca.chain[..1].to_vec();
        let mut server = ServerTls::default();
        server.client_auth = Some(Guard::Ready(Arc::new(ClientAuth::new(Arc::new(trust)))));
        builder.server(HostPattern::Exact("a.test".into()), server)
    };
    for version in [&TLS12, &TLS13] {
        for tickets in [false, true] {
            let parts = |tls: TlsTableBuilder| {
                let mut parts = Parts { tls: tls.build().into(), hosts: vec!["a.test"], ..Parts::default() };
                parts.settings.tls.sessions.tickets = tickets;
                parts.settings.tls.sessions.ticket_key = TicketKey::new(vec![7; 80]);
                parts
            };
            let world = World::new(&parts(table(&[]))).await;
            let client = Client::speaking(version);
            handshake(&client, &world, "a.test").await;
            world.publish(&parts(table(&[ecdsa(&["a.test"])])));
            assert_eq!(handshake(&client, &world, "a.test").await, HandshakeKind::Resumed);
            world.publish(&parts(asking(table(&[]), &ca)));
            assert_eq!(handshake(&client, &world, "a.test").await, HandshakeKind::Full);
            assert_eq!(handshake(&client, &world, "a.test").await, HandshakeKind::Resumed);
            world.publish(&parts(asking(table(&[]), &other_ca)));
            assert_eq!(handshake(&client, &world, "a.test").await, HandshakeKind::Full);
            world.publish(&parts(table(&[])));
            assert_eq!(handshake(&client, &world, "a.test").await, HandshakeKind::Full);
        }
    }
}
