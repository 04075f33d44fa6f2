//! What a failed wait says: what was wanted, what was seen last, why, and what to do. One screen, no more.

use super::explain::{Depth, Diagnosis, diagnose, held};
use super::follow::End;
use super::rules::Verdict;
use super::seen::Seen;
use super::trouble::Trouble;
use super::{Limits, Wait};
use crate::cluster::Cluster;
use crate::failure::{Failure, Kind};
use crate::plain;
use std::time::Duration;

/// How long looking for the cause may take.
const LOOKING: Duration = Duration::from_secs(10);
/// Lines between what was wanted and how the watching went: with the script line above and the hint below, all of it
/// fits on a screen of 25 lines.
const MOST_MIDDLE: usize = 8;
/// Lines of a terminal that all of it may fill, and those of them that the script line and its neighbours take.
const SCREEN: usize = 25;
const SNIPPET: usize = 6;
/// Characters of a line.
const MOST_TEXT: usize = 240;
/// Characters of a cause in the first line.
const MOST_CAUSE: usize = 180;
/// Characters of an event that says what a cause has said.
const MOST_REPEATED: usize = 100;
const MOST_CAUSES: usize = 3;
const MOST_OTHERS: usize = 3;
const LOG_LINES: usize = 3;

/// The failure of a group of waits, of which one has ended it.
pub(super) async fn failure(waits: &[Wait], seen: &mut [Seen], culprit: usize, end: End, limits: Limits) -> Failure {
    let (Some(wait), Some(of_culprit)) = (waits.get(culprit), seen.get_mut(culprit)) else {
        return Failure::internal("a wait ended that was not begun");
    };
    let (mut late, mut causes) = (false, Vec::new());
    let ended = wait.cluster.clock().now();
    let trouble = match end {
        End::Refused(failure) => return failure.on_cluster(wait.cluster.name()).about(wait.target.title()),
        End::Hopeless(trouble) => trouble,
        End::Vain(found) => {
            causes = found;
            None
        }
        End::Late | End::Done => {
            late = true;
            None
        }
    };
    look_around(wait, of_culprit, limits).await;
    let hopeless = !late || of_culprit.verdict.is_hopeless() && limits.fail_fast;
    if hopeless {
        of_culprit.give_up(ended);
    }
    let why = causes.first().or(trouble.as_ref().map(|trouble| &trouble.text));
    let message = message(wait, of_culprit, hopeless, why, limits);
    let kind = if causes.is_empty() { Kind::Timeout } else { Kind::Script };
    let failure = Failure::new(kind, message).on_cluster(wait.cluster.name()).about(wait.target.title());
    let others = others(waits, seen, culprit).collect();
    let Some(seen) = seen.get(culprit) else { return failure };
    let failure = failure.hint(hint(wait, seen, trouble.as_ref()));
    let mut details = details(wait, seen, trouble.as_ref(), &failure, others, ended).await;
    details.extend(causes.iter().skip(1).map(|cause| format!("cause    {cause}")));
    Failure { details, ..failure }
}

async fn look_around(wait: &Wait, seen: &mut Seen, limits: Limits) {
    let clock = wait.cluster.clock();
    let waited = clock.now().saturating_sub(seen.began);
    let looking = async {
        match &seen.object {
            Some(object) if wait.rule.want == "gone" => held(&wait.cluster, object).await,
            object => {
                diagnose(&wait.cluster, &wait.target, object.as_ref(), waited, &limits.graces, Depth::Search).await
            }
        }
    };
    if seen.answered
        && let Some(found) = clock.timeout(LOOKING, looking).await
    {
        seen.diagnosis = found;
    }
}

fn message(wait: &Wait, seen: &Seen, hopeless: bool, why: Option<&String>, limits: Limits) -> String {
    let want = &wait.rule.want;
    if hopeless && why.is_none() && seen.verdict == Verdict::Absent {
        return format!("did not appear within {}", span(limits.appear.unwrap_or(limits.timeout)));
    }
    if hopeless {
        let why = why.map_or_else(|| seen.verdict.text(), String::as_str);
        return format!("will not get {want} by itself: {}", plain::ends(why, MOST_CAUSE));
    }
    if !seen.answered {
        let trouble = seen.health().trouble;
        let why = trouble.as_ref().map_or("no answer", |failure| &failure.message);
        return format!("not known to be {want} after {}: {why}", span(limits.timeout));
    }
    format!("not {want} after {}: {}", span(limits.timeout), seen.verdict.text())
}

