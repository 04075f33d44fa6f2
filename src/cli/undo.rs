//! `undo`: takes a run back.

use super::approve::{Answers, ask, confirm_production, is_somebody_there, show_beside};
use crate::failure::{Failure, Kind, Result};
use crate::process::quoted;
use crate::run::record::{self, History};
use crate::run::screen::Style;
use crate::run::undo::{self, Action, Item, Plan, Standing};
use crate::run::{Job, Session};
use crate::script::{Header, Home, Needs, Script, Values};
use clap::Args;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Arguments of `undo`.
#[derive(Args)]
pub struct Undo {
    /// The run: its id, the beginning of its id, or `last`, which passes over undos
    #[arg(value_name = "RUN")]
    run: String,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
    /// A context that looks like production and is meant all the same; repeat it for more
    #[arg(long, value_name = "CONTEXT")]
    confirm: Vec<String>,
    /// An object to leave as it is, `west:Deployment/shop/web`, in every cluster without its name; repeat it for more
    #[arg(long, value_name = "KIND/NAME")]
    except: Vec<String>,
    /// The kubeconfig to use; the run's own when left out
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

impl Undo {
    /// Carries the command out.
    pub fn go(self, style: Style) -> Result<()> {
        let mut run = record::find_to_undo(&record::folder(), &self.run)?;
        if !self.dry_run && !self.yes && !is_somebody_there() {
            return Err(unasked(&run.id));
        }
        let job = job(&run.id, style);
        let kubeconfig = self.kubeconfig.clone().or_else(|| run.started.kubeconfig.clone());
        let session = Session::live(&job, kubeconfig)?;
        session.same_clusters(&run, &run.changed_clusters())?;
        // A preview leaves everything as it is, the run's journal included.
        for line in session.settle(&mut run, !self.dry_run)? {
            session.screen().line(&line);
        }
        let mut plan = undo::plan(&run);
        plan.items = undo::without(plan.items, &self.except)?;
        if plan.items.is_empty() {
            return super::print(&format!("{}{}", shown(&run.id, &plan, &plan.items), earlier(&run)?));
        }
        if self.dry_run {
            return super::print(&preview(&session, &run.id, &plan)?);
        }
        let contexts: BTreeSet<String> = plan.items.iter().map(|item| item.cluster.clone()).collect();
        let contexts: Vec<String> = contexts.into_iter().collect();
        let items = untouched(&session, &run.id, plan.items.clone())?;
        if items.is_empty() {
            return super::print(&shown(&run.id, &plan, &items));
        }
        let text = shown(&run.id, &plan, &items);
        crate::plain::tell(&text);
        if !self.yes {
            show_beside(&text);
        }
        self.ask(&session, &contexts)?;
        session.recorded(&job, contexts, || self.take_back(&session, &run.id, &items))
    }

    fn take_back(&self, session: &Session, id: &str, items: &[Item]) -> Result<()> {
        for item in items {
            let cluster = session.cluster(&item.cluster)?;
            let taken = session.unless_interrupted(undo::carry_out(&cluster, item));
            taken.map_err(|failure| half(failure, &self.again(id)))?;
            session.screen().line(&format!("✓ {}", line(item, ["deleted", "restored"])));
        }
        let but = if self.except.is_empty() { String::new() } else { format!(", but for {}", self.except.join(", ")) };
        session.screen().line(&crate::plain::text(&format!("\nRun {id} is taken back{but}.")));
        Ok(())
    }

    /// The command that goes on with this one: what is left alone stays so.
    fn again(&self, id: &str) -> String {
        let kubeconfig = self.kubeconfig.iter().map(|file| ("--kubeconfig", file.to_string_lossy().into_owned()));
        let except = self.except.iter().map(|name| ("--except", name.clone()));
        let confirm = self.confirm.iter().map(|name| ("--confirm", name.clone()));
        let flags = except.chain(kubeconfig).chain(confirm).map(|(flag, value)| format!(" {flag} {}", quoted(&value)));
        format!("meshwright undo {id}{}", flags.collect::<String>())
    }

    fn ask(&self, session: &Session, contexts: &[String]) -> Result<()> {
        let answers = Answers { yes: self.yes, confirmed: self.confirm.clone(), widened: Vec::new() };
        if confirm_production(session, contexts, &answers, is_somebody_there())? || self.yes {
            return Ok(());
        }
        match ask(session, "Take it back? [y/N] ")?.to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Failure::new(Kind::Rights, "nothing was taken back: you did not say yes")),
        }
    }
}

/// The command for what an earlier run of the script has left: this one may only have gone on with it.
fn earlier(run: &History) -> Result<String> {
    let runs = record::all(&record::folder())?;
    let is_earlier = |other: &&History| {
        let same = other.started.script == run.started.script && other.undone().is_none();
        same && other.started.time < run.started.time && !undo::plan(other).items.is_empty()
    };
    let line = |other: &History| format!("\nAn earlier run of the script did: meshwright undo {} --dry-run", other.id);
    Ok(runs.iter().find(is_earlier).map(line).unwrap_or_default())
}

fn unasked(id: &str) -> Failure {
    Failure::usage(format!("nobody is there to be asked whether run {id} is to be taken back"))
        .hint(format!("look first: meshwright undo {id} --dry-run; then: meshwright undo {id} --yes"))
}

fn half(failure: Failure, again: &str) -> Failure {
    let again = crate::plain::text(&format!("what is done is done; to go on: {again}"));
    let hint = failure.hint.iter().map(String::as_str).chain([again.as_str()]).collect::<Vec<_>>().join("; ");
    Failure { hint: Some(hint), ..failure }
}

