//! Plans and reports as people read them, and the digest that tells two plans apart.

use std::collections::BTreeMap;

use proptest::{prelude::*, sample::select};
use runbook_core::{
    Action, Actor, ActorKind, CommitId, Digest, Health, Live, Release, Request, RunId, Verdict,
    plan::{Access, Plan, PlanError, World as Seen, plan, plan_digest},
    state::Proven,
};
use serde_json::Value;

use crate::harness::{CONFIG, SERVICES, World, deploy, release, request, service};

/// The world as a survey would find it after `v1` was watched.
fn seen(live: &str, target: Option<&str>) -> Seen {
    let live = SERVICES.iter().map(|id| (service(id), Live::Release(release(live)))).collect();
    Seen { live, target: target.map(release), ..Seen::default() }
}

fn planned(asked: &Request, config: &str, seen: &Seen) -> Plan {
    plan(asked, &World::configured(config).config, seen).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_printed_for_whoever_says_yes() {
    let world = World::with_good_v1().await;
    let engine = world.engine();
    insta::assert_snapshot!("plan_deploy", engine.prepare(&deploy("v2"), &world.config).await.unwrap());
    world.release_is("v2", Health::Degraded);
    world.deploy("v2").await;
    let rollback = engine.prepare(&request(Action::Rollback), &world.config).await.unwrap().to_string();
    let proven_in = world.journal.events()[0].run.to_string();
    insta::assert_snapshot!("plan_rollback", rollback.replace(&proven_in, "[run]"));
    let one = Request { action: Action::UpdateComponent, component: Some(service("web")), ..deploy("v3") };
    insta::assert_snapshot!("plan_component", engine.prepare(&one, &world.config).await.unwrap());
    world.run(request(Action::EmergencyStop)).await;
    insta::assert_snapshot!("plan_stopped", engine.prepare(&deploy("v3"), &world.config).await.unwrap());
}

/// Replaces what differs from run to run.
fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match name.as_str() {
                    "run" => *field = "[run]".into(),
                    "elapsed_ms" => *field = "[ms]".into(),
                    _ if name.ends_with("_at") || matches!(&**name, "since" | "valid_until") => {
                        *field = "[time]".into()
                    }
                    _ => redact(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}

#[tokio::test(start_paused = true)]
async fn the_report_of_a_bad_release_says_what_happened() {
    let world = World::with_good_v1().await;
    world.release_is("v2", Health::Unhealthy);
    let result = world.deploy("v2").await;
    assert_eq!(result.verdict(), Verdict::RolledBack);
    let mut report = serde_json::to_value(&result.report).unwrap();
    redact(&mut report);
    insta::assert_json_snapshot!("report_bad_release", report);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_is_made_twice_has_one_digest() {
    let world = World::with_good_v1().await;
    let digest = async |asked: &Request| plan_digest(&world.engine().prepare(asked, &world.config).await.unwrap());
    let first = digest(&deploy("v2")).await;
    world.run(request(Action::UpdateStatus)).await;
    world.clock.advance(std::time::Duration::from_secs(3600));
    let agent = Actor { name: "helper".to_owned(), kind: ActorKind::Agent };
    let by_another = Request { actor: agent, reason: None, ..deploy("v2") };
    assert_eq!(digest(&by_another).await, first, "actor, reason, time, journal and readings are not part of it");
    assert_ne!(digest(&deploy("v3")).await, first);
    world.deployer.set_live(&service("web"), Live::Stopped);
    assert_ne!(digest(&deploy("v2")).await, first, "the world has changed");
}

#[test]
fn whatever_makes_a_plan_another_one_changes_its_digest() {
    let of = |asked: &Request, config: &str, seen: &Seen| plan_digest(&planned(asked, config, seen));
    let asked = deploy("v2");
    let world = seen("v1", Some("v2"));
    let commit = CommitId::new("0".repeat(40)).ok();
    let mut good = Seen { ..world.clone() };
    good.environment.services.entry(service("api")).or_default().proven.push(Proven {
        release: release("v1"),
        at: "2026-01-01T00:00:00Z".parse().unwrap(),
        run: RunId::new(),
    });
    let others = [
        ("target", of(&asked, CONFIG, &seen("v1", Some("v3")))),
        ("commit", of(&asked, CONFIG, &Seen { target: Some(Release { commit, ..release("v2") }), ..world.clone() })),
        ("live", of(&asked, CONFIG, &seen("v0", Some("v2")))),
        ("no deployer", of(&asked, CONFIG, &Seen { live: BTreeMap::new(), ..world.clone() })),
        ("latch", of(&asked, CONFIG, &Seen { latched: true, ..world.clone() })),
        ("way back", of(&asked, CONFIG, &good)),
        ("configuration", of(&asked, &CONFIG.replace("60s", "61s"), &world)),
        ("action", of(&request(Action::UpdateStatus), CONFIG, &world)),
        ("component", {
            let one = Request { action: Action::UpdateComponent, component: Some(service("web")), ..asked.clone() };
            of(&one, CONFIG, &world)
        }),
    ];
    let mut digests: BTreeMap<Digest, &str> = BTreeMap::from([(of(&asked, CONFIG, &world), "the plan itself")]);
    for (what, digest) in others {
        let before = digests.insert(digest, what);
        assert_eq!(before, None, "{what} makes no difference");
    }
}

#[test]
fn a_request_for_what_does_not_exist_is_refused_with_what_does() {
    let world = World::new();
    let asked = Request { component: Some(service("wep")), ..request(Action::UpdateComponent) };
    let error = plan(&asked, &world.config, &Seen::default()).unwrap_err();
    assert!(matches!(error, PlanError::UnknownComponent { .. }));
    assert_eq!(error.to_string(), "there is no service \"wep\"; configured: api, web, worker");
}

#[test]
fn custom_stages_stand_in_the_order_of_the_file() {
    let stages =
        ["smoke", "soak"].map(|id| format!("\n[[stage]]\nid = \"{id}\"\nkind = \"ask\"\nafter = \"deploy\"\n"));
    let access = BTreeMap::from([(runbook_core::StepId::new("soak").unwrap(), Access::Mutating)]);
    let plan = planned(
        &deploy("v2"),
        &format!("{CONFIG}{}", stages.concat()),
        &Seen { custom: access, ..seen("v1", Some("v2")) },
    );
    let steps: Vec<_> = plan.steps.iter().map(|step| (step.id.as_str(), step.access, step.attempts)).collect();
    let at = steps.iter().position(|(id, ..)| *id == "deploy").unwrap();
    assert_eq!(steps[at + 1..at + 3], [("smoke", Access::ReadOnly, 3), ("soak", Access::Mutating, 1)]);
}

proptest! {
    #[test]
    fn actor_reason_and_origin_never_change_a_digest(
        action in select(Action::ALL.to_vec()), name in ".{0,12}", reason in prop::option::of(".{0,12}"), branch in prop::option::of(".{0,12}"),
    ) {
        let seen = seen("v1", Some("v2"));
        let asked = Request { action, ..deploy("v2") };
        let mut other = Request { actor: Actor { name, kind: ActorKind::Agent }, reason, ..asked.clone() };
        other.origin.branch = branch;
        prop_assert_eq!(plan_digest(&planned(&asked, CONFIG, &seen)), plan_digest(&planned(&other, CONFIG, &seen)));
    }
}
