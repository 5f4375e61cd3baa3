//! A fake of GitHub's REST API (<https://docs.github.com/rest>): real HTTP on loopback, state in memory, faults on order.
//!
//! It answers in GitHub's shapes and refuses what GitHub refuses, as far as a runbook asks: issues, comments, labels,
//! reactions, refs, checks, deployments, pull requests, workflows and dispatches. Search, GraphQL, git's own protocol,
//! contents and merging are not here.
//!
//! - [`FakeGitHub`] is the server and the hand that arranges its state.
//! - [`Fault`] makes an answer late, wrong, or lost.
//! - [`AppKey`] is what an App's owner gets.
//! - [`Recorded`] is what a client asked, in order.

mod answer;
mod app;
mod arrange;
mod call;
mod exchange;
mod fault;
mod grant;
mod model;
mod pull_shape;
mod record;
mod repository_shape;
mod routes;
mod server;
mod shape;
mod world;

pub use app::AppKey;
pub use fault::{Fault, FaultKind, When};
pub use grant::{Grant, Level};
pub use model::{
    CheckRun, Comment, CommitStatus, Deployment, DeploymentStatus, Dispatch, Issue, Label, PullRequest, Reaction,
    Workflow, WorkflowRun,
};
pub use record::Recorded;
pub use server::{FakeGitHub, FakeGitHubBuilder};
