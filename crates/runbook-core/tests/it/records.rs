//! Deployments at the forge: told in progress and how they ended, never twice, and never at the cost of a run.

use std::{sync::Arc, time::Duration};

use runbook_core::{
    Action, DeploymentState, DeploymentTask, Health, LeftBehind, Origin, Outcome, Request, StepId, StepResult, Verdict,
    engine::Cancel,
    ports::{Deployments, OwnerState},
};
use runbook_testkit::{DeployFault, RecordingDeployments};

use crate::{
    commits::{Commits, commit_of},
    harness::{CONFIG, World, deploy, reason, request, service},
};

use DeploymentState::{Error, Failure, InProgress, Success};
use DeploymentTask::{Deploy, Rollback};

/// A world that tells this forge of its deployments.
fn telling(forge: &Arc<RecordingDeployments>) -> World {
    let told = "[deploy]\nrecord = true\nenvironment_url = \"https://forge.example.com\"";
    with_forge(&CONFIG.replace("[deploy]", told), forge)
}

fn with_forge(config: &str, forge: &Arc<RecordingDeployments>) -> World {
    let mut world = World::configured(config);
    world.version_control = Some(Arc::new(Commits::default()));
    world.forge.deployments = Ok(Arc::clone(forge) as Arc<dyn Deployments>);
    world
}

