//! Which endpoint is next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::pool::Endpoint;

/// Round robin from a random start, as ingress-nginx's default: each worker goes its own round, and they do not go in step.
#[derive(Debug)]
pub(super) struct RoundRobin {
    next: AtomicUsize,
}

impl Default for RoundRobin {
    fn default() -> Self {
        Self { next: AtomicUsize::new(usize::from(rand::random::<u16>())) }
    }
}

impl RoundRobin {
    /// The next endpoint that was not tried; if all were, the next one.
    pub(super) fn pick(&self, endpoints: &[Arc<Endpoint>], tried: &[Arc<Endpoint>]) -> Option<Arc<Endpoint>> {
        let turn = || {
            let turn = self.next.fetch_add(1, Relaxed);
            endpoints.get(turn.checked_rem(endpoints.len())?)
        };
        let fresh = |endpoint: &&Arc<Endpoint>| !tried.iter().any(|tried| tried.address == endpoint.address);
        let first = turn()?;
        if tried.is_empty() || fresh(&first) {
            return Some(first.clone());
        }
        (1..endpoints.len()).filter_map(|_| turn()).find(fresh).or(Some(first)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use ingress_core::policy::Transport;

    use super::*;
    use crate::tls::upstream::Clients;
    use crate::upstream::connect::Connector;
    use crate::upstream::pool::Pool;

    fn endpoints(count: u16) -> Vec<Arc<Endpoint>> {
        let pool = Pool::new(&ingress_core::Settings::default());
        let connector = Connector::new(&Transport::default(), &Clients::default(), "api".into());
        let endpoint = |port| Endpoint::new(([127, 0, 0, 1], port).into(), connector.clone(), pool.clone());
        (1..=count).map(endpoint).collect()
    }

    #[test]
    fn every_endpoint_has_its_turn() {
        let (balance, endpoints) = (RoundRobin::default(), endpoints(3));
        let mut ports: Vec<_> =
            (0..6).map(|_| balance.pick(&endpoints, &[]).unwrap().address.port()).collect();
        ports.sort_unstable();
        assert_eq!(ports, [1, 1, 2, 2, 3, 3]);
    }

    #[test]
    fn tried_endpoints_come_last() {
        let (balance, endpoints) = (RoundRobin::default(), endpoints(3));
        let tried = &endpoints[..2];
        assert!((0..5).all(|_| balance.pick(&endpoints, tried).unwrap().address.port() == 3));
        assert!(balance.pick(&endpoints, &endpoints).is_some());
        assert!(balance.pick(&[], &[]).is_none());
    }
}
