//! Taking one object back.

use super::owners;
use super::plan::{Action, Item, Restore};
use super::standing::{Standing, judge, whole};
use crate::cluster::Cluster;
use crate::cluster::layers::journal::{content_of, managers};
use crate::cluster::layers::reverse;
use crate::cluster::request::{changing, reading};
use crate::failure::{Failure, Kind, Result};
use crate::object::Object;
use http::Method;
use serde_json::{Value, json};

/// How often it starts again because a controller was quicker.
const TRIES: u32 = 10;

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is as it was before the run.
    Done,
    /// The cluster has begun to delete it: its contents go first, or a finalizer holds it.
    Going,
}

/// Takes one item back.
///
/// # Errors
/// `Conflict` when somebody else has changed the object meanwhile, or what the server refuses with.
pub async fn carry_out(cluster: &Cluster, item: &Item) -> Result<Taken> {
    for number in 1..=TRIES {
        let live = match cluster.send(reading(&item.path)?).await {
            Err(failure) if failure.kind == Kind::NotFound => return Ok(Taken::Done),
            live => live?,
        };
        let standing = whole(cluster, item, judge(item, &live)).await?;
        if let Some(objection) = standing.objection() {
            return Err(meanwhile(cluster, item, &objection));
        }
        match standing {
            Standing::Untouched => {}
            Standing::Going => return Ok(Taken::Going),
            _ => return Ok(Taken::Done),
        }
        match try_once(cluster, item, live).await {
            // Somebody came between the look and the change: look again.
            Err(failure) if failure.kind == Kind::Conflict && number < TRIES => cluster.pause_edit(number).await,
            Err(failure) if failure.kind == Kind::NotFound && item.action == Action::Delete => return Ok(Taken::Done),
            done => return done,
        }
    }
    Ok(Taken::Done)
}

fn meanwhile(cluster: &Cluster, item: &Item, objection: &str) -> Failure {
    Failure::new(Kind::Conflict, format!("it {objection}")).on_cluster(cluster.name()).about(&item.object)
}

/// The request is only carried out on what was looked at.
async fn try_once(cluster: &Cluster, item: &Item, live: Object) -> Result<Taken> {
    match &item.action {
        Action::Delete => {
            let preconditions = json!({"uid": item.uid, "resourceVersion": live.resource_version()});
            let body = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background", "preconditions": preconditions});
            let answer = cluster.send(changing(Method::DELETE, &item.path, &item.object, &body, &live, "")?).await?;
            Ok(if answer.at("metadata.deletionTimestamp").is_some() { Taken::Going } else { Taken::Done })
        }
        Action::Restore(restore) => {
            let content = content_of(&live);
            let live = match reverse::merged(content.clone(), &restore.back) == content {
                true => live,
                false => patch(cluster, item, &live, restore.back.clone()).await?,
            };
            give_back(cluster, item, restore, &live).await.map(|()| Taken::Done)
        }
    }
}

/// Gives the fields back to those who owned them: a patch that says nothing else makes nobody an owner.
async fn give_back(cluster: &Cluster, item: &Item, restore: &Restore, live: &Object) -> Result<()> {
    let owners = managers(live);
    let wanted = owners::wanted(item, restore, &owners);
    if restore.managers.is_null() || owners::same(&wanted, &owners) {
        return Ok(());
    }
    patch(cluster, item, live, json!({"metadata": {"managedFields": wanted}})).await.map(drop)
}

async fn patch(cluster: &Cluster, item: &Item, live: &Object, mut body: Value) -> Result<Object> {
    body["metadata"]["uid"] = json!(item.uid);
    body["metadata"]["resourceVersion"] = json!(live.resource_version());
    cluster.send(changing(Method::PATCH, &item.path, &item.object, &body, live, &item.manager)?).await
}
