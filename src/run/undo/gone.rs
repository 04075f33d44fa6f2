//! Until what an undo has deleted is gone.

use super::plan::Item;
use crate::cluster::path::ApiPath;
use crate::cluster::wait::{Limits, Rule, Wait, until_all};
use crate::cluster::{Cluster, Resource, Target};
use crate::failure::{Failure, Kind, Result};
use std::time::Duration;

/// Waits until none of these objects exists any more.
///
/// # Errors
/// `Timeout` when one is still there by then, with what holds it.
pub async fn gone(items: &[(Cluster, &Item)], limit: Duration) -> Result<()> {
    let wait = |(cluster, item): &(Cluster, &Item)| {
        let rule = Rule::gone(Some(item.uid.clone()));
        Some(Wait { cluster: cluster.clone(), target: target(item)?, rule })
    };
    let waits: Vec<Wait> = items.iter().filter_map(wait).collect();
    until_all(&waits, Limits::new(limit)).await.map(drop).map_err(still_going)
}

/// Where the object is. Its kind may be gone from the cluster before it, so nobody is asked.
fn target(item: &Item) -> Option<Target> {
    let at = ApiPath::parse(&item.path);
    let version = item.path.trim_start_matches('/').split('/').nth(if at.group.is_empty() { 1 } else { 2 })?;
    let resource = Resource {
        group: at.group,
        version: version.to_owned(),
        kind: item.object.split(' ').next()?.to_owned(),
        plural: at.resource,
        namespaced: at.namespace.is_some(),
        ..Resource::default()
    };
    Some(Target { resource, namespace: at.namespace, name: at.name? })
}

fn still_going(failure: Failure) -> Failure {
    if failure.kind != Kind::Timeout {
        return failure;
    }
    Failure { message: failure.message.replacen("not gone after", "still being deleted after", 1), ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::layers::journal::{Before, Outcome};
    use crate::run::record::History;
    use crate::run::undo::plan::{plan, tests::change};

    #[test]
    fn an_object_is_found_by_its_path() {
        for (path, object) in [
            ("/api/v1/namespaces/a/configmaps/x", "ConfigMap a/x"),
            ("/api/v1/namespaces/a", "Namespace a"),
            ("/apis/apps/v1/namespaces/a/deployments/x", "Deployment a/x"),
            ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x.y", "CustomResourceDefinition x.y"),
        ] {
            let mut made = change(1, "x", "PATCH", Before::Absent, Outcome::default());
            (made.intent.path, made.intent.object) = (path.into(), object.into());
            let item = plan(&History { changes: vec![made], ..History::default() }).items.remove(0);
            let target = target(&item).expect("an object");
            assert_eq!((target.path().as_str(), target.title().as_str()), (path, object));
        }
    }
}
