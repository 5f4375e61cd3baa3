//! Everything that can be said in a journal: a strategy for each event kind that there is, and journals of them all.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::select,
    strategy::Union,
};
use runbook_core::{
    Action, Actor, ActorKind, AlertFinding, Baseline, CommitId, Comparison, DeploymentState, DeploymentTask, EffectKey,
    EventId, Failure, GateRule, Health, Judgement, Latency, LeftBehind, Live, Maintenance, OperationalStatus, Outcome,
    Owner, Release, Request, RuleVerdict, RunId, ServiceId, Shift, StepId, StepResult, Verdict,
    event::{
        CommandRun, Draft, EffectResult, EventKind, Landed, Operation, RollbackDecision, RollbackTarget, RunStarted,
        Signal,
    },
    plan::{Plan, World as Seen, plan},
};
use serde_json::{Value, json};

use crate::harness::{SERVICES, World, deploy, release, service};

/// Stands in some of the texts, and is taken out of everything that is written.
pub const SECRET: &str = "hunter2-and-more";
/// How many runs speak in a journal; one more is named and never speaks.
pub const RUNS: usize = 3;

/// The same one each time, so that what fails once fails again.
pub fn run_id(number: usize) -> RunId {
    format!("0190a000-0000-7000-8000-{number:012x}").parse().unwrap()
}

pub fn event_id(number: usize) -> EventId {
    format!("0190a000-0000-7000-9000-{number:012x}").parse().unwrap()
}

/// What several runs of several epochs say, in any order.
pub fn journal(most: usize) -> impl Strategy<Value = Vec<Draft>> {
    vec((0..RUNS, 0..12_u64, moment(), any_kind()), 0..most).prop_map(|said| {
        let said = said.into_iter().enumerate();
        said.map(|(number, (run, epoch, at, kind))| Draft { id: event_id(number), at, run: run_id(run), epoch, kind })
            .collect::<Vec<_>>()
    })
}

/// How many drafts each batch has; it begins again when there are more.
pub fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(1..7_usize, 1..6)
}

/// Each kind that this version knows, and some that it does not know.
pub fn any_kind() -> impl Strategy<Value = EventKind> {
    let weight = |name: &str| match name {
        "run_started" | "effect_intended" | "effect_finished" => 4,
        "window_judged" | "lock_acquired" | "effect_settled" => 3,
        _ => 2,
    };
    let known = EventKind::NAMES.iter().map(|name| (weight(name), kind(name)));
    Union::new_weighted(known.chain([(1, unknown_kind())]).collect())
}

