//! A service over time: what samples, roll-ups and looks say, added up in SQL for each bucket.

use runbook_core::{Series, ports::SeriesQuery};
use sqlx::{Row as _, SqlitePool};

use super::{
    fault::Fault,
    minutes::{DAY, HOUR, minute_from, minute_of, start_of},
    samples::number_of,
    tally::Tally,
};

/// The most buckets of one answer: a month of minutes, so that its memory is bounded.
const MOST: i64 = 50_000;

/// The columns of a [`Tally`] for each minute, as a group of samples has them.
macro_rules! of_samples {
    () => {
        "max(maintenance) AS maintenance, count(*) AS samples,
        sum(health <> 'unknown') AS measured, sum(health IN ('healthy', 'degraded')) AS good,
        sum(health = 'unhealthy') AS unhealthy, sum(health = 'degraded') AS degraded, sum(health = 'unknown') AS unknown,
        group_concat(bin, ' ') AS bins, min(latency) AS least, max(latency) AS most"
    };
}

/// The columns of a [`Tally`], from those of its minutes.
macro_rules! of_minutes {
    () => {
        "sum(maintenance = 0 AND measured > 0) AS observed,
        total(CASE WHEN maintenance = 0 AND measured > 0 THEN 1.0 * good / measured END) AS up,
        sum(maintenance) AS maintenance, sum(samples) AS samples, sum(unhealthy) AS unhealthy,
        sum(degraded) AS degraded, sum(unknown) AS unknown,
        group_concat(bins, ' ') AS bins, min(least) AS least, max(most) AS most"
    };
}
pub(super) use {of_minutes, of_samples};

const SAMPLES: &str = concat!(
    "SELECT (minute - ?2) / ?4 AS bucket, ",
    of_minutes!(),
    " FROM (
        SELECT minute, ",
    of_samples!(),
    " FROM sample WHERE service = ?1 AND minute >= ?2 AND minute < ?3 GROUP BY minute
    ) GROUP BY bucket"
);

/// Where samples of a minute are added up, its looks are gone: see [`compact`](super::compact).
const LOOKS: &str = concat!(
    "SELECT (minute - ?2) / ?4 AS bucket, ",
    of_minutes!(),
    " FROM (
        SELECT minute, max(maintenance) AS maintenance, sum(samples) AS samples,
            sum(samples > 0 AND health <> 'unknown') AS measured,
            sum(samples > 0 AND health IN ('healthy', 'degraded')) AS good,
            sum(CASE WHEN health = 'unhealthy' THEN failures ELSE 0 END) AS unhealthy,
            sum(CASE WHEN health = 'degraded' THEN failures ELSE 0 END) AS degraded,
            sum(CASE WHEN health IN ('healthy', 'unknown') THEN failures ELSE 0 END) AS unknown,
            group_concat(bins, ' ') AS bins, min(least) AS least, max(most) AS most
        FROM look
        WHERE service = ?1 AND minute >= ?2 AND minute < ?3 AND NOT EXISTS (
            SELECT 1 FROM sample WHERE sample.service = look.service AND sample.minute = look.minute
        )
        GROUP BY minute
    ) GROUP BY bucket"
);

const ROLLUPS: &str = "
    SELECT (start - ?2) / ?4 AS bucket, sum(observed) AS observed, total(up) AS up, sum(maintenance) AS maintenance,
        sum(samples) AS samples, sum(unhealthy) AS unhealthy, sum(degraded) AS degraded, sum(unknown) AS unknown,
        group_concat(bins, ' ') AS bins, min(least) AS least, max(most) AS most
    FROM rollup WHERE service = ?1 AND width = ?5 AND start >= ?2 AND start + ?5 <= ?3 GROUP BY bucket";

/// A question in whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    from: i64,
    to: i64,
    width: i64,
}

impl Frame {
    /// The question, if it is one.
    pub(super) fn of(query: &SeriesQuery) -> Result<Self, Fault> {
        let refused = |why: String| Err(Fault::Refused(format!("a series cannot be answered: {why}")));
        let width = i64::from(query.width_minutes);
        if width != 1 && (width == 0 || width % HOUR != 0) {
            return refused(format!("a bucket of {width} minutes is neither a minute nor whole hours (60, 120, 1440)"));
        }
        if query.to <= query.from {
            return refused(format!("its end {} is not after its beginning {}", query.to, query.from));
        }
        let from = minute_of(query.from).div_euclid(width) * width;
        let frame = Self { from, to: minute_from(query.to), width };
        if frame.buckets() > MOST {
            let buckets = frame.buckets();
            return refused(format!("{buckets} buckets are more than {MOST}; ask for wider ones, or for less time"));
        }
        Ok(frame)
    }

    fn buckets(self) -> i64 {
        // Both are positive: the end is after the beginning.
        (self.to - self.from + self.width - 1) / self.width
    }

    /// When a bucket starts, and how many minutes of it are asked for.
    fn bounds(self, bucket: i64) -> (i64, i64) {
        let start = self.from + bucket * self.width;
        (start, self.width.min(self.to - start))
    }
}

/// Reads a series in one consistent look at the file. Without a file all of it is unobserved.
pub(super) async fn series(pool: Option<&SqlitePool>, query: &SeriesQuery) -> Result<Series, Fault> {
    let frame = Frame::of(query)?;
    let mut tallies = vec![Tally::default(); usize::try_from(frame.buckets()).unwrap_or_default()];
    if let Some(pool) = pool {
        add(pool, query, frame, &mut tallies).await?;
    }
    let mut total = Tally::default();
    let mut buckets = Vec::with_capacity(tallies.len());
    let few = |minutes: i64| u32::try_from(minutes).unwrap_or(u32::MAX);
    let begin = |minute: i64| start_of(minute).ok_or_else(|| Fault::Refused("a series begins too early".to_owned()));
    for (bucket, tally) in (0..).zip(tallies) {
        let (start, minutes) = frame.bounds(bucket);
        total.add(&tally);
        buckets.push(tally.bucket(begin(start)?, few(minutes)));
    }
    let from = begin(frame.from)?;
    Ok(Series {
        service: query.service.clone(),
        from,
        to: query.to,
        width_minutes: query.width_minutes,
        buckets,
        total: total.bucket(from, few(frame.to - frame.from)),
    })
}

async fn add(pool: &SqlitePool, query: &SeriesQuery, frame: Frame, tallies: &mut [Tally]) -> Result<(), Fault> {
    // Between two statements another process could move samples from one table to the next.
    let mut transaction = pool.begin().await?;
    let Some(number) = number_of(&mut *transaction, &query.environment, &query.service).await? else { return Ok(()) };
    let levels = [1, HOUR, DAY].into_iter().filter(|level| frame.width % level == 0);
    let statements = [(SAMPLES, 0), (LOOKS, 0)].into_iter().chain(levels.map(|level| (ROLLUPS, level)));
    for (statement, level) in statements {
        let mut asked = sqlx::query(statement).bind(number).bind(frame.from).bind(frame.to).bind(frame.width);
        if level > 0 {
            asked = asked.bind(level);
        }
        for row in asked.fetch_all(&mut *transaction).await? {
            let bucket = usize::try_from(row.try_get::<i64, _>("bucket")?).ok();
            let tally = bucket.and_then(|bucket| tallies.get_mut(bucket)).ok_or(Fault::Unreadable("a time"))?;
            tally.add_row(&row)?;
        }
    }
    Ok(())
}
