//! `undo`: takes a run back.

use super::approve::{Answers, ask, confirm_production, is_somebody_there, show_beside};
use crate::failure::{Failure, Kind, Result};
use crate::process::quoted;
use crate::run::record::{self, History};
use crate::run::screen::Style;
use crate::run::undo::{self, Action, Item, Plan, Standing, Taken};
use crate::run::{Job, Session};
use crate::script::{Header, Home, Needs, Script, Values};
use clap::Args;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

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
    /// How long to wait until what is deleted is gone, all of it together
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    timeout: Duration,
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
        let is_lost = plan.items.is_empty() && !plan.lost.is_empty();
        plan.items = undo::without(plan.items, &self.except)?;
        if plan.items.is_empty() {
            super::print(&format!("{}{}", shown(&run.id, &plan, &Left::default()), earlier(&run)?))?;
            return if is_lost { Err(lost(&run.id, &plan)) } else { Ok(()) };
        }
        if self.dry_run {
            return preview(&session, &run.id, &plan);
        }
        let contexts: BTreeSet<String> = plan.items.iter().map(|item| item.cluster.clone()).collect();
        let contexts: Vec<String> = contexts.into_iter().collect();
        let left = Left::untouched(standings(&session, plan.items.clone())?, &run.id)?;
        let text = shown(&run.id, &plan, &left);
        if left.items.is_empty() {
            super::print(&text)?;
            return self.see_off(&session, &run.id, &left.going);
        }
        crate::plain::tell(&text);
        if !self.yes {
            show_beside(&text);
        }
        self.ask(&session, &contexts)?;
        session.recorded(&job, contexts, || self.take_back(&session, &run.id, left, plan.lost.len()))
    }

    fn take_back(&self, session: &Session, id: &str, left: Left, lost: usize) -> Result<()> {
        let mut going = left.going;
        for item in left.items {
            let cluster = session.cluster(&item.cluster)?;
            let taken = session.unless_interrupted(undo::carry_out(&cluster, &item));
            match taken.map_err(|failure| half(failure, &self.again(id)))? {
                Taken::Going => going.push(item),
                Taken::Done => session.screen().line(&done(&item)),
            }
        }
        self.see_off(session, id, &going)?;
        let lost = (lost > 0).then(|| "what cannot be, as said above".to_owned());
        let but = self.except.iter().cloned().chain(lost).collect::<Vec<_>>().join(", ");
        let but = if but.is_empty() { but } else { format!(", but for {but}") };
        session.screen().line(&crate::plain::text(&format!("\nRun {id} is taken back{but}.")));
        Ok(())
    }

    /// Returns when what is being deleted is gone.
    fn see_off(&self, session: &Session, id: &str, going: &[Item]) -> Result<()> {
        if going.is_empty() {
            return Ok(());
        }
        going.iter().for_each(|item| session.screen().line(&format!("  {}", line(item, ["going"; 2]))));
        let most = jiff::SignedDuration::try_from(self.timeout).unwrap_or_default();
        session.screen().line(&format!("  waiting until it is gone, {most:#} at most"));
        let clusters =
            going.iter().map(|item| Ok((session.cluster(&item.cluster)?, item))).collect::<Result<Vec<_>>>()?;
        let gone = session.unless_interrupted(undo::gone(&clusters, self.timeout));
        gone.map_err(|failure| half(failure, &self.again(id)))?;
        going.iter().for_each(|item| session.screen().line(&done(item)));
        Ok(())
    }

    /// The command that goes on with this one: what is left alone stays so.
    fn again(&self, id: &str) -> String {
        let kubeconfig = self.kubeconfig.iter().map(|file| ("--kubeconfig", file.to_string_lossy().into_owned()));
        let except = self.except.iter().map(|name| ("--except", name.clone()));
        let confirm = self.confirm.iter().map(|name| ("--confirm", name.clone()));
        let longer = (self.timeout != PATIENCE).then(|| ("--timeout", format!("{}s", self.timeout.as_secs().max(1))));
        let flags = except
            .chain(kubeconfig)
            .chain(confirm)
            .chain(longer)
            .map(|(flag, value)| format!(" {flag} {}", quoted(&value)));
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

/// How long it waits when nothing else is said.
const PATIENCE: Duration = Duration::from_mins(2);

/// A duration as scripts write it.
fn duration(text: &str) -> Result<Duration, String> {
    crate::engine::duration(text).map_err(|failure| failure.message)
}

/// The failure of an undo that cannot take back anything of what the run did.
fn lost(id: &str, plan: &Plan) -> Failure {
    let count = if plan.lost.len() == 1 { "1 change".to_owned() } else { format!("{} changes", plan.lost.len()) };
    Failure::new(Kind::Script, format!("nothing of run {id} can be taken back: {count}"))
        .hint(format!("set it right by hand; what the run did: meshwright show-run {id}"))
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

/// What is left to be done.
#[derive(Default)]
struct Left {
    /// What is to be taken back.
    items: Vec<Item>,
    /// What is being deleted already.
    going: Vec<Item>,
}

impl Left {
    /// # Errors
    /// When somebody else has changed an object since, or has something in it.
    fn untouched(standings: Vec<(Item, Standing)>, id: &str) -> Result<Left> {
        let (mut left, mut stopped) = (Left::default(), Vec::new());
        for (item, standing) in standings {
            match (standing.objection(), standing) {
                (Some(objection), _) => stopped.push((item, objection)),
                (None, Standing::Untouched) => left.items.push(item),
                (None, Standing::Going) => left.going.push(item),
                _ => {}
            }
        }
        if stopped.is_empty() { Ok(left) } else { Err(undo::refused(id, &stopped)) }
    }
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

fn done(item: &Item) -> String {
    format!("✓ {}", line(item, ["deleted", "restored"]))
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

/// Shows what an undo would do now.
///
/// # Errors
/// When others have done what would stop it.
fn preview(session: &Session, id: &str, plan: &Plan) -> Result<()> {
    let standings = standings(session, plan.items.clone())?;
    let those = |is: fn(&Standing) -> bool| {
        standings.iter().filter(|(_, standing)| is(standing)).map(|(item, _)| item.clone()).collect::<Vec<_>>()
    };
    let items = those(|standing| *standing == Standing::Untouched || standing.objection().is_some());
    let left = Left { items, going: those(|standing| *standing == Standing::Going) };
    let mut lines = vec![shown(id, plan, &left)];
    let notes: Vec<String> = standings.iter().filter_map(|(item, standing)| stands(item, standing)).collect();
    if !notes.is_empty() {
        lines.extend(["\nAs the clusters stand:".to_owned()]);
        lines.extend(notes);
    }
    super::print(&lines.join("\n"))?;
    Left::untouched(standings, id).map(drop)
}

/// A line for an object that is not as the run left it.
fn stands(item: &Item, standing: &Standing) -> Option<String> {
    let object = crate::plain::text(&format!("{}: {}", item.cluster, item.object));
    match standing {
        Standing::Untouched => None,
        Standing::Restored => Some(format!("  {object} is taken back already")),
        Standing::Going => Some(format!("  {object} is being deleted")),
        Standing::Gone => Some(format!("  {object} is gone")),
        stopped => Some(format!("  ! {object} {}; that stops the undo", stopped.objection()?)),
    }
}

fn shown(id: &str, plan: &Plan, left: &Left) -> String {
    let mut lines = Vec::new();
    if !plan.lost.is_empty() {
        lines.push("This cannot be taken back:".to_owned());
        lines.extend(plan.lost.iter().map(|lost| format!("  ! {}", crate::plain::text(lost))));
        lines.push(String::new());
    }
    match (left.items.is_empty(), plan.items.is_empty()) {
        (true, _) if !left.going.is_empty() => {
            lines.push(format!("Run {id} is taken back, but for what the cluster is still deleting."));
        }
        (true, true) => lines.push(format!("Run {id} left nothing that could be taken back.")),
        (true, false) => lines.push(format!("Run {id} is taken back already.")),
        _ => lines.push(format!("Taking back run {id}:")),
    }
    for item in &left.items {
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
            timeout: Duration::from_mins(30),
            except: vec!["east:ConfigMap/shop/a".into(), "Secret shop/b".into()],
            kubeconfig: Some("../of then".into()),
        };
        let expected = "meshwright undo abc1 --except east:ConfigMap/shop/a --except 'Secret shop/b' \
                        --kubeconfig '../of then' --confirm eu-prod --timeout 1800s";
        assert_eq!(undo.again("abc1"), expected);
    }

    #[test]
    fn what_a_cluster_called_an_object_moves_no_terminal() {
        let plan = Plan { lost: vec!["Pod a/\u{1b}[2Jb".into()], ..Plan::default() };
        let shown = shown("r1", &plan, &Left::default());
        assert!(shown.contains("Pod a/") && !shown.contains('\u{1b}'), "{shown:?}");
    }
}
