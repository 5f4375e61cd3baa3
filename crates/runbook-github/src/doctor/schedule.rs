//! The workflow that runs on a schedule: is it on, and did it run when it should have?
//!
//! GitHub starts scheduled runs late, leaves some out, and switches schedules off where nobody pushed for 60 days.

use jiff::{SignedDuration, Timestamp};
use runbook_core::Finding;
use tokio::time::Instant;

use super::{
    judge::{self, RUNS, SCHEDULE, WHY_SCHEDULE},
    wire::{Run, Runs, Workflow},
};
use crate::{api::Failure, connection::Connection};

/// The pause between two scheduled runs.
const EVERY: SignedDuration = SignedDuration::from_hours(6);
/// So late may a run be: as long as a measurement counts.
const LATE: SignedDuration = SignedDuration::from_hours(7);
/// Two runs in a row are missing.
const MISSING: SignedDuration = SignedDuration::from_hours(13);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How runs end that did their work, or are still at it.
const FINE: [&str; 3] = ["success", "neutral", "skipped"];

/// Looks at the workflow of this file name and at its newest scheduled runs.
pub(super) async fn look(connection: &Connection, file: &str, until: Instant) -> Vec<Finding> {
    let again = "runbook doctor, once more";
    if !file.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        let what = format!("{file:?} is no file name of a workflow");
        let mend = "set `workflow` in [status_issue] to a name such as ai-agent-handoff-runbook.yml";
        return vec![Finding::problem(SCHEDULE, what, WHY_SCHEDULE, mend)];
    }
    let path = format!("{}/actions/workflows/{file}", connection.repository.path());
    let workflow = match connection.api.look::<Workflow>(&path, until).await.1 {
        Ok(workflow) => workflow,
        Err(failure) => {
            let told = judge::words(connection, &failure);
            let finding = match failure {
                Failure::Refused { status: 404, .. } => Finding::warning(
                    SCHEDULE,
                    format!("the default branch has no workflow {file}"),
                    WHY_SCHEDULE,
                    "runbook workflow, then commit and push what it wrote",
                ),
                Failure::Refused { status: 403, message } => Finding::unknown(
                    SCHEDULE,
                    format!("the token may not look at workflows (GitHub said: {message})"),
                    WHY_SCHEDULE,
                    "permissions: { actions: read } in the job, or the same in the token's settings",
                ),
                _ => Finding::unknown(SCHEDULE, told, WHY_SCHEDULE, again),
            };
            let runs = Finding::unknown(RUNS, "not asked: see schedule.enabled", WHY_SCHEDULE, "mend schedule.enabled");
            return vec![finding, runs];
        }
    };
    let asked = format!("{path}/runs?event=schedule&per_page=30");
    let runs = match connection.api.look::<Runs>(&asked, until).await.1 {
        Ok(runs) => judge_runs(&runs.workflow_runs, workflow.created_at, connection.api.now(), file),
        Err(failure) => Finding::unknown(RUNS, judge::words(connection, &failure), WHY_SCHEDULE, again),
    };
    vec![judge_state(&workflow, file), runs]
}

/// Pure.
fn judge_state(workflow: &Workflow, file: &str) -> Finding {
    let why = match workflow.state.as_str() {
        "active" => return Finding::ok(SCHEDULE, format!("the workflow {} is switched on", workflow.path)),
        "disabled_inactivity" => "GitHub switched it off, because nothing was pushed for 60 days",
        "disabled_manually" => "somebody switched it off",
        "disabled_fork" => "this is a fork, where workflows are switched off until somebody allows them",
        _ => "GitHub does not run it",
    };
    let what = format!("the workflow {file} is {}: {why}", workflow.state.replace('_', " "));
    Finding::problem(SCHEDULE, what, WHY_SCHEDULE, format!("gh workflow enable {file}"))
}

