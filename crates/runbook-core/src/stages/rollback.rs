//! The stage `rollback`: makes the targets live again, and then records that in the repository.
//!
//! The services come first: the live rollback never waits for a branch.

use async_trait::async_trait;
use jiff::Timestamp;

use super::NoSettings;
use crate::{
    engine::StageContext,
    event::{Operation, RollbackDecision},
    plan::{Access, Plan, stage_kind},
    ports::{Order, RollbackBranch, Stage, StageError},
    registry::{BuildError, Ports, StageDefinition},
    state::RunState,
    words::{CommitId, Outcome, Release, ReleaseId},
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
            // One that fails does not keep the others from returning.
            if let Err(error) = activated {
                let error = StageError::from(error);
                failures.push(StageError { message: format!("{service}: {}", error.message), ..error });
            }
        }
        if let Some(worst) = failures.iter().map(|failure| failure.left).max() {
            let message = failures.iter().map(|f| f.message.as_str()).collect::<Vec<_>>().join("; ");
            return Err(StageError { message, left: worst, retryable: false, unmeasured: false });
        }
        Ok(self.record(cx, &run, &decision).await.map_or(Outcome::Passed, Outcome::Warned))
    }
}

impl Rollback {
    /// Records the rollback in the repository; returns what somebody should know about that.
    async fn record(&self, cx: &StageContext, run: &RunState, decision: &RollbackDecision) -> Option<String> {
        let repository = self.ports.version_control.as_ref().filter(|_| self.ports.rollback.branch)?;
        let (to, commit) = match one_release(decision) {
            Ok(found) => found,
            Err(why) => return Some(format!("no rollback branch: {why}")),
        };
        // Part of the services: only their paths return, and without paths nobody can say what that would be.
        let is_partial = decision.services.len() < self.ports.deployers.len();
        let only: Vec<String> = if is_partial {
            decision.services.keys().filter_map(|id| self.ports.paths.get(id)).flatten().cloned().collect()
        } else {
            Vec::new()
        };
        if is_partial && only.is_empty() {
            return Some("no rollback branch: the services that returned have no `paths`".to_owned());
        }
        // A process that was interrupted may have made the branch already.
        let begun = run.effects.values().find_map(|effect| match &effect.operation {
            Operation::RollbackBranch { branch, .. } => Some((branch.clone(), effect)),
            _ => None,
        });
        let branch = match begun {
            Some((_, effect)) if effect.is_done() => {
                return effect.detail["not_pushed"].as_str().map(str::to_owned);
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
        let operation = Operation::RollbackBranch { branch, to };
        match cx.effect(operation, |permit| async move { repository.rollback_branch(&permit, &rollback).await }).await {
            Ok(made) => made.not_pushed,
            Err(error) => Some(format!("no rollback branch: {}", StageError::from(error).message)),
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
