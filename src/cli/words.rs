//! Flags taken out of the words of a command line, before what is left is read as a script's parameters.

use crate::failure::{Failure, Result};
use crate::script::{Header, Kind};

/// Takes a flag without a value out of the words.
pub fn take_flag(words: &mut Vec<String>, flag: &str) -> bool {
    let before = words.len();
    words.retain(|word| word != flag);
    words.len() < before
}

/// Takes a flag of one letter out of the words, but where it is the value of a parameter.
pub fn take_short(words: &mut Vec<String>, flag: &str, header: &Header) -> bool {
    let wants_value = |word: &str| {
        let name = word.strip_prefix("--").unwrap_or_default().replace('-', "_");
        header.params.iter().any(|param| param.name == name && param.kind != Kind::Bool)
    };
    let is_flag = |at: usize| words[at] == flag && !(at > 0 && wants_value(&words[at - 1]));
    let found: Vec<usize> = (0..words.len()).filter(|at| is_flag(*at)).collect();
    found.iter().rev().for_each(|at| drop(words.remove(*at)));
    !found.is_empty()
}

/// Takes a flag and its value out of the words.
pub fn take_value(words: &mut Vec<String>, flag: &str) -> Result<Option<String>, String> {
    let joined = format!("{flag}=");
    let Some(at) = words.iter().position(|word| word == flag || word.starts_with(&joined)) else { return Ok(None) };
    let word = words.remove(at);
    if let Some(value) = word.strip_prefix(&joined) {
        return Ok(Some(value.to_owned()));
    }
    match words.get(at).is_some_and(|next| !next.starts_with("--")) {
        true => Ok(Some(words.remove(at))),
        false => Err(format!("{flag} lacks its value")),
    }
}

/// Takes every occurrence of a flag with its value out of the words.
pub fn take_values(words: &mut Vec<String>, flag: &str) -> Result<Vec<String>> {
    let mut values = Vec::new();
    while let Some(value) = take_value(words, flag).map_err(Failure::usage)? {
        values.push(value);
    }
    Ok(values)
}
