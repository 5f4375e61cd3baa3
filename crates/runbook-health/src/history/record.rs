//! Keeping samples: all of a batch in one transaction.

use runbook_core::{Health, ports::Sample};
use serde_json::{Value, json};
use sqlx::{Sqlite, SqlitePool, Transaction};

use super::{
    bins::{bin, micros},
    fault::Fault,
    minutes::minute_of,
    schema::added_up,
};

/// How many rows one statement takes: few enough for its text to stay small.
pub(super) const ROWS: usize = 2_000;

/// How many characters of the evidence are kept.
const EVIDENCE: usize = 200;

/// Keeps samples. One that is there already, or whose minute was added up already, is left out.
pub(super) async fn record(pool: &SqlitePool, samples: &[Sample]) -> Result<(), Fault> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    for samples in samples.chunks(ROWS) {
        let rows = Value::Array(samples.iter().map(row).collect::<Result<_, _>>()?).to_string();
        name_services(&mut transaction, &rows).await?;
        sqlx::query(INSERT).bind(rows).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Gives each service of these rows a number; their first two values are the environment and the service.
pub(super) async fn name_services(transaction: &mut Transaction<'_, Sqlite>, rows: &str) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO service (environment, name)
        SELECT DISTINCT value ->> 0, value ->> 1 FROM json_each(?1) WHERE true
        ON CONFLICT DO NOTHING",
    )
    .bind(rows)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

const INSERT: &str = concat!(
    "WITH new AS MATERIALIZED (
        SELECT value ->> 0 AS environment, value ->> 1 AS name, value ->> 2 AS minute, value ->> 3 AS at,
            value ->> 4 AS health, value ->> 5 AS maintenance, value ->> 6 AS latency, value ->> 7 AS bin,
            value ->> 8 AS dns, value ->> 9 AS connect, value ->> 10 AS tls, value ->> 11 AS first_byte,
            value ->> 12 AS body, value ->> 13 AS certificate, value ->> 14 AS evidence
        FROM json_each(?1)
    )
    INSERT INTO sample (service, minute, at, health, maintenance, latency, bin, dns, connect, tls, first_byte, body,
        certificate, evidence)
    SELECT known.id, new.minute, new.at, new.health, new.maintenance, new.latency, new.bin, new.dns, new.connect,
        new.tls, new.first_byte, new.body, new.certificate, new.evidence
    FROM new CROSS JOIN service AS known ON known.environment = new.environment AND known.name = new.name
    WHERE NOT ",
    added_up!(),
    " ON CONFLICT DO NOTHING"
);

fn row(sample: &Sample) -> Result<Value, Fault> {
    let reading = &sample.reading;
    let latency = micros(reading.latency_ms);
    Ok(json!([
        sample.environment,
        sample.service,
        minute_of(sample.at),
        nanos(sample.at)?,
        reading.health,
        sample.maintenance,
        latency,
        latency.map(bin),
        micros(reading.phases.dns_ms),
        micros(reading.phases.connect_ms),
        micros(reading.phases.tls_ms),
        micros(reading.phases.first_byte_ms),
        micros(reading.phases.body_ms),
        reading.certificate_not_after.map(|until| until.as_second()),
        if reading.health == Health::Unhealthy { shortened(&reading.evidence) } else { String::new() },
    ]))
}

/// A time as it is stored.
pub(super) fn nanos(at: jiff::Timestamp) -> Result<i64, Fault> {
    let nanos = i64::try_from(at.as_nanosecond()).ok().filter(|nanos| *nanos >= 0);
    nanos.ok_or_else(|| {
        Fault::Refused(format!("the history keeps no sample of {at}: it knows the years 1970 to 2262; set the clock"))
    })
}

fn shortened(evidence: &str) -> String {
    evidence.chars().map(|c| if c.is_control() { ' ' } else { c }).take(EVIDENCE).collect()
}
