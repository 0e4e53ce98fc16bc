//! Who of several replicas leads: the one that holds a Lease (coordination.k8s.io/v1). The rules are those of client-go, so the Lease may
//! be shared with ingress-nginx:
//!
//! - Whoever finds the Lease without a holder, or unchanged for as long as it says, takes it. How long it has been unchanged is measured on
//!   our own clock from when we saw the change: times that others wrote are not compared with it.
//! - The holder renews it every quarter of the time to live. After half of it without success it leads no longer, while others still wait.
//! - Every write names the version that was read, so of two that take it at once one fails.
//!
//! Only who leads is said here; what a leader may do is decided where it is done.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::Api;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::as_us;
use super::said::Said;
use crate::config::{Election, Pod};
use crate::permission::explain;

/// One that wants to lead, or does.
#[derive(Debug)]
pub(super) struct Candidate {
    api: Api<Lease>,
    id: String,
    identity: String,
    ttl: Duration,
    /// The newest Lease that we know, and when we first saw it so.
    seen: Option<(Lease, Instant)>,
    said: Said,
}

/// What became of an attempt to take or to renew the Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    /// It is ours.
    Holds,
    /// It is somebody else's.
    Held,
    /// Nothing is known.
    Failed,
}

impl Candidate {
    /// Wants the Lease of `election` in the namespace of `pod`, in the name of `pod`.
    pub(super) fn new(client: kube::Client, election: &Election, pod: &Pod) -> Self {
        Self {
            api: Api::namespaced(client, &pod.namespace),
            id: election.id.clone(),
            identity: pod.name.clone(),
            ttl: election.ttl,
            seen: None,
            said: Said::default(),
        }
    }

    /// Takes and renews the Lease, and says in `leads` whether we hold it, until `stop` is closed; then it is released, so that another
    /// takes it at once.
    pub(super) async fn run(mut self, leads: &watch::Sender<bool>, mut stop: watch::Receiver<()>) {
        let mut renewed = None;
        loop {
            let wait = tokio::select! {
                biased;
                _ = stop.changed() => break,
                wait = self.round(&mut renewed, leads) => wait,
            };
            tokio::select! {
                biased;
                _ = stop.changed() => break,
                () = sleep(wait) => {}
            }
        }
        let led = set(leads, false);
        if led && timeout(self.ttl / 2, self.release()).await.is_err() {
            tracing::warn!(
                "lease {}: could not be released in time; the next one takes it after {:?}",
                self.id,
                self.ttl
            );
        }
    }

    /// One attempt. `renewed` is when the last successful one began. Gives the time until the next.
    async fn round(&mut self, renewed: &mut Option<Instant>, leads: &watch::Sender<bool>) -> Duration {
        let begin = Instant::now();
        let deadline = renewed.unwrap_or(begin) + self.ttl / 2;
        let attempt = match tokio::time::timeout_at(deadline, self.attempt()).await {
            Ok(attempt) => attempt,
            Err(_) => {
                self.trouble("the API server does not answer");
                Attempt::Failed
            }
        };
        match attempt {
            Attempt::Holds => {
                *renewed = Some(begin);
                if !set(leads, true) {
                    tracing::info!("{} leads: it holds the lease {}", self.identity, self.id);
                }
            }
            Attempt::Held => self.lose("another took the lease", renewed, leads),
            Attempt::Failed if Instant::now() >= deadline => {
                self.lose("the lease could not be renewed in time", renewed, leads);
            }
            Attempt::Failed => {}
        }
        let retry = self.ttl / 4;
        match renewed {
            // Not past the deadline: from then on others may think that nobody leads.
            Some(begin) => retry.min((*begin + self.ttl / 2).saturating_duration_since(Instant::now())),
            None => retry.mul_f64(1.0 + rand::random_range(0.0..1.2)),
        }
    }

    fn lose(&self, why: &str, renewed: &mut Option<Instant>, leads: &watch::Sender<bool>) {
        *renewed = None;
        if set(leads, false) {
            tracing::warn!(
                "{} leads no longer: {why}; status is left to others, requests are served on",
                self.identity
            );
        }
    }

