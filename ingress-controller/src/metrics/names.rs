//! Under which names this controller is known.

use crate::config::RunConfig;

/// Under which names this controller is known: the labels that all its metrics have.
#[derive(Debug, Default, Clone)]
pub(crate) struct Names {
    /// Namespace of the controller's pod, for the label `controller_namespace`; empty outside a pod.
    pub(crate) namespace: String,
    /// Name of the controller's pod, for the label `controller_pod`; empty outside a pod.
    pub(crate) pod: String,
    /// `--controller-class`, for the label `controller_class`.
    pub(crate) class: String,
    /// `--election-id`, for the label `name` of `leader_election_status`.
    pub(crate) election_id: String,
}

impl Names {
    /// The names that the flags and the pod give.
    pub(crate) fn of(config: &RunConfig) -> Self {
        let pod = config.pod.as_ref();
        Self {
            namespace: pod.map(|pod| pod.namespace.clone()).unwrap_or_default(),
            pod: pod.map(|pod| pod.name.clone()).unwrap_or_default(),
            class: config.options.controller_class.clone(),
            election_id: config.status.election.id.clone(),
        }
    }
}
