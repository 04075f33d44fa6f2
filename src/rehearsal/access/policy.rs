//! What the roles and bindings of a cluster allow whom. Works on stored objects; asks no server.

use super::User;
use super::asked::Asked;
use super::rule;
use super::user::MASTERS;
use serde_json::Value;
use std::sync::Arc;

/// The roles and bindings that count in one place.
#[derive(Default)]
pub(super) struct Policy {
    pub cluster_roles: Vec<Arc<Value>>,
    pub cluster_role_bindings: Vec<Arc<Value>>,
    /// Those of the namespace; none outside namespaces.
    pub roles: Vec<Arc<Value>>,
    pub role_bindings: Vec<Arc<Value>>,
}

/// Whether something is allowed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Decision {
    pub allowed: bool,
    /// Which binding allows it, or which one leads to nothing; mostly empty.
    pub reason: String,
}

/// The rules of one binding that names the user.
struct Grant<'p> {
    binding: &'p Value,
    subject: &'p Value,
    /// `None` when the role does not exist.
    role: Option<&'p Value>,
}

impl Policy {
    /// Whether a user may do this.
    pub fn decide(&self, user: &User, asked: &Asked) -> Decision {
        if user.groups.iter().any(|group| group == MASTERS) {
            return Decision { allowed: true, reason: String::new() };
        }
        let allowing = |grant: &Grant<'_>| grant.rules().iter().any(|rule| rule::allows(rule, asked));
        if let Some(grant) = self.grants(user).find(allowing) {
            return Decision { allowed: true, reason: format!("RBAC: allowed by {}", grant.title()) };
        }
        let missing: Vec<_> = self.grants(user).filter_map(|grant| grant.missing()).collect();
        let reason = match missing.as_slice() {
            [] => String::new(),
            [one] => format!("RBAC: {one}"),
            several => format!("RBAC: [{}]", several.join(", ")),
        };
        Decision { allowed: false, reason }
    }

    /// Every rule that holds for a user.
    pub fn rules(&self, user: &User) -> Vec<Value> {
        self.grants(user).flat_map(|grant| grant.rules().to_vec()).collect()
    }

    fn grants<'p>(&'p self, user: &'p User) -> impl Iterator<Item = Grant<'p>> {
        let bindings = self.cluster_role_bindings.iter().chain(&self.role_bindings);
        bindings.filter_map(|binding| {
            let namespace = binding["metadata"]["namespace"].as_str().unwrap_or_default();
            let subjects = binding["subjects"].as_array()?;
            let subject = subjects.iter().find(|subject| is_meant(subject, namespace, user))?;
            Some(Grant { binding, subject, role: self.role(&binding["roleRef"]) })
        })
    }

    fn role(&self, reference: &Value) -> Option<&Value> {
        let roles = if reference["kind"] == "Role" { &self.roles } else { &self.cluster_roles };
        roles.iter().map(|role| &**role).find(|role| role["metadata"]["name"] == reference["name"])
    }
}

/// Whether a subject of a binding in this namespace is the user or one of its groups.
fn is_meant(subject: &Value, namespace: &str, user: &User) -> bool {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["kind"].as_str() {
        Some("User") => name == user.name,
        Some("Group") => user.groups.iter().any(|group| group == name),
        Some("ServiceAccount") => {
            let namespace = subject["namespace"].as_str().unwrap_or(namespace);
            !namespace.is_empty() && user.name == format!("system:serviceaccount:{namespace}:{name}")
        }
        _ => false,
    }
}

