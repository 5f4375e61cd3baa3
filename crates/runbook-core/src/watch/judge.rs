//! From what was seen of a service to its judgement: with thresholds over the history, the release before, planned
//! maintenance, and the service whose fault it is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{AlertConfig, AlertEvidence, AlertSample, CompareRule, Observer, Seen, compare, judge_all, root_causes};
use crate::{
    config::{BaselineConfig, SlowerIs},
    ports::HistoryError,
    words::{Baseline, Comparison, EnvironmentId, Health, Judgement, ServiceId, Shift},
};

/// The most samples of the past that one alert looks at.
const PAST_SAMPLES: u32 = 20_000;

/// The owner's rules for judging.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Each service's thresholds.
    pub alerts: BTreeMap<ServiceId, Vec<AlertConfig>>,
    /// What each service cannot work without.
    pub depends_on: BTreeMap<ServiceId, Vec<ServiceId>>,
    /// How a release is compared with the one before.
    pub baseline: BaselineConfig,
}

impl Rules {
    /// Judges a service by what was seen of it. An alert that looks further back asks the history, but never back to
    /// before a change: another release's samples say nothing of this one. One that cannot be judged is told, and changes
    /// nothing.
    pub async fn judge(
        &self,
        observer: &Observer,
        environment: &EnvironmentId,
        service: &ServiceId,
        seen: &Seen,
        is_changed: bool,
    ) -> Judgement {
        let at = seen.at(observer.clock().now());
        let conclusion = &seen.conclusion;
        let certificate = seen.samples.iter().rev().find_map(|(_, reading)| reading.certificate_not_after);
        let mut judgement = Judgement {
            samples: conclusion.samples,
            failures: conclusion.failures,
            latency_ms: conclusion.latency,
            maintenance: observer.maintenance(service, at),
            certificate_not_after: certificate,
            ..Judgement::new(service.clone(), conclusion.health, conclusion.evidence.clone(), at)
        };
        let Some(alerts) = self.alerts.get(service).filter(|alerts| !alerts.is_empty()) else { return judgement };
        let begun = seen.samples.first().map(|(at, _)| *at).filter(|_| is_changed);
        let past = past(observer, environment, service, alerts, at, begun).await;
        let own: Vec<AlertSample> = seen
            .samples
            .iter()
            .map(|(at, reading)| AlertSample { at: *at, health: reading.health, latency_ms: reading.latency_ms })
            .collect();
        let evidence = AlertEvidence { own: &own, past: past.as_deref(), now: at, certificate_not_after: certificate };
        let (findings, worst) = judge_all(alerts, &evidence);
        // An alert makes worse what was measured; it measures nothing itself.
        if let Some(worst) = worst {
            judgement.worsen(worst);
            let fired: Vec<String> = findings
                .iter()
                .filter(|finding| finding.fired == Some(true))
                .map(|finding| format!("{}: {}", finding.alert, finding.found))
                .collect();
            judgement.evidence = format!("{}; {}", fired.join("; "), judgement.evidence);
        }
        judgement.alerts = findings;
        judgement
    }

    /// Compares the latency since a change with the one before it, and says what that makes of the service.
    pub fn compare(&self, baseline: &Baseline, seen: &Seen) -> (Comparison, Option<Health>) {
        let before: Vec<f64> = baseline.latencies_us.iter().map(|us| f64::from(*us) / 1e3).collect();
        let since: Vec<f64> = seen.samples.iter().filter_map(|(_, reading)| reading.answered_ms()).collect();
        let rule = CompareRule {
            min_samples: self.baseline.min_samples,
            slowdown_percent: self.baseline.slowdown_percent,
            ..CompareRule::default()
        };
        let comparison = compare(&before, &since, &rule);
        let health = match (comparison.shift, self.baseline.slower_is) {
            (Shift::Slower, SlowerIs::Degraded) => Some(Health::Degraded),
            (Shift::Slower, SlowerIs::Unhealthy) => Some(Health::Unhealthy),
            _ => None,
        };
        (comparison, health)
    }

    /// Whether a service cannot work without this one, directly or not.
    pub fn needs(&self, service: &ServiceId, needed: &ServiceId) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![service];
        while let Some(next) = open.pop() {
            let names = self.depends_on.get(next).map(Vec::as_slice).unwrap_or_default();
            if names.contains(needed) {
                return true;
            }
            open.extend(names.iter().filter(|name| seen.insert(*name)));
        }
        false
    }

    /// Names the service whose fault it is, for each that is in a bad state because of another. `sampled` is what the
    /// samples alone say, in the same order: a service that was not watched to the end is nobody's cause for that.
    pub fn find_causes(&self, judgements: &mut [Judgement], sampled: &[Health]) {
        if self.depends_on.values().all(Vec::is_empty) {
            return;
        }
        let seen = sampled.iter().copied().map(Some).chain(std::iter::repeat(None));
        let health = judgements
            .iter()
            .zip(seen)
            .map(|(judgement, sampled)| {
                let is_cut_short = judgement.health == Health::Unknown && sampled.is_some_and(|s| s != Health::Unknown);
                (judgement.service.clone(), sampled.filter(|_| is_cut_short).unwrap_or(judgement.health))
            })
            .collect();
        let mut causes = root_causes(&self.depends_on, &health);
        for judgement in judgements {
            judgement.caused_by = causes.remove(&judgement.service);
        }
    }
}

/// The samples of the longest stretch that an alert looks at; `None` where no alert looks back, no history is kept, or it
/// cannot be read.
async fn past(
    observer: &Observer,
    environment: &EnvironmentId,
    service: &ServiceId,
    alerts: &[AlertConfig],
    now: Timestamp,
    begun: Option<Timestamp>,
) -> Option<Vec<AlertSample>> {
    let over = alerts.iter().filter_map(|alert| alert.over).max()?;
    let history = observer.history()?;
    let since = now.checked_sub(SignedDuration::try_from(over.0).ok()?).ok()?;
    let since = begun.map_or(since, |begun| begun.max(since));
    let kept: Result<_, HistoryError> = history.samples(environment, service, since, PAST_SAMPLES).await;
    let samples = kept.ok()?.into_iter();
    Some(
        samples
            .filter(|sample| !sample.maintenance)
            .map(|sample| AlertSample {
                at: sample.at,
                health: sample.reading.health,
                latency_ms: sample.reading.latency_ms,
            })
            .collect(),
    )
}
