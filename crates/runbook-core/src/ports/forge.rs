//! What a run asks of a forge, and tells it, beside the status issue.

use std::sync::Arc;

use super::{Checks, Deployments, PullRequests};

/// The ports of a forge. `Err` holds why there is none.
#[derive(Debug, Clone)]
pub struct Forge {
    /// What was checked of a commit.
    pub checks: Result<Arc<dyn Checks>, String>,
    /// Who is told of deployments.
    pub deployments: Result<Arc<dyn Deployments>, String>,
    /// Who opens pull requests.
    pub pull_requests: Result<Arc<dyn PullRequests>, String>,
}

impl Forge {
    /// None, and why.
    pub fn none(why: impl Into<String>) -> Self {
        let why = why.into();
        Self { checks: Err(why.clone()), deployments: Err(why.clone()), pull_requests: Err(why) }
    }

    /// One adapter for all three.
    pub fn of<F: Checks + Deployments + PullRequests + 'static>(forge: Arc<F>) -> Self {
        Self { checks: Ok(forge.clone()), deployments: Ok(forge.clone()), pull_requests: Ok(forge) }
    }
}
