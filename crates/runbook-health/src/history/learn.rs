//! Taking in what the journal tells, and how far it was taken in.

use runbook_core::{Digest, EnvironmentId, Latency, event::Head, ports::Look};
use serde_json::{Value, json};
use sqlx::{Row as _, SqlitePool};

use super::{
    bins::{Bins, micros},
    fault::Fault,
    minutes::minute_of,
    record::{name_services, nanos},
    schema::added_up,
};

const INSERT: &str = concat!(
    "WITH new AS MATERIALIZED (
        SELECT value ->> 0 AS environment, value ->> 1 AS name, value ->> 2 AS minute, value ->> 3 AS at,
            value ->> 4 AS run, value ->> 5 AS health, value ->> 6 AS maintenance, value ->> 7 AS samples,
            value ->> 8 AS failures, value ->> 9 AS bins, value ->> 10 AS least, value ->> 11 AS most
        FROM json_each(?1)
    )
    INSERT INTO look (service, minute, at, run, health, maintenance, samples, failures, bins, least, most)
    SELECT known.id, new.minute, new.at, new.run, new.health, new.maintenance, new.samples, new.failures, new.bins,
        new.least, new.most
    FROM new CROSS JOIN service AS known ON known.environment = new.environment AND known.name = new.name
    WHERE NOT ",
    added_up!(),
    " ON CONFLICT DO NOTHING"
);

/// Keeps looks, and then the head where one is given. A look that is there already, or of whose minute samples were added
/// up already, is left out.
pub(super) async fn learn(
    pool: &SqlitePool,
    environment: &EnvironmentId,
    looks: &[Look],
    head: Option<&Head>,
) -> Result<(), Fault> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    if !looks.is_empty() {
        let rows = looks.iter().map(|look| row(environment, look)).collect::<Result<_, _>>()?;
        let rows = Value::Array(rows).to_string();
        name_services(&mut transaction, &rows).await?;
        sqlx::query(INSERT).bind(rows).execute(&mut *transaction).await?;
    }
    if let Some(head) = head {
        let seq = i64::try_from(head.seq).map_err(|_| Fault::Refused(format!("no journal has {} events", head.seq)))?;
        sqlx::query("INSERT OR REPLACE INTO learned (environment, seq, digest) VALUES (?1, ?2, ?3)")
            .bind(environment.as_str())
            .bind(seq)
            .bind(head.digest.to_string())
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

fn row(environment: &EnvironmentId, look: &Look) -> Result<Value, Fault> {
    let judgement = &look.judgement;
    let bins = latencies(judgement.latency_ms);
    let (least, most) = bins.bounds().unzip();
    Ok(json!([
        environment,
        judgement.service,
        minute_of(judgement.at),
        nanos(judgement.at)?,
        look.run,
        judgement.by_samples(),
        judgement.maintenance.is_some(),
        judgement.samples,
        judgement.failures.min(judgement.samples),
        bins.text(),
        least,
        most,
    ]))
}

/// What is known of a look's latencies: half of them, rounded up, as its median, and the others as its p95. By nearest
/// rank these two are then exact again.
fn latencies(latency: Option<Latency>) -> Bins {
    let mut bins = Bins::default();
    if let Some(Latency { p50, p95, samples }) = latency
        && let (Some(p50), Some(p95)) = (micros(Some(p50)), micros(Some(p95)))
    {
        let lower = samples.div_ceil(2);
        bins.add(p50, u64::from(lower));
        bins.add(p95, u64::from(samples - lower));
    }
    bins
}

/// How far the journal of an environment was taken in.
pub(super) async fn learned(pool: &SqlitePool, environment: &EnvironmentId) -> Result<Option<Head>, Fault> {
    let row = sqlx::query("SELECT seq, digest FROM learned WHERE environment = ?1")
        .bind(environment.as_str())
        .fetch_optional(pool)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let head = || -> Option<Head> {
        let digest: Digest = row.try_get::<&str, _>("digest").ok()?.parse().ok()?;
        Some(Head { seq: u64::try_from(row.try_get::<i64, _>("seq").ok()?).ok()?, digest })
    };
    head().map(Some).ok_or(Fault::Unreadable("how far the journal was taken in"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]
    use super::*;

    #[test]
    fn a_look_answers_its_own_quantiles() {
        for samples in 1..200 {
            let p95 = if samples == 1 { 20.0 } else { 80.0 };
            let found = latencies(Some(Latency { p50: 20.0, p95, samples })).quantiles().unwrap();
            assert_eq!((found.p95, found.p99, found.samples), (p95, p95, u64::from(samples)));
            assert!((found.p50 - 20.0).abs() <= 0.2, "{found:?}");
        }
        assert_eq!(latencies(None), Bins::default());
        assert_eq!(latencies(Some(Latency { p50: 1.0, p95: 2.0, samples: 0 })), Bins::default());
    }
}
