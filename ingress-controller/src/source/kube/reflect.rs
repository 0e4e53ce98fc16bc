//! Which reflectors there are, and starting them.

use std::collections::BTreeSet;
use std::sync::Arc;

use ::kube::core::NamespaceResourceScope;
use ::kube::{Api, Client};
use ingress_core::{ObjectName, Options};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::networking::v1::IngressClass;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::changes::Changes;
use super::content::keep_content;
use super::kind::Kind;
use super::progress::Progress;
use super::reader::Stores;
use super::reflector::Reflector;
use super::scope::Scope;
use super::store::Store;

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
        api: impl FnOnce(Client) -> Api<K> + Send + 'static,
        scope: &Scope,
        wanted: Option<watch::Receiver<BTreeSet<ObjectName>>>,
        tasks: &mut JoinSet<()>,
    ) -> Store<K> {
        let store = Store::default();
        let handle = self.progress.add(resource::<K>(), K::NEEDED && !scope.is_part());
        let reflector = Reflector { store: store.clone(), wanted, handle, changes: self.changes.clone() };
        tasks.spawn(reflector.run(self.client.clone(), api, scope.config()));
        store
    }
}

/// What asks for the objects of a scope.
fn api<K: Kind<Scope = NamespaceResourceScope>>(
    scope: &Scope,
) -> impl FnOnce(Client) -> Api<K> + Send + use<K> {
    let namespace = scope.namespace.clone();
    move |client| match namespace {
        Some(namespace) => Api::namespaced(client, &namespace),
        None => Api::all(client),
    }
}

/// A kind with content that is kept only if it is wanted.
pub(super) trait Content {
    /// What is watched of it.
    fn scopes(options: &Options) -> Vec<Scope>;
}

impl Content for k8s_openapi::api::core::v1::Secret {
    fn scopes(options: &Options) -> Vec<Scope> {
        let default = Scope::named(options, options.default_certificate.as_ref());
        [Some(Scope::secrets(options)), default].into_iter().flatten().collect()
    }
}

impl Content for k8s_openapi::api::core::v1::ConfigMap {
    fn scopes(options: &Options) -> Vec<Scope> {
        let flags: BTreeSet<_> = [&options.config_map, &options.tcp_services, &options.udp_services]
            .into_iter()
            .flatten()
            .collect();
        let named = flags.into_iter().filter_map(|name| Scope::named(options, Some(name)));
        std::iter::once(Scope::watched(options)).chain(named).collect()
    }
}

/// What a kind is called in a permission: `services`, `ingresses.networking.k8s.io`.
pub(super) fn resource<K: Kind>() -> String {
    match &*K::group(&()) {
        "" => K::plural(&()).into_owned(),
        group => format!("{}.{group}", K::plural(&())),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Secret};

    use super::*;

    fn named(namespace: &str, name: &str) -> Option<ObjectName> {
        Some(ObjectName { namespace: namespace.into(), name: name.into() })
    }

    #[test]
    fn what_flags_name_in_other_namespaces_is_watched_once() {
        let mut options = Options::default();
        (options.config_map, options.tcp_services) = (named("edge", "settings"), named("edge", "ports"));
        (options.udp_services, options.default_certificate) = (named("edge", "ports"), named("edge", "tls"));
        assert_eq!((ConfigMap::scopes(&options).len(), Secret::scopes(&options).len()), (1, 1));
        options.watch_namespace = "shop".into();
        assert_eq!(ConfigMap::scopes(&options).len(), 3);
        let [all, certificate] = &*Secret::scopes(&options) else { panic!("not two scopes") };
        assert_eq!(all.namespace.as_deref(), Some("shop"));
        assert_eq!(certificate.namespace.as_deref(), Some("edge"));
        options.watch_namespace = "edge".into();
        assert_eq!((ConfigMap::scopes(&options).len(), Secret::scopes(&options).len()), (1, 1));
    }
}
