//! A field that an apply would take from somebody else, in the API server's words.

use super::element::path_text;
use super::managers::Manager;
use super::set::Set;
use serde_json::{Value, json};

/// A field that another manager owns and the apply would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The owner's name: `kubectl-client-side-apply`.
    pub manager: String,
    /// What the API server says behind the owner's name: ` using apps/v1` unless it applies, and before that
    /// ` with subresource "status"` when it writes to one.
    pub details: String,
    /// The field, as the API server writes it: `.spec.replicas`, `.spec.containers[name="a"].image`.
    pub field: String,
}

impl Conflict {
    /// The conflicts over these fields of a manager, in the API server's order.
    pub(super) fn over(manager: &Manager, fields: &Set) -> Vec<Conflict> {
        let subresource = match manager.subresource.as_str() {
            "" => String::new(),
            name => format!(" with subresource {name:?}"),
        };
        let version = if manager.applies { String::new() } else { format!(" using {}", manager.version) };
        let details = format!("{subresource}{version}");
        let conflict = |field| Conflict { manager: manager.name.clone(), details: details.clone(), field };
        fields.paths().iter().map(|path| conflict(path_text(path))).collect()
    }

    /// The owner as messages name it: `"kubectl-client-side-apply" using apps/v1`.
    pub fn owner(&self) -> String {
        format!("{:?}{}", self.manager, self.details)
    }

    /// The entry for `details.causes` of the `Status` that the API server answers with.
    pub fn cause(&self) -> Value {
        json!({
            "reason": "FieldManagerConflict",
            "message": format!("conflict with {}", self.owner()),
            "field": self.field,
        })
    }

    /// The message of the `Status` that the API server answers with (409, reason `Conflict`).
    pub fn message(conflicts: &[Conflict]) -> String {
        if let [only] = conflicts {
            return format!("Apply failed with 1 conflict: conflict with {}: {}", only.owner(), only.field);
        }
        let mut lines = Vec::new();
        for (index, conflict) in conflicts.iter().enumerate() {
            let owner = conflict.owner();
            if index == 0 || conflicts[index - 1].owner() != owner {
                lines.push(format!("conflicts with {owner}:"));
            }
            lines.push(format!("- {}", conflict.field));
        }
        format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_servers() {
        let kubectl = Manager::updating("kubectl-client-side-apply", "apps/v1", "");
        let one = Conflict::over(&kubectl, &Set::of_fields(&[&["spec", "replicas"]]));
        assert_eq!(
            Conflict::message(&one),
            r#"Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas"#
        );
        assert_eq!(
            one[0].cause(),
            json!({"reason": "FieldManagerConflict", "field": ".spec.replicas",
                "message": r#"conflict with "kubectl-client-side-apply" using apps/v1"#})
        );
    }

    #[test]
    fn several_are_grouped_by_owner() {
        let helm = Manager::applying("helm", "");
        let status = Manager::updating("controller", "v1", "status");
        let mut conflicts = Conflict::over(&helm, &Set::of_fields(&[&["data", "a"], &["data", "b"]]));
        conflicts.extend(Conflict::over(&status, &Set::of_fields(&[&["status", "phase"]])));
        assert_eq!(
            Conflict::message(&conflicts),
            "Apply failed with 3 conflicts: conflicts with \"helm\":\n- .data.a\n- .data.b\n\
             conflicts with \"controller\" with subresource \"status\" using v1:\n- .status.phase"
        );
    }
}
