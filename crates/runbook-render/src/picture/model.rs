//! The fields that templates name. Each is one line of text, not yet escaped: `{{name}}` escapes it for where it stands.

use serde::Serialize;

/// Everything that a template can show. What could not be measured reads `unknown`; only an `Option` can be absent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Picture {
    /// The project's name.
    pub project: String,
    /// Which environment.
    pub environment: String,
    /// The state of the system.
    pub status: StatusPicture,
    /// Why it is so; without the verdict's own reason, see [`VerdictPicture::reason`].
    pub reasons: Vec<String>,
    /// When this was written, such as `2026-11-23 10:15:00 UTC`.
    pub updated_at: String,
    /// Past this moment the words are stale.
    pub valid_until: String,
    /// How long a measurement counts, such as `6 h`.
    pub valid_for: String,
    /// The run that wrote it.
    pub run: RunPicture,
    /// What triggered it.
    pub trigger: String,
    /// Who asked.
    pub actor: String,
    /// On which branch.
    pub branch: Option<String>,
    /// What was asked.
    pub action: String,
    /// How it came out.
    pub verdict: VerdictPicture,
    /// Whether the verdict is that an operator is needed.
    pub needs_operator: bool,
    /// The stop latch's reason, while it is set.
    pub stopped: Option<String>,
    /// The stages that came before the report.
    pub stages: Vec<StagePicture>,
    /// How many stages are not shown, in words.
    pub more_stages: Option<String>,
    /// The rollback, where one was decided.
    pub rollback: Option<RollbackPicture>,
    /// The services.
    pub services: Vec<ServicePicture>,
    /// How many services are not shown, in words; a line for the healthy ones and one for the others.
    pub more_services: Vec<String>,
    /// How many services are what, such as `2 of 3 services are healthy; 1 unknown.`
    pub healths: String,
    /// Commands to copy.
    pub commands: Vec<CommandPicture>,
    /// How many commands are not shown, in words.
    pub more_commands: Option<String>,
    /// The labels of the status issue.
    pub labels: Vec<String>,
}

/// The state of the system.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusPicture {
    /// ✅, ⚠️ or 🔴.
    pub sign: String,
    /// `OPERATIONAL`, `DEGRADED` or `CRITICAL`.
    pub word: String,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunPicture {
    /// Runbook's id of it.
    pub id: String,
    /// `run 4242` where CI ran it, else `run` with Runbook's id.
    pub name: String,
    /// The page of the CI run; an address of the web, or absent.
    pub url: Option<String>,
}

/// How a run came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictPicture {
    /// The sign before it.
    pub sign: String,
    /// In words, such as `rolled back`; `still running` while there is none.
    pub phrase: String,
    /// Why.
    pub reason: Option<String>,
}

/// One stage's row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StagePicture {
    /// The sign before its name.
    pub sign: String,
    /// `Safety Gate`, `CI Pipeline`, …; the id of a custom stage.
    pub name: String,
    /// The sign before its outcome.
    pub outcome_sign: String,
    /// `passed`, `warned`, `skipped`, `blocked`, `failed`, `running` or `pending`.
    pub outcome: String,
    /// How long it took, or why that is no number.
    pub duration: String,
    /// Why it came out so; `–` where there is nothing to say.
    pub details: String,
}

/// The way back that was taken.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RollbackPicture {
    /// The sign before it: whether it was verified.
    pub sign: String,
    /// `verified`, or `not verified`.
    pub verified: String,
    /// `automatic`, or `asked for`.
    pub decided: String,
    /// Each way with the services that took it, such as `v1.1.0 → v1.0.0 (fastapi, flask)`.
    pub ways: Vec<String>,
    /// The branch that records it.
    pub branch: Option<String>,
    /// The address of the pull request for that branch.
    pub pull_request: Option<String>,
    /// What it takes back, such as `v1.1.0 → v1.0.0: 2 commits, 3 files (src/a.rs; src/b.rs; and 1 more)`.
    pub taken_back: Vec<String>,
    /// The commits that were returned from, in words, where the repository knows them.
    pub suspects: Option<String>,
}

/// One service's row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServicePicture {
    /// What people call it.
    pub name: String,
    /// Its port, where its URL has one.
    pub port: Option<u16>,
    /// Whether its owner calls it critical.
    pub critical: bool,
    /// The sign before its health.
    pub sign: String,
    /// `healthy`, `degraded`, `unhealthy` or `unknown`.
    pub health: String,
    /// The service whose fault this is, where it is that of another.
    pub because: Option<String>,
    /// Until when it is in planned maintenance, and what for, where it is.
    pub maintenance: Option<String>,
    /// Median and 95th percentile, such as `12 ms / 40 ms`.
    pub latency: String,
    /// Since when its health is what it is.
    pub since: String,
    /// When it was last measured, or `never`.
    pub measured_at: String,
    /// What is live, where that is known.
    pub release: Option<String>,
    /// The last 24 hours, a sign an hour, where a history is kept: the higher, the longer it was up; `·` where nothing was
    /// observed.
    pub sparkline: Option<String>,
    /// How long it was up in them, and of how much that is told; `–` where no history is kept.
    pub uptime: String,
    /// What was asked and what came back.
    pub evidence: String,
    /// What else is known: alerts, a comparison of latency, suspects, a certificate that ends soon.
    pub facts: Vec<String>,
}

/// A command to copy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommandPicture {
    /// What it is for.
    pub title: String,
    /// The command itself; it may have several lines.
    pub command: String,
    /// When to use it.
    pub precondition: String,
    /// Why it would be refused now, where it would.
    pub refused: Option<String>,
}
