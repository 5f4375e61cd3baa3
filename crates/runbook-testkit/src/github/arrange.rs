//! The hand of the test: what is there before a client comes, what goes wrong, and what is there afterwards.

use serde_json::Value;

use super::{
    fault::Fault,
    grant::Grant,
    model::{
        CheckRun, Comment, CommitStatus, Deployment, Dispatch, Issue, Label, PullRequest, Slot, Workflow, WorkflowRun,
    },
    record::Recorded,
    routes::next_number,
    server::FakeGitHub,
    world::{Repository, World, commit_id},
};

/// Tokens and faults.
impl FakeGitHub {
    /// Another valid token, with its own identity and permissions.
    pub fn add_token(&self, grant: Grant) -> String {
        self.world().add_token(grant)
    }

    /// Makes a token invalid: 401 from now on.
    pub fn revoke(&self, token: &str) {
        self.world().tokens.remove(token);
    }

    /// Orders a fault.
    pub fn fail(&self, fault: Fault) {
        self.world().faults.order(fault);
    }

    /// Takes back every ordered fault.
    pub fn heal(&self) {
        self.world().faults.clear();
    }

    /// Sets how many requests this hour still has; the one after them is refused with 403.
    pub fn set_rate_limit_remaining(&self, remaining: u32) {
        let mut world = self.world();
        world.rate_used = World::rate_limit().saturating_sub(remaining);
    }

    /// Every request so far, oldest first; at most the newest 10,000.
    pub fn requests(&self) -> Vec<Recorded> {
        self.world().log.all()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.world().log.clear();
    }
}

/// The repository.
impl FakeGitHub {
    fn first<T>(&self, act: impl FnOnce(&mut Repository) -> T) -> T {
        // The builder makes at least one repository, and nothing takes one away.
        act(&mut self.world().repositories[0])
    }

    /// The repository's owner.
    pub fn owner(&self) -> String {
        self.first(|repository| repository.owner.clone())
    }

    /// The repository's name.
    pub fn name(&self) -> String {
        self.first(|repository| repository.name.clone())
    }

    /// Makes the repository private: whoever lacks a permission to read is told 404 or 403.
    pub fn set_private(&self, private: bool) {
        self.first(|repository| repository.private = private);
    }

    /// Switches the issues of the repository on or off; off, every route about them answers 410.
    pub fn set_issues_enabled(&self, enabled: bool) {
        self.first(|repository| repository.has_issues = enabled);
    }

    /// Gives a login a permission: `admin`, `maintain`, `write`, `triage`, `read` or `none`.
    pub fn set_permission(&self, login: &str, permission: &str) {
        self.first(|repository| repository.collaborators.insert(login.to_owned(), permission.to_owned()));
    }

    /// Adds a commit with this parent, and returns its id. No ref moves.
    pub fn add_commit(&self, parent: Option<&str>) -> String {
        self.first(|repository| {
            let sha = commit_id(&repository.full_name(), repository.commits.len());
            repository.commits.insert(sha.clone(), parent.map(str::to_owned).into_iter().collect());
            sha
        })
    }

    /// Tells the fake of a commit of a real repository.
    pub fn know_commit(&self, sha: &str, parent: Option<&str>) {
        self.first(|repository| {
            repository.commits.insert(sha.to_owned(), parent.map(str::to_owned).into_iter().collect())
        });
    }

    /// Points a ref, such as `refs/tags/v1.0.0`, to a commit.
    pub fn set_ref(&self, name: &str, sha: &str) {
        self.first(|repository| repository.refs.insert(name.to_owned(), sha.to_owned()));
    }

    /// The commit of a ref, by its full name.
    pub fn git_ref(&self, name: &str) -> Option<String> {
        self.first(|repository| repository.refs.get(name).cloned())
    }

    /// Adds a check run of a commit, and returns its id. A newer one of the same name hides the older.
    pub fn add_check_run(&self, sha: &str, name: &str, status: &str, conclusion: Option<&str>) -> u64 {
        let mut world = self.world();
        let (id, started_at) = (world.next_id(), world.now());
        world.repositories[0].check_runs.push(CheckRun {
            id,
            sha: sha.to_owned(),
            name: name.to_owned(),
            status: status.to_owned(),
            conclusion: conclusion.map(str::to_owned),
            started_at,
        });
        id
    }

