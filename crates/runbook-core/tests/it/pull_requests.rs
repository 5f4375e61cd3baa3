//! The pull request of a rollback: for a branch that was pushed, with what it takes back, and never at the cost of a run.

use std::sync::Arc;

use runbook_core::{
    Health, LeftBehind, Outcome, StepId, StepResult, Verdict,
    engine::RunResult,
    ports::{Forge, PullRequests},
};
use runbook_testkit::RecordingPullRequests;

use crate::{
    commits::Commits,
    harness::{CONFIG, World, reason},
};

fn proposing(forge: &Arc<RecordingPullRequests>, not_pushed: Option<&str>) -> World {
    let rollback = "[rollback]\npush = \"origin\"\npull_request = true";
    let mut world = World::configured(&CONFIG.replace("[rollback]", rollback));
    world.version_control = Some(Arc::new(Commits { not_pushed: not_pushed.map(str::to_owned) }));
    world.forge.pull_requests = Ok(Arc::clone(forge) as Arc<dyn PullRequests>);
    world
}

async fn rolled_back(world: &World) -> RunResult {
    world.deploy("v1").await;
    world.release_is("v2", Health::Unhealthy);
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::RolledBack, "{}", reason(&result));
    result
}

fn rollback_step(result: &RunResult) -> &StepResult {
    result.run.step(&StepId::new("rollback").unwrap()).unwrap().result().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_pushed_branch_gets_one_with_what_it_takes_back() {
    let forge = Arc::new(RecordingPullRequests::new());
    let world = proposing(&forge, None);
    let result = rolled_back(&world).await;
    let open = forge.open();
    assert_eq!(open.len(), 1);
    let (key, proposal) = &open[0];
    assert_eq!(key.to_string(), format!("{}/rollback/-/pull-request/1", result.run.run));
    let row = result.report.rollback.as_ref().unwrap();
    assert_eq!(Some(&proposal.branch), row.branch.as_ref());
    assert_eq!(proposal.rollback.taken_back[0].difference.files.first, ["src/pool.rs"]);
    assert_eq!(row.pull_request.as_deref(), Some("https://forge.invalid/octo-org/octo-repo/pull/1"));
    assert_eq!(rollback_step(&result), &StepResult::Ended(Outcome::Passed));
    let (_, shown) = world.tracker.updates().pop().unwrap();
    assert_eq!(shown.view.rollback.unwrap().pull_request, row.pull_request, "the issue shows it");
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_is_not_at_the_forge_gets_none() {
    let forge = Arc::new(RecordingPullRequests::new());
    let result = rolled_back(&proposing(&forge, Some("origin refused it; finish with: git push"))).await;
    assert!(forge.open().is_empty());
    let StepResult::Ended(Outcome::Warned(why)) = rollback_step(&result) else { panic!("{result:?}") };
    assert_eq!(why, "origin refused it; finish with: git push");
    assert_eq!(result.report.rollback.unwrap().pull_request, None);
}

#[tokio::test(start_paused = true)]
async fn one_that_could_not_be_opened_is_a_warning() {
    for left in [LeftBehind::NoChange, LeftBehind::Unknown] {
        let forge = Arc::new(RecordingPullRequests::new());
        forge.fail(Some(left));
        let result = rolled_back(&proposing(&forge, None)).await;
        let StepResult::Ended(Outcome::Warned(why)) = rollback_step(&result) else { panic!("{left:?}: {result:?}") };
        assert_eq!(why, "no pull request: as the test ordered");
    }
    let forge = Arc::new(RecordingPullRequests::new());
    let mut world = proposing(&forge, None);
    world.forge = Forge::none("GITHUB_TOKEN is not set");
    let result = rolled_back(&world).await;
    assert_eq!(rollback_step(&result).reason().as_deref(), Some("no pull request: GITHUB_TOKEN is not set"));
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_one_who_did_not_ask_for_it() {
    let forge = Arc::new(RecordingPullRequests::new());
    let mut world = proposing(&forge, None);
    world.config.rollback.pull_request = false;
    rolled_back(&world).await;
    assert!(forge.open().is_empty());
}
