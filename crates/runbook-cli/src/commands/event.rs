//! `event`: what the event asks for that started a job of GitHub Actions. A command in a comment is answered there.

use std::path::Path;

use runbook_core::{
    Action, Actor, ActorKind, CommitId, EnvironmentId, ExitCode, Origin, Report,
    engine::with_causes,
    registry::{Lookup, Registry},
};
use runbook_github::{
    ActionsEnvironment, CommandError, CommentRef, Standing, commands as workflow,
    event::{Asked, Event, EventContext, Refusal, RefusalKind, Wish as Asking},
    outputs,
};
use serde_json::json;

use super::{
    act::{Carried, Wish, carry_out, waits},
    answer::Answer,
};
use crate::{
    args::{Event as Args, Global},
    fault::Fault,
    output::Output,
    project::Project,
};

/// What an event knows of who asks and from where; it is laid over what the job knows.
#[derive(Debug, Clone)]
pub(super) struct FromEvent {
    trigger: String,
    branch: Option<String>,
    commit: Option<CommitId>,
    request_id: Option<String>,
    actor: Option<Actor>,
}

impl FromEvent {
    pub(super) fn lay_over(&self, actor: &mut Actor, origin: &mut Origin) {
        match &self.actor {
            Some(known) => actor.clone_from(known),
            // Only who dispatched it by hand asked for exactly this.
            None if self.trigger != "workflow_dispatch" => actor.kind = ActorKind::Automation,
            None => {}
        }
        origin.trigger.clone_from(&self.trigger);
        origin.branch = self.branch.clone().or(origin.branch.take());
        origin.commit = self.commit.clone().or(origin.commit.take());
        origin.request_id.clone_from(&self.request_id);
    }
}

/// What all that follows needs.
struct Job<'a> {
    global: Global,
    args: &'a Args,
    registry: &'a Registry,
    output: &'a Output,
    event: Event,
    actions: Option<ActionsEnvironment>,
}

pub(super) async fn event(
    global: &Global,
    args: &Args,
    registry: &Registry,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let variables = Project::variables();
    let event = read(&variables)?;
    let environments = Project::environments(global)?;
    let mut context = EventContext { environments, ..EventContext::from(&variables) };
    let mut job =
        Job { global: global.clone(), args, registry, output, event, actions: ActionsEnvironment::from(&variables) };
    if let Some(environment) = job.event.environment(&context)
        && let Some(why) = job.choose(&environment)
    {
        return Ok(job.nothing(&why));
    }
    // What asks for nothing ends well, also where no environment can be chosen.
    let project = Project::load(&job.global, true);
    if let Ok(project) = &project {
        let config = &project.config;
        context.repository = config.project.repository.clone().or(context.repository);
        context.default_branch = Some(config.workflow.branch.clone());
        context.workflows.clone_from(&config.workflow.after);
        context.apps.clone_from(&config.policy.apps);
    }
    match (job.event.asks(&context), job.event.comment()) {
        (Asked::Nothing(why), _) => Ok(job.nothing(&why)),
        (Asked::Refused(refusal), None) => Err(fault_of(&refusal)),
        (Asked::Do(asking), None) => {
            job.understood(&asking);
            job.carry_out(*asking).await?.1
        }
        (asked, Some(comment)) => job.answer(asked, comment, &project?).await,
    }
}

fn read(variables: &Lookup) -> Result<Event, Fault> {
    let get = |name: &str| {
        let none = || Fault::usage(format!("{name} is not set")).hint("a job of GitHub Actions has it");
        variables.get(name).ok_or_else(none)
    };
    let (name, path) = (get("GITHUB_EVENT_NAME")?, get("GITHUB_EVENT_PATH")?);
    Event::open(&name, Path::new(&path)).map_err(|error| Fault::usage(with_causes(&error)))
}

fn fault_of(refusal: &Refusal) -> Fault {
    let mut fault = Fault::usage(refusal.why.clone());
    if refusal.kind == RefusalKind::NotPermitted {
        (fault.code, fault.kind) = (ExitCode::Blocked, "permission");
    }
    fault
}

