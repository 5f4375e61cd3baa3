//! GitHub's JSON for each thing, with every field that GitHub always sends. Times are RFC 3339 in whole seconds; ids,
//! node ids and links are consistent within one fake; links lead to the fake itself, never to github.com.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::model::{
    CheckRun, Comment, CommitStatus, Deployment, DeploymentStatus, Issue, Label, Reaction, Workflow, WorkflowRun,
};
use super::world::Repository;

/// Writes the JSON of one repository's things.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'a> {
    pub(super) base: &'a str,
    pub(super) repository: &'a Repository,
}

/// A number that stays the same for a login.
fn user_id(login: &str) -> u64 {
    login.bytes().fold(5_381, |hash: u64, byte| (hash.wrapping_mul(33) ^ u64::from(byte)) & 0x00ff_ffff)
}

/// A user, in the short form that stands inside other things.
pub(super) fn user(base: &str, login: &str) -> Value {
    let (api, id) = (format!("{base}/users/{}", encode(login)), user_id(login));
    let app = login.strip_suffix("[bot]");
    // The page of a bot is that of its app.
    let page = app.map_or_else(|| format!("{base}/{login}"), |app| format!("{base}/apps/{app}"));
    json!({
        "login": login,
        "id": id,
        "node_id": format!("U_{id:08x}"),
        "avatar_url": format!("{base}/avatars/u/{id}?v=4"),
        "gravatar_id": "",
        "url": api,
        "html_url": page,
        "followers_url": format!("{api}/followers"),
        "following_url": format!("{api}/following{{/other_user}}"),
        "gists_url": format!("{api}/gists{{/gist_id}}"),
        "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{api}/subscriptions"),
        "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events{{/privacy}}"),
        "received_events_url": format!("{api}/received_events"),
        "type": if app.is_some() { "Bot" } else { "User" },
        "user_view_type": "public",
        "site_admin": false,
    })
}

/// The user that a token is of, as `GET /user` shows it.
pub(super) fn me(base: &str, login: &str, since: Timestamp) -> Value {
    let mut value = user(base, login);
    if let Value::Object(fields) = &mut value {
        let unsaid = ["name", "company", "blog", "location", "email", "hireable", "bio", "twitter_username"];
        fields.extend(unsaid.map(|name| (name.to_owned(), Value::Null)));
        let counts = ["public_repos", "public_gists", "followers", "following"];
        fields.extend(counts.map(|name| (name.to_owned(), 0.into())));
        fields.extend(["created_at", "updated_at"].map(|name| (name.to_owned(), since.to_string().into())));
    }
    value
}

/// How often each reaction was given to what stands at this address in the API.
fn reactions(url: &str, given: &[Reaction]) -> Value {
    let count = |content| given.iter().filter(|reaction| reaction.content == content).count();
    json!({
        "url": format!("{url}/reactions"),
        "total_count": given.len(),
        "+1": count("+1"), "-1": count("-1"), "laugh": count("laugh"), "hooray": count("hooray"),
        "confused": count("confused"), "heart": count("heart"), "rocket": count("rocket"), "eyes": count("eyes"),
    })
}

