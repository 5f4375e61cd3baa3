//! How the status issue is told from all others: by number, else by marker, and always by who wrote it.

use std::collections::BTreeMap;

use super::upsert::Upsert;
use crate::api::{Failure, Issue, User};

/// GitHub's largest page.
pub(super) const PAGE: usize = 100;
/// So many pages are read at most; the search without a label begins with what was updated last, and the status issue
/// is updated every few hours.
const PAGES: usize = 20;
/// The label that makes the search short.
const LABEL: &str = "runbook";

/// What a search found.
#[derive(Debug)]
pub(super) struct Found {
    /// The issue to keep.
    pub(super) issue: Option<Issue>,
    /// Newer open ones with the same marker.
    pub(super) duplicates: Vec<Issue>,
}

impl Upsert<'_> {
    /// The issue by its known number, else by its marker.
    pub(super) async fn find(&self) -> Result<Found, Failure> {
        if let Some(number) = self.update.known_number {
            match self.forge.api.get::<Issue>(&self.path(&format!("/issues/{number}")), self.until).await {
                // A transferred issue answers from where it is now.
                Ok(issue) if self.forge.repository.is_at(&issue.repository_url) && self.is_ours(&issue).await? => {
                    return Ok(Found { issue: Some(issue), duplicates: Vec::new() });
                }
                Ok(_) => {}
                Err(failure) if failure.is_gone() => {}
                Err(failure) => return Err(failure),
            }
        }
        self.search().await
    }

    /// The oldest issue with the marker, and the others. A list that could not be read is an error, never an empty list.
    pub(super) async fn search(&self) -> Result<Found, Failure> {
        let mut ours = self.listed(&format!("labels={LABEL}&sort=created&direction=asc")).await?;
        if ours.is_empty() {
            // People may take labels off.
            ours = self.listed("sort=updated&direction=desc").await?;
        }
        let mut oldest_first = ours.into_values();
        let issue = oldest_first.next();
        Ok(Found { issue, duplicates: oldest_first.filter(Issue::is_open).collect() })
    }

    /// Our issues of one list, by number.
    async fn listed(&self, query: &str) -> Result<BTreeMap<u64, Issue>, Failure> {
        let mut ours = BTreeMap::new();
        for page in 1..=PAGES {
            let path = self.path(&format!("/issues?state=all&{query}&per_page={PAGE}&page={page}"));
            let (issues, more) = self.forge.api.page::<Issue>(&path, self.until).await?;
            let full = issues.len() >= PAGE;
            for issue in issues {
                if self.is_ours(&issue).await? {
                    ours.insert(issue.number, issue);
                }
            }
            if !full && !more {
                return Ok(ours);
            }
        }
        tracing::warn!(pages = PAGES, "the list of issues is longer than what is searched for the status issue");
        Ok(ours)
    }

    async fn is_ours(&self, issue: &Issue) -> Result<bool, Failure> {
        if issue.is_pull_request() || !carries(issue.body(), &self.draft.marker) {
            return Ok(false);
        }
        let ours = self.is_trusted(issue.user.as_ref(), &issue.author_association).await?;
        if !ours {
            tracing::warn!(issue = issue.number, "an issue of a stranger carries the marker of the status issue");
        }
        Ok(ours)
    }

    /// Whether an author is this token's identity, or somebody with a place in the repository.
    pub(super) async fn is_trusted(&self, author: Option<&User>, association: &str) -> Result<bool, Failure> {
        if matches!(association, "OWNER" | "MEMBER" | "COLLABORATOR") {
            return Ok(true);
        }
        let Some(author) = author else { return Ok(false) };
        Ok(self.forge.identity(self.until).await?.eq_ignore_ascii_case(&author.login))
    }
}

/// Whether a text carries the marker: as a line of its own, outside code. A text that only quotes it does not.
pub(super) fn carries(text: &str, marker: &str) -> bool {
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code && line.trim_end() == marker {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_marker_is_no_marker() {
        let marker = "<!-- runbook:status:v1 environment=production -->";
        assert!(carries(&format!("{marker}\n\nOPERATIONAL"), marker));
        assert!(carries(&format!("a note by hand\r\n{marker}\r\n"), marker));
        assert!(!carries(&format!("> {marker}"), marker));
        assert!(!carries(&format!("what does `{marker}` mean?"), marker));
        assert!(!carries(&format!("the body was:\n```html\n{marker}\n```\n"), marker));
        assert!(!carries("<!-- runbook:status:v1 environment=production2 -->", marker));
    }
}
