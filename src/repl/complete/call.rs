//! What stands before the cursor: the call that it is in, and what that is called on.

use crate::script::lexer::{Piece, What};

/// A call that the cursor is in.
pub(super) struct CallAt<'t> {
    /// The pieces of what it is called on; empty for a plain function.
    pub receiver: &'t [Piece<'t>],
    pub name: &'t str,
    /// The texts given before the cursor's argument, by place; `None` for what is no text.
    pub given: Vec<Option<&'t str>>,
    /// The key of the map that the cursor is in, and whether the cursor stands behind it.
    pub in_map: bool,
    pub key: Option<&'t str>,
}

/// The pieces of the expression that ends here: `a.b[0].c("x")`.
pub(super) fn receiver<'p, 't>(code: &'p [Piece<'t>]) -> &'p [Piece<'t>] {
    let mut depth = 0_i32;
    let mut start = code.len();
    let mut wants_operand = true;
    while let Some(piece) = start.checked_sub(1).map(|at| code[at]) {
        match piece.what {
            What::Symbol(')' | ']') => depth += 1,
            What::Symbol('(' | '[') if depth > 0 => depth -= 1,
            What::Symbol('(' | '[') => break,
            _ if depth > 0 => {}
            What::Word(_) | What::Text(_) if !wants_operand => break,
            What::Word(_) | What::Text(_) => wants_operand = false,
            What::Symbol('.') => wants_operand = true,
            What::Symbol('?') if start < code.len() && code[start].what == What::Symbol('.') => {}
            _ => break,
        }
        if depth == 0 && matches!(piece.what, What::Symbol('[' | '(')) {
            wants_operand = true;
        }
        start -= 1;
    }
    &code[start..]
}

/// The bracket that opens what the last piece closes.
pub(super) fn mate(code: &[Piece<'_>]) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, piece) in code.iter().enumerate().rev() {
        match piece.what {
            What::Symbol(')' | ']' | '}') => depth += 1,
            What::Symbol('(' | '[' | '{') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The innermost call whose arguments the end of these pieces is in.
pub(super) fn call_at<'t>(code: &'t [Piece<'t>]) -> Option<CallAt<'t>> {
    let (mut depth, mut map_from) = (0_i32, None);
    for (at, piece) in code.iter().enumerate().rev() {
        match piece.what {
            What::Symbol(')' | ']' | '}') => depth += 1,
            What::Symbol('{')
                if depth == 0 && at > 0 && code[at - 1].what == What::Symbol('#') && map_from.is_none() =>
            {
                map_from = Some(at + 1)
            }
            What::Symbol('{' | '[') if depth == 0 => return None,
            What::Symbol('(') if depth == 0 => return call_from(code, at, map_from),
            What::Symbol('(' | '[' | '{') => depth -= 1,
            _ => {}
        }
    }
    None
}

pub(super) fn call_from<'t>(code: &'t [Piece<'t>], open: usize, map_from: Option<usize>) -> Option<CallAt<'t>> {
    let What::Word(name) = code.get(open.checked_sub(1)?)?.what else { return None };
    let before = &code[..open - 1];
    let receiver = match before.last().map(|piece| piece.what) {
        Some(What::Symbol('.')) => receiver(&before[..before.len() - 1]),
        _ => &[],
    };
    let until = map_from.map_or(code.len(), |at| at - 2);
    let key = map_from.and_then(|from| match code.get(from..)? {
        [.., key, colon] if colon.what == What::Symbol(':') => match key.what {
            What::Word(key) | What::Text(key) => Some(key),
            _ => None,
        },
        _ => None,
    });
    Some(CallAt { receiver, name, given: given(&code[open + 1..until.max(open + 1)]), in_map: map_from.is_some(), key })
}

/// The arguments that are complete.
pub(super) fn given<'t>(code: &[Piece<'t>]) -> Vec<Option<&'t str>> {
    let (mut depth, mut from, mut all) = (0_i32, 0, Vec::new());
    for (at, piece) in code.iter().enumerate() {
        match piece.what {
            What::Symbol('(' | '[' | '{') => depth += 1,
            What::Symbol(')' | ']' | '}') => depth -= 1,
            What::Symbol(',') if depth == 0 => {
                all.push(match &code[from..at] {
                    [only] => match only.what {
                        What::Text(text) => Some(text),
                        _ => None,
                    },
                    _ => None,
                });
                from = at + 1;
            }
            _ => {}
        }
    }
    all
}
