//! The ports in memory keep the contracts, and the suite finds those that do not.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use futures::FutureExt;
use runbook_core::{
    CommitId, DeploymentState, DeploymentTask, EnvironmentId, Health, LeftBehind, Live, Reading, Release, ReleaseId,
    RollbackRow, RunId, ServiceId,
    engine::Refusal,
    event::{Encoded, Head, Landed, Operation, Stored},
    plan::Access,
    ports::{
        CheckState, DeployError, Deployer, DeploymentRecord, Journal, JournalError, Order, Probe, ProbeError,
        RollbackProposal, probe_fn,
    },
    state::EnvironmentState,
};
use runbook_testkit::{
    AppendFault, DeployFault, MemoryChecks, MemoryDeployer, MemoryJournal, MemoryLatch, RecordingDeployments,
    RecordingIssueTracker, RecordingNotifier, RecordingPullRequests, ScriptedProbe, conformance,
};
use tokio::sync::Semaphore;

/// What a conformance function says about a broken implementation.
async fn complaint(suite: impl Future<Output = ()>) -> String {
    let panic = AssertUnwindSafe(suite).catch_unwind().await.expect_err("a broken promise must be found");
    panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap()
}

#[tokio::test]
async fn the_ports_in_memory_conform() {
    conformance::journal(async || MemoryJournal::new(), async |journal| journal.clone()).await;
    let latch = MemoryLatch::new();
    conformance::local_latch(async || latch.clone()).await;
    conformance::deployer(case(&MemoryDeployer::new())).await;
    let view = conformance::status_view().await;
    conformance::issue_tracker(&RecordingIssueTracker::new(), &view).await;
    let commit = CommitId::new("c".repeat(40)).unwrap();
    let checks = MemoryChecks::new();
    checks.then([("build", CheckState::Passed), ("test", CheckState::Failed)]);
    conformance::checks(&checks, &commit, "build", "test").await;
    conformance::deployments(&RecordingDeployments::new(), &record(&commit)).await;
    conformance::pull_requests(&RecordingPullRequests::new(), &proposal()).await;
    let chat = RecordingNotifier::new("slack");
    conformance::notifier(&chat, &view, || chat.sent().len()).await;
    chat.fail(Some(LeftBehind::NoChange));
    conformance::refused_notifier(&chat, &view, "hooks.invalid").await;
}

fn record(commit: &CommitId) -> DeploymentRecord {
    DeploymentRecord {
        run: RunId::new(),
        task: DeploymentTask::Deploy,
        environment: EnvironmentId::new("staging").unwrap(),
        release: ReleaseId::new("v1").unwrap(),
        commit: commit.clone(),
        services: vec![ServiceId::new("api").unwrap()],
        state: DeploymentState::InProgress,
        description: "deploy of v1".to_owned(),
        environment_url: None,
        log_url: None,
        known_id: None,
    }
}

fn proposal() -> RollbackProposal {
    RollbackProposal {
        branch: "rollback/v1".to_owned(),
        to: Release { id: ReleaseId::new("v1").unwrap(), commit: None },
        environment: EnvironmentId::new("staging").unwrap(),
        run: RunId::new(),
        run_url: None,
        rollback: RollbackRow {
            services: BTreeMap::new(),
            reason: "it was bad".to_owned(),
            automatic: true,
            branch: None,
            pull_request: None,
            verified: false,
            taken_back: Vec::new(),
            suspects: Vec::new(),
        },
    }
}

fn case(deployer: &dyn Deployer) -> conformance::DeployerCase<'_> {
    let release = |id: &str| Release { id: ReleaseId::new(id).unwrap(), commit: None };
    conformance::DeployerCase {
        deployer,
        service: ServiceId::new("api").unwrap(),
        environment: EnvironmentId::new("staging").unwrap(),
        releases: [release("v1"), release("v2")],
    }
}

#[tokio::test]
async fn scripted_probes_conform() {
    let silent = probe_fn("silent", || {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Err(ProbeError::new("no answer within 20 ms"))
        })
    });
    let cases = conformance::ProbeCases {
        healthy: &ScriptedProbe::healths([Health::Healthy]),
        unhealthy: &ScriptedProbe::healths([Health::Unhealthy]),
        unmeasurable: Some(&ScriptedProbe::healths([Health::Unknown])),
        silent: Some(&silent),
        limit: Duration::from_secs(5),
    };
    conformance::probe(cases).await;

    let optimist = ScriptedProbe::healths([Health::Healthy]);
    let said = complaint(conformance::probe(conformance::ProbeCases { unmeasurable: Some(&optimist), ..cases })).await;
    assert!(said.contains("never a verdict"), "{said}");
}

