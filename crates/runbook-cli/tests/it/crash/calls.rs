//! Killed at each call of GitHub's API, before GitHub does anything and after it did: in the end there is one status issue,
//! it shows the newest run, and each run that changed something has its one comment.

use runbook_core::event::EventKind;
use runbook_testkit::github::{FakeGitHub, Fault, FaultKind};

use super::{
    events::{DEPLOY, ROLLBACK, STATUS, STOP, Scene},
    kill::killed_at_call,
    scripts::world,
    truth::{Settled, chain_holds, goes_on, settled},
};
use crate::bench::World;

/// With `is_first`, there is no status issue yet.
async fn each_call(scene: &Scene, is_first: bool) {
    let mut world = world("file", false).await;
    let mut github = FakeGitHub::start().await;
    if !is_first {
        world.publish_to(&github);
    }
    scene.set(&world).await;
    let frozen = world.freeze();
    for call in 1_u32.. {
        for carried_out in [false, true] {
            world.thaw(&frozen);
            if is_first {
                github = FakeGitHub::start().await;
                world.publish_to(&github);
            }
            let done = if carried_out { "done and not answered" } else { "not done" };
            let what = format!("{:?}, killed at call {call}, which was {done}", scene.arguments);
            github.forget_requests();
            github.fail(Fault::new(FaultKind::Hang).carried_out(carried_out).nth(call));
            if !killed_at_call(&world, scene.arguments, &github, call).await {
                assert!(call > 2, "{what}: there are no more");
                return;
            }
            github.heal();
            chain_holds(&world, &what).await;
            let settled = settled(&world, &what).await;
            assert_eq!(settled.recovered.code, Some(0), "{what}: {}", settled.recovered);
            one_issue_tells_all(&world, &github, &settled, &what).await;
            goes_on(&world, &settled, &what).await;
        }
    }
}

/// One issue, and one comment for the run that was interrupted, if it changed something. The next run finds both.
async fn one_issue_tells_all(world: &World, github: &FakeGitHub, settled: &Settled, what: &str) {
    let (run, action, _) = settled.last();
    let told =
        settled.events.iter().any(|event| event.run == run && matches!(event.kind, EventKind::StatusPublished { .. }));
    assert!(told, "{what}: the run that was interrupted is not told");
    let next = world.json(&["update-status"]).await;
    assert_eq!(next.code, Some(0), "{what}: {next}");
    let issues = github.issues();
    let [issue] = issues.as_slice() else { panic!("{what}: there is more than one issue, or none: {issues:?}") };
    assert!(issue.open, "{what}: {issue:?}");
    let number = next.json()["issue"]["number"].as_u64();
    assert_eq!(number, Some(issue.number), "{what}: {next}");
    let newest = next.json()["run"].as_str().unwrap().to_owned();
    let body = issue.body.clone().unwrap_or_default();
    assert!(body.contains(&newest), "{what}: the issue does not show {newest}: {body}");

    let marker = format!("<!-- runbook:run:{run} -->");
    let comments = github.comments(issue.number);
    let about = comments.iter().filter(|comment| comment.body.contains(&marker)).count();
    assert_eq!(about, usize::from(action.changes_services()), "{what}: comments on {run}: {comments:?}");
}

async fn with_and_without_an_issue(scene: &Scene) {
    tokio::join!(each_call(scene, true), each_call(scene, false));
}

#[tokio::test]
async fn one_issue_tells_of_a_deploy() {
    with_and_without_an_issue(&DEPLOY).await;
}

#[tokio::test]
async fn one_issue_tells_of_a_rollback() {
    with_and_without_an_issue(&ROLLBACK).await;
}

#[tokio::test]
async fn one_issue_tells_of_a_stop() {
    with_and_without_an_issue(&STOP).await;
}

#[tokio::test]
async fn one_issue_tells_of_a_look() {
    with_and_without_an_issue(&STATUS).await;
}
