//! What holds for all Ingresses: the ConfigMap that the options name.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;

use super::index::{name, namespace, unique};
use super::report::{Finding, ObjectRef, Severity, quoted};
use super::{Objects, Options};
use crate::annotation::Invalid;
use crate::config_map::{self, Defect, Global};
use crate::route::ObjectName;

/// Reads the ConfigMap. Without one, or without such an object, the defaults hold.
pub(super) fn read(objects: &Objects, options: &Options, findings: &mut Vec<Finding>) -> Global {
    let Some(wanted) = &options.config_map else { return Global::default() };
    let Some(map) = config_map(objects, wanted, ("--configmap", "the defaults hold"), findings) else {
        return Global::default();
    };
    static NO_DATA: BTreeMap<String, String> = BTreeMap::new();
    let (global, defects) = config_map::read(map.data.as_ref().unwrap_or(&NO_DATA));
    let object = ObjectRef::new("configmap", &*wanted.namespace, &*wanted.name);
    findings.extend(defects.iter().map(|defect| finding(defect, object.clone())));
    global
}

/// The ConfigMap that a flag names. If there is none, a finding says what holds then.
pub(super) fn config_map<'o>(
    objects: &'o Objects,
    wanted: &ObjectName,
    (flag, then): (&str, &str),
    findings: &mut Vec<Finding>,
) -> Option<&'o ConfigMap> {
    let (wanted_namespace, wanted_name) = (&*wanted.namespace, &*wanted.name);
    let is_it = |map: &&std::sync::Arc<ConfigMap>| {
        name(&map.metadata) == wanted_name && namespace(&map.metadata) == wanted_namespace
    };
    let held = unique("configmap", namespace, objects.config_maps.iter().filter(is_it), findings);
    let map = held.get(&(wanted_namespace, wanted_name)).map(|map| &***map);
    if map.is_none() {
        let object = ObjectRef::new("configmap", wanted_namespace, wanted_name);
        let message = format!("{flag} names it, and there is no such ConfigMap; {then}");
        let remedy = "create it, or correct the flag";
        findings.push(Finding::new(Severity::Warning, "MissingConfigMap", object, "", message, remedy));
    }
    map
}

fn finding(defect: &Defect, object: ObjectRef) -> Finding {
    const SNIPPET: &str = "use the key for what the directives do, such as proxy-read-timeout, hide-headers or client-body-timeout, and \
                           annotations for single Ingresses";
    match defect {
        Defect::Invalid(invalid) => self::invalid(invalid, object),
        Defect::Unknown(names) => {
            let shown: Vec<_> = names.iter().take(20).map(|name| unknown(name)).collect();
            let more = match names.len() - shown.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let message = format!("there are no such keys, so they are ignored: {}{more}", shown.join(", "));
            let remedy = "correct or remove them";
            Finding::new(Severity::Warning, "UnknownSetting", object, "data", message, remedy)
        }
        Defect::Later(names) => {
            let message = format!("not supported yet in this version, and ignored: {}", names.join(", "));
            let remedy = "remove them if you can do without";
            Finding::new(Severity::Warning, "NotSupported", object, "data", message, remedy)
        }
        Defect::Unsafe(name) => {
            let what = config_map::find(name).map(|key| key.doc).unwrap_or_default();
            let message = format!("it cannot be made safe, so it is ignored: {what}");
            Finding::new(Severity::Warning, "UnsafeSetting", object, field(name), message, "remove it")
        }
        Defect::Refused(name) => {
            let (message, remedy) = match *name {
                "allow-snippet-annotations" => {
                    ("nginx directives are never run, in annotations neither", "remove it")
                }
                _ => ("nginx directives are never run, ignored", SNIPPET),
            };
            Finding::new(Severity::Error, "SnippetRefused", object, field(name), message, remedy)
        }
        Defect::Closes(name, why) => {
            let message = format!("{why}; all paths of all ingresses are answered 503");
            let remedy = match name.ends_with("-snippet") {
                true => SNIPPET,
                false => "remove it only if everybody may get through",
            };
            Finding::new(Severity::Error, "Denied", object, field(name), message, remedy)
        }
    }
}

fn invalid(invalid: &Invalid, object: ObjectRef) -> Finding {
    // Whom to trust is no matter of taste.
    let severity = match invalid.name {
        "proxy-real-ip-cidr" => Severity::Error,
        _ => Severity::Warning,
    };
    let remedy = "correct or remove the value";
    Finding::new(severity, "InvalidSetting", object, field(invalid.name), invalid.to_string(), remedy)
}

fn unknown(name: &str) -> String {
    match config_map::nearest(name) {
        Some(near) => format!("{} (did you mean {near}?)", quoted(name)),
        None => quoted(name),
    }
}

fn field(name: &str) -> String {
    format!("data[{name}]")
}
