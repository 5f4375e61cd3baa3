//! What happened in an environment of five services: one new release after the other, each deployed, watched and found
//! healthy. Real events, folded as the engine folds them.

use std::collections::VecDeque;

use jiff::Timestamp;
use runbook_core::{
    Action, Actor, ActorKind, CommitId, Digest, EffectKey, EnvironmentId, EventId, Health, Judgement, KindId, Latency,
    Live, OperationalStatus, Origin, Outcome, Owner, Release, ReleaseId, Request, RunId, ServiceId, StepId, StepResult,
    Verdict,
    event::{Draft, EffectResult, Encoded, EventKind, Head, Operation, RunStarted, encode},
    plan::{Access, Plan, PlanPolicy, PlannedService, Step, Watch, When},
    state::EnvironmentState,
};
use serde_json::json;

use super::Result;

/// How many appends a run makes.
pub(super) const APPENDS: u32 = 4;
/// How many events are in them.
pub(super) const EVENTS: u32 = 12;

const SERVICES: [&str; 5] = ["api", "billing", "search", "web", "worker"];
/// 2023-01-01T00:00:00Z, in seconds since the epoch.
const FIRST_RUN: i64 = 1_672_531_200;
/// From a run to the next, in seconds.
const PAUSE: i64 = 3 * 3_600;

/// The events of one append.
#[derive(Debug)]
pub(super) struct Batch {
    /// The head that they follow.
    pub(super) after: Head,
    pub(super) encoded: Encoded,
}

/// An environment in which one run follows another.
#[derive(Debug)]
pub(super) struct Runs {
    environment: EnvironmentId,
    services: Vec<ServiceId>,
    state: EnvironmentState,
    head: Head,
    number: u32,
    run: RunId,
    epoch: u64,
    seconds: i64,
    to_come: VecDeque<Vec<EventKind>>,
}

impl Runs {
    pub(super) fn new() -> Result<Self> {
        let mut services = Vec::new();
        for id in SERVICES {
            services.push(ServiceId::new(id)?);
        }
        Ok(Self {
            environment: EnvironmentId::new("production")?,
            services,
            state: EnvironmentState::default(),
            head: Head::EMPTY,
            number: 0,
            run: RunId::new(),
            epoch: 0,
            seconds: FIRST_RUN,
            to_come: VecDeque::new(),
        })
    }

    pub(super) fn environment(&self) -> &EnvironmentId {
        &self.environment
    }

    /// The head of everything that was handed out.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// The fold of everything that was handed out.
    pub(super) fn state(&self) -> &EnvironmentState {
        &self.state
    }

    /// What is appended next.
    pub(super) fn next_batch(&mut self) -> Result<Batch> {
        let kinds = loop {
            match self.to_come.pop_front() {
                Some(kinds) => break kinds,
                None => self.begin()?,
            }
        };
        if matches!(kinds.first(), Some(EventKind::LockAcquired { .. })) {
            self.epoch += 1;
        }
        let mut drafts = Vec::with_capacity(kinds.len());
        for kind in kinds {
            self.seconds += 1;
            drafts.push(Draft { id: EventId::new(), at: self.now()?, run: self.run, epoch: self.epoch, kind });
        }
        let after = self.head;
        let encoded = encode(&drafts, after, &str::to_owned)?;
        encoded.events.iter().for_each(|event| self.state.apply(event));
        self.head = encoded.head;
        Ok(Batch { after, encoded })
    }

    fn now(&self) -> Result<Timestamp> {
        Ok(Timestamp::from_second(self.seconds)?)
    }

    /// A new run, which makes the next release of the next service live.
    fn begin(&mut self) -> Result<()> {
        self.number += 1;
        self.run = RunId::new();
        self.epoch += 1;
        self.seconds += PAUSE;
        let service = self.services[self.number as usize % self.services.len()].clone();
        let release = release(self.number)?;
        let (deploy, monitor) = (StepId::new("deploy")?, StepId::new("monitor")?);
        let key = EffectKey::new(format!("{}/deploy/{service}/deploy/1", self.run))?;
        let operation = Operation::Deploy { service: service.clone(), release: release.clone() };
        let reason = format!("{service} {release} is live and healthy");
        let (request, plan) = (self.request(&service, &release), self.plan(&service, &release)?);
        let services = self.judgements(&service, &release)?;
        self.to_come = VecDeque::from([
            vec![EventKind::RunStarted(Box::new(RunStarted { request, plan, owner: owner(self.number) }))],
            vec![
                EventKind::LockAcquired {
                    owner: owner(self.number),
                    actor: actor(),
                    reason: Action::UpdateComponent.to_string(),
                    sticky: false,
                },
                EventKind::StepStarted { step: deploy.clone(), attempt: 1 },
                EventKind::EffectIntended { key: key.clone(), step: deploy.clone(), operation },
            ],
            vec![
                EventKind::EffectFinished { key, outcome: EffectResult::Done, detail: json!({ "pid": 4_711 }) },
                passed(deploy),
                EventKind::StepStarted { step: monitor.clone(), attempt: 1 },
                EventKind::WindowJudged { step: monitor.clone(), services },
            ],
            vec![
                passed(monitor),
                EventKind::VerdictReached { verdict: Verdict::Succeeded, reason: reason.clone() },
                EventKind::LockReleased {},
                EventKind::RunFinished {
                    verdict: Verdict::Succeeded,
                    reason,
                    operational_status: OperationalStatus::Operational,
                    status_reasons: vec!["all 5 services are healthy".to_owned()],
                },
            ],
        ]);
        Ok(())
    }

