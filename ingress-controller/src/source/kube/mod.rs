//! Objects from the Kubernetes API server: a reflector for each kind, whose stores are read at once when something has changed.
//!
//! Own stores rather than those of kube: they know what a change is worth (a new status is worth nothing to the compile), and they keep the
//! content of Secrets and ConfigMaps only while somebody refers to it.

mod changes;
mod client;
mod content;
mod kind;
mod outage;
mod progress;
mod reader;
mod reflect;
mod reflector;
mod scope;
mod store;

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use ::kube::Client;
use ingress_core::{ObjectName, Objects, Options};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use client::{WATCH_SECONDS, connect};
pub(crate) use reader::Reader;

use super::{Loaded, Pace, Source, Touched};
use changes::Changes;
use progress::Progress;
use reader::Stores;

/// When it is first said what is waited for, and how often it is said again.
const FIRST_WORD: Duration = Duration::from_secs(2);
const REMIND: Duration = Duration::from_secs(30);

/// The API server as a source.
#[derive(Debug)]
pub(crate) struct Cluster {
    options: Options,
    stores: Arc<Stores>,
    objects: Objects,
    changes: Arc<Changes>,
    progress: Arc<Progress>,
    /// Whose content is kept.
    wanted: Wanted,
    /// Ends with this.
    tasks: JoinSet<()>,
}

/// The Secrets and ConfigMaps whose content is kept.
#[derive(Debug)]
struct Wanted {
    secrets: watch::Sender<BTreeSet<ObjectName>>,
    config_maps: watch::Sender<BTreeSet<ObjectName>>,
}

impl Cluster {
    /// Reads everything once. Returns when each kind has been read, or may not be read and is one that can be done without. `waiting` is
    /// told what is missing, each time that this changes.
    pub(crate) async fn start(client: &Client, options: &Options, waiting: impl Fn(Vec<String>)) -> Self {
        let wanted = Wanted { secrets: watch::Sender::default(), config_maps: watch::Sender::default() };
        let cluster = Self {
            options: options.clone(),
            stores: Arc::default(),
            objects: Objects::default(),
            changes: Arc::default(),
            progress: Arc::default(),
            wanted,
            tasks: JoinSet::new(),
        };
        cluster.sync(client, waiting).await
    }

    async fn sync(mut self, client: &Client, waiting: impl Fn(Vec<String>)) -> Self {
        let tasks = reflect::Tasks {
            client,
            options: &self.options,
            changes: &self.changes,
            progress: &self.progress,
        };
        let mut stores = tasks.plain(&mut self.tasks);
        self.progress.synced(&waiting).await;
        // Now that it is known which content is wanted, no other is ever kept.
        self.stores = Arc::new(stores.clone());
        self.reader().follow(&mut self.objects);
        self.want();
        stores.secrets = tasks.with_content(&self.wanted.secrets, &mut self.tasks);
        stores.config_maps = tasks.with_content(&self.wanted.config_maps, &mut self.tasks);
        self.stores = Arc::new(stores);
        self.progress.synced(&waiting).await;
        // All of it is read by the first load, as if nothing had changed; so what came meanwhile is wanted from here on.
        self.changes.take();
        self.reader().follow(&mut self.objects);
        self.want();
        self
    }

    /// Reads the stores from elsewhere.
    pub(crate) fn reader(&self) -> Reader {
        Reader::new(self.stores.clone(), self.progress.clone())
    }

    /// Follows what the objects refer to.
    fn want(&self) {
        let references = ingress_core::referenced(&self.objects, &self.options);
        let renew = |held: &watch::Sender<BTreeSet<ObjectName>>, new: BTreeSet<ObjectName>| {
            held.send_if_modified(|held| {
                let differs = *held != new;
                *held = new;
                differs
            });
        };
        renew(&self.wanted.secrets, references.secrets);
        renew(&self.wanted.config_maps, references.config_maps);
    }
}

impl Source for Cluster {
    async fn changed(&mut self) -> Pace {
        tokio::select! {
            pace = self.changes.wait() => pace,
            Some(ended) = self.tasks.join_next() => match ended {
                // Its kind would stand still unnoticed: the control thread ends with it, and the health check fails.
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                _ => std::future::pending().await,
            },
        }
    }

    fn load(&mut self) -> Loaded {
        // First what has changed: what comes in between is read now and once more the next time.
        let touched = self.changes.take();
        self.reader().follow(&mut self.objects);
        if touched == Touched::All {
            self.want();
        }
        Loaded { touched, problems: self.progress.problems() }
    }

    fn objects(&mut self) -> &mut Objects {
        &mut self.objects
    }
}
