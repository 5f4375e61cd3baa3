//! Thresholds over many samples, and what the samples of a service make of them. How a threshold is written is in
//! `alert_rule`; where the samples come from, and who is told, is no business of this file.
//!
//! What cannot be judged is `None`, in words, and changes no health.

use std::{collections::HashSet, fmt};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use super::alert_rule::{AlertRule, MAX_COUNT, Measure, length};
use crate::{
    config::Period,
    words::{AlertFinding, Health},
};

/// How many samples a share or a percentile needs, when the alert does not say it.
const DEFAULT_SAMPLES: u32 = 20;

const SECONDS_OF_A_DAY: i64 = 86_400;

/// `[[service.alert]]`: a threshold over many samples.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertConfig {
    /// When it fires, such as "p95 > 800ms".
    pub when: AlertRule,
    /// How far back it looks, which needs a history; by default it looks at the samples of this look or window.
    pub over: Option<Period>,
    /// How many samples it needs; by default 20 for an error rate or a percentile, else 1.
    pub min_samples: Option<u32>,
    /// What a service is while it fires.
    #[serde(default)]
    pub level: AlertLevel,
}

/// What a service is while an alert fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlertLevel {
    /// It answers, but worse than it should.
    #[default]
    Degraded,
    /// It does not do what it should: after a deploy, it is rolled back.
    Unhealthy,
}

impl From<AlertLevel> for Health {
    fn from(level: AlertLevel) -> Self {
        match level {
            AlertLevel::Degraded => Self::Degraded,
            AlertLevel::Unhealthy => Self::Unhealthy,
        }
    }
}

impl AlertConfig {
    /// What types cannot say.
    ///
    /// # Errors
    /// In words, with what mends it.
    pub fn check(&self) -> Result<(), String> {
        let rule = self.when;
        if let Measure::CertificateDays { .. } = rule.measure {
            if self.level == AlertLevel::Unhealthy {
                return Err(
                    "a certificate that ends soon is no outage: `level` can only be \"degraded\" here".to_owned()
                );
            }
            if self.over.is_some() || self.min_samples.is_some() {
                return Err(format!(
                    "`{rule}` looks at the newest certificate alone: leave out `over` and `min_samples`"
                ));
            }
        }
        if self.over.is_some_and(|over| over.0.is_zero()) {
            return Err("an alert over no time has no samples: make `over` longer, or leave it out".to_owned());
        }
        let most = match rule.measure {
            Measure::Failures { of, .. } => of,
            _ => MAX_COUNT,
        };
        match self.min_samples {
            Some(least) if least == 0 || least > most => {
                Err(format!("`min_samples` of `{rule}` must be from 1 to {most}, found {least}"))
            }
            _ => Ok(()),
        }
    }

    /// How many samples it needs.
    pub fn min_samples(&self) -> u32 {
        self.min_samples.unwrap_or(match self.when.measure {
            Measure::ErrorRate { .. } | Measure::Latency { .. } => DEFAULT_SAMPLES,
            _ => 1,
        })
    }
}

/// The alert as reports name it: `p95 > 800ms over 1h`.
impl fmt::Display for AlertConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.when)?;
        match self.over {
            Some(over) => write!(f, " over {}", length(over.0)),
            None => Ok(()),
        }
    }
}

/// One sample, as alerts look at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlertSample {
    /// When it was taken.
    pub at: Timestamp,
    /// What it says.
    pub health: Health,
    /// The whole measurement's duration in milliseconds; `None` when nothing answered.
    pub latency_ms: Option<f64>,
}

/// What alerts are judged by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlertEvidence<'a> {
    /// The samples of this look or window, oldest first.
    pub own: &'a [AlertSample],
    /// The samples of the past, oldest first, at least as far back as the longest `over`; those of this look or window may
    /// be among them. `None`: there is no history, or it could not be read.
    pub past: Option<&'a [AlertSample]>,
    /// Now: the end of what `over` looks at.
    pub now: Timestamp,
    /// When the certificate that was seen last ends to be valid; `None`: none was seen.
    pub certificate_not_after: Option<Timestamp>,
}

/// Judges each alert. The findings are those that fired or could not be judged, in the order of the alerts; with them, the
/// worst level that fired. `None`: none did, which makes no health better.
pub fn judge_all(alerts: &[AlertConfig], evidence: &AlertEvidence<'_>) -> (Vec<AlertFinding>, Option<Health>) {
    let findings = alerts.iter().map(|alert| (alert, judge(alert, evidence)));
    let told: Vec<(&AlertConfig, AlertFinding)> =
        findings.filter(|(_, finding)| finding.fired != Some(false)).collect();
    let fired = told.iter().filter(|(_, finding)| finding.fired == Some(true));
    let worst = fired.map(|(alert, _)| Health::from(alert.level)).reduce(Health::worst);
    (told.into_iter().map(|(_, finding)| finding).collect(), worst)
}

