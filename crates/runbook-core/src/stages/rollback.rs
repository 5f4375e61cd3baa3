//! The stage `rollback`: makes the targets live again, and then records that in the repository.
//!
//! The services come first: the live rollback never waits for a branch, nor for a forge that is slow to be told.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{NoSettings, records};
use crate::{
    engine::StageContext,
    event::{Operation, RollbackDecision},
    plan::{Access, Plan, stage_kind},
    ports::{Order, RollbackBranch, RollbackProposal, Stage, StageError},
    registry::{BuildError, Ports, StageDefinition},
    state::RunState,
    status::RollbackRow,
    words::{CommitId, DeploymentTask, Outcome, Release, ReleaseId},
};

/// Returns services to their rollback targets.
#[derive(Debug)]
pub struct Rollback {
    ports: Ports,
}

impl StageDefinition for Rollback {
    const KIND: &'static str = stage_kind::ROLLBACK;
    type Settings = NoSettings;

    fn build(_: NoSettings, ports: &Ports) -> Result<Self, BuildError> {
        Ok(Self { ports: ports.clone() })
    }
}

/// `rollback/<version>-<utc>`: the branch that records a rollback.
pub fn rollback_branch_name(version: &ReleaseId, at: Timestamp) -> String {
    format!("rollback/{}-{}", version.as_str().replace('/', "-"), at.strftime("%Y%m%dT%H%M%SZ"))
}

#[async_trait]
impl Stage for Rollback {
    fn access(&self) -> Access {
        Access::Mutating
    }

    async fn run(&self, cx: &StageContext) -> Result<Outcome, StageError> {
        let run = cx.run_state().await?;
        let Some(decision) = run.rollback.clone() else {
            return Err(StageError::no_change("no rollback was decided"));
        };
        // Side by side: whoever is slow to be told must not hold the way back up.
        let ways = decision.services.iter().map(|(service, way)| (service, &way.to)).collect();
        let told = records::begin(cx, &self.ports, &run, DeploymentTask::Rollback, ways);
        let (failures, untold) = futures::join!(self.activate(cx, &run, &decision), told);
        if let Some(worst) = failures.iter().map(|failure| failure.left).max() {
            let message = failures.iter().map(|f| f.message.as_str()).collect::<Vec<_>>().join("; ");
            return Err(StageError { message, left: worst, retryable: false, unmeasured: false });
        }
        let mut notes: Vec<String> = untold.into_iter().collect();
        match self.record(cx, &run, &decision).await {
            Ok(None) => {}
            Ok(Some(Made { not_pushed: Some(why), .. })) | Err(why) => notes.push(why),
            Ok(Some(Made { branch, to, not_pushed: None })) => notes.extend(self.propose(cx, &run, branch, to).await),
        }
        Ok(if notes.is_empty() { Outcome::Passed } else { Outcome::Warned(notes.join("; ")) })
    }
}

/// The branch that records a rollback.
struct Made {
    branch: String,
    to: Release,
    not_pushed: Option<String>,
}

impl Rollback {
    /// Makes each service's target live again. One that fails does not keep the others from returning.
    async fn activate(&self, cx: &StageContext, run: &RunState, decision: &RollbackDecision) -> Vec<StageError> {
        let mut failures = Vec::new();
        for (service, target) in &decision.services {
            let operation = Operation::Activate { service: service.clone(), release: target.to.clone() };
            // By a process that was interrupted later.
            if run.has_done(&operation) {
                continue;
            }
            let Some(deployer) = self.ports.deployers.get(service) else {
                failures.push(StageError::no_change(format!("{service} has no deployer")));
                continue;
            };
            let order = Order {
                service: service.clone(),
                release: target.to.clone(),
                environment: cx.request().environment.clone(),
            };
            cx.progress(format!("{service}: {} → {}", target.from, target.to));
            let activated =
                cx.effect(operation, |permit| async move { deployer.activate(&permit, &order).await }).await;
            if let Err(error) = activated {
                let error = StageError::from(error);
                failures.push(StageError { message: format!("{service}: {}", error.message), ..error });
            }
        }
        failures
    }

