//! From the rules of the Ingresses to candidates for routes.

use std::fmt;

use hashbrown::HashMap;
use k8s_openapi::api::networking::v1::{HTTPIngressPath, IngressBackend, IngressRule};

use super::class::Served;
use super::report::{Finding, quoted};
use crate::route::{HostPattern, PathError, PathPattern};

/// What the rules of all Ingresses ask for, those of older Ingresses first.
#[derive(Default)]
pub(super) struct Rules<'o> {
    pub(super) drafts: Vec<Draft<'o>>,
    /// Each host that a rule names, with the first Ingress that does.
    pub(super) owners: HashMap<HostPattern, usize>,
}

/// Reads rules.
#[derive(Default)]
struct Reader<'o> {
    rules: Rules<'o>,
    /// Paths as they are written, and whether they are Exact: most Ingresses have the same few, and routes share their texts.
    paths: HashMap<(&'o str, bool), PathPattern>,
}

/// One path of one rule.
pub(super) struct Draft<'o> {
    /// Index of the Ingress.
    pub(super) ingress: usize,
    pub(super) place: Place,
    pub(super) host: HostPattern,
    pub(super) path: PathPattern,
    pub(super) target: Target<'o>,
}

/// Where in an Ingress a backend stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Path { rule: usize, path: usize },
    Default,
}

impl Place {
    /// The field of that path.
    pub(super) fn path_field(self) -> String {
        match self {
            Self::Path { rule, path } => format!("spec.rules[{rule}].http.paths[{path}].path"),
            Self::Default => self.to_string(),
        }
    }
}

/// The field of the backend.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { rule, path } => write!(f, "spec.rules[{rule}].http.paths[{path}].backend"),
            Self::Default => f.write_str("spec.defaultBackend"),
        }
    }
}

/// The backend of a path or of an Ingress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target<'o> {
    /// A port of a Service in the namespace of the Ingress.
    Service { name: &'o str, port: Port<'o> },
    /// The path is owned, but nobody can be asked, for this reason.
    Nobody(&'static str),
}

/// A port of a Service as an Ingress writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Port<'o> {
    Number(i32),
    Name(&'o str),
}

impl fmt::Display for Port<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl<'o> Rules<'o> {
    /// Reads the rules of all Ingresses.
    pub(super) fn read(served: &[Served<'o>], findings: &mut Vec<Finding>) -> Self {
        let mut reader = Reader::default();
        for (index, ingress) in served.iter().enumerate() {
            reader.ingress(index, ingress, findings);
        }
        reader.rules
    }
}

impl<'o> Reader<'o> {
    fn ingress(&mut self, index: usize, ingress: &Served<'o>, findings: &mut Vec<Finding>) {
        for (number, rule) in ingress.spec.rules.iter().flatten().enumerate() {
            match HostPattern::parse(rule.host.as_deref().unwrap_or_default()) {
                Ok(host) => self.rule(index, ingress, number, &host, rule, findings),
                Err(error) => {
                    let host = quoted(rule.host.as_deref().unwrap_or_default());
                    findings.push(ingress.error(
                        "InvalidHost",
                        format!("spec.rules[{number}].host"),
                        format!("{host} {error}; the rule is skipped"),
                        "write a DNS name, \"*.\" and a DNS name, or leave the field out for all hosts",
                    ));
                }
            }
        }
    }

    fn rule(
        &mut self,
        index: usize,
        ingress: &Served<'o>,
        number: usize,
        host: &HostPattern,
        rule: &'o IngressRule,
        findings: &mut Vec<Finding>,
    ) {
        self.rules.owners.entry(host.clone()).or_insert(index);
        for (position, path) in rule.http.iter().flat_map(|http| &http.paths).enumerate() {
            let place = Place::Path { rule: number, path: position };
            match self.pattern(path) {
                Ok(pattern) => {
                    if let Some(target) = target(ingress, place, &path.backend, findings) {
                        let host = host.clone();
                        let draft = Draft { ingress: index, place, host, path: pattern, target };
                        self.rules.drafts.push(draft);
                    }
                }
                Err(Refused { field, reason, message, remedy }) => {
                    let field = format!("spec.rules[{number}].http.paths[{position}].{field}");
                    findings.push(ingress.error(
                        reason,
                        field,
                        format!("{message}; the path is skipped"),
                        remedy,
                    ));
                }
            }
        }
    }

