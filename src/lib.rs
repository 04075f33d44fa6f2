//! meshwright gives Rhai scripts four primitives, **kube, secret, wait, exec**, and ships scripts that set up one
//! Istio mesh over several Kubernetes clusters.
//!
//! The building, from the door to the ground; arrows between the floors point down only, and a test holds them there:
//!
//! | module | what it is |
//! | --- | --- |
//! | [`cli`] | the commands: clap, the terminal, exit codes |
//! | [`repl`] | the prompt: scripts a line at a time |
//! | [`doc`] | what there is to call, as people and editors read it |
//! | [`run`] | one run of a script: session, steps, report |
//! | [`script`] | what a script is before it runs: header, parameters, bundle |
//! | [`primitives`] | everything a script can call: one table per namespace object |
//! | [`engine`] | Rhai, configured: values, `step`, `parallel`, errors with places |
//! | [`recording`] | the traffic of a run in a file, and its replay |
//! | [`cluster`] | a Kubernetes cluster: requests, layers, apply, waits |
//! | [`process`] | local programs |
//! | [`rehearsal`] | Kubernetes API servers in memory |
//! | [`object`], [`secret`], [`grant`], [`clock`], [`failure`], [`plain`], [`content`], [`output`], [`here`], [`guardian`], [`terminal`] | what everything stands on |

pub mod cli;
pub mod clock;
pub mod cluster;
pub mod content;
pub mod doc;
pub mod engine;
pub mod failure;
pub mod grant;
pub mod guardian;
pub mod here;
pub mod object;
pub mod output;
pub mod plain;
pub mod primitives;
pub mod process;
pub mod recording;
pub mod rehearsal;
pub mod repl;
pub mod run;
pub mod script;
pub mod secret;
pub mod terminal;
