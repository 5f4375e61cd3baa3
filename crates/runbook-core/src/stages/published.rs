//! Readings that somebody published without a run: which of them a watch may take, and what it says of itself where there
//! is none. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    state::ServiceState,
    status::StatusContext,
    words::{Health, Judgement, ServiceId},
};

/// How far ahead of this machine's clock that of whoever published may be.
const AHEAD: SignedDuration = SignedDuration::from_secs(60);

/// The published judgement of a service, where it counts: measured not before `since`, and not before somebody last set
/// out to change the service. Its evidence says who measured, and when.
pub(super) fn counting(state: Option<&ServiceState>, since: Timestamp, now: Timestamp) -> Option<Judgement> {
    let state = state?;
    let published = state.published.as_ref()?;
    let since = state.changed_at.map_or(since, |changed| changed.max(since));
    let is_dated_right = now.checked_add(AHEAD).is_ok_and(|latest| published.at <= latest);
    if published.at < since || !is_dated_right {
        return None;
    }
    let by = published.published_by.as_deref().unwrap_or("somebody");
    let evidence = format!("{}; measured by {by} at {:.0}", published.evidence, published.at);
    Some(Judgement { evidence, complete: false, ..published.clone() })
}

/// What is said of a service whose probes run elsewhere, when nobody there has published what counts: nothing is known of
/// it, and how that is mended.
pub(super) fn missing(
    service: &ServiceId,
    labels: &[String],
    newest: Option<Timestamp>,
    context: &StatusContext,
    now: Timestamp,
) -> Judgement {
    let newest = match newest {
        Some(at) => format!("the newest reading from there is of {at:.0} and counts no longer"),
        None => "nobody has published a reading from there".to_owned(),
    };
    let environment = match context.default_environment {
        true => String::new(),
        false => format!(" --environment {}", context.environment),
    };
    let words = format!(
        "it is measured on {} and not from here, and {newest}; there: runbook check {service} --publish{environment}",
        labels.join(", ")
    );
    Judgement::new(service.clone(), Health::Unknown, words, now)
}

/// So long before a moment.
pub(super) fn before(now: Timestamp, time: Duration) -> Timestamp {
    SignedDuration::try_from(time).ok().and_then(|time| now.checked_sub(time).ok()).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn published(second: i64) -> ServiceState {
        let judgement = Judgement::new(ServiceId::new("api").unwrap(), Health::Healthy, "200", at(second));
        let published_by = Some("process 7 on lab".to_owned());
        ServiceState { published: Some(Judgement { published_by, ..judgement }), ..ServiceState::default() }
    }

    #[test]
    fn a_reading_counts_from_a_moment_on_and_never_from_before_a_change() {
        let found = |state: &ServiceState| counting(Some(state), at(0), at(100)).map(|judgement| judgement.evidence);
        assert_eq!(found(&published(-1)), None);
        assert_eq!(found(&published(0)).unwrap(), "200; measured by process 7 on lab at 1970-01-12T13:46:40Z");
        assert_eq!(found(&ServiceState { changed_at: Some(at(51)), ..published(50) }), None);
        assert!(found(&ServiceState { changed_at: Some(at(49)), ..published(50) }).is_some());
        assert_eq!(found(&ServiceState::default()), None);
        assert_eq!(counting(None, at(0), at(100)), None);
    }

    #[test]
    fn a_reading_from_the_future_counts_only_as_far_as_clocks_differ() {
        assert!(counting(Some(&published(160)), at(0), at(100)).is_some());
        assert!(counting(Some(&published(161)), at(0), at(100)).is_none());
    }
}
