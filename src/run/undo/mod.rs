//! Taking a run back: what it created is deleted, what it changed gets its former fields and their former owners, in
//! reverse order; what somebody else has changed since is left alone.
//!
//! An undo that was interrupted can be repeated: what is as it was before the run is left as it is.

mod contents;
mod except;
mod gone;
mod owners;
mod plan;
mod standing;
mod taken;

pub use except::without;
pub use gone::gone;
pub use plan::{Action, Item, Plan, Restore, plan};
pub use standing::{Standing, refused, standing};
pub use taken::{Taken, carry_out};

/// Why nobody can go back to a cluster that is no context.
pub(super) const NOT_KEPT: &str = "the kubeconfig that the script connected with is not kept";

/// Software of clusters, of what they are made with and of the mesh, that goes on writing into objects it looks after.
const CONTROLLERS: &[&str] = &[
    "kube-controller-manager",
    "kube-apiserver",
    "kube-scheduler",
    "kubelet",
    "cloud-controller-manager",
    // Distributions that run the controllers in a program of their own, and their own controllers.
    "k3s",
    "k3s-supervisor",
    "rke2",
    "k0s",
    "kubelite",
    "openshift-controller-manager",
    "cluster-policy-controller",
    "service-ca-operator",
    "eks",
    "glbc",
    "calico-kube-controllers",
    "cilium-operator",
    "cilium-agent",
    "pilot-discovery",
    "istiod",
];

/// Whether this field manager is such software.
fn is_controller(manager: &str) -> bool {
    CONTROLLERS.contains(&manager) || manager.ends_with("-cloud-controller-manager")
}
