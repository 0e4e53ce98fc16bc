//! From the data of the ConfigMap to what holds for all Ingresses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use ipnet::IpNet;

use super::reader::Reader;
use super::{Defect, Effect, Global, Key, edge, find, streams};
use crate::annotation::{self, BODY_SIZE, Invalid, Risk, TRIES, max_size};
use crate::settings::{AccessLog, Forwarded, Settings};
use crate::value::{boolean, list, time};

/// Reads the data. A value that cannot be read leaves the default, and is noted; so is a key that is unknown or not honoured.
#[must_use]
pub fn read(data: &BTreeMap<String, String>) -> (Global, Vec<Defect>) {
    let mut reader = Reader::new(data);
    let mut global = Global::default();
    routes(&mut reader, &mut global);
    edge::routes(&mut reader, &mut global);
    rules(&mut reader, &mut global);
    processes(&mut reader, &mut global);
    let mut settings = Settings::default();
    connections(&mut reader, &mut settings);
    answers(&mut reader, &mut settings);
    edge::connections(&mut reader, &mut settings);
    settings.streams = streams::streams(&mut reader);
    settings.forwarded = forwarded(&mut reader);
    settings.access_log = access_log(&mut reader);
    settings.tls = super::tls::tls(&mut reader);
    global.settings = Arc::new(settings);
    others(&mut reader, data, &mut global);
    (global, reader.defects)
}

/// What annotations may change.
fn routes(reader: &mut Reader<'_>, global: &mut Global) {
    reader.some_seconds("proxy-connect-timeout", &mut global.timeouts.connect);
    reader.some_seconds("proxy-read-timeout", &mut global.timeouts.read);
    reader.some_seconds("proxy-send-timeout", &mut global.timeouts.send);
    if let Some(text) = reader.text("proxy-next-upstream")
        && let Some(invalid) = annotation::conditions(text, &mut global.retry)
    {
        reader.invalid(invalid);
    }
    reader.number("proxy-next-upstream-tries", TRIES, &mut global.retry.tries);
    reader.seconds("proxy-next-upstream-timeout", &mut global.retry.timeout);
    global.retry_non_idempotent = reader.is_true("retry-non-idempotent");
    global.retry.non_idempotent |= global.retry_non_idempotent;
    reader.value("proxy-body-size", BODY_SIZE, max_size, &mut global.request_body.max_size);
}

/// What Ingresses may contain.
fn rules(reader: &mut Reader<'_>, global: &mut Global) {
    reader.boolean("strict-validate-path-type", &mut global.strict_validate_path_type);
    global.blocked_words = reader
        .text("annotation-value-word-blocklist")
        .into_iter()
        .flat_map(list)
        .map(str::to_owned)
        .collect();
    global.allow_cross_namespace = reader.is_true("allow-cross-namespace-resources");
    global.config_maps.extend(reader.object("add-headers"));
    global.config_maps.extend(reader.object("proxy-set-headers"));
    const RISK: &str = "annotations-risk-level";
    if let Some(text) = reader.text(RISK) {
        let risks = [Risk::Low, Risk::Medium, Risk::High, Risk::Critical];
        let risk = risks.into_iter().find(|risk| risk.name() == text);
        // As in ingress-nginx, and on the safe side.
        global.annotations_risk_level = risk.unwrap_or_else(|| {
            let invalid = Invalid::new(RISK, "Low, Medium, High or Critical", text);
            reader.invalid(Invalid { instead: "Low holds", ..invalid });
            Risk::Low
        });
    }
}

fn processes(reader: &mut Reader<'_>, global: &mut Global) {
    let workers = |text: &str| match text {
        "auto" => Some(None),
        // Each is a thread with sockets of its own: a slip of the keyboard must not keep the program from starting.
        text => text.parse::<NonZeroUsize>().ok().filter(|number| number.get() <= 1024).map(Some),
    };
    reader.value(
        "worker-processes",
        "\"auto\", or a whole number from 1 to 1024",
        workers,
        &mut global.worker_processes,
    );
    let field = &mut global.worker_shutdown_timeout;
    reader.value("worker-shutdown-timeout", "a time such as \"240s\" or \"4m\"", time, field);
}

fn connections(reader: &mut Reader<'_>, settings: &mut Settings) {
    const NUMBER: &str = "a whole number";
    reader.some_seconds("client-header-timeout", &mut settings.client_header_timeout);
    reader.some_seconds("client-body-timeout", &mut settings.client_body_timeout);
    reader.seconds("keep-alive", &mut settings.keep_alive);
    reader.number("keep-alive-requests", NUMBER, &mut settings.keep_alive_requests);
    let number = |text: &str| crate::value::number(text).and_then(|number| usize::try_from(number).ok());
    let field = &mut settings.upstream_keepalive_connections;
    reader.value("upstream-keepalive-connections", NUMBER, number, field);
    reader.some_seconds("upstream-keepalive-timeout", &mut settings.upstream_keepalive_timeout);
    let field = &mut settings.upstream_keepalive_time;
    reader.value("upstream-keepalive-time", "a time such as \"1h\" or \"90s\"", time, field);
    reader.number("upstream-keepalive-requests", NUMBER, &mut settings.upstream_keepalive_requests);
    // nginx closes after each request if the number is 0.
    settings.keep_alive_requests = settings.keep_alive_requests.max(1);
    settings.upstream_keepalive_requests = settings.upstream_keepalive_requests.max(1);
}