impl Job<'_> {
    /// Chooses the environment that the event names; `Some` says why it is the affair of another job.
    fn choose(&mut self, environment: &EnvironmentId) -> Option<String> {
        let chosen = self.global.environment.get_or_insert_with(|| environment.to_string());
        (chosen.as_str() != environment.as_str())
            .then(|| format!("it is for {environment}, and this job is for {chosen} (--environment)"))
    }

    /// An event that asks for nothing: said, and the output `run` is empty.
    fn nothing(&self, why: &str) -> ExitCode {
        let name = self.event.name();
        let document = json!({ "schema": "runbook/asked/v1", "event": name, "asked": { "nothing": why } });
        self.output.document(&document, &format!("{name} asks for nothing: {why}"));
        if let Some(actions) = &self.actions {
            self.output.workflow_command(&workflow::notice(&format!("{name} asks for nothing"), why));
            for name in ["run", "action", "next", "verdict"] {
                if let Some(path) = &actions.output
                    && let Err(error) = outputs::append_output(path, name, "")
                {
                    self.output.warn(&format!("the output {name} was not written: {error}"));
                }
            }
        }
        ExitCode::Succeeded
    }

    fn understood(&self, asking: &Asking) {
        let of = asking.component.as_ref().map(|component| format!(" {component}")).unwrap_or_default();
        let version = asking.version.as_deref().or(asking.commit.as_ref().map(CommitId::short));
        let version = version.map(|version| format!(" {version}")).unwrap_or_default();
        let why = asking.reason.as_ref().map(|reason| format!(" – {reason}")).unwrap_or_default();
        self.output.note(&format!("{} asks for {}{of}{version}{why}", self.event.name(), asking.action));
    }

    /// Carries out what is asked for; beside it how the process ends.
    async fn carry_out(&self, asking: Asking) -> Result<(Carried, Result<ExitCode, Fault>), Fault> {
        let expected = asking.expect;
        let wish = Wish {
            component: asking.component,
            version: asking.version,
            force: asking.force,
            reason: asking.reason,
            // A stop is one step and its report: it is never left for later.
            until: self.args.until.until.clone().filter(|_| asking.action != Action::EmergencyStop),
            wait: waits(&self.args.until),
            expect: asking.expect,
            event: Some(FromEvent {
                trigger: self.event.name().to_owned(),
                branch: asking.branch,
                commit: asking.commit,
                request_id: asking.request_id,
                actor: asking.actor,
            }),
            ..Wish::plain(asking.action)
        };
        let carried = carry_out(wish, &self.global, self.registry, self.output).await?;
        let ends = match (&carried, expected) {
            (Carried { report: None, digest: Some(digest), .. }, Some(expected)) if expected != *digest => {
                // A dry run shows the plan that there is.
                if self.global.dry_run {
                    Ok(carried.code)
                } else {
                    Err(other_plan(&expected.to_string(), &digest.to_string()))
                }
            }
            _ => Ok(carried.code),
        };
        Ok((carried, ends))
    }

    /// A command in a comment: whoever wrote it is looked up, and gets a reaction and one reply.
    async fn answer(&self, asked: Asked, comment: CommentRef, project: &Project) -> Result<ExitCode, Fault> {
        let made = Answer::new(comment.clone(), project, self.actions.as_ref(), self.output);
        let answer = made.map_err(|why| unknown(&comment, &why))?;
        match answer.desk.examine(&comment).await.map_err(|error| not_known(&comment, &error))? {
            Standing::Permitted => {}
            Standing::Void(why) => return Ok(self.nothing(&why)),
            Standing::Answered(page) => return Ok(self.nothing(&format!("it was answered before, in {page}"))),
            Standing::Refused(refusal) => return self.refuse(&answer, &refusal).await,
        }
        let asking = match asked {
            Asked::Do(asking) => *asking,
            Asked::Refused(refusal) => return self.refuse(&answer, &refusal).await,
            Asked::Nothing(why) => return Ok(self.nothing(&why)),
        };
        self.understood(&asking);
        if self.global.dry_run {
            return self.carry_out(asking).await?.1;
        }
        answer.begin(asking.action).await;
        match self.carry_out(asking).await {
            Ok((Carried { report: Some(report), digest, .. }, ends)) => {
                answer.tell_run(&report, digest).await;
                ends
            }
            Ok((Carried { report: None, digest, .. }, ends)) => {
                if let Err(fault) = &ends {
                    answer.tell_fault(fault, digest).await;
                }
                ends
            }
            Err(fault) => {
                answer.tell_fault(&fault, None).await;
                Err(fault)
            }
        }
    }

    async fn refuse(&self, answer: &Answer<'_>, refusal: &Refusal) -> Result<ExitCode, Fault> {
        let fault = fault_of(refusal);
        if !self.global.dry_run {
            answer.tell_fault(&fault, None).await;
        }
        Err(fault)
    }
}