    /// Takes or renews the Lease if that is allowed now.
    async fn attempt(&mut self) -> Attempt {
        // What we wrote last is most likely what is there.
        if let Some((lease, _)) = &self.seen
            && self.holds(lease)
        {
            let lease = self.next(lease.clone());
            if let Ok(lease) = self.api.replace(&self.id, &as_us(), &lease).await {
                return self.taken(lease);
            }
        }
        let found = match self.api.get_opt(&self.id).await {
            Ok(found) => found,
            Err(error) => return self.failed(&error),
        };
        let written = match found {
            None => {
                let metadata = ObjectMeta { name: Some(self.id.clone()), ..ObjectMeta::default() };
                let lease = self.next(Lease { metadata, spec: None });
                self.api.create(&as_us(), &lease).await
            }
            Some(lease) => {
                self.see(&lease);
                if !self.holds(&lease) && !self.expired(&lease) {
                    return Attempt::Held;
                }
                self.api.replace(&self.id, &as_us(), &self.next(lease)).await
            }
        };
        match written {
            Ok(lease) => self.taken(lease),
            // Somebody was faster; the next attempt sees who.
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
                Attempt::Failed
            }
            Err(error) => self.failed(&error),
        }
    }

    fn taken(&mut self, lease: Lease) -> Attempt {
        self.seen = Some((lease, Instant::now()));
        Attempt::Holds
    }

    fn failed(&mut self, error: &kube::Error) -> Attempt {
        self.trouble(&explain(error));
        Attempt::Failed
    }

    fn trouble(&mut self, why: &str) {
        let what = format!("lease {}: whether we lead is not known", self.id);
        self.said.trouble(&what, why);
    }

    /// Notes when the Lease changed.
    fn see(&mut self, lease: &Lease) {
        if self.seen.as_ref().is_none_or(|(seen, _)| seen.spec != lease.spec) {
            self.seen = Some((lease.clone(), Instant::now()));
        }
    }

    fn holds(&self, lease: &Lease) -> bool {
        holder(lease) == Some(&self.identity)
    }

    /// True if it may be taken: nobody holds it, or nobody renewed it for as long as it says.
    fn expired(&self, lease: &Lease) -> bool {
        let Some((_, changed)) = &self.seen else { return false };
        let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds).unwrap_or_default();
        let time = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        holder(lease).is_none() || changed.elapsed() >= time
    }

    /// The Lease as it is once we have taken or renewed it.
    fn next(&self, mut lease: Lease) -> Lease {
        let held = self.holds(&lease);
        let new = lease.spec.is_none();
        let spec = lease.spec.get_or_insert_default();
        let now = MicroTime(Timestamp::now());
        if !held {
            let transitions = spec.lease_transitions.unwrap_or_default();
            spec.lease_transitions = Some(if new { 0 } else { transitions.saturating_add(1) });
            spec.holder_identity = Some(self.identity.clone());
            spec.acquire_time = Some(now.clone());
        }
        spec.renew_time = Some(now);
        spec.lease_duration_seconds = Some(i32::try_from(self.ttl.as_secs()).unwrap_or(i32::MAX));
        lease
    }

    /// Gives the Lease away: without a holder it may be taken at once. If it is not as we knew it, a renewal of ours that was cut short may
    /// have arrived all the same.
    async fn release(&mut self) {
        let Some((lease, _)) = self.seen.take() else { return };
        let released = match self.api.replace(&self.id, &as_us(), &without_holder(lease)).await {
            Err(kube::Error::Api(status)) if status.is_conflict() => match self.api.get(&self.id).await {
                Ok(lease) if self.holds(&lease) => {
                    self.api.replace(&self.id, &as_us(), &without_holder(lease)).await
                }
                Ok(_) => return,
                failed => failed,
            },
            released => released,
        };
        match released {
            Ok(_) => tracing::info!("lease {} is released", self.id),
            Err(error) => tracing::warn!("lease {}: cannot be released: {}", self.id, explain(&error)),
        }
    }
}

fn without_holder(mut lease: Lease) -> Lease {
    let now = MicroTime(Timestamp::now());
    lease.spec = Some(LeaseSpec {
        lease_duration_seconds: Some(1),
        lease_transitions: lease.spec.and_then(|spec| spec.lease_transitions),
        acquire_time: Some(now.clone()),
        renew_time: Some(now),
        ..LeaseSpec::default()
    });
    lease
}

/// Says whether we lead, and gives what was said before. Nobody is woken by what is the same.
fn set(leads: &watch::Sender<bool>, now: bool) -> bool {
    leads.send_if_modified(|leads| std::mem::replace(leads, now) != now) != now
}

fn holder(lease: &Lease) -> Option<&String> {
    lease.spec.as_ref()?.holder_identity.as_ref().filter(|holder| !holder.is_empty())
}

#[cfg(test)]
mod tests;
