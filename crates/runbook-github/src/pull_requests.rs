//! Pull requests for the branches of rollbacks: <https://docs.github.com/rest/pulls/pulls>.

use async_trait::async_trait;
use runbook_core::{
    LeftBehind,
    engine::Permit,
    ports::{ProposedRollback, PullRequestError, PullRequests, RollbackProposal},
};
use runbook_render::{PullRequestDraft, RollbackFacts};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    api::Failure,
    forge::{GitHubForge, PAGE, encoded},
};

const PERMISSION: &str = "pull-requests: write";
/// What GitHub refuses to a workflow's own token, whatever its permissions, until it is allowed in the settings.
const SETTING: &str = "a workflow's own token needs the repository's setting \"Allow GitHub Actions to create and \
                       approve pull requests\" too";

#[derive(Debug, Deserialize)]
struct PullRequest {
    number: u64,
    html_url: String,
    state: String,
    head: Head,
}

#[derive(Debug, Deserialize)]
struct Head {
    #[serde(rename = "ref")]
    branch: String,
    /// Absent when the fork is gone.
    repo: Option<HeadRepository>,
}

#[derive(Debug, Deserialize)]
struct HeadRepository {
    full_name: String,
}

#[derive(Debug, Deserialize)]
struct Home {
    default_branch: String,
}

#[async_trait]
impl PullRequests for GitHubForge {
    async fn propose(&self, _: &Permit, proposal: &RollbackProposal) -> Result<ProposedRollback, PullRequestError> {
        let until = self.until();
        let draft = self.draft(proposal)?;
        let found = self.pull_request_of(&proposal.branch, until).await;
        let found = found.map_err(|failure| self.unopened("look for a pull request", failure, LeftBehind::NoChange))?;
        match found {
            Some(found) => Ok(ProposedRollback { number: found.number, url: found.html_url, created: false }),
            None => self.open(proposal, &draft, until).await,
        }
    }
}

impl GitHubForge {
    /// Makes the texts, before anything is sent.
    fn draft(&self, proposal: &RollbackProposal) -> Result<PullRequestDraft, PullRequestError> {
        let facts = RollbackFacts {
            branch: &proposal.branch,
            to: &proposal.to,
            environment: &proposal.environment,
            run: proposal.run,
            run_url: proposal.run_url.as_deref(),
            rollback: &proposal.rollback,
        };
        let (draft, problem) =
            self.renderer.or_embedded(|renderer| renderer.pull_request(&facts)).map_err(|error| PullRequestError {
                message: "failed to write the pull request".to_owned(),
                left: LeftBehind::NoChange,
                source: Some(error.into()),
            })?;
        if let Some(problem) = problem {
            tracing::warn!(%problem, "the repository's own template of pull requests cannot be used");
        }
        Ok(draft)
    }

    /// The pull request of a branch of this repository: an open one first, else the newest. GitHub leaves a filter that
    /// it does not understand out, so what it lists is looked at.
    async fn pull_request_of(&self, branch: &str, until: Instant) -> Result<Option<PullRequest>, Failure> {
        let repository = self.connection.repository();
        let owner = repository.split_once('/').map_or("", |(owner, _)| owner);
        let head = encoded(&format!("{owner}:{branch}"));
        let path = self.path(&format!("/pulls?state=all&head={head}&per_page={PAGE}"));
        let (listed, _) = self.connection.api.page::<PullRequest>(&path, until).await?;
        let is_ours = |pull: &PullRequest| {
            let from_here = |repo: &HeadRepository| repo.full_name.eq_ignore_ascii_case(&repository);
            pull.head.branch == branch && pull.head.repo.as_ref().is_some_and(from_here)
        };
        Ok(listed.into_iter().filter(is_ours).max_by_key(|pull| (pull.state == "open", pull.number)))
    }

    /// Opens it. After a lost answer, or where GitHub says that there is one, it looks again.
    async fn open(
        &self,
        proposal: &RollbackProposal,
        draft: &PullRequestDraft,
        until: Instant,
    ) -> Result<ProposedRollback, PullRequestError> {
        let home = self.connection.api.get::<Home>(&self.path(""), until).await;
        let home = home.map_err(|failure| self.unopened("read the default branch", failure, LeftBehind::NoChange))?;
        let wanted = json!({
            "title": draft.title,
            "body": draft.body,
            "head": proposal.branch,
            "base": home.default_branch,
        });
        let failure = match self.connection.api.post::<PullRequest>(&self.path("/pulls"), &wanted, until).await {
            Ok(made) => return Ok(ProposedRollback { number: made.number, url: made.html_url, created: true }),
            Err(failure) => failure,
        };
        let lost = failure.may_have_happened();
        if (lost || matches!(failure, Failure::Refused { status: 422, .. }))
            && let Ok(Some(found)) = self.pull_request_of(&proposal.branch, until).await
        {
            return Ok(ProposedRollback { number: found.number, url: found.html_url, created: lost });
        }
        let left = if lost { LeftBehind::Unknown } else { LeftBehind::NoChange };
        Err(self.unopened("open a pull request", failure, left))
    }

    fn unopened(&self, doing: &str, failure: Failure, left: LeftBehind) -> PullRequestError {
        let mut message = self.words(doing, &failure, PERMISSION);
        if matches!(failure, Failure::Refused { status: 403, .. }) {
            message.push_str(&format!("; {SETTING}"));
        }
        PullRequestError { message, left, source: failure.into_cause() }
    }
}
