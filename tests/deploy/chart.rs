//! The chart renders to what `rendered/` says, and refuses values that it cannot serve.

use std::ffi::OsString;
use std::process::{Command, Output};

use serde_json::Value;

use crate::objects::path;

const CHART: &str = "deploy/helm/ingress-controller";

/// Name of the file, of the release, of its namespace; and the values.
const RENDERED: &[(&str, &str, &str, Option<&str>)] = &[
    ("default", "ingress-nginx", "ingress-nginx", None),
    ("existing", "edge", "ingress", Some("tests/deploy/existing-values.yaml")),
    ("scoped", "edge", "ingress", Some("tests/deploy/scoped-values.yaml")),
];

/// Runs `helm`, of the environment's `HELM` or of the path; `None` if there is none.
fn helm(arguments: &[&str]) -> Option<Output> {
    let program = std::env::var_os("HELM").unwrap_or_else(|| OsString::from("helm"));
    let output = Command::new(&program).args(arguments).current_dir(path("")).output();
    match output {
        Ok(output) => Some(output),
        Err(error) => {
            println!("NOT TESTED: {}: {error}; pass HELM=/path/to/helm", program.display());
            None
        }
    }
}

fn render(release: &str, namespace: &str, more: &[&str]) -> Option<Result<String, String>> {
    let mut arguments =
        vec!["template", release, CHART, "--namespace", namespace, "--kube-version", "1.33.0"];
    arguments.extend(more);
    let output = helm(&arguments)?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Some(if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) })
}

/// Certificates are new each time: the text, with something else in their places.
fn without_certificates(text: &str) -> String {
    let line = |line: &str| match line.split_once(": ") {
        Some((key, value)) if value.len() > 100 => match key.trim_start() {
            "ca" | "caBundle" => format!("{key}: YXV0aG9yaXR5\n"),
            "cert" | "key" => format!("{key}: bWFkZSBieSBoZWxt\n"),
            _ => format!("{line}\n"),
        },
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn the_chart_renders_to_what_is_kept() {
    for (name, release, namespace, values) in RENDERED {
        let more: Vec<_> = values.iter().flat_map(|values| ["--values", values]).collect();
        let Some(rendered) = render(release, namespace, &more) else { return };
        let rendered = without_certificates(&rendered.unwrap());
        let file = path(&format!("tests/deploy/rendered/{name}.yaml"));
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&file, &rendered).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        // As objects too, because that says more.
        let objects = |text: &str| serde_saphyr::from_multiple::<Value>(text).unwrap();
        assert_eq!(objects(&rendered), objects(&kept), "{name}: UPDATE_EXPECTED=1 writes it anew");
        assert!(rendered == kept, "{name}: comments or order differ; UPDATE_EXPECTED=1 writes it anew");
    }
}

#[test]
fn helm_finds_nothing_to_complain_of() {
    for (_, _, _, values) in RENDERED {
        let mut arguments = vec!["lint", "--strict", CHART];
        arguments.extend(values.iter().flat_map(|values| ["--values", values]));
        let Some(output) = helm(&arguments) else { return };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn values_that_cannot_be_served_stop_the_installation() {
    for (set, named) in [
        ("controller.image.chroot=true", "controller.image.chroot"),
        ("controller.image.image=ingress-nginx/controller", "image of ingress-nginx"),
        ("controller.kind=Both", "controller.kind"),
        ("controller.customTemplate.configMapName=a", "controller.customTemplate"),
        ("controller.extraModules[0].name=a", "controller.extraModules"),
        (
            "controller.lifecycle.preStop.exec.command={/bin/sh,-c,sleep 5}",
            "controller.lifecycle.preStop.exec",
        ),
        ("controller.extraArgs.maxmind-license-key=a", "controller.extraArgs.maxmind-license-key"),
        ("controller.config.whitelist-source-range=10.0.0.0/8", "controller.config.whitelist-source-range"),
        ("controller.config.enable-modsecurity=true", "controller.config.enable-modsecurity"),
        ("controller.config.http-snippet=deny all;", "controller.config.http-snippet"),
        ("rbac.scope=true", "rbac.scope"),
    ] {
        let Some(rendered) = render("a", "b", &["--set", set]) else { return };
        let error = rendered.expect_err(set);
        assert!(error.contains(named), "{set}: {error}");
    }
}

#[test]
fn who_goes_without_them_gets_a_pod_that_starts() {
    let sets = "controller.extraArgs.maxmind-license-key=a,controller.lifecycle.preStop.exec.command={/bin/sh},\
                controller.config.enable-modsecurity=true";
    let Some(rendered) = render("a", "b", &["--set", sets, "--set", "acceptUnserved=true"]) else { return };
    let rendered = rendered.unwrap();
    assert!(!rendered.contains("maxmind") && !rendered.contains("lifecycle"), "{rendered}");
}

#[test]
fn http3_is_one_more_protocol_on_the_port_of_https() {
    let on = "controller.config.use-http3=true,controller.hostPort.enabled=true,controller.networkPolicy.enabled=true";
    let Some(rendered) = render("a", "b", &["--set-string", on]) else { return };
    let rendered = rendered.unwrap();
    assert_eq!(rendered.matches("protocol: UDP").count(), 3, "pod, Service, policy: {rendered}");
    let Some(without) = render("a", "b", &["--set-string", "controller.config.use-http3=false"]) else {
        return;
    };
    assert!(!without.unwrap().contains("UDP"));
}

/// What used to be refused, and what a load balancer needs.
#[test]
fn what_is_served_is_not_refused() {
    let sets = "controller.config.use-proxy-protocol=true,controller.extraArgs.enable-ssl-passthrough=,\
                controller.extraArgs.ssl-passthrough-proxy-port=442";
    let Some(rendered) = render("a", "b", &["--set-string", sets]) else { return };
    let rendered = rendered.unwrap();
    assert!(
        rendered.contains("- --enable-ssl-passthrough\n")
            && rendered.contains("use-proxy-protocol: \"true\"")
    );
}
