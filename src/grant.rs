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

    /// The exception that forbids it.
    pub fn denying(&self, covers: impl Fn(&str) -> bool) -> Option<&str> {
        self.denied.iter().map(String::as_str).find(|entry| covers(entry))
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

/// How something is run, which decides what gives it a right that it lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// By a command that has `--allow`: `run`, `rehearse`, `resume`.
    #[default]
    Command,
    /// By the same with `--read-only`.
    ReadOnly,
    /// An expression of `eval`.
    Eval,
    /// What somebody types at a prompt.
    Prompt,
    /// By a test: only the header gives rights.
    Test,
}

/// The keys of `needs` that `--read-only` empties.
pub const CHANGING: [&str; 5] = ["write", "pods", "exec", "authorities", "reveal"];

impl Way {
    /// What gives this right.
    pub fn hint(self, key: &str, entry: &str) -> String {
        let header = match key {
            "reveal" => "add it to the script's header: `needs: {reveal: true}`".to_owned(),
            _ => format!("add `{entry}` to `needs.{key}` in the script's header"),
        };
        let flag = if key == "reveal" { key.to_owned() } else { format!("{key}={entry}") };
        match (self, key) {
            (Way::ReadOnly, _) if CHANGING.contains(&key) => {
                "run it without --read-only: it may do then what its header's `needs` says".to_owned()
            }
            (Way::Eval, "write" | "pods" | "authorities") => "let it write: --write".to_owned(),
            (Way::Eval, "exec") => format!("let it start that: --allow-exec '{entry}'"),
            (Way::Eval, "reveal") => {
                "no expression may; a script with `needs: {reveal: true}` in its header may".to_owned()
            }
            (Way::Prompt, "reveal") => "`:load` a script whose header has `needs: {reveal: true}`".to_owned(),
            (Way::Prompt, "write" | "pods" | "exec" | "authorities") => {
                "`:write` lets it change things from now on".to_owned()
            }
            (Way::Command | Way::ReadOnly, _) => format!("{header}, or allow it for this run: --allow {flag}"),
            (Way::Eval | Way::Prompt | Way::Test, _) => header,
        }
    }
}

/// The failure of a run that lacks a right: `key` and `entry` say what the header would have to hold.
pub fn lacking(way: Way, what: &str, key: &str, entry: &str) -> Failure {
    Failure::new(Kind::Rights, format!("this run may not {what}")).hint(way.hint(key, entry))
}

/// The failure of a run that is denied a right: to allow it as well would not help.
pub fn denied(what: &str, key: &str, entry: &str) -> Failure {
    let by = format!("denied by --deny {key}={entry}, or by `!{entry}` in `needs.{key}` of the script's header");
    Failure::new(Kind::Rights, format!("this run may not {what}: {by}"))
        .hint("what is denied stays so, whatever else is allowed: leave that out")
}

/// The one or the other.
pub fn refused(way: Way, what: &str, key: &str, entry: &str, by: Option<&str>) -> Failure {
    by.map_or_else(|| lacking(way, what, key, entry), |by| denied(what, key, by))
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
    fn what_an_exception_forbids_is_not_told_to_be_allowed() {
        let grant = Grant::new(&["*", "!kube-*"]);
        let by = |name: &str| grant.denying(|pattern| matches(pattern, name)).map(str::to_owned);
        let failure = refused(Way::Command, "change it", "write", "kube-system", by("kube-system").as_deref());
        assert!(failure.message.contains("denied by --deny write=kube-*, or by `!kube-*`"), "{failure:?}");
        assert!(failure.hint.is_some_and(|hint| !hint.contains("--allow")));
        let failure =
            refused(Way::Command, "change it", "write", "b", Grant::new(&["a", "!kube-*"]).denying(|_| false));
        assert!(failure.hint.is_some_and(|hint| hint.contains("--allow write=b")));
    }

    #[test]
    fn each_way_to_run_is_told_the_word_that_helps_there() {
        let hint = |way: Way, key: &str| lacking(way, "do it", key, "a").hint.unwrap_or_default();
        for way in [Way::ReadOnly, Way::Eval, Way::Prompt, Way::Test] {
            assert!(!hint(way, "write").contains("--allow"), "{way:?}");
        }
        assert!(hint(Way::ReadOnly, "write").contains("without --read-only"));
        assert!(hint(Way::ReadOnly, "hosts").contains("--allow hosts=a"), "that is denied without it too");
        assert!(hint(Way::Eval, "write").contains("--write") && hint(Way::Eval, "exec").contains("--allow-exec 'a'"));
        assert!(hint(Way::Prompt, "write").contains(":write"));
        assert!(hint(Way::Test, "write").contains("`a` to `needs.write`"));
        assert!(hint(Way::Command, "reveal").ends_with("--allow reveal"));
    }

    #[test]
    fn exceptions_win() {
        let grant = Grant::new(&["*", "!kube-*"]);
        assert!(grant.permits("sample") && !grant.permits("kube-system") && !grant.permits_all());
        assert!(!Grant::new(&["!a"]).permits("b"));
    }
}