    fn pattern(&mut self, path: &'o HTTPIngressPath) -> Result<PathPattern, Refused> {
        let is_exact = match path.path_type.as_str() {
            "Exact" => Some(true),
            // ingress-nginx reads ImplementationSpecific and a missing type as Prefix.
            "Prefix" | "ImplementationSpecific" | "" => Some(false),
            _ => None,
        };
        let key = is_exact.map(|exact| (path.path.as_deref().unwrap_or_default(), exact));
        if let Some(held) = key.and_then(|key| self.paths.get(&key)) {
            return Ok(held.clone());
        }
        let pattern = pattern(path, is_exact)?;
        self.paths.extend(key.map(|key| (key, pattern.clone())));
        Ok(pattern)
    }
}

/// Why a path is skipped.
struct Refused {
    field: &'static str,
    reason: &'static str,
    message: String,
    remedy: &'static str,
}

fn pattern(path: &HTTPIngressPath, is_exact: Option<bool>) -> Result<PathPattern, Refused> {
    let text = path.path.as_deref().unwrap_or_default();
    let specific = matches!(path.path_type.as_str(), "" | "ImplementationSpecific");
    let pattern = match is_exact {
        Some(true) => PathPattern::exact(text),
        Some(false) => PathPattern::prefix(text),
        None => {
            return Err(Refused {
                field: "pathType",
                reason: "InvalidPathType",
                message: format!("{} is no path type", quoted(&path.path_type)),
                remedy: "write Exact, Prefix or ImplementationSpecific",
            });
        }
    };
    pattern.map_err(|error| Refused {
        field: "path",
        reason: "InvalidPath",
        message: format!("{} {error}, so no request can match it", quoted(text)),
        remedy: match error {
            PathError::NotAbsolute if specific => {
                "begin the path with \"/\"; regular expressions are not supported"
            }
            PathError::NotAbsolute => "begin the path with \"/\"",
            PathError::TooLong => "shorten the path",
            _ => "write the path as a request has it after decoding",
        },
    })
}

/// Reads a backend; `None` if the path is as if it were not there.
pub(super) fn target<'o>(
    ingress: &Served<'o>,
    place: Place,
    backend: &'o IngressBackend,
    findings: &mut Vec<Finding>,
) -> Option<Target<'o>> {
    let (service, resource) = (backend.service.as_ref(), backend.resource.as_ref());
    let Some(service) = service.filter(|_| resource.is_none()) else {
        let (reason, field, message) = match (service, resource) {
            (None, Some(_)) => {
                ("ResourceBackend", format!("{place}.resource"), "a resource cannot be a backend")
            }
            (Some(_), _) => ("InvalidBackend", place.to_string(), "both a service and a resource are given"),
            (None, None) => ("InvalidBackend", place.to_string(), "no service is given"),
        };
        let what = if matches!(place, Place::Default) { "the default backend" } else { "the path" };
        let message = format!("{message}; {what} is skipped");
        findings.push(ingress.error(reason, field, message, "name a service and its port"));
        return None;
    };
    let port = service.port.as_ref();
    let number = port.and_then(|port| port.number);
    let name = port.and_then(|port| port.name.as_deref()).filter(|name| !name.is_empty());
    let wrong = match (number, name) {
        (Some(number), None) => {
            return Some(Target::Service { name: &service.name, port: Port::Number(number) });
        }
        (None, Some(name)) => {
            // Upstreams are named by the text of the port, so "80" and 80 have to be one.
            let port = name.parse().map_or(Port::Name(name), Port::Number);
            return Some(Target::Service { name: &service.name, port });
        }
        (Some(_), Some(_)) => "the port of the backend is given by number and by name",
        (None, None) => "the port of the backend is not given",
    };
    let field = format!("{place}.service.port");
    let remedy = "give the port by number or by name, not both";
    findings.push(ingress.error("InvalidBackend", field, format!("{wrong}; answered 503"), remedy));
    Some(Target::Nobody(wrong))
}
