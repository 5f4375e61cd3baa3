//! What GitHub says of a command now, and how it is answered there: a reaction, and one reply that is updated.
//! Sources: <https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user>,
//! <https://docs.github.com/rest/reactions/reactions#create-reaction-for-an-issue-comment>,
//! <https://docs.github.com/rest/issues/comments>.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use runbook_render::{CommandReply, RenderError, Renderer};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::OnceCell, time::Instant};

use super::{CommentRef, first_line};
use crate::{
    api::{Failure, Issue, User},
    connection::Connection,
    event::{Refusal, bounded},
    issue::{carries, same_text},
};

/// Who signs what a workflow's `GITHUB_TOKEN` does.
const ACTIONS: &str = "github-actions[bot]";
/// GitHub's largest page.
const PAGE: usize = 100;
/// So many pages of comments are searched for the reply, from the command on.
const PAGES: usize = 5;
/// Stands in a reply that says how it ended.
const FINAL: &str = "<!-- runbook:reply:final -->";

/// A sign under a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// 👀: it was read, and is being looked into.
    Eyes,
    /// 🚀: it was carried out, and succeeded.
    Rocket,
    /// 👎: it was refused, or did not succeed; the reply says why.
    ThumbsDown,
}

impl Reaction {
    /// GitHub's word for it.
    fn content(self) -> &'static str {
        match self {
            Self::Eyes => "eyes",
            Self::Rocket => "rocket",
            Self::ThumbsDown => "-1",
        }
    }
}

/// What GitHub says of a command now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It stands as it was written, and whoever wrote it may ask for it.
    Permitted,
    /// It is not, or no longer, a command on the status issue: why. It is not answered.
    Void(String),
    /// It was answered to the end before: the page of the reply.
    Answered(String),
    /// Whoever wrote it may not ask for it.
    Refused(Refusal),
}

/// GitHub could not be asked, or told.
#[derive(Debug, thiserror::Error)]
#[error("failed to {doing}: {why}")]
pub struct CommandError {
    doing: &'static str,
    why: String,
    /// Whether the same may work later.
    pub retryable: bool,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Asks GitHub about commands in comments, and answers them.
///
/// An answer is no effect of a run: it is given before one begins and after it has ended, and changes no service.
pub struct CommandDesk {
    connection: Connection,
    renderer: Arc<Renderer>,
    identity: OnceCell<String>,
}

impl fmt::Debug for CommandDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandDesk").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// A comment, as the API has it now.
#[derive(Debug, Clone, Deserialize)]
struct Written {
    id: u64,
    #[serde(default)]
    html_url: String,
    body: Option<String>,
    user: Option<User>,
}

#[derive(Debug, Clone, Deserialize)]
struct Granted {
    permission: String,
}

impl CommandDesk {
    /// Sends nothing.
    pub fn new(connection: &Connection, renderer: Arc<Renderer>) -> Self {
        Self { connection: connection.clone(), renderer, identity: OnceCell::new() }
    }

    /// Looks whether a command still stands, on an issue that is the status issue, and whether its author may ask: by the
    /// permission that they have at this moment, which must be write, maintain or admin. An app has none; being named in
    /// `policy.apps`, which is looked at before, is its permission, unless it writes in a person's name: then that
    /// person's counts too.
    ///
    /// It changes nothing, and takes at most as long as one update of the status issue may.
    ///
    /// # Errors
    /// [`CommandError`] when GitHub cannot tell. What is not known is not permitted.
    pub async fn examine(&self, comment: &CommentRef) -> Result<Standing, CommandError> {
        let until = self.until();
        let standing = async {
            if let Some(why) = self.void(comment, until).await? {
                return Ok(Standing::Void(why));
            }
            if let Some(reply) = self.find(comment, until).await?.filter(|reply| carries(body_of(reply), FINAL)) {
                return Ok(Standing::Answered(reply.html_url));
            }
            self.permission(comment, until).await
        };
        standing.await.map_err(|failure| self.error("ask GitHub about the command", failure))
    }

