//! Which certificate is presented, and what is agreed upon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use ingress_proxy::core::HostPattern;
use ingress_proxy::core::tls::{Certificate, CipherSuite, PrivateKey, ServerTls, Version};
use rustls::ProtocolVersion;
use rustls::version::{TLS12, TLS13};
use tokio::io::AsyncWriteExt;

use crate::support::{Client, Parts, World, certificate, ecdsa, get, table, until};

#[tokio::test]
async fn the_name_decides_exact_before_wildcard_before_default() {
    let certificates = [ecdsa(&["a.test"]), ecdsa(&["*.a.test"]), ecdsa(&["b.a.test"])];
    let tls = table(&certificates).certificate("without.test", None).build();
    let world = World::new(&Parts { tls: tls.into(), ..Parts::default() }).await;
    let client = Client::new();
    for (name, presented) in [
        ("a.test", "a.test"),
        ("A.TEST", "a.test"),
        ("b.a.test", "b.a.test"),
        ("c.a.test", "*.a.test"),
        ("d.c.a.test", "default.test"),
        ("without.test", "default.test"),
        ("other.test", "default.test"),
        ("127.0.0.1", "default.test"),
    ] {
        assert_eq!(client.presented(world.tls(), name).await, presented, "{name}");
    }
    assert_eq!(client.without_name().presented(world.tls(), "a.test").await, "default.test");
}

#[tokio::test]
async fn requests_are_served_over_both_versions_of_http_as_alpn_says() {
    let parts = Parts { tls: table(&[ecdsa(&["a.test"])]).build().into(), ..Parts::default() };
    let world = World::new(&parts).await;
    for (offered, chosen) in
        [(&[][..], None), (&["http/1.1"], Some("http/1.1")), (&["http/1.1", "h2"], Some("h2"))]
    {
        let client = Client::new().alpn(offered);
        let mut stream = client.connect(world.tls(), "a.test").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen.map(str::as_bytes));
        match chosen {
            Some("h2") => assert_eq!(get_over_http2(stream).await, 200),
            _ => {
                let answer = get(&mut stream, "a.test").await;
                assert!(answer.contains("x-forwarded-port: 443"), "{answer}");
            }
        }
    }
    // Who knows nothing of us that we speak is told so.
    let failed = Client::new().alpn(&["spdy/1"]).connect(world.tls(), "a.test").await.unwrap_err();
    assert!(failed.to_string().contains("NoApplicationProtocol"), "{failed}");
}

