//! The stage `monitor` (and the step `verify`): watches every service for the planned window, or looks once; what others
//! measured and published since is not measured again.
//!
//! After a change it ends early when a changed service is confirmed unhealthy, when the run is fenced or stopped, and
//! when somebody asks it to end; what was not watched to the end is never called complete.

use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{NoSettings, published};
use crate::{
    engine::{StageContext, with_causes},
    plan::{Access, PlannedService, stage_kind},
    ports::{DeployError, HistoryError, Stage, StageError},
    registry::{BuildError, Ports, StageDefinition},
    state::{EnvironmentState, RunState},
    watch::{Audience, Conclusion, Confirmation, Ends, LookRule, Role, Watched, WindowRule, look, watch},
    words::{Health, Judgement, LeftBehind, Live, MOST_SUSPECTS, Outcome, Reading, ServiceId},
};

/// How long a deployer may take to say what is live, at the end of a watch.
const LIVE_DEADLINE: Duration = Duration::from_secs(15);

/// How long the repository may take to name the commits between two releases.
const SUSPECTS_DEADLINE: Duration = Duration::from_secs(10);

/// How a service is found out about.
enum Found {
    /// From here.
    Watched(Box<Watched>),
    /// By others, who published it.
    Published(Box<Judgement>),
    /// Only from elsewhere: what was published there is looked up once everything else was watched.
    Elsewhere,
}

/// Watches services.
#[derive(Debug)]
pub struct Monitor {
    ports: Ports,
}

impl StageDefinition for Monitor {
    const KIND: &'static str = stage_kind::MONITOR;
    type Settings = NoSettings;

    fn build(_: NoSettings, ports: &Ports) -> Result<Self, BuildError> {
        Ok(Self { ports: ports.clone() })
    }
}

#[async_trait]
impl Stage for Monitor {
    fn access(&self) -> Access {
        Access::ReadOnly
    }

    async fn run(&self, cx: &StageContext) -> Result<Outcome, StageError> {
        let run = cx.run_state().await?;
        let before = cx.environment_state().await?;
        let begun = cx.now();
        let changed: Vec<ServiceId> = run.changed_services().into_iter().cloned().collect();
        let ends = Ends::default();
        let rules = &self.ports.rules;
        let watches = cx.plan().services.iter().map(|service| {
            let was_bad = before
                .service(&service.id)
                .and_then(|state| state.judgement.as_ref())
                .is_some_and(|judgement| judgement.health == Health::Unhealthy);
            let role = match () {
                () if changed.contains(&service.id) => Role::Changed,
                () if changed.iter().any(|changed| rules.needs(changed, &service.id)) => Role::Needed,
                () => Role::Other,
            };
            let taken = self.published_already(cx, &service.id, &run, &before);
            self.find_out(cx, &service.id, role, was_bad, taken, &ends)
        });
        let over = CancellationToken::new();
        let guard = self.guard(cx, !changed.is_empty(), &ends, &over);
        let all = async {
            let found = join_all(watches).await;
            over.cancel();
            found
        };
        let (found, ()) = tokio::join!(all, guard);
        if let Err(error) = self.ports.observer.flush().await {
            cx.progress(format!("the history was not kept: {error}"));
        }
        if !self.ports.runs_on.is_empty() {
            // What others wrote meanwhile is read; whether this run may go on does not matter to who only looks.
            let _ = cx.checkpoint().await;
        }
        let environment = cx.environment_state().await?;
        let taken = found.iter().filter(|found| matches!(found, Found::Published(_))).count();
        if taken > 0 {
            cx.progress(format!("{taken} of {} services were measured by others since the run began", found.len()));
        }
        let found: Vec<Found> = cx
            .plan()
            .services
            .iter()
            .zip(found)
            .map(|(service, found)| match found {
                Found::Elsewhere => {
                    // The reading of a changed service has to be newer than the change, which ended before this began.
                    let since = changed.contains(&service.id).then_some(begun);
                    Found::Published(Box::new(self.published_elsewhere(cx, &service.id, &run, since, &environment)))
                }
                found => found,
            })
            .collect();
        // All at once: one deployer that does not answer must not cost the judgements of the others.
        let judged = cx.plan().services.iter().zip(&found).map(|(service, found)| {
            let is_changed = changed.contains(&service.id);
            self.judge(cx, service, found, is_changed, &run, &environment)
        });
        let mut judgements = join_all(judged).await;
        let sampled: Vec<Health> = found.iter().map(Found::sampled).collect();
        rules.find_causes(&mut judgements, &sampled);
        let outcome = outcome(&judgements);
        cx.judged(judgements).await;
        Ok(outcome)
    }
}

/// Shows what a watch finds as the run's progress.
struct Shown<'a>(&'a StageContext);

