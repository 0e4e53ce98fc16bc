//! Texts that have no place in a host, a path or the name of a Secret, but would be dangerous in the configuration of an nginx. They can do
//! no harm here; who sends them means harm, or will do it elsewhere.

use k8s_openapi::api::networking::v1::Ingress;

use crate::compile::report::quoted;

/// Why the candidate is refused, if so: the field and the value.
pub(super) fn refusal(candidate: &Ingress) -> Option<String> {
    let spec = candidate.spec.as_ref()?;
    let refuse = |field: String, text: &str| {
        is_suspect(text).then(|| {
            format!("{field}: {} contains directives or paths of a server; write a plain one", quoted(text))
        })
    };
    let rules = spec.rules.iter().flatten().enumerate();
    let of_rules = rules.flat_map(|(number, rule)| {
        let host = rule.host.as_deref().map(|host| (format!("spec.rules[{number}].host"), host));
        let paths = rule.http.iter().flat_map(|http| &http.paths).enumerate();
        let paths = paths.filter_map(move |(position, path)| {
            Some((format!("spec.rules[{number}].http.paths[{position}].path"), path.path.as_deref()?))
        });
        host.into_iter().chain(paths)
    });
    let of_tls = spec.tls.iter().flatten().enumerate().flat_map(|(number, tls)| {
        let hosts = tls.hosts.iter().flatten().enumerate();
        let hosts =
            hosts.map(move |(position, host)| (format!("spec.tls[{number}].hosts[{position}]"), &**host));
        let secret = tls.secret_name.as_deref();
        hosts.chain(secret.map(|name| (format!("spec.tls[{number}].secretName"), name)))
    });
    of_rules.chain(of_tls).find_map(|(field, text)| refuse(field, text))
}

fn is_suspect(text: &str) -> bool {
    const FILES: [&str; 7] = [
        "/etc/passwd",
        "/etc/shadow",
        "/etc/group",
        "/etc/nginx",
        "/etc/ingress-controller",
        "/var/run/secrets",
        "_by_lua",
    ];
    let directive = |word: &str| text.split_once(word).is_some_and(|(_, after)| after.contains(';'));
    FILES.iter().any(|file| text.contains(file)) || directive("alias") || directive("root")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_and_files_are_suspect() {
        for text in [
            "/x {alias /etc/;}",
            "/root /;",
            "/a/etc/passwd",
            "/var/run/secrets/x",
            "/x;content_by_lua_block",
        ] {
            assert!(is_suspect(text), "{text}");
        }
        for text in ["/alias", "/root/", "/etc", "/a;b", "root.example.com", "/;alias"] {
            assert!(!is_suspect(text), "{text}");
        }
    }
}
