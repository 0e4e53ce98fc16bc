//! From the annotations of an Ingress to the policies of its routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Options;
use super::class::Served;
use super::report::{Finding, quoted};
use crate::annotation::{self, Effect, Invalid, PREFIX, Protection, Risk, value};
use crate::config_map::Global;
use crate::policy::{HttpsRules, RequestBody, Retry, Timeouts};
use crate::route::{Backend, HostPattern, PathPattern, Route};

/// What holds for all routes of an Ingress.
pub(super) struct Policies {
    timeouts: Timeouts,
    retry: Retry,
    request_body: RequestBody,
    /// When plain requests are redirected to HTTPS.
    pub(super) https: HttpsRules,
    /// Why no route of the Ingress may be served, if so.
    pub(super) denied: Option<Arc<str>>,
    /// Why no route of a host may be served that the Ingress is the first to name, if so: in ingress-nginx its `server-snippet` holds for
    /// the host, whoever adds paths to it.
    pub(super) host_denied: Option<Arc<str>>,
    /// Why no route of the Ingress's namespace may be served on any of its hosts, if so: its paths are regular expressions in ingress-nginx,
    /// so which requests its protection is for cannot be told, and they must not reach another rule without it.
    pub(super) hosts_denied: Option<Arc<str>>,
}

impl Policies {
    /// Without any annotation.
    pub(super) fn of_default(global: &Global, options: &Options) -> Self {
        Self {
            timeouts: global.timeouts,
            retry: global.retry,
            request_body: global.request_body,
            https: global.https,
            denied: closed(global, options, false),
            host_denied: None,
            hosts_denied: None,
        }
    }

    /// Denies all routes of the Ingress, as it asks for client certificates and cannot have them.
    pub(super) fn deny(&mut self, ingress: &Served<'_>, reason: &Arc<str>, findings: &mut Vec<Finding>) {
        self.denied.get_or_insert_with(|| reason.clone());
        if self.hosts_denied.is_none() {
            self.hosts_denied = regex(ingress, Some(reason), findings);
        }
    }

    /// A route for which they hold.
    pub(super) fn route(&self, host: HostPattern, path: PathPattern, backend: Backend) -> Route {
        let mut route = Route::new(host, path, backend);
        route.timeouts = self.timeouts;
        route.retry = self.retry;
        route.request_body = self.request_body;
        route
    }
}

/// Why the ConfigMap lets no route be served, if so. The global login does not hold where an annotation turns it off.
fn closed(global: &Global, options: &Options, without_login: bool) -> Option<Arc<str>> {
    let mut keys = global.closed_by.iter().filter(|key| !(without_login && **key == "global-auth-url"));
    let (key, map) = (keys.next()?, options.config_map.as_ref()?);
    Some(format!("configmap {map}: data[{key}]: it keeps somebody out and is not honoured").into())
}

/// True for an Ingress whose rules are an alternative for those of another one: it makes no routes of its own.
pub(super) fn is_canary(ingress: &Served<'_>, findings: &mut Vec<Finding>) -> bool {
    let canary = has_canary(ingress.annotations);
    if canary {
        findings.push(ingress.warning(
            "CanaryNotSupported",
            field("canary"),
            "canaries are not supported yet; the primary ingress gets all requests",
            "split the traffic within one service until then",
        ));
    }
    canary
}

/// True if annotations make an Ingress a canary.
pub(super) fn has_canary(annotations: &BTreeMap<String, String>) -> bool {
    value(annotations, "canary").is_some_and(annotation::is_true)
}

/// Reads the annotations.
pub(super) fn read(
    ingress: &Served<'_>,
    global: &Global,
    options: &Options,
    findings: &mut Vec<Finding>,
) -> Policies {
    let values = ingress.annotations;
    let mut policies = Policies::of_default(global, options);
    if !values.keys().any(|key| key.starts_with(PREFIX)) {
        return policies;
    }
    let mut ignored = |invalid: Vec<Invalid>| {
        findings.extend(invalid.iter().map(|invalid| self::ignored(ingress, invalid)));
    };
    let (timeouts, invalid) = annotation::timeouts(values, global.timeouts);
    ignored(invalid);
    let (mut retry, invalid) = annotation::retry(values, global.retry);
    ignored(invalid);
    retry.non_idempotent |= global.retry_non_idempotent;
    let (request_body, invalid) = annotation::request_body(values, global.request_body);
    ignored(invalid);
    (policies.timeouts, policies.retry, policies.request_body) = (timeouts, retry, request_body);
    let (https, invalid) = annotation::https(values, global.https);
    ignored(invalid);
    policies.https = https;
    let without_login =
        value(values, "enable-global-auth").is_some_and(|value| crate::value::boolean(value) == Some(false));
    let mut reader = Reader::new(ingress, findings);
    for (key, value) in values {
        if let Some(name) = key.strip_prefix(PREFIX) {
            reader.limits(name, value, global);
            reader.annotation(name, value);
        }
    }
    reader.guards();
    reader.more_unknown();
    policies.hosts_denied = regex(ingress, reader.denied.as_ref(), reader.findings);
    let forbidden = reader.forbidden.map(Arc::from);
    policies.denied = reader.denied.or(forbidden).or_else(|| closed(global, options, without_login));
    policies.host_denied = reader.host_denied;
    policies
}