    fn request(&self, service: &ServiceId, release: &Release) -> Request {
        Request {
            action: Action::UpdateComponent,
            environment: self.environment.clone(),
            component: Some(service.clone()),
            version: Some(release.to_string()),
            force: false,
            actor: actor(),
            reason: Some("the release of today".to_owned()),
            origin: Origin {
                trigger: "workflow_dispatch".to_owned(),
                branch: Some("main".to_owned()),
                commit: release.commit.clone(),
                ..Origin::default()
            },
        }
    }

    fn plan(&self, service: &ServiceId, release: &Release) -> Result<Plan> {
        let mut steps = Vec::new();
        for (id, kind, access, when) in [
            ("safety-gate", "safety-gate", Access::ReadOnly, When::InOrder),
            ("ci", "ci", Access::ReadOnly, When::InOrder),
            ("deploy", "deploy", Access::Mutating, When::InOrder),
            ("monitor", "monitor", Access::ReadOnly, When::InOrder),
            ("rollback", "rollback", Access::Mutating, When::OnRollback),
            ("verify", "monitor", Access::ReadOnly, When::OnRollback),
            ("report", "report", Access::Reporting, When::Finally),
        ] {
            let (id, kind) = (StepId::new(id)?, KindId::new(kind)?);
            steps.push(Step { id, kind, access, when, timeout_ms: 600_000, attempts: 1 });
        }
        let services = self.services.iter().map(|id| {
            let (known, is_it) = (self.state.service(id), id == service);
            PlannedService {
                id: id.clone(),
                name: id.to_string(),
                critical: true,
                live: known.map_or(Live::Unknown, |known| known.live.clone()),
                target: is_it.then(|| release.clone()),
                quarantined: false,
                way_back: known.filter(|_| is_it).and_then(|known| known.last_known_good.clone()),
            }
        });
        Ok(Plan {
            schema: Plan::SCHEMA.to_owned(),
            action: Action::UpdateComponent,
            environment: self.environment.clone(),
            component: Some(service.clone()),
            config_digest: Digest::of(b"runbook.toml"),
            services: services.collect(),
            steps,
            watch: Watch { window_ms: 600_000, interval_ms: 10_000, confirm: 3, confirm_of: 5, ..Watch::default() },
            policy: PlanPolicy {
                automatic_rollback: true,
                rollback_budget: 3,
                required_rules: vec!["worktree-clean".to_owned(), "services-known".to_owned()],
            },
            latched: false,
            reverted: Vec::new(),
            notes: Vec::new(),
        })
    }

    /// Each service is found healthy, the one that was deployed as the new release.
    fn judgements(&self, service: &ServiceId, release: &Release) -> Result<Vec<Judgement>> {
        let at = self.now()?;
        let judgement = |id: &ServiceId| {
            let live = self.state.service(id).and_then(|known| known.live.release().cloned());
            let latencies = (0..60_u32).map(|sample| 20.0 + f64::from((self.number * 7 + sample * 13) % 50) / 10.0);
            Judgement {
                release: if id == service { Some(release.clone()) } else { live },
                complete: true,
                samples: 60,
                latency_ms: Latency::of(latencies),
                ..Judgement::new(id.clone(), Health::Healthy, format!("GET https://{id}.example/health → 200"), at)
            }
        };
        Ok(self.services.iter().map(judgement).collect())
    }
}

/// A release that there was not before.
fn release(number: u32) -> Result<Release> {
    let digest = Digest::of(&number.to_be_bytes()).to_string();
    Ok(Release { id: ReleaseId::new(format!("v1.{number}.0"))?, commit: Some(CommitId::new(&digest[..40])?) })
}

fn passed(step: StepId) -> EventKind {
    EventKind::StepFinished { step, result: StepResult::Ended(Outcome::Passed), elapsed_ms: 12_345 }
}

fn actor() -> Actor {
    Actor { name: "ada".to_owned(), kind: ActorKind::Person }
}

fn owner(number: u32) -> Owner {
    Owner::Job {
        repository: "example/shop".to_owned(),
        run_id: (7_000_000_000 + u64::from(number)).to_string(),
        attempt: 1,
        job: "runbook".to_owned(),
    }
}
