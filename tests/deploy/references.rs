//! What names another object finds it.

use serde_json::Value;

use crate::objects::{Objects, container, label, list, name, namespace, read_all, text};

fn find<'a>(objects: &'a Objects, kind: &str, place: &str) -> &'a Value {
    let found =
        objects.of_kind(kind).find(|object| format!("{}/{}", namespace(object), name(object)) == place);
    found.unwrap_or_else(|| panic!("{}: there is no {kind} {place}", objects.file))
}

#[test]
fn flags_name_objects_that_there_are() {
    for objects in read_all() {
        for (flag, kind) in [
            ("--configmap", "ConfigMap"),
            ("--tcp-services-configmap", "ConfigMap"),
            ("--udp-services-configmap", "ConfigMap"),
            ("--publish-service", "Service"),
            ("--default-backend-service", "Service"),
        ] {
            if let Some(place) = objects.flag(flag) {
                find(&objects, kind, &place);
            }
        }
        let class = objects.flag("--controller-class").unwrap();
        assert!(
            objects.of_kind("IngressClass").any(|found| found["spec"]["controller"] == *class),
            "{}",
            objects.file
        );
        let name = objects.flag("--ingress-class").unwrap();
        assert!(objects.find("IngressClass", &name).is_some(), "{}: no class {name}", objects.file);
    }
}

#[test]
fn services_select_pods_and_ports_that_there_are() {
    for objects in read_all() {
        for service in objects.of_kind("Service") {
            let place = format!("{}: {}", objects.file, label(service));
            let selector = service["spec"]["selector"].as_object().unwrap();
            let selected: Vec<_> = objects
                .workloads()
                .filter(|workload| {
                    let labels = &workload["spec"]["template"]["metadata"]["labels"];
                    selector.iter().all(|(key, value)| labels[key] == *value)
                })
                .collect();
            assert_eq!(selected.len(), 1, "{place}");
            let ports = list(&container(selected[0])["ports"]);
            for port in list(&service["spec"]["ports"]) {
                assert!(ports.iter().any(|found| found["name"] == port["targetPort"]), "{place}: {port}");
            }
        }
    }
}

#[test]
fn workloads_select_their_own_pods() {
    for objects in read_all() {
        for workload in objects.workloads() {
            let labels = &workload["spec"]["template"]["metadata"]["labels"];
            for (key, value) in workload["spec"]["selector"]["matchLabels"].as_object().unwrap() {
                assert_eq!(labels[key], *value, "{}: {}", objects.file, label(workload));
            }
        }
        // Deployments in one namespace that select alike would fight.
        let selectors: Vec<_> = objects.workloads().map(|workload| &workload["spec"]["selector"]).collect();
        assert!(!selectors[1..].contains(&selectors[0]), "{}", objects.file);
    }
}

/// Replicas find each other by the labels of their pods: those of two versions have to be the same.
#[test]
fn pods_of_two_versions_look_alike() {
    for objects in read_all() {
        let labels = objects.controller()["spec"]["template"]["metadata"]["labels"].as_object().unwrap();
        for changes in ["helm.sh/chart", "app.kubernetes.io/version"] {
            assert!(!labels.contains_key(changes), "{}: {changes}", objects.file);
        }
    }
}

#[test]
fn probes_ask_the_health_port() {
    for objects in read_all() {
        let container = container(objects.controller());
        for probe in ["livenessProbe", "readinessProbe"] {
            let get = &container[probe]["httpGet"];
            assert_eq!((&get["path"], &get["port"]), (&"/healthz".into(), &10254.into()), "{}", objects.file);
        }
        let names: Vec<_> = list(&container["env"]).iter().map(|env| text(&env["name"])).collect();
        assert!(
            names.contains(&"POD_NAME") && names.contains(&"POD_NAMESPACE"),
            "{}: {names:?}",
            objects.file
        );
    }
}

#[test]
fn the_webhook_is_where_the_api_server_looks_for_it() {
    let mut webhooks = 0;
    for objects in read_all() {
        for configuration in objects.of_kind("ValidatingWebhookConfiguration") {
            webhooks += 1;
            let [webhook] = list(&configuration["webhooks"]) else { panic!("{}", objects.file) };
            let client = &webhook["clientConfig"];
            let place =
                format!("{}/{}", text(&client["service"]["namespace"]), text(&client["service"]["name"]));
            let service = find(&objects, "Service", &place);
            let port =
                list(&service["spec"]["ports"]).iter().find(|port| port["port"] == client["service"]["port"]);
            let target = &port.unwrap_or_else(|| panic!("{place} has no such port"))["targetPort"];
            let container = container(objects.controller());
            let listens = list(&container["ports"]).iter().find(|port| port["name"] == *target).unwrap();
            let flag = objects.flag("--validating-webhook").unwrap();
            assert_eq!(flag, format!(":{}", listens["containerPort"]));
            // The files are in a Secret of this release, whose authority the API server is told.
            let volume = &objects.controller()["spec"]["template"]["spec"]["volumes"][0]["secret"];
            let secret = objects.find("Secret", text(&volume["secretName"])).unwrap();
            assert_eq!(client["caBundle"], secret["data"]["ca"]);
            let mount = text(&container["volumeMounts"][0]["mountPath"]);
            for (item, flag) in list(&volume["items"]).iter().zip(["certificate", "key"]) {
                assert!(secret["data"][text(&item["key"])].is_string());
                let file = objects.flag(&format!("--validating-webhook-{flag}")).unwrap();
                assert_eq!(file, format!("{mount}{}", text(&item["path"])));
            }
        }
    }
    assert_eq!(webhooks, 2);
}

/// A client that speaks HTTPS reaches the port on which the program listens for it.
#[test]
fn https_is_where_clients_look_for_it() {
    for objects in read_all() {
        let args = objects.flag("--https-port");
        assert_eq!(args, None, "{}: 443 is the default", objects.file);
        let ports = list(&container(objects.controller())["ports"]);
        let https = ports.iter().find(|port| port["name"] == "https").unwrap();
        assert_eq!(https["containerPort"], 443, "{}", objects.file);
        for service in objects.of_kind("Service").filter(|service| name(service).contains("controller")) {
            for port in list(&service["spec"]["ports"]).iter().filter(|port| port["name"] == "https") {
                assert_eq!(
                    (&port["port"], &port["targetPort"]),
                    (&443.into(), &"https".into()),
                    "{}",
                    objects.file
                );
                assert!(port["appProtocol"].is_null() || port["appProtocol"] == "https", "{}", objects.file);
            }
        }
    }
}
