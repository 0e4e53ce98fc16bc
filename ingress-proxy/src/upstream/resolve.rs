//! The addresses behind a DNS name (a Service of type ExternalName).

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long an answer is used at least, and at most, whatever its time to live.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);
/// How long a first answer is awaited.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the system's name servers; starts only when a name is looked up.
#[derive(Debug)]
pub(crate) struct Resolver {
    resolver: OnceLock<Option<TokioResolver>>,
    local: bool,
}

/// A name, and its latest answer.
#[derive(Debug)]
pub(super) struct Lookup {
    name: Arc<str>,
    port: u16,
    latest: Mutex<Latest>,
    renewed: Notify,
}

#[derive(Debug, Default)]
struct Latest {
    addresses: Arc<[SocketAddr]>,
    until: Option<Instant>,
    renewing: bool,
}

impl Lookup {
    pub(super) fn new(name: Arc<str>, port: u16) -> Self {
        Self { name, port, latest: Mutex::default(), renewed: Notify::new() }
    }
}

impl Resolver {
    /// A resolver; `local` allows answers that point at this machine.
    pub(crate) fn new(local: bool) -> Self {
        Self { resolver: OnceLock::new(), local }
    }

    /// The addresses of a name, sorted. An answer that has run out is used once more while a task renews it, and for as long as nobody
    /// can be asked; only the first one is awaited.
    pub(super) async fn addresses(self: &Arc<Self>, lookup: &Arc<Lookup>) -> Arc<[SocketAddr]> {
        let renewed = lookup.renewed.notified();
        let (wait, renew) = {
            let mut latest = lookup.latest.lock().unwrap_or_else(PoisonError::into_inner);
            let stale = latest.until.is_none_or(|until| until <= Instant::now());
            let renew = stale && !latest.renewing;
            latest.renewing |= renew;
            (latest.addresses.is_empty() && latest.renewing, renew)
        };
        if renew {
            let (resolver, lookup) = (self.clone(), lookup.clone());
            tokio::spawn(async move { resolver.renew(&lookup).await });
        }
        if wait {
            // Too late is answered with what is known: nothing.
            let _ = tokio::time::timeout(PATIENCE, renewed).await;
        }
        lookup.latest.lock().unwrap_or_else(PoisonError::into_inner).addresses.clone()
    }

    async fn renew(&self, lookup: &Lookup) {
        let found = self.ask(lookup).await;
        let mut latest = lookup.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.renewing = false;
        match found {
            Ok((addresses, until)) => {
                latest.addresses = addresses.into();
                latest.until = Some(until);
            }
            Err(error) => {
                tracing::warn!(name = %lookup.name, %error, "a name could not be resolved");
                latest.until = Some(Instant::now() + SHORTEST);
            }
        }
        lookup.renewed.notify_waiters();
    }

    async fn ask(&self, lookup: &Lookup) -> Result<(Vec<SocketAddr>, Instant), String> {
        let resolver = self.resolver.get_or_init(|| TokioResolver::builder_tokio().ok()?.build().ok());
        let Some(resolver) = resolver else { return Err("the system has no usable resolv.conf".into()) };
        let answer = resolver.lookup_ip(&*lookup.name).await.map_err(|error| error.to_string())?;
        let now = Instant::now();
        let until = Instant::from_std(answer.valid_until()).clamp(now + SHORTEST, now + LONGEST);
        let (allowed, refused): (Vec<_>, Vec<_>) =
            answer.iter().map(|ip| ip.to_canonical()).partition(|ip| self.local || !is_local(*ip));
        for address in refused {
            tracing::warn!(name = %lookup.name, %address, "an address of this machine is refused for an external name");
        }
        let mut addresses: Vec<_> = allowed.into_iter().map(|ip| SocketAddr::new(ip, lookup.port)).collect();
        addresses.sort_unstable();
        addresses.dedup();
        Ok((addresses, until))
    }
}

/// Addresses by which a name could be made to reach this machine or its metadata service: loopback, link-local, unspecified.
fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || ip.octets()[0] == 0
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_are_known() {
        for local in ["127.0.0.1", "127.9.9.9", "169.254.169.254", "0.0.0.0", "::1", "fe80::1", "::"] {
            assert!(is_local(local.parse().unwrap()), "{local}");
        }
        for remote in ["10.0.0.1", "192.0.2.1", "2001:db8::1", "fd00::1"] {
            assert!(!is_local(remote.parse().unwrap()), "{remote}");
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_refused_unless_allowed() {
        for (local, count) in [(false, 0), (true, 1)] {
            let lookup = Arc::new(Lookup::new("127.0.0.1".into(), 80));
            assert_eq!(Arc::new(Resolver::new(local)).addresses(&lookup).await.len(), count);
        }
    }
}
