//! What the engine adds to a stage: a run of stages that do nothing, through the real engine and a journal in a file,
//! beside the durable writes of that run alone. Prints one JSON document; `cargo xtask bench engine` reads it.
//! Arguments: STAGES ROUNDS FOLDER.
#![allow(clippy::expect_used, reason = "the plan and configuration are constant but for the number of stages")]

use std::{
    error::Error,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use runbook_core::{
    Action, Actor, ActorKind, Digest, EnvironmentId, KindId, Origin, Outcome, Redactor, Request, StepId, Verdict,
    config::{Config, Document},
    engine::{Cancel, Engine, Surroundings},
    event::{Encoded, Head, Stored},
    plan::{Access, Plan, PlanPolicy, Step, Watch, When},
    ports::{Forge, Journal, JournalError, SystemClock, stage_fn},
    registry::{Lookup, Registry},
    state::EnvironmentState,
};
use runbook_process::{FileJournal, ProcessLiveness};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (stages, rounds, folder) = match arguments.as_slice() {
        [stages, rounds, folder] => (stages.parse()?, rounds.parse()?, PathBuf::from(folder)),
        _ => (100, 7, PathBuf::from(env!("CARGO_TARGET_TMPDIR"))),
    };
    let folder = tempfile::tempdir_in(folder)?;
    // As the face does it: one thread is enough for waiting.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // The first round warms up, and tells which writes there are.
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let writes = Arc::clone(&sizes);
    runtime
        .block_on(run(stages, &folder.path().join("warm-up"), move |journal| Arc::new(Counted { journal, writes })))?;
    let sizes = std::mem::take(&mut *sizes.lock().unwrap_or_else(PoisonError::into_inner));
    floor(&sizes, &folder.path().join("floor"))?;
    for round in 0..rounds {
        let state = folder.path().join(round.to_string());
        ours.push(ms(runtime.block_on(run(stages, &state, |journal| Arc::new(journal)))?));
        theirs.push(ms(floor(&sizes, &folder.path().join("floor"))?));
    }
    println!("{}", json!({ "stages": stages, "appends": sizes.len(), "ours_ms": ours, "theirs_ms": theirs }));
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Executes one run in a state directory of its own; only the execution is timed.
async fn run(
    stages: usize,
    state_dir: &Path,
    journal: impl FnOnce(FileJournal) -> Arc<dyn Journal>,
) -> Result<Duration, Box<dyn Error>> {
    let config = config(stages);
    let mut registry = Registry::default();
    registry.stage_value("nothing", stage_fn(Access::ReadOnly, |_| Box::pin(async { Ok(Outcome::Passed) })));
    let journal = journal(FileJournal::open(state_dir, &config.environment));
    let engine = Engine::assemble(&config, &registry, &surroundings(state_dir, journal))?;
    let (request, plan) = (request(&config.environment), plan(&config.environment, stages));
    let cancel = Cancel::default();
    let started = Instant::now();
    let result = engine.execute(request, plan, &cancel).await?;
    let took = started.elapsed();
    assert_eq!(result.verdict(), Verdict::Succeeded, "a run that does nothing succeeds");
    Ok(took)
}

/// The same durable writes with nothing around them: what no engine could save.
fn floor(sizes: &[usize], path: &Path) -> Result<Duration, Box<dyn Error>> {
    let bytes = vec![b'x'; sizes.iter().copied().max().unwrap_or_default()];
    let started = Instant::now();
    let mut file = File::create(path)?;
    for size in sizes {
        file.write_all(&bytes[..*size])?;
        file.sync_data()?;
    }
    let took = started.elapsed();
    fs::remove_file(path)?;
    Ok(took)
}

/// A journal that notes how much each append writes.
#[derive(Debug)]
struct Counted {
    journal: FileJournal,
    writes: Arc<Mutex<Vec<usize>>>,
}

#[async_trait]
impl Journal for Counted {
    async fn replay(&self, after: Head) -> Result<(Vec<Stored>, Head), JournalError> {
        self.journal.replay(after).await
    }

    async fn append(&self, batch: &Encoded, expected: Head, state: &EnvironmentState) -> Result<(), JournalError> {
        let bytes = batch.lines.iter().map(|line| line.len() + 1).sum();
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        self.journal.append(batch, expected, state).await
    }

    fn place(&self) -> String {
        self.journal.place()
    }
}

fn id(number: usize) -> String {
    format!("nothing-{number}")
}

fn config(stages: usize) -> Config {
    let mut text = "schema = 1\n\n[project]\nname = \"bench\"\n".to_owned();
    for number in 0..stages {
        text.push_str(&format!("\n[[stage]]\nid = \"{}\"\nkind = \"nothing\"\nafter = \"ci\"\n", id(number)));
    }
    let document = Document::parse(Path::new("runbook.toml"), &text).expect("the configuration is TOML");
    let environment = document.default_environment().expect("one environment is the default");
    document.config(&environment, &Lookup::new(|_| None)).expect("the configuration is valid")
}

fn surroundings(state_dir: &Path, journal: Arc<dyn Journal>) -> Surroundings {
    Surroundings {
        root: state_dir.to_owned(),
        state_dir: state_dir.to_owned(),
        variables: Lookup::new(|_| None),
        redactor: Redactor::new([]),
        clock: Arc::new(SystemClock),
        liveness: Arc::new(ProcessLiveness::new()),
        journal,
        local_latch: None,
        version_control: None,
        issue_tracker: Err("a bench publishes no status".to_owned()),
        forge: Forge::none("a bench asks no forge"),
        history: None,
        sinks: Vec::new(),
        hosted_runner: false,
    }
}

fn request(environment: &EnvironmentId) -> Request {
    Request {
        action: Action::UpdateStatus,
        environment: environment.clone(),
        component: None,
        version: None,
        force: false,
        actor: Actor { name: "bench".to_owned(), kind: ActorKind::Automation },
        reason: None,
        origin: Origin::default(),
    }
}

fn plan(environment: &EnvironmentId, stages: usize) -> Plan {
    let step = |number| Step {
        id: StepId::new(id(number)).expect("a word with a number is an id"),
        kind: KindId::new("nothing").expect("a constant kind is valid"),
        access: Access::ReadOnly,
        when: When::InOrder,
        timeout_ms: 60_000,
        attempts: 1,
    };
    Plan {
        schema: Plan::SCHEMA.to_owned(),
        action: Action::UpdateStatus,
        environment: environment.clone(),
        component: None,
        config_digest: Digest::ZERO,
        services: Vec::new(),
        steps: (0..stages).map(step).collect(),
        watch: Watch { interval_ms: 1, confirm: 1, ..Watch::default() },
        policy: PlanPolicy { automatic_rollback: false, rollback_budget: 0, required_rules: Vec::new() },
        latched: false,
        reverted: Vec::new(),
        notes: Vec::new(),
    }
}
