//! The stage `report`: the one status issue, and the chats. It runs at the end of every run, whatever happened.

use async_trait::async_trait;
use futures::future::join_all;

use super::{NoSettings, records};
use crate::{
    engine::StageContext,
    event::Operation,
    plan::{Access, stage_kind},
    ports::{IssueTracker, IssueUpdate, Notifier, Stage, StageError},
    registry::{BuildError, Ports, StageDefinition},
    state::{EnvironmentState, RunState},
    status::{StatusView, alerting_status},
    words::{Action, OperationalStatus, Outcome},
};

/// Tells people what happened.
#[derive(Debug)]
pub struct ReportStage {
    ports: Ports,
}

impl StageDefinition for ReportStage {
    const KIND: &'static str = stage_kind::REPORT;
    type Settings = NoSettings;

    fn build(_: NoSettings, ports: &Ports) -> Result<Self, BuildError> {
        Ok(Self { ports: ports.clone() })
    }
}

#[async_trait]
impl Stage for ReportStage {
    fn access(&self) -> Access {
        Access::Reporting
    }

    async fn run(&self, cx: &StageContext) -> Result<Outcome, StageError> {
        let run = cx.run_state().await?;
        let environment = cx.environment_state().await?;
        let mut view = StatusView::of(&run, &environment, &self.ports.status, cx.now());
        view.set_trends(&self.ports.trends(cx.now()).await);
        // All at once: a slow chat must not cost the issue, nor the issue a chat.
        let alarm = alerting_status(&run, &environment, &self.ports.status, cx.now());
        let news = self.ports.notifiers.iter().filter(|n| is_news(n.name(), alarm, &run, &environment));
        // By a process that was interrupted later; whether the message arrived may never be known.
        let news = news.filter(|n| !was_told(n.name(), &run));
        let chats = join_all(news.map(|notifier| notify(cx, notifier.as_ref(), &view, alarm)));
        let issue = async {
            match &self.ports.issue_tracker {
                Ok(tracker) => self.publish(cx, tracker.as_ref(), view.clone(), &run, &environment).await.map(Ok),
                Err(why) => Ok::<_, StageError>(Err(format!("no status issue: {why}"))),
            }
        };
        let records = records::end(cx, &self.ports, &run);
        let (problems, issue, untold) = futures::join!(chats, issue, records);
        let mut problems: Vec<String> = problems.into_iter().flatten().chain(untold).collect();
        match issue? {
            Err(none) if problems.is_empty() => return Ok(Outcome::Skipped(none)),
            Err(none) => problems.push(none),
            Ok(warnings) => problems.extend(warnings),
        }
        Ok(if problems.is_empty() { Outcome::Passed } else { Outcome::Warned(problems.join("; ")) })
    }
}

impl ReportStage {
    async fn publish(
        &self,
        cx: &StageContext,
        tracker: &dyn IssueTracker,
        view: StatusView,
        run: &RunState,
        environment: &EnvironmentState,
    ) -> Result<Vec<String>, StageError> {
        let status = view.operational_status;
        let mutating = run.request.action != Action::UpdateStatus;
        let changed = environment.published.is_some_and(|before| before != status);
        let update = IssueUpdate {
            view,
            known_number: environment.issue,
            known_url: environment.issue_url.clone(),
            comment: mutating || changed,
        };
        let issue =
            cx.effect(Operation::PublishStatus, |permit| async move { tracker.upsert(&permit, &update).await }).await?;
        cx.published(&issue, status).await;
        cx.progress(format!("status issue #{}: {status}", issue.number));
        Ok(issue.warnings)
    }
}

/// Whether a chat has something to hear: a status other than the one it was last told, or a rollback. A transition is
/// done only when each receiver has it, so one that could not be told then is told now.
fn is_news(name: &str, alarm: OperationalStatus, run: &RunState, environment: &EnvironmentState) -> bool {
    let told = environment.notified.get(name).copied().unwrap_or(OperationalStatus::Operational);
    told != alarm || run.rollback.is_some()
}

fn was_told(name: &str, run: &RunState) -> bool {
    run.effects
        .values()
        .any(|effect| effect.may_have_changed() && matches!(&effect.operation, Operation::Notify { to } if to == name))
}

async fn notify(
    cx: &StageContext,
    notifier: &dyn Notifier,
    view: &StatusView,
    alarm: OperationalStatus,
) -> Option<String> {
    let to = notifier.name().to_owned();
    let operation = Operation::Notify { to: to.clone() };
    let sent = cx.effect(operation, |permit| async move { notifier.notify(&permit, view).await }).await;
    let (outcome, problem) = match sent {
        Ok(()) => ("sent".to_owned(), None),
        Err(error) => {
            let message = StageError::from(error).message;
            (message.clone(), Some(format!("{to}: {message}")))
        }
    };
    cx.notified(to, outcome, alarm).await;
    problem
}
