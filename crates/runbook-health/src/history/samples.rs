//! Reading single samples back.

use jiff::Timestamp;
use runbook_core::{EnvironmentId, Health, Phases, Reading, ServiceId, ports::Sample};
use sqlx::{Row as _, SqlitePool, sqlite::SqliteRow};

use super::{fault::Fault, minutes::minute_of};

/// The most samples of one answer, so that its memory is bounded.
const MOST: u32 = 100_000;

/// The number of a service; `None` when nothing was ever kept of it.
pub(super) async fn number_of<'c>(
    on: impl sqlx::SqliteExecutor<'c>,
    environment: &EnvironmentId,
    service: &ServiceId,
) -> Result<Option<i64>, Fault> {
    let number = sqlx::query_scalar("SELECT id FROM service WHERE environment = ?1 AND name = ?2")
        .bind(environment.as_str())
        .bind(service.as_str())
        .fetch_optional(on)
        .await?;
    Ok(number)
}

/// The newest samples, oldest first.
pub(super) async fn samples(
    pool: &SqlitePool,
    environment: &EnvironmentId,
    service: &ServiceId,
    since: Timestamp,
    limit: u32,
) -> Result<Vec<Sample>, Fault> {
    let Some(number) = number_of(pool, environment, service).await? else { return Ok(Vec::new()) };
    let end = if since.as_nanosecond() < 0 { i64::MIN } else { i64::MAX };
    let rows = sqlx::query(
        "SELECT * FROM sample WHERE service = ?1 AND minute >= ?2 AND at >= ?3
        ORDER BY minute DESC, at DESC LIMIT ?4",
    )
    .bind(number)
    .bind(minute_of(since))
    .bind(i64::try_from(since.as_nanosecond()).unwrap_or(end))
    .bind(limit.min(MOST))
    .fetch_all(pool)
    .await?;
    rows.iter().rev().map(|row| sample(row, environment, service)).collect()
}

fn sample(row: &SqliteRow, environment: &EnvironmentId, service: &ServiceId) -> Result<Sample, Fault> {
    let ms = |column: &str| -> Result<Option<f64>, Fault> {
        Ok(row.try_get::<Option<u32>, _>(column)?.map(|micros| f64::from(micros) / 1e3))
    };
    let until: Option<i64> = row.try_get("certificate")?;
    let until = until.map(Timestamp::from_second).transpose().map_err(|_| Fault::Unreadable("a time"))?;
    let at = Timestamp::from_nanosecond(i128::from(row.try_get::<i64, _>("at")?));
    Ok(Sample {
        environment: environment.clone(),
        service: service.clone(),
        at: at.map_err(|_| Fault::Unreadable("a time"))?,
        reading: Reading {
            health: health(row.try_get("health")?).ok_or(Fault::Unreadable("the health of a sample"))?,
            latency_ms: ms("latency")?,
            phases: Phases {
                dns_ms: ms("dns")?,
                connect_ms: ms("connect")?,
                tls_ms: ms("tls")?,
                first_byte_ms: ms("first_byte")?,
                body_ms: ms("body")?,
            },
            certificate_not_after: until,
            evidence: row.try_get("evidence")?,
        },
        maintenance: row.try_get("maintenance")?,
    })
}

fn health(word: &str) -> Option<Health> {
    [Health::Healthy, Health::Degraded, Health::Unhealthy, Health::Unknown].into_iter().find(|h| h.as_str() == word)
}