struct Reader<'r, 'o> {
    ingress: &'r Served<'o>,
    findings: &'r mut Vec<Finding>,
    guards: Vec<(Protection, &'static str)>,
    denied: Option<Arc<str>>,
    host_denied: Option<Arc<str>>,
    /// Why the ConfigMap forbids an annotation of the Ingress, if it does. Nothing is protected by that, so no other Ingress is denied.
    forbidden: Option<String>,
    /// How many annotations do not exist.
    unknown: usize,
}

/// So many annotations of an Ingress that do not exist are named, and the others counted: an Ingress has room for thousands, and looking
/// for what was meant by each would hold up all other Ingresses.
const NAMED: usize = 20;

impl<'r, 'o> Reader<'r, 'o> {
    fn new(ingress: &'r Served<'o>, findings: &'r mut Vec<Finding>) -> Self {
        let (guards, denied, host_denied, forbidden) = Default::default();
        Self { ingress, findings, guards, denied, host_denied, forbidden, unknown: 0 }
    }

    /// Denies what the ConfigMap does not allow in annotations. Snippets have their own rules.
    fn limits(&mut self, name: &str, value: &str, global: &Global) {
        let known = annotation::find(name);
        if let Some(known) = known.filter(|known| known.risk > global.annotations_risk_level)
            && known.risk != Risk::Critical
        {
            let message = too_risky(known.risk, global);
            self.forbid(known.name, &message, "remove it, or raise annotations-risk-level in the ConfigMap");
        }
        if blocked(value, global).is_some() {
            let name = known.map_or_else(|| name.chars().take(80).collect(), |known| known.name.to_owned());
            let message = "the value has a word of annotation-value-word-blocklist";
            self.forbid(&name, message, "write it without the word, or change the ConfigMap");
        }
    }

    fn forbid(&mut self, name: &str, message: &str, remedy: &str) {
        self.forbidden.get_or_insert_with(|| format!("annotation {PREFIX}{name}: {message}"));
        let message = format!("{message}; all paths of this ingress are answered 503");
        self.findings.push(self.ingress.error("Denied", field(name), message, remedy));
    }

    fn annotation(&mut self, name: &str, value: &str) {
        let Some(known) = annotation::find(name) else {
            return self.unknown(name, value);
        };
        if known.neutral.contains(&value) {
            return;
        }
        match known.effect {
            Effect::Served | Effect::Canary | Effect::PartOf(_) | Effect::Needless => {}
            Effect::Guard(protection) => self.guards.push((protection, known.name)),
            Effect::Protocol => self.protocol(value),
            Effect::Snippet => self.snippet(known.name, value),
            Effect::Later => {
                let message = format!("{} is not supported yet in this version, and ignored", quoted(value));
                let remedy = format!("remove it if you can do without: {}", known.doc);
                self.findings.push(self.ingress.warning("NotSupported", field(known.name), message, remedy));
            }
        }
    }

    fn unknown(&mut self, name: &str, value: &str) {
        self.unknown += 1;
        if self.unknown > NAMED {
            return;
        }
        let (reason, why) = match annotation::is_removed(name) {
            true => ("RemovedAnnotation", "ingress-nginx has ignored this annotation for long"),
            false => ("UnknownAnnotation", "there is no such annotation"),
        };
        let remedy = match annotation::nearest(name) {
            Some(near) => format!("did you mean {PREFIX}{near}?"),
            None => "remove it".to_owned(),
        };
        let name: String = name.chars().take(80).collect();
        let message = format!("{why}, so {} is ignored", quoted(value));
        self.findings.push(self.ingress.warning(reason, field(&name), message, remedy));
    }

