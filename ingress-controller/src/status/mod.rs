//! What is told to the cluster: who leads, the addresses in the status of Ingresses, events. None of it keeps anything from being served.

mod addresses;
mod events;
#[cfg(test)]
mod fake;
mod leader;
mod load_balancer;
mod look;
mod replicas;
mod said;

use std::sync::Arc;

use futures_util::future::join3;
use kube::Client;
use kube::api::PostParams;
use tokio::sync::watch;

use self::leader::Candidate;
use self::load_balancer::Writer;
use self::look::Look;
use crate::config::RunConfig;
use crate::control::Published;

/// Who wrote what we write, in `metadata.managedFields`.
const US: &str = "ingress-controller";

fn as_us() -> PostParams {
    PostParams { field_manager: Some(US.into()), ..PostParams::default() }
}

/// Tells the cluster what there is to tell, and `leads` whether we lead, until `stop` is closed. Returns after the orderly end: status is
/// emptied if nobody else serves, then the Lease is released.
pub(crate) async fn run(
    config: RunConfig,
    client: Client,
    look: impl Look + Clone,
    published: watch::Receiver<Arc<Published>>,
    leads: watch::Sender<bool>,
    stop: watch::Receiver<()>,
) {
    let (status, pod) = (config.status, config.pod);
    let events = events::Inputs {
        published: published.clone(),
        stop: stop.clone(),
        instance: pod.as_ref().map(|pod| pod.name.clone()),
        sync: status.sync_events,
        config_map: config.options.config_map,
    };
    let events = events::run(client.clone(), look.clone(), events);
    // The one that leads goes on leading until its last write.
    let (written, all_written) = watch::channel(());
    let election = async {
        match &pod {
            _ if !status.election.enabled => {
                leads.send_replace(true);
            }
            Some(pod) => Candidate::new(client.clone(), &status.election, pod).run(&leads, all_written).await,
            None => tracing::warn!(
                "leader election and status of Ingresses are off: which pod this is is not known; set POD_NAME and POD_NAMESPACE, or pass \
                 --disable-leader-election if there is no other replica"
            ),
        }
    };
    let writes = async {
        let mut stop = stop.clone();
        if !status.update {
            // Also when it is closed: both are the end.
            let _ = stop.changed().await;
            return drop(written);
        }
        let (addresses, known) = watch::channel(None);
        let inputs = load_balancer::Inputs { published, addresses: known, leads: leads.subscribe(), stop };
        let writer = Writer::new(client.clone(), look, status.clone(), pod.clone(), inputs);
        tokio::select! {
            () = writer.run() => {}
            () = addresses::follow(&status.publish, client.clone(), pod.as_ref(), &addresses) => {}
        }
        drop(written);
    };
    Box::pin(join3(events, election, writes)).await;
}

#[cfg(test)]
mod tests;
