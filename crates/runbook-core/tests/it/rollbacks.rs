//! The way back: to the last known good, within a budget, watched again, and never on a guess.

use runbook_core::{Action, ExitCode, Health, LeftBehind, Live, Request, Verdict, ports::Clock};
use runbook_testkit::DeployFault;

use crate::harness::{World, deploy, reason, release, request, service};

#[tokio::test(start_paused = true)]
async fn a_bad_release_is_left_quarantined_and_counted() {
    let world = World::with_good_v1().await;
    world.release_is("v2", Health::Unhealthy);
    let before = world.deployer.ordered().len();
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::RolledBack, "{}", reason(&result));
    assert_eq!(ExitCode::from(result.verdict()).code(), 6);
    assert_eq!(
        world.ordered_since(before),
        [
            "deploy api v2",
            "deploy web v2",
            "deploy worker v2",
            "activate api v1",
            "activate web v1",
            "activate worker v1"
        ]
    );
    assert_eq!(world.live(), ["v1"; 3]);
    assert!(world.known_good().iter().all(|good| good.as_deref() == Some("v1")));
    let environment = world.environment();
    for state in environment.services.values() {
        assert!(state.quarantine.contains_key(&release("v2").id), "{state:?}");
        assert!(!state.quarantine.contains_key(&release("v1").id), "{state:?}");
    }
    assert_eq!(environment.recent_rollbacks(world.clock.now()), 1);
    assert!(result.report.rollback.unwrap().verified);
}

#[tokio::test(start_paused = true)]
async fn a_budget_ends_the_loop_of_bad_releases() {
    let world = World::with_good_v1().await;
    for bad in ["v2", "v3", "v4"] {
        world.release_is(bad, Health::Unhealthy);
    }
    assert_eq!(world.deploy("v2").await.verdict(), Verdict::RolledBack);
    assert_eq!(world.deploy("v3").await.verdict(), Verdict::RolledBack);
    let third = world.deploy("v4").await;
    assert_eq!(third.verdict(), Verdict::NeedsOperator);
    assert!(reason(&third).contains("budget of 2"), "{}", reason(&third));
    assert_eq!(world.live(), ["v4"; 3]);

    // A day later it may again.
    world.clock.advance(std::time::Duration::from_secs(25 * 3600));
    world.release_is("v5", Health::Unhealthy);
    let later = world.deploy("v5").await;
    assert_eq!(later.verdict(), Verdict::RolledBack, "{}", reason(&later));
}

#[tokio::test(start_paused = true)]
async fn a_first_release_that_is_bad_has_no_way_back() {
    let world = World::new();
    world.release_is("v1", Health::Unhealthy);
    let result = world.deploy("v1").await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator);
    assert!(reason(&result).contains("no last known good"), "{}", reason(&result));
    assert_eq!(world.known_good(), [None, None, None]);
}

