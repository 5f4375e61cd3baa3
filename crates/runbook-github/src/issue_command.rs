//! Commands that people write as comments on the status issue: `/runbook rollback v1.2.3 --reason "…"`.
//!
//! `grammar` reads one line, `words` takes it apart, `desk` asks GitHub who wrote it and answers. What is understood here
//! is the whole first line of a new comment and nothing else, so quotes, code, mentions and edits command nothing.

mod desk;
mod grammar;
mod words;

pub use desk::{CommandDesk, CommandError, Reaction, Standing};
use jiff::Timestamp;
use runbook_core::{Action, Actor, ActorKind, EnvironmentId};
use runbook_render::issue_marker;

use crate::{
    event::{Asked, Refusal, Wish, bounded, payload::CommentPayload},
    issue::carries,
};

/// How a command is written; what every refusal of one ends with.
pub const USAGE: &str = "/runbook ACTION [VERSION|SERVICE] [--environment E] [--component C] [--version V] \
                         [--reason \"…\"] [--force] [--expect SHA256]";

/// How much of a command is shown, in characters.
const MOST_SHOWN: usize = 300;

/// A comment on a status issue whose first line is a command, understood or not: where the answer goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentRef {
    /// Its id.
    pub id: u64,
    /// The issue that it stands on.
    pub issue: u64,
    /// The environment whose status issue that is, as its marker says.
    pub environment: EnvironmentId,
    /// The login of who wrote it, or in whose name it was written.
    pub author: String,
    /// The account of the app that wrote it, where an app did.
    pub app: Option<String>,
    /// Its first line, as it is shown.
    pub line: String,
    /// When it was written.
    pub created_at: Timestamp,
}

impl CommentRef {
    /// The comment of an event, when it is one that is answered.
    pub(crate) fn of(payload: &CommentPayload) -> Option<Self> {
        let CommentPayload { action, issue, comment, .. } = payload;
        if action != "created" || issue.pull_request.is_some() {
            return None;
        }
        let line = first_line(comment.body.as_deref()?);
        if !grammar::is_command(line) {
            return None;
        }
        Some(Self {
            id: comment.id,
            issue: issue.number,
            environment: environment_of(issue.body.as_deref()?)?,
            author: comment.user.as_ref()?.login.clone(),
            app: app_of(payload),
            line: bounded(line, MOST_SHOWN),
            created_at: comment.created_at,
        })
    }

    /// The name of its request: one comment is carried out once.
    pub fn request_id(&self) -> String {
        format!("comment-{}", self.id)
    }
}

/// What a comment asks for. Whether its author may ask is known only to GitHub: see [`CommandDesk::examine`].
pub(crate) fn asks(payload: &CommentPayload, apps: &[String]) -> Asked {
    let CommentPayload { action, issue, comment, .. } = payload;
    if action != "created" {
        let action = bounded(action, 100);
        return Asked::nothing(format!("only a new comment commands, and this one was {action}"));
    }
    if issue.pull_request.is_some() {
        return Asked::nothing("it is a comment on a pull request");
    }
    let Some(parsed) = grammar::parse(first_line(comment.body.as_deref().unwrap_or_default())) else {
        return Asked::nothing("the first line of the comment is no command");
    };
    let Some(on) = CommentRef::of(payload) else {
        return Asked::nothing(format!("issue #{} is not the status issue, or the author is gone", issue.number));
    };
    if let Some(app) = on.app.as_deref().filter(|app| !apps.iter().any(|known| is_app(known, app))) {
        return Asked::nothing(format!("{} is an app that `policy.apps` does not name", bounded(app, 100)));
    }
    match parsed {
        Ok(wish) => permitted(wish, &on).into(),
        Err(why) => Asked::Refused(Refusal::usage(format!("{why}; expected {USAGE}"))),
    }
}

/// The wish of a comment on the status issue of its own environment.
fn permitted(wish: Wish, on: &CommentRef) -> Result<Wish, Refusal> {
    if let Some(other) = wish.environment.as_ref().filter(|environment| **environment != on.environment) {
        let why = format!(
            "this is the status issue of {}, and the command is for {other}: write it on the status issue of {other}",
            on.environment
        );
        return Err(Refusal::usage(why));
    }
    if wish.action == Action::Resume && on.app.is_some() {
        return Err(Refusal::not_permitted("only a person may resume, and this was written by an app"));
    }
    let kind = if on.app.is_some() { ActorKind::Agent } else { ActorKind::Person };
    Ok(Wish {
        environment: Some(on.environment.clone()),
        actor: Some(Actor { name: bounded(&on.author, 100), kind }),
        request_id: Some(on.request_id()),
        ..wish
    })
}

/// The environment whose status issue carries its marker in this body.
pub(crate) fn environment_of(body: &str) -> Option<EnvironmentId> {
    let mut marked = body.lines().filter_map(|line| {
        let rest = line.trim_end().strip_prefix("<!-- runbook:status:v1 environment=")?;
        rest.strip_suffix(" -->")?.parse::<EnvironmentId>().ok()
    });
    // In code, or in a quote, it is no marker.
    marked.find(|environment| carries(body, &issue_marker(environment)))
}

fn first_line(body: &str) -> &str {
    body.lines().next().unwrap_or_default()
}

/// The account of the app behind a comment: of one that signed it itself, or that wrote in somebody's name.
fn app_of(payload: &CommentPayload) -> Option<String> {
    let comment = &payload.comment;
    let via = comment.performed_via_github_app.as_ref().map(|app| format!("{}[bot]", app.slug));
    via.or_else(|| comment.user.as_ref().filter(|user| user.is_bot()).map(|user| user.login.clone()))
}

/// Whether a name in the configuration means this app: `my-agent` and `my-agent[bot]` are the same.
fn is_app(known: &str, app: &str) -> bool {
    let bare = |name: &str| name.strip_suffix("[bot]").unwrap_or(name).to_ascii_lowercase();
    !known.is_empty() && bare(known) == bare(app)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

    use super::*;

    #[test]
    fn the_marker_tells_the_environment_unless_it_is_only_quoted() {
        let marker = issue_marker(&"staging".parse().unwrap());
        assert_eq!(environment_of(&format!("{marker}\n\nwords")), Some("staging".parse().unwrap()));
        assert_eq!(environment_of(&format!("by hand\r\n{marker}\r\n")), Some("staging".parse().unwrap()));
        for other in
            [format!("> {marker}"), format!("```\n{marker}\n```"), marker.replace("staging", "No!"), String::new()]
        {
            assert_eq!(environment_of(&other), None, "{other}");
        }
    }

    #[test]
    fn an_app_is_known_by_its_account_or_its_bare_name() {
        assert!(is_app("my-agent", "my-agent[bot]") && is_app("My-Agent[bot]", "my-agent[bot]"));
        assert!(!is_app("my", "my-agent[bot]") && !is_app("", "[bot]"));
    }
}
