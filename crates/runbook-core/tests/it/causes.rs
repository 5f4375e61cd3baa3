//! Whose fault it is, and what follows: a release is returned from for its own faults and for no other's; and what is
//! known of the past is that of this release.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use runbook_core::{
    Action, CommitId, Difference, Health, Release, ReleaseId, Verdict,
    engine::Permit,
    event::EventKind,
    ports::{Checkout, History, Resolved, RollbackBranch, RollbackCommit, SeriesQuery, VersionControl, VersionError},
};
use runbook_testkit::MemoryHistory;

use crate::harness::{CONFIG, World, deploy, reason, request, service};

/// `web` cannot work without `api`.
fn web_needs_api() -> String {
    CONFIG.replace("id = \"web\"\n", "id = \"web\"\ndepends_on = [\"api\"]\n")
}

async fn good_v1(config: &str) -> World {
    let world = World::configured(config);
    assert_eq!(world.deploy("v1").await.verdict(), Verdict::Succeeded);
    world
}

fn only_web(version: &str) -> runbook_core::Request {
    let mut request = deploy(version);
    request.action = Action::UpdateComponent;
    request.component = Some(service("web"));
    request
}

/// The watch of a healthy dependency ends early with that of the bad release: that makes it no cause.
#[tokio::test(start_paused = true)]
async fn a_bad_release_is_returned_from_although_it_depends_on_another_service() {
    let world = good_v1(&web_needs_api()).await;
    world.release_is("v2", Health::Unhealthy);
    let result = world.run(only_web("v2")).await;
    assert_eq!(result.verdict(), Verdict::RolledBack, "{}", reason(&result));
    assert!(world.live().iter().all(|live| live == "v1"));
}

/// A dependency that began to fail together with the release is looked at to the end, before the release pays for it.
#[tokio::test(start_paused = true)]
async fn what_a_dependency_hints_at_is_settled_before_anything_is_rolled_back() {
    let world = good_v1(&web_needs_api()).await;
    // When the second bad sample confirms the fault of `web`, `api` has had one bad sample.
    world.script("web", [Health::Healthy, Health::Unhealthy]);
    world.script("api", [Health::Healthy, Health::Unhealthy]);
    let result = world.run(only_web("v2")).await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator, "{}", reason(&result));
    assert!(reason(&result).contains("because of api"), "{}", reason(&result));
}

/// What nobody could measure proves nobody innocent.
#[tokio::test(start_paused = true)]
async fn a_dependency_that_cannot_be_measured_keeps_nobody_from_rolling_back() {
    let world = good_v1(&web_needs_api()).await;
    world.script("api", [Health::Unknown]);
    world.release_is("v2", Health::Unhealthy);
    let result = world.run(only_web("v2")).await;
    assert_eq!(result.verdict(), Verdict::RolledBack, "{}", reason(&result));
}

/// In `status_reasons` the worst of a group is told, also when its cause is less bad.
#[tokio::test(start_paused = true)]
async fn a_critical_service_is_named_behind_a_cause_that_is_only_unknown() {
    let world = good_v1(&web_needs_api()).await;
    world.script("api", [Health::Unknown]);
    world.script("web", [Health::Unhealthy]);
    let result = world.run(request(Action::UpdateStatus)).await;
    assert_eq!(result.report.status_reasons, ["api is unknown (and with it web, which is unhealthy)"]);
}

/// Those who suffer from planned maintenance wake nobody either.
#[tokio::test(start_paused = true)]
async fn maintenance_of_a_dependency_is_nobodys_alarm() {
    let maintenance =
        "[[maintenance]]\nservices = [\"api\"]\nfrom = \"2026-01-01T00:00:00Z\"\nuntil = \"2026-01-01T06:00:00Z\"";
    let world = good_v1(&format!("{}\n{maintenance}", web_needs_api())).await;
    world.script("api", [Health::Unhealthy]);
    world.script("web", [Health::Unhealthy]);
    let result = world.run(request(Action::UpdateStatus)).await;
    assert!(result.run.notified.is_empty(), "{:?}", result.run.notified);
}

/// An unchanged service that was down for a moment in the window, and is not any more, is not told as down.
#[tokio::test(start_paused = true)]
async fn what_has_recovered_in_the_window_is_degraded_and_not_down() {
    let world = good_v1(CONFIG).await;
    world.script("api", [Health::Unhealthy, Health::Unhealthy, Health::Healthy]);
    let result = world.run(only_web("v2")).await;
    assert_eq!(result.run.judgements()[&service("api")].health, Health::Degraded);
}

/// The failures of the release before are no reason against the one that mends them.
#[tokio::test(start_paused = true)]
async fn an_alert_judges_a_release_by_its_own_samples() {
    let alert = "[[service.alert]]\nwhen = \"failures >= 3 of 10\"\nover = \"1h\"\nlevel = \"unhealthy\"\n";
    let mut world =
        World::configured(&CONFIG.replace("[[service]]\nid = \"web\"", &format!("{alert}[[service]]\nid = \"web\"")));
    world.history = Some(Arc::new(MemoryHistory::new()));
    world.deploy("v1").await;
    world.release_is("v1", Health::Unhealthy);
    let sick = world.run(request(Action::UpdateStatus)).await;
    assert_eq!(sick.run.judgements()[&service("api")].health, Health::Unhealthy);
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    assert_eq!(result.run.judgements()[&service("api")].alerts, [], "{:?}", result.run.judgements()[&service("api")]);
    // Without a change the past counts: it was down a moment ago.
    let result = world.run(request(Action::UpdateStatus)).await;
    assert_eq!(result.run.judgements()[&service("api")].alerts[0].fired, Some(true));
}

