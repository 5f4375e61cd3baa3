//! The answer to a command in a comment: a reaction, and one reply that is kept up to date.

use runbook_core::{
    Action, Digest, ExitCode, Report, Verdict,
    engine::with_causes,
    ports::{Clock, SystemClock},
};
use runbook_github::{ActionsEnvironment, CommandDesk, CommentRef, Reaction};
use runbook_render::{CommandReply, ReplyState};

use crate::{
    fault::Fault,
    output::Output,
    project::Project,
    templates::Templates,
    world::{github_of_issue, redactor},
};

/// Who is answered, where, and with what. What fails of it is said, and changes no run.
pub(super) struct Answer<'a> {
    pub(super) desk: CommandDesk,
    comment: CommentRef,
    project: &'a Project,
    run_url: Option<String>,
    output: &'a Output,
}

impl<'a> Answer<'a> {
    /// Sends nothing. `Err` holds why nobody can be answered.
    pub(super) fn new(
        comment: CommentRef,
        project: &'a Project,
        actions: Option<&ActionsEnvironment>,
        output: &'a Output,
    ) -> Result<Self, String> {
        let connection = github_of_issue(project, actions)?;
        let desk = CommandDesk::new(&connection, Templates::read(project).renderer()?);
        Ok(Self { desk, comment, project, run_url: actions.map(ActionsEnvironment::run_url), output })
    }

    /// The command is being carried out.
    pub(super) async fn begin(&self, action: Action) {
        let headline = format!("{action} in {} is being carried out", self.comment.environment);
        self.tell(self.reply(ReplyState::TakenUp, headline, Vec::new())).await;
    }

    /// A run came of it: how it ended, or that it goes on in later jobs, the last of which answers.
    pub(super) async fn tell_run(&self, report: &Report, digest: Option<Digest>) {
        let (state, how) = match report.verdict.filter(|_| report.next.is_none()) {
            None => (ReplyState::TakenUp, "goes on"),
            Some(verdict @ Verdict::Succeeded) => (ReplyState::Succeeded, verdict.phrase()),
            Some(verdict @ Verdict::Blocked) => (ReplyState::Refused, verdict.phrase()),
            Some(verdict) => (ReplyState::Failed, verdict.phrase()),
        };
        let headline = format!("{} in {}: {how}", report.action, report.environment);
        let reply = self.reply(state, headline, report.verdict_reason.iter().cloned().collect());
        let digest = digest.map(|digest| digest.to_string());
        self.tell(CommandReply { run: Some(report.run.to_string()), digest, ..reply }).await;
    }

    /// Nothing came of it. Where the plan is not the expected one, the same command is offered with its digest.
    pub(super) async fn tell_fault(&self, fault: &Fault, digest: Option<Digest>) {
        let (state, headline) = match fault.code {
            ExitCode::Usage | ExitCode::Blocked => (ReplyState::Refused, "refused"),
            _ => (ReplyState::Failed, "failed"),
        };
        let reasons = [Some(fault.message.clone()), fault.hint.clone()].into_iter().flatten().collect();
        let digest = digest.map(|digest| digest.to_string());
        let instead = digest.as_ref().map(|digest| with_digest(&self.comment.line, digest));
        self.tell(CommandReply { digest, instead, ..self.reply(state, headline.to_owned(), reasons) }).await;
    }

    async fn tell(&self, reply: CommandReply) {
        let reaction = match reply.state {
            ReplyState::TakenUp => Reaction::Eyes,
            ReplyState::Succeeded => Reaction::Rocket,
            ReplyState::Refused | ReplyState::Failed => Reaction::ThumbsDown,
        };
        let reply = self.redacted(reply);
        let (reacted, replied) =
            tokio::join!(self.desk.react(&self.comment, reaction), self.desk.reply(&self.comment, &reply));
        for error in [reacted.err(), replied.err()].into_iter().flatten() {
            self.output.warn(&with_causes(&error));
        }
    }

    fn reply(&self, state: ReplyState, headline: String, reasons: Vec<String>) -> CommandReply {
        CommandReply {
            command: self.comment.line.clone(),
            author: self.comment.author.clone(),
            state,
            headline,
            reasons,
            run: None,
            run_url: self.run_url.clone(),
            digest: None,
            instead: None,
            updated_at: SystemClock.now(),
        }
    }

    /// A fault may hold a secret, and so may what somebody wrote.
    fn redacted(&self, mut reply: CommandReply) -> CommandReply {
        let redactor = redactor(self.project);
        let texts = [&mut reply.command, &mut reply.headline].into_iter().chain(&mut reply.reasons);
        texts.chain(&mut reply.instead).for_each(|text| *text = redactor.redact(text));
        reply
    }
}

/// The same command with the digest that the plan has now.
fn with_digest(command: &str, digest: &str) -> String {
    let mut words: Vec<&str> = command.split(' ').collect();
    if let Some(at) = words.iter().position(|word| *word == "--expect")
        && let Some(value) = words.get_mut(at + 1)
    {
        *value = digest;
    }
    let fitted = |word: &&str| {
        if word.starts_with("--expect=") { format!("--expect={digest}") } else { (*word).to_owned() }
    };
    words.iter().map(fitted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_command_is_offered_with_the_digest_of_now() {
        for (command, offered) in [
            ("/runbook rollback --expect OLD --reason \"a b\"", "/runbook rollback --expect NEW --reason \"a b\""),
            ("/runbook deploy v1 --expect=OLD", "/runbook deploy v1 --expect=NEW"),
        ] {
            assert_eq!(with_digest(command, "NEW"), offered);
        }
    }
}