    fn more_unknown(&mut self) {
        if let Some(more @ 1..) = self.unknown.checked_sub(NAMED) {
            let message = format!("there are {more} more annotations that do not exist and are ignored");
            let finding =
                self.ingress.warning("UnknownAnnotation", "metadata.annotations", message, "remove them");
            self.findings.push(finding);
        }
    }

    fn protocol(&mut self, value: &str) {
        const NAME: &str = "backend-protocol";
        if annotation::is_fast_cgi(value) {
            let message = format!("{} is not spoken here", quoted(value));
            self.deny(
                NAME,
                &message,
                "put a server that speaks HTTP before the application, and set \"HTTP\"",
            );
        } else if !value.is_empty() && annotation::protocol(value).is_none() {
            let message = format!("{} is no protocol, so HTTP is spoken", quoted(value));
            let remedy = "write HTTP, HTTPS, AUTO_HTTP, GRPC or GRPCS";
            self.findings.push(self.ingress.warning("InvalidAnnotation", field(NAME), message, remedy));
        }
    }

    fn snippet(&mut self, name: &'static str, value: &str) {
        let remedy = "use the annotation for what the directives do, such as proxy-read-timeout, custom-headers, \
                      enable-cors or allowlist-source-range";
        match annotation::unknown_directive(value) {
            Some(directive) if name != "stream-snippet" => {
                let message =
                    format!("nginx directives are never run, and {directive:?} may keep somebody out");
                self.deny(name, &message, remedy);
            }
            _ => {
                let message = "nginx directives are never run, ignored";
                self.findings.push(self.ingress.error("SnippetRefused", field(name), message, remedy));
            }
        }
    }

    /// Denies for each protection that is asked for, once.
    fn guards(&mut self) {
        let mut guards = std::mem::take(&mut self.guards);
        // What turns a protection on comes before what only says more about it.
        let main = ["auth-type", "auth-url", "enable-modsecurity"];
        guards.sort_by_key(|(protection, name)| (*protection, !main.contains(name), *name));
        guards.dedup_by_key(|(protection, _)| *protection);
        for (_, name) in guards {
            let remedy = "remove it only if everybody may get through";
            self.deny(name, "it keeps somebody out and is not supported yet in this version", remedy);
        }
    }

    fn deny(&mut self, name: &'static str, message: &str, remedy: &str) {
        let reason: Arc<str> = format!("annotation {PREFIX}{name}: {message}").into();
        let whole_host = name == "server-snippet";
        if whole_host {
            self.host_denied.get_or_insert_with(|| reason.clone());
        }
        let what = if whole_host {
            "this ingress, and of hosts that it is the first to name,"
        } else {
            "this ingress"
        };
        self.denied.get_or_insert(reason);
        let message = format!("{message}; all paths of {what} are answered 503");
        self.findings.push(self.ingress.error("Denied", field(name), message, remedy));
    }
}

/// Denies more if the paths of an Ingress that is denied for a reason are regular expressions.
fn regex(ingress: &Served<'_>, denied: Option<&Arc<str>>, findings: &mut Vec<Finding>) -> Option<Arc<str>> {
    let denied = denied?.clone();
    let values = ingress.annotations;
    let name = if value(values, "use-regex").is_some_and(annotation::is_true) {
        "use-regex"
    } else {
        value(values, "rewrite-target").filter(|target| !target.is_empty())?;
        "rewrite-target"
    };
    let namespace = quoted(&ingress.object.namespace);
    let message = format!(
        "it makes the paths regular expressions, which are not supported yet in this version, and which requests are to be kept out \
         cannot be told; on the hosts of this ingress all paths of namespace {namespace} are answered 503"
    );
    let remedy = "write plain paths, or give what is protected a host of its own";
    findings.push(ingress.error("Denied", field(name), message, remedy));
    Some(denied)
}

/// Why an annotation of a risk is not allowed.
pub(super) fn too_risky(risk: Risk, global: &Global) -> String {
    let level = global.annotations_risk_level.name();
    format!("its risk is {}, and annotations-risk-level allows no more than {level}", risk.name())
}

/// The word of the blocklist that a value has.
pub(super) fn blocked<'g>(value: &str, global: &'g Global) -> Option<&'g str> {
    global.blocked_words.iter().map(String::as_str).find(|word| value.contains(word))
}

/// Says that a value could not be read.
pub(super) fn ignored(ingress: &Served<'_>, invalid: &Invalid) -> Finding {
    ingress.warning(
        "InvalidAnnotation",
        field(invalid.name),
        invalid.to_string(),
        "correct or remove the value",
    )
}

/// The field of an annotation.
pub(super) fn field(name: &str) -> String {
    format!("metadata.annotations[{PREFIX}{name}]")
}
