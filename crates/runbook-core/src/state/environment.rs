//! Everything of an environment that outlives a run, folded from all its events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::{EffectResult, Event, EventKind, Head, Landed, Operation},
    words::{
        Action, Actor, EffectKey, Health, Judgement, Live, OperationalStatus, Owner, Release, ReleaseId, RunId,
        ServiceId, Verdict,
    },
};

/// How many releases of a service are remembered: a fold stays small, whatever the history.
const MOST_RELEASES: usize = 50;
/// How many ways back are known of a service.
const MOST_PROVEN: usize = 20;
/// How many requests are remembered by their name.
const MOST_REQUESTS: usize = 200;

/// Who may mutate the environment now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The run that holds it.
    pub run: RunId,
    /// Who executes that run.
    pub owner: Owner,
    /// Who asked.
    pub actor: Actor,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// The holder's epoch.
    pub epoch: u64,
    /// Whether it outlives the run.
    pub sticky: bool,
}

impl Lock {
    /// Who holds it, for people.
    pub fn held(&self) -> String {
        if self.sticky {
            return format!("{} holds the lock since {}: {}", self.actor, self.since, self.reason);
        }
        format!("run {} ({}, by {}) holds the lock since {}", self.run, self.reason, self.actor, self.since)
    }
}

/// A set stop latch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latch {
    /// Who stopped.
    pub actor: Actor,
    /// Why.
    pub reason: String,
    /// Since when. It never expires.
    pub since: Timestamp,
}

/// What an effect on a service takes away for as long as its end is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Before {
    /// What was live.
    pub live: Live,
    /// When somebody had set out to change it since it was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Timestamp>,
}

/// What is known of one service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ServiceState {
    /// What is live.
    pub live: Live,
    /// What was known before the newest effect on it: it counts again when that is found not to have happened.
    #[serde(default)]
    pub before: Before,
    /// The newest release whose whole monitor window was healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_known_good: Option<Release>,
    /// The newest judgement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
    /// The newest judgement that somebody published without a run, with who did. It promotes nothing, and says nothing of
    /// the service until a run takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Judgement>,
    /// When somebody last set out to change it, unless it was judged since: a judgement from before the change says
    /// nothing of what is there now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Timestamp>,
    /// Since when its health is what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Each release that had a whole healthy window, the newest such window last; at most the last 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proven: Vec<Proven>,
    /// Releases that failed, with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quarantine: BTreeMap<ReleaseId, String>,
    /// Each release that was seen live, oldest first; at most the last 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<Release>,
}

impl ServiceState {
    /// The newest proven release that has not failed since.
    pub fn newest_proven(&self) -> Option<&Proven> {
        self.usable().next()
    }

    /// Where a rollback may return to, the newest first.
    fn usable(&self) -> impl Iterator<Item = &Proven> {
        self.proven.iter().rev().filter(|proven| !self.quarantine.contains_key(&proven.release.id))
    }
}

/// A release that had a whole healthy window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    /// The release.
    pub release: Release,
    /// When the newest such window ended.
    pub at: Timestamp,
    /// The run that watched it.
    pub run: RunId,
}

/// A run that has no last event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRun {
    /// What was asked.
    pub action: Action,
    /// Who executes it.
    pub owner: Owner,
    /// Since when.
    pub since: Timestamp,
    /// The head before its first event: from there its story can be read.
    pub from: Head,
    /// The epoch of whoever took it up last.
    pub epoch: u64,
    /// Its effects without a known end.
    pub effects: BTreeMap<EffectKey, Operation>,
    /// Whether an effect of it has changed something.
    pub changed: bool,
    /// Whether nobody executes it, because it was left for another process to go on with.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left: bool,
}