/// Judges one alert.
pub fn judge(alert: &AlertConfig, evidence: &AlertEvidence<'_>) -> AlertFinding {
    let judged = match alert.when.measure {
        Measure::CertificateDays { days } => certificate(alert.when, days, evidence),
        _ => samples(alert, evidence).and_then(|samples| judge_samples(alert, &samples)),
    };
    let (fired, found) = match judged {
        Ok((fired, found)) => (Some(fired), found),
        Err(missing) => (None, missing),
    };
    AlertFinding { alert: alert.to_string(), fired, found }
}

/// Whether it fired, and by what; or what is missing to tell.
type Judged = Result<(bool, String), String>;

fn certificate(rule: AlertRule, bound: u32, evidence: &AlertEvidence<'_>) -> Judged {
    let not_after = evidence.certificate_not_after.ok_or("no certificate was seen")?;
    let days = (not_after.as_second() - evidence.now.as_second()).div_euclid(SECONDS_OF_A_DAY);
    let found = match days {
        ..=-1 => format!("no longer valid since {not_after}"),
        1 => format!("1 day left, until {not_after}"),
        _ => format!("{days} days left, until {not_after}"),
    };
    Ok((rule.fires(days.cmp(&i64::from(bound))), found))
}

/// The samples that an alert looks at, oldest first.
fn samples(alert: &AlertConfig, evidence: &AlertEvidence<'_>) -> Result<Vec<AlertSample>, String> {
    let Some(over) = alert.over else { return Ok(evidence.own.to_vec()) };
    let past = evidence.past.ok_or("`over` needs a history, and none could be read")?;
    let reach = SignedDuration::try_from(over.0).unwrap_or(SignedDuration::MAX);
    let since = evidence.now.checked_sub(reach).unwrap_or(Timestamp::MIN);
    // A sample is known by its time, as in the history: what is in both counts once.
    let own: HashSet<Timestamp> = evidence.own.iter().map(|sample| sample.at).collect();
    let past = past.iter().filter(|sample| !own.contains(&sample.at));
    let mut samples: Vec<AlertSample> = past.chain(evidence.own).copied().collect();
    samples.retain(|sample| (since..=evidence.now).contains(&sample.at));
    samples.sort_by_key(|sample| sample.at);
    Ok(samples)
}

fn judge_samples(alert: &AlertConfig, samples: &[AlertSample]) -> Judged {
    let rule = alert.when;
    let measured: Vec<Health> = samples.iter().map(|s| s.health).filter(|health| *health != Health::Unknown).collect();
    let is_failure = |health: &&Health| **health == Health::Unhealthy;
    let mut latencies: Vec<f64> = samples.iter().filter_map(|s| s.latency_ms).filter(|ms| ms.is_finite()).collect();
    let (count, lack) = match rule.measure {
        Measure::Latency { .. } => (latencies.len(), "had no latency"),
        _ => (measured.len(), "measured nothing"),
    };
    // An alert without a measurement is never judged, whatever it asks for.
    let least = (alert.min_samples() as usize).max(1);
    if count < least {
        return Err(format!("{} of at least {least}{}", counted(count), besides(samples.len() - count, lack)));
    }
    let of_all = format!("{}{}", counted(count), besides(samples.len() - count, lack));
    Ok(match rule.measure {
        Measure::ErrorRate { thousandths } => {
            let failed = measured.iter().filter(is_failure).count();
            let fired = rule.fires((failed as u64 * 100_000).cmp(&(u64::from(thousandths) * count as u64)));
            let percent = (failed as f64 * 1e5 / count as f64).round() / 1e3;
            (fired, format!("{percent}%: {failed} failed of {of_all}"))
        }
        Measure::Latency { percentile, bound } => {
            latencies.sort_by(f64::total_cmp);
            let rank = (count * usize::from(percentile)).div_ceil(100).clamp(1, count);
            // To the microsecond, as latencies are told: what is shown is what was compared.
            let found = (latencies[rank - 1] * 1e3).round();
            (rule.fires(found.total_cmp(&(bound.as_nanos() as f64 / 1e3))), format!("{} ms over {of_all}", found / 1e3))
        }
        Measure::ConsecutiveFailures { count: bound } => {
            let failed = measured.iter().rev().take_while(is_failure).count();
            (rule.fires(failed.cmp(&(bound as usize))), format!("{failed} failed in a row, of {of_all}"))
        }
        Measure::Failures { count: bound, of } => {
            let newest = &measured[count.saturating_sub(of as usize)..];
            let failed = newest.iter().filter(is_failure).count();
            let found = format!("{failed} failed of the newest {}", counted(newest.len()));
            (rule.fires(failed.cmp(&(bound as usize))), found)
        }
        Measure::CertificateDays { .. } => return Err("no certificate was seen".to_owned()),
    })
}

fn counted(samples: usize) -> String {
    if samples == 1 { "1 sample".to_owned() } else { format!("{samples} samples") }
}

/// The samples that could not be counted are told: a reader who sees more of them elsewhere wonders.
fn besides(samples: usize, lack: &str) -> String {
    if samples == 0 { String::new() } else { format!(" ({samples} more {lack})") }
}

#[cfg(test)]
#[path = "tests_alert.rs"]
mod tests;
