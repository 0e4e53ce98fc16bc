//! Keeps a store at what the API server says.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::kube::client::Body;
use ::kube::core::NamespaceResourceScope;
use ::kube::runtime::watcher::{self, Event, watcher};
use ::kube::{Api, Client};
use futures_util::StreamExt;
use ingress_core::{ObjectName, Options};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::networking::v1::IngressClass;
use rand::RngExt;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::changes::Changes;
use super::content::keep_content;
use super::kind::Kind;
use super::progress::{Handle, Progress};
use super::reader::Stores;
use super::scope::Scope;
use super::store::Store;
use crate::source::Touched;

/// Waits between two tries: the first, and the longest. Each is up to half longer, so that replicas do not come at once.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Starts reflectors.
pub(super) struct Tasks<'c> {
    pub(super) client: &'c Client,
    pub(super) options: &'c Options,
    pub(super) changes: &'c Arc<Changes>,
    pub(super) progress: &'c Arc<Progress>,
}

impl Tasks<'_> {
    /// Those of all kinds that hold nothing but what the compile reads.
    pub(super) fn plain(&self, tasks: &mut JoinSet<()>) -> Stores {
        let options = self.options;
        let default = options.default_backend_service.as_ref();
        let watched = || Some(Scope::watched(options));
        let mut stores = Stores {
            ingresses: self.namespaced([watched()], tasks),
            services: self.namespaced([watched(), Scope::named(options, default)], tasks),
            endpoint_slices: self.namespaced([watched(), Scope::slices_of(options, default)], tasks),
            ..Stores::default()
        };
        let scope = Scope::cluster();
        let classes = self.start(Api::<IngressClass>::all, &scope, None, tasks);
        stores.ingress_classes.push(classes);
        if !options.namespace_selector.is_empty() {
            let namespaces = self.start(Api::<Namespace>::all, &scope, None, tasks);
            stores.namespaces.push(namespaces);
        }
        stores
    }

    /// Those of a kind whose content is kept only if it is wanted.
    pub(super) fn with_content<K>(
        &self,
        wanted: &watch::Sender<BTreeSet<ObjectName>>,
        tasks: &mut JoinSet<()>,
    ) -> Vec<Store<K>>
    where
        K: Kind<Scope = NamespaceResourceScope> + Content,
    {
        let start = |scope: Scope| {
            let store = self.start(api::<K>(&scope), &scope, Some(wanted.subscribe()), tasks);
            tasks.spawn(keep_content(
                self.client.clone(),
                store.clone(),
                wanted.subscribe(),
                self.changes.clone(),
            ));
            store
        };
        K::scopes(self.options).into_iter().map(start).collect()
    }

    fn namespaced<K: Kind<Scope = NamespaceResourceScope>, const N: usize>(
        &self,
        scopes: [Option<Scope>; N],
        tasks: &mut JoinSet<()>,
    ) -> Vec<Store<K>> {
        let start = |scope: Scope| self.start(api(&scope), &scope, None, tasks);
        scopes.into_iter().flatten().map(start).collect()
    }

    fn start<K: Kind>(
        &self,
        api: impl FnOnce(Client) -> Api<K>,
        scope: &Scope,
        wanted: Option<watch::Receiver<BTreeSet<ObjectName>>>,
        tasks: &mut JoinSet<()>,
    ) -> Store<K> {
        let store = Store::default();
        let handle = self.progress.add(resource::<K>(), K::NEEDED);
        let (config, changes) = (scope.config(), self.changes.clone());
        let api = api(attentive(self.client, handle.clone(), changes.clone()));
        tasks.spawn(reflect(api, config, store.clone(), wanted, handle, changes));
        store
    }
}

/// What is asked for the objects of a scope.
fn api<K: Kind<Scope = NamespaceResourceScope>>(scope: &Scope) -> impl FnOnce(Client) -> Api<K> + use<K> {
    let namespace = scope.namespace.clone();
    move |client| match namespace {
        Some(namespace) => Api::namespaced(client, &namespace),
        None => Api::all(client),
    }
}

