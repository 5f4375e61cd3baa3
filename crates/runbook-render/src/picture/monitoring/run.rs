//! The newest run, as the monitoring report shows it.

use std::collections::BTreeSet;

use runbook_core::{ReleaseId, Report, ServiceId, ServiceRow, StageRow, Verdict};

use super::model::{NewestRunPicture, ReleasePicture, StepPicture};
use crate::{
    escape,
    picture::{
        Detail,
        build::{LONGEST_URL, or_unknown, rollback, stage},
        model::VerdictPicture,
    },
    text::{count, length, shorten},
    words,
};

/// The picture of a run.
pub(super) fn newest_run(run: &Report, rows: &[ServiceRow], detail: &Detail) -> NewestRunPicture {
    let short = |text: &str| shorten(text, detail.text);
    let more = |number: usize, one: &str, many: &str| {
        let hidden = number.saturating_sub(detail.list);
        (hidden > 0).then(|| format!("… and {}", count(hidden, one, many)))
    };
    let services: BTreeSet<_> = run.releases.before.keys().chain(run.releases.after.keys()).collect();
    NewestRunPicture {
        id: run.run.to_string(),
        action: run.action.to_string(),
        actor: or_unknown(short(&run.actor)),
        trigger: or_unknown(short(&run.trigger)),
        branch: run.branch.as_deref().map(short).filter(|branch| !branch.is_empty()),
        commit: run.commit.as_ref().map(|commit| short(commit.as_str())),
        started_at: words::moment(run.started_at),
        took: words::span(run.elapsed_ms),
        verdict: VerdictPicture {
            sign: words::verdict_sign(run.verdict).to_owned(),
            phrase: words::verdict_phrase(run.verdict).to_owned(),
            reason: run.verdict_reason.as_deref().map(short).filter(|reason| !reason.is_empty()),
        },
        class: verdict_class(run.verdict).to_owned(),
        stages: run.stages.iter().take(detail.list).map(|row| step(row, detail)).collect(),
        more_stages: more(run.stages.len(), "more stage", "more stages"),
        rollback: run.rollback.as_ref().map(|row| rollback(row, detail)),
        rollback_reason: run.rollback.as_ref().map(|row| or_unknown(short(&row.reason))),
        releases: services.iter().take(detail.list).map(|id| release(run, id, rows, detail)).collect(),
        more_releases: more(services.len(), "more service", "more services"),
        told: run
            .notifications
            .iter()
            .take(detail.list)
            .map(|row| short(&format!("{}: {}", row.to, row.outcome)))
            .collect(),
        issue: run.issue.as_ref().map(|issue| format!("#{}", issue.number)),
        issue_url: run
            .issue
            .as_ref()
            .and_then(|issue| escape::web_url(&issue.url))
            .filter(|url| length(url) <= LONGEST_URL),
    }
}

fn step(row: &StageRow, detail: &Detail) -> StepPicture {
    let class = match row.outcome.as_str() {
        "passed" => "good",
        "warned" => "warn",
        "blocked" | "failed" => "bad",
        _ => "none",
    };
    StepPicture { stage: stage(row, detail), class: class.to_owned() }
}

fn release(run: &Report, id: &ServiceId, rows: &[ServiceRow], detail: &Detail) -> ReleasePicture {
    let name = rows.iter().find(|row| row.id == *id).map_or(id.as_str(), |row| row.name.as_str());
    let before = run.releases.before.get(id).and_then(Option::as_ref);
    let after = run.releases.after.get(id).and_then(Option::as_ref);
    let word = |release: Option<&ReleaseId>| {
        release.map_or_else(|| words::UNKNOWN.to_owned(), |release| shorten(release.as_str(), detail.text))
    };
    ReleasePicture {
        service: or_unknown(shorten(name, detail.text)),
        before: word(before),
        after: word(after),
        changed: before.zip(after).is_some_and(|(before, after)| before != after),
    }
}

fn verdict_class(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Succeeded) => "good",
        Some(Verdict::RolledBack | Verdict::Aborted | Verdict::Blocked) => "warn",
        Some(Verdict::Failed | Verdict::NeedsOperator) => "bad",
        None => "none",
    }
}
