//! The roles and bindings that every cluster has and a user meets: those of Kubernetes' own bootstrap policy, without
//! the ones for its components.

use super::super::controllers::aggregate;
use serde_json::Value;
use std::sync::LazyLock;

/// The default roles and bindings.
pub(in super::super) fn objects() -> &'static [Value] {
    static OBJECTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let listed: Vec<Value> = serde_json::from_str(include_str!("roles.json")).unwrap_or_default();
        // An aggregated role may select another one: edit is part of admin.
        let once = filled(&listed);
        filled(&once)
    });
    &OBJECTS
}

fn filled(listed: &[Value]) -> Vec<Value> {
    let fill = |object: &Value| {
        let mut object = object.clone();
        if let Some(rules) = aggregate::rules(&object, listed.iter()) {
            object["rules"] = rules.into();
        }
        object
    };
    listed.iter().map(fill).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregated_roles_have_the_rules_of_their_parts() {
        let rules = |name: &str| {
            let role = objects().iter().find(|one| one["kind"] == "ClusterRole" && one["metadata"]["name"] == name);
            role.expect("a role")["rules"].to_string()
        };
        assert!(rules("view").contains("configmaps") && !rules("view").contains("\"secrets\""));
        assert!(rules("edit").contains("\"secrets\"") && !rules("edit").contains("rolebindings"));
        assert!(rules("admin").contains("rolebindings") && rules("admin").contains("pods/exec"));
    }
}
