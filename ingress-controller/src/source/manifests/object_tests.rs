use ingress_core::Objects;

use super::super::entry::collect;
use super::*;

fn read(text: &str) -> (Objects, Vec<String>) {
    let mut objects = Objects::default();
    let entries = entries(text, Format::Yaml).unwrap();
    collect(&entries.iter().collect::<Vec<_>>(), &mut objects);
    objects.findings = entries.into_iter().flat_map(|entry| entry.findings).collect();
    let findings = objects.findings.iter().map(ToString::to_string).collect();
    (objects, findings)
}

fn defect(text: &str) -> String {
    entries(text, Format::Yaml).unwrap_err().to_string()
}

fn ingress(changed: &str, into: &str) -> String {
    let text = "\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations:
    note: text
spec:
  rules:
  - host: mywebsite.com
    http:
      paths:
      - path: /api
        pathType: Prefix
        backend:
          service:
            name: api
            port:
              number: 80
";
    assert!(text.contains(changed), "{changed}");
    text.replace(changed, into)
}

#[test]
fn a_missing_namespace_is_default() {
    let (objects, findings) = read(&ingress("", ""));
    assert_eq!(objects.ingresses[0].metadata.namespace.as_deref(), Some("default"));
    assert_eq!(findings, Vec::<String>::new());
    let (objects, _) = read(&ingress("  name: web", "  name: web\n  namespace: shop"));
    assert_eq!(objects.ingresses[0].metadata.namespace.as_deref(), Some("shop"));
    let (objects, _) = read(
        "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: nginx, namespace: x}\n\
         spec: {controller: k8s.io/ingress-nginx}\n",
    );
    assert_eq!(objects.ingress_classes[0].metadata.namespace, None);
}

#[test]
fn a_wrong_type_is_named_with_its_line_and_field() {
    assert_eq!(
        defect(&ingress("number: 80", "number: eighty")),
        "18:23: spec.rules[0].http.paths[0].backend.service.port.number: \
         invalid type: string \"eighty\", expected i32"
    );
    assert_eq!(
        defect(&ingress("number: 80", "number: true")),
        "18:23: spec.rules[0].http.paths[0].backend.service.port.number: \
         invalid type: boolean `true`, expected i32"
    );
    assert_eq!(
        defect(&ingress("  rules:\n  - host", "  rules:\n    host")),
        "9:5: spec.rules: invalid type: map, expected a sequence"
    );
}

#[test]
fn what_is_meant_as_text_is_taken_as_written() {
    let (objects, findings) = read(&ingress("note: text", "note: yes\n    size: 010\n    ok: \"1\""));
    let annotations = objects.ingresses[0].metadata.annotations.clone().unwrap();
    assert_eq!((annotations["note"].as_str(), annotations["size"].as_str()), ("yes", "010"));
    assert_eq!(
        findings,
        [
            "ingress default/web: metadata.annotations.note: yes stands here without quotes, which the API server \
             refuses; write \"yes\"",
            "ingress default/web: metadata.annotations.size: 010 stands here without quotes, which the API server \
             refuses; write \"010\"",
        ]
    );
}

#[test]
fn an_unknown_field_is_named() {
    let (_, findings) = read(&ingress("pathType: Prefix", "pathtype: Prefix\n        pathType: Prefix"));
    assert_eq!(
        findings,
        [
            "ingress default/web: spec.rules[0].http.paths[0].pathtype: there is no such field, it is not read, and \
          the API server refuses it; correct its name or its place, or remove it"
        ]
    );
    let (_, findings) = read(&ingress("spec:\n", "status:\n  loadBalancer: {}\nspec:\n"));
    assert_eq!(findings, Vec::<String>::new());
}

#[test]
fn what_is_no_object_is_named() {
    assert_eq!(defect("- a\n"), "1:1: is no object: there is no apiVersion and kind");
    assert_eq!(defect("apiVersion: v1\n---\nkind: Service\n"), "1:1: has no kind");
    assert_eq!(defect("apiVersion: v1\nkind: [Service]\n"), "2:7: kind: is no text");
    assert_eq!(
        defect("apiVersion: v1\nkind: Service\nmetadata: {labels: {}}\n"),
        "3:11: metadata.name: is missing"
    );
    assert_eq!(
        defect("apiVersion: networking.k8s.io/v3\nkind: Ingress\nmetadata: {name: a}\n"),
        "1:13: apiVersion: there is no Ingress in \"networking.k8s.io/v3\"; the newest is networking.k8s.io/v1"
    );
}

#[test]
fn lists_are_taken_apart() {
    let items = "items:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: a}\n- apiVersion: apps/v1\n  kind: \
                 Deployment\n  metadata: {name: a}\n- apiVersion: v1\n  kind: List\n  items:\n  - apiVersion: v1\n    \
                 kind: Service\n    metadata: {name: b}\n";
    let (objects, _) = read(&format!("apiVersion: v1\nkind: List\n{items}"));
    assert_eq!(objects.services.len(), 2);
    let (objects, _) = read(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSliceList\nitems:\n- metadata: {name: a}\n  \
              addressType: IPv4\n  endpoints: []\n",
    );
    assert_eq!(objects.endpoint_slices.len(), 1);
    assert_eq!(
        defect("apiVersion: v1\nkind: ServiceList\nitems:\n- metadata: {name: a}\n- metadata: {}\n"),
        "5:13: items[1].metadata.name: is missing"
    );
}

