//! Objects that an undo goes on without.

use super::{Action, Item};
use crate::cluster::path::ApiPath;
use crate::failure::{Failure, Result};

/// How an object is named to be left out: `CLUSTER:KIND/NAMESPACE/NAME`.
pub(super) fn name_of(item: &Item) -> String {
    crate::plain::text(&format!("{}:{}", item.cluster, item.object.replacen(' ', "/", 1)))
}

/// The items but those that are to be left out, each given as `KIND/NAME` or `KIND/NAMESPACE/NAME`, of every cluster that has
/// it, or behind `CLUSTER:`.
///
/// # Errors
/// When there is no such item, or it would be deleted with another one.
pub fn without(items: Vec<Item>, left_out: &[String]) -> Result<Vec<Item>> {
    if let Some(unknown) = left_out.iter().find(|wanted| !items.iter().any(|item| is_meant(item, wanted))) {
        let names: Vec<String> = items.iter().map(name_of).collect();
        let failure = Failure::usage(format!("--except {unknown}: the run has left no such object"));
        return Err(failure.hint(format!("it has left: {}", names.join(", "))));
    }
    let (out, kept): (Vec<Item>, Vec<Item>) =
        items.into_iter().partition(|item| left_out.iter().any(|wanted| is_meant(item, wanted)));
    for item in &out {
        if let Some(whole) = kept.iter().find(|whole| goes_with(item, whole)) {
            let message = format!("--except {}: it would be deleted with {}", name_of(item), name_of(whole));
            return Err(Failure::usage(message).hint(format!("leave that out as well: --except {}", name_of(whole))));
        }
    }
    Ok(kept)
}

fn is_meant(item: &Item, wanted: &str) -> bool {
    let of_cluster = wanted.strip_prefix(item.cluster.as_str()).and_then(|rest| rest.strip_prefix(':'));
    let wanted = of_cluster.unwrap_or(wanted);
    let parts = |text: &str| text.split_once(['/', ' ']).map(|(kind, name)| (kind.to_lowercase(), name.to_owned()));
    let (Some((kind, name)), Some((meant, wanted))) = (parts(&item.object), parts(wanted)) else { return false };
    kind == meant && (name == wanted || name.rsplit('/').next() == Some(wanted.as_str()))
}

/// Whether deleting `whole`, a namespace or the definition of a kind, deletes the item too.
fn goes_with(item: &Item, whole: &Item) -> bool {
    let (inner, outer) = (ApiPath::parse(&item.path), ApiPath::parse(&whole.path));
    let is_inside = match outer.resource.as_str() {
        "namespaces" => inner.namespace == outer.name,
        "customresourcedefinitions" => outer.name == Some(format!("{}.{}", inner.resource, inner.group)),
        _ => false,
    };
    whole.action == Action::Delete && whole.cluster == item.cluster && outer.name.is_some() && is_inside
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::layers::journal::{Before, Outcome};
    use crate::run::record::History;
    use crate::run::undo::plan::{plan, tests::change};

    fn items() -> Vec<Item> {
        let made = |id, name| change(id, name, "PATCH", Before::Absent, Outcome::default());
        let mut namespace = made(1, "a");
        namespace.intent.path = "/api/v1/namespaces/a".into();
        namespace.intent.object = "Namespace a".into();
        let changes = vec![namespace, made(2, "x"), made(3, "y")];
        plan(&History { changes, ..History::default() }).items
    }

    #[test]
    fn what_is_left_out_is_named_by_kind_and_name() {
        let rest = |left_out: &[&str]| {
            let left_out: Vec<String> = left_out.iter().map(|name| (*name).to_owned()).collect();
            without(items(), &left_out).map(|items| items.iter().map(name_of).collect::<Vec<_>>())
        };
        assert_eq!(rest(&["configmap/x", "Namespace/a"]).expect("fine"), ["east:ConfigMap/a/y"]);
        assert_eq!(rest(&["ConfigMap/a/x", "ConfigMap a/y", "Namespace/a"]).expect("fine"), [""; 0]);
        let failure = rest(&["ConfigMap/z"]).expect_err("unknown");
        assert!(failure.hint.is_some_and(|hint| hint.contains("ConfigMap/a/y")));
        let failure = rest(&["ConfigMap/x"]).expect_err("goes with its namespace");
        assert!(failure.message.contains("deleted with east:Namespace/a"), "{failure:?}");
    }
}
