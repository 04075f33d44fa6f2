//! Modules that stand in for shipped ones: they must have what others call.

use crate::failure::{Failure, Place};
use crate::script::bundle;
use crate::script::outline::Outline;

/// What a file that stands in for `std:NAME` lacks of what the shipped scripts and modules call.
pub fn lacking(source: &str, text: &str, module: &str) -> Vec<Failure> {
    let Some(shipped) = bundle::library(module) else { return Vec::new() };
    let has = |text: &str| {
        Outline::of(text)
            .functions
            .into_iter()
            .filter(|function| !function.private)
            .map(|function| (function.name, function.params))
            .collect::<Vec<_>>()
    };
    let own = has(text);
    let lacks = |name: &str, count: usize| !own.iter().any(|(other, params)| other == name && params.len() == count);
    let wanted = has(shipped).into_iter().filter(|(name, params)| lacks(name, params.len()) && is_called(module, name));
    let place = || Place { source: source.to_owned(), line: 1, column: 1 };
    let told = wanted.map(|(name, params)| {
        let failure =
            Failure::usage(format!("this stands in for std:{module}, and lacks its `{name}({})`", params.join(", ")))
                .hint(format!(
                    "hand it on: `import \"std:{module}\" as shipped; fn {name}({0}) {{ shipped::{name}({0}) }}`",
                    params.join(", ")
                ));
        Failure { places: vec![place()], ..failure }
    });
    told.collect()
}

/// Whether a shipped script or module calls this function of a shipped module.
fn is_called(module: &str, function: &str) -> bool {
    let path = format!("std:{module}");
    let libraries = bundle::library_names().into_iter().filter_map(|name| bundle::library(&name));
    let scripts = bundle::bundled_names().into_iter().filter_map(|name| bundle::bundled(&name));
    libraries.chain(scripts).any(|text| {
        let imports = Outline::of(text).imports;
        imports.iter().any(|import| import.path == path && text.contains(&format!("{}::{function}(", import.name)))
    })
}
