//! UDP services: datagrams, those who send them, and who answers.

use std::collections::BTreeSet;
use std::time::Duration;

use harness::{Datagrams, Echo, Harness, Manifests, ServicePort, free_udp_port, until};

use crate::{local, serve};

fn dns(port: u16, endpoints: &[&Echo]) -> Manifests {
    let endpoints = endpoints.iter().map(|echo| echo.address());
    Manifests::new()
        .config_map("udp", &[(&port.to_string(), "default/dns:53")])
        .service_ports("dns", &[ServicePort::udp(53, endpoints)])
}

async fn answers(port: u16, datagram: &[u8]) -> Vec<u8> {
    Datagrams::to(local(port)).await.ask(datagram).await
}

#[tokio::test]
async fn a_datagram_is_answered() {
    let (port, one) = (free_udp_port(), Echo::named("one").await);
    let _harness = serve(&dns(port, &[&one])).await;
    assert_eq!(answers(port, b"query").await, b"one:query");
    assert_eq!(answers(port, b"").await, b"one:", "one without content is one too");
    let big = vec![b'x'; 60_000];
    assert_eq!(answers(port, &big).await.len(), 60_004);
    // A client may ask again and again, and each gets its own answers.
    let (a, b) = (Datagrams::to(local(port)).await, Datagrams::to(local(port)).await);
    for round in 0..20 {
        let (of_a, of_b) = (format!("a{round}"), format!("b{round}"));
        let (to_a, to_b) = tokio::join!(a.ask(of_a.as_bytes()), b.ask(of_b.as_bytes()));
        assert_eq!((to_a, to_b), (format!("one:{of_a}").into_bytes(), format!("one:{of_b}").into_bytes()));
    }
}

#[tokio::test]
async fn clients_are_spread_and_follow_the_endpoints() {
    let port = free_udp_port();
    let (a, b, c) = (Echo::named("a").await, Echo::named("b").await, Echo::named("c").await);
    let mut harness = serve(&dns(port, &[&a, &b])).await;
    let names = async || {
        let mut names = BTreeSet::new();
        for _ in 0..16 {
            names.insert(String::from_utf8(answers(port, b"").await).unwrap());
        }
        names.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["a:", "b:"]);
    harness.update(&dns(port, &[&c])).await;
    assert_eq!(names().await, ["c:"]);
}

#[tokio::test]
async fn an_endpoint_sees_one_port_for_one_client_as_long_as_the_session_lasts() {
    let (port, one) = (free_udp_port(), Echo::named("one").await);
    // A session ends with the last answer that is expected.
    let settings = [("proxy-stream-responses", "100")];
    let _harness = serve(&dns(port, &[&one]).config_map("settings", &settings)).await;
    let client = Datagrams::to(local(port)).await;
    for _ in 0..5 {
        assert_eq!(client.ask(b"x").await, b"one:x");
    }
    let ports: BTreeSet<_> = one.seen().into_iter().map(|(from, _)| from.port()).collect();
    assert_eq!(ports.len(), 1, "{ports:?}");
    assert_eq!(answers(port, b"y").await, b"one:y");
    let ports: BTreeSet<_> = one.seen().into_iter().map(|(from, _)| from.port()).collect();
    assert_eq!(ports.len(), 2, "another client is another session: {ports:?}");
}

async fn is_open(port: u16) -> bool {
    Datagrams::to(local(port)).await.try_ask(b"x", Duration::from_millis(300)).await.is_some()
}

#[tokio::test]
async fn ports_come_and_go() {
    let (one, two) = (free_udp_port(), free_udp_port());
    let echo = Echo::named("e").await;
    let mut harness: Harness = serve(&dns(one, &[&echo])).await;
    assert_eq!(answers(one, b"1").await, b"e:1");
    harness.update(&dns(two, &[&echo])).await;
    assert_eq!(answers(two, b"2").await, b"e:2");
    until("the port to be closed", async || (!is_open(one).await).then_some(())).await;
    harness.update(&dns(one, &[&echo])).await;
    assert_eq!(answers(one, b"3").await, b"e:3");
}

#[tokio::test]
async fn tcp_and_udp_may_have_the_same_port() {
    let (port, one) = (free_udp_port(), Echo::named("udp").await);
    let tcp = crate::echo("tcp").await;
    let manifests = Manifests::new()
        .config_map("udp", &[(&port.to_string(), "default/dns:53")])
        .config_map("tcp", &[(&port.to_string(), "default/dns:54")])
        .service_ports(
            "dns",
            &[ServicePort::udp(53, [one.address()]), ServicePort::tcp(54, [tcp.address()])],
        );
    let harness = serve(&manifests).await;
    assert_eq!(answers(port, b"x").await, b"udp:x");
    assert_eq!(crate::line(&mut crate::connect(port).await).await, "tcp");
    let findings = harness.findings();
    assert!(!findings.iter().any(|finding| finding.contains("data[")), "{findings:?}");
}
