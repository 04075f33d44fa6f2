//! Modules that import each other: Rhai finds that only when the import is reached.

use crate::engine::Sources;
use crate::failure::Failure;
use crate::script::outline::Outline;
use std::collections::BTreeSet;

/// What is wrong with importing this module into a source that the module itself needs.
pub(super) fn circle(sources: &dyn Sources, into: &str, module: &(String, String)) -> Option<Failure> {
    let mut way = vec![into.to_owned()];
    leads_to(sources, into, module, &mut way, &mut BTreeSet::new()).then(|| {
        let failure = Failure::usage(format!("modules import each other in a circle: {}", way.join(" → ")));
        failure.hint("move what both need into a third module")
    })
}

/// Whether a module's imports lead to a source; then `way` is how.
fn leads_to(
    sources: &dyn Sources,
    wanted: &str,
    (source, text): &(String, String),
    way: &mut Vec<String>,
    seen: &mut BTreeSet<String>,
) -> bool {
    way.push(source.clone());
    if source == wanted {
        return true;
    }
    if seen.insert(source.clone()) {
        for import in Outline::of(text).imports {
            let module = sources.load(&import.path, Some(source));
            if module.is_ok_and(|module| leads_to(sources, wanted, &module, way, seen)) {
                return true;
            }
        }
    }
    way.pop();
    false
}