/// The same client, which notes that the server answers. A watcher does not tell when a watch has begun: without this a problem would stay
/// until an object changes, which may take weeks.
fn attentive(client: &Client, handle: Handle, changes: Arc<Changes>) -> Client {
    let namespace = client.default_namespace().to_owned();
    let client = client.clone();
    let noting = tower::service_fn(move |request: http::Request<Body>| {
        let (client, handle, changes) = (client.clone(), handle.clone(), changes.clone());
        async move {
            let response = client.send(request).await?;
            if response.status().is_success() && handle.heard() {
                changes.note(Touched::Nothing, false);
            }
            Ok::<_, ::kube::Error>(response)
        }
    });
    Client::new(noting, namespace)
}

/// A kind with content that is kept only if it is wanted.
pub(super) trait Content {
    /// What is watched of it.
    fn scopes(options: &Options) -> Vec<Scope>;
}

impl Content for k8s_openapi::api::core::v1::Secret {
    fn scopes(options: &Options) -> Vec<Scope> {
        vec![Scope::secrets(options)]
    }
}

impl Content for k8s_openapi::api::core::v1::ConfigMap {
    fn scopes(options: &Options) -> Vec<Scope> {
        let named = Scope::named(options, options.config_map.as_ref());
        [Some(Scope::watched(options)), named].into_iter().flatten().collect()
    }
}

/// What a kind is called in a permission: `services`, `ingresses.networking.k8s.io`.
pub(super) fn resource<K: Kind>() -> String {
    match &*K::group(&()) {
        "" => K::plural(&()).into_owned(),
        group => format!("{}.{group}", K::plural(&())),
    }
}

async fn reflect<K: Kind>(
    api: Api<K>,
    config: watcher::Config,
    store: Store<K>,
    wanted: Option<watch::Receiver<BTreeSet<ObjectName>>>,
    handle: Handle,
    changes: Arc<Changes>,
) {
    let mut events = pin!(watcher(api, config));
    let mut wait = FIRST_WAIT;
    let mut outage = Outage::default();
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                handle.failed(&error, &changes);
                outage.begin();
                // The server speaks to us, but what we ask for is too old: there is nothing to wait for.
                if !matches!(&error, watcher::Error::WatchError(status) if status.code == 410) {
                    pause(&mut wait, handle.progress()).await;
                }
                continue;
            }
        };
        let listed = matches!(event, Event::InitDone);
        let after_outage = outage.hear(&event, handle.answered());
        // A list begins before the server is asked for it.
        if !matches!(event, Event::Init) {
            let recovered = handle.heard();
            if recovered || after_outage {
                changes.note(Touched::Nothing, after_outage);
            }
            wait = FIRST_WAIT;
        }
        let touched = match &wanted {
            Some(wanted) => store.apply(event, Some(&wanted.borrow())),
            None => store.apply(event, None),
        };
        if touched != Touched::Nothing {
            changes.note(touched, after_outage);
        }
        if listed {
            handle.listed();
        }
    }
}

/// Whether a reflector has something to catch up with.
#[derive(Debug, Default)]
struct Outage {
    since: Option<Instant>,
    /// It lists again what it had listed before.
    lists_again: bool,
    listed: bool,
}

impl Outage {
    /// What is over sooner is no outage: a connection was cut, and the next one goes on where it ended.
    const SHORT: Duration = Duration::from_secs(1);
    /// What comes later after the server's first answer is no catching up.
    const CATCH_UP: Duration = Duration::from_secs(5);

    fn begin(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// True if the event is one of those that catch up. `answered` is when the server first answered after the last failure.
    fn hear<K>(&mut self, event: &Event<K>, answered: Option<Instant>) -> bool {
        match event {
            Event::Init => {
                self.lists_again = self.listed;
                return false;
            }
            Event::InitApply(_) => return self.lists_again,
            Event::InitDone => self.listed = true,
            Event::Apply(_) | Event::Delete(_) => {}
        }
        let answered = answered.unwrap_or_else(Instant::now);
        let long = self.since.take().is_some_and(|since| answered.duration_since(since) > Self::SHORT)
            && answered.elapsed() < Self::CATCH_UP;
        std::mem::take(&mut self.lists_again) || long
    }
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
