//! Addresses: where they come from and how load balancers present theirs.

use std::time::Duration;

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pool {
    /// A pod.
    Pod,
    /// A load balancer.
    LoadBalancer,
}

/// What a cluster gives Services of type LoadBalancer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LoadBalancer {
    /// An IP address after three seconds.
    #[default]
    Ip,
    /// A host name below this domain after three seconds.
    Hostname(String),
    /// Nothing, ever: a cluster without a load balancer.
    Never,
    /// An IP address after this time.
    After(Duration),
}

impl LoadBalancer {
    /// How long it takes; `None` is forever.
    pub(crate) fn delay(&self) -> Option<Duration> {
        match self {
            LoadBalancer::Ip | LoadBalancer::Hostname(_) => Some(Duration::from_secs(3)),
            LoadBalancer::After(delay) => Some(*delay),
            LoadBalancer::Never => None,
        }
    }
}
