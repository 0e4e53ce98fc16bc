//! What is said when the API server does not allow something.

use std::fmt;

/// What the service account may not do. Displays as
/// `cannot update ingresses.networking.k8s.io/status in namespace shop: the API server does not allow it; grant the verb "update" …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forbidden {
    verb: String,
    /// As RBAC writes it, with the subresource: `ingresses/status`.
    resource: String,
    /// Empty for the core group.
    group: String,
    /// Empty for what stands in no namespace, and for all namespaces at once.
    namespace: String,
    /// Empty if the server did not say it.
    user: String,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, resource, group, namespace, user } = self;
        let (plain, sub) = resource.split_once('/').unwrap_or((resource, ""));
        write!(f, "cannot {verb} {plain}")?;
        if !group.is_empty() {
            write!(f, ".{group}")?;
        }
        if !sub.is_empty() {
            write!(f, "/{sub}")?;
        }
        if !namespace.is_empty() {
            write!(f, " in namespace {namespace}")?;
        }
        write!(f, ": the API server does not allow it; grant the verb {verb:?} on {resource:?} to ")?;
        match user.as_str() {
            "" => f.write_str("the service account"),
            user => write!(f, "the service account, which is {user:?}"),
        }
    }
}

/// What is not allowed, if that is what went wrong.
///
/// The status that comes with a 403 names neither verb nor subresource; its message does, in a form that API servers have kept since there
/// is RBAC: `… is forbidden: User "u" cannot list resource "r" in API group "g" in the namespace "n"`.
pub(crate) fn forbidden(error: &kube::Error) -> Option<Forbidden> {
    let kube::Error::Api(status) = error else { return None };
    if !status.is_forbidden() {
        return None;
    }
    let message = status.message.as_str();
    let details = status.details.as_ref();
    let quoted = |before: &str| {
        let (_, rest) = message.split_once(before)?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let verb = message.split_once(" cannot ").and_then(|(_, rest)| rest.split_once(' '));
    Some(Forbidden {
        // Other authorizers than RBAC, and admission plugins, say it in their own words.
        verb: verb.map(|(verb, _)| verb.to_owned())?,
        resource: quoted(" resource \"").or_else(|| details.map(|details| details.kind.clone()))?,
        group: quoted(" API group \"").or_else(|| details.map(|details| details.group.clone()))?,
        namespace: quoted(" in the namespace \"").unwrap_or_default(),
        user: quoted("User \"").unwrap_or_default(),
    })
}

/// What went wrong, for the log: the missing permission if it is one, else what the API server or the connection said.
pub(crate) fn explain(error: &kube::Error) -> String {
    match (forbidden(error), error) {
        (Some(forbidden), _) => forbidden.to_string(),
        (None, kube::Error::Api(status)) => {
            format!("the API server said {}: {}", status.code, status.message)
        }
        (None, other) => {
            let mut text = other.to_string();
            let mut source = std::error::Error::source(other);
            while let Some(cause) = source {
                let cause_text = cause.to_string();
                if !text.contains(&cause_text) {
                    text = format!("{text}: {cause_text}");
                }
                source = cause.source();
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    fn error(message: &str, code: u16) -> kube::Error {
        let mut status = Status::failure(message, "Forbidden");
        status.code = code;
        kube::Error::Api(status.boxed())
    }

    #[test]
    fn a_missing_permission_is_named_with_the_way_out() {
        let update = error(
            "ingresses.networking.k8s.io \"web\" is forbidden: User \"system:serviceaccount:ingress-nginx:ingress-nginx\" cannot update \
             resource \"ingresses/status\" in API group \"networking.k8s.io\" in the namespace \"shop\"",
            403,
        );
        assert_eq!(
            forbidden(&update).unwrap().to_string(),
            "cannot update ingresses.networking.k8s.io/status in namespace shop: the API server does not allow it; grant the verb \
             \"update\" on \"ingresses/status\" to the service account, which is \"system:serviceaccount:ingress-nginx:ingress-nginx\""
        );
        let list = error(
            "nodes is forbidden: User \"x\" cannot list resource \"nodes\" in API group \"\" at the cluster scope",
            403,
        );
        assert!(forbidden(&list).unwrap().to_string().starts_with("cannot list nodes: the API server"));
    }

    #[test]
    fn other_words_are_passed_on() {
        let other = error("exceeded quota", 403);
        assert_eq!(forbidden(&other), None);
        assert_eq!(explain(&other), "the API server said 403: exceeded quota");
    }
}
