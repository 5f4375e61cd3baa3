//! How the status issue is told from all others: by number, else by marker, and always by who wrote it.

use std::collections::BTreeMap;

use runbook_core::ports::IssueUpdate;

use super::upsert::Upsert;
use crate::api::{Failure, Issue, User};

/// GitHub's largest page.
pub(super) const PAGE: usize = 100;
/// So many pages are read at most; the search without a label begins with what was updated last, and the status issue
/// is updated every few hours.
const PAGES: usize = 20;
/// The label that makes the search short.
const LABEL: &str = "runbook";
/// What was updated last comes first: the status issue itself, and whatever somebody made beside it since.
const NEWEST: &str = "sort=updated&direction=desc";

/// What a search found.
#[derive(Debug)]
pub(super) struct Found {
    /// The issue to keep.
    pub(super) issue: Option<Issue>,
    /// Newer open ones with the same marker.
    pub(super) duplicates: Vec<Issue>,
}

impl Found {
    /// The oldest is kept.
    fn of(ours: BTreeMap<u64, Issue>) -> Self {
        let mut oldest_first = ours.into_values();
        let issue = oldest_first.next();
        Self { issue, duplicates: oldest_first.filter(Issue::is_open).collect() }
    }
}

impl Upsert<'_> {
    /// The issue by its known number, else by its marker; with others that carry it.
    pub(super) async fn find(&self) -> Result<Found, Failure> {
        match self.update.known_number {
            Some(number) => self.find_known(number).await,
            None => self.search().await,
        }
    }

    /// The issue with this number, and open ones beside it: in one request where it is among the hundred that were updated
    /// last, as it is when nothing else happened. Asked for by its number alone, a second one would never be seen.
    async fn find_known(&self, number: u64) -> Result<Found, Failure> {
        let (issues, _) = self.list("open", NEWEST, 1).await?;
        let mut ours = self.ours_of(issues).await?;
        #[allow(clippy::map_entry, reason = "an entry cannot be held while GitHub is asked")]
        if !ours.contains_key(&number) {
            // Closed, deleted, transferred, or behind a hundred others.
            match self.forge.api.get::<Issue>(&self.path(&format!("/issues/{number}")), self.until).await {
                // A transferred issue answers from where it is now.
                Ok(issue) if self.forge.repository.is_at(&issue.repository_url) && self.is_ours(&issue).await? => {
                    ours.insert(number, issue);
                }
                Ok(_) => return self.search().await,
                Err(failure) if failure.is_gone() => return self.search().await,
                Err(failure) => return Err(failure),
            }
        }
        Ok(Found::of(ours))
    }

    /// The oldest issue with the marker, and the others. A list that could not be read is an error, never an empty list.
    pub(super) async fn search(&self) -> Result<Found, Failure> {
        let (issues, mut more) = self.list("all", NEWEST, 1).await?;
        let mut ours = self.ours_of(issues).await?;
        if more {
            let query = format!("labels={LABEL}&sort=created&direction=asc");
            for page in 1..=PAGES {
                let (issues, more) = self.list("all", &query, page).await?;
                ours.extend(self.ours_of(issues).await?);
                if !more {
                    break;
                }
            }
        }
        // People may take labels off.
        let mut page = 1;
        while more && ours.is_empty() {
            if page == PAGES {
                tracing::warn!(pages = PAGES, "not all issues were searched for the status issue");
                break;
            }
            page += 1;
            let issues;
            (issues, more) = self.list("all", NEWEST, page).await?;
            ours = self.ours_of(issues).await?;
        }
        Ok(Found::of(ours))
    }

    /// One page of a list of issues, and whether there may be more.
    async fn list(&self, state: &str, query: &str, page: usize) -> Result<(Vec<Issue>, bool), Failure> {
        let path = self.path(&format!("/issues?state={state}&{query}&per_page={PAGE}&page={page}"));
        let (issues, more) = self.forge.api.page::<Issue>(&path, self.until).await?;
        let more = more || issues.len() >= PAGE;
        Ok((issues, more))
    }

    /// Those of these issues that are ours, by number.
    async fn ours_of(&self, issues: Vec<Issue>) -> Result<BTreeMap<u64, Issue>, Failure> {
        let mut ours = BTreeMap::new();
        for issue in issues {
            if self.is_ours(&issue).await? {
                ours.insert(issue.number, issue);
            }
        }
        Ok(ours)
    }

    async fn is_ours(&self, issue: &Issue) -> Result<bool, Failure> {
        if self.is_known(issue) {
            return Ok(true);
        }
        if issue.is_pull_request() || !carries(issue.body(), &self.draft.marker) {
            return Ok(false);
        }
        let ours = self.is_trusted(issue.user.as_ref(), &issue.author_association).await?;
        if !ours {
            tracing::warn!(issue = issue.number, "an issue of a stranger carries the marker of the status issue");
        }
        Ok(ours)
    }

    /// Whether the journal names this very issue, by number and page: it was published to before, when it was looked at who
    /// wrote it, and nobody else can have become its author since. It is ours also where somebody emptied it.
    fn is_known(&self, issue: &Issue) -> bool {
        let IssueUpdate { known_number, known_url, .. } = self.update;
        *known_number == Some(issue.number) && known_url.as_deref() == Some(issue.html_url.as_str())
    }

    /// Whether an author is this token's identity, or may write to the repository.
    pub(super) async fn is_trusted(&self, author: Option<&User>, association: &str) -> Result<bool, Failure> {
        let Some(User { login }) = author else { return Ok(false) };
        let trusted = match association {
            "OWNER" => true,
            "MEMBER" | "COLLABORATOR" => self.forge.may_write(login, self.until).await?,
            _ => false,
        };
        Ok(trusted || self.forge.identity(self.until).await?.eq_ignore_ascii_case(login))
    }
}

/// Whether a text carries the marker: as a line of its own, outside code. A text that only quotes it does not.
pub(crate) fn carries(text: &str, marker: &str) -> bool {
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
