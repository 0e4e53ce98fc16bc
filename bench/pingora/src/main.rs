//! A reverse proxy on pingora, for the comparison alone: `pingora-peer LISTEN UPSTREAM…`, all of them addresses. One thread; the routing is a
//! hash map by host, the header fields are those that the other proxies add.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use async_trait::async_trait;
use pingora_core::Result;
use pingora_core::server::Server;
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_http::RequestHeader;
use pingora_proxy::{ProxyHttp, Session, http_proxy_service};

struct Peer {
    hosts: HashMap<String, Vec<String>>,
    next: AtomicUsize,
    port: String,
    id: AtomicUsize,
}

#[async_trait]
impl ProxyHttp for Peer {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, session: &mut Session, _: &mut ()) -> Result<Box<HttpPeer>> {
        let host = session.req_header().headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default();
        let upstreams = self.hosts.get(host).or_else(|| self.hosts.get("*")).expect("a host that is known");
        let upstream = &upstreams[self.next.fetch_add(1, Relaxed) % upstreams.len()];
        Ok(Box::new(HttpPeer::new(upstream, false, String::new())))
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        _: &mut (),
    ) -> Result<()> {
        let client = session.client_addr().and_then(|client| client.as_inet()).map(|client| client.ip().to_string());
        let client = client.unwrap_or_default();
        let host = request.headers.get("host").cloned();
        request.insert_header("X-Real-IP", &client)?;
        request.insert_header("X-Forwarded-For", &client)?;
        if let Some(host) = host {
            request.insert_header("X-Forwarded-Host", host)?;
        }
        request.insert_header("X-Forwarded-Port", &self.port)?;
        request.insert_header("X-Forwarded-Proto", "http")?;
        request.insert_header("X-Forwarded-Scheme", "http")?;
        request.insert_header("X-Scheme", "http")?;
        let id = self.id.fetch_add(1, Relaxed) as u128;
        request.insert_header("X-Request-ID", format!("{:032x}", id.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)))?;
        Ok(())
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().expect("an address to listen on");
    let upstreams: Vec<_> = arguments.collect();
    let mut conf = ServerConf::default();
    (conf.threads, conf.work_stealing, conf.upstream_keepalive_pool_size) = (1, false, 320);
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let port = listen.rsplit(':').next().unwrap_or_default().to_owned();
    let hosts = HashMap::from([("*".to_owned(), upstreams)]);
    let peer = Peer { hosts, next: AtomicUsize::new(0), port, id: AtomicUsize::new(0) };
    let mut service = http_proxy_service(&server.configuration, peer);
    service.add_tcp(&listen);
    server.add_service(service);
    server.run_forever();
}
