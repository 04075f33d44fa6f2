//! The contexts that a job names, held against those there are: all that are wrong at once, before anything is sent.

use super::session::Job;
use crate::cluster::kubeconfig::Kubeconfigs;
use crate::engine::nearest;
use crate::failure::{Failure, Result};
use crate::object::Node;
use crate::script::Kind;

/// How many contexts are listed.
const LISTED: usize = 12;

/// Holds the job's clusters against the contexts of this kubeconfig.
///
/// # Errors
/// `Usage` with a line for each context that is not there.
pub(super) fn check(job: &Job, kubeconfig: &Kubeconfigs) -> Result<()> {
    let (named, known) = (named(job), kubeconfig.contexts());
    if named.is_empty() {
        return Ok(());
    }
    if known.is_empty() {
        return Err(kubeconfig.without_contexts());
    }
    let unknown = named.iter().filter(|(_, name)| !known.contains(name));
    let lines: Vec<String> = unknown.map(|(flag, name)| line(flag, name, &known)).collect();
    let files = kubeconfig.shown_files();
    let failure = match lines.as_slice() {
        [] => return Ok(()),
        [line] => Failure::usage(format!("{line} (in {files})")),
        lines => {
            let failure = Failure::usage(format!("{} contexts are not in {files}", lines.len()));
            failure.details(lines.iter().cloned())
        }
    };
    Err(failure.hint(listed(&known)))
}

/// The contexts that the parameters name, with the flags.
fn named(job: &Job) -> Vec<(String, String)> {
    let clusters = job.values.iter().filter(|(param, _)| matches!(param.kind, Kind::Cluster | Kind::Clusters));
    let named = clusters.flat_map(|(param, node)| {
        let texts = node.as_str().into_iter().chain(node.items().iter().filter_map(Node::as_str));
        texts.map(|text| (param.flag(), text.to_owned())).collect::<Vec<_>>()
    });
    named.filter(|(_, name)| !name.is_empty()).collect()
}

fn line(flag: &str, name: &str, known: &[String]) -> String {
    let meant = nearest(name, known.iter().map(String::as_str));
    let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    format!("{flag}: there is no context `{name}`{meant}")
}

fn listed(known: &[String]) -> String {
    let more = known.len().saturating_sub(LISTED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("there are: {}{more}", known.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", "))
}
