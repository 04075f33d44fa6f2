//! What a command says about a script's rights beyond its header.

use super::Needs;
use crate::failure::Result;
use serde::{Deserialize, Serialize};

/// The flags of a command that change what a run may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Amended {
    /// Nothing is changed and no program started.
    #[serde(rename = "readOnly", skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// What is given beyond the header's rights.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// What is taken away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

impl Amended {
    /// Changes the rights of a header. What is denied stays denied, whatever else is allowed.
    ///
    /// # Errors
    /// When there is no such right.
    pub fn change(&self, needs: &mut Needs) -> Result<()> {
        self.allow.iter().try_for_each(|right| needs.allow(right))?;
        self.deny.iter().try_for_each(|right| needs.deny(right))?;
        if self.read_only {
            needs.read_only();
        }
        Ok(())
    }

    /// These and further flags: what these deny stays denied.
    #[must_use]
    pub fn and(mut self, more: Amended) -> Amended {
        self.read_only |= more.read_only;
        for (mine, new) in [(&mut self.allow, more.allow), (&mut self.deny, more.deny)] {
            mine.extend(new);
            let mut seen = std::collections::BTreeSet::new();
            mine.retain(|right| seen.insert(right.clone()));
        }
        self
    }

    /// Whether the header's rights are as they are.
    pub fn is_empty(&self) -> bool {
        *self == Amended::default()
    }
}

impl std::fmt::Display for Amended {
    /// As somebody types them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let read_only = self.read_only.then(|| "--read-only".to_owned());
        let allow = self.allow.iter().map(|right| format!("--allow {}", crate::plain::line(right, 200)));
        let deny = self.deny.iter().map(|right| format!("--deny {}", crate::plain::line(right, 200)));
        f.write_str(&read_only.into_iter().chain(allow).chain(deny).collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_flags_widen_nothing_that_was_denied() {
        let then = Amended { read_only: true, allow: vec!["exec=ls".into()], deny: vec!["write=a".into()] };
        let now = Amended { allow: vec!["write=a".into(), "exec=ls".into()], ..Amended::default() };
        let both = then.and(now);
        assert_eq!(both.to_string(), "--read-only --allow exec=ls --allow write=a --deny write=a");
        let mut needs = Needs { write: vec!["a".into()], ..Needs::default() };
        both.change(&mut needs).expect("rights");
        assert!(!needs.writes(), "{needs:?}");
        assert!(!both.is_empty() && Amended::default().is_empty());
    }
}