/// The state of an environment: latch, lock, releases, open runs. A fold; nothing else writes it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EnvironmentState {
    /// Raised by each process that takes up a run; the fence.
    pub epoch: u64,
    /// The epoch of the newest lock, takeover or stop: a run of an older epoch cannot begin an effect. A run that only
    /// observes raises the epoch but not the fence.
    pub fence: u64,
    /// The lock, while a run holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// The stop latch, while it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latch: Option<Latch>,
    /// Each service that was ever mentioned.
    pub services: BTreeMap<ServiceId, ServiceState>,
    /// When rollbacks were decided without being asked for, newest last; at most the last 100.
    pub automatic_rollbacks: Vec<Timestamp>,
    /// Runs without a last event.
    pub open_runs: BTreeMap<RunId, OpenRun>,
    /// The status issue's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<u64>,
    /// The status issue's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue_url: Option<String>,
    /// What the status issue was last made to say, so that a change that it could not be told is told later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<OperationalStatus>,
    /// The operational status at the end of the newest finished run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operational_status: Option<OperationalStatus>,
    /// What each chat was last told, so that a transition is done only when each receiver has it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notified: BTreeMap<String, OperationalStatus>,
    /// The newest finished run, its verdict and when it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<(RunId, Action, Verdict, Timestamp)>,
    /// The newest run that needs an operator, and why: until a later change of services ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsettled: Option<(RunId, String)>,
    /// The runs whose request has a name, with that name, newest last; at most the last 200.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<(String, RunId)>,
    /// How many events this version did not understand. With any, it may read but not mutate.
    pub unknown_events: u64,
}