impl Shape<'_> {
    /// The repository's address in the API.
    pub(super) fn api(&self) -> String {
        format!("{}/repos/{}", self.base, self.repository.full_name())
    }

    /// The repository's page.
    pub(super) fn page(&self) -> String {
        format!("{}/{}", self.base, self.repository.full_name())
    }

    pub(super) fn user(&self, login: &str) -> Value {
        user(self.base, login)
    }

    fn association(&self, login: &str) -> &'static str {
        if login == self.repository.owner {
            "OWNER"
        } else if self.repository.collaborators.get(login).is_some_and(|permission| permission != "none") {
            // Also who may only read or triage.
            "COLLABORATOR"
        } else {
            "NONE"
        }
    }

    pub(super) fn issue(&self, issue: &Issue) -> Value {
        let (api, number) = (self.api(), issue.number);
        let url = format!("{api}/issues/{number}");
        let comments = self.repository.comments.iter().filter(|comment| comment.issue == number).count();
        let kind = if issue.pull_request { "pull" } else { "issues" };
        let mut value = json!({
            "url": url,
            "repository_url": api,
            "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"),
            "html_url": format!("{}/{kind}/{number}", self.page()),
            "id": issue.id,
            "node_id": format!("I_{:08x}", issue.id),
            "number": number,
            "title": issue.title,
            "user": self.user(&issue.author),
            "labels": issue.labels.iter().filter_map(|name| self.repository.label(name)).map(|l| self.label(l)).collect::<Vec<_>>(),
            "state": if issue.open { "open" } else { "closed" },
            "locked": issue.locked,
            "assignee": null,
            "assignees": [],
            "milestone": null,
            "comments": comments,
            "created_at": issue.created_at,
            "updated_at": issue.updated_at,
            "closed_at": issue.closed_at,
            "author_association": self.association(&issue.author),
            "active_lock_reason": null,
            "body": issue.body,
            "closed_by": issue.closed_by.as_deref().map(|login| self.user(login)),
            "reactions": reactions(&url, &[]),
            "timeline_url": format!("{url}/timeline"),
            "performed_via_github_app": null,
            "state_reason": issue.state_reason,
        });
        if issue.pull_request {
            value["pull_request"] = json!({
                "url": format!("{api}/pulls/{number}"),
                "html_url": format!("{}/pull/{number}", self.page()),
                "diff_url": format!("{}/pull/{number}.diff", self.page()),
                "patch_url": format!("{}/pull/{number}.patch", self.page()),
                "merged_at": null,
            });
        }
        value
    }

    pub(super) fn comment(&self, comment: &Comment) -> Value {
        let (api, id) = (self.api(), comment.id);
        json!({
            "url": format!("{api}/issues/comments/{id}"),
            "html_url": format!("{}/issues/{}#issuecomment-{id}", self.page(), comment.issue),
            "issue_url": format!("{api}/issues/{}", comment.issue),
            "id": id,
            "node_id": format!("IC_{id:08x}"),
            "user": self.user(&comment.author),
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
            "body": comment.body,
            "author_association": self.association(&comment.author),
            "reactions": reactions(&format!("{api}/issues/comments/{id}"), &comment.reactions),
            "performed_via_github_app": null,
        })
    }

    pub(super) fn reaction(&self, reaction: &Reaction) -> Value {
        json!({
            "id": reaction.id,
            "node_id": format!("REA_{:08x}", reaction.id),
            "user": self.user(&reaction.author),
            "content": reaction.content,
            "created_at": reaction.created_at,
        })
    }

    pub(super) fn label(&self, label: &Label) -> Value {
        json!({
            "id": label.id,
            "node_id": format!("LA_{:08x}", label.id),
            "url": format!("{}/labels/{}", self.api(), encode(&label.name)),
            "name": label.name,
            "color": label.color,
            "default": false,
            "description": label.description,
        })
    }

    pub(super) fn git_ref(&self, name: &str, sha: &str) -> Value {
        json!({
            "ref": name,
            "node_id": format!("REF_{name}"),
            "url": format!("{}/git/{name}", self.api()),
            "object": { "sha": sha, "type": "commit", "url": format!("{}/git/commits/{sha}", self.api()) },
        })
    }

    pub(super) fn check_run(&self, run: &CheckRun) -> Value {
        let url = format!("{}/check-runs/{}", self.api(), run.id);
        json!({
            "id": run.id,
            "name": run.name,
            "node_id": format!("CR_{:08x}", run.id),
            "head_sha": run.sha,
            "external_id": "",
            "url": url,
            "html_url": format!("{}/runs/{}", self.page(), run.id),
            "details_url": format!("{}/runs/{}", self.page(), run.id),
            "status": run.status,
            "conclusion": run.conclusion,
            "started_at": run.started_at,
            "completed_at": run.conclusion.as_ref().map(|_| run.started_at),
            "output": {
                "title": null, "summary": null, "text": null,
                "annotations_count": 0, "annotations_url": format!("{url}/annotations"),
            },
            "check_suite": { "id": run.id },
            "app": null,
            "pull_requests": [],
        })
    }

    pub(super) fn status(&self, status: &CommitStatus) -> Value {
        json!({
            "url": format!("{}/statuses/{}", self.api(), status.sha),
            "avatar_url": null,
            "id": status.id,
            "node_id": format!("SC_{:08x}", status.id),
            "state": status.state,
            "description": null,
            "target_url": null,
            "context": status.context,
            "created_at": status.created_at,
            "updated_at": status.created_at,
        })
    }

    pub(super) fn deployment(&self, deployment: &Deployment) -> Value {
        let url = format!("{}/deployments/{}", self.api(), deployment.id);
        let updated_at = deployment.statuses.last().map_or(deployment.created_at, |status| status.created_at);
        json!({
            "url": url,
            "id": deployment.id,
            "node_id": format!("DE_{:08x}", deployment.id),
            "task": deployment.task,
            "original_environment": deployment.environment,
            "environment": deployment.environment,
            "description": deployment.description,
            "created_at": deployment.created_at,
            "updated_at": updated_at,
            "statuses_url": format!("{url}/statuses"),
            "repository_url": self.api(),
            "creator": self.user(&deployment.creator),
            "sha": deployment.sha,
            "ref": deployment.git_ref,
            "payload": deployment.payload,
            "transient_environment": deployment.transient,
            "production_environment": deployment.production,
            "performed_via_github_app": null,
        })
    }

    pub(super) fn deployment_status(&self, deployment: &Deployment, status: &DeploymentStatus) -> Value {
        let parent = format!("{}/deployments/{}", self.api(), deployment.id);
        json!({
            "url": format!("{parent}/statuses/{}", status.id),
            "id": status.id,
            "node_id": format!("DES_{:08x}", status.id),
            "state": status.state,
            "creator": self.user(&status.creator),
            "description": status.description,
            "environment": deployment.environment,
            "target_url": status.log_url,
            "created_at": status.created_at,
            "updated_at": status.created_at,
            "deployment_url": parent,
            "repository_url": self.api(),
            "environment_url": status.environment_url,
            "log_url": status.log_url,
            "performed_via_github_app": null,
        })
    }

    pub(super) fn workflow(&self, workflow: &Workflow) -> Value {
        json!({
            "id": workflow.id,
            "node_id": format!("W_{:08x}", workflow.id),
            "name": workflow.name,
            "path": format!(".github/workflows/{}", workflow.file),
            "state": if workflow.enabled { "active" } else { "disabled_inactivity" },
            "created_at": self.repository.created_at,
            "updated_at": self.repository.created_at,
            "url": format!("{}/actions/workflows/{}", self.api(), workflow.id),
            "html_url": format!("{}/blob/{}/.github/workflows/{}", self.page(), self.repository.default_branch, workflow.file),
            "badge_url": format!("{}/workflows/{}/badge.svg", self.page(), encode(&workflow.name)),
        })
    }

    pub(super) fn run(&self, run: &WorkflowRun) -> Value {
        let url = format!("{}/actions/runs/{}", self.api(), run.id);
        let workflow = self.repository.workflows.iter().find(|workflow| workflow.id == run.workflow);
        let name = workflow.map(|workflow| workflow.name.as_str());
        let file = workflow.map(|workflow| workflow.file.as_str()).unwrap_or_default();
        let person = json!({ "name": self.repository.owner, "email": "owner@example.invalid" });
        json!({
            "id": run.id,
            "name": name.unwrap_or_default(),
            "node_id": format!("WFR_{:08x}", run.id),
            "head_branch": run.branch,
            "head_sha": run.sha,
            "path": format!(".github/workflows/{file}"),
            "display_title": name.unwrap_or_default(),
            "run_number": 1,
            "run_attempt": run.attempt,
            "event": run.event,
            "status": run.status,
            "conclusion": run.conclusion,
            "workflow_id": run.workflow,
            "check_suite_id": run.id,
            "url": url,
            "html_url": format!("{}/actions/runs/{}", self.page(), run.id),
            "pull_requests": [],
            "created_at": run.created_at,
            "updated_at": run.created_at,
            "run_started_at": run.created_at,
            "actor": self.user(&self.repository.owner),
            "triggering_actor": self.user(&self.repository.owner),
            "jobs_url": format!("{url}/jobs"),
            "logs_url": format!("{url}/logs"),
            "check_suite_url": format!("{}/check-suites/{}", self.api(), run.id),
            "artifacts_url": format!("{url}/artifacts"),
            "cancel_url": format!("{url}/cancel"),
            "rerun_url": format!("{url}/rerun"),
            "workflow_url": format!("{}/actions/workflows/{}", self.api(), run.workflow),
            "head_commit": {
                "id": run.sha, "tree_id": run.sha, "message": "a commit", "timestamp": run.created_at,
                "author": person, "committer": person,
            },
            "repository": self.minimal_repository(),
            "head_repository": self.minimal_repository(),
        })
    }
}

/// Percent-encoding of all but the unreserved characters (RFC 3986, section 2.3).
pub(super) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