/// The lines below the script line of a failure that is whole but for them.
async fn details(
    wait: &Wait,
    seen: &Seen,
    trouble: Option<&Trouble>,
    failure: &Failure,
    others: Vec<String>,
    ended: Duration,
) -> Vec<String> {
    let mut lines =
        vec![format!("rule     {}", wait.rule.asks(seen.object.as_ref())), format!("have     {}", last_state(seen))];
    if !seen.history.is_empty() {
        let story = seen.history.iter().map(|(at, text)| format!("{} {text}", span(*at)));
        lines.push(format!("history  {}", plain::line(&story.collect::<Vec<_>>().join(" · "), 600)));
    }
    let Diagnosis { troubles, events, notes, .. } = &seen.diagnosis;
    let causes = trouble.into_iter().chain(troubles.iter().filter(|other| trouble.is_none_or(|t| t.key != other.key)));
    let causes: Vec<_> = causes.take(MOST_CAUSES).collect();
    let untold = causes.iter().filter(|cause| !failure.message.contains(&*cause.text));
    let mut middle: Vec<_> = untold.map(|cause| format!("cause    {}", plain::ends(&cause.text, MOST_TEXT))).collect();
    middle.extend(notes.iter().map(|note| format!("note     {}", plain::line(note, MOST_TEXT))));
    let crashed = causes.iter().find_map(|cause| cause.log_of.as_ref());
    if let (Some((pod, container)), Some(namespace)) = (crashed, &wait.target.namespace) {
        let log = last_words(&wait.cluster, namespace, pod, container).await;
        middle.extend(log.into_iter().map(|line| format!("log      {line}")));
    }
    middle.extend(news(events, &causes).into_iter().map(|event| format!("event    {event}")));
    middle.truncate(MOST_MIDDLE.saturating_sub(others.len()));
    let last = blindness(seen, ended);
    let around = lines.iter().chain(&others).chain([&last]).map(|line| rows(line)).sum::<usize>();
    let head = rows(&failure.to_string()) + failure.hint.as_deref().map_or(0, rows) + SNIPPET;
    let mut room = SCREEN.saturating_sub(around + head);
    // The first of them says most.
    lines.extend(middle.into_iter().enumerate().map_while(|(number, line)| {
        let fits = room.checked_sub(rows(&line));
        room = fits.unwrap_or_default();
        (number == 0 || fits.is_some()).then_some(line)
    }));
    lines.extend(others);
    lines.push(last);
    lines
}

/// How many lines of the terminal a line takes; one where there is none.
fn rows(line: &str) -> usize {
    // Lines stand behind a margin.
    const MARGIN: usize = 4;
    match plain::columns() {
        None => 1,
        Some(columns) if columns >= 110 => (line.chars().count() + MARGIN).div_ceil(columns),
        Some(columns) => plain::wrapped(line, columns.max(40) - MARGIN, "").lines().count(),
    }
}

/// Events without those that say again what a cause has said: one of them, cut, is enough to tell when.
fn news(events: &[String], causes: &[&Trouble]) -> Vec<String> {
    // The end of a long message says why.
    const TAIL: usize = 24;
    let repeats = |event: &str| {
        let said = event.rsplit_once(": Error: ").map_or(event, |(_, said)| said);
        let tail: String = said.chars().skip(said.chars().count().saturating_sub(TAIL)).collect();
        causes.iter().any(|cause| cause.text.contains(&tail))
    };
    let (old, new): (Vec<&String>, Vec<&String>) = events.iter().partition(|event| repeats(event));
    let old = old.first().map(|event| plain::line(event, MOST_REPEATED));
    new.into_iter().cloned().chain(old).collect()
}

fn last_state(seen: &Seen) -> String {
    let generation = seen.object.as_ref().and_then(|object| {
        let (generation, observed) =
            (object.int_at("metadata.generation")?, object.int_at("status.observedGeneration"));
        Some(match observed {
            Some(observed) if observed == generation => format!(", generation {generation} observed"),
            Some(observed) => format!(", generation {generation}, observed {observed}"),
            None => format!(", generation {generation}"),
        })
    });
    format!("{}{}", plain::ends(seen.verdict.text(), MOST_TEXT), generation.unwrap_or_default())
}

/// What tells a slow cluster from a wait that could not see.
fn blindness(seen: &Seen, ended: Duration) -> String {
    let health = seen.health();
    let ago = ended.saturating_sub(health.heard.unwrap_or(ended));
    let heard = match health.heard {
        Some(_) => format!("last heard {} ago", span(ago)),
        None => "nothing was ever heard".into(),
    };
    let trouble = health.trouble.as_ref().map(|failure| format!(", then: {}", plain::line(&failure.message, 200)));
    let polling = if health.polling { ", watching is refused" } else { "" };
    format!("watch    {heard}, {} reconnects{polling}{}", health.reconnects, trouble.unwrap_or_default())
}