#[tokio::test(start_paused = true)]
async fn a_deploy_that_failed_halfway_is_returned_from() {
    let world = World::with_good_v1().await;
    world.deployer.fail_next(&service("web"), DeployFault::Fails(LeftBehind::Changed));
    let before = world.deployer.ordered().len();
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::RolledBack, "{}", reason(&result));
    let ordered = world.ordered_since(before);
    assert_eq!(
        ordered,
        ["deploy api v2", "deploy web v2", "activate api v1", "activate web v1"],
        "only what was changed"
    );
    assert_eq!(world.live(), ["v1"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_fails_needs_an_operator_and_the_others_return_all_the_same() {
    for left in [LeftBehind::NoChange, LeftBehind::Changed, LeftBehind::Unknown] {
        let mut world = World::with_good_v1().await;
        world.release_is("v2", Health::Unhealthy);
        let deployer = world.deployer.clone();
        world.spy(move |_, operation, service| {
            if (operation, service.as_str()) == ("activate", "web") {
                deployer.fail_next(service, DeployFault::Fails(left));
            }
        });
        let result = world.deploy("v2").await;
        assert_eq!(result.verdict(), Verdict::NeedsOperator, "{left:?}: {}", reason(&result));
        assert_eq!((&*world.live()[0], &*world.live()[2]), ("v1", "v1"));
        let known = &result.environment.service(&service("web")).unwrap().live;
        match left {
            LeftBehind::NoChange => assert_eq!(*known, Live::Release(release("v2"))),
            LeftBehind::Changed | LeftBehind::Unknown => assert_eq!(*known, Live::Unknown),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_half_done_deploy_left_is_not_taken_for_the_old_release() {
    let world = World::with_good_v1().await;
    world.deployer.fail_next(&service("api"), DeployFault::Fails(LeftBehind::Changed));
    world.deployer.fail_next(&service("api"), DeployFault::Fails(LeftBehind::NoChange));
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator, "{}", reason(&result));
    assert_eq!(world.deployer.live_now(&service("api")), Live::Unknown);
    assert_eq!(result.environment.service(&service("api")).unwrap().live, Live::Unknown);
    let row = result.report.services.iter().find(|row| row.id.as_str() == "api").unwrap();
    assert_eq!(row.health, Health::Unknown, "a judgement of what was there before is withdrawn: {row:?}");
    assert!(row.evidence.contains("not measured since it was changed"), "{row:?}");
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_is_not_healthy_needs_an_operator() {
    let world = World::with_good_v1().await;
    world.release_is("v1", Health::Unhealthy);
    world.release_is("v2", Health::Unhealthy);
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator);
    assert!(reason(&result).contains("not measured healthy"), "{}", reason(&result));
    assert_eq!(result.report.operational_status.as_str(), "CRITICAL");
}

#[tokio::test(start_paused = true)]
async fn automatic_rollback_can_be_switched_off() {
    let text = crate::harness::CONFIG.replace("budget = 2", "automatic = false");
    let world = World::configured(&text);
    world.deploy("v1").await;
    world.release_is("v2", Health::Unhealthy);
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator);
    assert!(reason(&result).contains("switched off"), "{}", reason(&result));
    assert_eq!(world.live(), ["v2"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_to_nowhere_is_blocked() {
    let world = World::new();
    let result = world.run(request(Action::Rollback)).await;
    assert_eq!(result.verdict(), Verdict::Blocked);
    assert!(reason(&result).contains("no last known good release yet"), "{}", reason(&result));
    assert!(world.deployer.ordered().is_empty());

    let world = World::with_good_v1().await;
    let result = world.run(request(Action::Rollback)).await;
    assert_eq!(result.verdict(), Verdict::Blocked, "it is live already");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_was_asked_for_is_watched_and_does_not_count() {
    let world = World::with_good_v1().await;
    world.release_is("v2", Health::Degraded);
    assert_eq!(world.deploy("v2").await.verdict(), Verdict::Succeeded);
    let result = world.run(request(Action::Rollback)).await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    assert_eq!(world.live(), ["v1"; 3]);
    assert!(result.run.judgements().values().all(|judgement| judgement.complete));
    assert_eq!(world.environment().recent_rollbacks(world.clock.now()), 0);
}

#[tokio::test(start_paused = true)]
async fn a_quarantined_release_is_no_way_back_and_a_deploy_of_it_warns() {
    let world = World::with_good_v1().await;
    world.release_is("v2", Health::Unhealthy);
    world.deploy("v2").await;
    let back = world.run(Request { version: Some("v2".into()), ..request(Action::Rollback) }).await;
    assert_eq!(back.verdict(), Verdict::Blocked);
    assert!(reason(&back).contains("quarantined"), "{}", reason(&back));

    world.release_is("v2", Health::Healthy);
    let again = world.run(deploy("v2")).await;
    assert_eq!(again.verdict(), Verdict::Succeeded);
    let rule = again.run.steps[0].rules.iter().find(|rule| rule.id == "quarantine").unwrap();
    assert!(rule.evidence.contains("failed before"), "{rule:?}");
    assert!(world.environment().services[&service("api")].quarantine.is_empty(), "a whole healthy window clears it");
}
