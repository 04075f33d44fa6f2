//! What the controllers said about an object.

use super::Cluster;
use super::list::Selection;
use crate::failure::Result;
use crate::object::Object;

impl Cluster {
    /// The events about this object, oldest first.
    ///
    /// # Errors
    /// When the cluster refuses or cannot be reached.
    pub async fn events(&self, object: &Object) -> Result<Vec<Object>> {
        let events = self.resource("v1/Event").await?;
        // Events about cluster-scoped objects stand in namespace default; nodes use their name as uid.
        let namespace = object.namespace().unwrap_or("default").to_owned();
        let mut fields = format!("involvedObject.kind={},involvedObject.name={}", object.kind(), object.name());
        if !object.uid().is_empty() && object.kind() != "Node" {
            fields += &format!(",involvedObject.uid={}", object.uid());
        }
        let selection = Selection { namespace: Some(namespace), fields: Some(fields), ..Selection::default() };
        let mut found = self.list(&events, &selection).await?;
        found.sort_by(|one, other| event_time(one).cmp(event_time(other)));
        Ok(found)
    }
}

/// When it was last seen: reporters fill in different fields.
fn event_time(event: &Object) -> &str {
    let fields =
        ["series.lastObservedTime", "lastTimestamp", "eventTime", "firstTimestamp", "metadata.creationTimestamp"];
    fields.into_iter().find_map(|field| event.str_at(field)).unwrap_or_default()
}
