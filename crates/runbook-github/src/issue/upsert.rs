//! One update of the status issue, from the search to the comment. Each step says what it leaves behind when it fails.

use runbook_core::{
    LeftBehind,
    ports::{IssueError, IssueUpdate, PublishedIssue},
};
use runbook_render::{IssueDraft, RenderError};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{StatusIssue, find::Found};
use crate::api::{Failure, Issue};

/// One update: what is to be shown, where, and until when it must be done.
pub(super) struct Upsert<'a> {
    pub(super) forge: &'a StatusIssue,
    pub(super) update: &'a IssueUpdate,
    pub(super) draft: IssueDraft,
    /// The comment with its own marker in front; `None` when none is due.
    comment: Option<(String, String)>,
    /// What did not keep the texts from being made.
    warnings: Vec<String>,
    /// How many requests were sent before.
    sent: u64,
    pub(super) until: Instant,
}

impl<'a> Upsert<'a> {
    /// Makes the texts, before anything is sent.
    pub(super) fn begin(forge: &'a StatusIssue, update: &'a IssueUpdate) -> Result<Self, IssueError> {
        let unrendered = |error: RenderError| IssueError {
            message: "failed to write the status issue".to_owned(),
            left: LeftBehind::NoChange,
            retryable: false,
            source: Some(error.into()),
        };
        let (draft, problem) = forge.renderer.or_embedded(|by| by.issue(&update.view)).map_err(unrendered)?;
        let mut problems: Vec<RenderError> = problem.into_iter().collect();
        let comment = match update.comment {
            true => {
                let marker = format!("<!-- runbook:run:{} -->", update.view.run);
                let (text, problem) = forge.renderer.or_embedded(|by| by.comment(&update.view)).map_err(unrendered)?;
                problems.extend(problem);
                Some((format!("{marker}\n\n{text}"), marker))
            }
            false => None,
        };
        let mut warnings = forge.warnings.clone();
        for warning in problems.iter().map(embedded_used) {
            // A part that both texts have is wrong in both.
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        let (sent, until) = (forge.api.sent(), Instant::now() + forge.deadlines.upsert);
        Ok(Self { forge, update, draft, comment, warnings, sent, until })
    }

    pub(super) async fn run(&self) -> Result<PublishedIssue, IssueError> {
        let found = self
            .find()
            .await
            .map_err(|failure| self.error("look for the status issue", failure, LeftBehind::NoChange))?;
        let Found { issue, duplicates } = found;
        let (issue, created, mut left) = match issue {
            Some(issue) => {
                let left = self.refresh(&issue).await?;
                (issue, false, left)
            }
            None => (self.create().await?, true, LeftBehind::Changed),
        };
        if let Some((text, marker)) = &self.comment {
            let doing = format!("comment on the status issue #{}", issue.number);
            let said = self.comment_once(&issue, marker, text).await;
            left = left.max(said.map_err(|(failure, more)| self.error_at(&issue, &doing, failure, left.max(more)))?);
        }
        for duplicate in &duplicates {
            let doing = format!("close #{}, a second status issue beside #{}", duplicate.number, issue.number);
            let retired = self.retire(duplicate, &issue).await;
            retired.map_err(|(failure, more)| self.error_at(duplicate, &doing, failure, left.max(more)))?;
            left = left.max(LeftBehind::Changed);
        }
        let requests = self.forge.api.sent().saturating_sub(self.sent);
        let warnings = self.warnings.clone();
        Ok(PublishedIssue { number: issue.number, url: issue.html_url, created, requests, warnings })
    }

    /// Makes the issue. After a lost answer it looks for the marker; what is not found then may still appear.
    async fn create(&self) -> Result<Issue, IssueError> {
        let IssueDraft { title, body, .. } = &self.draft;
        let wanted = json!({ "title": title, "body": body, "labels": self.update.view.labels });
        let failure = match self.forge.api.post::<Issue>(&self.path("/issues"), &wanted, self.until).await {
            Ok(issue) => return Ok(issue),
            Err(failure) => failure,
        };
        let doing = "create the status issue";
        if !failure.may_have_happened() {
            return Err(self.error(doing, failure, LeftBehind::NoChange));
        }
        match self.search().await {
            Ok(Found { issue: Some(issue), .. }) => Ok(issue),
            // A list may lag behind: not listed yet is not the same as not made.
            Ok(Found { issue: None, .. }) | Err(_) => Err(self.error(doing, failure, LeftBehind::Unknown)),
        }
    }

    /// Brings the issue up to date, in one change, and only in what differs.
    async fn refresh(&self, issue: &Issue) -> Result<LeftBehind, IssueError> {
        let Some(change) = self.difference(issue) else { return Ok(LeftBehind::NoChange) };
        let path = self.path(&format!("/issues/{}", issue.number));
        let failure = match self.forge.api.patch::<Issue>(&path, &change, self.until).await {
            Ok(_) => return Ok(LeftBehind::Changed),
            Err(failure) => failure,
        };
        if failure.may_have_happened()
            && let Ok(now) = self.forge.api.get::<Issue>(&path, self.until).await
            && self.difference(&now).is_none()
        {
            return Ok(LeftBehind::Changed);
        }
        let left = if failure.may_have_happened() { LeftBehind::Unknown } else { LeftBehind::NoChange };
        Err(self.error_at(issue, &format!("update the status issue #{}", issue.number), failure, left))
    }

    /// What must be changed of an issue; `None` when it already shows all. Labels that people added stay.
    fn difference(&self, issue: &Issue) -> Option<Value> {
        let IssueDraft { title, body, .. } = &self.draft;
        let mut change = Map::new();
        if issue.title != *title {
            change.insert("title".to_owned(), title.as_str().into());
        }
        if !same_text(issue.body(), body) {
            change.insert("body".to_owned(), body.as_str().into());
        }
        if !issue.is_open() {
            change.insert("state".to_owned(), "open".into());
        }
        // GitHub compares labels without regard to case.
        let has = |label: &String| issue.labels().any(|has| has.eq_ignore_ascii_case(label));
        let missing: Vec<&String> = self.update.view.labels.iter().filter(|label| !has(label)).collect();
        if !missing.is_empty() {
            let all = issue.labels().chain(missing.into_iter().map(String::as_str));
            change.insert("labels".to_owned(), all.collect());
        }
        (!change.is_empty()).then_some(Value::Object(change))
    }

    /// Closes a second issue with the same marker, after a comment that leads to the one that stays. The comment comes
    /// first, so that whatever goes wrong in between, the next update finds the issue open and goes on.
    async fn retire(&self, duplicate: &Issue, stays: &Issue) -> Result<(), (Failure, LeftBehind)> {
        let marker = format!("<!-- runbook:duplicate-of:{} -->", stays.number);
        let text = format!(
            "{marker}\n\nThe status of this environment is kept in #{}, which is older. \
             This issue is closed, so that there is one place to look.",
            stays.number
        );
        self.comment_once(duplicate, &marker, &text).await?;
        let change = json!({ "state": "closed", "state_reason": "not_planned" });
        let path = self.path(&format!("/issues/{}", duplicate.number));
        match self.forge.api.patch::<Issue>(&path, &change, self.until).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.may_have_happened() => match self.forge.api.get::<Issue>(&path, self.until).await {
                Ok(now) if !now.is_open() => Ok(()),
                Ok(_) | Err(_) => Err((failure, LeftBehind::Unknown)),
            },
            Err(failure) => Err((failure, LeftBehind::Changed)),
        }
    }

