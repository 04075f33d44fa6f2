//! The same tests against a real kube-apiserver.
