//! Who holds a lease.

/// Who holds a lease: `user@host/BOOT-PID-NAMESPACE/PID/RUN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub(super) who: String,
    /// Where the number means this process: machines share host names, and containers of a machine share numbers.
    pub(super) space: String,
    pub(super) pid: u32,
    pub(super) run: String,
}

impl Holder {
    /// This process, for a run.
    pub fn here(run: &str) -> Holder {
        let host = nix::unistd::gethostname().ok().and_then(|host| host.into_string().ok()).unwrap_or_default();
        let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
        let user = user.or_else(account).unwrap_or_default();
        let who = [user, host].iter().map(|part| part.replace(['/', '@'], "-")).collect::<Vec<_>>().join("@");
        Holder { who, space: space(), pid: std::process::id(), run: run.to_owned() }
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

/// This start of the machine, and this process's namespace of process numbers.
fn space() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let number: String = space.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    format!("{}-{number}", boot.trim())
}

/// Who this process belongs to, where the environment does not say, as in containers.
fn account() -> Option<String> {
    nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten().map(|user| user.name)
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

    #[test]
    #[cfg(target_os = "linux")]
    fn a_machine_of_the_same_name_is_another_place() {
        let here = Holder::here("abc");
        let (boot, number) = here.space.rsplit_once('-').expect("both parts");
        assert!(boot.len() == 36 && number.parse::<u64>().is_ok(), "{}", here.space);
        // The first namespace of process numbers has the same number on every machine.
        let twin = Holder { space: format!("00000000-0000-0000-0000-000000000000-{number}"), ..here.clone() };
        assert!(here.is_where(&Holder::here("def")) && !here.is_where(&twin));
    }
}