fn answers(reader: &mut Reader<'_>, settings: &mut Settings) {
    reader.boolean("generate-request-id", &mut settings.generate_request_id);
    reader.boolean("server-tokens", &mut settings.server_tokens);
    reader.boolean("allow-backend-server-header", &mut settings.allow_backend_server_header);
    settings.hide_headers = reader.list("hide-headers", "the name of a header", |text| text.parse().ok());
}

fn forwarded(reader: &mut Reader<'_>) -> Forwarded {
    let mut forwarded = Forwarded::default();
    reader.boolean("use-forwarded-headers", &mut forwarded.use_forwarded_headers);
    reader.boolean("enable-real-ip", &mut forwarded.enable_real_ip);
    reader.boolean("compute-full-forwarded-for", &mut forwarded.compute_full_forwarded_for);
    reader.boolean("proxy-add-original-uri-header", &mut forwarded.add_original_uri);
    reader.header("forwarded-for-header", &mut forwarded.header);
    reader.header("forwarded-host-header", &mut forwarded.host_header);
    // Who is trusted must be beyond doubt: one bad entry, or none at all, and nobody is.
    const CIDR: &str = "proxy-real-ip-cidr";
    if let Some(text) = reader.written(CIDR) {
        let networks: Option<Vec<IpNet>> = text.split(',').map(|entry| network(entry.trim())).collect();
        forwarded.trusted = networks.unwrap_or_else(|| {
            let expected = "networks and addresses, divided by commas, such as \"10.0.0.0/8,192.0.2.1\"";
            let invalid = Invalid::new(CIDR, expected, text);
            reader.invalid(Invalid { instead: "no proxy is trusted", ..invalid });
            Vec::new()
        });
    }
    forwarded
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn access_log(reader: &mut Reader<'_>) -> AccessLog {
    let off = reader.is_true("disable-access-log");
    let off_for_http = reader.is_true("disable-http-access-log");
    let off_for_streams = reader.is_true("disable-stream-access-log");
    let default_backend = reader.is_true("enable-access-log-for-default-backend");
    let exact = |text: &str| (!text.starts_with('~')).then(|| text.to_owned());
    let expected = "a request target, as regular expressions are not supported yet";
    let skip = reader.list("skip-access-log-urls", expected, exact);
    AccessLog { enabled: !(off || off_for_http), streams: !(off || off_for_streams), default_backend, skip }
}

/// Every key that is not served: what is to be said of it.
fn others(reader: &mut Reader<'_>, data: &BTreeMap<String, String>, global: &mut Global) {
    let (mut unknown, mut later) = (Vec::new(), Vec::new());
    for (name, value) in data {
        let Some(key) = find(name) else {
            unknown.push(name.clone());
            continue;
        };
        let value = value.trim();
        if value.is_empty() || says_nothing(key, value) {
            continue;
        }
        match key.effect {
            Effect::Served | Effect::PartOf(_) | Effect::Needless => {}
            Effect::Later => later.push(key.name),
            Effect::Unsafe => reader.defects.push(Defect::Unsafe(key.name)),
            Effect::Refused => reader.defects.push(Defect::Refused(key.name)),
            Effect::Guard => {
                let why = "it keeps somebody out and is not supported yet in this version".to_owned();
                reader.defects.push(Defect::Closes(key.name, why));
                global.closed_by.push(key.name);
            }
            Effect::Snippet | Effect::HttpSnippet => match guarding(key.effect, value) {
                None => reader.defects.push(Defect::Refused(key.name)),
                Some(directive) => {
                    let why =
                        format!("nginx directives are never run, and {directive:?} may keep somebody out");
                    reader.defects.push(Defect::Closes(key.name, why));
                    global.closed_by.push(key.name);
                }
            },
        }
    }
    if !unknown.is_empty() {
        reader.defects.push(Defect::Unknown(unknown));
    }
    if !later.is_empty() {
        reader.defects.push(Defect::Later(later));
    }
}

/// What of a snippet may keep somebody out, if anything.
fn guarding(effect: Effect, snippet: &str) -> Option<String> {
    match effect {
        Effect::HttpSnippet => annotation::guarding_word(snippet).map(|word| word.chars().take(40).collect()),
        _ => annotation::unknown_directive(snippet),
    }
}

/// True if the value asks for what is done without the key too.
fn says_nothing(key: &Key, value: &str) -> bool {
    let default = boolean(key.default);
    value == key.default || key.neutral.contains(&value) || (default.is_some() && boolean(value) == default)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_defaults_of_the_table_are_the_defaults() {
        let data: BTreeMap<_, _> =
            super::super::TABLE.iter().map(|key| (key.name.to_owned(), key.default.to_owned())).collect();
        let mut without_cidr = data.clone();
        without_cidr.remove("proxy-real-ip-cidr");
        assert_eq!(read(&data), (Global::default(), vec![]));
        assert_eq!(read(&without_cidr), (Global::default(), vec![]));
    }

    #[test]
    fn values_are_read() {
        let (global, defects) = read(&data(&[
            ("proxy-read-timeout", "90\n"),
            ("proxy-next-upstream", "timeout"),
            ("retry-non-idempotent", "true"),
            ("proxy-body-size", "0"),
            ("worker-processes", "3"),
            ("worker-shutdown-timeout", "10m"),
            ("annotations-risk-level", "Medium"),
            ("keep-alive", "0"),
            ("keep-alive-requests", "0"),
            ("upstream-keepalive-time", "30m"),
            ("proxy-real-ip-cidr", "10.0.0.0/8, 192.0.2.1,fd00::/8"),
            ("hide-headers", "X-A, x-b"),
            ("skip-access-log-urls", "/healthz,/ready"),
            ("disable-http-access-log", "true"),
        ]));
        assert_eq!(defects, []);
        assert_eq!(global.timeouts.read, Duration::from_secs(90));
        assert_eq!(
            (global.retry.on_error, global.retry.on_timeout, global.retry.non_idempotent),
            (false, true, true)
        );
        assert_eq!(global.request_body.max_size, None);
        assert_eq!(global.worker_processes, NonZeroUsize::new(3));
        assert_eq!(global.worker_shutdown_timeout, Duration::from_secs(600));
        assert_eq!(global.annotations_risk_level, Risk::Medium);
        let settings = &global.settings;
        assert_eq!((settings.keep_alive, settings.keep_alive_requests), (Duration::ZERO, 1));
        assert_eq!(settings.upstream_keepalive_time, Duration::from_secs(1800));
        let trusted: Vec<_> = settings.forwarded.trusted.iter().map(ToString::to_string).collect();
        assert_eq!(trusted, ["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"]);
        assert_eq!(settings.hide_headers, ["x-a", "x-b"]);
        assert_eq!(
            settings.access_log,
            AccessLog {
                enabled: false,
                streams: true,
                default_backend: false,
                skip: vec!["/healthz".into(), "/ready".into()]
            }
        );
    }

    #[test]
    fn nobody_is_trusted_by_a_list_that_cannot_be_read() {
        for text in ["10.0.0.0/8,x", "10.0.0.0/99", "", ",", "everybody"] {
            let (global, defects) = read(&data(&[("proxy-real-ip-cidr", text)]));
            assert_eq!(global.settings.forwarded.trusted, [], "{text}");
            assert_eq!(defects.len(), 1, "{text}");
        }
    }

    #[test]
    fn directives_for_all_requests_may_close_all_routes() {
        for (snippet, closed_by) in
            [("map $a $b { default 1; }", &[][..]), ("deny 10.0.0.0/8;", &["http-snippet"])]
        {
            assert_eq!(read(&data(&[("http-snippet", snippet)])).0.closed_by, closed_by, "{snippet}");
        }
    }

    #[test]
    fn too_many_workers_are_no_number_of_workers() {
        for (text, workers, defects) in
            [("1024", NonZeroUsize::new(1024), 0), ("1025", None, 1), ("0", None, 1)]
        {
            let (global, found) = read(&data(&[("worker-processes", text)]));
            assert_eq!((global.worker_processes, found.len()), (workers, defects), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_noted_and_the_rest_holds() {
        let (global, defects) = read(&data(&[
            ("annotations-risk-level", "low"),
            ("hide-headers", "x-a,b c"),
            ("http-snippet", "map a b {}"),
            ("location-snippet", "deny all;"),
            ("proxy-reed-timeout", "5"),
            ("proxy-read-timeout", "5s"),
            ("server-snippet", "add_header A b;"),
            ("skip-access-log-urls", "/a,~^/b"),
            ("ssl-redirect", "false"),
            ("use-gzip", "true"),
            ("use-http2", "1"),
            ("whitelist-source-range", "10.0.0.0/8"),
        ]));
        assert_eq!(global.annotations_risk_level, Risk::Low);
        assert_eq!(global.timeouts.read, Duration::from_secs(60));
        assert_eq!(global.settings.hide_headers, ["x-a"]);
        assert_eq!(global.settings.access_log.skip, ["/a"]);
        assert_eq!(global.closed_by, ["location-snippet", "whitelist-source-range"]);
        let invalid: Vec<_> = defects
            .iter()
            .filter_map(|defect| match defect {
                Defect::Invalid(invalid) => Some(invalid.name),
                _ => None,
            })
            .collect();
        assert_eq!(
            invalid,
            ["proxy-read-timeout", "annotations-risk-level", "hide-headers", "skip-access-log-urls"]
        );
        assert!(defects.contains(&Defect::Unknown(vec!["proxy-reed-timeout".into()])));
        assert!(defects.contains(&Defect::Later(vec!["use-gzip"])));
        assert!(defects.contains(&Defect::Refused("http-snippet")));
        assert!(defects.contains(&Defect::Refused("server-snippet")));
    }
}
