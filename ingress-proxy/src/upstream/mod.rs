//! The upstream side: endpoints, connections to them, and what is remembered about them from snapshot to snapshot.
//!
//! Nothing here knows a route or a policy of a client.

mod answer;
mod balance;
mod bell;
mod connect;
mod endpoint;
mod exclusive;
mod fault;
mod http1;
mod lease;
mod overtaken;
mod pool;
mod resolve;
mod retry;
mod shared;
mod upload;
mod waiting;

use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use ingress_core::policy::{Protocol, Transport};
use ingress_core::{Settings, Upstreams};
use smallvec::SmallVec;

pub(crate) use answer::Answer;
pub(crate) use endpoint::Group;
#[cfg(feature = "fuzzing")]
pub use http1::fuzzing;
pub(crate) use http1::{Io, Raw};
pub(crate) use lease::Lease;
pub(crate) use pool::Endpoint;
pub(crate) use retry::{Sent, Tries};
pub(crate) use upload::{Progress, Upload};
pub(crate) use waiting::{Failed, Outgoing};

use self::endpoint::Common;
use self::pool::Pool;
use self::resolve::Resolver;
use crate::config::Config;
use crate::tls::upstream::Clients;

/// The upstreams that have been in use, with their connections, by name and transport: what is spoken to in different ways shares no
/// connection. They outlive snapshots.
#[derive(Debug)]
pub(crate) struct Groups {
    by_name: Mutex<HashMap<Arc<str>, Transports, foldhash::fast::RandomState>>,
    common: Arc<Common>,
}

/// One upstream, over each of its transports: hardly ever more than one.
type Transports = SmallVec<[Arc<Group>; 1]>;

impl Groups {
    pub(crate) fn new(config: &Config) -> Self {
        let pool = Pool::new(&Settings::default());
        let resolver = Arc::new(Resolver::new(config.local_endpoints));
        let common = Common { pool, resolver, clients: Clients::default() };
        Self { by_name: Mutex::default(), common: Arc::new(common) }
    }

    /// The group of an upstream over a transport, made on first use; `None` if the snapshot has no such upstream. What
    /// [`Protocol::Auto`] means is for the caller to say; here it is plain HTTP.
    pub(crate) fn get(&self, name: &str, transport: &Transport, upstreams: &Upstreams) -> Option<Arc<Group>> {
        let upstream = upstreams.get(name)?;
        let transport = canonical(transport);
        let mut groups = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let groups = groups.entry(upstream.name.clone()).or_default();
        let group = match groups.iter().find(|group| *group.transport() == transport) {
            Some(group) => group.clone(),
            None => {
                let group = Arc::new(Group::new(upstream.name.clone(), transport, self.common.clone()));
                groups.push(group.clone());
                group
            }
        };
        group.follow(upstream);
        Some(group)
    }

    /// Brings the groups in line with a new snapshot: endpoints that left are forgotten, and their idle connections closed.
    pub(crate) fn follow(&self, upstreams: &Upstreams, settings: &Settings) {
        self.common.pool.follow(settings);
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        by_name.retain(|name, groups| match upstreams.get(name) {
            Some(upstream) => {
                groups.iter().for_each(|group| group.follow(upstream));
                true
            }
            None => false,
        });
    }

    /// Closes the idle connections that are past their time, and forgets transports that nobody uses any more.
    pub(crate) fn sweep(&self) {
        let groups: Vec<_> = {
            let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
            by_name.values().flatten().cloned().collect()
        };
        groups.iter().for_each(|group| group.sweep());
        drop(groups);
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        for groups in by_name.values_mut().filter(|groups| groups.len() > 1) {
            // Routes and requests hold a group too. One without connections is worth nothing but its place in the round.
            groups.retain(|group| Arc::strong_count(group) > 1 || !group.is_unconnected());
        }
    }

    /// How often that should be done.
    pub(crate) fn sweep_interval(&self) -> std::time::Duration {
        self.common.pool.sweep_interval()
    }
}

/// A transport as connections are told apart by it: without TLS, its settings do not matter.
fn canonical(transport: &Transport) -> Transport {
    match transport.protocol {
        Protocol::Https | Protocol::Grpcs => transport.clone(),
        Protocol::Http | Protocol::Auto => Transport::new(Protocol::Http),
        Protocol::Grpc => Transport::new(Protocol::Grpc),
    }
}
