//! Adding up: samples to minutes, minutes to hours, hours to days, and dropping what is past the last age.
//!
//! Each step is one transaction that moves a bounded number of rows: it adds them where they belong and takes them away
//! where they were. So a crash between two steps, or in one, changes no figure, and the next call goes on where this one
//! ended. Another process that does the same at the same time finds nothing left to move.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::{Row as _, Sqlite, SqlitePool, Transaction};

use super::{
    fault::Fault,
    minutes::{DAY, HOUR, Mask},
    record::ROWS,
    retention::Ends,
    series::{of_minutes, of_samples},
    tally::Tally,
};

/// One kind of step. They are taken in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Samples become minutes; the looks at those minutes never count again.
    Minutes,
    /// Minutes become hours.
    Hours,
    /// Hours become days.
    Days,
    /// Days and looks past their age go.
    Drop,
}

impl Step {
    pub(super) const ALL: [Self; 4] = [Self::Minutes, Self::Hours, Self::Days, Self::Drop];

    /// Does as much as fits into one transaction. Returns whether there may be more to do.
    pub(super) async fn take(self, pool: &SqlitePool, ends: Ends, rows: usize) -> Result<bool, Fault> {
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
        let moved = match self {
            Self::Minutes => to_minutes(&mut transaction, ends.samples, rows).await?,
            Self::Hours => widen(&mut transaction, (1, HOUR), ends.minutes, rows).await?,
            Self::Days => widen(&mut transaction, (HOUR, DAY), ends.hours, rows).await?,
            Self::Drop => drop_old(&mut transaction, ends.days, rows).await?,
        };
        transaction.commit().await?;
        Ok(moved >= rows)
    }
}

/// How many rows one step moves.
pub(super) const STEP: usize = ROWS;

/// A join by service finds old rows by the key; no index on age is needed.
const MINUTES: &str = concat!(
    "INSERT INTO rollup (service, width, start, observed, up, maintenance, samples, unhealthy, degraded, unknown, bins,
        least, most, minutes)
    SELECT service, 1, minute, observed, up, maintenance, samples, unhealthy, degraded, unknown, bins, least, most, '1'
    FROM (
        SELECT service, minute, ",
    of_minutes!(),
    " FROM (
            SELECT known.id AS service, sample.minute AS minute, ",
    of_samples!(),
    " FROM service AS known CROSS JOIN sample ON sample.service = known.id AND sample.minute < ?1
            GROUP BY known.id, sample.minute LIMIT ?2
        ) GROUP BY service, minute
    )
    RETURNING service, start"
);

async fn to_minutes(transaction: &mut Transaction<'_, Sqlite>, end: i64, rows: usize) -> Result<usize, Fault> {
    let moved = sqlx::query(MINUTES).bind(end).bind(limit(rows)).fetch_all(&mut **transaction).await?;
    let keys = keys(moved.iter().map(|row| Ok((row.try_get("service")?, row.try_get("start")?))))?;
    for statement in [
        "DELETE FROM sample WHERE (service, minute) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))",
        "DELETE FROM look WHERE (service, minute) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))",
    ] {
        sqlx::query(statement).bind(&keys).execute(&mut **transaction).await?;
    }
    Ok(moved.len())
}

