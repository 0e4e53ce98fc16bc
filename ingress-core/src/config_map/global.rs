//! What the values of the ConfigMap come to.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::annotation::Risk;
use crate::policy::{HttpsRules, RequestBody, Retry, Timeouts};
use crate::route::ObjectName;
use crate::settings::Settings;

/// What holds for all Ingresses, with the defaults of ingress-nginx.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Global {
    /// What holds whatever the route.
    pub settings: Arc<Settings>,
    /// Timeouts of routes without annotations of their own.
    pub timeouts: Timeouts,
    /// Retries of routes without annotations of their own.
    pub retry: Retry,
    /// `retry-non-idempotent`: holds even where an annotation lists other conditions.
    pub retry_non_idempotent: bool,
    /// Limits of bodies for routes without annotations of their own.
    pub request_body: RequestBody,
    /// Redirects to HTTPS of routes without annotations of their own.
    pub https: HttpsRules,
    /// Paths of rules that begin so are served over plain HTTP too (`no-tls-redirect-locations`, `/.well-known/acme-challenge`).
    pub plain_paths: Vec<String>,
    /// `proxy-ssl-*` annotations hold for their own Ingress alone, not for its hosts (`proxy-ssl-location-only`, false).
    pub proxy_ssl_location_only: bool,
    /// How many workers (`worker-processes`); `None` is one for each CPU (`auto`).
    pub worker_processes: Option<NonZeroUsize>,
    /// How long requests may go on when the program stops (`worker-shutdown-timeout`, 240 s).
    pub worker_shutdown_timeout: Duration,
    /// The admission webhook refuses Exact and Prefix paths with unusual characters (`strict-validate-path-type`, true).
    pub strict_validate_path_type: bool,
    /// The highest risk of an annotation; above it, the Ingress is not served (`annotations-risk-level`, High).
    pub annotations_risk_level: Risk,
    /// An Ingress with one of these words in the value of an annotation is not served (`annotation-value-word-blocklist`, none).
    pub blocked_words: Vec<String>,
    /// Annotations may name Secrets and ConfigMaps of other namespaces (`allow-cross-namespace-resources`, false).
    pub allow_cross_namespace: bool,
    /// The ConfigMaps that keys name: `add-headers`, `proxy-set-headers`.
    pub config_maps: Vec<ObjectName>,
    /// Keys that keep somebody out and are not enforced yet: while there is one, no route may be served.
    pub closed_by: Vec<&'static str>,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            settings: Arc::default(),
            timeouts: Timeouts::default(),
            retry: Retry::default(),
            retry_non_idempotent: false,
            request_body: RequestBody::default(),
            https: HttpsRules::default(),
            plain_paths: vec!["/.well-known/acme-challenge".to_owned()],
            proxy_ssl_location_only: false,
            worker_processes: None,
            worker_shutdown_timeout: Duration::from_secs(240),
            strict_validate_path_type: true,
            annotations_risk_level: Risk::High,
            blocked_words: Vec::new(),
            allow_cross_namespace: false,
            config_maps: Vec::new(),
            closed_by: Vec::new(),
        }
    }
}
