//! Lists of objects, or of maps alike, as tables cut to the width of the terminal.

use super::columns;
use crate::object::{Node, Object};
use console::measure_text_width;

/// More columns than these are easier to read as YAML.
const MOST_COLUMNS: usize = 8;

/// The items as a table; `None` when they have nothing in common.
pub fn table(items: &[Node], width: usize, now: jiff::Timestamp) -> Option<String> {
    let (header, rows) = columns::rows(items, now).or_else(|| alike(items))?;
    Some(aligned(&header, &rows).map(|line| cut(line.trim_end(), width)).collect::<Vec<_>>().join("\n"))
}

/// Lines of cells, each as wide as the widest of its column. There may be very many: nothing else is done to them.
fn aligned<'a>(header: &'a Vec<String>, rows: &'a [Vec<String>]) -> impl Iterator<Item = String> + 'a {
    let lines = std::iter::once(header).chain(rows);
    let widest = |column: usize| lines.clone().map(|cells| measure_text_width(&cells[column])).max();
    let widths: Vec<usize> = (0..header.len()).filter_map(widest).collect();
    lines.map(move |cells| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width + 2 - measure_text_width(cell)));
        }
        line
    })
}

/// Maps with the same few keys and simple values.
fn alike(items: &[Node]) -> Option<(Vec<String>, Vec<Vec<String>>)> {
    let keys: Vec<&str> = items.first()?.entries().iter().map(|(key, _)| &**key).collect();
    if keys.is_empty() || keys.len() > MOST_COLUMNS {
        return None;
    }
    let row = |item: &Node| {
        let same = item.entries().len() == keys.len();
        let cells: Option<Vec<String>> = keys.iter().map(|key| simple(item.get(key)?)).collect();
        cells.filter(|_| same)
    };
    let rows: Option<Vec<_>> = items.iter().map(row).collect();
    Some((keys.iter().map(|key| key.to_uppercase()).collect(), rows?))
}

/// A value that fits into a cell.
fn simple(node: &Node) -> Option<String> {
    match node {
        Node::Null => Some(String::new()),
        Node::Str(text) => Some(text.lines().next().unwrap_or_default().to_owned()),
        Node::Array(_) | Node::Map(_) => None,
        other => Some(Object::new(other.clone()).to_json()),
    }
}

fn cut(line: &str, width: usize) -> String {
    console::truncate_str(line, width.max(20), "…").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::yaml;

    fn shown(text: &str, width: usize) -> Option<String> {
        let node = yaml::parse_open(text).expect("yaml").remove(0);
        table(node.items(), width, "2026-01-01T00:10:00Z".parse().expect("time"))
    }

    #[test]
    fn objects_become_rows_cut_to_the_width() {
        let pods = "- {kind: Pod, metadata: {name: istiod-1, namespace: istio-system, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {nodeName: n1, containers: [{}]}, status: {phase: Running, containerStatuses: [{ready: true, restartCount: 2}]}}";
        let wanted = "NAMESPACE     NAME      READY  STATUS   RESTARTS  AGE  NODE\nistio-system  istiod-1  1/1    Running  2         10m  n1";
        assert_eq!(shown(pods, 100).as_deref(), Some(wanted));
        assert_eq!(shown(pods, 20).as_deref(), Some("NAMESPACE     NAME …\nistio-system  istio…"));
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let shown = shown("[{a: 豆豆豆豆豆豆豆豆豆豆豆豆, b: x}, {a: y, b: z}]", 20).expect("a table");
        assert!(shown.lines().all(|line| measure_text_width(line) <= 20), "{shown}");
    }

    #[test]
    fn maps_alike_become_rows_and_others_do_not() {
        assert_eq!(shown("[{a: 1, b: x}, {a: 2, b: z}]", 80).as_deref(), Some("A  B\n1  x\n2  z"));
        assert_eq!(shown("[{a: 1}, {b: 2}]", 80), None);
        assert_eq!(shown("[1, 2]", 80), None);
    }
}