/// Adds roll-ups of one width to those of the next.
async fn widen(
    transaction: &mut Transaction<'_, Sqlite>,
    (narrow, wide): (i64, i64),
    end: i64,
    rows: usize,
) -> Result<usize, Fault> {
    let old = sqlx::query(
        "SELECT rollup.* FROM service AS known
        CROSS JOIN rollup ON rollup.service = known.id AND rollup.width = ?1 AND rollup.start < ?2 LIMIT ?3",
    )
    .bind(narrow)
    .bind(end)
    .bind(limit(rows))
    .fetch_all(&mut **transaction)
    .await?;
    let mut sums: BTreeMap<(i64, i64), (Tally, Mask)> = BTreeMap::new();
    let mut moved = Vec::with_capacity(old.len());
    for row in &old {
        let (service, start): (i64, i64) = (row.try_get("service")?, row.try_get("start")?);
        moved.push((service, start));
        let into = start.div_euclid(wide) * wide;
        let (tally, mask) = sums.entry((service, into)).or_insert_with(|| (Tally::default(), Mask::empty(wide)));
        add(row, tally, mask, start - into)?;
    }
    // A late sample may have made an hour again that was added up before.
    let there = sqlx::query(
        "SELECT rollup.* FROM json_each(?1) AS key
        CROSS JOIN rollup ON rollup.service = key.value ->> 0 AND rollup.width = ?2 AND rollup.start = key.value ->> 1",
    )
    .bind(keys(sums.keys().map(|key| Ok(*key)))?)
    .bind(wide)
    .fetch_all(&mut **transaction)
    .await?;
    for row in &there {
        if let Some((tally, mask)) = sums.get_mut(&(row.try_get("service")?, row.try_get("start")?)) {
            add(row, tally, mask, 0)?;
        }
    }
    let rows: Vec<Value> = sums.iter().map(|(key, (tally, mask))| stored(*key, wide, tally, mask)).collect();
    sqlx::query(
        "INSERT OR REPLACE INTO rollup (service, width, start, observed, up, maintenance, samples, unhealthy, degraded,
            unknown, bins, least, most, minutes)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
            value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13 FROM json_each(?1)",
    )
    .bind(Value::Array(rows).to_string())
    .execute(&mut **transaction)
    .await?;
    let count = moved.len();
    sqlx::query(
        "DELETE FROM rollup WHERE width = ?2
        AND (service, start) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))",
    )
    .bind(keys(moved.into_iter().map(Ok))?)
    .bind(narrow)
    .execute(&mut **transaction)
    .await?;
    Ok(count)
}

fn add(row: &sqlx::sqlite::SqliteRow, tally: &mut Tally, mask: &mut Mask, offset: i64) -> Result<(), Fault> {
    tally.add_row(row)?;
    let minutes = Mask::read(row.try_get("minutes")?).ok_or(Fault::Unreadable("the minutes of a roll-up"))?;
    mask.add(&minutes, offset);
    Ok(())
}

fn stored((service, start): (i64, i64), width: i64, tally: &Tally, mask: &Mask) -> Value {
    let (least, most) = tally.bins.bounds().unzip();
    json!([
        service,
        width,
        start,
        tally.observed,
        tally.up,
        tally.maintenance,
        tally.samples,
        tally.unhealthy,
        tally.degraded,
        tally.unknown,
        tally.bins.text(),
        least,
        most,
        mask.text(),
    ])
}