/// The kind of this name.
pub fn kind(name: &str) -> BoxedStrategy<EventKind> {
    match name {
        "run_started" => (select(&**STARTED), owner())
            .prop_map(|((request, plan), owner)| EventKind::RunStarted(Box::new(RunStarted { request, plan, owner })))
            .boxed(),
        "rollback_decided" => (any::<bool>(), btree_map(service_id(), way(), 0..3), text())
            .prop_map(|(automatic, services, reason)| {
                EventKind::RollbackDecided(RollbackDecision { automatic, services, reason })
            })
            .boxed(),
        "run_continued" => owner().prop_map(|owner| EventKind::RunContinued { owner }).boxed(),
        "lock_acquired" => (owner(), actor(), text(), any::<bool>())
            .prop_map(|(owner, actor, reason, sticky)| EventKind::LockAcquired { owner, actor, reason, sticky })
            .boxed(),
        "run_left" => Just(EventKind::RunLeft {}).boxed(),
        "lock_released" => Just(EventKind::LockReleased {}).boxed(),
        "lock_lifted" => (actor(), text()).prop_map(|(actor, reason)| EventKind::LockLifted { actor, reason }).boxed(),
        "stop_latched" => {
            (actor(), text()).prop_map(|(actor, reason)| EventKind::StopLatched { actor, reason }).boxed()
        }
        "stop_lifted" => (actor(), text()).prop_map(|(actor, reason)| EventKind::StopLifted { actor, reason }).boxed(),
        "release_found" => {
            (service_id(), live()).prop_map(|(service, live)| EventKind::ReleaseFound { service, live }).boxed()
        }
        "step_started" => {
            (step(), 1..4_u32).prop_map(|(step, attempt)| EventKind::StepStarted { step, attempt }).boxed()
        }
        "rule_judged" => (step(), rule()).prop_map(|(step, rule)| EventKind::RuleJudged { step, rule }).boxed(),
        "ci_reported" => (step(), vec(command_run(), 0..3))
            .prop_map(|(step, commands)| EventKind::CiReported { step, commands })
            .boxed(),
        "effect_intended" => (effect_key(), step(), operation())
            .prop_map(|(key, step, operation)| EventKind::EffectIntended { key, step, operation })
            .boxed(),
        "effect_finished" => (effect_key(), effect_result(), data())
            .prop_map(|(key, outcome, detail)| EventKind::EffectFinished { key, outcome, detail })
            .boxed(),
        "effect_settled" => (effect_key(), select(vec![Landed::Happened, Landed::DidNotHappen, Landed::Unknown]))
            .prop_map(|(key, landed)| EventKind::EffectSettled { key, landed })
            .boxed(),
        "baseline_taken" => (step(), vec(baseline(), 0..3))
            .prop_map(|(step, services)| EventKind::BaselineTaken { step, services })
            .boxed(),
        "window_judged" => (step(), vec(judgement(), 0..4))
            .prop_map(|(step, services)| EventKind::WindowJudged { step, services })
            .boxed(),
        "readings_published" => (owner(), vec(judgement(), 0..4))
            .prop_map(|(by, services)| EventKind::ReadingsPublished { by, services })
            .boxed(),
        "cancel_requested" => select(vec![Signal::Interrupt, Signal::Terminate])
            .prop_map(|signal| EventKind::CancelRequested { signal })
            .boxed(),
        "step_finished" => (step(), step_result(), any::<u64>())
            .prop_map(|(step, result, elapsed_ms)| EventKind::StepFinished { step, result, elapsed_ms })
            .boxed(),
        "verdict_reached" => {
            (verdict(), text()).prop_map(|(verdict, reason)| EventKind::VerdictReached { verdict, reason }).boxed()
        }
        "status_published" => (any::<u64>(), text(), status(), option::of(any::<u64>()))
            .prop_map(|(issue, url, operational_status, requests)| EventKind::StatusPublished {
                issue,
                url,
                operational_status,
                requests,
            })
            .boxed(),
        "notified" => (select(vec!["chat", "mail"]), text(), status())
            .prop_map(|(to, outcome, operational_status)| EventKind::Notified {
                to: to.to_owned(),
                outcome,
                operational_status,
            })
            .boxed(),
        "run_abandoned" => (0..=RUNS, verdict(), text())
            .prop_map(|(run, verdict, reason)| EventKind::RunAbandoned { abandoned: run_id(run), verdict, reason })
            .boxed(),
        "run_finished" => (verdict(), text(), status(), vec(text(), 0..3))
            .prop_map(|(verdict, reason, operational_status, status_reasons)| EventKind::RunFinished {
                verdict,
                reason,
                operational_status,
                status_reasons,
            })
            .boxed(),
        other => panic!("nothing here says {other:?}; a new kind of event needs a strategy"),
    }
}

/// Kinds of versions to come.
fn unknown_kind() -> BoxedStrategy<EventKind> {
    (select(vec!["moon_phase", "unknown", ""]), data())
        .prop_map(|(kind, data)| EventKind::Unknown { kind: kind.to_owned(), data })
        .boxed()
}

/// What each action asks, and what is planned for it.
static STARTED: LazyLock<Vec<(Request, Plan)>> = LazyLock::new(|| {
    let world = World::new();
    let live = SERVICES.iter().map(|id| (service(id), Live::Unknown)).collect();
    let seen = Seen { live, target: Some(release("v2")), ..Seen::default() };
    let started = |action| {
        let request = Request { action, ..deploy("v2") };
        let plan = plan(&request, &world.config, &seen).unwrap();
        (request, plan)
    };
    Action::ALL.into_iter().map(started).collect()
});

/// What people and the outside world write.
fn text() -> impl Strategy<Value = String> {
    let texts = vec![
        "as generated",
        "sent",
        "",
        "two\nlines\r\nand a \"quote\" \\",
        "grüße \u{2028} 🚦 \u{0} \u{85}",
        "the password is hunter2-and-more",
    ];
    prop_oneof![4 => select(texts).prop_map(str::to_owned), 1 => any::<String>()]
}

