//! What is told to the cluster: status, leader election, events.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use ingress_core::ObjectName;

use crate::args::Args;
use crate::error::Error;

/// What is told to the cluster. Without effect if objects come from files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusConfig {
    /// Write addresses into the status of Ingresses (`--update-status`, true).
    pub update: bool,
    /// Empty the status when the last replica stops (`--update-status-on-shutdown`, true).
    pub update_on_shutdown: bool,
    /// Which addresses are written (the nodes' external ones).
    pub publish: Publish,
    /// Time between two looks whether the status is as we wrote it (`--status-update-interval`, 60 s); never below 5 s.
    pub interval: Duration,
    /// Who of several replicas writes status.
    pub election: Election,
    /// Make a `Sync` event for each Ingress that is new or has changed (`--disable-sync-events`, true).
    pub sync_events: bool,
}

impl Default for StatusConfig {
    fn default() -> Self {
        Self {
            update: true,
            update_on_shutdown: true,
            publish: Publish::Nodes { internal: false },
            interval: Duration::from_secs(60),
            election: Election::default(),
            sync_events: true,
        }
    }
}

/// Which addresses stand in the status of Ingresses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Publish {
    /// Those of this Service (`--publish-service`).
    Service(ObjectName),
    /// These (`--publish-status-address`).
    Addresses(Vec<Address>),
    /// Those of the nodes on which replicas run and are ready.
    Nodes {
        /// Only the internal ones, rather than the external ones and, for want of those, the internal ones
        /// (`--report-node-internal-ip-address`).
        internal: bool,
    },
}

/// An address in the status of an Ingress.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Address {
    /// An IP address.
    Ip(IpAddr),
    /// A host name.
    Hostname(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Hostname(name) => f.write_str(name),
        }
    }
}

/// Who of several replicas writes status: the one that holds a Lease in our namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Election {
    /// Ask at all; else every replica writes (`--disable-leader-election`, true).
    pub enabled: bool,
    /// Name of the Lease (`--election-id`, `ingress-controller-leader`).
    pub id: String,
    /// How long its holder leads after it was last heard of (`--election-ttl`, 30 s).
    pub ttl: Duration,
}

/// What `--election-ttl` is when it says nothing.
const TTL: Duration = Duration::from_secs(30);
const SHORTEST_INTERVAL: Duration = Duration::from_secs(5);

impl Default for Election {
    fn default() -> Self {
        Self { enabled: true, id: "ingress-controller-leader".into(), ttl: TTL }
    }
}

impl StatusConfig {
    /// What the flags say.
    pub(super) fn from_args(args: &Args) -> Result<Self, Error> {
        let args = &args.status;
        let publish = match (&args.publish_service, args.publish_status_address.as_slice()) {
            (Some(_), [_, ..]) => {
                return Err(Error::Exclusive("--publish-service", "--publish-status-address"));
            }
            (Some(service), []) => Publish::Service(service.clone()),
            (None, []) => Publish::Nodes { internal: args.report_node_internal_ip_address },
            (None, addresses) => Publish::Addresses(addresses.to_vec()),
        };
        let ttl = if args.election_ttl.is_zero() { TTL } else { args.election_ttl };
        Ok(Self {
            update: args.update_status,
            update_on_shutdown: args.update_status_on_shutdown,
            publish,
            interval: args.status_update_interval.max(SHORTEST_INTERVAL),
            election: Election {
                enabled: !args.disable_leader_election,
                id: args.election_id.clone(),
                // The Lease counts whole seconds.
                ttl: ttl.max(Duration::from_secs(1)),
            },
            sync_events: !args.disable_sync_events,
        })
    }
}
