//! What would become of an Ingress if it were created: the same compile with the candidate added.
//!
//! The order of the refusals is that of ingress-nginx's admission webhook: `inspect` looks at the texts, `paths` at the characters of
//! paths, `annotations` at the annotations; then `subset` adds the candidate to what it has to do with, and `overlap` looks at what the
//! compile made of it. Nothing of the candidate is ever run or rendered.

mod annotations;
mod inspect;
mod overlap;
mod paths;
mod subset;

use std::sync::Arc;

use k8s_openapi::api::networking::v1::Ingress;

use super::index::{Index, reference};
use super::report::{Finding, quoted};
use super::{Objects, Options, class, compile, global};

/// The answer about a candidate.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Why the candidate is refused, if it is: the first reason, as a sentence for its author.
    pub refused: Option<String>,
    /// What its author should know although it is not refused.
    pub warnings: Vec<String>,
}

/// Decides about a candidate beside the other objects, in the order of ingress-nginx's admission webhook. An Ingress of the candidate's
/// namespace and name among `objects` is taken to be the one that it replaces; a candidate that replaces none counts as the newest, whatever
/// its creation time: it comes after all others, though perhaps within the same second.
///
/// It looks only at what the candidate has to do with, so its time hardly grows with the number of objects.
pub fn admit(objects: &Objects, options: &Options, candidate: &Ingress) -> Verdict {
    if candidate.metadata.deletion_timestamp.is_some() {
        return Verdict::default();
    }
    if let Some(refused) = inspect::refusal(candidate) {
        return Verdict { refused: Some(refused), ..Verdict::default() };
    }
    let index = Index::of_classes(objects);
    if class::foreign(candidate, &index, options).is_some() {
        return Verdict::default();
    }
    let global = global::read(objects, options, &mut Vec::new());
    let mut warnings = paths::warnings(candidate);
    let early = class::catch_all(candidate, options)
        .or_else(|| uid(candidate))
        .or_else(|| warnings.first().filter(|_| global.strict_validate_path_type).map(paths::refusal))
        .or_else(|| annotations::refusal(candidate, &global));
    if early.is_some() {
        return Verdict { refused: early, warnings };
    }
    let candidate = Arc::new(subset::dated(objects, candidate));
    let objects = subset::around(objects, options, &candidate);
    let compiled = compile(&objects, options);
    let (refused, mut others) = overlap::look(&objects, &compiled, &candidate);
    let object = reference("ingress", &candidate.metadata);
    let about = compiled.report.findings.iter().filter(|finding| finding.object == object && !tells(finding));
    warnings.extend(about.map(warning));
    warnings.append(&mut others);
    Verdict { refused, warnings }
}

/// True for a finding that tells whether another object exists, and what is in it. Anybody who reaches the webhook could ask for names with
/// it; the author learns of it by the event on the Ingress.
fn tells(finding: &Finding) -> bool {
    matches!(
        finding.reason,
        "MissingSecret"
            | "InvalidSecret"
            | "SecretType"
            | "KeyMismatch"
            | "CertificateMismatch"
            | "CertificateExpired"
            | "CertificateExpiring"
            | "CertificateNotYetValid"
            | "UnknownService"
            | "UnknownPort"
            | "NoEndpoints"
            | "ExternalName"
    )
}

/// A finding about the candidate, without its name: the reader knows it.
fn warning(finding: &Finding) -> String {
    let Finding { field, message, remedy, .. } = finding;
    match field.is_empty() {
        true => format!("{message}; {remedy}"),
        false => format!("{field}: {message}; {remedy}"),
    }
}

/// The API server makes the UID; whoever sends another text means something else by it.
fn uid(candidate: &Ingress) -> Option<String> {
    let uid = candidate.metadata.uid.as_deref().filter(|uid| !uid.is_empty())?;
    let valid = uid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (!valid).then(|| format!("metadata.uid: {} is no UID; leave the field out", quoted(uid)))
}

#[cfg(test)]
mod tests;