fn others<'a>(waits: &'a [Wait], seen: &'a [Seen], culprit: usize) -> impl Iterator<Item = String> + 'a {
    let mut others: Vec<_> = (0..waits.len()).filter(|index| *index != culprit).collect();
    let done = others.iter().filter(|index| seen[**index].done).count();
    others.retain(|index| !seen[*index].done);
    let summary = (waits.len() > 1)
        .then(|| format!("others   {done} of {} other objects are {}", waits.len() - 1, waits[culprit].rule.want));
    let more = others.len().saturating_sub(MOST_OTHERS);
    let missing = others.into_iter().take(MOST_OTHERS).map(|index| {
        let (wait, seen) = (&waits[index], &seen[index]);
        format!(
            "also     {}: {}: {}",
            wait.cluster.name(),
            wait.target.title(),
            plain::ends(seen.verdict.text(), MOST_CAUSE)
        )
    });
    let rest = (more > 0).then(|| format!("also     {more} more"));
    summary.into_iter().chain(missing).chain(rest)
}

fn hint(wait: &Wait, seen: &Seen, trouble: Option<&Trouble>) -> String {
    let from_trouble = trouble.into_iter().chain(&seen.diagnosis.troubles).find_map(|trouble| trouble.hint.clone());
    if let Some(hint) = from_trouble {
        return hint;
    }
    match &seen.verdict {
        Verdict::Terminating(_) => return "wait until it is gone (`wait.gone`), then create it again".into(),
        Verdict::Replaced(_) => {
            return "the option `follow_replacement: true` goes on with the new object; see who deletes the old one"
                .into();
        }
        _ => {}
    }
    let deleting = seen.object.as_ref().is_some_and(|object| object.at("metadata.deletionTimestamp").is_some());
    match (&seen.object, &*wait.rule.want) {
        _ if !seen.answered => "the cluster did not answer: check that its API server can be reached".into(),
        (None, _) => "check the name and the namespace, and that whatever creates it has run; \
             the option `appear` waits longer"
            .into(),
        (Some(_), "gone") if !deleting => "delete it first".into(),
        (Some(_), "gone") => {
            let held = "remove what holds it; its controller, not you, should take the finalizer away";
            format!("{held}; look: {}", describe(wait))
        }
        _ => format!("give it more time with the option `timeout`, or look: {}", describe(wait)),
    }
}

/// The command that shows more.
fn describe(wait: &Wait) -> String {
    let namespace = wait.target.namespace.as_ref().map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
    let (kind, name) = (wait.target.resource.full_name(), &wait.target.name);
    format!("kubectl --context={}{namespace} describe {kind} {name}", wait.cluster.name())
}

/// The last lines of a container that has crashed.
async fn last_words(cluster: &Cluster, namespace: &str, pod: &str, container: &str) -> Vec<String> {
    let wanted = crate::cluster::stream::LogOptions {
        container: Some(container.to_owned()),
        tail: Some(LOG_LINES as i64),
        previous: true,
        ..Default::default()
    };
    let log = cluster.clock().timeout(LOOKING, cluster.logs(namespace, pod, &wanted)).await;
    log.and_then(|log| log.ok()).map(|log| plain::last_lines(&log, LOG_LINES)).unwrap_or_default()
}

/// A duration as scripts write it.
fn span(duration: Duration) -> String {
    let rounded = Duration::from_millis(duration.as_millis() as u64 / 100 * 100);
    match jiff::SignedDuration::try_from(rounded) {
        Ok(signed) => format!("{signed:#}"),
        Err(_) => format!("{rounded:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_say_what_the_cause_says_are_told_once() {
        let cause = Trouble {
            key: "k".into(),
            text: "pod p, container c: ErrImagePull: failed to pull and unpack image \"a/b:missing\": a/b:missing: not found".into(),
            hint: None,
            grace: None,
            log_of: None,
        };
        let event = |text: &str| format!("Warning Failed (x6, 12s ago) pod p: {text}");
        let why =
            format!("Failed to pull image: {}unpack image \"a/b:missing\": a/b:missing: not found", "long ".repeat(20));
        let events = [event("Error: ErrImagePull"), event(&why), event("Back-off restarting failed container")];
        let told = news(&events, &[&cause]);
        assert_eq!(told, [events[2].clone(), events[0].clone()]);
        let told = news(&events[1..2], &[&cause]);
        assert!(
            told.len() == 1 && told[0].starts_with("Warning Failed (x6, 12s ago)") && told[0].chars().count() <= 101
        );
    }
}