/// What the forge was told, in order: task, release, state, and the id that was known.
fn told(forge: &RecordingDeployments) -> Vec<(DeploymentTask, String, DeploymentState, Option<u64>)> {
    let line = |record: &runbook_core::ports::DeploymentRecord| {
        (record.task, record.release.to_string(), record.state, record.known_id)
    };
    forge.told().iter().map(|(_, record)| line(record)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_deploy_is_told_when_it_begins_and_when_it_was_watched_to_the_end() {
    let forge = Arc::new(RecordingDeployments::new());
    let world = telling(&forge);
    let origin = Origin { run_url: Some("https://ci.example.com/7".to_owned()), ..deploy("v1").origin };
    let result = world.run(Request { origin, ..deploy("v1") }).await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    let v1 = || "v1".to_owned();
    assert_eq!(told(&forge), [(Deploy, v1(), InProgress, None), (Deploy, v1(), Success, Some(1))]);
    let (key, record) = &forge.told()[0];
    assert_eq!(key.to_string(), format!("{}/deploy/-/deployment/1", result.run.run));
    assert_eq!((record.run, &record.commit, record.services.len()), (result.run.run, &commit_of("v1"), 3));
    assert_eq!(record.environment_url.as_deref(), Some("https://forge.example.com"));
    assert_eq!(record.log_url.as_deref(), Some("https://ci.example.com/7"));
    let ids: Vec<_> = result.run.effects.values().filter_map(|effect| effect.detail["id"].as_u64()).collect();
    assert_eq!(ids, [1, 1], "the journal keeps the id, at the beginning and at the end");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_a_deployment_too_and_what_it_left_a_failure() {
    let forge = Arc::new(RecordingDeployments::new());
    let world = telling(&forge);
    world.deploy("v1").await;
    world.release_is("v2", Health::Unhealthy);
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::RolledBack, "{}", reason(&result));
    let (v1, v2) = (|| "v1".to_owned(), || "v2".to_owned());
    assert_eq!(
        told(&forge)[2..],
        [
            (Deploy, v2(), InProgress, None),
            (Rollback, v1(), InProgress, None),
            (Deploy, v2(), Failure, Some(3)),
            (Rollback, v1(), Success, Some(4)),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_is_an_error_and_no_success() {
    let forge = Arc::new(RecordingDeployments::new());
    let world = telling(&forge);
    world.deployer.fail_next(&service("web"), DeployFault::Fails(LeftBehind::Unknown));
    let result = world.deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator, "{}", reason(&result));
    assert_eq!(told(&forge).last().unwrap().2, Error);
}

#[tokio::test(start_paused = true)]
async fn a_forge_that_cannot_be_told_costs_a_warning_and_nothing_else() {
    for left in [LeftBehind::NoChange, LeftBehind::Changed, LeftBehind::Unknown] {
        let forge = Arc::new(RecordingDeployments::new());
        let world = telling(&forge);
        forge.fail(Some(left));
        let result = world.deploy("v1").await;
        assert_eq!(result.verdict(), Verdict::Succeeded, "{left:?}: {}", reason(&result));
        for step in ["deploy", "report"] {
            let ended = result.run.step(&StepId::new(step).unwrap()).unwrap().result().unwrap();
            let StepResult::Ended(Outcome::Warned(why)) = ended else { panic!("{left:?}: {step} {ended:?}") };
            assert!(why.contains("deploy of v1") && why.contains("as the test ordered"), "{why}");
        }

        // And a bad release is left as if there were no forge.
        world.release_is("v2", Health::Unhealthy);
        let bad = world.deploy("v2").await;
        assert_eq!(bad.verdict(), Verdict::RolledBack, "{left:?}: {}", reason(&bad));
        assert_eq!(world.live(), ["v1"; 3]);

        // What could not be told at the beginning is told at the end.
        let before = forge.told().len();
        forge.fail(None);
        world.deploy("v3").await;
        assert_eq!(told(&forge)[before..].len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_told_is_no_change_of_a_deploy_that_failed() {
    let forge = Arc::new(RecordingDeployments::new());
    let world = telling(&forge);
    world.deployer.fail_next(&service("api"), DeployFault::Fails(LeftBehind::NoChange));
    let result = world.deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::Failed, "nothing was changed: {}", reason(&result));
    assert_eq!(told(&forge).last().unwrap().2, Failure);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_interrupted_tells_no_second_deployment() {
    let forge = Arc::new(RecordingDeployments::new());
    let world = telling(&forge);
    world.deployer.fail_next(&service("api"), DeployFault::HangsAfter);
    let (engine, cancel) = (world.engine(), Cancel::default());
    let plan = engine.prepare(&deploy("v1"), &world.config).await.unwrap();
    let hung = tokio::time::timeout(Duration::from_secs(60), engine.execute(deploy("v1"), plan, &cancel)).await;
    assert!(hung.is_err(), "it hangs in the first service");
    let run = *world.environment().open_runs.keys().next().unwrap();
    let later = world.engine_of(2, OwnerState::Over);
    let result = later.recover(run, &world.config, false, &cancel).await.unwrap();
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    let v1 = || "v1".to_owned();
    assert_eq!(told(&forge), [(Deploy, v1(), InProgress, None), (Deploy, v1(), Success, Some(1))]);
}

#[tokio::test(start_paused = true)]
async fn only_a_job_of_ci_tells_when_nobody_says_so() {
    for (config, ci_run, tells) in [
        (CONFIG.to_owned(), None, false),
        (CONFIG.to_owned(), Some("7"), true),
        (CONFIG.replace("[deploy]", "[deploy]\nrecord = false"), Some("7"), false),
    ] {
        let forge = Arc::new(RecordingDeployments::new());
        let world = with_forge(&config, &forge);
        let origin = Origin { ci_run: ci_run.map(str::to_owned), ..deploy("v1").origin };
        let result = world.run(Request { origin, ..deploy("v1") }).await;
        assert_eq!(result.verdict(), Verdict::Succeeded);
        assert_eq!(!forge.told().is_empty(), tells, "{ci_run:?} with {config}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_where_nothing_is_deployed() {
    let forge = Arc::new(RecordingDeployments::new());
    let world = telling(&forge);
    world.run(request(Action::UpdateStatus)).await;
    assert!(forge.told().is_empty());
    world.deploy("v1").await;
    let before = forge.told().len();
    world.deploy("v1").await;
    assert_eq!(forge.told().len(), before, "it is live already");
}

#[tokio::test(start_paused = true)]
async fn a_forge_that_was_asked_for_and_is_not_there_is_a_warning() {
    let mut world = World::configured(&CONFIG.replace("[deploy]", "[deploy]\nrecord = true"));
    world.version_control = Some(Arc::new(Commits::default()));
    let result = world.deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::Succeeded);
    let ended = result.run.step(&StepId::new("deploy").unwrap()).unwrap().result().unwrap().reason();
    assert_eq!(ended.as_deref(), Some("no deployment is recorded: this world has no forge"));
}
