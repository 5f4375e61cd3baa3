//! Tells the forge of deployments: in progress before the first service changes, and how it ended once the verdict stands.
//! It tells, and never holds a run up: what could not be told is a warning.

use std::collections::BTreeMap;

use crate::{
    engine::StageContext,
    event::Operation,
    ports::{DeploymentRecord, Deployments, StageError},
    registry::Ports,
    state::RunState,
    words::{CommitId, DeploymentState, DeploymentTask, Release, ServiceId, Verdict},
};

/// Says that these releases are about to be made live. Returns what somebody should know.
pub(super) async fn begin(
    cx: &StageContext,
    ports: &Ports,
    run: &RunState,
    task: DeploymentTask,
    ways: Vec<(&ServiceId, &Release)>,
) -> Option<String> {
    if ways.is_empty() {
        return None;
    }
    let forge = match forge(cx, ports) {
        Ok(forge) => forge?,
        Err(why) => return Some(why),
    };
    let mut by_release: Vec<(&Release, Vec<ServiceId>)> = Vec::new();
    for (service, release) in ways {
        match by_release.iter_mut().find(|(known, _)| known.same_as(release)) {
            Some((_, services)) => services.push(service.clone()),
            None => by_release.push((release, vec![service.clone()])),
        }
    }
    let mut problems = Vec::new();
    for (release, services) in by_release {
        let state = DeploymentState::InProgress;
        let operation = Operation::RecordDeployment { release: release.clone(), task, state };
        // By a process that was interrupted later.
        if run.has_done(&operation) {
            continue;
        }
        let Some(commit) = release.commit.clone() else {
            problems.push(format!("no deployment is recorded of {release}, whose commit nobody knows"));
            continue;
        };
        let names: Vec<&str> = services.iter().map(ServiceId::as_str).collect();
        let description = format!("{task} of {release}: {}", names.join(", "));
        let of = Of { task, release, commit, services, known_id: None };
        if let Err(why) = tell(cx, forge, operation, record(cx, ports, of, state, description)).await {
            problems.push(why);
            // Another one would get the key of this one, whose end may not be known.
            break;
        }
    }
    (!problems.is_empty()).then(|| problems.join("; "))
}

/// Says how everything that this run began to deploy ended. Returns what somebody should know.
pub(super) async fn end(cx: &StageContext, ports: &Ports, run: &RunState) -> Option<String> {
    // What is missing was told when it was to begin.
    let forge = forge(cx, ports).ok().flatten()?;
    let (verdict, reason) = run.verdict.as_ref()?;
    let mut begun: BTreeMap<(DeploymentTask, &Release), Option<u64>> = BTreeMap::new();
    for effect in run.effects.values() {
        if let Operation::RecordDeployment { release, task, state: DeploymentState::InProgress } = &effect.operation {
            let id = begun.entry((*task, release)).or_default();
            *id = id.or_else(|| effect.detail["id"].as_u64());
        }
    }
    for ((task, release), known_id) in begun {
        let state = state_of(task, *verdict, run.rollback.is_some());
        let operation = Operation::RecordDeployment { release: release.clone(), task, state };
        let (false, Some(commit)) = (run.has_done(&operation), release.commit.clone()) else { continue };
        let of = Of { task, release, commit, services: services_of(run, task, release), known_id };
        if let Err(why) = tell(cx, forge, operation, record(cx, ports, of, state, reason.clone())).await {
            return Some(why);
        }
    }
    None
}

/// Who is told; `Ok(None)`: nobody, and nobody asked for it. A job of CI tells unless it must not: there the forge knows
/// the commit, which it need not where somebody deploys from their own machine.
fn forge<'a>(cx: &StageContext, ports: &'a Ports) -> Result<Option<&'a dyn Deployments>, String> {
    let wanted = ports.records.enabled.unwrap_or(cx.request().origin.ci_run.is_some());
    match &ports.forge.deployments {
        _ if !wanted => Ok(None),
        Ok(forge) => Ok(Some(forge.as_ref())),
        Err(_) if ports.records.enabled.is_none() => Ok(None),
        Err(why) => Err(format!("no deployment is recorded: {why}")),
    }
}

/// Which deployment.
struct Of<'a> {
    task: DeploymentTask,
    release: &'a Release,
    commit: CommitId,
    services: Vec<ServiceId>,
    known_id: Option<u64>,
}

fn record(
    cx: &StageContext,
    ports: &Ports,
    of: Of<'_>,
    state: DeploymentState,
    description: String,
) -> DeploymentRecord {
    DeploymentRecord {
        run: cx.run(),
        task: of.task,
        environment: cx.request().environment.clone(),
        release: of.release.id.clone(),
        commit: of.commit,
        services: of.services,
        state,
        description,
        environment_url: ports.records.environment_url.clone(),
        log_url: cx.request().origin.run_url.clone(),
        known_id: of.known_id,
    }
}

async fn tell(
    cx: &StageContext,
    forge: &dyn Deployments,
    operation: Operation,
    record: DeploymentRecord,
) -> Result<(), String> {
    let what = operation.to_string();
    match cx.effect(operation, |permit| async move { forge.record(&permit, &record).await }).await {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{what}: {}", StageError::from(error).message)),
    }
}

/// Success is only what was watched to the end; what nobody knows is an error.
fn state_of(task: DeploymentTask, verdict: Verdict, rolled_back: bool) -> DeploymentState {
    match (task, verdict) {
        (DeploymentTask::Deploy, _) if rolled_back => DeploymentState::Failure,
        (_, Verdict::Succeeded) | (DeploymentTask::Rollback, Verdict::RolledBack) => DeploymentState::Success,
        (_, Verdict::Failed | Verdict::Blocked) => DeploymentState::Failure,
        (_, Verdict::RolledBack | Verdict::Aborted | Verdict::NeedsOperator) => DeploymentState::Error,
    }
}

fn services_of(run: &RunState, task: DeploymentTask, release: &Release) -> Vec<ServiceId> {
    match task {
        DeploymentTask::Deploy => {
            let targets = run.plan.changing().filter(|(_, target)| target.same_as(release));
            targets.map(|(service, _)| service.id.clone()).collect()
        }
        DeploymentTask::Rollback => {
            let ways = run.rollback.iter().flat_map(|decision| &decision.services);
            ways.filter(|(_, way)| way.to.same_as(release)).map(|(service, _)| service.clone()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_watched_to_the_end_is_a_success() {
        use DeploymentTask::{Deploy, Rollback};
        assert_eq!(state_of(Deploy, Verdict::Succeeded, false), DeploymentState::Success);
        assert_eq!(state_of(Deploy, Verdict::RolledBack, true), DeploymentState::Failure);
        assert_eq!(state_of(Rollback, Verdict::RolledBack, true), DeploymentState::Success);
        assert_eq!(state_of(Rollback, Verdict::NeedsOperator, true), DeploymentState::Error);
        assert_eq!(state_of(Deploy, Verdict::NeedsOperator, true), DeploymentState::Failure, "it was left as bad");
        for (verdict, state) in [
            (Verdict::Failed, DeploymentState::Failure),
            (Verdict::Blocked, DeploymentState::Failure),
            (Verdict::Aborted, DeploymentState::Error),
            (Verdict::NeedsOperator, DeploymentState::Error),
        ] {
            assert_eq!(state_of(Deploy, verdict, false), state, "{verdict:?}");
        }
    }
}
