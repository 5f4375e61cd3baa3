//! What is believed of samples: confirmed before it is told, held against this machine's own network, against the
//! services that it depends on, and against the release before.

use runbook_core::{Action, Health, OperationalStatus, Outcome, Shift, StepResult, Verdict};

use crate::harness::{CONFIG, World, reason, request, service};

/// The configuration of the harness with more of it.
fn with(more: &str) -> String {
    format!("{CONFIG}\n{more}")
}

/// The configuration of the harness with more keys of one service.
fn with_service(id: &str, keys: &str) -> String {
    CONFIG.replace(&format!("id = \"{id}\"\n"), &format!("id = \"{id}\"\n{keys}\n"))
}

async fn good_v1(config: &str) -> World {
    let world = World::configured(config);
    let first = world.deploy("v1").await;
    assert_eq!(first.verdict(), Verdict::Succeeded, "{}", reason(&first));
    world
}

/// Dozens of false alarms a day came from the runner's own network.
#[tokio::test(start_paused = true)]
async fn one_bad_sample_is_no_fault_and_is_confirmed_in_the_same_run() {
    let world = World::with_good_v1().await;
    world.script("api", [Health::Unhealthy, Health::Healthy]);
    let result = world.run(request(Action::UpdateStatus)).await;
    let judgement = &result.run.judgements()[&service("api")].clone();
    assert_eq!(judgement.health, Health::Degraded, "it recovered, and that is told too: {judgement:?}");
    assert_eq!(judgement.samples, 4, "2 of 4: the other three were good");
    assert_ne!(result.report.operational_status, OperationalStatus::Critical);

    world.script("api", [Health::Unhealthy, Health::Healthy, Health::Unhealthy]);
    let result = world.run(request(Action::UpdateStatus)).await;
    assert_eq!(result.report.operational_status, OperationalStatus::Critical, "2 of 4 in one run");
}

#[tokio::test(start_paused = true)]
async fn a_recovery_is_confirmed_before_it_is_told() {
    let world = World::with_good_v1().await;
    world.script("api", [Health::Unhealthy]);
    world.run(request(Action::UpdateStatus)).await;
    world.script("api", [Health::Healthy]);
    let result = world.run(request(Action::UpdateStatus)).await;
    let judgement = result.run.judgements()[&service("api")].clone();
    assert_eq!((judgement.health, judgement.samples), (Health::Healthy, 2), "one good sample is not yet a recovery");
    let result = world.run(request(Action::UpdateStatus)).await;
    assert_eq!(result.run.judgements()[&service("api")].samples, 1, "it was well before, so one sample is enough");
}

/// What is not confirmed within the budget is unknown, and nobody waits longer for it.
#[tokio::test(start_paused = true)]
async fn confirming_ends_with_its_budget() {
    let keys = "confirm = 5\nconfirm_of = 50\nconfirm_pause = \"2s\"\nconfirm_budget = \"20s\"";
    let world =
        World::configured(&CONFIG.replace("confirm = 2", keys).replace("interval = \"10s\"", "interval = \"5s\""));
    world.script("api", [Health::Unhealthy, Health::Healthy, Health::Unhealthy, Health::Healthy, Health::Healthy]);
    let result = world.run(request(Action::UpdateStatus)).await;
    let judgement = result.run.judgements()[&service("api")].clone();
    assert_eq!(judgement.health, Health::Unknown);
    assert!(
        (4..12).contains(&judgement.samples),
        "with pauses that stay as they are there would be more: {judgement:?}"
    );
    assert!(result.report.elapsed_ms <= 21_000, "{}", result.report.elapsed_ms);
}