    /// Sets the status of a commit in one context: `error`, `failure`, `pending` or `success`.
    pub fn set_status(&self, sha: &str, context: &str, state: &str) {
        let mut world = self.world();
        let (id, created_at) = (world.next_id(), world.now());
        let (sha, context, state) = (sha.to_owned(), context.to_owned(), state.to_owned());
        world.repositories[0].statuses.push(CommitStatus { id, sha, context, state, created_at });
    }

    /// The pull requests that were opened, by rising number; title, body and state are those of the issue.
    pub fn pull_requests(&self) -> Vec<PullRequest> {
        self.first(|repository| repository.pulls.values().cloned().collect())
    }

    /// The deployments, oldest first.
    pub fn deployments(&self) -> Vec<Deployment> {
        self.first(|repository| repository.deployments.clone())
    }

    /// Adds a workflow by its file's name, and returns its id. A disabled one refuses to be dispatched.
    pub fn add_workflow(&self, file: &str, name: &str, enabled: bool) -> u64 {
        let mut world = self.world();
        let id = world.next_id();
        let workflow = Workflow { id, file: file.to_owned(), name: name.to_owned(), enabled };
        world.repositories[0].workflows.push(workflow);
        id
    }

    /// The workflows.
    pub fn workflows(&self) -> Vec<Workflow> {
        self.first(|repository| repository.workflows.clone())
    }

    /// Puts one attempt of a workflow's run there; the same id and attempt replaces what was there.
    pub fn set_workflow_run(&self, id: u64, workflow: u64, attempt: u32, status: &str, conclusion: Option<&str>) {
        let mut world = self.world();
        let created_at = world.now();
        let repository = &mut world.repositories[0];
        let branch = repository.default_branch.clone();
        let sha = repository.resolve(&branch).unwrap_or_default();
        repository.runs.retain(|run| (run.id, run.attempt) != (id, attempt));
        repository.runs.push(WorkflowRun {
            id,
            workflow,
            attempt,
            branch,
            sha,
            event: "workflow_dispatch".to_owned(),
            status: status.to_owned(),
            conclusion: conclusion.map(str::to_owned),
            created_at,
        });
    }

    /// The accepted dispatches, oldest first.
    pub fn dispatches(&self) -> Vec<Dispatch> {
        self.first(|repository| repository.dispatches.clone())
    }
}

/// Issues.
impl FakeGitHub {
    /// Adds an issue by somebody, and returns its number. Labels that are not there yet are made.
    pub fn add_issue(&self, title: &str, body: &str, labels: &[&str], author: &str) -> u64 {
        self.insert(title, body, labels, author, false)
    }

    /// Adds a pull request by somebody: it stands in issue lists too, and is no issue.
    pub fn add_pull_request(&self, title: &str, body: &str, author: &str) -> u64 {
        self.insert(title, body, &[], author, true)
    }

    fn insert(&self, title: &str, body: &str, labels: &[&str], author: &str, pull_request: bool) -> u64 {
        let mut world = self.world();
        let (id, now) = (world.next_id(), world.now());
        for name in labels {
            let label_id = world.next_id();
            let repository = &mut world.repositories[0];
            if repository.label(name).is_none() {
                let label =
                    Label { id: label_id, name: (*name).to_owned(), color: "ededed".to_owned(), description: None };
                repository.labels.push(label);
            }
        }
        let issues = &mut world.repositories[0].issues;
        let number = next_number(issues);
        let issue = Issue {
            id,
            number,
            title: title.to_owned(),
            body: Some(body.to_owned()),
            open: true,
            state_reason: None,
            labels: labels.iter().map(|name| (*name).to_owned()).collect(),
            author: author.to_owned(),
            locked: false,
            pull_request,
            created_at: now,
            updated_at: now,
            closed_at: None,
            closed_by: None,
        };
        issues.insert(number, Slot::Here(Box::new(issue)));
        number
    }

    /// Changes an issue as somebody else might.
    ///
    /// # Panics
    /// When there is no such issue.
    #[track_caller]
    pub fn change_issue(&self, number: u64, change: impl FnOnce(&mut Issue)) {
        let mut world = self.world();
        let now = world.now();
        let Some(issue) = world.repositories[0].issue_mut(number) else { panic!("there is no issue {number}") };
        change(issue);
        issue.updated_at = now;
    }

