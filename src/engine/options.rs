//! The trailing options map of a call: typed reading with errors that name the option.

use crate::failure::{Failure, Result};
use crate::object::Object;
use rhai::{Dynamic, FnPtr, Map};
use std::time::Duration;

/// Options of one call.
#[derive(Clone, Default)]
pub struct Options {
    pub(super) primitive: String,
    pub(super) map: Map,
}

impl Options {
    /// The value of an option.
    pub fn get(&self, name: &str) -> Option<&Dynamic> {
        self.map.get(name).filter(|value| !value.is_unit())
    }

    /// A text option.
    pub fn str(&self, name: &str) -> Result<Option<String>> {
        self.read(name, "a string", |value| value.clone().into_string().ok())
    }

    /// A boolean option, false when left out.
    pub fn flag(&self, name: &str) -> Result<bool> {
        Ok(self.bool(name)?.unwrap_or(false))
    }

    /// A boolean option that may be missing.
    pub fn bool(&self, name: &str) -> Result<Option<bool>> {
        self.read(name, "true or false", |value| value.as_bool().ok())
    }

    /// A whole-number option.
    pub fn int(&self, name: &str) -> Result<Option<i64>> {
        self.read(name, "a whole number", |value| value.as_int().ok())
    }

    /// A duration option such as `"90s"`, `"5m"` or `"1h30m"`.
    pub fn duration(&self, name: &str) -> Result<Option<Duration>> {
        let Some(text) = self.read(name, "a duration such as \"90s\"", |value| value.clone().into_string().ok())?
        else {
            return Ok(None);
        };
        let named = |failure: Failure| Failure {
            message: format!("{}: option `{name}`: {}", self.primitive, failure.message),
            ..failure
        };
        duration(&text).map(Some).map_err(named)
    }

    /// A list of texts; a single text counts as a list of one.
    pub fn strings(&self, name: &str) -> Result<Vec<String>> {
        let texts = self.read(name, "a list of strings", |value| {
            if let Ok(text) = value.clone().into_string() {
                return Some(vec![text]);
            }
            let items = super::value::to_node(value).ok()?;
            items.items().iter().map(|item| item.as_str().map(str::to_owned)).collect()
        })?;
        Ok(texts.unwrap_or_default())
    }

    /// A closure.
    pub fn closure(&self, name: &str) -> Result<Option<FnPtr>> {
        self.read(name, "a closure", |value| value.clone().try_cast::<FnPtr>())
    }

    /// A map of any values.
    pub fn object(&self, name: &str) -> Result<Option<Object>> {
        self.read(name, "a map", |value| super::value::to_node(value).ok().map(Object::new))
    }

    fn read<T>(&self, name: &str, wanted: &str, read: impl Fn(&Dynamic) -> Option<T>) -> Result<Option<T>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let found =
            || format!("{}: option `{name}` must be {wanted}, not {}", self.primitive, super::value::type_name(value));
        read(value).map(Some).ok_or_else(|| Failure::usage(found()))
    }
}

/// More than anybody waits for, and little enough to be added to any time.
const LONGEST: Duration = Duration::from_hours(100 * 366 * 24);

/// The duration that a text such as `"90s"`, `"5m"`, `"1h30m"` or `"250ms"` names.
///
/// # Errors
/// When the text is none, with examples.
pub fn duration(text: &str) -> Result<Duration> {
    let parsed = text.parse::<jiff::SignedDuration>().ok().and_then(|d| Duration::try_from(d).ok());
    let parsed = parsed.ok_or_else(|| {
        Failure::usage(format!("`{text}` is not a duration")).hint("write a number and a unit: 500ms, 90s, 5m, 1h30m")
    })?;
    if parsed > LONGEST {
        return Err(Failure::usage(format!("`{text}` is longer than a hundred years")));
    }
    Ok(parsed)
}
