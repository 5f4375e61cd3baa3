//! Leave to do one effect, outside a run of your own: for tests of whatever takes a [`Permit`].
//!
//! Only the engine makes permits. So a real engine runs here, over a journal in memory, and its one stage hands its
//! context out.
#![allow(clippy::expect_used, reason = "the parts of this engine are constant, and a test cannot go on without them")]

use std::{path::Path, sync::Arc, sync::Mutex, sync::PoisonError};

use runbook_core::{
    Action, Actor, ActorKind, Digest, KindId, Origin, Redactor, Request, StepId,
    config::{Config, Document},
    engine::{Cancel, Engine, Permit, StageContext, Surroundings},
    event::Operation,
    plan::{Access, Plan, PlanPolicy, Step, Watch, When},
    ports::{DeployError, Forge, OwnerState, SystemClock, stage_fn},
    registry::{Lookup, Registry},
};
use tokio::sync::oneshot;

use crate::{FixedLiveness, MemoryJournal};

/// The configuration of the engine: nothing but the stage that hands out.
const CONFIG: &str = r#"
schema = 1

[project]
name = "conformance"

[[stage]]
id = "act"
kind = "hand-out"
after = "ci"
"#;

/// Calls `act` with the context of a stage of a real run, whose journal is in memory. The run holds the lock of its
/// environment while `act` works, where `access` is mutating, and ends with it.
///
/// # Panics
/// When the run ends before `act` does, which would be a fault of this kit.
pub async fn in_stage<T>(access: Access, act: impl AsyncFnOnce(StageContext) -> T) -> T {
    let (give, take) = oneshot::channel();
    let give = Mutex::new(Some(give));
    let mut registry = Registry::default();
    registry.stage_value(
        "hand-out",
        stage_fn(access, move |cx| {
            if let Some(give) = give.lock().unwrap_or_else(PoisonError::into_inner).take() {
                // The receiver waits below for as long as the run lives.
                let _ = give.send(cx.clone());
            }
            Box::pin(std::future::pending())
        }),
    );
    let config = config();
    let engine =
        Engine::assemble(&config, &registry, &surroundings()).expect("the constant configuration can be built");
    let cancel = Cancel::default();
    let run = engine.execute(request(&config), plan(&config, access), &cancel);
    let work = async { act(take.await.expect("the stage was called more than once")).await };
    tokio::select! {
        biased;
        done = work => done,
        ended = run => panic!("the run ended although its stage was at work: {ended:?}"),
    }
}

/// Calls `act` with leave for one operation, and returns what it returns.
///
/// The same permit may be used twice within `act`, as a repeat after a lost answer would.
///
/// ```
/// use runbook_core::{Live, Release, ReleaseId, ServiceId, EnvironmentId, event::Operation, ports::{Deployer, Order}};
/// use runbook_testkit::{MemoryDeployer, conformance::permitted};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let service = ServiceId::new("api").unwrap();
/// let release = Release { id: ReleaseId::new("v1.0.0").unwrap(), commit: None };
/// let order = Order {
///     service: service.clone(),
///     release: release.clone(),
///     environment: EnvironmentId::new("staging").unwrap(),
/// };
/// let deployer = MemoryDeployer::new();
/// let operation = Operation::Deploy { service: service.clone(), release: release.clone() };
/// permitted(operation, async |permit| deployer.deploy(&permit, &order).await).await.unwrap();
/// assert_eq!(deployer.live_now(&service), Live::Release(release));
/// # });
/// ```
pub async fn permitted<T>(operation: Operation, act: impl AsyncFnOnce(Arc<Permit>) -> T) -> T {
    in_stage(Access::Mutating, async |cx| {
        let mut result = None;
        let effect = cx.effect(operation, async |permit| {
            result = Some(act(permit).await);
            Ok::<(), DeployError>(())
        });
        effect.await.expect("an effect of a run that is alone in its environment is permitted");
        result.expect("a permitted effect was done")
    })
    .await
}

fn config() -> Config {
    let document = Document::parse(Path::new("runbook.toml"), CONFIG).expect("the constant configuration is TOML");
    let environment = document.default_environment().expect("one environment is the default");
    document.config(&environment, &Lookup::new(|_| None)).expect("the constant configuration is valid")
}

fn surroundings() -> Surroundings {
    Surroundings {
        root: "/nonexistent".into(),
        state_dir: "/nonexistent/.runbook".into(),
        variables: Lookup::new(|_| None),
        redactor: Redactor::new([]),
        clock: Arc::new(SystemClock),
        liveness: Arc::new(FixedLiveness::process(1, OwnerState::Unknown)),
        journal: Arc::new(MemoryJournal::new()),
        local_latch: None,
        version_control: None,
        issue_tracker: Err("conformance publishes no status".to_owned()),
        forge: Forge::none("conformance asks no forge"),
        history: None,
        sinks: Vec::new(),
        hosted_runner: false,
    }
}

fn request(config: &Config) -> Request {
    Request {
        action: Action::UpdateStatus,
        environment: config.environment.clone(),
        component: None,
        version: None,
        force: false,
        actor: Actor { name: "conformance".to_owned(), kind: ActorKind::Automation },
        reason: None,
        origin: Origin::default(),
    }
}

/// One step, with no limit that a test could meet.
fn plan(config: &Config, access: Access) -> Plan {
    Plan {
        schema: Plan::SCHEMA.to_owned(),
        action: Action::UpdateStatus,
        environment: config.environment.clone(),
        component: None,
        config_digest: Digest::ZERO,
        services: Vec::new(),
        steps: vec![Step {
            id: StepId::new("act").expect("a constant id is valid"),
            kind: KindId::new("hand-out").expect("a constant kind is valid"),
            access,
            when: When::InOrder,
            timeout_ms: 3_600_000,
            attempts: 1,
        }],
        watch: Watch { interval_ms: 1, confirm: 1, ..Watch::default() },
        policy: PlanPolicy { automatic_rollback: false, rollback_budget: 0, required_rules: Vec::new() },
        latched: false,
        reverted: Vec::new(),
        notes: Vec::new(),
    }
}