    /// Records the rollback in the repository; `Ok(None)` where that is not wanted, `Err` with why it could not be done.
    async fn record(
        &self,
        cx: &StageContext,
        run: &RunState,
        decision: &RollbackDecision,
    ) -> Result<Option<Made>, String> {
        let Some(repository) = self.ports.version_control.as_ref().filter(|_| self.ports.rollback.branch) else {
            return Ok(None);
        };
        let (to, commit) = one_release(decision).map_err(|why| format!("no rollback branch: {why}"))?;
        // Part of the services: only their paths return, and without paths nobody can say what that would be.
        let is_partial = decision.services.len() < self.ports.deployers.len();
        let only: Vec<String> = if is_partial {
            decision.services.keys().filter_map(|id| self.ports.paths.get(id)).flatten().cloned().collect()
        } else {
            Vec::new()
        };
        if is_partial && only.is_empty() {
            return Err("no rollback branch: the services that returned have no `paths`".to_owned());
        }
        // A process that was interrupted may have made the branch already.
        let begun = run.effects.values().find_map(|effect| match &effect.operation {
            Operation::RollbackBranch { branch, .. } => Some((branch.clone(), effect)),
            _ => None,
        });
        let branch = match begun {
            Some((branch, effect)) if effect.is_done() => {
                let not_pushed = effect.detail["not_pushed"].as_str().map(str::to_owned);
                return Ok(Some(Made { branch, to, not_pushed }));
            }
            Some((branch, _)) => branch,
            None => rollback_branch_name(&to.id, cx.now()),
        };
        let from: Vec<String> = decision.services.iter().map(|(id, t)| format!("{id} {}", t.from)).collect();
        let rollback = RollbackBranch {
            branch: branch.clone(),
            to: commit,
            keep: self.ports.rollback.keep.clone(),
            only,
            message: format!(
                "Roll back to {to}\n\n{}\n\n{}From: {}\nRun: {}\nEnvironment: {}\n",
                decision.reason,
                taken_back(cx.plan(), decision),
                from.join(", "),
                cx.run(),
                cx.request().environment
            ),
            push_to: self.ports.rollback.push.clone(),
        };
        let operation = Operation::RollbackBranch { branch: branch.clone(), to: to.clone() };
        match cx.effect(operation, |permit| async move { repository.rollback_branch(&permit, &rollback).await }).await {
            Ok(made) => Ok(Some(Made { branch, to, not_pushed: made.not_pushed })),
            Err(error) => Err(format!("no rollback branch: {}", StageError::from(error).message)),
        }
    }

    /// Opens a pull request for the branch that was pushed; returns what somebody should know about that.
    async fn propose(&self, cx: &StageContext, run: &RunState, branch: String, to: Release) -> Option<String> {
        let settings = &self.ports.rollback;
        if !settings.pull_request || settings.push.is_none() {
            return None;
        }
        let operation = Operation::OpenPullRequest { branch: branch.clone() };
        // By a process that was interrupted later.
        if run.has_done(&operation) {
            return None;
        }
        let forge = match &self.ports.forge.pull_requests {
            Ok(forge) => forge,
            Err(why) => return Some(format!("no pull request: {why}")),
        };
        let rollback = RollbackRow { branch: Some(branch.clone()), ..RollbackRow::of(run)? };
        let proposal = RollbackProposal {
            branch,
            to,
            environment: cx.request().environment.clone(),
            run: cx.run(),
            run_url: cx.request().origin.run_url.clone(),
            rollback,
        };
        match cx.effect(operation, |permit| async move { forge.propose(&permit, &proposal).await }).await {
            Ok(opened) => {
                cx.progress(format!("pull request #{}: {}", opened.number, opened.url));
                None
            }
            Err(error) => Some(format!("no pull request: {}", StageError::from(error).message)),
        }
    }
}

/// What the rollback takes back, as a part of the commit's message.
fn taken_back(plan: &Plan, decision: &RollbackDecision) -> String {
    let mut text = String::new();
    for reverted in plan.taken_back(decision.ways()).into_iter().filter(|reverted| reverted.unknown.is_none()) {
        text.push_str(&format!("Takes back {} of {}:\n", reverted.size(), reverted.from));
        text.extend(reverted.difference.commits.first.iter().map(|commit| format!("- {commit}\n")));
        match reverted.difference.commits.more {
            0 => text.push('\n'),
            more => text.push_str(&format!("- and {more} more\n\n")),
        }
    }
    text
}

/// The one release that all services return to.
fn one_release(decision: &RollbackDecision) -> Result<(Release, CommitId), &'static str> {
    let mut targets = decision.services.values().map(|target| &target.to);
    let first = targets.next().ok_or("no service returned")?;
    if !targets.all(|other| other.same_as(first)) {
        return Err("the services return to different releases");
    }
    let commit = first.commit.clone().ok_or("the commit of the release is not known")?;
    Ok((first.clone(), commit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_branch_names_version_and_time() {
        let at: Timestamp = "2026-11-23T10:15:00Z".parse().unwrap();
        let name = |version: &str| rollback_branch_name(&ReleaseId::new(version).unwrap(), at);
        assert_eq!(name("v1.0.0"), "rollback/v1.0.0-20261123T101500Z");
        assert_eq!(name("fastapi/1.0"), "rollback/fastapi-1.0-20261123T101500Z");
    }
}
