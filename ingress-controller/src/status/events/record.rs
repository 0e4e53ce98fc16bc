//! What an event says, and how it looks to the API server.

use ingress_core::{Finding, ObjectName};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Event, EventSource, ObjectReference};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use crate::status::look::Look;

/// Who makes our events: tools that look for those of ingress-nginx find them.
const COMPONENT: &str = "nginx-ingress-controller";
/// The API server refuses longer messages.
const LONGEST: usize = 1024;
/// A name may be 253 bytes long; ours ends in a dot and 16 hexadecimal digits.
const LONGEST_NAME: usize = 236;

/// An event that is to be made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) object: ObjectReference,
    /// `Normal` or `Warning`.
    kind: &'static str,
    reason: &'static str,
    message: String,
}

impl Record {
    /// A defect, on the object that has it; `None` if that is none of the API.
    pub(super) fn finding(finding: &Finding, look: &impl Look) -> Option<Self> {
        let mut message = String::new();
        for (part, end) in [(&finding.field, ": "), (&finding.message, "; "), (&finding.remedy, "")] {
            if !part.is_empty() {
                message.push_str(part);
                message.push_str(end);
            }
        }
        let message = cut(message.trim_end_matches("; "));
        let (kind, namespace, name) =
            (finding.object.kind, &*finding.object.namespace, &*finding.object.name);
        let (version, kind) = kind_of(kind)?;
        let object = ObjectReference {
            api_version: Some(version.into()),
            kind: Some(kind.into()),
            namespace: Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty()),
            name: Some(name.into()),
            uid: uid(kind, &ObjectName { namespace: namespace.into(), name: name.into() }, look),
            ..ObjectReference::default()
        };
        Some(Self { object, kind: "Warning", reason: finding.reason, message })
    }

    /// An Ingress of ours is new or has changed.
    pub(super) fn sync(ingress: &Ingress) -> Self {
        let object = reference("networking.k8s.io/v1", "Ingress", &ingress.metadata);
        Self { object, kind: "Normal", reason: "Sync", message: "Scheduled for sync".into() }
    }

    /// The ConfigMap with our settings is new, or has changed.
    pub(super) fn config_map(config_map: &ConfigMap, reason: &'static str) -> Self {
        let object = reference("v1", "ConfigMap", &config_map.metadata);
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let message = format!("ConfigMap {}/{}", text(&object.namespace), text(&object.name));
        Self { object, kind: "Normal", reason, message }
    }

    /// The namespace that the event is made in: that of the object, else `default`.
    pub(super) fn namespace(&self) -> &str {
        self.object.namespace.as_deref().unwrap_or("default")
    }

    /// Its name, which is the same whenever and by whichever replica the same is said of the same object.
    pub(super) fn name(&self) -> String {
        let object = &self.object;
        let mut hash = Hash::new();
        for part in [object.kind.as_deref(), object.uid.as_deref(), Some(self.kind), Some(self.reason)] {
            hash.add(part.unwrap_or_default());
        }
        hash.add(&self.message);
        let name = object.name.as_deref().unwrap_or_default();
        let end = name.char_indices().nth(LONGEST_NAME).map_or(name.len(), |(end, _)| end);
        let name = name.get(..end).unwrap_or_default().trim_end_matches(['.', '-']);
        format!("{name}.{:016x}", hash.0)
    }

    /// As it is made for the first time.
    pub(super) fn event(&self, instance: Option<&str>, now: Timestamp) -> Event {
        Event {
            metadata: ObjectMeta {
                name: Some(self.name()),
                namespace: Some(self.namespace().into()),
                ..ObjectMeta::default()
            },
            involved_object: self.object.clone(),
            type_: Some(self.kind.into()),
            reason: Some(self.reason.into()),
            message: Some(self.message.clone()),
            count: Some(1),
            first_timestamp: Some(Time(now)),
            last_timestamp: Some(Time(now)),
            source: Some(EventSource { component: Some(COMPONENT.into()), host: None }),
            reporting_component: Some(COMPONENT.into()),
            reporting_instance: instance.map(Into::into),
            ..Event::default()
        }
    }
}

/// API version and kind of an object by its kind in a finding.
fn kind_of(kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind.replace(' ', "").as_str() {
        "ingress" => ("networking.k8s.io/v1", "Ingress"),
        "ingressclass" => ("networking.k8s.io/v1", "IngressClass"),
        "service" => ("v1", "Service"),
        "secret" => ("v1", "Secret"),
        "namespace" => ("v1", "Namespace"),
        "endpointslice" => ("discovery.k8s.io/v1", "EndpointSlice"),
        "configmap" => ("v1", "ConfigMap"),
        _ => return None,
    })
}

fn uid(kind: &str, name: &ObjectName, look: &impl Look) -> Option<String> {
    match kind {
        "Ingress" => look.ingress(name)?.metadata.uid.clone(),
        "Service" => look.service(name)?.metadata.uid.clone(),
        "ConfigMap" => look.config_map(name)?.metadata.uid.clone(),
        _ => None,
    }
}

fn reference(version: &str, kind: &str, metadata: &ObjectMeta) -> ObjectReference {
    ObjectReference {
        api_version: Some(version.into()),
        kind: Some(kind.into()),
        namespace: metadata.namespace.clone(),
        name: metadata.name.clone(),
        uid: metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

/// The text, cut where it is too long for an event.
fn cut(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let most = LONGEST - '…'.len_utf8();
    let end = text.char_indices().map(|(start, _)| start).take_while(|start| *start <= most).last();
    format!("{}…", text.get(..end.unwrap_or_default()).unwrap_or_default())
}

/// FNV-1a, which is the same in every build of every version.
struct Hash(u64);

impl Hash {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds a text, and an end that no text holds.
    fn add(&mut self, text: &str) {
        for byte in text.bytes().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_for_what_is_the_same_and_fits() {
        let mut ingress = Ingress::default();
        ingress.metadata.name = Some("web".into());
        let one = Record::sync(&ingress);
        assert_eq!((one.name().len(), one.name()), (20, Record::sync(&ingress).name()));
        ingress.metadata.uid = Some("new".into());
        assert_ne!(one.name(), Record::sync(&ingress).name());
        ingress.metadata.name = Some(format!("{}.{}", "a".repeat(235), "b".repeat(17)));
        let name = Record::sync(&ingress).name();
        assert!(name.len() <= 253 && name.starts_with(&format!("{}.", "a".repeat(235))), "{name}");
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        assert_eq!(cut("é"), "é");
        let cut = cut(&"é".repeat(1000));
        assert!(cut.len() <= LONGEST && cut.len() > LONGEST - 4 && cut.ends_with("é…"), "{}", cut.len());
    }
}
