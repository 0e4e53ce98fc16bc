//! What is said about flags that are accepted and do not do what they do in ingress-nginx.

use super::Args;

impl Args {
    /// Logs each flag of the command line that has no effect: loudly where something is not served as the flag asks, at verbosity 3 where
    /// nobody will miss it.
    pub fn log_notices(&self) {
        for notice in self.warnings() {
            tracing::warn!("{notice}");
        }
        for (name, reason) in &self.ignored.given {
            tracing::debug!("--{name}: has no effect, because {reason}");
        }
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (flag, object, protocol) in [
            ("--tcp-services-configmap", &self.tcp_services_configmap, "TCP"),
            ("--udp-services-configmap", &self.udp_services_configmap, "UDP"),
        ] {
            if let Some(object) = object {
                warnings.push(format!(
                    "{flag}: {protocol} services are NOT SERVED by this version: what the ConfigMap {object} lists is not reachable"
                ));
            }
        }
        if let Some(port) = self.https_port {
            warnings.push(format!(
                "--https-port: HTTPS is NOT SERVED by this version: nothing listens on port {port}"
            ));
        }
        if let Some(object) = &self.default_ssl_certificate {
            warnings.push(format!(
                "--default-ssl-certificate: HTTPS is not served by this version, so the Secret {object} is not used yet"
            ));
        }
        for name in &self.ignored.always_on {
            warnings.push(format!("--{name}: cannot be switched off here; leave the flag out"));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(flags: &[&str]) -> Vec<String> {
        Args::read(std::iter::once("x").chain(flags.iter().copied())).unwrap().warnings()
    }

    #[test]
    fn what_is_not_served_is_said_loudly_and_the_rest_is_not() {
        assert_eq!(warnings(&["--profiling=false", "--deep-inspect", "--stderrthreshold=2"]), [""; 0]);
        let tcp = warnings(&["--tcp-services-configmap=ingress-nginx/tcp", "--udp-services-configmap="]);
        assert_eq!(
            tcp,
            [
                "--tcp-services-configmap: TCP services are NOT SERVED by this version: what the ConfigMap ingress-nginx/tcp lists is \
                 not reachable"
            ]
        );
        let rest = warnings(&["--https-port=8443", "--default-ssl-certificate=a/b", "--deep-inspect=false"]);
        assert!(rest.len() == 3 && rest[0].contains("8443") && rest[1].contains("a/b"), "{rest:?}");
        assert_eq!(rest[2], "--deep-inspect: cannot be switched off here; leave the flag out");
    }
}
