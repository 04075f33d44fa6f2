//! The types that primitives bring to scripts, and the constants `kube`, `wait`, … they are called on.

use super::table::Outcome;
use rhai::{Dynamic, Engine, NativeCallContext};
use std::fmt::{self, Display};
use std::sync::Arc;

/// Answers `value.name` for a type's values.
pub(super) type Property = Arc<dyn Fn(&NativeCallContext, Dynamic, &str) -> Outcome + Send + Sync>;

/// A Rust type that scripts can hold, such as `Cluster`.
#[derive(Clone, Copy)]
pub struct Type {
    /// What scripts call it; the Rust type has the same name.
    pub name: &'static str,
    register: fn(&mut Engine, &'static str, Property),
}

impl Type {
    /// The type that tables call `name` in their `on` column; printing and interpolating shows its `Display` form.
    pub const fn of<T: Clone + Display + Send + Sync + 'static>(name: &'static str) -> Type {
        Type { name, register: register::<T> }
    }

    pub(super) fn register(&self, engine: &mut Engine, property: Property) {
        (self.register)(engine, self.name, property);
    }
}

fn register<T: Clone + Display + Send + Sync + 'static>(engine: &mut Engine, name: &'static str, property: Property) {
    engine.register_type_with_name::<T>(name);
    shown::<T>(engine);
    engine.register_indexer_get(move |context: NativeCallContext, value: &mut T, key: &str| {
        property(&context, Dynamic::from(value.clone()), key)
    });
}

/// Makes values of a type print and interpolate as their `Display` form.
pub(super) fn shown<T: Clone + Display + Send + Sync + 'static>(engine: &mut Engine) {
    for name in ["to_string", "print", "to_debug", "debug"] {
        engine.register_fn(name, |value: &mut T| value.to_string());
    }
}

/// A namespace object: the constant that a table's primitives are called on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Namespace(pub &'static str);

impl Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