/// How each item stands now.
fn standings(session: &Session, items: Vec<Item>) -> Result<Vec<(Item, Standing)>> {
    let look = |item: Item| {
        let cluster = session.cluster(&item.cluster)?;
        let standing = session.unless_interrupted(undo::standing(&cluster, &item))?;
        Ok((item, standing))
    };
    items.into_iter().map(look).collect()
}

/// The items that are to be taken back.
///
/// # Errors
/// When somebody else has changed one since, or has something in it.
fn untouched(session: &Session, id: &str, items: Vec<Item>) -> Result<Vec<Item>> {
    let (mut there, mut stopped) = (Vec::new(), Vec::new());
    for (item, standing) in standings(session, items)? {
        match (standing.objection(), standing) {
            (Some(objection), _) => stopped.push((item, objection)),
            (None, Standing::Untouched) => there.push(item),
            _ => {}
        }
    }
    if stopped.is_empty() { Ok(there) } else { Err(undo::refused(id, &stopped)) }
}

fn job(id: &str, style: Style) -> Job {
    let name = format!("undo {id}");
    let home = Home::Folder(std::env::current_dir().unwrap_or_default());
    let script = Script { name: name.clone(), source: name, text: String::new(), home };
    let header = Header { needs: Needs::typed().writing(), ..Header::default() };
    Job::new(script, header, Values::default(), style)
}

fn line(item: &Item, verbs: [&str; 2]) -> String {
    let verb = if item.action == Action::Delete { verbs[0] } else { verbs[1] };
    let object = crate::plain::text(&format!("{}: {}", item.cluster, item.object));
    format!("{verb:<8} {object}{}", with_contents(item))
}

/// What goes with an object that is deleted, whoever has made it.
fn with_contents(item: &Item) -> &'static str {
    let kind = item.object.split(' ').next().unwrap_or_default();
    match (&item.action, kind) {
        (Action::Delete, "Namespace") => ", with everything in it",
        (Action::Delete, "CustomResourceDefinition") => ", with every object of its kind",
        _ => "",
    }
}

/// What an undo would do now.
fn preview(session: &Session, id: &str, plan: &Plan) -> Result<String> {
    let (mut there, mut notes) = (Vec::new(), Vec::new());
    for (item, standing) in standings(session, plan.items.clone())? {
        let object = format!("{}: {}", item.cluster, item.object);
        match standing {
            Standing::Restored => notes.push(format!("  {object} is taken back already")),
            Standing::Gone => notes.push(format!("  {object} is gone")),
            Standing::Untouched => there.push(item),
            stopped => {
                notes.extend(stopped.objection().map(|why| format!("  ! {object} {why}; that stops the undo")));
                there.push(item);
            }
        }
    }
    let mut lines = vec![shown(id, plan, &there)];
    if !notes.is_empty() {
        lines.extend(["\nAs the clusters stand:".to_owned()]);
        lines.extend(notes);
    }
    Ok(lines.join("\n"))
}

fn shown(id: &str, plan: &Plan, items: &[Item]) -> String {
    let mut lines = Vec::new();
    if !plan.lost.is_empty() {
        lines.push("This cannot be taken back:".to_owned());
        lines.extend(plan.lost.iter().map(|lost| format!("  ! {}", crate::plain::text(lost))));
        lines.push(String::new());
    }
    match (items.is_empty(), plan.items.is_empty()) {
        (true, true) => lines.push(format!("Run {id} left nothing that could be taken back.")),
        (true, false) => lines.push(format!("Run {id} is taken back already.")),
        _ => lines.push(format!("Taking back run {id}:")),
    }
    for item in items {
        lines.push(format!("  {}", line(item, ["delete", "restore"])));
        if let Action::Restore(restore) = &item.action {
            let former = fields("", &restore.back);
            let back = if former.is_empty() { "who owns its fields".to_owned() } else { former.join(", ") };
            lines.push(format!("             {}", crate::plain::line(&back, 100)));
        }
    }
    lines.join("\n")
}

/// The fields of a merge patch, as people read them: `data.a: "1"`, `no data.b`.
fn fields(path: &str, patch: &Value) -> Vec<String> {
    let Value::Object(entries) = patch else {
        return vec![if patch.is_null() { format!("no {path}") } else { format!("{path}: {patch}") }];
    };
    let below = |key: &String| match (path.is_empty(), key.contains(['.', '/'])) {
        (true, _) => key.clone(),
        (false, false) => format!("{path}.{key}"),
        (false, true) => format!("{path}[{key:?}]"),
    };
    entries.iter().flat_map(|(key, value)| fields(&below(key), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_goes_on_leaves_alone_what_this_one_does() {
        let undo = Undo {
            run: "last".into(),
            dry_run: false,
            yes: true,
            confirm: vec!["eu-prod".into()],
            except: vec!["east:ConfigMap/shop/a".into(), "Secret shop/b".into()],
            kubeconfig: Some("../of then".into()),
        };
        let expected = "meshwright undo abc1 --except east:ConfigMap/shop/a --except 'Secret shop/b' \
                        --kubeconfig '../of then' --confirm eu-prod";
        assert_eq!(undo.again("abc1"), expected);
    }

    #[test]
    fn what_a_cluster_called_an_object_moves_no_terminal() {
        let plan = Plan { lost: vec!["Pod a/\u{1b}[2Jb".into()], ..Plan::default() };
        let shown = shown("r1", &plan, &[]);
        assert!(shown.contains("Pod a/") && !shown.contains('\u{1b}'), "{shown:?}");
    }
}
