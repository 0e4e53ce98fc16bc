//! Content that is fetched when somebody begins to refer to it, and dropped when nobody does any more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ::kube::api::ListParams;
use ::kube::core::NamespaceResourceScope;
use ::kube::{Api, Client};
use futures_util::{StreamExt, stream};
use ingress_core::ObjectName;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::changes::Changes;
use super::kind::Kind;
use super::store::Store;
use crate::source::Touched;

/// How many are fetched at once.
const AT_ONCE: usize = 8;

/// How long one may take, and how long to wait after one that failed.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(2);

/// Keeps the content of a store at what is wanted.
///
/// What comes in by the watch after something was wanted has its content, so a fetch matters only for what came before: it is newer than
/// that, and older than nothing that is there with its content.
pub(super) async fn keep_content<K>(
    client: Client,
    store: Store<K>,
    mut wanted: watch::Receiver<BTreeSet<ObjectName>>,
    changes: Arc<Changes>,
) where
    K: Kind<Scope = NamespaceResourceScope>,
{
    loop {
        let (missing, dropped) = store.want(&wanted.borrow_and_update());
        if dropped {
            changes.note(Touched::Nothing, false);
        }
        let mut fetched =
            stream::iter(missing).map(|name| fetch::<K>(client.clone(), name)).buffer_unordered(AT_ONCE);
        let mut failed = false;
        while let Some(object) = fetched.next().await {
            match object {
                Ok(Some(object)) => changes.note(store.fill(object), false),
                Ok(None) => {}
                // Why is said by the watch, which goes the same way.
                Err(()) => failed = true,
            }
        }
        if failed {
            sleep(PAUSE).await;
        } else if wanted.changed().await.is_err() {
            return;
        }
    }
}

/// Reads one object with the verb that the watch needs too: nobody grants `get` on Secrets.
async fn fetch<K>(client: Client, name: ObjectName) -> Result<Option<K>, ()>
where
    K: Kind<Scope = NamespaceResourceScope>,
{
    let api = Api::<K>::namespaced(client, &name.namespace);
    let one = ListParams::default().fields(&format!("metadata.name={}", name.name));
    match timeout(PATIENCE, api.list(&one)).await {
        Ok(Ok(list)) => Ok(list.items.into_iter().next()),
        Ok(Err(_)) | Err(_) => Err(()),
    }
}
