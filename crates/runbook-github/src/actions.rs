//! The environment of a GitHub Actions job, read from the variables that the runner sets.
//! Source: <https://docs.github.com/actions/reference/workflows-and-actions/variables>.

use std::path::PathBuf;

use runbook_core::{Actor, ActorKind, Origin, Owner, registry::Lookup};

/// What GitHub Actions says about the job that runs.
///
/// All names in it are text from outside: a branch may be called almost anything. Escape them where they are shown, and
/// never build a command of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActionsEnvironment {
    /// `owner/name`.
    pub repository: String,
    /// The id of the workflow's run.
    pub run_id: String,
    /// Which attempt of it, from 1.
    pub attempt: u32,
    /// The number that people see (`#12`), from 1.
    pub run_number: Option<u64>,
    /// Where the pages are, such as `https://github.com`.
    pub server_url: String,
    /// Where the API is, such as `https://api.github.com`.
    pub api_url: String,
    /// The event that triggered the run: `schedule`, `push`, `workflow_dispatch`, …
    pub event_name: String,
    /// The login of who triggered this attempt.
    pub actor: String,
    /// The commit that triggered the run.
    pub sha: Option<String>,
    /// The full ref, such as `refs/heads/main`.
    pub git_ref: Option<String>,
    /// The short name of the ref.
    pub ref_name: Option<String>,
    /// The branch of a pull request.
    pub head_ref: Option<String>,
    /// The workflow's name.
    pub workflow: Option<String>,
    /// The job's id in the workflow.
    pub job: String,
    /// `github-hosted` or `self-hosted`.
    pub runner_environment: Option<String>,
    /// The file that the summary on the run's page is appended to.
    pub step_summary: Option<PathBuf>,
    /// The file that outputs are appended to.
    pub output: Option<PathBuf>,
    /// The file that holds the event's payload.
    pub event_path: Option<PathBuf>,
}

impl ActionsEnvironment {
    /// Reads the variables; `None` outside of a job (`GITHUB_ACTIONS` is not `true`, or repository or run id is missing).
    pub fn from(variables: &Lookup) -> Option<Self> {
        let get = |name: &str| variables.get(name);
        let path = |name: &str| get(name).map(PathBuf::from);
        if get("GITHUB_ACTIONS").as_deref() != Some("true") {
            return None;
        }
        Some(Self {
            repository: get("GITHUB_REPOSITORY")?,
            run_id: get("GITHUB_RUN_ID")?,
            attempt: get("GITHUB_RUN_ATTEMPT").and_then(|text| text.parse().ok()).unwrap_or(1),
            run_number: get("GITHUB_RUN_NUMBER").and_then(|text| text.parse().ok()),
            server_url: get("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".to_owned()),
            api_url: get("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".to_owned()),
            event_name: get("GITHUB_EVENT_NAME").unwrap_or_else(|| "unknown".to_owned()),
            // Who asked for this attempt, not who asked for the first one.
            actor: get("GITHUB_TRIGGERING_ACTOR")
                .or_else(|| get("GITHUB_ACTOR"))
                .unwrap_or_else(|| "unknown".to_owned()),
            sha: get("GITHUB_SHA"),
            git_ref: get("GITHUB_REF"),
            ref_name: get("GITHUB_REF_NAME"),
            head_ref: get("GITHUB_HEAD_REF"),
            workflow: get("GITHUB_WORKFLOW"),
            job: get("GITHUB_JOB").unwrap_or_else(|| "unknown".to_owned()),
            runner_environment: get("RUNNER_ENVIRONMENT"),
            step_summary: path("GITHUB_STEP_SUMMARY"),
            output: path("GITHUB_OUTPUT"),
            event_path: path("GITHUB_EVENT_PATH"),
        })
    }

    /// Whether GitHub lent the machine: its loopback addresses are nobody's services then.
    pub fn is_github_hosted(&self) -> bool {
        self.runner_environment.as_deref() == Some("github-hosted")
    }

    /// The branch: of the pull request, or of the ref where that is a branch. A tag is none.
    pub fn branch(&self) -> Option<&str> {
        self.head_ref.as_deref().or_else(|| self.git_ref.as_deref()?.strip_prefix("refs/heads/"))
    }

    /// The page of this attempt of the run.
    pub fn run_url(&self) -> String {
        let run = format!("{}/{}/actions/runs/{}", self.server_url, self.repository, self.run_id);
        match self.attempt {
            0 | 1 => run,
            attempt => format!("{run}/attempts/{attempt}"),
        }
    }

