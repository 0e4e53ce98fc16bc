//! The annotations of a candidate.

use k8s_openapi::api::networking::v1::Ingress;

use crate::annotation::{self, PREFIX};
use crate::compile::policies::{blocked, too_risky};
use crate::compile::report::quoted;
use crate::config_map::Global;

/// Why the candidate is refused because of an annotation, if so.
pub(super) fn refusal(candidate: &Ingress, global: &Global) -> Option<String> {
    let annotations = candidate.metadata.annotations.as_ref()?;
    let ours = || {
        annotations.iter().filter_map(|(key, value)| {
            let name = key.strip_prefix(PREFIX)?;
            Some((name, key, value))
        })
    };
    let blocked = || {
        ours().find_map(|(_, key, value)| {
            let word = quoted(blocked(value, global)?);
            Some(format!(
                "annotation {}: the value contains the word {word}, which annotation-value-word-blocklist forbids",
                shown(key)
            ))
        })
    };
    // Whatever the prefix: such a key is meant for some nginx.
    let snippet = || {
        annotations.keys().find(|key| key.ends_with("-snippet")).map(|key| {
            format!(
                "annotation {}: nginx directives are never run; use the annotation for what they do, such as proxy-read-timeout, \
                 custom-headers, enable-cors or allowlist-source-range",
                shown(key)
            )
        })
    };
    let invalid = || ours().find_map(|(name, key, value)| invalid(name, key, value, global));
    blocked().or_else(snippet).or_else(invalid)
}

fn invalid(name: &str, key: &str, value: &str, global: &Global) -> Option<String> {
    let known = annotation::find(name)?;
    if known.risk > global.annotations_risk_level {
        return Some(format!("annotation {key}: {}", too_risky(known.risk, global)));
    }
    let expected = annotation::refused(known.name, value)?;
    Some(format!("annotation {key}: expected {expected}, got {}", quoted(value)))
}

/// A key as a message shows it.
fn shown(key: &str) -> String {
    key.chars().take(120).flat_map(char::escape_debug).collect()
}
