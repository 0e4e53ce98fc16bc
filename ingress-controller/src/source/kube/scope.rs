//! Which objects of a kind are watched.

use ::kube::runtime::watcher;
use ingress_core::{ObjectName, Options};

use super::client::WATCH_SECONDS;

/// Part of the objects of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    /// The namespace; all without one.
    pub(super) namespace: Option<String>,
    labels: Option<String>,
    fields: Option<String>,
}

impl Scope {
    const ALL: Self = Self { namespace: None, labels: None, fields: None };

    /// What the watch asks the server for.
    pub(super) fn config(&self) -> watcher::Config {
        let mut config = watcher::Config::default().timeout(WATCH_SECONDS);
        config.label_selector.clone_from(&self.labels);
        config.field_selector.clone_from(&self.fields);
        config
    }

    /// Everything that `--watch-namespace` allows.
    pub(super) fn watched(options: &Options) -> Self {
        let namespace = Some(options.watch_namespace.clone()).filter(|namespace| !namespace.is_empty());
        Self { namespace, ..Self::ALL }
    }

    /// Everything, for a kind without namespaces.
    pub(super) fn cluster() -> Self {
        Self::ALL
    }

    /// As [`watched`](Self::watched), without the Secrets in which Helm keeps its releases: they are large, and nobody may refer to them.
    pub(super) fn secrets(options: &Options) -> Self {
        Self { fields: Some("type!=helm.sh/release.v1".into()), ..Self::watched(options) }
    }

    /// One object that a flag names, if [`watched`](Self::watched) does not hold it.
    pub(super) fn named(options: &Options, name: Option<&ObjectName>) -> Option<Self> {
        let name = name.filter(|name| !holds(options, name))?;
        let fields = Some(format!("metadata.name={}", name.name));
        Some(Self { namespace: Some(name.namespace.to_string()), fields, labels: None })
    }

    /// The EndpointSlices of a Service that a flag names, if [`watched`](Self::watched) does not hold them.
    pub(super) fn slices_of(options: &Options, service: Option<&ObjectName>) -> Option<Self> {
        let service = service.filter(|name| !holds(options, name))?;
        let labels = Some(format!("kubernetes.io/service-name={}", service.name));
        Some(Self { namespace: Some(service.namespace.to_string()), labels, fields: None })
    }
}

fn holds(options: &Options, name: &ObjectName) -> bool {
    options.watch_namespace.is_empty() || *options.watch_namespace == *name.namespace
}