    /// Where a request of this job comes from.
    pub fn origin(&self) -> Origin {
        Origin {
            trigger: self.event_name.clone(),
            branch: self.branch().map(str::to_owned),
            commit: self.sha.as_deref().and_then(|sha| sha.parse().ok()),
            ci_run: Some(self.run_id.clone()),
            run_url: Some(self.run_url()),
            request_id: None,
        }
    }

    /// This job, as the owner of a run.
    pub fn owner(&self) -> Owner {
        Owner::Job {
            repository: self.repository.clone(),
            run_id: self.run_id.clone(),
            attempt: self.attempt,
            job: self.job.clone(),
        }
    }

    /// Who asks. A person only where somebody asked for exactly this: a dispatch by hand, or a comment. A schedule, a
    /// push, another workflow, and whatever a bot or app does is automation, also when a person started it again.
    pub fn actor(&self) -> Actor {
        let by_hand = matches!(self.event_name.as_str(), "workflow_dispatch" | "issue_comment");
        let kind = if by_hand && !self.actor.ends_with("[bot]") && self.actor != "unknown" {
            ActorKind::Person
        } else {
            ActorKind::Automation
        };
        Actor { name: self.actor.clone(), kind }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    fn job(more: &[(&str, &str)]) -> Option<ActionsEnvironment> {
        let base = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "octo/forge"),
            ("GITHUB_RUN_ID", "42"),
            ("GITHUB_JOB", "deploy"),
            ("GITHUB_SHA", SHA),
            ("GITHUB_REF", "refs/heads/main"),
            ("GITHUB_ACTOR", "mona"),
        ];
        ActionsEnvironment::from(&Lookup::fixed(base.into_iter().chain(more.iter().copied())))
    }

    #[test]
    fn outside_of_a_job_there_is_none() {
        assert_eq!(job(&[("GITHUB_ACTIONS", "")]), None);
        assert_eq!(job(&[("GITHUB_REPOSITORY", "")]), None);
        assert_eq!(ActionsEnvironment::from(&Lookup::fixed::<&str, &str>([])), None);
    }

    #[test]
    fn an_origin_names_the_run() {
        let origin = job(&[("GITHUB_EVENT_NAME", "push")]).unwrap().origin();
        assert_eq!(origin.trigger, "push");
        assert_eq!(origin.branch.as_deref(), Some("main"));
        assert_eq!(origin.commit.unwrap().as_str(), SHA);
        assert_eq!(origin.ci_run.as_deref(), Some("42"));
        assert_eq!(origin.run_url.as_deref(), Some("https://github.com/octo/forge/actions/runs/42"));
    }

    #[test]
    fn a_second_attempt_has_its_own_page_and_owner() {
        let server = ("GITHUB_SERVER_URL", "https://git.example.com");
        let job = job(&[("GITHUB_RUN_ATTEMPT", "3"), server]).unwrap();
        assert_eq!(job.run_url(), "https://git.example.com/octo/forge/actions/runs/42/attempts/3");
        assert_eq!(job.owner().to_string(), "job deploy of run 42 (attempt 3) in octo/forge");
    }

    #[test]
    fn tags_are_no_branches_and_pull_requests_have_their_own() {
        assert_eq!(job(&[("GITHUB_REF", "refs/tags/v1")]).unwrap().branch(), None);
        let pull = job(&[("GITHUB_REF", "refs/pull/7/merge"), ("GITHUB_HEAD_REF", "fix/it")]).unwrap();
        assert_eq!(pull.branch(), Some("fix/it"));
    }

    #[test]
    fn only_who_asked_by_hand_is_a_person() {
        for (event, actor, kind) in [
            ("workflow_dispatch", "mona", ActorKind::Person),
            ("issue_comment", "mona", ActorKind::Person),
            ("workflow_dispatch", "github-actions[bot]", ActorKind::Automation),
            ("schedule", "mona", ActorKind::Automation),
            ("push", "mona", ActorKind::Automation),
            ("push", "dependabot[bot]", ActorKind::Automation),
            ("workflow_run", "mona", ActorKind::Automation),
            ("repository_dispatch", "mona", ActorKind::Automation),
        ] {
            let job = job(&[("GITHUB_EVENT_NAME", event), ("GITHUB_TRIGGERING_ACTOR", actor)]).unwrap();
            assert_eq!(job.actor(), Actor { name: actor.to_owned(), kind }, "{event} by {actor}");
        }
    }

    #[test]
    fn a_lent_machine_is_known() {
        assert!(job(&[("RUNNER_ENVIRONMENT", "github-hosted")]).unwrap().is_github_hosted());
        assert!(!job(&[("RUNNER_ENVIRONMENT", "self-hosted")]).unwrap().is_github_hosted());
        assert!(!job(&[]).unwrap().is_github_hosted());
    }
}
