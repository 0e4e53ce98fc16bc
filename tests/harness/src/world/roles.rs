//! Permissions: what roles grant, given to a user.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::World;
use crate::api_server::Rule;

impl World {
    /// The roles in a file of manifests of this project. `places` says which namespace of this world each of theirs is; every Lease is
    /// called as this world is.
    ///
    /// # Panics
    /// If the file cannot be read, or a role is for another namespace.
    pub fn roles(&self, file: &str, places: &[(&str, &str)]) -> Vec<Value> {
        let path = format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("a file of manifests");
        let mut roles: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
        roles.retain(|document| document["kind"] == "ClusterRole" || document["kind"] == "Role");
        assert!(!roles.is_empty(), "no role in {file}");
        for role in &mut roles {
            if let Some(namespace) = role["metadata"]["namespace"].as_str() {
                let place = places.iter().find(|(from, _)| *from == namespace);
                role["metadata"]["namespace"] = json!(place.expect("a namespace that is known").1);
            }
            for rule in role["rules"].as_array_mut().expect("rules") {
                if rule["resources"] == json!(["leases"]) && !rule["resourceNames"].is_null() {
                    rule["resourceNames"] = json!([self.name()]);
                }
            }
        }
        roles
    }

    /// Allows a user what these roles grant, and no more.
    pub async fn grant(&self, user: &str, roles: &[Value]) {
        if let Some(server) = &self.server {
            return server.access().allow_only_to(user, roles.iter().flat_map(Rule::of).collect());
        }
        for (number, role) in roles.iter().enumerate() {
            let (kind, name) =
                (role["kind"].as_str().unwrap_or_default(), format!("{}-{number}", self.name()));
            let mut role = role.clone();
            role["metadata"]["name"] = json!(name);
            self.put(&role).await;
            let mut binding = json!({ "apiVersion": role["apiVersion"], "kind": format!("{kind}Binding") });
            binding["metadata"] = json!({ "name": name, "namespace": role["metadata"]["namespace"] });
            binding["roleRef"] =
                json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name });
            binding["subjects"] =
                json!([{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }]);
            self.put(&binding).await;
        }
    }

    /// A kubeconfig of this user; at a real API server of somebody who may take that user's place.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn kubeconfig_as(&self, user: &str) -> PathBuf {
        if let Some(server) = &self.server {
            return server.kubeconfig_as(self.folder(), user);
        }
        let text = std::fs::read_to_string(self.kubeconfig()).expect("a kubeconfig");
        let mut config: Value = serde_saphyr::from_str(&text).expect("YAML");
        for entry in config["users"].as_array_mut().expect("users") {
            entry["user"]["as"] = json!(user);
        }
        let path = self.folder().join("kubeconfig-of-user");
        std::fs::write(&path, config.to_string()).expect("a kubeconfig that can be written");
        path
    }
}
