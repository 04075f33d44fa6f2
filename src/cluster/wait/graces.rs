//! How long each sign of trouble may last before a wait gives up on it.
//!
//! Image typos, missing Secrets and full quotas heal when somebody acts, often the same script a moment later. Each
//! grace counts from the first sighting; those for configuration and creation leave room for a pod to get that far, so
//! that the cause is told within twenty seconds of the wait's begin, and the slow ones within a minute.

use std::time::Duration;

/// The graces of one wait; scripts set each by an option of its name with `_grace` behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Graces {
    /// A registry that says that the image does not exist or may not be pulled; it must say so twice.
    pub image: Duration,
    /// An image that cannot be pulled for another reason: registries throttle, networks break.
    pub pull: Duration,
    /// A crash loop: sidecars that start before their control plane crash a few times.
    pub crash: Duration,
    /// A crash loop of this many restarts does not end by itself.
    pub crash_restarts: i64,
    /// A missing Secret or ConfigMap in a container's environment.
    pub config: Duration,
    /// A container that the node cannot start.
    pub container: Duration,
    /// A pod that fits no node.
    pub unschedulable: Duration,
    /// The same while the cluster adds nodes.
    pub scale_up: Duration,
    /// Pods that the API server refuses: quota, limits, admission.
    pub creation: Duration,
    /// A volume that cannot be mounted.
    pub mount: Duration,
    /// A volume that cannot be provisioned.
    pub provision: Duration,
    /// A load balancer that nobody provides, or that its controller cannot provide.
    pub balancer: Duration,
    /// How long a kind that reports its status may stay silent before existing is enough.
    pub status: Duration,
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Default for Graces {
    fn default() -> Graces {
        Graces {
            image: seconds(5),
            pull: seconds(90),
            crash: seconds(55),
            crash_restarts: 3,
            config: seconds(15),
            container: seconds(10),
            unschedulable: seconds(55),
            scale_up: seconds(600),
            creation: seconds(15),
            mount: seconds(50),
            provision: seconds(60),
            balancer: seconds(55),
            status: seconds(30),
        }
    }
}
