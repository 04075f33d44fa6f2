//! The user's folders, by the XDG base directory rules.

use std::path::PathBuf;

/// Where data that must not be lost is kept: certificate authorities.
pub fn data() -> PathBuf {
    folder("XDG_DATA_HOME", ".local/share")
}

/// Where the state of runs is kept: journals.
pub fn state() -> PathBuf {
    folder("XDG_STATE_HOME", ".local/state")
}

/// Where the user's settings are.
pub fn config() -> PathBuf {
    folder("XDG_CONFIG_HOME", ".config")
}

fn folder(variable: &str, below_home: &str) -> PathBuf {
    let set = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map_or_else(|| PathBuf::from("."), PathBuf::from).join(below_home);
    set.unwrap_or_else(home).join("meshwright")
}
