//! Brings the history up to what the journal tells, so that a machine that never saw a run knows what it measured.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{Engine, with_causes};
use crate::{
    event::{EventKind, Head, Stored},
    ports::{HistoryError, JournalError, Look, SeriesQuery},
    words::{Series, ServiceId, Trend},
};

/// The longest that the history of all services may take to answer, where something more important waits for it.
const TREND_DEADLINE: Duration = Duration::from_secs(5);

impl Engine {
    /// Takes what the journal tells of readings into the history, from where that was last done; then adds up and drops
    /// what is old. Without a history it does nothing; a repeat changes nothing.
    ///
    /// # Errors
    /// When the journal cannot be read, or the history cannot be written. Nothing else depends on it.
    pub async fn learn(&self) -> Result<(), HistoryError> {
        let Some(history) = self.ports.observer.history() else { return Ok(()) };
        let environment = &self.ports.status.environment;
        let journal = &self.ledger.journal;
        let from = history.learned(environment).await?.unwrap_or(Head::EMPTY);
        let failed = |error: JournalError| HistoryError {
            message: "the journal could not be read".to_owned(),
            source: Some(Box::new(error)),
        };
        let (stored, head) = match journal.replay(from).await {
            Ok(found) => found,
            // Another journal than the one that was taken in: all of it is news.
            Err(JournalError::Damaged { .. }) if from != Head::EMPTY => {
                journal.replay(Head::EMPTY).await.map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        if head != from {
            history.learn(environment, &looks(&stored), &head).await?;
        }
        history.compact(self.ports.clock.now()).await
    }

    /// A service over time; `None` where no history is kept.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn series(
        &self,
        service: &ServiceId,
        from: Timestamp,
        to: Timestamp,
        width_minutes: u32,
    ) -> Result<Option<Series>, HistoryError> {
        let Some(history) = self.ports.observer.history() else { return Ok(None) };
        let environment = self.ports.status.environment.clone();
        let query = SeriesQuery { environment, service: service.clone(), from, to, width_minutes };
        history.series(&query).await.map(Some)
    }
}

fn looks(stored: &[Stored]) -> Vec<Look> {
    // What was published counts once, however many runs have taken it.
    let judged = stored.iter().flat_map(|stored| {
        let (services, own) = match &stored.event.kind {
            EventKind::WindowJudged { services, .. } => (services.as_slice(), true),
            EventKind::ReadingsPublished { services, .. } => (services.as_slice(), false),
            _ => (&[][..], true),
        };
        let run = stored.event.run;
        let of_event = services.iter().filter(move |judgement| !own || judgement.published_by.is_none());
        of_event.map(move |judgement| Look { run, judgement: judgement.clone() })
    });
    judged.filter(|look| look.judgement.samples > 0).collect()
}

impl crate::registry::Ports {
    /// The last 24 hours of each service up to `now`, and the hour that has begun. A service is left out where no history
    /// is kept, or where it cannot be read in time; after the first error the others are not asked.
    pub async fn trends(&self, now: Timestamp) -> BTreeMap<ServiceId, Trend> {
        let mut trends = BTreeMap::new();
        let (Some(history), Ok(from)) = (self.observer.history(), now.checked_sub(SignedDuration::from_hours(24)))
        else {
            return trends;
        };
        let all = async {
            for service in &self.status.services {
                let query = SeriesQuery {
                    environment: self.status.environment.clone(),
                    service: service.id.clone(),
                    from,
                    to: now,
                    width_minutes: 60,
                };
                let series = history.series(&query).await.map_err(|error| with_causes(&error))?;
                trends.insert(service.id.clone(), Trend::from(&series));
            }
            Ok::<_, String>(())
        };
        match tokio::time::timeout(TREND_DEADLINE, all).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => tracing::warn!("the last 24 hours are not shown: {why}"),
            Err(_) => tracing::warn!("the last 24 hours are not shown: it took too long to read them"),
        }
        trends
    }
}