impl Audience for Shown<'_> {
    fn sampled(&self, service: &ServiceId, reading: &Reading) {
        self.0.sampled(service, reading);
    }

    fn confirmed(&self, service: &ServiceId, conclusion: &Conclusion) {
        self.0.progress(format!("{service}: confirmed unhealthy: {}", conclusion.evidence));
    }

    fn history_failed(&self, error: &HistoryError) {
        self.0.progress(format!("the history was not kept: {error}"));
    }
}

impl Found {
    /// What the samples alone say.
    fn sampled(&self) -> Health {
        match self {
            Self::Watched(watched) => watched.sampled,
            Self::Published(judgement) => judgement.by_samples(),
            Self::Elsewhere => Health::Unknown,
        }
    }
}

impl Monitor {
    /// Watches a service, unless it was `taken` from what others published, or is reached from elsewhere only.
    async fn find_out(
        &self,
        cx: &StageContext,
        service: &ServiceId,
        role: Role,
        was_bad: bool,
        taken: Option<Judgement>,
        ends: &Ends,
    ) -> Found {
        if let Some(judgement) = taken {
            return Found::Published(Box::new(judgement));
        }
        if !self.ports.runs_on.contains_key(service) {
            return Found::Watched(Box::new(self.watch(cx, service, role, was_bad, ends).await));
        }
        let plan = cx.plan().watch;
        let startup = if role == Role::Changed { plan.startup_ms } else { 0 };
        // Whoever measures it has the same time for it as this run has for the others.
        let window = Duration::from_millis(plan.window_ms.saturating_add(startup));
        if plan.window_ms > 0 {
            tokio::select! {
                () = cx.clock().sleep(window) => {}
                () = ends.early.cancelled() => {}
            }
        }
        Found::Elsewhere
    }

    /// What others measured since a run began that only looks: its probes were spread over several machines.
    fn published_already(
        &self,
        cx: &StageContext,
        service: &ServiceId,
        run: &RunState,
        environment: &EnvironmentState,
    ) -> Option<Judgement> {
        if cx.plan().watch.window_ms > 0 || self.ports.runs_on.contains_key(service) {
            return None;
        }
        published::counting(environment.service(service), run.started_at, cx.now())
    }

    /// What was published of a service that is reached from elsewhere only: since a moment, or as long as readings count,
    /// and in any case since the run began.
    fn published_elsewhere(
        &self,
        cx: &StageContext,
        service: &ServiceId,
        run: &RunState,
        since: Option<Timestamp>,
        environment: &EnvironmentState,
    ) -> Judgement {
        let (now, state) = (cx.now(), environment.service(service));
        let since =
            since.unwrap_or_else(|| run.started_at.min(published::before(now, self.ports.monitor.published_for.0)));
        published::counting(state, since, now).unwrap_or_else(|| {
            let labels = self.ports.runs_on.get(service).map(Vec::as_slice).unwrap_or_default();
            let newest = state.and_then(|state| state.published.as_ref()).map(|published| published.at);
            published::missing(service, labels, newest, &self.ports.status, now)
        })
    }

    /// Ends the watch when the run is asked to end, and when it may no longer change anything.
    async fn guard(&self, cx: &StageContext, has_changed: bool, ends: &Ends, over: &CancellationToken) {
        let overtaken = async { if has_changed { cx.overtaken().await } else { std::future::pending().await } };
        tokio::select! {
            () = over.cancelled() => {}
            () = cx.cancelled() => ends.at_once(),
            refusal = overtaken => {
                cx.progress(format!("the watch ends early: {refusal}"));
                ends.at_once();
            }
        }
    }

    async fn watch(&self, cx: &StageContext, service: &ServiceId, role: Role, was_bad: bool, ends: &Ends) -> Watched {
        let plan = cx.plan().watch;
        let observer = &self.ports.observer;
        let confirmation = Confirmation { samples: plan.confirm, of: plan.confirm_of };
        let budget = Duration::from_millis(plan.budget_ms);
        if plan.window_ms == 0 {
            let rule = LookRule { confirmation, pause: Duration::from_millis(plan.interval_ms), budget };
            let seen = look(observer, service, rule, was_bad, &Shown(cx), &ends.early).await;
            let sampled = seen.conclusion.health;
            return Watched { seen, complete: false, sampled };
        }
        let rule = WindowRule {
            window: Duration::from_millis(plan.window_ms),
            interval: Duration::from_millis(plan.interval_ms),
            startup: Duration::from_millis(plan.startup_ms),
            confirmation,
            budget,
        };
        watch(observer, service, rule, role, &Shown(cx), ends).await
    }