/// What stages and later versions write beside it.
fn data() -> impl Strategy<Value = Value> {
    let plain =
        vec![Value::Null, json!({}), json!([1, -1, u64::MAX, i64::MIN, 0.1]), json!({ "full": true, "of": [null] })];
    let named = text().prop_map(|text| json!({ "told": [text] }));
    prop_oneof![select(plain), text().prop_map(Value::from), named, (-1e9..1e9_f64).prop_map(Value::from)]
}

/// Any moment of six decades: clocks differ, and order is not theirs to give.
fn moment() -> impl Strategy<Value = Timestamp> {
    (0..2_000_000_000_000_000_000_i64).prop_map(|nanos| Timestamp::UNIX_EPOCH + SignedDuration::from_nanos(nanos))
}

fn owner() -> impl Strategy<Value = Owner> {
    let process = (text(), any::<u32>(), any::<u64>()).prop_map(|(host, pid, start_time)| Owner::Process {
        host,
        boot_id: "a boot".to_owned(),
        pid,
        start_time,
    });
    let job = (text(), 1..4_u32).prop_map(|(job, attempt)| Owner::Job {
        repository: "o/r".to_owned(),
        run_id: "7".to_owned(),
        attempt,
        job,
    });
    prop_oneof![process, job]
}

fn actor() -> impl Strategy<Value = Actor> {
    let kinds = vec![ActorKind::Person, ActorKind::Agent, ActorKind::Automation];
    (text(), select(kinds)).prop_map(|(name, kind)| Actor { name, kind })
}

fn service_id() -> impl Strategy<Value = ServiceId> {
    select(SERVICES.to_vec()).prop_map(service)
}

/// Few of them, so that they meet; two tags of one commit, and one that is known with and without its commit.
fn releases() -> Vec<Release> {
    let tagged =
        |id: &str, digit: &str| Release { commit: Some(CommitId::new(digit.repeat(40)).unwrap()), ..release(id) };
    vec![release("v1"), release("v2"), tagged("v2", "a"), tagged("v3", "a")]
}

fn any_release() -> impl Strategy<Value = Release> {
    select(releases())
}

fn live() -> impl Strategy<Value = Live> {
    let released = releases().into_iter().map(Live::Release);
    select([Live::Unknown, Live::Stopped].into_iter().chain(released).collect::<Vec<_>>())
}

fn way() -> impl Strategy<Value = RollbackTarget> {
    (live(), any_release()).prop_map(|(from, to)| RollbackTarget { from, to })
}

/// Steps of the plans above, and one of no plan.
fn step() -> impl Strategy<Value = StepId> {
    let ids = vec!["safety-gate", "deploy", "monitor", "rollback", "verify", "report", "elsewhere"];
    select(ids).prop_map(|id| StepId::new(id).unwrap())
}

/// Few of them, so that intents and ends meet, also those of other runs.
fn effect_key() -> impl Strategy<Value = EffectKey> {
    (0..RUNS, 1..3_u32).prop_map(|(run, n)| EffectKey::new(format!("run-{run}/deploy/api/deploy/{n}")).unwrap())
}

fn operation() -> impl Strategy<Value = Operation> {
    (0..12_u32, service_id(), any_release(), text(), data()).prop_map(|(which, service, release, text, detail)| {
        match which {
            0..3 => Operation::Deploy { service, release },
            3 | 4 => Operation::Activate { service, release },
            5 => Operation::Stop { service },
            6 => Operation::RollbackBranch { branch: text, to: release },
            7 => Operation::PublishStatus,
            8 => Operation::Notify { to: text },
            9 => {
                let task = if text.is_empty() { DeploymentTask::Deploy } else { DeploymentTask::Rollback };
                let state = if detail.is_null() { DeploymentState::InProgress } else { DeploymentState::Success };
                Operation::RecordDeployment { release, task, state }
            }
            10 => Operation::OpenPullRequest { branch: text },
            _ => Operation::Custom { name: text, service: detail.is_object().then_some(service), detail },
        }
    })
}

fn left_behind() -> impl Strategy<Value = LeftBehind> {
    select(vec![LeftBehind::NoChange, LeftBehind::Changed, LeftBehind::Unknown])
}

fn effect_result() -> impl Strategy<Value = EffectResult> {
    let failed = (left_behind(), text()).prop_map(|(left, message)| left.into_result(message));
    prop_oneof![Just(EffectResult::Done), failed]
}

