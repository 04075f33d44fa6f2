//! The rows of `runs`: one line for each, and two where the terminal is too narrow for that.

use crate::plain;
use crate::run::record::History;
use console::{measure_text_width, truncate_str};

const HEADER: [&str; 6] = ["RUN", "WHEN (UTC)", "SCRIPT", "CLUSTERS", "OUTCOME", "CHANGES"];
/// How narrow each column may get; 0 where it must be whole.
const LEAST: [usize; 6] = [0, 0, 15, 8, 0, 16];
const WHEN: usize = 1;
const SCRIPT: usize = 2;
const OUTCOME: usize = 4;
/// Between two columns.
const GAP: usize = 2;
/// Characters of a cell.
const LONG: usize = 200;

type Cells = [String; 6];

/// These runs, each line of no more than so many columns.
pub fn table(runs: &[History], width: Option<usize>) -> String {
    let width = width.unwrap_or(usize::MAX);
    let mut rows: Vec<Cells> = std::iter::once(HEADER.map(str::to_owned)).chain(runs.iter().map(cells)).collect();
    if total(&widths(&rows)) > width {
        rows.iter_mut().skip(1).for_each(|row| row[WHEN] = short(&row[WHEN]));
    }
    let lines = match fitting(widths(&rows), width) {
        Some(widths) => rows.iter().map(|row| line(row, &widths)).collect(),
        None => pairs(&rows),
    };
    lines.iter().map(|line| truncate_str(line.trim_end(), width, "…").into_owned()).collect::<Vec<_>>().join("\n")
}

fn cells(run: &History) -> Cells {
    let started = &run.started;
    let when = started.time.get(..19).unwrap_or(&started.time).replace('T', " ");
    [run.id.clone(), when, started.name(), started.clusters.join(", "), run.outcome(), run.totals()]
        .map(|cell| plain::line(&cell, LONG))
}

/// Month, day, hour and minute.
fn short(when: &str) -> String {
    when.get(5..16).unwrap_or(when).to_owned()
}

fn widths(rows: &[Cells]) -> [usize; 6] {
    std::array::from_fn(|column| rows.iter().map(|row| measure_text_width(&row[column])).max().unwrap_or_default())
}

fn total(widths: &[usize; 6]) -> usize {
    widths.iter().sum::<usize>() + GAP * (widths.len() - 1)
}

/// Narrower columns that fit, the widest narrowed first; nothing when too little would be left of them.
fn fitting(mut widths: [usize; 6], width: usize) -> Option<[usize; 6]> {
    while total(&widths) > width {
        let narrowable = (0..widths.len()).filter(|at| LEAST[*at] > 0 && widths[*at] > LEAST[*at]);
        let widest = narrowable.max_by_key(|at| widths[*at])?;
        widths[widest] -= 1;
    }
    Some(widths)
}

fn line(row: &Cells, widths: &[usize; 6]) -> String {
    let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
        let cell = if column == SCRIPT { name(cell, *width) } else { truncate_str(cell, *width, "…").into_owned() };
        let room = width.saturating_sub(measure_text_width(&cell));
        format!("{cell}{}", " ".repeat(room + GAP))
    });
    cells.collect()
}

/// A script's name, cut; of a path the end tells most.
fn name(name: &str, width: usize) -> String {
    let characters = name.chars().count();
    if !name.starts_with('/') || characters <= width {
        return truncate_str(name, width, "…").into_owned();
    }
    let tail: String = name.chars().skip(characters + 1 - width.max(1)).collect();
    format!("…{tail}")
}

/// When and how a run went in a first line, what it was and where in a second one.
fn pairs(rows: &[Cells]) -> Vec<String> {
    let widths = widths(rows);
    let pair = |row: &Cells| {
        let [id, when, script, clusters, outcome, changes] = row;
        let first = format!("{id:<0$}  {when:<1$}  {outcome:<2$}  {changes}", widths[0], widths[WHEN], widths[OUTCOME]);
        let file = script.rsplit('/').next().filter(|_| script.starts_with('/')).unwrap_or(script);
        [first, format!("  {file} on {clusters}")]
    };
    let [header, _] = rows.first().map(pair).unwrap_or_default();
    std::iter::once(header).chain(rows.iter().skip(1).flat_map(pair)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::{Finished, Started};

    fn run(script: &str, clusters: &[&str], outcome: &str) -> History {
        let started = Started {
            time: "2026-02-03T04:05:06.789Z".into(),
            script: script.into(),
            clusters: clusters.iter().map(|name| (*name).to_owned()).collect(),
            ..Started::default()
        };
        let finished = Finished { time: String::new(), outcome: outcome.into(), message: String::new() };
        History { id: "5ad0c1f2e3b4".into(), started, finished: Some(finished), ..History::default() }
    }

    fn runs() -> Vec<History> {
        let long = ["gke_shop-prod_europe-west1_mesh-east", "gke_shop-prod_europe-west1_mesh-west"];
        vec![
            run("shared-gateways", &long, "done"),
            run("/home/anna/projects/our-site/meshes/make-everything.rhai", &["east"], "stopped"),
        ]
    }

    #[test]
    fn every_line_fits_the_terminal() {
        for width in [20, 40, 60, 72, 80, 100, 140] {
            let table = table(&runs(), Some(width));
            let widest = table.lines().map(measure_text_width).max();
            assert!(widest <= Some(width), "{width}:\n{table}");
            assert!(width < 40 || table.contains("5ad0c1f2e3b4") && table.contains("stopped"), "{width}:\n{table}");
            assert!(width < 60 || table.contains("make-everything.rhai") || table.contains("ything.rhai"), "{table}");
        }
    }

    #[test]
    fn without_a_terminal_nothing_is_cut() {
        let table = table(&runs(), None);
        assert!(table.lines().count() == 3 && !table.contains('…'), "{table}");
        assert!(table.contains("2026-02-03 04:05:06  shared-gateways"), "{table}");
    }

    #[test]
    fn a_narrow_terminal_has_two_lines_for_each_run() {
        let table = table(&runs()[1..], Some(50));
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[1], "5ad0c1f2e3b4  02-03 04:05  stopped  unchanged");
        assert_eq!(lines[2], "  make-everything.rhai on east");
    }
}
