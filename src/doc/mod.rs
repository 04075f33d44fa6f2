//! What there is to call, as people and editors read it: for `doc`, for the prompt's `x?`, for the reference page and
//! for editors. All of it comes from the tables of primitives, the language's words and the comments in modules.

mod definitions;
mod entry;
mod library;
mod page;
mod reference;
mod topics;

pub use definitions::{CONFIGS, definitions};
pub use entry::{Entry, entries};
pub use library::{Module, script_brief, script_signature};
pub use page::{brief, first_sentence, full, indented, wrapped};
pub use reference::reference;
pub use topics::{EXAMPLE, Part, TOPICS, Topic, topic};

use crate::engine::nearest;
use crate::failure::{Failure, Kind, Result};

/// The namespace objects and types that entries are called on, in reading order, with what each is for.
pub const PLACES: &[(&str, &str)] = &[
    ("", "words of the language"),
    ("kube", "clusters by context"),
    ("Cluster", "objects, logs, programs in pods: what `kube.cluster(…)` gives"),
    ("Object", "lists, maps and objects of clusters"),
    ("Port", "a forwarded port: what `cluster.forward(…)` gives"),
    ("secret", "values that never show themselves"),
    ("Authority", "a certificate authority: what `secret.authority(…)` gives"),
    ("wait", "until objects, addresses and webhooks are as they should be"),
    ("exec", "local programs"),
    ("text", "YAML, base64, strings"),
    ("log", "lines for the user"),
    ("run", "the run itself"),
    ("Failure", "what `catch (e)` and `attempt` give"),
    ("test", "what tests have beside all this, in files that end in `_test.rhai`"),
];

/// What a name means.
pub enum Found {
    /// One function, or several of one name.
    Entries(Vec<Entry>),
    /// A namespace object or a type, with its functions.
    Place(&'static str, &'static str, Vec<Entry>),
    /// A module of the library.
    Module(Module),
    /// A page about something that is not called.
    Topic(&'static Topic),
    /// A function of a module.
    Function(Module, crate::script::outline::Function),
}

/// What a name means: `kube`, `kube.cluster`, `apply`, `std:istio/gateway`, `istio/gateway::found`, `header`.
///
/// # Errors
/// `NotFound` with the nearest name.
pub fn find(name: &str) -> Result<Found> {
    let name = name.trim().trim_end_matches("()");
    if let Some(found) = of_tables(name).or_else(|| topic(name).map(Found::Topic)) {
        return Ok(found);
    }
    let path = name.strip_prefix("std:").unwrap_or(name);
    let (path, function) = path.split_once("::").map_or((path, ""), |(path, function)| (path, function));
    match Module::of(path.trim_end_matches(".rhai")) {
        Some(module) if function.is_empty() => Ok(Found::Module(module)),
        Some(module) => module.function(function).map(|found| Found::Function(module, found)),
        None => Err(unknown(name)),
    }
}

fn of_tables(name: &str) -> Option<Found> {
    if let Some((place, about)) = PLACES.iter().find(|(place, _)| *place == name && !place.is_empty()) {
        return Some(Found::Place(place, about, entries().filter(|entry| entry.place == name).collect()));
    }
    let found: Vec<_> = entries().filter(|entry| entry.label() == name || entry.name == name).collect();
    let exact: Vec<_> = found.iter().filter(|entry| entry.label() == name).cloned().collect();
    match (exact.is_empty(), found.is_empty()) {
        (false, _) => Some(Found::Entries(exact)),
        (true, false) => Some(Found::Entries(found)),
        _ => None,
    }
}

fn unknown(name: &str) -> Failure {
    let failure = Failure::new(Kind::Usage, format!("nothing is called `{name}`"));
    let labels: Vec<String> = entries().map(|entry| entry.label()).collect();
    let modules = crate::script::library_names();
    let modules = modules.iter().map(String::as_str).chain(PLACES.iter().map(|(place, _)| *place));
    let modules = modules.chain(TOPICS.iter().map(|topic| topic.name));
    let whole = nearest(name, labels.iter().map(String::as_str).chain(modules).filter(|known| !known.is_empty()));
    let last = name.rsplit(['.', ':', '/']).next().unwrap_or(name);
    let entries: Vec<Entry> = entries().collect();
    let by_last = || {
        let near = nearest(last, entries.iter().map(|entry| entry.name))?;
        entries.iter().find(|entry| entry.name == near).map(Entry::label)
    };
    if let Some(topic) = topics::page_of(name) {
        return failure.hint(format!("meshwright doc {} tells of it: {}", topic.name, topic.about));
    }
    match whole.map(str::to_owned).or_else(by_last) {
        Some(meant) => failure.hint(format!("did you mean `{meant}`? meshwright doc {meant}")),
        None => failure.hint("meshwright doc lists what can be called; meshwright doc header is how a script begins"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_stands_in_a_place() {
        for entry in entries() {
            assert!(PLACES.iter().any(|(place, _)| *place == entry.place), "{} has no place", entry.label());
        }
        for (place, _) in PLACES {
            assert!(entries().any(|entry| entry.place == *place), "nothing is called on `{place}`");
        }
    }

    #[test]
    fn names_are_found_however_much_of_them_is_given() {
        let count = |name: &str| match find(name) {
            Ok(Found::Entries(entries)) => entries.len(),
            Ok(Found::Place(_, _, entries)) => 100 + entries.len(),
            Ok(_) => 1000,
            Err(_) => 0,
        };
        assert_eq!((count("kube.cluster"), count("step"), count("Cluster.apply")), (1, 1, 1));
        assert!(count("kube") > 101 && count("get") > 1);
        assert_eq!((count("header"), count("params"), count("needs"), count("steps")), (1000, 1000, 1000, 1000));
        assert_eq!((count("std:istio/gateway"), count("istio/gateway"), count("nothing")), (1000, 1000, 0));
    }

    #[test]
    fn a_misspelled_name_gets_the_nearest() {
        let hint = |name: &str| find(name).err().and_then(|failure| failure.hint).unwrap_or_default();
        assert!(hint("kube.clutser").contains("`kube.cluster`"), "{}", hint("kube.clutser"));
        assert!(hint("aply").contains("`Cluster.apply`"));
        assert!(hint("istio/gatway").contains("`istio/gateway`"));
        assert!(hint("headr").contains("meshwright doc header") && hint("parms").contains("meshwright doc params"));
        assert!(hint("one_of").contains("meshwright doc params") && hint("clusters").contains("meshwright doc params"));
        assert!(hint("xylophone").contains("meshwright doc header"));
    }
}
