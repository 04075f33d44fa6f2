//! Secrets as script values: shown by name, put together with text, and compared by those who may use their content.

use super::types::shown;
use crate::failure::Failure;
use crate::secret::Secret;
use rhai::{Engine, EvalAltResult};

/// Makes secrets known to scripts.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Secret>("Secret");
    shown::<Secret>(engine);
    engine.register_fn("==", |one: Secret, other: Secret| same(&one, other.check_open(), other.reveal()));
    engine.register_fn("!=", |one: Secret, other: Secret| not(same(&one, other.check_open(), other.reveal())));
    engine.register_fn("==", |one: Secret, other: &str| same(&one, Ok(()), other));
    engine.register_fn("!=", |one: Secret, other: &str| not(same(&one, Ok(()), other)));
    engine.register_fn("==", |one: &str, other: Secret| same(&other, Ok(()), one));
    engine.register_fn("!=", |one: &str, other: Secret| not(same(&other, Ok(()), one)));
    compare::<i64>(engine);
    compare::<f64>(engine);
    compare::<bool>(engine);
    engine.register_fn("+", |one: Secret, other: &str| one.mapped(|content| format!("{content}{other}")));
    engine.register_fn("+", |one: &str, other: Secret| other.mapped(|content| format!("{one}{content}")));
    engine.register_fn("+", |one: Secret, other: Secret| joined(&one, &other));
    engine.register_get("name", |secret: &mut Secret| secret.name().to_owned());
    engine.register_fn("is_empty", |secret: &mut Secret| secret.reveal().is_empty());
}

/// Numbers and booleans of a secret text are secrets too.
fn compare<T: ToString + Clone + Send + Sync + 'static>(engine: &mut Engine) {
    engine.register_fn("==", |one: Secret, other: T| same(&one, Ok(()), &other.to_string()));
    engine.register_fn("!=", |one: Secret, other: T| not(same(&one, Ok(()), &other.to_string())));
    engine.register_fn("==", |one: T, other: Secret| same(&other, Ok(()), &one.to_string()));
    engine.register_fn("!=", |one: T, other: Secret| not(same(&other, Ok(()), &one.to_string())));
}

type Answer = Result<bool, Box<EvalAltResult>>;

/// Whether a secret has this content: to know that is to know it.
fn same(secret: &Secret, other_open: Result<(), Failure>, content: &str) -> Answer {
    secret.check_open()?;
    other_open?;
    Ok(secret.reveal() == content)
}

fn not(answer: Answer) -> Answer {
    answer.map(|same| !same)
}

/// Secrets put together are a secret with the name of the first.
fn joined(one: &Secret, other: &Secret) -> Secret {
    let whole = one.mapped(|content| format!("{content}{}", other.reveal()));
    if other.check_open().is_ok() { whole } else { whole.close() }
}
