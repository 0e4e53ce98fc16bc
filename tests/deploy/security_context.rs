//! The pods have no more rights on their node than they need.

use serde_json::json;

use crate::objects::{container, label, list, read_all};

#[test]
fn the_controller_is_not_root_and_keeps_one_capability() {
    for objects in read_all() {
        let context = &container(objects.controller())["securityContext"];
        let expected = json!({
            "runAsNonRoot": true,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "readOnlyRootFilesystem": true,
            "allowPrivilegeEscalation": false,
            "seccompProfile": {"type": "RuntimeDefault"},
            "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
        });
        assert_eq!(*context, expected, "{}", objects.file);
    }
}

#[test]
fn other_pods_keep_none() {
    for objects in read_all() {
        for workload in objects.workloads().filter(|workload| *workload != objects.controller()) {
            let place = format!("{}: {}", objects.file, label(workload));
            let context = &container(workload)["securityContext"];
            assert_eq!(context["capabilities"], json!({"drop": ["ALL"]}), "{place}");
            assert_eq!(context["allowPrivilegeEscalation"], false, "{place}");
            assert_eq!(context["runAsNonRoot"], true, "{place}");
            assert_eq!(context["readOnlyRootFilesystem"], true, "{place}");
        }
    }
}

#[test]
fn no_pod_reaches_into_its_node() {
    for objects in read_all() {
        for workload in objects.workloads() {
            let place = format!("{}: {}", objects.file, label(workload));
            let pod = &workload["spec"]["template"]["spec"];
            for field in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"] {
                assert!(pod[field].is_null(), "{place}: {field}");
            }
            for volume in list(&pod["volumes"]) {
                assert!(volume["hostPath"].is_null(), "{place}: {volume}");
            }
        }
    }
}
