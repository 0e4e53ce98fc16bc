//! The upstream side: endpoints, connections to them, and what is remembered about them from snapshot to snapshot.
//!
//! Nothing here knows a route or a policy of a client.

mod answer;
mod balance;
mod connect;
mod endpoint;
mod pool;
mod resolve;
mod retry;
mod upload;

use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use ingress_core::{Settings, Upstreams};

pub(crate) use answer::Answer;
pub(crate) use connect::connect;
pub(crate) use endpoint::Group;
pub(crate) use pool::{Endpoint, Lease, Pool};
pub(crate) use resolve::Resolver;
pub(crate) use retry::{Sent, Tries};
pub(crate) use upload::{Progress, Stage, Upload};

use crate::config::Config;

/// The upstreams that have been in use, with their connections, by name. They outlive snapshots.
#[derive(Debug)]
pub(crate) struct Groups {
    by_name: Mutex<HashMap<Arc<str>, Arc<Group>, foldhash::fast::RandomState>>,
    pool: Arc<Pool>,
    resolver: Arc<Resolver>,
}

impl Groups {
    pub(crate) fn new(config: &Config) -> Self {
        let resolver = Arc::new(Resolver::new(config.local_endpoints));
        Self { by_name: Mutex::default(), pool: Pool::new(&Settings::default()), resolver }
    }

    /// The group of an upstream, made on first use; `None` if the snapshot has no such upstream.
    pub(crate) fn get(&self, name: &str, upstreams: &Upstreams) -> Option<Arc<Group>> {
        let upstream = upstreams.get(name)?;
        let mut groups = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let group = groups.entry(upstream.name.clone()).or_insert_with(|| {
            Arc::new(Group::new(upstream.name.clone(), self.pool.clone(), self.resolver.clone()))
        });
        group.follow(upstream);
        Some(group.clone())
    }

    /// Brings the groups in line with a new snapshot: endpoints that left are forgotten, and their idle connections closed.
    pub(crate) fn follow(&self, upstreams: &Upstreams, settings: &Settings) {
        self.pool.follow(settings);
        let mut groups = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|name, group| match upstreams.get(name) {
            Some(upstream) => {
                group.follow(upstream);
                true
            }
            None => false,
        });
    }

    /// Closes the idle connections that are past their time.
    pub(crate) fn sweep(&self) {
        let groups: Vec<_> = {
            let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
            by_name.values().cloned().collect()
        };
        groups.iter().for_each(|group| group.sweep());
    }

    /// How often that should be done.
    pub(crate) fn sweep_interval(&self) -> std::time::Duration {
        self.pool.sweep_interval()
    }
}