/// Samples of a run are kept; a machine that never saw them knows what the journal tells, and learns nothing twice.
#[tokio::test(start_paused = true)]
async fn samples_are_kept_and_the_journal_tells_the_rest() {
    let mut world = World::new();
    let kept = Arc::new(MemoryHistory::new());
    world.history = Some(kept.clone());
    world.answers_after("api", Duration::from_secs(1));
    world.deploy("v1").await;
    let samples = kept.recorded().into_iter().filter(|sample| sample.service == service("api")).count();
    assert_eq!(samples, 8, "seven of the window, and the one that said that it had come up");

    let wiped = Arc::new(MemoryHistory::new());
    world.history = Some(wiped.clone());
    let engine = world.engine();
    engine.learn().await.unwrap();
    let looks = wiped.looks();
    assert_eq!(looks.len(), 3, "one for each service: {looks:?}");
    engine.learn().await.unwrap();
    assert_eq!(wiped.looks().len(), 3, "nothing is learned twice");
    let query = SeriesQuery {
        environment: world.config.environment.clone(),
        service: service("api"),
        from: "2026-01-01T00:00:00Z".parse().unwrap(),
        to: "2026-01-01T01:00:00Z".parse().unwrap(),
        width_minutes: 60,
    };
    let total = wiped.series(&query).await.unwrap().total;
    assert_eq!((total.observed, total.uptime()), (1, Some(1.0)));
    assert!(total.coverage() < 0.02, "59 minutes are unobserved: {total:?}");
}

/// What made a judgement worse than its samples is no downtime, on whatever machine it is counted.
#[tokio::test(start_paused = true)]
async fn an_alert_is_no_downtime() {
    let alert = "[[service.alert]]\nwhen = \"p95 > 5ms\"\nmin_samples = 3\nlevel = \"unhealthy\"\n";
    let world =
        World::configured(&CONFIG.replace("[[service]]\nid = \"web\"", &format!("{alert}[[service]]\nid = \"web\"")));
    let result = world.deploy("v1").await;
    let judgement = result.run.judgements()[&service("api")].clone();
    assert_eq!((judgement.health, judgement.by_samples()), (Health::Unhealthy, Health::Healthy));
}

/// A service that answers more slowly than the pause between two samples is watched all the same.
#[tokio::test(start_paused = true)]
async fn a_slow_service_is_watched_to_the_end() {
    let world = World::new();
    world.answers_after("api", Duration::from_secs(13));
    let result = world.deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
}

/// A probe that hangs costs its own service's health, and nobody else's.
#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_has_measured_nothing() {
    let world = World::with_good_v1().await;
    world.hangs("api");
    let document = tokio::time::timeout(Duration::from_secs(1_200), world.engine().check(&[])).await.unwrap();
    let healths: Vec<Health> = document.services.iter().map(|row| row.health).collect();
    assert_eq!(healths, [Health::Unknown, Health::Healthy, Health::Healthy]);
    assert!(document.services[0].evidence.contains("did not end"), "{}", document.services[0].evidence);
}

/// The commits between two releases are named, and still are when the bad one is gone again.
#[tokio::test(start_paused = true)]
async fn the_commits_that_were_returned_from_are_named() {
    let mut world = World::new();
    world.version_control = Some(Arc::new(TwoCommits));
    world.deploy("v1").await;
    world.release_is("v2", Health::Unhealthy);
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::RolledBack, "{}", reason(&result));
    let rollback = result.report.rollback.unwrap();
    assert_eq!(rollback.suspects, ["a1b2c3d Move the pool", "d4e5f6a Raise the limit"]);
    let judged = world.journal.events().into_iter().filter_map(|event| match event.kind {
        EventKind::WindowJudged { services, .. } => Some(services),
        _ => None,
    });
    let named = judged.flatten().filter(|judgement| !judgement.suspects.is_empty()).count();
    assert!(named >= 1, "and the journal keeps them");
}

/// A repository in which two commits lie between any two releases.
#[derive(Debug)]
struct TwoCommits;

fn commit_of(version: &str) -> CommitId {
    CommitId::new(format!("{:0>40}", version.trim_start_matches('v'))).unwrap()
}

#[async_trait]
impl VersionControl for TwoCommits {
    async fn checkout(&self) -> Result<Checkout, VersionError> {
        Ok(Checkout { branch: None, head: None, dirty: Vec::new() })
    }
    async fn resolve(&self, version: &str) -> Result<Resolved, VersionError> {
        let commit = commit_of(version);
        let release = Release { id: ReleaseId::new(version).unwrap(), commit: Some(commit.clone()) };
        Ok(Resolved { release, commit })
    }
    async fn releases(&self, _: &str) -> Result<Vec<Release>, VersionError> {
        Ok(Vec::new())
    }
    async fn export(&self, _: &CommitId, _: &Path) -> Result<(), VersionError> {
        Ok(())
    }
    async fn between(&self, from: &CommitId, to: &CommitId) -> Result<Vec<String>, VersionError> {
        assert_eq!((from, to), (&commit_of("v1"), &commit_of("v2")));
        Ok(vec!["a1b2c3d Move the pool".to_owned(), "d4e5f6a Raise the limit".to_owned()])
    }
    async fn difference(&self, _: &CommitId, _: &CommitId, _: &[String]) -> Result<Difference, VersionError> {
        Ok(Difference::default())
    }
    async fn rollback_branch(&self, _: &Permit, _: &RollbackBranch) -> Result<RollbackCommit, VersionError> {
        Err(VersionError::Unusable { version: "v1".to_owned(), problem: "has no branch here".to_owned() })
    }
    async fn tag(&self, _: &Permit, _: &ReleaseId, _: &CommitId) -> Result<(), VersionError> {
        Ok(())
    }
}
