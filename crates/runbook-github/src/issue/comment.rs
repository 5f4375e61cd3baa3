//! Comments: each has a marker of its own, and is posted only when the newest comments do not hold it yet.

use runbook_core::LeftBehind;
use serde_json::{Value, json};

use super::{
    find::{PAGE, carries},
    upsert::Upsert,
};
use crate::api::{Comment, Failure, Issue};

/// So many pages are read, from the last but one of those that the issue had when it was read.
const PAGES: u64 = 3;

impl Upsert<'_> {
    /// Posts a comment unless it is there already, and says whether that changed anything. After a lost answer it looks
    /// again; what is not there then may still appear.
    pub(super) async fn comment_once(
        &self,
        issue: &Issue,
        marker: &str,
        text: &str,
    ) -> Result<LeftBehind, (Failure, LeftBehind)> {
        if self.is_said(issue, marker).await.map_err(|failure| (failure, LeftBehind::NoChange))? {
            return Ok(LeftBehind::NoChange);
        }
        let path = self.path(&format!("/issues/{}/comments", issue.number));
        match self.forge.api.post::<Value>(&path, &json!({ "body": text }), self.until).await {
            Ok(_) => Ok(LeftBehind::Changed),
            Err(failure) if failure.may_have_happened() => match self.is_said(issue, marker).await {
                Ok(true) => Ok(LeftBehind::Changed),
                Ok(false) | Err(_) => Err((failure, LeftBehind::Unknown)),
            },
            Err(failure) => Err((failure, LeftBehind::NoChange)),
        }
    }

    /// Whether one of the newest comments (the last hundred at least) carries the marker. GitHub lists the oldest first,
    /// so the last pages are asked for.
    async fn is_said(&self, issue: &Issue, marker: &str) -> Result<bool, Failure> {
        let last = issue.comments.div_ceil(PAGE as u64);
        let first = last.saturating_sub(1).max(1);
        for page in first..first + PAGES {
            let path = format!("/issues/{}/comments?per_page={PAGE}&page={page}", issue.number);
            let (comments, more) = self.forge.api.page::<Comment>(&self.path(&path), self.until).await?;
            let full = comments.len() >= PAGE;
            for comment in comments {
                if carries(comment.body.as_deref().unwrap_or_default(), marker)
                    && self.is_trusted(comment.user.as_ref(), &comment.author_association).await?
                {
                    return Ok(true);
                }
            }
            if !full && !more {
                break;
            }
        }
        Ok(false)
    }
}
