//! Names from clusters for completion: asked once, for a short time, and kept for a while.

use super::Repl;
use crate::cluster::{Cluster, Resource, Selection};
use crate::failure::Result;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long Tab may wait.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long an answer is believed.
const FRESH: Duration = Duration::from_secs(30);

/// How many names are asked for.
const MOST: usize = 500;

/// What was answered, by question. Silence is an answer too: a cluster that is away must not be asked at each key.
#[derive(Default)]
pub struct Names(RefCell<BTreeMap<String, (Instant, Vec<String>)>>);

impl Names {
    fn known(&self, question: &str) -> Option<Vec<String>> {
        let known = self.0.borrow();
        let (when, names) = known.get(question)?;
        (when.elapsed() < FRESH).then(|| names.clone())
    }

    /// Forgets everything: something was changed.
    pub fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}

impl Repl {
    /// The kinds that a cluster serves: plural names, kinds and short names, each with what it is.
    pub(super) fn kinds(&self, context: &str) -> Vec<String> {
        self.names(context, "kinds", |cluster| async move {
            let kinds = cluster.kinds().await?;
            let named = kinds.iter().filter(|kind| kind.supports("list") && !kind.kind.is_empty());
            Ok(named.map(described).collect())
        })
    }

    /// The names of objects of a kind, as `get` takes them: `namespace/name`, those of the chosen namespace first.
    pub(super) fn objects(&self, context: &str, kind: &str) -> Vec<String> {
        let wanted = kind.to_owned();
        let mut names = self.names(context, &format!("objects {kind}"), |cluster| async move {
            let resource = cluster.resource(&wanted).await?;
            let selection = Selection { limit: Some(MOST), ..Selection::default() };
            let objects = cluster.list(&resource, &selection).await?;
            let name = |object: &crate::object::Object| match object.namespace() {
                Some(namespace) => format!("{namespace}/{}", object.name()),
                None => object.name().to_owned(),
            };
            Ok(objects.iter().map(name).collect())
        });
        if let Some(namespace) = &self.namespace {
            names.sort_by_key(|name| !name.starts_with(&format!("{namespace}/")));
        }
        names
    }

    fn names<F>(&self, context: &str, question: &str, ask: impl FnOnce(Cluster) -> F) -> Vec<String>
    where
        F: Future<Output = Result<Vec<String>>>,
    {
        let question = format!("{context} {question}");
        if let Some(known) = self.names.known(&question) {
            return known;
        }
        let Ok(cluster) = self.session().clusters().connect(context) else { return Vec::new() };
        // The line that is being typed must not be written over.
        let names = self.session().screen().hushed(|| self.ask(PATIENCE, ask(cluster))).unwrap_or_default();
        self.names.0.borrow_mut().insert(question, (Instant::now(), names.clone()));
        names
    }
}

/// Plural, kind and short names in one line, the plural first.
fn described(kind: &Resource) -> String {
    let names = [kind.plural.clone(), kind.kind.clone()].into_iter().chain(kind.short_names.iter().cloned());
    names.collect::<Vec<_>>().join(" ")
}
