//! The health of a service, and the table that turns many of them into one operational status.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

/// The health of a service. Ordered from best to worst known, with `Unknown` apart: see [`Health::worst`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Everything expected was measured.
    Healthy,
    /// It answers, but worse than expected.
    Degraded,
    /// It was measured, and it does not do what it should.
    Unhealthy,
    /// Nobody could measure it.
    #[default]
    Unknown,
}

impl Health {
    /// The word that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
            Self::Unknown => "unknown",
        }
    }

    /// The worse of two findings on the same service. A measured fault outweighs a missing measurement;
    /// a missing measurement outweighs anything good, so that no data is never success.
    pub fn worst(self, other: Self) -> Self {
        fn rank(health: Health) -> u8 {
            match health {
                Health::Healthy => 0,
                Health::Degraded => 1,
                Health::Unknown => 2,
                Health::Unhealthy => 3,
            }
        }
        if rank(other) > rank(self) { other } else { self }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The state of the whole system, as the status issue shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperationalStatus {
    /// Every service was measured lately, and each is healthy.
    Operational,
    /// Something is worse than it should be, or could not be measured.
    Degraded,
    /// A critical service is measured unhealthy, or everything was stopped.
    Critical,
}

impl OperationalStatus {
    /// The word that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operational => "OPERATIONAL",
            Self::Degraded => "DEGRADED",
            Self::Critical => "CRITICAL",
        }
    }

    /// The sign that stands before the word.
    pub fn emoji(self) -> &'static str {
        match self {
            Self::Operational => "✅",
            Self::Degraded => "⚠️",
            Self::Critical => "🔴",
        }
    }
}

impl fmt::Display for OperationalStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What [`operational_status`] looks at, of one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusReason<'a> {
    /// What people call the service.
    pub name: &'a str,
    /// Whether the owner calls it critical.
    pub critical: bool,
    /// Its health, with stale evidence already counted as unknown.
    pub health: Health,
    /// What people call the service whose fault this is, when it depends on one that is in a bad state itself.
    pub because_of: Option<&'a str>,
    /// Whether it is in planned maintenance.
    pub maintenance: bool,
}

impl StatusReason<'_> {
    /// What it alone makes of the system, by the table of [`operational_status`].
    fn status(&self) -> OperationalStatus {
        match self.health {
            Health::Healthy => OperationalStatus::Operational,
            Health::Unhealthy if self.critical && !self.maintenance => OperationalStatus::Critical,
            Health::Unhealthy | Health::Degraded | Health::Unknown => OperationalStatus::Degraded,
        }
    }
}

