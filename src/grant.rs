//! Lists of what is allowed: names and patterns with `*`, and after `!` what is not allowed all the same.

use crate::failure::{Failure, Kind};

/// What a list of entries allows. An empty one allows nothing; an exception wins over everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grant {
    allowed: Vec<String>,
    denied: Vec<String>,
}

impl Grant {
    /// What these entries allow.
    pub fn new<T: AsRef<str>>(entries: &[T]) -> Grant {
        let mut grant = Grant::default();
        for entry in entries.iter().map(AsRef::as_ref) {
            match entry.strip_prefix('!') {
                Some(denied) => grant.denied.push(denied.to_owned()),
                None => grant.allowed.push(entry.to_owned()),
            }
        }
        grant
    }

    /// Whether this name is allowed.
    pub fn permits(&self, name: &str) -> bool {
        self.permits_where(|pattern| matches(pattern, name))
    }

    /// Whether an entry allows it and no exception forbids it, where `covers` says what an entry is about.
    pub fn permits_where(&self, covers: impl Fn(&str) -> bool) -> bool {
        self.allowed.iter().any(|entry| covers(entry)) && !self.forbids_where(covers)
    }

    /// Whether an exception forbids it.
    pub fn forbids_where(&self, covers: impl Fn(&str) -> bool) -> bool {
        self.denied.iter().any(|entry| covers(entry))
    }

    /// Whether everything is allowed.
    pub fn permits_all(&self) -> bool {
        self.denied.is_empty() && self.allowed.iter().any(|entry| entry == "*")
    }
}

/// Whether a pattern, in which `*` stands for any text, matches a name.
pub fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(first) else { return false };
    name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| matches(rest, &name[at..]))
}

/// The failure of a run that lacks a right: `key` and `entry` say what the header would have to hold.
pub fn lacking(what: &str, key: &str, entry: &str) -> Failure {
    Failure::new(Kind::Rights, format!("this run may not {what}")).hint(format!(
        "add `{entry}` to `needs.{key}` in the script's header, or allow it for this run: --allow {key}={entry}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, fits) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("*prod*", "eu-prod-1", true),
            ("*prod*", "dev", false),
            ("mesh-*", "mesh-", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn exceptions_win() {
        let grant = Grant::new(&["*", "!kube-*"]);
        assert!(grant.permits("sample") && !grant.permits("kube-system") && !grant.permits_all());
        assert!(!Grant::new(&["!a"]).permits("b"));
    }
}