    /// Reacts to the comment. A repeat leaves one reaction.
    ///
    /// # Errors
    /// [`CommandError`]; the reaction may be there or not.
    pub async fn react(&self, comment: &CommentRef, reaction: Reaction) -> Result<(), CommandError> {
        let path = self.path(&format!("/issues/comments/{}/reactions", comment.id));
        let wanted = json!({ "content": reaction.content() });
        let reacted = self.connection.api.post::<Value>(&path, &wanted, self.until()).await;
        reacted.map(drop).map_err(|failure| self.error("react to the command", failure))
    }

    /// Writes the one reply to a comment, or brings it up to date, and returns its page. After a lost answer it looks at
    /// what is there before it says that it failed, so there is never a second one.
    ///
    /// # Errors
    /// [`CommandError`]; the reply may be there or not, and the next call finds out.
    pub async fn reply(&self, comment: &CommentRef, reply: &CommandReply) -> Result<String, CommandError> {
        const DOING: &str = "reply to the command";
        let rendered = self.renderer.or_embedded(|renderer| renderer.command_reply(reply));
        let (text, _) = rendered.map_err(|error| unrendered(DOING, error))?;
        let last = if reply.state.is_final() { format!("\n\n{FINAL}") } else { String::new() };
        let body = format!("{}\n\n{text}{last}\n", marker(comment));
        let until = self.until();
        self.put(comment, &body, until).await.map_err(|failure| self.error(DOING, failure))
    }

    async fn put(&self, comment: &CommentRef, body: &str, until: Instant) -> Result<String, Failure> {
        let wanted = json!({ "body": body });
        let api = &self.connection.api;
        let written = match self.find(comment, until).await? {
            Some(there) if same_text(body_of(&there), body) => return Ok(there.html_url),
            Some(there) => {
                let path = self.path(&format!("/issues/comments/{}", there.id));
                api.patch::<Written>(&path, &wanted, until).await
            }
            None => {
                let path = self.path(&format!("/issues/{}/comments", comment.issue));
                api.post::<Written>(&path, &wanted, until).await
            }
        };
        match written {
            Ok(written) => Ok(written.html_url),
            Err(failure) if failure.may_have_happened() => match self.find(comment, until).await {
                Ok(Some(there)) if same_text(body_of(&there), body) => Ok(there.html_url),
                Ok(_) | Err(_) => Err(failure),
            },
            Err(failure) => Err(failure),
        }
    }

    /// Why a command is none, or none any more.
    async fn void(&self, comment: &CommentRef, until: Instant) -> Result<Option<String>, Failure> {
        let api = &self.connection.api;
        let issue = match api.get::<Issue>(&self.path(&format!("/issues/{}", comment.issue)), until).await {
            Ok(issue) => issue,
            Err(failure) if failure.is_gone() => return Ok(Some(format!("issue #{} is gone", comment.issue))),
            Err(failure) => return Err(failure),
        };
        let marker = runbook_render::issue_marker(&comment.environment);
        let is_ours = self.connection.repository.is_at(&issue.repository_url)
            && !issue.is_pull_request()
            && carries(issue.body(), &marker)
            && self.is_trusted(&issue, until).await?;
        if !is_ours {
            return Ok(Some(format!("issue #{} is not the status issue of {}", comment.issue, comment.environment)));
        }
        let now = match api.get::<Written>(&self.path(&format!("/issues/comments/{}", comment.id)), until).await {
            Ok(now) => now,
            Err(failure) if failure.is_gone() => return Ok(Some("the comment was deleted since".to_owned())),
            Err(failure) => return Err(failure),
        };
        let is_same = bounded(first_line(body_of(&now)), super::MOST_SHOWN) == comment.line
            && now.user.as_ref().is_some_and(|user| user.login.eq_ignore_ascii_case(&comment.author));
        Ok((!is_same).then(|| "the comment was changed since".to_owned()))
    }

    /// Whether the issue is Runbook's own, or of somebody who may write to the repository: anyone can copy a marker.
    async fn is_trusted(&self, issue: &Issue, until: Instant) -> Result<bool, Failure> {
        let Some(User { login }) = &issue.user else { return Ok(false) };
        let trusted = match issue.author_association.as_str() {
            "OWNER" => true,
            "MEMBER" | "COLLABORATOR" => may_write(&self.granted(login, until).await?),
            _ => false,
        };
        Ok(trusted || self.identity(until).await?.eq_ignore_ascii_case(login))
    }

