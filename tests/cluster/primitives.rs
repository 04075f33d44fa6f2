//! The examples of `kube` and `Cluster`, each in a rehearsal of its own.
