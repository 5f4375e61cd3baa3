//! The rest of the forge over the real command line: checks are waited for, and deployments are told.

use runbook_core::Verdict;
use runbook_testkit::github::FakeGitHub;

use crate::bench::{CONFIG, World, stage};

/// A world whose deploys need the check `build`, and are told to this GitHub, which knows its commits.
async fn at(github: &FakeGitHub) -> World {
    let forge = "[policy]\nrequired_checks = [\"build\"]\nchecks_wait = \"300ms\"\n\n[deploy]\nrecord = true\n";
    let mut world = World::with(&format!("{CONFIG}\n{forge}")).await;
    world.publish_to(github);
    for version in ["v1.0.0", "v1.1.0"] {
        github.know_commit(&commit(&world, version), None);
    }
    world
}

fn commit(world: &World, version: &str) -> String {
    world.repository.git().revparse_single(&format!("{version}^{{commit}}")).unwrap().id().to_string()
}

/// Task, commit and states of each deployment, oldest first.
fn told(github: &FakeGitHub) -> Vec<(String, String, Vec<String>)> {
    let deployments = github.deployments().into_iter();
    deployments.map(|one| (one.task, one.sha, one.statuses.into_iter().map(|status| status.state).collect())).collect()
}

#[tokio::test]
async fn a_commit_without_its_check_is_not_deployed() {
    let github = FakeGitHub::start().await;
    let world = at(&github).await;
    let ran = world.json(&["deploy", "v1.0.0"]).await;
    let (_, reason) = stage(&ran.exits(3).report(Verdict::Blocked), "safety-gate");
    assert!(reason.contains("there is no check \"build\""), "{reason}");
    assert_eq!(world.live(), None);
    github.add_check_run(&commit(&world, "v1.0.0"), "build", "completed", Some("failure"));
    let ran = world.json(&["deploy", "v1.0.0"]).await;
    let (_, reason) = stage(&ran.exits(3).report(Verdict::Blocked), "safety-gate");
    assert!(reason.contains("build of commit") && reason.contains("failed (failure)"), "{reason}");
    assert!(told(&github).is_empty(), "nothing was deployed");
    // The rerun passed.
    github.add_check_run(&commit(&world, "v1.0.0"), "build", "completed", Some("success"));
    world.deployed("v1.0.0").await;
}

#[tokio::test]
async fn a_deploy_and_the_rollback_of_a_bad_one_are_deployments() {
    let github = FakeGitHub::start().await;
    let world = at(&github).await;
    let (good, bad) = (commit(&world, "v1.0.0"), commit(&world, "v1.1.0"));
    for sha in [&good, &bad] {
        github.add_check_run(sha, "build", "completed", Some("success"));
    }
    world.deployed("v1.0.0").await;
    world.service.fails("v1.1.0");
    let ran = world.json(&["deploy", "v1.1.0"]).await;
    ran.exits(6).report(Verdict::RolledBack);
    let states = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        told(&github),
        [
            ("deploy".to_owned(), good.clone(), states(&["in_progress", "success", "inactive"])),
            ("deploy".to_owned(), bad, states(&["in_progress", "failure"])),
            ("rollback".to_owned(), good, states(&["in_progress", "success"])),
        ]
    );
}

#[tokio::test]
async fn a_github_that_refuses_deployments_costs_a_warning() {
    let github = FakeGitHub::start().await;
    let world = at(&github).await;
    github.add_check_run(&commit(&world, "v1.0.0"), "build", "completed", Some("success"));
    github.fail(
        runbook_testkit::github::Fault::status(403, "Resource not accessible").on("POST", "/deployments").always(),
    );
    let ran = world.json(&["deploy", "v1.0.0"]).await;
    let (outcome, reason) = stage(&ran.exits(0).report(Verdict::Succeeded), "deploy");
    assert_eq!(outcome, "warned");
    assert!(reason.contains("grant `deployments: write`"), "{reason}");
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
}
