//! `undo`: takes a run back.

use crate::failure::{Failure, Kind, Result};
use crate::run::record;
use crate::run::screen::Style;
use crate::run::undo::{self, Action, Item, Plan, Standing};
use crate::run::{Job, Session};
use crate::script::{Header, Home, Needs, Script, Values};
use clap::Args;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

/// Arguments of `undo`.
#[derive(Args)]
pub struct Undo {
    /// The run: its id, the beginning of its id, or `last`
    #[arg(value_name = "RUN")]
    run: String,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
    /// The kubeconfig to use; the run's own when left out
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

impl Undo {
    /// Carries the command out.
    pub fn go(self, style: Style) -> Result<()> {
        let mut run = record::find(&record::folder(), &self.run)?;
        if !self.dry_run && !self.yes && !std::io::stdin().is_terminal() {
            return Err(Failure::usage(format!(
                "nobody is there to be asked whether run {} is to be taken back",
                run.id
            ))
            .hint(format!("look first: meshwright undo {0} --dry-run; then: meshwright undo {0} --yes", run.id)));
        }
        let job = job(&run.id, style);
        let session = Session::live(&job, self.kubeconfig.or_else(|| run.started.kubeconfig.clone()))?;
        for line in session.settle(&mut run)? {
            session.screen().line(&line);
        }
        let plan = undo::plan(&run);
        if self.dry_run || plan.items.is_empty() {
            return super::print(&shown(&run.id, &plan));
        }
        let items = untouched(&session, &run.id, plan.items.clone())?;
        eprintln!("{}", shown(&run.id, &plan));
        if !self.yes && !agreed()? {
            return Err(Failure::new(Kind::Cancelled, "nothing was taken back"));
        }
        let clusters = run.started.clusters.clone();
        session.recorded(&job, clusters, || {
            for item in &items {
                let cluster = session.cluster(&item.cluster)?;
                session.runtime().block_on(undo::carry_out(&cluster, item))?;
                session.screen().line(&format!("✓ {}", line(item)));
            }
            session.screen().summary(std::time::Duration::ZERO);
            Ok(())
        })
    }
}

/// The items that are still there.
///
/// # Errors
/// When somebody else has changed one since.
fn untouched(session: &Session, id: &str, items: Vec<Item>) -> Result<Vec<Item>> {
    let (mut there, mut changed) = (Vec::new(), Vec::new());
    for item in items {
        let cluster = session.cluster(&item.cluster)?;
        match session.runtime().block_on(undo::standing(&cluster, &item))? {
            Standing::Untouched => there.push(item),
            Standing::Gone => {}
            Standing::Changed(who) => changed.push((item, who)),
        }
    }
    if changed.is_empty() { Ok(there) } else { Err(undo::refused(id, &changed)) }
}

fn job(id: &str, style: Style) -> Job {
    let name = format!("undo {id}");
    let home = Home::Folder(std::env::current_dir().unwrap_or_default());
    let script = Script { name: name.clone(), source: name, text: String::new(), home };
    let header = Header { needs: Needs::typed().writing(), ..Header::default() };
    Job { script, header, values: Values::default(), style, stop_after: None }
}

fn agreed() -> Result<bool> {
    eprint!("Take it back? [y/N] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.map_err(|e| Failure::usage(format!("the answer cannot be read: {e}")))?;
    Ok(matches!(answer.trim(), "y" | "yes"))
}

fn line(item: &Item) -> String {
    let verb = if item.action == Action::Delete { "delete" } else { "restore" };
    format!("{verb:<8} {}: {}", item.cluster, item.object)
}

fn shown(id: &str, plan: &Plan) -> String {
    let mut lines = Vec::new();
    if !plan.lost.is_empty() {
        lines.push("This cannot be taken back:".to_owned());
        lines.extend(plan.lost.iter().map(|lost| format!("  ! {lost}")));
        lines.push(String::new());
    }
    if plan.items.is_empty() {
        lines.push(format!("Run {id} left nothing that could be taken back."));
        return lines.join("\n");
    }
    lines.push(format!("Taking back run {id}:"));
    for item in &plan.items {
        lines.push(format!("  {}", line(item)));
        if let Action::Restore(back) = &item.action {
            lines.push(format!("             {}", crate::plain::line(&back.to_string(), 100)));
        }
    }
    lines.join("\n")
}
