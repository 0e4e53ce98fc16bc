//! An upstream at run time: its endpoints as they are now.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ingress_core::policy::{Protocol, Transport};
use ingress_core::{Endpoints, Upstream};

use super::balance::RoundRobin;
use super::connect::Connector;
use super::pool::{Endpoint, Pool};
use super::resolve::{Lookup, Resolver};
use crate::tls::upstream::Clients;

/// The endpoints of one upstream as one transport reaches them, with their connections and the balancer's place among them.
#[derive(Debug)]
pub(crate) struct Group {
    name: Arc<str>,
    transport: Transport,
    state: Mutex<State>,
    balance: RoundRobin,
    common: Arc<Common>,
}

/// What the groups of one proxy share.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) pool: Arc<Pool>,
    pub(super) resolver: Arc<Resolver>,
    pub(super) clients: Clients,
}

#[derive(Debug, Default)]
struct State {
    upstream: Option<Arc<Upstream>>,
    /// How its endpoints are connected to; the host is that of the upstream.
    connector: Option<(Arc<str>, Arc<Connector>)>,
    endpoints: Arc<[Arc<Endpoint>]>,
    lookup: Option<Arc<Lookup>>,
}

impl Group {
    pub(super) fn new(name: Arc<str>, transport: Transport, common: Arc<Common>) -> Self {
        Self { name, transport, state: Mutex::default(), balance: RoundRobin::default(), common }
    }

    /// The name of the upstream.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How the endpoints are spoken to.
    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// True if the endpoints speak HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self.transport.protocol, Protocol::Grpc | Protocol::Grpcs)
    }

    /// Takes over the endpoints of a description; those that stay keep their connections.
    pub(super) fn follow(&self, upstream: &Arc<Upstream>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.upstream.as_ref().is_some_and(|held| Arc::ptr_eq(held, upstream) || held == upstream) {
            return;
        }
        let host = host(upstream);
        if state.connector.as_ref().is_none_or(|(held, _)| *held != host) {
            let connector = Connector::new(&self.transport, &self.common.clients, host.clone());
            state.connector = Some((host, connector));
            state.endpoints = Arc::default();
        }
        match &upstream.endpoints {
            Endpoints::Dns { name, port } => {
                state.lookup = Some(Arc::new(Lookup::new(name.clone(), *port)));
                state.endpoints = Arc::default();
            }
            _ => {
                state.lookup = None;
                let addresses = upstream.addresses().iter().map(|endpoint| endpoint.address);
                state.endpoints = self.renew(&state, addresses);
            }
        }
        state.upstream = Some(upstream.clone());
    }

    /// The endpoints at these addresses; those that are held stay as they are.
    fn renew(&self, state: &State, addresses: impl Iterator<Item = SocketAddr>) -> Arc<[Arc<Endpoint>]> {
        let Some((_, connector)) = &state.connector else { return Arc::default() };
        addresses
            .map(|address| match state.endpoints.iter().find(|endpoint| endpoint.address == address) {
                Some(endpoint) => endpoint.clone(),
                None => Endpoint::new(address, connector.clone(), self.common.pool.clone()),
            })
            .collect()
    }

    /// Picks the next endpoint, avoiding those that were tried; `None` if there is no endpoint.
    pub(crate) async fn pick(&self, tried: &[Arc<Endpoint>]) -> Option<Arc<Endpoint>> {
        let (endpoints, lookup) = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            (state.endpoints.clone(), state.lookup.clone())
        };
        match lookup {
            None => self.balance.pick(&endpoints, tried),
            Some(lookup) => self.balance.pick(&Box::pin(self.resolved(&lookup)).await, tried),
        }
    }

    /// How many endpoints there are, as far as is known.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).endpoints.len()
    }

    /// Looks a DNS name up, and remembers the endpoints behind it while it stays the name of this upstream.
    async fn resolved(&self, lookup: &Arc<Lookup>) -> Arc<[Arc<Endpoint>]> {
        let addresses = self.common.resolver.addresses(lookup).await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let same = addresses.iter().eq(state.endpoints.iter().map(|endpoint| &endpoint.address));
        let endpoints = match same {
            true => return state.endpoints.clone(),
            false => self.renew(&state, addresses.iter().copied()),
        };
        if state.lookup.as_ref().is_some_and(|current| Arc::ptr_eq(current, lookup)) {
            state.endpoints = endpoints.clone();
        }
        endpoints
    }

    pub(super) fn sweep(&self) {
        let endpoints = self.state.lock().unwrap_or_else(PoisonError::into_inner).endpoints.clone();
        endpoints.iter().for_each(|endpoint| endpoint.sweep());
    }

    /// True if no connection is kept.
    pub(super) fn is_unconnected(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.endpoints.iter().all(|endpoint| endpoint.is_unconnected())
    }
}

/// What an endpoint is called in its certificate unless the route says it: the DNS name that led to it, or the name of its Service in the
/// cluster. The upstream `shop/web:8443` is `web.shop.svc`; one made by hand is called what it is called, up to the port.
/// (ingress-nginx asks for `upstream_balancer`, which is in nobody's certificate.)
fn host(upstream: &Upstream) -> Arc<str> {
    if let Endpoints::Dns { name, .. } = &upstream.endpoints {
        return name.clone();
    }
    let name = upstream.name.rsplit_once(':').map_or(&*upstream.name, |(name, _)| name);
    match name.split_once('/') {
        Some((namespace, service)) => format!("{service}.{namespace}.svc").into(),
        None => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_called_by_their_service() {
        let by_name = |name: &str| host(&Upstream::new(name, []));
        assert_eq!(&*by_name("shop/web:8443"), "web.shop.svc");
        assert_eq!(&*by_name("shop/web:https"), "web.shop.svc");
        assert_eq!(&*by_name("api"), "api");
        assert_eq!(&*by_name("api.test:8443"), "api.test");
        assert_eq!(&*host(&Upstream::dns("shop/web:443", "web.example.com", 443)), "web.example.com");
    }
}