async fn get_over_http2<T>(io: T) -> u16
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let io = hyper_util::rt::TokioIo::new(io);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("https://a.test/").body(ingress_proxy::Body::empty()).unwrap();
    sender.send_request(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn http2_is_neither_offered_nor_spoken_where_it_is_off() {
    let mut parts = Parts { tls: table(&[]).build().into(), ..Parts::default() };
    parts.settings.http2 = false;
    let world = World::new(&parts).await;
    let client = Client::new().alpn(&["h2", "http/1.1"]);
    let stream = client.connect(world.tls(), "a.test").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    // A client that speaks it without having agreed on it: with TLS, and without.
    for http2 in [true, false] {
        parts.settings.http2 = http2;
        let world = World::new(&parts).await;
        let mut stream = Client::new().connect(world.tls(), "a.test").await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let answer = crate::support::read_all(&mut stream).await;
        assert!(answer.starts_with(b"HTTP/1.1 "), "{}", answer.escape_ascii());
    }
    let mut stream = tokio::net::TcpStream::connect(world.plain()).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let answer = crate::support::read_all(&mut stream).await;
    assert!(answer.starts_with(b"HTTP/1.1 "), "{}", answer.escape_ascii());
}

#[tokio::test]
async fn keys_of_every_kind_are_used_in_both_versions() {
    let kinds = [
        ("rsa.test", &rcgen::PKCS_RSA_SHA256),
        ("ecdsa.test", &rcgen::PKCS_ECDSA_P384_SHA384),
        ("ed25519.test", &rcgen::PKCS_ED25519),
    ];
    let certificates = kinds.map(|(name, kind)| certificate(&[name], kind));
    let world = World::new(&Parts { tls: table(&certificates).build().into(), ..Parts::default() }).await;
    for version in [&TLS12, &TLS13] {
        for (name, _) in kinds {
            let mut stream = Client::speaking(version).connect(world.tls(), name).await.unwrap();
            assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
            get(&mut stream, name).await;
        }
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_harms_nobody_else() {
    let (good, other) = (ecdsa(&["good.test"]), ecdsa(&["other.test"]));
    let foreign = PrivateKey::new(&other.key.to_der().unwrap());
    let bad = Arc::new(Certificate { key: foreign, ..(*ecdsa(&["bad.test"])).clone() });
    assert!(ingress_proxy::tls::check_certificate(&good).is_ok());
    let reason = ingress_proxy::tls::check_certificate(&bad).unwrap_err();
    assert_eq!(reason, "the private key is not that of the certificate");
    let world = World::new(&Parts { tls: table(&[good, bad]).build().into(), ..Parts::default() }).await;
    for (name, presented) in
        [("bad.test", "default.test"), ("good.test", "good.test"), ("bad.test", "default.test")]
    {
        assert_eq!(Client::new().presented(world.tls(), name).await, presented);
    }
}

#[tokio::test]
async fn certificates_change_without_a_handshake_failing_or_a_connection_closing() {
    let parts = |certificate: Arc<Certificate>| Parts {
        tls: table(&[certificate]).build().into(),
        ..Parts::default()
    };
    let world = World::new(&parts(ecdsa(&["a.test", "0.test"]))).await;
    let address = world.tls();
    let mut open = Client::new().connect(address, "a.test").await.unwrap();
    get(&mut open, "a.test").await;
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let done = done.clone();
            tokio::spawn(async move {
                let mut handshakes = 0;
                while !done.load(Relaxed) {
                    let mut stream = Client::new().connect(address, "a.test").await.unwrap();
                    get(&mut stream, "a.test").await;
                    handshakes += 1;
                }
                handshakes
            })
        })
        .collect();
    for round in 1..30 {
        let second = format!("{round}.test");
        world.publish(&parts(ecdsa(&["a.test", &second])));
        let presented = Client::new().presented(address, "a.test").await;
        assert_eq!(presented, format!("{second} a.test"), "the next handshake sees it");
    }
    done.store(true, Relaxed);
    for client in clients {
        assert!(client.await.unwrap() > 0);
    }
    get(&mut open, "a.test").await;
    assert_eq!(world.running.counts().handshakes_failed, 0);
    assert!(world.running.counts().handshakes >= 30);
}

#[tokio::test]
async fn only_the_versions_that_are_set_are_spoken() {
    for (set, spoken, not) in [(Version::Tls12, &TLS12, &TLS13), (Version::Tls13, &TLS13, &TLS12)] {
        let mut parts = Parts { tls: table(&[]).build().into(), ..Parts::default() };
        parts.settings.tls.versions = vec![set];
        let world = World::new(&parts).await;
        assert!(Client::speaking(spoken).connect(world.tls(), "a.test").await.is_ok());
        let failed = Client::speaking(not).connect(world.tls(), "a.test").await.unwrap_err();
        assert!(failed.to_string().contains("ProtocolVersion"), "{failed}");
    }
}

#[tokio::test]
async fn ciphers_are_chosen_in_our_order_or_the_clients_and_hosts_may_differ() {
    let server = |ciphers: &[CipherSuite], prefer| {
        let mut server = ServerTls::default();
        (server.ciphers, server.prefer_server_ciphers) = (Some(ciphers.to_vec()), prefer);
        server
    };
    let (small, large) = (CipherSuite::EcdsaAes128Gcm, CipherSuite::EcdsaChaCha20);
    let host = |host| HostPattern::parse(host).unwrap();
    let tls = table(&[ecdsa(&["*.test"])])
        .server(host("ours.test"), server(&[large, small], Some(true)))
        .server(host("theirs.test"), server(&[large, small], Some(false)))
        .server(host("one.test"), server(&[large], None))
        .build();
    let hosts = vec!["ours.test", "theirs.test", "one.test"];
    let world = World::new(&Parts { tls: tls.into(), hosts, ..Parts::default() }).await;
    let mut client = Client::speaking(&TLS12);
    let mut provider = (**client.config.crypto_provider()).clone();
    provider.cipher_suites.retain(|suite| format!("{suite:?}").contains("TLS_ECDHE_ECDSA_WITH_AES_128"));
    let aes = provider.cipher_suites.clone();
    provider.cipher_suites = rustls::crypto::aws_lc_rs::default_provider().cipher_suites;
    provider.cipher_suites.retain(|suite| format!("{suite:?}").contains("ECDSA_WITH_CHACHA20"));
    // AES first.
    provider.cipher_suites.splice(0..0, aes.clone());
    client = client.with_provider(provider.clone());
    for (name, cipher) in [
        ("ours.test", "CHACHA20"),
        ("theirs.test", "AES_128"),
        ("one.test", "CHACHA20"),
        ("usual.test", "AES_128"),
    ] {
        let stream = client.connect(world.tls(), name).await.unwrap();
        let chosen = format!("{:?}", stream.get_ref().1.negotiated_cipher_suite().unwrap().suite());
        assert!(chosen.contains(cipher), "{name}: {chosen}");
        assert_eq!(stream.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    }
    provider.cipher_suites = aes;
    assert!(client.with_provider(provider).connect(world.tls(), "one.test").await.is_err());
}

#[tokio::test]
async fn who_asks_for_a_name_that_nobody_has_can_be_refused() {
    let tls = table(&[ecdsa(&["own.test"]), ecdsa(&["*.wild.test"])]).build();
    let hosts = vec!["rule.test", "own.test"];
    let mut parts = Parts { tls: tls.into(), hosts, ..Parts::default() };
    parts.settings.tls.reject_handshake = true;
    let world = World::new(&parts).await;
    let client = Client::new();
    for (name, presented) in
        [("own.test", "own.test"), ("a.wild.test", "*.wild.test"), ("rule.test", "default.test")]
    {
        assert_eq!(client.presented(world.tls(), name).await, presented);
    }
    for client in [client.clone(), client.without_name()] {
        let failed = client.connect(world.tls(), "other.test").await.unwrap_err();
        assert!(failed.to_string().contains("UnrecognisedName"), "{failed}");
    }
    until(|| world.running.counts().handshakes_failed == 2).await;
}
