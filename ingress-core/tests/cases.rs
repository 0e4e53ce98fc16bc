//! Objects in, behaviour out: each folder of `cases` holds `objects.yaml`, `requests.txt` and what is to come of them, `expected.txt`.
//!
//! `requests.txt` has a request on each line (`host/path`), the name of a TLS handshake (`tls name`), flags of the controller
//! (`--name value`), the date (`--now 2024-01-01T00:00:00Z`) and comments (`#`). A Secret in `objects.yaml` may ask for a certificate that
//! is made for it (`load/certificates.rs`).
//! `UPDATE_EXPECTED=1 cargo test -p ingress-core --test cases` writes `expected.txt` anew; read the difference before you keep it.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod load;

use std::fmt::Write as _;
use std::path::Path;

use ingress_core::policy::Protocol;
use ingress_core::tls::{ClientAuth, Guard, Passthrough, UpstreamTls};
use ingress_core::upstream::Endpoints;
use ingress_core::{
    Backend, Compiled, Global, ObjectName, Options, Route, Severity, Snapshot, canonical_host, compile,
    normalize, recompile,
};
use k8s_openapi::jiff::Timestamp;

#[test]
fn cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 15);
    let mut wrong = String::new();
    for case in cases {
        let actual = run(&case);
        let file = case.join("expected.txt");
        if update {
            std::fs::write(&file, &actual).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        if actual != expected {
            writeln!(wrong, "--- {}\n{}", case.display(), difference(&expected, &actual)).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn run(case: &Path) -> String {
    let read = |name: &str| std::fs::read_to_string(case.join(name)).unwrap();
    let mut objects = load::objects(&read("objects.yaml"));
    let requests = read("requests.txt");
    let now = requests.lines().find_map(|line| line.strip_prefix("--now "));
    objects.now = now.map(|now| now.parse::<Timestamp>().unwrap().as_second());
    let mut options = Options::default();
    let flags = requests.lines().filter(|line| line.starts_with("--"));
    flags.for_each(|line| flag(&mut options, line));
    let compiled = compile(&objects, &options);
    let again = recompile(&compiled.snapshot, &objects, &options);
    assert_eq!(again.report, compiled.report);
    assert!(std::sync::Arc::ptr_eq(&again.snapshot.routes, &compiled.snapshot.routes), "{}", case.display());
    assert!(
        std::sync::Arc::ptr_eq(&again.snapshot.upstreams, &compiled.snapshot.upstreams),
        "{}",
        case.display()
    );
    assert!(
        std::sync::Arc::ptr_eq(&again.snapshot.streams, &compiled.snapshot.streams),
        "{}",
        case.display()
    );
    assert!(std::sync::Arc::ptr_eq(&again.snapshot.tls, &compiled.snapshot.tls), "{}", case.display());
    let mut text = String::new();
    for line in requests.lines().filter(|line| !line.is_empty() && !line.starts_with("--")) {
        match line.starts_with('#') {
            true => writeln!(text, "{line}").unwrap(),
            false => writeln!(text, "{line} → {}", said(&compiled, line)).unwrap(),
        }
    }
    report(&compiled, &mut text);
    text
}

fn flag(options: &mut Options, line: &str) {
    let (name, value) = line.split_once(' ').unwrap_or((line, ""));
    match name {
        "--ingress-class" => options.ingress_class = value.into(),
        "--controller-class" => options.controller_class = value.into(),
        "--watch-ingress-without-class" => options.watch_ingress_without_class = true,
        "--ingress-class-by-name" => options.ingress_class_by_name = true,
        "--watch-namespace" => options.watch_namespace = value.into(),
        "--disable-catch-all" => options.disable_catch_all = true,
        "--disable-svc-external-name" => options.disable_external_name = true,
        "--local-endpoints" => options.local_endpoints = true,
        "--default-backend-service" => options.default_backend_service = Some(object(value)),
        "--configmap" => options.config_map = Some(object(value)),
        "--tcp-services-configmap" => options.tcp_services = Some(object(value)),
        "--udp-services-configmap" => options.udp_services = Some(object(value)),
        "--reserved-port" => options.reserved_ports.push(value.parse().unwrap()),
        "--https-port" => options.https_port = value.parse().unwrap(),
        "--watch-namespace-selector" => options.namespace_selector = value.parse().unwrap(),
        "--default-ssl-certificate" => options.default_certificate = Some(object(value)),
        "--enable-ssl-passthrough" => options.ssl_passthrough = true,
        "--now" => {}
        other => panic!("{other}"),
    }
}

fn object(text: &str) -> ObjectName {
    let (namespace, name) = text.split_once('/').unwrap();
    ObjectName { namespace: namespace.into(), name: name.into() }
}

fn said(compiled: &Compiled, line: &str) -> String {
    line.strip_prefix("tls ").map_or_else(|| answer(compiled, line), |name| handshake(compiled, name))
}

/// What a client gets that asks for a name in its handshake.
fn handshake(compiled: &Compiled, name: &str) -> String {
    let Snapshot { tls, routes, .. } = &compiled.snapshot;
    if let Some(Passthrough { upstream, send_proxy, .. }) = tls.passthrough(routes, name) {
        return format!("passed on to {upstream}{}", if *send_proxy { " with PROXY" } else { "" });
    }
    let own = if tls.has_certificate(name) { "" } else { "no place, " };
    let mut text = match tls.certificate(Some(name)) {
        Some(certificate) => format!("{own}certificate {}", certificate.name),
        None => format!("{own}no certificate"),
    };
    let Some(server) = tls.server(routes, name) else { return text };
    match &server.client_auth {
        Some(Guard::Ready(auth)) => {
            let ClientAuth { verify, depth, error_page, match_subject, pass_certificate, .. } = &**auth;
            write!(text, "; clients {verify:?}, depth {depth}").unwrap();
            error_page.iter().for_each(|page| write!(text, ", error page {page}").unwrap());
            match_subject.iter().for_each(|pattern| write!(text, ", match {}", pattern.0).unwrap());
            text.push_str(if *pass_certificate { ", passed on" } else { "" });
        }
        Some(Guard::Denied(reason)) => write!(text, "; 403 ({reason})").unwrap(),
        None => {}
    }
    server.ciphers.iter().for_each(|ciphers| write!(text, "; {ciphers:?}").unwrap());
    server.prefer_server_ciphers.iter().for_each(|ours| write!(text, "; prefer ours {ours}").unwrap());
    text
}

fn answer(compiled: &Compiled, request: &str) -> String {
    let (host, path) = request.split_at(request.find('/').unwrap_or(request.len()));
    let (Some(host), Ok(path)) = (canonical_host(host), normalize(path)) else { return "400".into() };
    let table = &compiled.snapshot.routes;
    match (table.find(&host, &path), table.default_route()) {
        (Some(found), _) => format!("{} → {}", describe(found.route), backend(compiled, found.route)),
        (None, Some(route)) => format!("default backend → {}", backend(compiled, route)),
        (None, None) => "404".into(),
    }
}

fn describe(route: &Route) -> String {
    let kind = if route.path.is_exact() { "Exact" } else { "Prefix" };
    let ingress = route.ingress.as_ref().unwrap();
    let mut text = format!("{ingress} {kind} {}", route.path);
    let plain = Route::new(route.host.clone(), route.path.clone(), route.backend.clone());
    if route.timeouts != plain.timeouts {
        write!(text, " {:?}", route.timeouts).unwrap();
    }
    if route.retry != plain.retry {
        write!(text, " {:?}", route.retry).unwrap();
    }
    if route.request_body != plain.request_body {
        write!(text, " {:?}", route.request_body).unwrap();
    }
    edge(route, &mut text);
    text
}

/// What becomes of plain requests, and how endpoints are spoken to.
fn edge(route: &Route, text: &mut String) {
    if route.https.exempt {
        text.push_str(" exempt");
    }
    if let Some(redirect) = route.https.redirect {
        write!(text, " https {}", redirect.status.as_str()).unwrap();
        redirect.port.iter().for_each(|port| write!(text, " port {port}").unwrap());
        text.push_str(if redirect.preserve_trailing_slash { " as it is" } else { "" });
    }
    if route.transport.protocol != Protocol::Http {
        write!(text, " {:?}", route.transport.protocol).unwrap();
    }
    let (tls, usual) = (&*route.transport.tls, UpstreamTls::default());
    if *tls != usual {
        let certificate = tls.certificate.as_ref().map(|certificate| &*certificate.name);
        let authorities = tls.trust.as_ref().map_or(0, |trust| trust.authorities.len());
        write!(text, " shows {} trusts {authorities}", certificate.unwrap_or("nothing")).unwrap();
        let name = tls.name.as_deref().unwrap_or("the upstream's");
        write!(text, " verify {} depth {} name {name} sni {}", tls.verify, tls.depth, tls.server_name)
            .unwrap();
    }
}

/// The TCP and UDP services.
fn streams(compiled: &Compiled, text: &mut String) {
    let streams = &compiled.snapshot.streams;
    assert!(streams.is_sorted());
    if !streams.is_empty() {
        text.push_str("\nstreams:\n");
    }
    for stream in streams.iter() {
        let accept = if stream.accept_proxy { " accepts PROXY" } else { "" };
        let send = if stream.send_proxy { " sends PROXY" } else { "" };
        let to = members(compiled, &stream.upstream);
        writeln!(text, "  {} {}{accept}{send} → {to}", stream.protocol.name(), stream.port).unwrap();
    }
}

fn backend(compiled: &Compiled, route: &Route) -> String {
    let name = match &route.backend {
        Backend::Denied(reason) => return format!("503 ({reason})"),
        Backend::Upstream(name) => name,
        other => panic!("{other:?}"),
    };
    members(compiled, name)
}

fn members(compiled: &Compiled, name: &str) -> String {
    let upstream = compiled.snapshot.upstreams.get(name).unwrap();
    match &upstream.endpoints {
        Endpoints::Dns { name: host, port } => format!("{name} → DNS {host} port {port}"),
        Endpoints::Addresses(endpoints) if endpoints.is_empty() => format!("{name} → 503"),
        Endpoints::Addresses(endpoints) => {
            let addresses: Vec<_> = endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect();
            format!("{name} → {}", addresses.join(" "))
        }
        other => panic!("{other:?}"),
    }
}

/// The settings that are not the default ones.
fn settings(compiled: &Compiled, text: &mut String) {
    assert_eq!(compiled.snapshot.settings, compiled.global.settings);
    let (lines, usual) = (fields(&compiled.global), fields(&Global::default()));
    let lines: Vec<_> = lines.into_iter().filter(|line| !usual.contains(line)).collect();
    if !lines.is_empty() {
        writeln!(text, "\nsettings:\n  {}", lines.join("\n  ")).unwrap();
    }
}

/// A line for each value, with the fields that it is in: `settings.forwarded.trusted 10.0.0.0/8`.
fn fields(global: &Global) -> Vec<String> {
    let (mut path, mut lines) = (Vec::new(), Vec::new());
    for line in format!("{global:#?}").lines().map(|line| line.trim().trim_end_matches(',')) {
        if let Some(open) = line.strip_suffix(['{', '[', '(']) {
            path.push(open.split_once(':').map_or("", |(name, _)| name).to_owned());
        } else if ["}", "]", ")"].contains(&line) {
            path.pop();
        } else {
            let (name, value) = line.split_once(": ").unwrap_or(("", line));
            let names: Vec<_> =
                path.iter().map(String::as_str).chain([name]).filter(|name| !name.is_empty()).collect();
            lines.push(format!("{} {value}", names.join(".")));
        }
    }
    lines
}

fn report(compiled: &Compiled, text: &mut String) {
    settings(compiled, text);
    streams(compiled, text);
    let report = &compiled.report;
    for finding in &report.findings {
        let severity = if finding.severity == Severity::Error { "error" } else { "warning" };
        write!(text, "\n{severity} {}:\n  {finding}\n", finding.reason).unwrap();
    }
    for skipped in &report.skipped {
        write!(text, "\nskipped:\n  {}: {}\n", skipped.object, skipped.reason).unwrap();
    }
    write!(text, "\ningresses served: {}\n", report.ingresses).unwrap();
    if report.ours.len() != report.ingresses {
        let ours: Vec<_> = report.ours.iter().map(ToString::to_string).collect();
        writeln!(text, "ours: {}", ours.join(" ")).unwrap();
    }
}

fn difference(expected: &str, actual: &str) -> String {
    let (expected, actual): (Vec<_>, Vec<_>) = (expected.lines().collect(), actual.lines().collect());
    let gone = expected.iter().filter(|line| !actual.contains(line)).map(|line| format!("- {line}\n"));
    let new = actual.iter().filter(|line| !expected.contains(line)).map(|line| format!("+ {line}\n"));
    gone.chain(new).collect()
}
