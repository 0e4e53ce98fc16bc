//! A handful of requests, and a table of who answered them.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::backends::Backends;
use crate::certificate;

/// Who answers where no backend is asked.
const PROXY: &str = "(the proxy itself)";

/// Host, path, and who has to answer with what.
const REQUESTS: [(&str, &str, &str, u16); 10] = [
    ("mywebsite.com", "/api", "api", 200),
    ("mywebsite.com", "/api/users?page=2", "api", 200),
    ("mywebsite.com", "/web", "web", 200),
    ("mywebsite.com", "/web/cart", "web", 200),
    ("mywebsite.com", "/docs", "docs", 200),
    ("mywebsite.com", "/docs/intro", "docs", 200),
    ("mywebsite.com", "/", "default-http-backend", 404),
    ("mywebsite.com", "/healthz", "default-http-backend", 200),
    ("elsewhere.com", "/api", "default-http-backend", 404),
    (certificate::HOST, "/cart", PROXY, 308),
];

/// The same over HTTPS.
const TLS_REQUESTS: [(&str, &str, &str, u16); 2] =
    [(certificate::HOST, "/", "web", 200), (certificate::HOST, "/cart", "web", 200)];

/// Sends the requests on two connections, the second one with TLS, and prints a row for each. True if every row is as expected, and every
/// endpoint had its turn.
pub(crate) async fn table(
    address: SocketAddr,
    (secure, connector): (SocketAddr, &TlsConnector),
    backends: &Backends,
) -> Result<bool, Box<dyn Error>> {
    let mut client = connect(TcpStream::connect(address).await?).await?;
    let stream = TcpStream::connect(secure).await?;
    let mut tls_client = connect(connector.connect(certificate::HOST.try_into()?, stream).await?).await?;

    println!("{:<37} {:<22} {:<17} STATUS", "REQUEST", "SERVICE", "ENDPOINT");
    let mut all_as_expected = true;
    let mut answered: BTreeMap<String, usize> = BTreeMap::new();
    let plain = REQUESTS.into_iter().map(|request| ("", request));
    for (scheme, (host, target, service, status)) in
        plain.chain(TLS_REQUESTS.map(|request| ("https://", request)))
    {
        let client = if scheme.is_empty() { &mut client } else { &mut tls_client };
        let answer = ask(client, host, target).await?;
        let is_of = |all: &Vec<SocketAddr>| all.iter().any(|one| one.to_string() == answer.endpoint);
        let known = service == PROXY || backends.get(service).is_some_and(is_of);
        let as_expected = known && answer.service == service && answer.status == status;
        all_as_expected &= as_expected;
        if service != PROXY {
            *answered.entry(answer.endpoint.clone()).or_default() += 1;
        }
        let remark =
            if as_expected { String::new() } else { format!(" <- expected {service} with {status}") };
        let request = format!("GET {scheme}{host}{target}");
        println!("{request:<37} {:<22} {:<17} {}{remark}", answer.service, answer.endpoint, answer.status);
    }
    let endpoints = backends.values().map(Vec::len).sum();
    if answered.len() < endpoints {
        println!("only {} of {endpoints} endpoints answered", answered.len());
        all_as_expected = false;
    }
    Ok(all_as_expected)
}

async fn connect<T>(stream: T) -> Result<SendRequest<Empty<Bytes>>, hyper::Error>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (client, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(client)
}

struct Answer {
    service: String,
    endpoint: String,
    status: u16,
}

/// The backends answer with a line such as `api at 127.0.0.1:40001 got GET /api`.
async fn ask(
    client: &mut SendRequest<Empty<Bytes>>,
    host: &str,
    target: &str,
) -> Result<Answer, Box<dyn Error>> {
    client.ready().await?;
    let request = Request::get(target).header("host", host).body(Empty::new())?;
    let response = client.send_request(request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    let text = String::from_utf8_lossy(&body);
    let (service, endpoint) = match text.split(' ').collect::<Vec<_>>().as_slice() {
        [service, "at", endpoint, "got", ..] => (*service, *endpoint),
        _ => (PROXY, "-"),
    };
    Ok(Answer { service: service.to_owned(), endpoint: endpoint.to_owned(), status })
}