/// Answers the command that a run came of, where the run has ended and this job was started by the same comment: the last
/// of the jobs that a run is carried by.
pub(super) async fn answer_ended(
    project: &Project,
    actions: Option<&ActionsEnvironment>,
    report: &Report,
    output: &Output,
) {
    let Some(request_id) = &report.request_id else { return };
    let is_ended = report.verdict.is_some() && report.next.is_none();
    if !is_ended || actions.is_none_or(|actions| actions.event_name != "issue_comment") {
        return;
    }
    let comment = read(&project.variables).ok().and_then(|event| event.comment());
    let Some(comment) = comment.filter(|comment| comment.request_id() == *request_id) else { return };
    match Answer::new(comment, project, actions, output) {
        Ok(answer) => answer.tell_run(report, None).await,
        Err(why) => output.warn(&format!("the command was not answered: {why}")),
    }
}

/// Nobody can tell what somebody may do: then they may not.
fn unknown(comment: &CommentRef, why: &str) -> Fault {
    let mut fault = Fault::usage(format!("nobody can tell whether {} may command: {why}", comment.author));
    (fault.code, fault.kind) = (ExitCode::Blocked, "permission");
    fault.hint("nothing was done; write the command again in a new comment")
}

fn not_known(comment: &CommentRef, error: &CommandError) -> Fault {
    let mut fault = unknown(comment, &with_causes(error));
    fault.retryable = error.retryable;
    fault
}

fn other_plan(expected: &str, found: &str) -> Fault {
    let mut fault = Fault::usage(format!("the plan is another one by now: {expected} was expected, and it is {found}"));
    (fault.code, fault.kind) = (ExitCode::Blocked, "plan");
    fault.hint("nothing was done; look at the plan (`--dry-run`), and expect its digest")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_asked_by_hand_stays_a_person() {
        let person = |name: &str| Actor { name: name.to_owned(), kind: ActorKind::Person };
        let event = |trigger: &str, actor: Option<Actor>| FromEvent {
            trigger: trigger.to_owned(),
            branch: None,
            commit: None,
            request_id: Some("one".to_owned()),
            actor,
        };
        for (event, name, kind) in [
            (event("workflow_dispatch", None), "ada", ActorKind::Person),
            (event("repository_dispatch", None), "ada", ActorKind::Automation),
            (event("push", None), "ada", ActorKind::Automation),
            (event("issue_comment", Some(person("mona"))), "mona", ActorKind::Person),
        ] {
            let (mut actor, mut origin) =
                (person("ada"), Origin { branch: Some("main".to_owned()), ..Origin::default() });
            event.lay_over(&mut actor, &mut origin);
            assert_eq!((actor.name.as_str(), actor.kind), (name, kind), "{}", event.trigger);
            assert_eq!((origin.trigger.as_str(), origin.branch.as_deref()), (event.trigger.as_str(), Some("main")));
            assert_eq!(origin.request_id.as_deref(), Some("one"));
        }
    }
}