impl Grant<'_> {
    fn rules(&self) -> &[Value] {
        self.role.and_then(|role| role["rules"].as_array()).map_or(&[], Vec::as_slice)
    }

    /// `ClusterRoleBinding "x" of ClusterRole "y" to User "z"`, as the API server puts it.
    fn title(&self) -> String {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (metadata, role) = (&self.binding["metadata"], &self.binding["roleRef"]);
        let namespace = text(&metadata["namespace"]);
        let named = |name: &Value, namespace: &str| match namespace {
            "" => format!("{:?}", text(name)),
            namespace => format!("{:?}", format!("{}/{namespace}", text(name))),
        };
        let kind = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
        let home = self.subject["namespace"].as_str().unwrap_or(&namespace);
        let home = if self.subject["kind"] == "ServiceAccount" { home } else { "" };
        format!(
            "{kind} {} of {} {} to {} {}",
            named(&metadata["name"], &namespace),
            text(&role["kind"]),
            named(&role["name"], ""),
            text(&self.subject["kind"]),
            named(&self.subject["name"], home)
        )
    }

    fn missing(&self) -> Option<String> {
        let role = &self.binding["roleRef"];
        let kind = role["kind"].as_str().unwrap_or_default().to_lowercase();
        self.role.is_none().then(|| format!("{kind}.rbac.authorization.k8s.io {} not found", role["name"]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::asked::What;
    use super::*;
    use serde_json::json;

    fn reader() -> User {
        let groups = ["system:serviceaccounts", "system:serviceaccounts:mesh", "system:authenticated"];
        let groups = groups.map(str::to_owned).to_vec();
        User { name: "system:serviceaccount:mesh:reader".into(), groups, ..User::default() }
    }

    fn role(kind: &str, name: &str, resource: &str) -> Arc<Value> {
        let rules = json!([{"verbs": ["get"], "apiGroups": [""], "resources": [resource]}]);
        Arc::new(json!({"kind": kind, "metadata": {"name": name, "namespace": "mesh"}, "rules": rules}))
    }

    fn binding(namespace: Option<&str>, role: (&str, &str), subject: Value) -> Arc<Value> {
        let metadata = json!({"name": "b", "namespace": namespace});
        Arc::new(
            json!({"metadata": metadata, "roleRef": {"kind": role.0, "name": role.1}, "subjects": [{"kind": "User", "name": "x"}, subject]}),
        )
    }

    fn get(resource: &str) -> Asked {
        let what = What::Resource {
            group: String::new(),
            resource: resource.into(),
            subresource: String::new(),
            namespace: "mesh".into(),
            name: "x".into(),
        };
        Asked { verb: "get".into(), what }
    }

    #[test]
    fn bindings_lead_from_users_to_rules() {
        let account = json!({"kind": "ServiceAccount", "name": "reader"});
        let policy = Policy {
            cluster_roles: vec![role("ClusterRole", "nodes", "nodes")],
            cluster_role_bindings: vec![binding(
                None,
                ("ClusterRole", "nodes"),
                json!({"kind": "Group", "name": "system:serviceaccounts:mesh"}),
            )],
            roles: vec![role("Role", "maps", "configmaps")],
            role_bindings: vec![binding(Some("mesh"), ("Role", "maps"), account)],
        };
        let decision = policy.decide(&reader(), &get("configmaps"));
        let reason = r#"RBAC: allowed by RoleBinding "b/mesh" of Role "maps" to ServiceAccount "reader/mesh""#;
        assert_eq!(decision, Decision { allowed: true, reason: reason.into() });
        let decision = policy.decide(&reader(), &get("nodes"));
        let reason =
            r#"RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "nodes" to Group "system:serviceaccounts:mesh""#;
        assert_eq!(decision, Decision { allowed: true, reason: reason.into() });
        let denied = Decision { allowed: false, reason: String::new() };
        assert_eq!(policy.decide(&reader(), &get("secrets")), denied);
        assert_eq!(policy.decide(&User::anonymous(), &get("configmaps")), denied);
        assert!(policy.decide(&User::administrator(), &get("secrets")).allowed);
        assert_eq!(policy.rules(&reader()).len(), 2);
    }

    #[test]
    fn a_role_of_the_same_name_is_not_the_cluster_role() {
        let account = json!({"kind": "ServiceAccount", "name": "reader", "namespace": "mesh"});
        let policy = Policy {
            roles: vec![role("Role", "maps", "configmaps")],
            role_bindings: vec![binding(Some("mesh"), ("ClusterRole", "maps"), account)],
            ..Policy::default()
        };
        let decision = policy.decide(&reader(), &get("configmaps"));
        let reason = r#"RBAC: clusterrole.rbac.authorization.k8s.io "maps" not found"#;
        assert_eq!(decision, Decision { allowed: false, reason: reason.into() });
    }

    #[test]
    fn an_account_of_another_namespace_is_somebody_else() {
        let account = json!({"kind": "ServiceAccount", "name": "reader", "namespace": "other"});
        let policy = Policy {
            roles: vec![role("Role", "maps", "configmaps")],
            role_bindings: vec![binding(Some("mesh"), ("Role", "maps"), account)],
            ..Policy::default()
        };
        assert!(!policy.decide(&reader(), &get("configmaps")).allowed);
    }
}