fn step_result() -> impl Strategy<Value = StepResult> {
    let outcome = (0..4_u32, text(), vec(text(), 0..3)).prop_map(|(which, reason, reasons)| match which {
        0 => Outcome::Passed,
        1 => Outcome::Warned(reason),
        2 => Outcome::Skipped(reason),
        _ => Outcome::Blocked(reasons),
    });
    let failure = (text(), left_behind(), any::<bool>())
        .prop_map(|(message, left, unmeasured)| StepResult::Failed(Failure { message, left, unmeasured }));
    prop_oneof![2 => outcome.prop_map(StepResult::Ended), 1 => failure]
}

fn rule() -> impl Strategy<Value = GateRule> {
    let verdicts = vec![RuleVerdict::Pass, RuleVerdict::Warn, RuleVerdict::Block];
    (select(verdicts), text()).prop_map(|(verdict, evidence)| GateRule {
        id: "worktree-clean".to_owned(),
        verdict,
        evidence,
    })
}

fn command_run() -> impl Strategy<Value = CommandRun> {
    (vec(text(), 0..3), option::of(any::<i32>()), any::<u64>(), vec(text(), 0..3))
        .prop_map(|(argv, exit_code, elapsed_ms, tail)| CommandRun { argv, exit_code, elapsed_ms, tail })
}

fn verdict() -> impl Strategy<Value = Verdict> {
    select(vec![
        Verdict::Succeeded,
        Verdict::Blocked,
        Verdict::Failed,
        Verdict::RolledBack,
        Verdict::Aborted,
        Verdict::NeedsOperator,
    ])
}

fn status() -> impl Strategy<Value = OperationalStatus> {
    select(vec![OperationalStatus::Operational, OperationalStatus::Degraded, OperationalStatus::Critical])
}

fn health() -> impl Strategy<Value = Health> {
    select(vec![Health::Healthy, Health::Degraded, Health::Unhealthy, Health::Unknown])
}

fn baseline() -> impl Strategy<Value = Baseline> {
    (service_id(), option::of(any_release()), any::<u32>(), vec(any::<u32>(), 0..4), moment()).prop_map(
        |(service, release, samples, latencies_us, at)| Baseline {
            service,
            release,
            samples,
            failures: samples / 2,
            latencies_us,
            at,
        },
    )
}

/// Milliseconds with all the digits that a float has.
fn latency() -> impl Strategy<Value = Latency> {
    (0.0..1e6_f64, 0.0..1e6_f64, any::<u32>()).prop_map(|(p50, p95, samples)| Latency { p50, p95, samples })
}

fn comparison() -> impl Strategy<Value = Comparison> {
    let shifts = vec![Shift::TooFew, Shift::NoDifference, Shift::Slower, Shift::Faster];
    (select(shifts), option::of(0.0..1e6_f64), option::of(0.0..1.0_f64), any::<u32>()).prop_map(
        |(shift, p50, share, samples)| Comparison {
            shift,
            baseline_samples: samples,
            baseline_p50: p50,
            samples,
            p50,
            p_value: share,
            effect: share,
        },
    )
}

fn maintenance() -> impl Strategy<Value = Maintenance> {
    (moment(), option::of(text())).prop_map(|(until, reason)| Maintenance { until, reason })
}

fn alert() -> impl Strategy<Value = AlertFinding> {
    (text(), option::of(any::<bool>()), text()).prop_map(|(alert, fired, found)| AlertFinding { alert, fired, found })
}

fn judgement() -> impl Strategy<Value = Judgement> {
    let concluded = (service_id(), health(), any::<bool>(), option::weighted(0.8, any_release()), text(), moment());
    let measured = (option::of(health()), any::<u32>(), option::of(latency()), option::of(comparison()));
    let beside = (option::of(service_id()), option::of(maintenance()), option::of(moment()));
    (concluded, measured, beside, vec(alert(), 0..2), vec(text(), 0..2)).prop_map(
        |(concluded, measured, beside, alerts, suspects)| {
            let (service, health, complete, release, evidence, at) = concluded;
            let (sampled, samples, latency_ms, comparison) = measured;
            let (caused_by, maintenance, certificate_not_after) = beside;
            Judgement {
                sampled,
                release,
                complete,
                samples,
                failures: samples / 3,
                latency_ms,
                caused_by,
                maintenance,
                certificate_not_after,
                alerts,
                comparison,
                suspects,
                ..Judgement::new(service, health, evidence, at)
            }
        },
    )
}