    /// A path below the repository's.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("{}{rest}", self.forge.repository.path())
    }

    fn error(&self, doing: &str, failure: Failure, left: LeftBehind) -> IssueError {
        let why = failure.explain(&self.forge.repository, &self.forge.api.site().api);
        IssueError {
            message: format!("failed to {doing} of {}: {why}", self.forge.repository),
            left,
            retryable: failure.is_passing(),
            source: failure.into_cause(),
        }
    }

    /// An error about one issue: when that is gone, the repository need not be.
    fn error_at(&self, issue: &Issue, doing: &str, failure: Failure, left: LeftBehind) -> IssueError {
        if !failure.is_gone() {
            return self.error(doing, failure, left);
        }
        IssueError {
            message: format!(
                "failed to {doing} of {}: #{} was deleted or moved meanwhile; the next update mends it",
                self.forge.repository, issue.number
            ),
            left,
            retryable: true,
            source: None,
        }
    }
}

/// What a template of the repository's own did not make, and why.
fn embedded_used(problem: &RenderError) -> String {
    let place = problem.place().map(|place| format!("{place}: ")).unwrap_or_default();
    format!("template {place}{}; the built-in text was used", problem.reason())
}

/// Whether two texts are the same to a reader. GitHub's page sends line ends as CRLF, and the API may cut white space at
/// the end.
pub(crate) fn same_text(left: &str, right: &str) -> bool {
    left.replace("\r\n", "\n").trim_end() == right.replace("\r\n", "\n").trim_end()
}
