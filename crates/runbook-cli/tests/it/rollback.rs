//! The way back: which release it leads to and why, what it takes back, and what it must not cross unasked.

use runbook_core::{RuleVerdict, Verdict};
use serde_json::Value;

use crate::bench::{CONFIG, Ran, World, stage};

/// A release with one more file, made with this message.
fn release(world: &World, version: &str, file: &str, message: &str) {
    world.repository.write(file, version);
    world.repository.commit(message);
    world.repository.tag(version);
}

/// The gate rule of that name, in a report.
fn rule(ran: &Ran, verdict: Verdict, id: &str) -> (RuleVerdict, String) {
    let report = ran.report(verdict);
    let gate = report.stages.iter().find(|row| row.id.as_str() == "safety-gate").unwrap();
    let rule = gate.rules.iter().find(|rule| rule.id == id).unwrap_or_else(|| panic!("no rule {id}: {gate:?}"));
    (rule.verdict, rule.evidence.clone())
}

#[tokio::test]
async fn the_last_known_good_is_chosen_and_the_choice_explained() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    // It comes up well, so it is not rolled back; its window never ends, so it is not proven either.
    world.service.fails("v1.1.0");
    world.configure(|text| format!("{text}\n[rollback]\nautomatic = false\n"));
    world.run(&["deploy", "v1.1.0"]).await.exits(7);
    let plan = world.run(&["rollback", "--dry-run"]).await;
    plan.exits(0).shows(&[
        "v1.0.0 is the last known good release: the newest whose whole window was healthy, at ",
        "v1.1.0 → v1.0.0 takes back 1 commit and 1 file",
        "Release 1.1.0",
        "VERSION",
    ]);
    let ran = world.json(&["rollback", "--reason", "v1.1.0 is bad"]).await;
    let report = ran.exits(0).report(Verdict::Succeeded);
    let taken_back = &report.rollback.as_ref().unwrap().taken_back;
    assert_eq!(taken_back.len(), 1);
    assert!(taken_back[0].difference.commits.first[0].ends_with(" Release 1.1.0"), "{taken_back:?}");
    assert_eq!(taken_back[0].difference.files.first, ["VERSION"]);
    let branch = report.rollback.unwrap().branch.unwrap();
    let repository = world.repository.git();
    let commit = repository.revparse_single(&branch).unwrap().into_commit().unwrap();
    assert!(
        commit.message().unwrap().contains("Takes back 1 commit and 1 file of v1.1.0:\n- "),
        "{:?}",
        commit.message()
    );
}

#[tokio::test]
async fn a_release_that_failed_is_returned_to_only_by_force_with_a_reason() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    world.service.fails("v1.1.0");
    world.run(&["deploy", "v1.1.0"]).await.exits(6);
    world.service.heals("v1.1.0");
    let before = world.outside();
    let ran = world.json(&["rollback", "v1.1.0", "--reason", "it was the network"]).await;
    let (_, reason) = stage(&ran.exits(3).report(Verdict::Blocked), "safety-gate");
    assert!(reason.contains("is quarantined") && reason.contains("--force --reason"), "{reason}");
    world.run(&["rollback", "v1.1.0", "--force"]).await.exits(2).says(&["--reason"]);
    world.run(&["rollback", "v1.1.0", "--force", "--reason", " "]).await.exits(3);
    assert_eq!(world.outside(), before);
    let ran = world.json(&["rollback", "v1.1.0", "--force", "--reason", "it was the network"]).await;
    let (verdict, evidence) = rule(ran.exits(0), Verdict::Succeeded, "rollback-target");
    assert_eq!(verdict, RuleVerdict::Warn);
    assert!(evidence.contains("failed before and is quarantined; forced"), "{evidence}");
    assert_eq!(world.live().as_deref(), Some("v1.1.0"));
}

#[tokio::test]
async fn a_last_known_good_that_failed_since_is_passed_over() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    world.deployed("v1.1.0").await;
    release(&world, "v1.2.0", "VERSION", "Release 1.2.0");
    // Somebody made another release live by hand; then neither of the proven ones works.
    world.put("live", "v1.2.0");
    world.service.fails("v1.0.0");
    world.service.fails("v1.1.0");
    world.run(&["deploy", "v1.1.0"]).await.exits(7);
    world.service.heals("v1.0.0");
    world.put("live", "v1.2.0");
    world.run(&["rollback", "--dry-run"]).await.exits(0).shows(&[
        "api: v1.0.0 is the last known good release",
        "; v1.1.0 was too, and failed since: ",
        "v1.2.0 → v1.0.0",
    ]);
}

