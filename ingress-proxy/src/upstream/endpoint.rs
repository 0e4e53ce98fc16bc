//! An upstream at run time: its endpoints as they are now.

use std::sync::{Arc, Mutex, PoisonError};

use ingress_core::{Endpoints, Upstream};

use super::balance::RoundRobin;
use super::pool::{Endpoint, Pool};
use super::resolve::{Lookup, Resolver};

/// The endpoints of one upstream, with their idle connections and the balancer's place among them.
#[derive(Debug)]
pub(crate) struct Group {
    name: Arc<str>,
    state: Mutex<State>,
    balance: RoundRobin,
    pool: Arc<Pool>,
    resolver: Arc<Resolver>,
}

#[derive(Debug, Default)]
struct State {
    upstream: Option<Arc<Upstream>>,
    endpoints: Arc<[Arc<Endpoint>]>,
    lookup: Option<Arc<Lookup>>,
}

impl Group {
    pub(super) fn new(name: Arc<str>, pool: Arc<Pool>, resolver: Arc<Resolver>) -> Self {
        Self { name, state: Mutex::default(), balance: RoundRobin::default(), pool, resolver }
    }

    /// The name of the upstream.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Takes over the endpoints of a description; those that stay keep their connections.
    pub(super) fn follow(&self, upstream: &Arc<Upstream>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.upstream.as_ref().is_some_and(|held| Arc::ptr_eq(held, upstream) || held == upstream) {
            return;
        }
        match &upstream.endpoints {
            Endpoints::Dns { name, port } => {
                state.lookup = Some(Arc::new(Lookup::new(name.clone(), *port)));
                state.endpoints = Arc::default();
            }
            _ => {
                state.lookup = None;
                let addresses = upstream.addresses().iter().map(|endpoint| endpoint.address);
                state.endpoints = self.renew(&state.endpoints, addresses);
            }
        }
        state.upstream = Some(upstream.clone());
    }

    fn renew(
        &self,
        held: &[Arc<Endpoint>],
        addresses: impl Iterator<Item = std::net::SocketAddr>,
    ) -> Arc<[Arc<Endpoint>]> {
        addresses
            .map(|address| match held.iter().find(|endpoint| endpoint.address == address) {
                Some(endpoint) => endpoint.clone(),
                None => Endpoint::new(address, self.pool.clone()),
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
        let addresses = self.resolver.addresses(lookup).await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let same = addresses.iter().eq(state.endpoints.iter().map(|endpoint| &endpoint.address));
        let endpoints = match same {
            true => return state.endpoints.clone(),
            false => self.renew(&state.endpoints, addresses.iter().copied()),
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
}