/// The documented table: worst wins, unknown is never operational, no service at all is not operational.
///
/// | health | critical service | other service, or in maintenance |
/// | --- | --- | --- |
/// | healthy | OPERATIONAL | OPERATIONAL |
/// | degraded, unknown | DEGRADED | DEGRADED |
/// | unhealthy | CRITICAL | DEGRADED |
///
/// A set stop latch is CRITICAL. The reasons name each service that is not healthy, worst first; one that is so because
/// of another is named behind that one and gets no reason of its own, but counts by the table all the same.
pub fn operational_status<'a>(
    services: impl IntoIterator<Item = StatusReason<'a>>,
    stopped: bool,
) -> (OperationalStatus, Vec<String>) {
    let services: Vec<StatusReason<'a>> = services.into_iter().collect();
    let mut worst = OperationalStatus::Operational;
    let mut findings = Vec::new();
    if stopped {
        worst = OperationalStatus::Critical;
        findings.push((OperationalStatus::Critical, "the stop latch is set".to_owned()));
    }
    let bad: BTreeSet<&str> = services.iter().filter(|s| s.health != Health::Healthy).map(|s| s.name).collect();
    // A cause that is not bad itself any more, or that has a cause of its own, explains nothing.
    let roots: BTreeSet<&str> = services
        .iter()
        .filter(|s| bad.contains(s.name) && !s.because_of.is_some_and(|cause| bad.contains(cause)))
        .map(|s| s.name)
        .collect();
    let mut because_of: BTreeMap<&str, Vec<&StatusReason<'a>>> = BTreeMap::new();
    for service in services.iter().filter(|service| service.health != Health::Healthy) {
        if let Some(cause) = service.because_of.filter(|cause| roots.contains(cause)) {
            because_of.entry(cause).or_default().push(service);
        }
    }
    for service in services.iter().filter(|service| service.health != Health::Healthy) {
        let mut status = service.status();
        worst = worst.max(status);
        if service.because_of.is_some_and(|cause| roots.contains(cause)) {
            continue;
        }
        let mut reason = format!("{} is {}", service.name, service.health);
        if service.maintenance {
            reason.push_str(", in maintenance");
        }
        if let Some(with_it) = because_of.get(service.name) {
            // What is worse than its cause would not be understood without being told.
            let told = with_it.iter().map(|other| match other.health {
                health if health == service.health => other.name.to_owned(),
                health => format!("{}, which is {health}", other.name),
            });
            reason.push_str(&format!(" (and with it {})", told.collect::<Vec<_>>().join(", ")));
            status = with_it.iter().map(|other| other.status()).fold(status, OperationalStatus::max);
        }
        findings.push((status, reason));
    }
    if services.is_empty() {
        worst = worst.max(OperationalStatus::Degraded);
        findings.push((OperationalStatus::Degraded, "no service is configured, so nothing was measured".to_owned()));
    }
    findings.sort_by_key(|(status, _)| std::cmp::Reverse(*status));
    if findings.is_empty() && worst == OperationalStatus::Operational {
        findings.push((
            worst,
            match services.len() {
                1 => "the one service is healthy".to_owned(),
                seen => format!("all {seen} services are healthy"),
            },
        ));
    }
    (worst, findings.into_iter().map(|(_, reason)| reason).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_health() -> impl Strategy<Value = Health> {
        prop_oneof![Just(Health::Healthy), Just(Health::Degraded), Just(Health::Unhealthy), Just(Health::Unknown)]
    }

    proptest! {
        /// Worst wins; unknown is never operational; adding a service never makes things look better.
        #[test]
        fn status_table(
            services in proptest::collection::vec(
                (any::<bool>(), any_health(), proptest::option::of(0_usize..8), any::<bool>()),
                0..8,
            ),
            stopped: bool,
        ) {
            let names = ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"];
            let view = |s: &[(bool, Health, Option<usize>, bool)]| {
                let reasons: Vec<_> = s
                    .iter()
                    .zip(names)
                    // Causes point backwards, as dependencies without a circle do.
                    .enumerate()
                    .map(|(at, ((critical, health, cause, maintenance), name))| StatusReason {
                        name,
                        critical: *critical,
                        health: *health,
                        because_of: cause.filter(|cause| *cause < at).map(|cause| names[cause]),
                        maintenance: *maintenance,
                    })
                    .collect();
                operational_status(reasons, stopped)
            };
            let (status, reasons) = view(&services);
            prop_assert!(!reasons.is_empty());
            let all_healthy = !services.is_empty() && services.iter().all(|(_, h, ..)| *h == Health::Healthy);
            prop_assert_eq!(status == OperationalStatus::Operational, all_healthy && !stopped);
            let down = services.iter().any(|(c, h, _, maintenance)| *c && *h == Health::Unhealthy && !maintenance);
            prop_assert_eq!(status == OperationalStatus::Critical, down || stopped);
            for ((_, health, ..), name) in services.iter().zip(names) {
                let named = reasons.iter().any(|reason| reason.contains(name));
                prop_assert!(*health == Health::Healthy || named, "{} is not named in {:?}", name, reasons);
            }
            if services.len() > 1 {
                prop_assert!(view(&services[..services.len() - 1]).0 <= status);
            }
        }

        #[test]
        fn worst_is_commutative_and_never_invents(a in any_health(), b in any_health()) {
            prop_assert_eq!(a.worst(b), b.worst(a));
            prop_assert!(a.worst(b) == a || a.worst(b) == b);
            prop_assert_eq!(a.worst(b) == Health::Healthy, a == Health::Healthy && b == Health::Healthy);
        }
    }
}
