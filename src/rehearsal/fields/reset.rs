//! What a write can't change: `status` when the object is written, the rest when its status is.
//!
//! The `GetResetFields` and `PrepareForUpdate` of the kinds' strategies in Kubernetes.

use super::schema::Schema;
use super::set::Set;
use serde_json::Value;

type Fields = &'static [&'static [&'static str]];

impl Schema {
    /// The fields that a write through this subresource neither owns nor takes.
    pub(super) fn reset_fields(&self, subresource: &str) -> Set {
        Set::of_fields(self.fields(subresource))
    }

    fn fields(&self, subresource: &str) -> Fields {
        match subresource {
            "" if self.status => &[&["status"]],
            "status" => self.fields_beside_status(),
            _ => &[],
        }
    }

    fn fields_beside_status(&self) -> Fields {
        match self.kind.as_str() {
            "Deployment" => &[&["spec"], &["metadata", "labels"]],
            "Pod" => &[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]],
            "ValidatingAdmissionPolicy"
            | "FlowSchema"
            | "PriorityLevelConfiguration"
            | "VolumeAttachment"
            | "CustomResourceDefinition"
            | "APIService" => &[&["spec"], &["metadata"]],
            _ => &[&["spec"]],
        }
    }

    /// Undoes what a write through this subresource can't change: puts it back as it is in the live object. A write
    /// to the object itself has an empty subresource. [`super::apply`] does this itself; for other writes the server
    /// does it after [`super::update`], before it stores the object.
    pub fn preserve(&self, live: Option<&Value>, new: &mut Value, subresource: &str) {
        match live {
            Some(live) if subresource == "status" && !self.typed => only_status(live, new),
            _ => self.fields(subresource).iter().for_each(|path| put_back(live, new, path)),
        }
    }
}

/// The live custom resource with the new status.
fn only_status(live: &Value, new: &mut Value) {
    let mut kept = live.clone();
    let managed = new["metadata"].get("managedFields").cloned();
    put_back(Some(new), &mut kept, &["status"]);
    *new = kept;
    if let Some(managed) = managed {
        new["metadata"]["managedFields"] = managed;
    }
}

fn put_back(live: Option<&Value>, new: &mut Value, path: &[&str]) {
    let [parents @ .., last] = path else { return };
    let old = live.and_then(|live| path.iter().try_fold(live, |value, name| value.get(name))).cloned();
    let parent = parents.iter().try_fold(new, |value, name| value.get_mut(*name));
    let Some(Value::Object(parent)) = parent else { return };
    match old {
        Some(old) => drop(parent.insert((*last).to_owned(), old)),
        None => drop(parent.remove(*last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn preserved(schema: &Schema, subresource: &str) -> Value {
        let live = json!({"metadata": {"labels": {"a": "1"}}, "spec": {"x": 1}, "status": {"y": 1}});
        let mut new = json!({"metadata": {"annotations": {"b": "2"}}, "spec": {"x": 2}, "status": {"y": 2}});
        schema.preserve(Some(&live), &mut new, subresource);
        new
    }

    #[test]
    fn the_object_keeps_its_status_and_the_status_its_object() {
        let built_in = Schema::built_in("apps/v1", "Deployment");
        assert_eq!(preserved(&built_in, "")["status"], json!({"y": 1}));
        assert_eq!(preserved(&built_in, "")["spec"], json!({"x": 2}));
        assert_eq!(
            preserved(&built_in, "status"),
            json!({"metadata": {"annotations": {"b": "2"}, "labels": {"a": "1"}}, "spec": {"x": 1}, "status": {"y": 2}})
        );
    }

    #[test]
    fn the_status_of_a_custom_resource_changes_nothing_else() {
        let custom = Schema::from_open_api(&json!({"type": "object", "properties": {"status": {"type": "object"}}}));
        assert_eq!(
            preserved(&custom, "status"),
            json!({"metadata": {"labels": {"a": "1"}}, "spec": {"x": 1}, "status": {"y": 2}})
        );
        let without = custom.with_status_subresource(false);
        assert_eq!(preserved(&without, "")["status"], json!({"y": 2}));
    }

    #[test]
    fn a_new_object_has_no_status() {
        let mut new = json!({"status": {"y": 2}});
        Schema::built_in("v1", "Pod").preserve(None, &mut new, "");
        assert_eq!(new, json!({}));
    }
}
