//! Kubernetes API servers in memory: what kube-rs, kubectl and the scripts see is what a real one would show.
//!
//! A [`World`] has one clock and one [`Server`] per cluster. What the software inside the pods would do is not known
//! here: a [`Behaviour`] decides it from the state of all clusters.
//!
//! | file | what it is |
//! | --- | --- |
//! | `world`, `server`, `behaviour`, `logged` | what others use: all clusters, one cluster, what pods do, what was asked |
//! | `store`, `metadata`, `defaults`, `complete`, `conversions`, `allocation`, `account`, `moved` | objects, and what the server itself writes into them |
//! | `validation`, `typed`, `names`, `rules`, `fixed`, `schedule`, `admission` | what it refuses |
//! | `managed` | who owns which field |
//! | `kinds`, `built_in`, `custom`, `api_services`, `discovery`, `openapi`, `schemas` | which kinds there are, and how clients learn about them |
//! | `access` | who asks, and what they may |
//! | `transport`, `listen`, `call`, `protobuf`, `router`, `reply`, `status` | HTTP: the way in, and the way out |
//! | `create`, `read`, `update`, `patch`, `delete`, `watch`, `subresources`, `put` | one file per verb; the way past the API |
//! | `table`, `columns`, `cells`, `pod_row`, `selectors` | what lists show and leave out |
//! | `identity`, `authority`, `addresses`, `dial`, `calendar`, `furniture` | certificates, tokens, networks, the date and first objects of a cluster |
//! | `controllers`, `pods`, `faults`, `cut` | what controllers and kubelets do; what goes wrong on demand, on the way and to a client |

mod access;
mod account;
mod addresses;
mod admission;
mod allocation;
mod api_services;
mod authority;
mod behaviour;
mod built_in;
mod calendar;
mod call;
mod cells;
mod columns;
mod complete;
mod controllers;
mod conversions;
mod create;
mod custom;
mod cut;
mod defaults;
mod delete;
mod dial;
mod discovery;
mod faults;
pub mod fields;
mod fixed;
mod furniture;
mod identity;
mod kinds;
#[cfg(test)]
mod kubectl;
mod listen;
mod logged;
mod managed;
mod metadata;
mod moved;
mod names;
mod openapi;
mod patch;
mod pod_row;
mod pods;
mod protobuf;
mod put;
mod quota;
mod read;
#[cfg(test)]
mod real;
mod reply;
mod router;
mod rules;
mod schedule;
mod schemas;
mod selectors;
mod server;
mod status;
mod store;
mod structural;
mod subresources;
mod table;
#[cfg(test)]
mod tests;
mod transport;
mod tree;
mod typed;
mod update;
mod validation;
mod watch;
mod world;

pub use addresses::Addresses;
pub use behaviour::{Answer, Behaviour, Inert};
pub use controllers::LoadBalancer;
pub use cut::{Cut, Point};
pub use faults::{Effect, Fault, Faults};
pub use logged::Logged;
pub use server::{Change, Server};
pub use transport::{ReplyBody, Transport};
pub use world::World;

/// The Kubernetes version that servers say they are.
pub(crate) const VERSION: &str = "v1.34.4";
