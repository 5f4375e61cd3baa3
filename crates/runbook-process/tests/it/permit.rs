//! Real permits: an engine runs a plan of one step, and the step does what the test wants to do with its permit.

use std::{
    future::Future,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex},
};

use runbook_core::{
    Action, Actor, ActorKind, Digest, Origin, Redactor, Request,
    config::Document,
    engine::{Cancel, Engine, Permit, Surroundings},
    event::Operation,
    plan::{Access, Plan, PlanPolicy, Step, Watch, When},
    ports::{DeployError, Deployed, Forge, StageError, SystemClock, stage_fn},
    registry::{Lookup, Registry, Scope},
    state::Latch,
};
use runbook_process::{FileJournal, FileLatch, ProcessLiveness};

type Act<T> = Box<dyn FnOnce(Arc<Permit>) -> Pin<Box<dyn Future<Output = T> + Send>> + Send>;

/// Does something with a permit for an effect on the service `api`. The local stop latch counts: see [`set_latch`].
pub async fn with_permit<T, F>(scope: &Scope, act: impl FnOnce(Arc<Permit>) -> F + Send + 'static) -> T
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let act: Act<T> = Box::new(move |permit| Box::pin(act(permit)));
    let act = Arc::new(Mutex::new(Some(act)));
    let done = Arc::new(Mutex::new(None));
    let result = Arc::clone(&done);
    let mut registry = Registry::default();
    registry.stage_value(
        "deploy",
        stage_fn(Access::Mutating, move |cx| {
            let act = act.lock().unwrap().take().expect("the step runs once");
            let result = Arc::clone(&result);
            Box::pin(async move {
                let operation = Operation::Stop { service: "api".parse().unwrap() };
                let effect = cx.effect(operation, |permit| async move {
                    *result.lock().unwrap() = Some(act(permit).await);
                    Ok::<_, DeployError>(Deployed::default())
                });
                effect.await.map_err(StageError::from)?;
                Ok(runbook_core::Outcome::Passed)
            })
        }),
    );
    let document = "schema = 1\n[project]\nname = \"Test\"\n[[service]]\nid = \"api\"\nname = \"API\"\n";
    let config = Document::parse(Path::new("runbook.toml"), document)
        .unwrap()
        .config(&"production".parse().unwrap(), &Lookup::fixed::<&str, &str>([]))
        .unwrap();
    let engine = Engine::assemble(&config, &registry, &surroundings(scope)).unwrap();
    engine.execute(request(scope), plan(scope), &Cancel::default()).await.unwrap();
    let done = done.lock().unwrap().take();
    done.expect("the step ran and had its permit")
}

/// Sets the local stop latch, as an emergency stop does that cannot reach the journal.
pub async fn set_latch(scope: &Scope) {
    use runbook_core::ports::LocalLatch;
    FileLatch::new(&scope.state_dir, &scope.environment).set(&latch()).await.unwrap();
}

/// A stop latch.
pub fn latch() -> Latch {
    Latch { actor: actor(), reason: "smoke in the server room".into(), since: jiff::Timestamp::UNIX_EPOCH }
}

fn actor() -> Actor {
    Actor { name: "grace".into(), kind: ActorKind::Person }
}

fn surroundings(scope: &Scope) -> Surroundings {
    Surroundings {
        root: scope.root.clone(),
        state_dir: scope.state_dir.clone(),
        variables: scope.variables.clone(),
        redactor: Redactor::default(),
        clock: Arc::new(SystemClock),
        liveness: Arc::new(ProcessLiveness::new()),
        journal: Arc::new(FileJournal::open(&scope.state_dir, &scope.environment)),
        local_latch: Some(Arc::new(FileLatch::new(&scope.state_dir, &scope.environment))),
        version_control: None,
        issue_tracker: Err("not in this test".into()),
        forge: Forge::none("not in this test"),
        history: None,
        sinks: Vec::new(),
        hosted_runner: false,
    }
}

fn request(scope: &Scope) -> Request {
    Request {
        action: Action::Deploy,
        environment: scope.environment.clone(),
        component: None,
        version: None,
        force: false,
        actor: actor(),
        reason: None,
        origin: Origin::default(),
    }
}

fn plan(scope: &Scope) -> Plan {
    let step = Step {
        id: "deploy".parse().unwrap(),
        kind: "deploy".parse().unwrap(),
        access: Access::Mutating,
        when: When::InOrder,
        timeout_ms: 120_000,
        attempts: 1,
    };
    Plan {
        schema: Plan::SCHEMA.to_owned(),
        action: Action::Deploy,
        environment: scope.environment.clone(),
        component: None,
        config_digest: Digest::ZERO,
        services: Vec::new(),
        steps: vec![step],
        watch: Watch { interval_ms: 1, confirm: 1, ..Watch::default() },
        policy: PlanPolicy { automatic_rollback: false, rollback_budget: 0, required_rules: Vec::new() },
        latched: false,
        reverted: Vec::new(),
        notes: Vec::new(),
    }
}
