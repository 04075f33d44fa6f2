//! Local programs: started without a shell, stdin closed, output caught, killed with their children.

/// Placeholder until the module lands.
pub trait Programs: Send + Sync {}
