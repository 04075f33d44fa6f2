//! Waiting for objects.

pub mod rules;