/// A journal that does not look at the expected head.
#[derive(Debug, Default, Clone)]
struct Careless(MemoryJournal);

#[async_trait]
impl Journal for Careless {
    async fn replay(&self, after: Head) -> Result<(Vec<Stored>, Head), JournalError> {
        self.0.replay(after).await
    }

    async fn append(&self, batch: &Encoded, _: Head, state: &EnvironmentState) -> Result<(), JournalError> {
        let (_, head) = self.0.replay(Head::EMPTY).await?;
        self.0.append(batch, head, state).await
    }

    fn place(&self) -> String {
        self.0.place()
    }
}

/// A probe that hangs for ever.
#[derive(Debug)]
struct Stuck;

#[async_trait]
impl Probe for Stuck {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        std::future::pending().await
    }
}

/// A probe that takes one of six turns and gives it back at its end alone: a sample that is dropped keeps it for ever.
#[derive(Debug)]
struct Hoarder {
    turns: Semaphore,
    finds: Health,
}

impl Hoarder {
    fn that_finds(finds: Health) -> Self {
        Self { turns: Semaphore::new(6), finds }
    }
}

#[async_trait]
impl Probe for Hoarder {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        std::mem::forget(self.turns.acquire().await.unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.turns.add_permits(1);
        Ok(ScriptedProbe::reading(self.finds))
    }
}

/// A probe that refuses to be asked while it believes to be under way: once a sample is dropped, always.
#[derive(Debug, Default)]
struct Busy(AtomicBool);

