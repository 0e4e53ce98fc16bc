//! Follows one kind in one scope: a list, and then a watch for as long as the server has its history.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::kube::client::Body;
use ::kube::runtime::watcher::{self, Event, watcher};
use ::kube::{Api, Client, Error};
use futures_util::StreamExt;
use http::Request;
use ingress_core::ObjectName;
use rand::RngExt;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::changes::Changes;
use super::kind::Kind;
use super::outage::Outage;
use super::progress::{Handle, Progress};
use super::store::Store;
use crate::source::Touched;

/// Waits between two tries: the first, and the longest. Each is up to half longer, so that replicas do not come at once.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// An answer that has not been cut for so long stands, though it says nothing: so is the watch of a kind that seldom changes.
const STANDS: Duration = Duration::from_secs(1);

/// Watches begin no closer than this: a server, or what stands before it, may end each as soon as it has begun, which is no error.
const GAP: Duration = Duration::from_millis(250);

/// History that ends so soon again does so for a reason that a list does not cure.
const SOON: Duration = Duration::from_secs(10);

/// Keeps a store at what the API server says.
pub(super) struct Reflector<K> {
    pub(super) store: Store<K>,
    /// Whose content is kept; that of all without it.
    pub(super) wanted: Option<watch::Receiver<BTreeSet<ObjectName>>>,
    pub(super) handle: Handle,
    pub(super) changes: Arc<Changes>,
}

/// How the last tries went.
struct Tries {
    wait: Duration,
    outage: Outage,
    /// When the history had last gone.
    too_old: Option<Instant>,
}

impl<K: Kind> Reflector<K> {
    /// Follows for ever. `api` makes what is asked through a client.
    pub(super) async fn run(
        self,
        client: Client,
        api: impl FnOnce(Client) -> Api<K>,
        config: watcher::Config,
    ) {
        let answered = Arc::new(Notify::new());
        let api = api(telling(client, answered.clone()));
        let mut events = pin!(watcher(api.clone(), config.clone()));
        let mut tries = Tries { wait: FIRST_WAIT, outage: Outage::default(), too_old: None };
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                () = stands(&answered) => {
                    self.heard(tries.outage.back());
                    continue;
                }
            };
            match event {
                Some(Ok(event)) => self.take(event, &mut tries),
                Some(Err(error)) => {
                    let lists_anew = self.failed(&error, &mut tries).await;
                    if lists_anew {
                        events.set(watcher(api.clone(), config.clone()));
                    }
                }
                // It has no end; but if it had, it would not be the end of us.
                None => events.set(watcher(api.clone(), config.clone())),
            }
        }
    }

    fn heard(&self, after_outage: bool) {
        if self.handle.heard() || after_outage {
            self.changes.note(Touched::Nothing, after_outage);
        }
    }

    fn take(&self, event: Event<K>, tries: &mut Tries) {
        let listed = matches!(event, Event::InitDone);
        let after_outage = tries.outage.hear(&event);
        // A list begins before the server is asked for it.
        if !matches!(event, Event::Init) {
            self.heard(after_outage);
            tries.wait = FIRST_WAIT;
        }
        let touched = match &self.wanted {
            Some(wanted) => self.store.apply(event, Some(&wanted.borrow())),
            None => self.store.apply(event, None),
        };
        // That there is none of a kind is news too, when before it was not known.
        let touched = if listed && self.handle.listed() { Touched::All } else { touched };
        if touched != Touched::Nothing {
            self.changes.note(touched, after_outage);
        }
    }

    /// Says what is wrong and waits. True if only a new list helps.
    async fn failed(&self, error: &watcher::Error, tries: &mut Tries) -> bool {
        tries.outage.begin();
        if is_too_old(error) {
            // The server speaks to us, but what we ask for is too old: a list follows at once, unless the last one did not help.
            if tries.too_old.replace(Instant::now()).is_none_or(|at| at.elapsed() > SOON) {
                return true;
            }
            tries.wait = LONGEST_WAIT;
        }
        self.handle.failed(error, &self.changes);
        pause(&mut tries.wait, self.handle.progress()).await;
        is_too_old(error)
    }
}

fn is_too_old(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::WatchError(status) | watcher::Error::WatchStartFailed(Error::Api(status)) => {
            status.code == 410
        }
        _ => false,
    }
}

/// A client that tells of each request that the server grants, and keeps watches apart.
fn telling(client: Client, answered: Arc<Notify>) -> Client {
    let namespace = client.default_namespace().to_owned();
    let mut next_watch = Instant::now();
    let send = move |request: Request<Body>| {
        let (client, answered) = (client.clone(), answered.clone());
        let mut begin = Instant::now();
        if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
            begin = begin.max(next_watch);
            next_watch = begin + GAP;
        }
        async move {
            sleep_until(begin).await;
            let response = client.send(request).await?;
            if response.status().is_success() {
                answered.notify_one();
            }
            Ok::<_, Error>(response)
        }
    };
    Client::new(tower::service_fn(send), namespace)
}

/// Ready when an answer has begun and goes on.
async fn stands(answered: &Notify) {
    answered.notified().await;
    sleep(STANDS).await;
}

/// Waits before the next try, unless somebody finds the server back.
async fn pause(wait: &mut Duration, progress: &Progress) {
    let jitter = rand::rng().random_range(1.0..1.5);
    tokio::select! {
        () = sleep(wait.mul_f64(jitter)) => {}
        () = progress.back() => {}
    }
    *wait = LONGEST_WAIT.min(*wait * 2);
}

#[cfg(test)]
mod tests;
