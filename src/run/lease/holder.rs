//! Who holds a lease.

/// Who holds a lease: `user@host/PID-NAMESPACE/PID/RUN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub(super) who: String,
    /// Processes have the same numbers in other containers of a host.
    pub(super) space: String,
    pub(super) pid: u32,
    pub(super) run: String,
}

impl Holder {
    /// This process, for a run.
    pub fn here(run: &str) -> Holder {
        let host = nix::unistd::gethostname().ok().and_then(|host| host.into_string().ok()).unwrap_or_default();
        let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
        let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let space: String = space.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
        let who = [user, host].iter().map(|part| part.replace(['/', '@'], "-")).collect::<Vec<_>>().join("@");
        Holder { who, space, pid: std::process::id(), run: run.to_owned() }
    }

    /// The holder that a lease names, when it is a run of meshwright.
    pub(super) fn parse(text: &str) -> Option<Holder> {
        let [who, space, pid, run] = text.split('/').collect::<Vec<_>>().try_into().ok()?;
        Some(Holder { who: who.to_owned(), space: space.to_owned(), pid: pid.parse().ok()?, run: run.to_owned() })
    }

    pub(super) fn is_where(&self, other: &Holder) -> bool {
        let host = |holder: &Holder| holder.who.rsplit('@').next().map(str::to_owned);
        host(self) == host(other) && self.space == other.space
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/{}", self.who, self.space, self.pid, self.run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_are_read_as_they_are_written() {
        let here = Holder::here("abc");
        assert_eq!(Holder::parse(&here.to_string()), Some(here));
        assert_eq!(Holder::parse("somebody"), None);
    }
}