async fn drop_old(transaction: &mut Transaction<'_, Sqlite>, end: i64, rows: usize) -> Result<usize, Fault> {
    let mut most = 0;
    for statement in [
        "DELETE FROM rollup WHERE (service, width, start) IN (
            SELECT rollup.service, rollup.width, rollup.start FROM service AS known
            CROSS JOIN rollup ON rollup.service = known.id AND rollup.width = 1440 AND rollup.start < ?1 LIMIT ?2)",
        "DELETE FROM look WHERE (service, minute, at, run) IN (
            SELECT look.service, look.minute, look.at, look.run FROM service AS known
            CROSS JOIN look ON look.service = known.id AND look.minute < ?1 LIMIT ?2)",
    ] {
        let gone = sqlx::query(statement).bind(end).bind(limit(rows)).execute(&mut **transaction).await?;
        most = most.max(usize::try_from(gone.rows_affected()).unwrap_or(usize::MAX));
    }
    Ok(most)
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// Pairs as SQL takes them.
fn keys(pairs: impl Iterator<Item = Result<(i64, i64), sqlx::Error>>) -> Result<String, Fault> {
    let pairs: Vec<Value> = pairs.map(|pair| pair.map(|(a, b)| json!([a, b]))).collect::<Result<_, _>>()?;
    Ok(Value::Array(pairs).to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]
    use jiff::Timestamp;
    use runbook_core::{
        Health, Reading, Series,
        ports::{Sample, SeriesQuery},
    };
    use sqlx::Executor as _;

    use super::*;
    use crate::history::{file::HistoryFile, record::record, series::series};

    const DAYS: i64 = 4;

    async fn filled(state: &tempfile::TempDir) -> SqlitePool {
        let pool = HistoryFile::new(state.path().join("history.sqlite")).writable().await.unwrap();
        // Irregular, with bad ones, gaps and several in a minute.
        let samples: Vec<Sample> = (0..600_i64)
            .map(|n| Sample {
                environment: "staging".parse().unwrap(),
                service: if n % 3 == 0 { "web" } else { "api" }.parse().unwrap(),
                at: Timestamp::from_second(n * n % 1_009 * 331 + n).unwrap(),
                reading: Reading {
                    latency_ms: (n % 4 != 0).then_some((n % 97) as f64),
                    ..Reading::new([Health::Healthy, Health::Unhealthy, Health::Unknown][n as usize % 5 % 3], "")
                },
                maintenance: n % 50 == 0,
            })
            .collect();
        record(&pool, &samples).await.unwrap();
        pool
    }

    async fn days(pool: &SqlitePool) -> Vec<Series> {
        let mut all = Vec::new();
        for service in ["api", "web"] {
            let query = SeriesQuery {
                environment: "staging".parse().unwrap(),
                service: service.parse().unwrap(),
                from: Timestamp::UNIX_EPOCH,
                to: Timestamp::from_second(DAYS * 86_400).unwrap(),
                width_minutes: 1_440,
            };
            let mut series = series(Some(pool), &query).await.unwrap();
            // Sums of shares differ by the order in which they are taken.
            let round = |up: &mut f64| *up = (*up * 1e6).round();
            series.buckets.iter_mut().for_each(|bucket| round(&mut bucket.up));
            round(&mut series.total.up);
            all.push(series);
        }
        all
    }

    async fn rows(pool: &SqlitePool) -> Vec<(String, i64)> {
        let counts = sqlx::query(
            "SELECT 'sample' AS level, count(*) AS rows FROM sample
            UNION ALL SELECT 'rollup ' || width, count(*) FROM rollup GROUP BY width",
        );
        counts.fetch_all(pool).await.unwrap().iter().map(|row| (row.get("level"), row.get("rows"))).collect()
    }

    const ENDS: Ends = Ends { samples: DAYS * DAY, minutes: DAYS * DAY, hours: DAYS * DAY, days: 0 };

    /// Wherever a process dies, it dies between two transactions or in one.
    #[tokio::test]
    async fn a_crash_between_any_two_steps_changes_no_figure() {
        let state = tempfile::tempdir().unwrap();
        let pool = filled(&state).await;
        let before = days(&pool).await;
        assert!(before[0].total.samples == 400 && before[0].total.latency_ms.is_some());
        let mut steps = 0;
        for step in Step::ALL {
            loop {
                let more = step.take(&pool, ENDS, 7).await.unwrap();
                steps += 1;
                assert_eq!(days(&pool).await, before, "after {step:?}, step {steps}");
                if !more {
                    break;
                }
            }
        }
        assert!(steps > 100, "{steps}");
        assert_eq!(rows(&pool).await, [("sample".to_owned(), 0), ("rollup 1440".to_owned(), DAYS * 2)]);
    }

    #[tokio::test]
    async fn a_crash_in_a_step_undoes_all_of_it() {
        let state = tempfile::tempdir().unwrap();
        let pool = filled(&state).await;
        let before = days(&pool).await;
        for (step, table) in [(Step::Minutes, "sample"), (Step::Hours, "rollup"), (Step::Days, "rollup")] {
            let kept = rows(&pool).await;
            // What was added is there already when taking away fails.
            let fails = format!("CREATE TRIGGER dies BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, 'dies'); END");
            pool.execute(sqlx::AssertSqlSafe(fails)).await.unwrap();
            step.take(&pool, ENDS, 50).await.unwrap_err();
            assert_eq!((rows(&pool).await, days(&pool).await), (kept, before.clone()), "{step:?}");
            pool.execute("DROP TRIGGER dies").await.unwrap();
            while step.take(&pool, ENDS, 50).await.unwrap() {}
        }
        assert_eq!(days(&pool).await, before);
    }

    /// Old rows are found by the key: adding up must not cost a look at every row that stays.
    #[tokio::test]
    async fn no_step_reads_what_it_does_not_move() {
        let state = tempfile::tempdir().unwrap();
        let pool = filled(&state).await;
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {MINUTES}"))).bind(0).bind(0);
        let plan: Vec<String> = plan.fetch_all(&pool).await.unwrap().iter().map(|row| row.get("detail")).collect();
        assert!(plan.iter().any(|line| line == "SEARCH sample USING PRIMARY KEY (service=? AND minute<?)"), "{plan:?}");
        // What is sorted is what was found, a bounded number of minutes.
        let sorted = plan.iter().position(|line| line.contains("TEMP B-TREE"));
        assert!(sorted > plan.iter().position(|line| line == "SCAN (subquery-1)"), "{plan:?}");
    }
}
