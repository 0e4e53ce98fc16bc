//! Who may do what, in the manner of RBAC: everything, unless a test says otherwise.

use std::sync::Mutex;

use serde_json::Value;

use super::kinds::Kind;
use super::status::Failure;

/// What a request wants to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attributes<'a> {
    pub(crate) user: &'a str,
    pub(crate) verb: &'a str,
    pub(crate) kind: &'static Kind,
    pub(crate) status: bool,
    pub(crate) namespace: Option<&'a str>,
    /// Empty for collections, unless a field selector names one object.
    pub(crate) name: &'a str,
}

impl Attributes<'_> {
    /// The resource as RBAC names it.
    pub(crate) fn resource(&self) -> String {
        if self.status { format!("{}/status", self.kind.plural) } else { self.kind.plural.to_owned() }
    }
}

/// A permission, as a Role's rule has it. `*` stands for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// Verbs.
    pub verbs: Vec<String>,
    /// API groups; the core group is empty.
    pub groups: Vec<String>,
    /// Resources, with `/status` for the subresource.
    pub resources: Vec<String>,
    /// The objects it is for; empty for all.
    pub names: Vec<String>,
    /// The namespace it is for; None for all and for the cluster.
    pub namespace: Option<String>,
}

impl Rule {
    /// The rules of a ClusterRole, or of a Role for its own namespace. Roles are taken as bound.
    pub fn of(role: &Value) -> Vec<Self> {
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let namespace = role["metadata"]["namespace"].as_str().filter(|_| role["kind"] == "Role");
        let rule = |rule: &Value| Self {
            verbs: texts(&rule["verbs"]),
            groups: texts(&rule["apiGroups"]),
            resources: texts(&rule["resources"]),
            names: texts(&rule["resourceNames"]),
            namespace: namespace.map(str::to_owned),
        };
        role["rules"].as_array().into_iter().flatten().map(rule).collect()
    }

    fn allows(&self, attributes: &Attributes<'_>) -> bool {
        let has =
            |values: &[String], wanted: &str| values.iter().any(|value| value == "*" || value == wanted);
        has(&self.verbs, attributes.verb)
            && has(&self.groups, attributes.kind.group)
            && has(&self.resources, &attributes.resource())
            && (self.names.is_empty() || self.names.iter().any(|name| name == attributes.name))
            && (self.namespace.is_none() || self.namespace.as_deref() == attributes.namespace)
    }
}

/// A verb on a resource that is forbidden.
#[derive(Debug, Clone)]
pub struct Denial {
    verb: String,
    resource: String,
    namespace: Option<String>,
    user: Option<String>,
}

impl Denial {
    /// Forbids everybody `verb` on `resource`, as in `("update", "ingresses/status")`. `*` stands for all verbs.
    pub fn new(verb: &str, resource: &str) -> Self {
        Self { verb: verb.to_owned(), resource: resource.to_owned(), namespace: None, user: None }
    }

    /// Only requests for this namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// Only requests of this user, which is the text of the bearer token; empty without.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    fn forbids(&self, attributes: &Attributes<'_>) -> bool {
        (self.verb == "*" || self.verb == attributes.verb)
            && self.resource == attributes.resource()
            && (self.namespace.is_none() || self.namespace.as_deref() == attributes.namespace)
            && self.user.as_deref().is_none_or(|user| user == attributes.user)
    }
}

#[derive(Debug, Default)]
struct Policy {
    denials: Vec<Denial>,
    /// For a user, or for everybody.
    only: Vec<(Option<String>, Vec<Rule>)>,
}

/// The switchboard of permissions.
#[derive(Debug, Default)]
pub struct Access {
    policy: Mutex<Policy>,
}

impl Access {
    /// Adds a denial.
    pub fn forbid(&self, denial: Denial) {
        self.policy.lock().unwrap().denials.push(denial);
    }

    /// From now on everybody may do what these rules say and no more. Denials stay.
    pub fn allow_only(&self, rules: Vec<Rule>) {
        self.policy.lock().unwrap().only = vec![(None, rules)];
    }

    /// From now on this user may do what these rules say and no more. Others are not touched.
    pub fn allow_only_to(&self, user: &str, rules: Vec<Rule>) {
        let mut policy = self.policy.lock().unwrap();
        policy.only.retain(|(known, _)| known.as_deref() != Some(user));
        policy.only.push((Some(user.to_owned()), rules));
    }

    /// Takes all denials and rules back.
    pub fn allow_all(&self) {
        *self.policy.lock().unwrap() = Policy::default();
    }

    pub(crate) fn check(&self, attributes: &Attributes<'_>) -> Result<(), Failure> {
        let policy = self.policy.lock().unwrap();
        let forbidden = policy.denials.iter().any(|denial| denial.forbids(attributes));
        let mut only = policy.only.iter();
        let covered = only.all(|(user, rules)| {
            user.as_deref().is_some_and(|user| user != attributes.user)
                || rules.iter().any(|rule| rule.allows(attributes))
        });
        if forbidden || !covered { Err(refusal(attributes)) } else { Ok(()) }
    }
}

/// In the words of a real API server.
fn refusal(attributes: &Attributes<'_>) -> Failure {
    let Attributes { user, verb, kind, namespace, name, .. } = attributes;
    let user = if user.is_empty() { "system:anonymous" } else { user };
    let subject = if name.is_empty() { kind.qualified() } else { format!("{} {name:?}", kind.qualified()) };
    let scope = match namespace {
        Some(namespace) => format!("in the namespace {namespace:?}"),
        None => "at the cluster scope".to_owned(),
    };
    let message = format!(
        "{subject} is forbidden: User {user:?} cannot {verb} resource {:?} in API group {:?} {scope}",
        attributes.resource(),
        kind.group,
    );
    let mut failure = Failure::new(403, "Forbidden", message);
    failure.details = serde_json::json!({ "name": name, "group": kind.group, "kind": kind.plural });
    failure
}