#[tokio::test]
async fn a_deploy_whose_way_back_crosses_a_migration_is_blocked() {
    let world = World::with(&format!("{CONFIG}\n[rollback]\nirreversible = [\"migrations/\"]\n")).await;
    release(&world, "v1.2.0", "migrations/0007_drop.sql", "Drop a column");
    world.deployed("v1.0.0").await;
    world.deployed("v1.1.0").await;
    let before = world.outside();
    let ran = world.json(&["deploy", "v1.2.0"]).await;
    let (verdict, evidence) = rule(ran.exits(3), Verdict::Blocked, "irreversible");
    assert_eq!(verdict, RuleVerdict::Block);
    assert!(evidence.contains("migrations/0007_drop.sql (migrations/)"), "{evidence}");
    assert!(evidence.contains("irreversible = \"roll-forward\""), "{evidence}");
    assert_eq!(world.outside(), before);
}

#[tokio::test]
async fn or_it_goes_on_and_is_never_rolled_back_on_its_own() {
    let world = World::with(&format!("{CONFIG}\n[policy]\nirreversible = \"roll-forward\"\n")).await;
    release(&world, "v1.2.0", "schema.sql", "Drop a column\n\nNobody reads it.\n\nIrreversible: the data is gone\n");
    world.deployed("v1.0.0").await;
    world.service.fails("v1.2.0");
    let ran = world.json(&["deploy", "v1.2.0"]).await;
    let (verdict, evidence) = rule(ran.exits(7), Verdict::NeedsOperator, "irreversible");
    assert_eq!(verdict, RuleVerdict::Warn);
    assert!(
        evidence.contains("roll forward only") && evidence.contains("(Irreversible: the data is gone)"),
        "{evidence}"
    );
    let document: Value = ran.json();
    assert!(document["verdict_reason"].as_str().unwrap().contains("roll forward only: a return to v1.0.0"), "{ran}");
    assert_eq!(world.live().as_deref(), Some("v1.2.0"));

    // Nor by a person who does not know of it; by one who does, it is.
    let ran = world.json(&["rollback", "v1.0.0", "--reason", "now"]).await;
    let (verdict, _) = rule(ran.exits(3), Verdict::Blocked, "irreversible");
    assert_eq!(verdict, RuleVerdict::Block);
    world.run(&["rollback", "v1.0.0", "--force", "--reason", "the data is restored"]).await.exits(0);
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
}

#[tokio::test]
async fn what_nobody_can_tell_blocks_where_something_is_marked() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    world.repository.write("VERSION", "1.2.0");
    world.repository.commit("Release 1.2.0");
    world.repository.tag("v1.2.0");
    // As a shallow clone has it: the history ends at v1.2.0, and the older releases are here by their tags alone.
    let cut_off = world.repository.head().to_string();
    std::fs::write(world.repository.path().join(".git/shallow"), format!("{cut_off}\n")).unwrap();
    let ran = world.json(&["deploy", "v1.2.0", "--dry-run"]).await;
    assert!(ran.exits(0).stdout.contains("git fetch --unshallow"), "{ran}");
    let ran = world.json(&["deploy", "v1.2.0"]).await;
    let (verdict, evidence) = rule(ran.exits(0), Verdict::Succeeded, "irreversible");
    assert_eq!(verdict, RuleVerdict::Warn);
    assert!(evidence.contains("nobody can tell what a return takes back"), "{evidence}");
    world.run(&["rollback", "v1.0.0"]).await.exits(0);
    world.configure(|text| format!("{text}\n[rollback]\nirreversible = [\"migrations/\"]\n"));
    let ran = world.json(&["deploy", "v1.2.0"]).await;
    let (verdict, _) = rule(ran.exits(3), Verdict::Blocked, "irreversible");
    assert_eq!(verdict, RuleVerdict::Block);
}