#[tokio::test(start_paused = true)]
async fn when_this_machines_own_network_fails_nothing_is_known_of_the_services() {
    let world = good_v1(&with("[control]\nprobe = [{ kind = \"control\" }]")).await;
    world.script("control", [Health::Unhealthy]);
    world.script("api", [Health::Unhealthy]);
    let result = world.run(request(Action::UpdateStatus)).await;
    let judgement = result.run.judgements()[&service("api")].clone();
    assert_eq!(judgement.health, Health::Unknown);
    assert!(judgement.evidence.starts_with("this machine's own network fails"), "{}", judgement.evidence);
    assert_eq!(result.report.operational_status, OperationalStatus::Degraded, "unknown, and never critical");

    // Nor is anything rolled back.
    world.script("api", [Health::Healthy, Health::Unhealthy]);
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator, "{}", reason(&result));
    assert_eq!(world.live(), ["v2"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_bad_stays_bad_when_the_network_works() {
    let world = good_v1(&with("[control]\nprobe = [{ kind = \"control\" }]")).await;
    world.script("api", [Health::Unhealthy]);
    let result = world.run(request(Action::UpdateStatus)).await;
    assert_eq!(result.run.judgements()[&service("api")].health, Health::Unhealthy);
}

/// The loopback interface is not the network: what control probes find says nothing of a service on it.
#[tokio::test(start_paused = true)]
async fn a_service_on_this_machine_needs_no_network() {
    let config = with_service("api", "url = \"http://127.0.0.1:8000\"");
    let world = good_v1(&format!("{config}\n[control]\nprobe = [{{ kind = \"control\" }}]")).await;
    world.script("control", [Health::Unhealthy]);
    world.script("api", [Health::Unhealthy]);
    let result = world.run(request(Action::UpdateStatus)).await;
    assert_eq!(result.run.judgements()[&service("api")].health, Health::Unhealthy);
}

#[tokio::test(start_paused = true)]
async fn one_root_cause_is_named_and_its_dependants_with_it() {
    let config = with_service("web", "depends_on = [\"api\"]")
        .replace("id = \"worker\"\n", "id = \"worker\"\ndepends_on = [\"web\"]\n");
    let world = good_v1(&config).await;
    for id in ["api", "web", "worker"] {
        world.script(id, [Health::Unhealthy]);
    }
    let result = world.run(request(Action::UpdateStatus)).await;
    let judgements = result.run.judgements();
    assert_eq!(judgements[&service("api")].caused_by, None);
    assert_eq!(judgements[&service("web")].caused_by, Some(service("api")));
    assert_eq!(judgements[&service("worker")].caused_by, Some(service("api")), "the root, not the next one");
    assert_eq!(result.report.status_reasons, ["api is unhealthy (and with it web, worker)"]);
    assert_eq!(result.report.operational_status, OperationalStatus::Critical);
}

/// Another release of a service does not mend the one that it depends on.
#[tokio::test(start_paused = true)]
async fn a_fault_of_a_service_that_was_not_changed_is_no_reason_to_roll_back() {
    let world = good_v1(&with_service("web", "depends_on = [\"api\"]")).await;
    world.script("api", [Health::Unhealthy]);
    world.script("web", [Health::Healthy, Health::Unhealthy]);
    let mut only_web = crate::harness::deploy("v2");
    only_web.action = Action::UpdateComponent;
    only_web.component = Some(service("web"));
    let result = world.run(only_web).await;
    assert_eq!(result.verdict(), Verdict::NeedsOperator, "{}", reason(&result));
    assert!(reason(&result).contains("web is unhealthy because of api, which this run did not change"));
    assert_eq!(world.live()[1], "v2");
}

#[tokio::test(start_paused = true)]
async fn maintenance_is_no_outage_and_no_health() {
    let config = with(
        "[[maintenance]]\nservices = [\"api\"]\nfrom = \"2026-01-01T00:00:00Z\"\nuntil = \"2026-01-01T06:00:00Z\"\nreason = \"new disks\"",
    );
    let world = good_v1(&config).await;
    world.script("api", [Health::Unhealthy]);
    let result = world.run(request(Action::UpdateStatus)).await;
    assert_eq!(result.report.operational_status, OperationalStatus::Degraded, "critical without the maintenance");
    assert_eq!(result.report.status_reasons, ["api is unhealthy, in maintenance"]);
    let row = &result.report.services[0];
    assert_eq!(row.maintenance.as_ref().unwrap().reason.as_deref(), Some("new disks"));
    assert!(result.run.notified.is_empty(), "planned maintenance is nobody's alarm: {:?}", result.run.notified);

    world.clock.advance(std::time::Duration::from_secs(7 * 3600));
    let result = world.run(request(Action::UpdateStatus)).await;
    assert_eq!(result.report.operational_status, OperationalStatus::Critical, "it is over");
    assert_eq!(result.run.notified.len(), 1, "{:?}", result.run.notified);
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_fires_makes_it_worse_and_says_what_it_found() {
    let alert = "[[service.alert]]\nwhen = \"p95 > 5ms\"\nmin_samples = 3";
    let config = CONFIG.replace("[[service]]\nid = \"web\"", &format!("{alert}\n[[service]]\nid = \"web\""));
    let world = World::configured(&config);
    let result = world.deploy("v1").await;
    let judgement = result.run.judgements()[&service("api")].clone();
    assert_eq!(judgement.health, Health::Degraded);
    assert_eq!(judgement.alerts.len(), 1);
    assert_eq!(judgement.alerts[0].fired, Some(true));
    assert!(judgement.evidence.starts_with("p95 > 5ms"), "{}", judgement.evidence);
    assert_eq!(world.known_good()[0], None, "a release with an alert is not promoted");

    // One look has too few samples: that is told, and changes nothing.
    let result = world.run(request(Action::UpdateStatus)).await;
    let judgement = result.run.judgements()[&service("api")].clone();
    assert_eq!((judgement.health, judgement.alerts[0].fired), (Health::Healthy, None));
}

/// A window with enough samples on both sides for a comparison.
fn with_many_samples(slower_is: &str) -> String {
    let baseline = format!("baseline = {{ window = \"10s\", interval = \"250ms\", slower_is = \"{slower_is}\" }}");
    CONFIG.replace("interval = \"10s\"", &format!("interval = \"2s\"\n{baseline}"))
}

#[tokio::test(start_paused = true)]
async fn a_release_that_is_surely_slower_is_degraded_and_not_promoted() {
    let world = World::configured(&with_many_samples("degraded"));
    world.latency_is("v1", 10.0);
    world.latency_is("v2", 20.0);
    world.deploy("v1").await;
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    let judgement = result.run.judgements()[&service("api")].clone();
    let comparison = judgement.comparison.clone().unwrap();
    assert_eq!(comparison.shift, Shift::Slower, "{comparison:?}");
    assert!(comparison.p_value.unwrap() < 0.01 && comparison.effect.unwrap() > 0.9, "{comparison:?}");
    assert!(comparison.baseline_samples >= 20 && comparison.samples >= 20);
    assert_eq!(judgement.health, Health::Degraded);
    assert!(world.known_good().iter().all(|good| good.as_deref() == Some("v1")));
}

#[tokio::test(start_paused = true)]
async fn a_slower_release_is_rolled_back_where_its_owner_says_so() {
    let world = World::configured(&with_many_samples("unhealthy"));
    world.latency_is("v1", 10.0);
    world.latency_is("v2", 20.0);
    world.deploy("v1").await;
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::RolledBack, "{}", reason(&result));
    assert!(reason(&result).contains("slower than before the change"), "{}", reason(&result));
}

#[tokio::test(start_paused = true)]
async fn an_equally_fast_release_is_healthy_and_a_first_one_is_compared_with_nothing() {
    let world = World::configured(&with_many_samples("unhealthy"));
    world.latency_is("v1", 10.0);
    world.latency_is("v2", 10.0);
    let first = world.deploy("v1").await;
    assert!(first.run.baselines.is_empty(), "nothing was live before");
    let baseline = first.run.steps.iter().find(|state| state.step.id.as_str() == "baseline").unwrap();
    assert!(matches!(baseline.result(), Some(StepResult::Ended(Outcome::Skipped(_)))), "{baseline:?}");
    let second = world.deploy("v2").await;
    let judgement = second.run.judgements()[&service("api")].clone();
    assert_eq!(judgement.comparison.unwrap().shift, Shift::NoDifference);
    assert_eq!(judgement.health, Health::Healthy);
}

/// Too few samples say nothing: not that it is slower, and not that it is as fast.
#[tokio::test(start_paused = true)]
async fn too_few_samples_compare_nothing() {
    let world = World::with_good_v1().await;
    world.latency_is("v2", 500.0);
    let result = world.deploy("v2").await;
    let judgement = result.run.judgements()[&service("api")].clone();
    assert_eq!(judgement.comparison.unwrap().shift, Shift::TooFew, "7 samples in the window");
    assert_eq!(judgement.health, Health::Healthy);
}

/// A baseline that is bad is one more reason to deploy, and none against it.
#[tokio::test(start_paused = true)]
async fn a_service_that_is_down_before_a_deploy_can_be_deployed() {
    let world = World::with_good_v1().await;
    world.release_is("v1", Health::Unhealthy);
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::Succeeded, "{}", reason(&result));
    let baseline = result.run.steps.iter().find(|state| state.step.id.as_str() == "baseline").unwrap();
    assert!(matches!(baseline.result(), Some(StepResult::Ended(Outcome::Warned(_)))), "{baseline:?}");
}
