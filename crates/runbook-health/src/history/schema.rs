//! The tables of the file, and the one piece of SQL that several statements share.

use sqlx::SqlitePool;

use super::fault::Fault;

/// The version of the tables below. A change of them raises it and says here how an older file becomes a newer one.
pub(super) const SCHEMA: i64 = 1;

/// Times are nanoseconds, minutes are counted from 1970 in UTC, latencies are microseconds. `bin` and `bins` are latencies
/// as [`Bins`](super::bins::Bins) writes them, `least` and `most` their bounds, `rollup.minutes` is a
/// [`Mask`](super::minutes::Mask). The minute is part of a sample's key so that whole minutes are read in order.
const TABLES: &str = "
CREATE TABLE service (
    id INTEGER PRIMARY KEY,
    environment TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (environment, name)
) STRICT;
CREATE TABLE sample (
    service INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    at INTEGER NOT NULL,
    health TEXT NOT NULL,
    maintenance INTEGER NOT NULL,
    latency INTEGER,
    bin INTEGER,
    dns INTEGER,
    connect INTEGER,
    tls INTEGER,
    first_byte INTEGER,
    body INTEGER,
    certificate INTEGER,
    evidence TEXT NOT NULL,
    PRIMARY KEY (service, minute, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE look (
    service INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    at INTEGER NOT NULL,
    run TEXT NOT NULL,
    health TEXT NOT NULL,
    maintenance INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    bins TEXT,
    least INTEGER,
    most INTEGER,
    PRIMARY KEY (service, minute, at, run)
) STRICT, WITHOUT ROWID;
CREATE TABLE rollup (
    service INTEGER NOT NULL,
    width INTEGER NOT NULL,
    start INTEGER NOT NULL,
    observed INTEGER NOT NULL,
    up REAL NOT NULL,
    maintenance INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    unhealthy INTEGER NOT NULL,
    degraded INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    bins TEXT,
    least INTEGER,
    most INTEGER,
    minutes TEXT NOT NULL,
    PRIMARY KEY (service, width, start)
) STRICT, WITHOUT ROWID;
CREATE TABLE learned (
    environment TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
";

/// SQL that is true when samples of the minute `new.minute` of the service `known.id` were added up already. Counting one
/// of that minute again could count it twice.
macro_rules! added_up {
    () => {
        "EXISTS (
            SELECT 1
            FROM (SELECT 1 AS width UNION ALL SELECT 60 UNION ALL SELECT 1440) AS level
            CROSS JOIN rollup AS kept ON kept.service = known.id AND kept.width = level.width
                AND kept.start = new.minute - new.minute % level.width
            WHERE instr('123456789abcdef', substr(kept.minutes, 1 + new.minute % level.width / 4, 1))
                >> (new.minute % level.width % 4) & 1
        )"
    };
}
pub(super) use added_up;

/// Makes the tables where there are none, and refuses what is not ours.
pub(super) async fn prepare(pool: &SqlitePool) -> Result<(), Fault> {
    if version(pool).await? == SCHEMA {
        return Ok(());
    }
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    // Another process may have been faster.
    match version(&mut *transaction).await? {
        SCHEMA => return Ok(()),
        0 => {}
        newer => return Err(Fault::Newer(newer)),
    }
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *transaction).await?;
    if tables > 0 {
        return Err(Fault::Foreign);
    }
    sqlx::raw_sql(TABLES).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}

async fn version<'c>(on: impl sqlx::SqliteExecutor<'c>) -> Result<i64, Fault> {
    Ok(sqlx::query_scalar("PRAGMA user_version").fetch_one(on).await?)
}
