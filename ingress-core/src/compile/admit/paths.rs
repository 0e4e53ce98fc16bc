//! The characters of Exact and Prefix paths.

use k8s_openapi::api::networking::v1::Ingress;

/// A warning for each path that is not `/` followed by ASCII letters, digits, `-`, `.`, `_` and `/`, in the words of ingress-nginx. A path
/// whose type is ImplementationSpecific may be anything.
pub(super) fn warnings(candidate: &Ingress) -> Vec<String> {
    let rules = candidate.spec.iter().flat_map(|spec| spec.rules.iter().flatten());
    let paths = rules.flat_map(|rule| rule.http.iter().flat_map(|http| &http.paths));
    let strict = paths.filter(|path| matches!(&*path.path_type, "Exact" | "Prefix"));
    let wrong = strict.filter_map(|path| {
        let text = path.path.as_deref().filter(|text| !text.is_empty() && !is_plain(text))?;
        let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
        Some(format!("path {shown} cannot be used with pathType {}", path.path_type))
    });
    wrong.collect()
}

/// The same as a refusal.
pub(super) fn refusal(warning: &String) -> String {
    format!(
        "{warning}; use letters, digits, \"-\", \".\", \"_\" and \"/\" only, or pathType ImplementationSpecific, or set \
         strict-validate-path-type to \"false\" in the ConfigMap"
    )
}

fn is_plain(path: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'/');
    path.starts_with('/') && path.bytes().all(valid)
}