impl EnvironmentState {
    /// The fold of all these events.
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut state = Self::default();
        events.into_iter().for_each(|event| state.apply(event));
        state
    }

    /// What is known of a service; nothing, for one that was never mentioned.
    pub fn service(&self, id: &ServiceId) -> Option<&ServiceState> {
        self.services.get(id)
    }

    /// The last known good release of a service.
    pub fn last_known_good(&self, id: &ServiceId) -> Option<&Release> {
        self.services.get(id)?.last_known_good.as_ref()
    }

    /// A release that some service was seen with, by its id; of several with that id, the newest of a service.
    pub fn release(&self, id: &str) -> Option<&Release> {
        let newest = |state: &'_ ServiceState| state.releases.iter().rposition(|release| release.id.as_str() == id);
        self.services.values().find_map(|state| state.releases.get(newest(state)?))
    }

    /// The newest proven release of a service that is neither this one nor quarantined: the way back from it.
    pub fn way_back(&self, id: &ServiceId, from: &Release) -> Option<&Release> {
        let mut usable = self.services.get(id)?.usable().map(|proven| &proven.release);
        usable.find(|release| !release.same_as(from))
    }

    /// The run that carried out, or is carrying out, the request of this name; of the last 200 that have one.
    pub fn run_of_request(&self, name: &str) -> Option<RunId> {
        self.requests.iter().find(|(known, _)| known == name).map(|(_, run)| *run)
    }

    /// How many automatic rollbacks there were in the 24 hours before `now`.
    pub fn recent_rollbacks(&self, now: Timestamp) -> usize {
        let day = jiff::SignedDuration::from_hours(24);
        self.automatic_rollbacks.iter().filter(|at| now.duration_since(**at) < day).count()
    }

    /// Takes one event in. Facts count whoever writes them; a stale run's facts are still facts.
    pub fn apply(&mut self, event: &Event) {
        self.epoch = self.epoch.max(event.epoch);
        match &event.kind {
            EventKind::RunStarted(started) => {
                self.open_runs.insert(
                    event.run,
                    OpenRun {
                        action: started.request.action,
                        owner: started.owner.clone(),
                        since: event.at,
                        from: Head { seq: event.seq.saturating_sub(1), digest: event.prev },
                        epoch: event.epoch,
                        effects: BTreeMap::new(),
                        changed: false,
                        left: false,
                    },
                );
                if let Some(name) = &started.request.origin.request_id {
                    self.requests.push((name.clone(), event.run));
                    let excess = self.requests.len().saturating_sub(MOST_REQUESTS);
                    self.requests.drain(..excess);
                }
            }
            EventKind::RunContinued { owner } => {
                if let Some(open) = self.open_runs.get_mut(&event.run) {
                    open.owner = owner.clone();
                    open.epoch = event.epoch;
                    open.left = false;
                }
                // The holder's old process is fenced; a run that only observes fences nobody.
                if let Some(lock) = self.lock.as_mut().filter(|lock| lock.run == event.run) {
                    lock.owner = owner.clone();
                    lock.epoch = event.epoch;
                    self.fence = self.fence.max(event.epoch);
                }
            }
            EventKind::LockAcquired { owner, actor, reason, sticky } => {
                self.lock = Some(Lock {
                    run: event.run,
                    owner: owner.clone(),
                    actor: actor.clone(),
                    reason: reason.clone(),
                    since: event.at,
                    epoch: event.epoch,
                    sticky: *sticky,
                });
                self.fence = self.fence.max(event.epoch);
            }
            EventKind::RunLeft {} => {
                if let Some(open) = self.open_runs.get_mut(&event.run) {
                    open.left = true;
                }
            }
            EventKind::LockReleased {} => self.release_lock(event.run),
            EventKind::LockLifted { .. } => {
                self.lock = None;
                self.fence = self.fence.max(event.epoch);
            }
            EventKind::StopLatched { actor, reason } => {
                self.fence = self.fence.max(event.epoch);
                self.latch = Some(Latch { actor: actor.clone(), reason: reason.clone(), since: event.at });
            }
            EventKind::StopLifted { .. } => self.latch = None,
            EventKind::ReleaseFound { service, live } => self.set_live(service, live.clone()),
            EventKind::EffectIntended { key, operation, .. } => {
                if let Some(open) = self.open_runs.get_mut(&event.run) {
                    open.effects.insert(key.clone(), operation.clone());
                }
                // Until its end is known, nobody knows what is live.
                if let Some((service, _)) = operation.makes_live() {
                    let state = self.services.entry(service.clone()).or_default();
                    let changed_at = state.changed_at.replace(event.at);
                    state.before = Before { live: std::mem::take(&mut state.live), changed_at };
                }
            }
            EventKind::EffectFinished { key, outcome, .. } => match outcome {
                EffectResult::Done => self.effect_happened(key),
                EffectResult::NotDone(_) => self.effect_did_not_happen(key),
                EffectResult::Partly(_) => {
                    self.take_effect(key, true);
                }
                EffectResult::Unknown(_) => {}
            },
            EventKind::EffectSettled { key, landed } => match landed {
                Landed::Happened => self.effect_happened(key),
                Landed::DidNotHappen => self.effect_did_not_happen(key),
                Landed::Unknown => {}
            },
            EventKind::WindowJudged { services, .. } => {
                services.iter().for_each(|judgement| self.judged(judgement, event.run))
            }
            EventKind::ReadingsPublished { by, services } => {
                services.iter().for_each(|judgement| self.keep_published(judgement, by, event.at));
            }
            EventKind::RollbackDecided(decision) => {
                if decision.automatic {
                    self.automatic_rollbacks.push(event.at);
                    let excess = self.automatic_rollbacks.len().saturating_sub(100);
                    self.automatic_rollbacks.drain(..excess);
                    for (service, target) in &decision.services {
                        if let Some(release) = target.from.release() {
                            let state = self.services.entry(service.clone()).or_default();
                            state.quarantine.insert(release.id.clone(), decision.reason.clone());
                        }
                    }
                }
            }
            EventKind::StatusPublished { issue, url, operational_status, .. } => {
                self.issue = Some(*issue);
                self.issue_url = Some(url.clone());
                self.published = Some(*operational_status);
            }
            EventKind::Notified { to, outcome, operational_status } => {
                if outcome == "sent" {
                    self.notified.insert(to.clone(), *operational_status);
                }
            }
            EventKind::RunAbandoned { abandoned, verdict, reason } => {
                self.close(*abandoned, *verdict, reason, event.at);
            }
            EventKind::RunFinished { verdict, reason, operational_status, .. } => {
                self.operational_status = Some(*operational_status);
                self.close(event.run, *verdict, reason, event.at);
            }
            EventKind::StepStarted { .. }
            | EventKind::RuleJudged { .. }
            | EventKind::CiReported { .. }
            | EventKind::BaselineTaken { .. }
            | EventKind::CancelRequested { .. }
            | EventKind::StepFinished { .. }
            | EventKind::VerdictReached { .. } => {}
            EventKind::Unknown { .. } => self.unknown_events += 1,
        }
    }

    fn release_lock(&mut self, run: RunId) {
        if self.lock.as_ref().is_some_and(|lock| lock.run == run && !lock.sticky) {
            self.lock = None;
        }
    }

    fn close(&mut self, run: RunId, verdict: Verdict, reason: &str, at: Timestamp) {
        self.release_lock(run);
        if let Some(open) = self.open_runs.remove(&run) {
            match verdict {
                Verdict::NeedsOperator => self.unsettled = Some((run, format!("{}: {reason}", open.action))),
                Verdict::Succeeded | Verdict::RolledBack if open.action.changes_services() => self.unsettled = None,
                _ => {}
            }
            self.last_run = Some((run, open.action, verdict, at));
        }
    }

    /// The effect has an end: it changed something, or nothing.
    fn take_effect(&mut self, key: &EffectKey, changed: bool) -> Option<Operation> {
        self.open_runs.values_mut().find_map(|open| {
            let operation = open.effects.remove(key)?;
            open.changed |= changed && operation.changes_something();
            Some(operation)
        })
    }

    fn effect_happened(&mut self, key: &EffectKey) {
        let Some(operation) = self.take_effect(key, true) else { return };
        if let Some((service, live)) = operation.makes_live() {
            self.set_live(&service.clone(), live);
        }
    }

    /// What was live before is live still, unless somebody has measured something else since.
    fn effect_did_not_happen(&mut self, key: &EffectKey) {
        let Some(operation) = self.take_effect(key, false) else { return };
        if let Some((service, _)) = operation.makes_live() {
            // While another effect on it has no end, nobody knows.
            let mut open = self.open_runs.values().flat_map(|open| open.effects.values());
            if open.any(|other| other.makes_live().is_some_and(|(of, _)| of == service)) {
                return;
            }
            let state = self.services.entry(service.clone()).or_default();
            if state.live == Live::Unknown {
                state.live = std::mem::take(&mut state.before.live);
            }
            state.changed_at = state.before.changed_at;
        }
    }

    fn set_live(&mut self, service: &ServiceId, live: Live) {
        let state = self.services.entry(service.clone()).or_default();
        if let Some(release) = live.release()
            && state.releases.last() != Some(release)
        {
            state.releases.retain(|seen| seen != release);
            state.releases.push(release.clone());
            forget_oldest(&mut state.releases, MOST_RELEASES);
        }
        state.live = live;
    }

    /// Only a complete and healthy window of a known release promotes it; unknown promotes nothing.
    fn judged(&mut self, judgement: &Judgement, run: RunId) {
        let state = self.services.entry(judgement.service.clone()).or_default();
        if state.judgement.as_ref().is_none_or(|before| before.health != judgement.health) {
            state.since = Some(judgement.at);
        }
        if judgement.complete
            && judgement.health == Health::Healthy
            && let Some(release) = &judgement.release
        {
            state.last_known_good = Some(release.clone());
            state.proven.retain(|proven| !proven.release.same_as(release));
            state.proven.push(Proven { release: release.clone(), at: judgement.at, run });
            forget_oldest(&mut state.proven, MOST_PROVEN);
            state.quarantine.remove(&release.id);
        }
        state.judgement = Some(judgement.clone());
        state.changed_at = None;
    }
}

impl EnvironmentState {
    /// The newest is the one that was measured last: those who publish take no turns. One that is dated later than another
    /// was written comes from a clock that is wrong, and keeps nobody out.
    fn keep_published(&mut self, judgement: &Judgement, by: &Owner, written: Timestamp) {
        let state = self.services.entry(judgement.service.clone()).or_default();
        if state.published.as_ref().is_none_or(|before| before.at <= judgement.at || before.at > written) {
            let published_by = Some(by.to_string());
            state.published = Some(Judgement { complete: false, published_by, ..judgement.clone() });
        }
    }
}

fn forget_oldest<T>(all: &mut Vec<T>, most: usize) {
    all.drain(..all.len().saturating_sub(most));
}