    /// What was found, together with the release before, and with what the deployer says is live.
    async fn judge(
        &self,
        cx: &StageContext,
        service: &PlannedService,
        found: &Found,
        is_changed: bool,
        run: &RunState,
        environment: &EnvironmentState,
    ) -> Judgement {
        let mut judgement = match found {
            Found::Watched(watched) => self.measured(cx, service, watched, is_changed, run).await,
            Found::Published(judgement) => Judgement::clone(judgement),
            Found::Elsewhere => Judgement::new(service.id.clone(), Health::Unknown, "nobody measured it", cx.now()),
        };
        self.compare_live(cx, service, &mut judgement, environment).await;
        if is_changed && judgement.health != Health::Healthy && run.rollback.is_none() {
            judgement.suspects = self.suspects(service, &judgement).await;
        }
        judgement
    }

    /// What was seen from here, together with the release before.
    async fn measured(
        &self,
        cx: &StageContext,
        service: &PlannedService,
        watched: &Watched,
        is_changed: bool,
        run: &RunState,
    ) -> Judgement {
        let rules = &self.ports.rules;
        let mut judgement =
            rules.judge(&self.ports.observer, &cx.request().environment, &service.id, &watched.seen, is_changed).await;
        judgement.complete = watched.complete;
        if is_changed
            && run.rollback.is_none()
            && let Some(baseline) = run.baselines.get(&service.id)
        {
            let (comparison, health) = rules.compare(baseline, &watched.seen);
            if let Some(health) = health {
                judgement.worsen(health);
                judgement.evidence = format!("slower than before the change; {}", judgement.evidence);
            }
            judgement.comparison = Some(comparison);
        }
        judgement
    }

    /// The commits between what was live before and what is live now.
    async fn suspects(&self, service: &PlannedService, judgement: &Judgement) -> Vec<String> {
        let now = judgement.release.as_ref().or(service.target.as_ref());
        let (Some(from), Some(to)) =
            (service.live.release().and_then(|r| r.commit.as_ref()), now.and_then(|release| release.commit.as_ref()))
        else {
            return Vec::new();
        };
        let Some(repository) = &self.ports.version_control else { return Vec::new() };
        // A hint for people: without it the judgement stands all the same.
        let between = tokio::time::timeout(SUSPECTS_DEADLINE, repository.between(from, to)).await;
        let mut commits = between.ok().and_then(Result::ok).unwrap_or_default();
        commits.truncate(MOST_SUSPECTS);
        commits
    }

    /// Holds the judgement against what the deployer says is live: an answer from an address proves little when the
    /// process that should give it is gone.
    async fn compare_live(
        &self,
        cx: &StageContext,
        service: &PlannedService,
        judgement: &mut Judgement,
        environment: &EnvironmentState,
    ) {
        let known = environment.service(&service.id).map(|state| state.live.clone()).unwrap_or_default();
        judgement.release = known.release().cloned();
        let Some(deployer) = self.ports.deployers.get(&service.id) else { return };
        let asked = tokio::time::timeout(LIVE_DEADLINE, deployer.live(&service.id)).await.unwrap_or_else(|_| {
            let limit = LIVE_DEADLINE.as_secs();
            Err(DeployError::new(LeftBehind::NoChange, format!("it did not answer within {limit} s")))
        });
        if let Ok(found) = &asked
            && *found != Live::Unknown
            && *found != known
        {
            cx.found(service.id.clone(), found.clone()).await;
        }
        let mut worsen = |health: Health, words: String| {
            judgement.worsen(health);
            judgement.evidence = format!("{words}; {}", judgement.evidence);
        };
        match (asked, &known) {
            (Ok(Live::Release(live)), Live::Release(expected)) if !live.same_as(expected) => {
                worsen(Health::Unhealthy, format!("{live} is live instead of {expected}"));
                judgement.release = Some(live);
            }
            (Ok(Live::Release(live)), _) => judgement.release = Some(live),
            (Ok(Live::Stopped), Live::Release(expected)) => {
                worsen(Health::Unhealthy, format!("{expected} is not running"));
                judgement.release = None;
            }
            (Ok(Live::Stopped), _) => judgement.release = None,
            (Ok(Live::Unknown), _) => {}
            (Err(error), _) => {
                worsen(Health::Unknown, format!("what is live could not be asked: {}", with_causes(&error)));
                judgement.release = None;
            }
        }
    }
}

fn outcome(judgements: &[Judgement]) -> Outcome {
    let bad: Vec<String> = judgements
        .iter()
        .filter(|judgement| judgement.health != Health::Healthy)
        .map(|judgement| format!("{} is {}", judgement.service, judgement.health))
        .collect();
    if bad.is_empty() { Outcome::Passed } else { Outcome::Warned(bad.join(", ")) }
}
