//! The one reply to a command that somebody wrote as a comment on the status issue.

use jiff::Timestamp;
use serde::Serialize;

use crate::text::shorten;

/// So many reasons are shown.
const MOST_REASONS: usize = 10;
/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;
/// The longest command or name, in characters.
const LONGEST_NAME: usize = 300;

/// How far a command came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyState {
    /// It is being carried out.
    TakenUp,
    /// It was carried out, and succeeded.
    Succeeded,
    /// It was refused; nothing was done.
    Refused,
    /// It was carried out, and did not succeed.
    Failed,
}

impl ReplyState {
    /// Whether it is the last word on the command.
    pub fn is_final(self) -> bool {
        self != Self::TakenUp
    }

    fn sign(self) -> &'static str {
        match self {
            Self::TakenUp => "👀",
            Self::Succeeded => "✅",
            Self::Refused => "⛔",
            Self::Failed => "❌",
        }
    }
}

/// What became of a command. All text in it may come from outside: it is shortened and escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandReply {
    /// The command, as it was written.
    pub command: String,
    /// Who wrote it.
    pub author: String,
    /// How far it came.
    pub state: ReplyState,
    /// What happened, in a few words.
    pub headline: String,
    /// Why; at most ten are shown.
    pub reasons: Vec<String>,
    /// Runbook's id of the run, where one began.
    pub run: Option<String>,
    /// The page of the CI run.
    pub run_url: Option<String>,
    /// The digest of the plan.
    pub digest: Option<String>,
    /// The command to write instead.
    pub instead: Option<String>,
    /// When this was so.
    pub updated_at: Timestamp,
}

/// What the template sees.
#[derive(Debug, Serialize)]
pub(crate) struct ReplyPicture {
    sign: &'static str,
    command: String,
    author: String,
    headline: String,
    reasons: Vec<String>,
    run: Option<String>,
    run_url: Option<String>,
    digest: Option<String>,
    instead: Option<String>,
    again: bool,
    updated_at: String,
}

impl ReplyPicture {
    pub(crate) fn of(reply: &CommandReply) -> Self {
        let name = |text: &String| shorten(text, LONGEST_NAME);
        let reasons = reply.reasons.iter().filter(|reason| !reason.trim().is_empty()).take(MOST_REASONS);
        Self {
            sign: reply.state.sign(),
            command: name(&reply.command),
            author: name(&reply.author),
            headline: name(&reply.headline),
            reasons: reasons.map(|reason| shorten(reason, LONGEST_REASON)).collect(),
            run: reply.run.as_ref().map(name),
            run_url: reply.run_url.clone(),
            digest: reply.digest.as_ref().map(name),
            instead: reply.instead.as_ref().map(name),
            again: matches!(reply.state, ReplyState::Refused | ReplyState::Failed),
            updated_at: reply.updated_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}
