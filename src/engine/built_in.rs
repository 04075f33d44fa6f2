//! The functions that Rhai and the engine bring, beside the tables of primitives.

use rhai::Engine;

/// One of them.
pub(super) struct BuiltIn {
    pub name: String,
    /// The types of its parameters in short, the receiver first.
    pub params: Vec<String>,
    /// How many arguments it takes, the receiver counted.
    pub count: usize,
}

/// Everything that an engine has registered.
pub(super) fn functions(engine: &Engine) -> Vec<BuiltIn> {
    let of = |info: rhai::FuncInfo| {
        let known = info.metadata;
        let params = known.params_info.iter().map(|param| in_short(param)).collect();
        Some(BuiltIn { name: known.name.to_string(), params, count: known.num_params })
    };
    engine.collect_fn_metadata(None, of, true)
}

/// `array: &mut Array` as `array`.
fn in_short(param: &str) -> String {
    let kind = param.rsplit_once(": ").map_or(param, |(_, kind)| kind);
    match kind.trim_start_matches("&mut ").rsplit("::").next().unwrap_or(kind) {
        "Dynamic" | "?" => "any".into(),
        "FnPtr" | "Fn" => "closure".into(),
        "ImmutableString" | "String" | "&str" | "str" => "string".into(),
        "INT" | "i64" => "int".into(),
        "FLOAT" | "f64" => "float".into(),
        "Object" => "Object".into(),
        other => other.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_known_by_name_types_and_count() {
        let all = functions(&Engine::new());
        let pad = all.iter().find(|known| known.name == "pad" && known.params[0] == "array").expect("Rhai's own");
        assert_eq!((pad.params[1].as_str(), pad.count), ("int", 3));
    }
}