#[test]
fn kinds_that_are_not_used_are_passed_over() {
    let (objects, findings) = read("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: 5\n");
    assert!(objects.services.is_empty() && findings.is_empty());
}

#[test]
fn string_data_goes_over_data() {
    let (objects, _) = read(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: b2xk, b: b2xk}\nstringData: {a: new}\n",
    );
    let secret = &objects.secrets[0];
    let data = secret.data.clone().unwrap();
    assert_eq!((data["a"].0.as_slice(), data["b"].0.as_slice()), (&b"new"[..], &b"old"[..]));
    assert_eq!(secret.string_data, None);
}

#[test]
fn a_secret_is_never_shown() {
    let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n";
    assert_eq!(
        defect(&format!("{head}data:\n  pw: hunter2!\n")),
        "5:7: data.pw: is not what a Secret has here (not shown)"
    );
    assert_eq!(
        defect(&format!("{head}data: hunter2\n")),
        "4:7: data: is not what a Secret has here (not shown)"
    );
    let (_, findings) = read(&format!("{head}stringData:\n  pin: 4711\n"));
    assert_eq!(
        findings,
        [
            "secret default/s: stringData.pin: a value stands here without quotes, which the API server refuses; \
          put it in quotes"
        ]
    );
}

#[test]
fn old_versions_of_same_shape_are_read() {
    let (objects, findings) = read(
        "apiVersion: networking.k8s.io/v1beta1\nkind: IngressClass\nmetadata: {name: nginx}\n\
         spec: {controller: k8s.io/ingress-nginx}\n",
    );
    assert_eq!(objects.ingress_classes.len(), 1);
    assert_eq!(
        findings,
        [
            "ingressclass nginx: apiVersion: \"networking.k8s.io/v1beta1\" is an old version, which the API server \
          refuses; write \"networking.k8s.io/v1\""
        ]
    );
}

#[test]
fn an_ingress_of_v1beta1_is_converted() {
    let text = "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: old}\nspec:\n  rules:\n  - host: \
                a.test\n    http:\n      paths:\n      - path: /\n        backend: {serviceName: web, servicePort: \
                80}\n";
    let (objects, findings) = read(text);
    assert_eq!(objects.ingresses[0].metadata.namespace.as_deref(), Some("default"));
    assert!(objects.ingresses[0].spec.is_some());
    assert_eq!(findings.len(), 1);
    assert!(findings[0].starts_with("ingress default/old: "), "{findings:?}");
}

#[test]
fn defects_of_v1beta1_are_placed_too() {
    let text = "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata:\n  name: old\n  annotations: {a: yes}\nspec:\n  \
                rules:\n  - http:\n      paths:\n      - backend: {serviceName: web, servicePort: [80]}\n";
    let defect = defect(text);
    assert!(
        defect.starts_with("10:50: spec.rules[0].http.paths[0].backend.servicePort: expected "),
        "{defect}"
    );
    let (objects, findings) = read(&text.replace("[80]", "80"));
    let annotations = objects.ingresses[0].metadata.annotations.clone().unwrap();
    assert_eq!(annotations["a"], "yes");
    assert!(
        findings[1].starts_with("ingress default/old: metadata.annotations.a: yes stands here"),
        "{findings:?}"
    );
}

#[test]
fn a_large_file_is_read_in_parts_as_if_it_were_whole() {
    let service = |number: usize, more: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: s{number}, annotations: {{note: 7}}}}\n{more}"
        )
    };
    let pad = "x".repeat(1000);
    let text =
        (0..1000).map(|number| service(number, &format!("# {pad}\n"))).collect::<Vec<_>>().join("---\n");
    assert!(parts(&text).len() > 2);
    let (objects, findings) = read(&text);
    let names: Vec<_> = objects.services.iter().filter_map(|service| service.metadata.name.clone()).collect();
    assert_eq!(names, (0..1000).map(|number| format!("s{number}")).collect::<Vec<_>>());
    assert_eq!(findings.len(), 1000);
    assert!(findings[999].contains("s999: metadata.annotations.note: 7 stands here"), "{}", findings[999]);
    // The line is that of the file, not of the part.
    let broken = text.replace("name: s900,", "name: [],");
    let line = broken.lines().position(|line| line.contains("name: []")).unwrap() + 1;
    assert!(defect(&broken).starts_with(&format!("{line}:18: metadata.name: ")), "{}", defect(&broken));
}

#[test]
fn what_looks_like_a_document_in_a_text_does_not_part_it() {
    let pad = "    x\n".repeat(80_000);
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ";
    for inside in ["---", " ---", "a\n---\nb"] {
        let indented = inside.replace('\n', "\n    ");
        let text = format!(
            "{map}a}}\ndata:\n  text: |\n{pad}    {indented}\n{pad}--- # the second\n{map}b}}\n---\n{map}c}}\n"
        );
        assert_eq!(parts(&text).len(), 2, "{inside:?}");
        let (objects, _) = read(&text);
        assert!(objects.config_maps[0].data.as_ref().unwrap()["text"].contains(&format!("x\n{inside}\nx")));
        assert_eq!(objects.config_maps.len(), 3);
        // A directive belongs to the document after it, which another part would not know.
        assert_eq!(parts(&format!("{text}...\n%YAML 1.2\n---\na: 1\n")).len(), 1);
    }
}