    /// Closes an issue, as its owner might.
    ///
    /// # Panics
    /// When there is no such issue.
    #[track_caller]
    pub fn close_issue(&self, number: u64) {
        let (owner, now) = (self.owner(), self.world().now());
        self.change_issue(number, |issue| issue.close("completed".to_owned(), owner, now));
    }

    /// Locks an issue: a token whose login has no write permission here gets 403 for comments.
    ///
    /// # Panics
    /// When there is no such issue.
    #[track_caller]
    pub fn lock_issue(&self, number: u64) {
        self.change_issue(number, |issue| issue.locked = true);
    }

    /// Deletes an issue: 410 from now on.
    pub fn delete_issue(&self, number: u64) {
        self.first(|repository| {
            repository.comments.retain(|comment| comment.issue != number);
            repository.issues.insert(number, Slot::Deleted)
        });
    }

    /// Makes an issue be as if it had never been, as it looks to whoever may not know of it: 404 from now on.
    pub fn forget_issue(&self, number: u64) {
        self.first(|repository| {
            repository.comments.retain(|comment| comment.issue != number);
            repository.issues.remove(&number)
        });
    }

    /// Moves an issue to another repository of this fake, and returns its number there: 301 from now on.
    ///
    /// # Panics
    /// When there is no such issue or repository.
    #[track_caller]
    pub fn transfer_issue(&self, number: u64, owner: &str, name: &str) -> u64 {
        let mut world = self.world();
        let Some(target) = world.find(owner, name) else { panic!("there is no repository {owner}/{name}") };
        let Some(mut issue) = world.repositories[0].issue_mut(number).cloned() else {
            panic!("there is no issue {number}")
        };
        let to = &mut world.repositories[target];
        issue.number = next_number(&to.issues);
        issue.labels.clear();
        let moved = Slot::Moved { repository: to.id, number: issue.number };
        let new_number = issue.number;
        to.issues.insert(new_number, Slot::Here(Box::new(issue)));
        world.repositories[0].issues.insert(number, moved);
        new_number
    }

    /// The issues and pull requests that are still here, by rising number.
    pub fn issues(&self) -> Vec<Issue> {
        self.first(|repository| repository.issues_here().cloned().collect())
    }

    /// One issue.
    pub fn issue(&self, number: u64) -> Option<Issue> {
        self.first(|repository| repository.issue_mut(number).cloned())
    }

    /// Adds a comment by somebody, and returns its id.
    pub fn add_comment(&self, issue: u64, body: &str, author: &str) -> u64 {
        let mut world = self.world();
        let (id, now) = (world.next_id(), world.now());
        world.repositories[0].comments.push(Comment {
            id,
            issue,
            body: body.to_owned(),
            author: author.to_owned(),
            created_at: now,
            updated_at: now,
            reactions: Vec::new(),
        });
        id
    }

    /// The comments of an issue, oldest first.
    pub fn comments(&self, issue: u64) -> Vec<Comment> {
        self.first(|repository| repository.comments.iter().filter(|comment| comment.issue == issue).cloned().collect())
    }

    /// The labels of the repository.
    pub fn labels(&self) -> Vec<Label> {
        self.first(|repository| repository.labels.clone())
    }

    /// The inputs of the accepted workflow dispatches, oldest first.
    pub fn dispatched_inputs(&self) -> Vec<Value> {
        let inputs = |dispatch| match dispatch {
            Dispatch::Workflow { inputs, .. } => Some(inputs),
            Dispatch::Repository { .. } => None,
        };
        self.dispatches().into_iter().filter_map(inputs).collect()
    }
}

impl World {
    /// Makes a token for this grant. It has the look of GitHub's, so that secret scanners and redactors know it.
    pub(super) fn add_token(&mut self, grant: Grant) -> String {
        let prefix = if grant.installation { "ghs" } else { "ghp" };
        let token = format!("{prefix}_{}", &commit_id(&grant.login, self.tokens.len())[..36]);
        self.tokens.insert(token.clone(), grant);
        token
    }
}