#[async_trait]
impl Probe for Busy {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        if self.0.swap(true, Ordering::SeqCst) {
            return Err(ProbeError::new("it is asked already"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.0.store(false, Ordering::SeqCst);
        Ok(ScriptedProbe::reading(Health::Healthy))
    }
}

#[tokio::test]
async fn what_a_dropped_sample_leaves_behind_is_found() {
    let cases = conformance::ProbeCases {
        healthy: &Hoarder::that_finds(Health::Healthy),
        unhealthy: &ScriptedProbe::healths([Health::Unhealthy]),
        unmeasurable: None,
        silent: None,
        limit: Duration::from_millis(500),
    };
    let said = complaint(conformance::probe(cases)).await;
    assert!(said.contains("within its own timeout") && said.contains("were dropped in flight"), "{said}");

    let busy = Busy::default();
    let said = complaint(conformance::probe(conformance::ProbeCases { healthy: &busy, ..cases })).await;
    assert!(said.contains("were dropped in flight, the next one must be measured"), "{said}");

    let answers = ScriptedProbe::healths([Health::Healthy]);
    let silent = Hoarder::that_finds(Health::Unhealthy);
    let cases = conformance::ProbeCases { healthy: &answers, silent: Some(&silent), ..cases };
    let said = complaint(conformance::probe(cases)).await;
    assert!(said.contains("within its own timeout") && said.contains("dropped while nobody answered"), "{said}");
}

#[tokio::test]
async fn broken_promises_are_found() {
    let said = complaint(conformance::journal(async || Careless::default(), async |journal| journal.clone())).await;
    assert!(said.contains("must be a conflict"), "{said}");
    // A second handle that looks somewhere else: nothing is durable for others.
    let said = complaint(conformance::journal(async || MemoryJournal::new(), async |_| MemoryJournal::new())).await;
    assert!(said.contains("for another process"), "{said}");
    let said = complaint(conformance::local_latch(async || MemoryLatch::new())).await;
    assert!(said.contains("for another process"), "{said}");
    let probe = conformance::probe(conformance::ProbeCases {
        healthy: &Stuck,
        unhealthy: &Stuck,
        unmeasurable: None,
        silent: None,
        limit: Duration::from_millis(50),
    });
    assert!(complaint(probe).await.contains("within its own timeout"));

    let deployer = MemoryDeployer::new();
    deployer.fail_next(&case(&deployer).service, DeployFault::Fails(LeftBehind::NoChange));
    let said = complaint(conformance::deployer(case(&deployer))).await;
    assert!(said.contains("a deploy must work"), "{said}");
}

#[tokio::test]
async fn the_memory_journal_fails_on_order() {
    let source = MemoryJournal::new();
    let first = encoded(&source).await;
    let journal = MemoryJournal::new();
    journal.fail_next_append(AppendFault::Conflict);
    journal.fail_next_append(AppendFault::Unreachable);
    journal.fail_next_append(AppendFault::Hang);
    journal.fail_next_append(AppendFault::LostAnswer);
    assert!(matches!(
        journal.append(&first, Head::EMPTY, &EnvironmentState::default()).await,
        Err(JournalError::Conflict { actual: Head::EMPTY })
    ));
    assert!(matches!(
        journal.append(&first, Head::EMPTY, &EnvironmentState::default()).await,
        Err(JournalError::Unreachable { .. })
    ));
    let hung = tokio::time::timeout(
        Duration::from_millis(20),
        journal.append(&first, Head::EMPTY, &EnvironmentState::default()),
    )
    .await;
    assert!(hung.is_err() && journal.lines().is_empty());
    assert!(matches!(
        journal.append(&first, Head::EMPTY, &EnvironmentState::default()).await,
        Err(JournalError::Unreachable { .. })
    ));
    assert_eq!(journal.lines().len(), 1, "the answer was lost, the event was not");

    assert!(journal.cut_after(0).lines().is_empty() && journal.cut_after(9).lines().len() == 1);
    journal.damage(0, "{}");
    assert!(matches!(journal.replay(Head::EMPTY).await, Err(JournalError::Damaged { .. })));
    journal.set_unreachable(true);
    assert!(matches!(journal.replay(Head::EMPTY).await, Err(JournalError::Unreachable { .. })));
}

/// One event, as a batch.
async fn encoded(journal: &MemoryJournal) -> Encoded {
    use runbook_core::{
        EventId, RunId,
        event::{Draft, EventKind, encode},
    };
    let kind = EventKind::LockReleased {};
    let draft = Draft { id: EventId::new(), at: jiff::Timestamp::UNIX_EPOCH, run: RunId::new(), epoch: 1, kind };
    let (_, head) = journal.replay(Head::EMPTY).await.unwrap();
    encode(&[draft], head, &str::to_owned).unwrap()
}

#[tokio::test]
async fn the_memory_deployer_fails_on_order_and_answers_after_a_crash() {
    let deployer = MemoryDeployer::new();
    let case = case(&deployer);
    let (service, release) = (case.service, case.releases[0].clone());
    let order = Order { service: service.clone(), release: release.clone(), environment: case.environment };
    let (before, after) = (Live::Stopped, Live::Release(release.clone()));
    let operation = Operation::Deploy { service: service.clone(), release: release.clone() };
    for (left, live, landed) in [
        (LeftBehind::NoChange, before.clone(), Landed::DidNotHappen),
        (LeftBehind::Changed, Live::Unknown, Landed::Unknown),
        (LeftBehind::Unknown, after.clone(), Landed::Happened),
    ] {
        deployer.set_live(&service, before.clone());
        deployer.fail_next(&service, DeployFault::Fails(left));
        let (key, error): (_, DeployError) = conformance::permitted(operation.clone(), async |permit| {
            (permit.key().clone(), deployer.deploy(&permit, &order).await.unwrap_err())
        })
        .await;
        assert_eq!((error.left, deployer.live_now(&service)), (left, live));
        assert_eq!(deployer.state(&key, &service, &after).await.unwrap(), landed);
    }
    deployer.fail_next(&service, DeployFault::HangsAfter);
    deployer.set_live(&service, before);
    let hung = conformance::permitted(operation, async |permit| {
        tokio::time::timeout(Duration::from_millis(20), deployer.deploy(&permit, &order)).await.is_err()
    });
    assert!(hung.await);
    assert_eq!(deployer.live_now(&service), after);
    assert_eq!(deployer.ordered().len(), 4);
}

#[tokio::test]
async fn a_stage_that_only_looks_gets_no_permit() {
    let called = AtomicUsize::new(0);
    let refused = conformance::in_stage(Access::ReadOnly, async |cx| {
        cx.effect(Operation::PublishStatus, async |_| {
            called.fetch_add(1, Ordering::SeqCst);
            Ok::<(), DeployError>(())
        })
        .await
    })
    .await;
    let Err(runbook_core::engine::EffectError::Refused(Refusal::ReadOnly(_))) = refused else {
        panic!("a permit was given: {refused:?}")
    };
    assert_eq!(called.load(Ordering::SeqCst), 0);
}
