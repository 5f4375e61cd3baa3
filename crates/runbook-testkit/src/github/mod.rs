//! A fake of GitHub's REST API (<https://docs.github.com/rest>): real HTTP on loopback, state in memory, faults on order.
//!
//! It answers in GitHub's shapes and refuses what GitHub refuses, as far as a runbook asks: issues, comments, labels,
//! reactions, refs, checks, deployments, workflows and dispatches. Search, GraphQL, git's own protocol, contents and
//! pull requests (beyond their appearance in issue lists) are not here.
//!
//! - [`FakeGitHub`] is the server and the hand that arranges its state.
//! - [`Fault`] makes an answer late, wrong, or lost.
//! - [`Recorded`] is what a client asked, in order.

mod answer;
mod arrange;
mod call;
mod fault;
mod grant;
mod model;
mod record;
mod routes;
mod server;
mod shape;
mod world;

pub use fault::{Fault, FaultKind, When};
pub use grant::{Grant, Level};
pub use model::{
    CheckRun, Comment, CommitStatus, Deployment, DeploymentStatus, Dispatch, Issue, Label, Reaction, Workflow,
    WorkflowRun,
};
pub use record::Recorded;
pub use server::{FakeGitHub, FakeGitHubBuilder};
