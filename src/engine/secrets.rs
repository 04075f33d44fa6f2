//! Secrets as script values: shown by name, compared, put together with text, never opened.

use super::types::shown;
use crate::secret::Secret;
use rhai::Engine;

/// Makes secrets known to scripts.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Secret>("Secret");
    shown::<Secret>(engine);
    engine.register_fn("==", |one: Secret, other: Secret| one == other);
    engine.register_fn("!=", |one: Secret, other: Secret| one != other);
    engine.register_fn("==", |one: Secret, other: &str| one.reveal() == other);
    engine.register_fn("!=", |one: Secret, other: &str| one.reveal() != other);
    engine.register_fn("==", |one: &str, other: Secret| one == other.reveal());
    engine.register_fn("!=", |one: &str, other: Secret| one != other.reveal());
    engine.register_fn("+", |one: Secret, other: &str| joined(&one, one.reveal(), other));
    engine.register_fn("+", |one: &str, other: Secret| joined(&other, one, other.reveal()));
    engine.register_fn("+", |one: Secret, other: Secret| joined(&one, one.reveal(), other.reveal()));
    engine.register_get("name", |secret: &mut Secret| secret.name().to_owned());
    engine.register_fn("is_empty", |secret: &mut Secret| secret.reveal().is_empty());
}

/// Text put together with a secret is a secret of the same name.
fn joined(secret: &Secret, one: &str, other: &str) -> Secret {
    Secret::new(secret.name(), format!("{one}{other}"))
}
