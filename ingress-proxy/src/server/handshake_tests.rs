//! What a connection knows of a client after its handshake.

use std::sync::Arc;

use ingress_core::tls::{Certificate, ClientAuth, Guard, ServerTls, TlsTable, Trust, VerifyClient};
use ingress_core::{Backend, HostPattern, PathPattern, Route, Snapshot, Upstream};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::TlsConnector;

use super::handshake::{Opened, Terminated, handshake};
use super::prefixed::Prefixed;
use crate::connection::{Outcome, Tls};
use crate::snapshot::{Subscriber, channel};

/// A server with two hosts, of which one asks for certificates; a client that knows the server, and its certificate.
struct World {
    subscriber: Subscriber,
    roots: RootCertStore,
    shown: (CertificateDer<'static>, KeyPair),
}

fn world(change: impl FnOnce(&mut ClientAuth)) -> World {
    let key = KeyPair::generate().unwrap();
    let names = ["asks.test", "asks-not.test"].map(str::to_owned);
    let server = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let certificate =
        Certificate::from_pem("server", server.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(server.der().clone()).unwrap();

    let (mut params, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut trust = Trust::default();
    trust.authorities = vec![params.self_signed(&key).unwrap().der().clone()];
    let (issuer, key) = (Issuer::new(params, key), KeyPair::generate().unwrap());
    let client = CertificateParams::default().signed_by(&key, &issuer).unwrap().der().clone();

    let mut asked = ClientAuth::new(Arc::new(trust));
    change(&mut asked);
    let mut tls = ServerTls::default();
    tls.client_auth = Some(Guard::Ready(Arc::new(asked)));
    let host = HostPattern::Exact("asks.test".into());
    let table = TlsTable::builder().default_certificate(certificate).server(host.clone(), tls).build();
    let route = Route::new(host, PathPattern::prefix("/").unwrap(), Backend::Upstream("u".into()));
    let snapshot =
        Snapshot::builder().upstream(Upstream::new("u", [])).route(route).tls(table).build().unwrap();
    World { subscriber: channel(snapshot).1, roots, shown: (client, key) }
}

impl World {
    fn client(&self, shows: bool) -> ClientConfig {
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(self.roots.clone());
        let mut config = match shows {
            true => {
                let key = PrivateKeyDer::try_from(self.shown.1.serialize_der()).unwrap();
                builder.with_client_auth_cert(vec![self.shown.0.clone()], key).unwrap()
            }
            false => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::in_memory_sessions(8);
        config
    }

    /// A handshake, and one byte back so that the client gets its tickets.
    async fn tls(&self, client: &ClientConfig, name: &'static str) -> (Tls, Option<HandshakeKind>) {
        let (near, far) = duplex(1 << 14);
        let published = self.subscriber.published();
        let connect = async {
            let connector = TlsConnector::from(Arc::new(client.clone()));
            let mut io = connector.connect(ServerName::try_from(name).unwrap(), near).await.unwrap();
            io.read_u8().await.unwrap();
            io.get_ref().1.handshake_kind()
        };
        let accept = async {
            match handshake(Prefixed::new(far, Vec::new()), &published).await.unwrap() {
                Opened::Terminated(done) => {
                    let Terminated::<DuplexStream> { mut io, tls, .. } = *done;
                    io.write_u8(1).await.unwrap();
                    io.flush().await.unwrap();
                    tls
                }
                Opened::Passed { .. } => panic!("passed on"),
            }
        };
        let (kind, tls) = tokio::join!(connect, accept);
        (tls, kind)
    }
}

#[tokio::test]
async fn a_client_is_asked_only_where_that_is_wanted() {
    let world = world(|_| {});
    for (shows, outcome) in [(true, Outcome::Success), (false, Outcome::None)] {
        let client = world.client(shows);
        let (tls, _) = world.tls(&client, "asks.test").await;
        assert_eq!(tls.server_name.as_deref(), Some("asks.test"));
        assert_eq!(tls.client.unwrap().outcome, outcome);
        assert_eq!(world.tls(&client, "asks-not.test").await.0.client, None);
    }
}

#[tokio::test]
async fn a_session_that_goes_on_keeps_the_certificate_and_is_judged_again() {
    let world = world(|asked| asked.verify = VerifyClient::Optional);
    let client = world.client(true);
    let (first, kind) = world.tls(&client, "asks.test").await;
    assert_eq!(kind, Some(HandshakeKind::Full));
    let (second, kind) = world.tls(&client, "asks.test").await;
    assert_eq!(kind, Some(HandshakeKind::Resumed));
    assert_eq!(first, second);
    assert_eq!(second.client.unwrap().outcome, Outcome::Success);
}

#[tokio::test]
async fn a_bad_certificate_fails_no_handshake() {
    let world = world(|asked| asked.trust = Arc::default());
    let (tls, _) = world.tls(&world.client(true), "asks.test").await;
    let outcome = &tls.client.unwrap().outcome;
    assert!(matches!(outcome, Outcome::Failed { unknown: true, .. }), "{outcome}");
}

/// Somebody's certificate without its key.
#[tokio::test]
async fn who_has_not_the_key_of_what_it_shows_gets_no_handshake() {
    let world = world(|_| {});
    let mut client = world.client(true);
    let other = PrivateKeyDer::try_from(KeyPair::generate().unwrap().serialize_der()).unwrap();
    let key = default_provider().key_provider.load_private_key(other).unwrap();
    let shown = rustls::sign::CertifiedKey::new(vec![world.shown.0.clone()], key);
    client.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(shown));
    let (near, far) = duplex(1 << 14);
    let published = world.subscriber.published();
    let connector = TlsConnector::from(Arc::new(client));
    let connect = connector.connect(ServerName::try_from("asks.test").unwrap(), near);
    let accept = handshake(Prefixed::new(far, Vec::new()), &published);
    let (_, accepted) = tokio::join!(connect, accept);
    assert!(accepted.err().unwrap().to_string().contains("BadSignature"));
}
