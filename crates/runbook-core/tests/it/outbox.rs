//! Who is told what, and how often: chats hear each change once, and the status issue notifies only when it should.

use runbook_core::{Action, Health, LeftBehind, OperationalStatus, Verdict};

use crate::harness::{World, reason, request};

/// The statuses that the chat was sent, in order.
fn told(world: &World) -> Vec<OperationalStatus> {
    world.chat.sent().iter().map(|(_, view)| view.operational_status).collect()
}

/// Whether each update of the issue came with a comment, which notifies people.
fn comments(world: &World) -> Vec<bool> {
    world.tracker.updates().iter().map(|(_, update)| update.comment).collect()
}

async fn look(world: &World) -> Verdict {
    world.run(request(Action::UpdateStatus)).await.verdict()
}

#[tokio::test(start_paused = true)]
async fn a_chat_hears_each_change_once() {
    let world = World::with_good_v1().await;
    assert_eq!(told(&world), [], "healthy from the beginning is no news");
    world.script("api", [Health::Unhealthy]);
    look(&world).await;
    look(&world).await;
    assert_eq!(told(&world), [OperationalStatus::Critical]);
    world.script("api", [Health::Degraded]);
    look(&world).await;
    world.script("api", [Health::Healthy]);
    look(&world).await;
    look(&world).await;
    let all = [OperationalStatus::Critical, OperationalStatus::Degraded, OperationalStatus::Operational];
    assert_eq!(told(&world), all);
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_could_not_be_told_is_told_by_the_next_run() {
    let world = World::with_good_v1().await;
    world.script("api", [Health::Unhealthy]);
    world.chat.fail(Some(LeftBehind::NoChange));
    let result = world.run(request(Action::UpdateStatus)).await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    assert_eq!(result.report.notifications[0].outcome, "as the test ordered");
    assert_eq!(result.report.stages.last().unwrap().outcome, "warned");
    assert_eq!(told(&world), []);
    world.chat.fail(None);
    look(&world).await;
    look(&world).await;
    assert_eq!(told(&world), [OperationalStatus::Critical]);
}

#[tokio::test(start_paused = true)]
async fn a_chat_hears_of_a_rollback_also_when_all_is_well_after_it() {
    let world = World::with_good_v1().await;
    world.release_is("v2", Health::Unhealthy);
    assert_eq!(world.deploy("v2").await.verdict(), Verdict::RolledBack);
    assert_eq!(told(&world), [OperationalStatus::Operational]);
    let (_, view) = world.chat.sent().remove(0);
    assert!(view.rollback.is_some());
    look(&world).await;
    assert_eq!(told(&world).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_issue_notifies_on_a_change_and_on_whatever_was_changed() {
    let world = World::with_good_v1().await;
    look(&world).await;
    assert_eq!(comments(&world), [true, false], "a deploy, and an unchanged look");
    world.script("api", [Health::Unhealthy]);
    look(&world).await;
    look(&world).await;
    assert_eq!(comments(&world)[2..], [true, false]);
    world.run(request(Action::EmergencyStop)).await;
    world.run(request(Action::Resume)).await;
    assert_eq!(comments(&world)[4..], [true, true]);
    let numbers: Vec<_> = world.tracker.updates().iter().map(|(_, update)| update.known_number).collect();
    assert_eq!(numbers, [None, Some(1), Some(1), Some(1), Some(1), Some(1)], "it is found again by its number");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_the_issue_could_not_be_told_is_told_by_the_next_run() {
    let world = World::with_good_v1().await;
    world.script("api", [Health::Unhealthy]);
    world.tracker.fail(LeftBehind::NoChange, true);
    assert_eq!(look(&world).await, Verdict::Failed, "to publish is what it is for");
    world.tracker.heal();
    look(&world).await;
    look(&world).await;
    assert_eq!(comments(&world), [true, true, false], "a deploy, the change, and an unchanged look");
}

#[tokio::test(start_paused = true)]
async fn chats_are_told_although_the_issue_cannot_be_written() {
    let world = World::with_good_v1().await;
    world.script("api", [Health::Unhealthy]);
    world.tracker.fail(LeftBehind::NoChange, false);
    look(&world).await;
    assert_eq!(told(&world), [OperationalStatus::Critical]);
}

#[tokio::test(start_paused = true)]
async fn a_deploy_stays_a_success_when_nobody_could_be_told() {
    let world = World::new();
    world.tracker.fail(LeftBehind::NoChange, false);
    world.chat.fail(Some(LeftBehind::NoChange));
    let result = world.deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    assert!(result.report.issue.is_none());
    assert_eq!(result.report.stages.last().unwrap().outcome, "failed");
}