    async fn permission(&self, comment: &CommentRef, until: Instant) -> Result<Standing, Failure> {
        // An app that signs itself; one that writes in a person's name has that person's login.
        if comment.app.as_deref().is_some_and(|app| app.eq_ignore_ascii_case(&comment.author)) {
            return Ok(Standing::Permitted);
        }
        let has = self.granted(&comment.author, until).await?;
        if may_write(&has) {
            return Ok(Standing::Permitted);
        }
        let (login, repository) = (bounded(&comment.author, 100), &self.connection.repository);
        let why = format!("{login} has the permission {has} on {repository}: a command needs write, maintain or admin");
        Ok(Standing::Refused(Refusal::not_permitted(why)))
    }

    /// The permission that somebody has on the repository at this moment, in GitHub's word; `none` for whoever is unknown.
    async fn granted(&self, login: &str, until: Instant) -> Result<String, Failure> {
        // It becomes a part of the path.
        let is_login = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if login.is_empty() || login.len() > 100 || !login.bytes().all(is_login) {
            return Ok("none".to_owned());
        }
        let path = self.path(&format!("/collaborators/{login}/permission"));
        match self.connection.api.get::<Granted>(&path, until).await {
            Ok(Granted { permission }) => Ok(bounded(&permission, 30)),
            Err(failure) if failure.is_gone() => Ok("none".to_owned()),
            Err(failure) => Err(failure),
        }
    }

    /// The reply, where it was written before. Only one of this very identity is: anyone can copy a marker.
    async fn find(&self, comment: &CommentRef, until: Instant) -> Result<Option<Written>, Failure> {
        let marker = marker(comment);
        let since = since(comment.created_at);
        for page in 1..=PAGES {
            let path = format!("/issues/{}/comments?since={since}&per_page={PAGE}&page={page}", comment.issue);
            let (comments, more) = self.connection.api.page::<Written>(&self.path(&path), until).await?;
            let full = comments.len() >= PAGE;
            for there in comments.into_iter().filter(|there| carries(body_of(there), &marker)) {
                let author = there.user.as_ref().map(|user| user.login.as_str()).unwrap_or_default();
                if self.identity(until).await?.eq_ignore_ascii_case(author) {
                    return Ok(Some(there));
                }
            }
            if !full && !more {
                break;
            }
        }
        Ok(None)
    }

    /// The login that replies are signed with. Asked once, and only when somebody's authorship depends on it.
    async fn identity(&self, until: Instant) -> Result<&str, Failure> {
        let api = &self.connection.api;
        let ask = || async {
            if let Some(login) = api.app_login(until).await? {
                return Ok(login);
            }
            match api.get::<User>("/user", until).await {
                Ok(user) => Ok(user.login),
                // A token of a job is nobody's account: "Resource not accessible by integration".
                Err(Failure::Refused { status: 403, .. }) => Ok(ACTIONS.to_owned()),
                Err(failure) => Err(failure),
            }
        };
        self.identity.get_or_try_init(ask).await.map(String::as_str)
    }

    fn until(&self) -> Instant {
        Instant::now() + self.connection.deadlines.upsert
    }

    fn path(&self, rest: &str) -> String {
        format!("{}{rest}", self.connection.repository.path())
    }

    fn error(&self, doing: &'static str, failure: Failure) -> CommandError {
        let why = failure.explain(&self.connection.repository, &self.connection.api.site().api);
        CommandError { doing, why, retryable: failure.is_passing(), source: failure.into_cause() }
    }
}

/// Whether a permission is enough to command; maintainers are told as `write`.
fn may_write(permission: &str) -> bool {
    matches!(permission, "write" | "maintain" | "admin")
}

fn unrendered(doing: &'static str, error: RenderError) -> CommandError {
    CommandError { doing, why: "its text could not be made".to_owned(), retryable: false, source: Some(error.into()) }
}

/// What the reply to a comment is found by.
fn marker(comment: &CommentRef) -> String {
    format!("<!-- runbook:reply:comment={} -->", comment.id)
}

fn body_of(comment: &Written) -> &str {
    comment.body.as_deref().unwrap_or_default()
}

/// A moment as GitHub takes it in a query, in whole seconds.
fn since(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
