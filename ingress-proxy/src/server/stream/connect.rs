//! From an upstream to a connection with one of its endpoints.

use std::net::SocketAddr;
use std::time::Duration;

use ingress_core::stream::StreamSettings;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::record::Record;
use crate::upstream::Group;

/// How long one endpoint may take. nginx would wait for 60 s, which is longer than most clients do; 5 s is what holds for HTTP.
const CONNECT: Duration = Duration::from_secs(5);

/// Connects to the endpoints of an upstream in turn, until one takes the connection or the settings allow no further try; `None` if none
/// has.
pub(super) async fn connect(
    group: &Group,
    settings: &StreamSettings,
    record: &mut Record,
) -> Option<TcpStream> {
    let until = Until::new(settings);
    let mut tried = Vec::new();
    loop {
        let endpoint = group.pick(&tried).await?;
        let address = endpoint.address;
        match try_one(address).await {
            Ok(stream) => {
                record.connected(address);
                return Some(stream);
            }
            Err(error) => tracing::debug!(upstream = %record.upstream, %address, %error, "no connection"),
        }
        record.endpoint = Some(address);
        tried.push(endpoint);
        if !until.allows_another(tried.len(), group.len()) {
            return None;
        }
    }
}

async fn try_one(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await??;
    // Without it a small write can wait for the acknowledgement of the one before; a socket that refuses the option still works.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// How far the tries of one connection, or of one datagram, may go.
#[derive(Debug)]
pub(in crate::server) struct Until {
    /// How many endpoints; none is as many as there are.
    tries: Option<usize>,
    time: Option<Instant>,
}

impl Until {
    /// From now on.
    pub(in crate::server) fn new(settings: &StreamSettings) -> Self {
        let tries = match settings.next_upstream_tries {
            _ if !settings.next_upstream => Some(1),
            0 => None,
            most => Some(usize::try_from(most).unwrap_or(usize::MAX)),
        };
        let limit = settings.next_upstream_timeout;
        Self { tries, time: (!limit.is_zero()).then(|| Instant::now() + limit) }
    }

    /// Whether there may be one more try after so many, of so many endpoints.
    pub(in crate::server) fn allows_another(&self, tried: usize, endpoints: usize) -> bool {
        tried < self.tries.unwrap_or(endpoints) && self.time.is_none_or(|time| Instant::now() < time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tries_and_time_are_limited() {
        let mut settings = StreamSettings::default();
        let until = Until::new(&settings);
        assert!(until.allows_another(2, 1));
        assert!(!until.allows_another(3, 9));
        tokio::time::advance(settings.next_upstream_timeout).await;
        assert!(!until.allows_another(1, 9));
        settings.next_upstream_tries = 0;
        settings.next_upstream_timeout = Duration::ZERO;
        assert!(Until::new(&settings).allows_another(8, 9));
        assert!(!Until::new(&settings).allows_another(9, 9));
        settings.next_upstream = false;
        assert!(!Until::new(&settings).allows_another(1, 9));
    }
}
