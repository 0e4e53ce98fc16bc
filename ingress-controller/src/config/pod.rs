//! The pod that we run in.

use std::fmt;
use std::path::Path;

/// The pod that we run in: it holds the Lease, stands in metrics, and its labels say which other pods are replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Where the kubelet tells every pod with a service account which namespace it is in.
pub(super) const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

impl Pod {
    /// What `POD_NAME` and `POD_NAMESPACE` say, else `HOSTNAME` and the file of the service account. `None` if one of the two is not to
    /// be found.
    pub(super) fn find(var: &dyn Fn(&str) -> Option<String>, namespace_file: &Path) -> Option<Self> {
        let name = var("POD_NAME").or_else(|| var("HOSTNAME"))?;
        let from_file = || {
            let text = std::fs::read_to_string(namespace_file).ok()?;
            Some(text.trim().to_owned()).filter(|namespace| !namespace.is_empty())
        };
        Some(Self { namespace: var("POD_NAMESPACE").or_else(from_file)?, name })
    }
}

impl fmt::Display for Pod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(vars: &[(&str, &str)], file: &Path) -> Option<String> {
        let var =
            |name: &str| vars.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        Pod::find(&var, file).map(|pod| pod.to_string())
    }

    #[test]
    fn what_is_not_in_the_environment_the_kubelet_says() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("namespace");
        assert_eq!(find(&[("POD_NAME", "a"), ("POD_NAMESPACE", "b")], &file).as_deref(), Some("b/a"));
        assert_eq!(find(&[("POD_NAME", "a")], &file), None);
        std::fs::write(&file, "ingress\n").unwrap();
        assert_eq!(find(&[("HOSTNAME", "c")], &file).as_deref(), Some("ingress/c"));
        assert_eq!(find(&[], &file), None);
    }
}
