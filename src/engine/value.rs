//! Between Rhai's values and trees.

use crate::failure::Result;
use crate::object::Node;
use rhai::Dynamic;

/// The tree of a script value: Object, map, array, text, number, Secret.
///
/// # Errors
/// For values that have no tree, such as closures and clusters.
pub fn to_node(value: &Dynamic) -> Result<Node> {
    todo!()
}

/// The script value of a tree: scalars become Rhai's own, lists and maps become Objects.
pub fn from_node(node: &Node) -> Dynamic {
    todo!()
}

/// What scripts call this value's type: `string`, `int`, `map`, `Object`, `Cluster`, ….
pub fn type_name(value: &Dynamic) -> &'static str {
    todo!()
}
