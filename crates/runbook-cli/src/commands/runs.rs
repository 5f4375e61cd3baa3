//! Runs as the journal tells them: all of them, one of them, and the environment as it was after it.

use runbook_core::{
    ExitCode, RunId,
    engine::with_causes,
    event::{Head, Stored},
    state::{EnvironmentState, RunState},
};

use crate::{fault::Fault, world::World};

/// Every event of the journal.
pub(super) async fn replay(world: &World) -> Result<(Vec<Stored>, Head), Fault> {
    world.surroundings.journal.replay(Head::EMPTY).await.map_err(|error| Fault {
        code: ExitCode::Fault,
        kind: "journal",
        message: with_causes(&error),
        hint: None,
        retryable: false,
        next_command: None,
        snippet: None,
    })
}

/// Each run of the journal, oldest first.
pub(super) fn runs(stored: &[Stored]) -> Vec<RunState> {
    let mut runs: Vec<RunState> = Vec::new();
    for stored in stored {
        match RunState::begin(&stored.event) {
            Some(run) => runs.push(run),
            None => runs.iter_mut().for_each(|run| run.apply(&stored.event)),
        }
    }
    runs
}

/// The run of this id, or of the one id that begins so; without one, the newest.
pub(super) fn find<'a>(all: &'a [RunState], wanted: Option<&str>) -> Result<&'a RunState, Fault> {
    let Some(wanted) = wanted else {
        return all.last().ok_or_else(|| Fault::usage("there is no run yet").next("runbook update-status"));
    };
    let none = || format!("there is no run {wanted:?}");
    begins_with(all, |run| run.run, wanted, none)
}

/// The one whose run's id begins so; `none` says that there is none.
pub(super) fn begins_with<'a, T>(
    all: &'a [T],
    id: impl Fn(&T) -> RunId,
    wanted: &str,
    none: impl FnOnce() -> String,
) -> Result<&'a T, Fault> {
    let beginning = wanted.to_ascii_lowercase();
    let found: Vec<&T> = all.iter().filter(|run| id(run).to_string().starts_with(&beginning)).collect();
    match found.as_slice() {
        [run] => Ok(run),
        [] => Err(Fault::usage(none()).next("runbook history")),
        several => {
            let ids: Vec<String> = several.iter().map(|run| id(run).to_string()).collect();
            Err(Fault::usage(format!("{wanted:?} begins {} runs: {}", ids.len(), ids.join(", "))))
        }
    }
}

/// The environment as it was at the end of a run.
pub(super) fn environment_after(stored: &[Stored], run: RunId) -> EnvironmentState {
    let last = stored.iter().rposition(|stored| stored.event.run == run).map_or(0, |at| at + 1);
    EnvironmentState::replay(stored[..last].iter().map(|stored| &stored.event))
}
