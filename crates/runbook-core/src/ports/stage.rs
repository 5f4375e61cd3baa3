//! Port: one pluggable step of a run.

use std::fmt::{self, Debug};

use async_trait::async_trait;
use futures::future::BoxFuture;

use crate::{
    engine::{EffectError, StageContext, with_causes},
    event::{EffectResult, Landed, Operation},
    plan::Access,
    words::{EffectKey, Failure, LeftBehind, Outcome},
};

/// A stage failed. What it claims to have left behind is never believed to be less than what its effects show.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StageError {
    /// What went wrong, and what mends it.
    pub message: String,
    /// What is left of it.
    pub left: LeftBehind,
    /// Whether the same attempt may work later; only read-only stages are tried again.
    pub retryable: bool,
    /// Whether it failed to find out what it was to find out: that is unknown, and never a reason to roll back.
    pub unmeasured: bool,
}

impl StageError {
    /// It failed and changed nothing.
    pub fn no_change(message: impl Into<String>) -> Self {
        Self { message: message.into(), left: LeftBehind::NoChange, retryable: false, unmeasured: false }
    }

    /// It failed and left something changed.
    pub fn changed(message: impl Into<String>) -> Self {
        Self { message: message.into(), left: LeftBehind::Changed, retryable: false, unmeasured: false }
    }

    /// It failed and nobody knows what is left.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self { message: message.into(), left: LeftBehind::Unknown, retryable: false, unmeasured: false }
    }

    /// It ended without finding out what it was to find out.
    pub fn unmeasured(message: impl Into<String>) -> Self {
        Self { unmeasured: true, ..Self::no_change(message) }
    }

    /// Says that trying again may help.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}

impl From<StageError> for Failure {
    fn from(error: StageError) -> Self {
        Self { message: error.message, left: error.left, unmeasured: error.unmeasured }
    }
}

impl<E: std::error::Error + 'static> From<EffectError<E>> for StageError
where
    for<'a> EffectResult: From<&'a E>,
{
    fn from(error: EffectError<E>) -> Self {
        match &error {
            EffectError::Refused(refusal) => Self::no_change(with_causes(refusal)),
            EffectError::Failed(source) => {
                let left = match EffectResult::from(source) {
                    EffectResult::NotDone(_) => LeftBehind::NoChange,
                    EffectResult::Done | EffectResult::Partly(_) => LeftBehind::Changed,
                    EffectResult::Unknown(_) => LeftBehind::Unknown,
                };
                Self { message: with_causes(source), left, retryable: false, unmeasured: false }
            }
            EffectError::NotRecorded(_) => Self::unknown(with_causes(&error)),
        }
    }
}

/// An effect whose end nobody wrote down.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenEffect {
    /// Its key.
    pub key: EffectKey,
    /// What was intended.
    pub operation: Operation,
}

/// One pluggable step: it looks, changes or reports, through its context, and returns how that came out.
///
/// It is called once in a run, or several times when it is read-only and failed without a change. It ends early when
/// [`StageContext::cancelled`] does. When its future is dropped (a timeout, a second signal), the effect that it was
/// in stays `unknown` until recovery has settled it. It never decides what comes next.
///
/// ```
/// use runbook_core::{Outcome, plan::Access, ports::stage_fn};
///
/// let freeze = stage_fn(Access::ReadOnly, |cx| Box::pin(async move {
///     if cx.now().strftime("%a").to_string() == "Fri" {
///         return Ok(Outcome::Blocked(vec!["it is Friday".into()]));
///     }
///     Ok(Outcome::Passed)
/// }));
/// # let _ = freeze;
/// ```
#[async_trait]
pub trait Stage: Debug + Send + Sync {
    /// What it may do. The engine refuses a permit to a stage that says it only looks.
    fn access(&self) -> Access;

    /// Does it.
    ///
    /// # Errors
    /// [`StageError`], with what is left behind.
    async fn run(&self, cx: &StageContext) -> Result<Outcome, StageError>;

    /// After a crash: whether an effect that this stage began has happened. Asks the outside world; changes nothing.
    async fn settle(&self, open: &OpenEffect) -> Landed {
        let _ = open;
        Landed::Unknown
    }
}

type StageRun = dyn Fn(&StageContext) -> BoxFuture<'_, Result<Outcome, StageError>> + Send + Sync;

/// A closure as a stage; made by [`stage_fn`].
pub struct StageFn {
    access: Access,
    run: Box<StageRun>,
}

impl Debug for StageFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StageFn").field("access", &self.access).finish_non_exhaustive()
    }
}

/// Makes a stage of a closure.
pub fn stage_fn(
    access: Access,
    run: impl Fn(&StageContext) -> BoxFuture<'_, Result<Outcome, StageError>> + Send + Sync + 'static,
) -> StageFn {
    StageFn { access, run: Box::new(run) }
}

#[async_trait]
impl Stage for StageFn {
    fn access(&self) -> Access {
        self.access
    }

    async fn run(&self, cx: &StageContext) -> Result<Outcome, StageError> {
        (self.run)(cx).await
    }
}