/// Newest first, as GitHub lists them. Pure.
fn judge_runs(runs: &[Run], since: Timestamp, now: Timestamp, file: &str) -> Finding {
    let start = format!("gh workflow run {file} -f action=update-status");
    let hours = |span: SignedDuration| span.as_hours().max(0);
    let known_for = now.duration_since(since);
    let Some(newest) = runs.iter().max_by_key(|run| run.created_at) else {
        if known_for < LATE {
            let what = format!("the workflow is {} h old and has not run on its schedule yet", hours(known_for));
            return Finding::unknown(RUNS, what, WHY_SCHEDULE, start);
        }
        let what = "it never ran on its schedule, which should be every 6 hours";
        return Finding::problem(RUNS, what, WHY_SCHEDULE, format!("look for `schedule:` in {file}, then: {start}"));
    };
    let age = now.duration_since(newest.created_at);
    let of_day = runs.iter().filter(|run| now.duration_since(run.created_at) <= DAY).count();
    let expected = known_for.min(DAY).as_secs() / EVERY.as_secs();
    let counted =
        format!("{of_day} scheduled runs in the last 24 h of {expected} expected, the newest {} h ago", hours(age));
    if age > MISSING {
        return Finding::problem(RUNS, counted, WHY_SCHEDULE, start);
    }
    if let Some(conclusion) = newest.conclusion.as_deref().filter(|conclusion| !FINE.contains(conclusion)) {
        let what = format!("the newest scheduled run ended with {conclusion}; {counted}");
        return Finding::warning(RUNS, what, WHY_SCHEDULE, format!("gh run view {} --log-failed", newest.id));
    }
    // GitHub leaves out one now and then.
    let are_missing = i64::try_from(of_day).unwrap_or(i64::MAX) + 1 < expected;
    if age > LATE || are_missing {
        return Finding::warning(RUNS, counted, WHY_SCHEDULE, start);
    }
    Finding::ok(RUNS, counted)
}

#[cfg(test)]
mod tests {
    use runbook_core::FindingLevel;

    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn at(hours_ago: i64) -> Timestamp {
        Timestamp::from_second(NOW - hours_ago * 3600).unwrap_or_default()
    }

    fn level(known_for_h: i64, runs: &[(i64, Option<&str>)]) -> FindingLevel {
        let runs: Vec<Run> = runs
            .iter()
            .map(|(ago, conclusion)| Run { id: 1, created_at: at(*ago), conclusion: conclusion.map(str::to_owned) })
            .collect();
        judge_runs(&runs, at(known_for_h), at(0), "runbook.yml").level
    }

    const GOOD: Option<&str> = Some("success");

    #[test]
    fn runs_that_came_when_they_should_are_fine() {
        assert_eq!(level(1_000, &[(1, None), (7, GOOD), (13, GOOD), (19, GOOD)]), FindingLevel::Ok);
        assert_eq!(level(1_000, &[(5, GOOD), (12, GOOD), (23, GOOD)]), FindingLevel::Ok, "GitHub leaves out one");
        assert_eq!(level(8, &[(2, GOOD)]), FindingLevel::Ok, "a workflow of today");
    }

    #[test]
    fn runs_that_are_late_or_failed_are_a_warning() {
        assert_eq!(level(1_000, &[(8, GOOD), (14, GOOD), (20, GOOD)]), FindingLevel::Warning);
        assert_eq!(level(1_000, &[(1, GOOD), (20, GOOD)]), FindingLevel::Warning, "two of four");
        assert_eq!(level(1_000, &[(1, Some("failure")), (7, GOOD), (13, GOOD)]), FindingLevel::Warning);
    }

    /// A schedule that GitHub had switched off went unnoticed for months.
    #[test]
    fn a_schedule_that_stopped_is_a_problem() {
        assert_eq!(level(1_000, &[(14, GOOD), (20, GOOD)]), FindingLevel::Problem);
        assert_eq!(level(1_000, &[(5_000, GOOD)]), FindingLevel::Problem);
        assert_eq!(level(1_000, &[]), FindingLevel::Problem);
        assert_eq!(level(3, &[]), FindingLevel::Unknown, "its first run is still to come");
    }

    #[test]
    fn a_workflow_that_was_switched_off_is_named_with_its_command() {
        let workflow = |state: &str| Workflow {
            state: state.to_owned(),
            created_at: at(0),
            path: ".github/workflows/r.yml".to_owned(),
        };
        assert_eq!(judge_state(&workflow("active"), "r.yml").level, FindingLevel::Ok);
        for state in ["disabled_inactivity", "disabled_manually", "deleted"] {
            let finding = judge_state(&workflow(state), "r.yml");
            assert_eq!(finding.level, FindingLevel::Problem);
            assert_eq!(finding.mend.as_deref(), Some("gh workflow enable r.yml"));
        }
    }
}
