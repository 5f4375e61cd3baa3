//! A probe writes nothing, whatever its query says.

use std::time::{Duration, Instant};

use runbook_core::{Health, ports::Probe};
use runbook_health::PostgresProbe;
use runbook_testkit::parts::PostgreSql;
use serde_json::{Value, json};

use super::{ask, server, settings};
use crate::{
    databases::{database_scope, refusals, schema, try_build, until},
    support::assert_reading,
};

#[test]
fn postgres_queries_that_cannot_be_asked_name_their_key() {
    insta::assert_snapshot!(refusals::<PostgresProbe>(&[
        json!({"query": ""}),
        json!({"query": "DELETE FROM jobs"}),
        json!({"query": "SELECT 1; DELETE FROM jobs"}),
        json!({"query": "SELECT 'open"}),
        json!({"query": "COPY jobs TO PROGRAM 'x'"}),
        json!({"host": "a b"}),
        json!({"port": 0}),
        json!({"user": ""}),
        json!({"password_env": ""}),
        json!({"url_env": ""}),
        json!({"url_env": "DATABASE_URL"}),
        json!({"tls": "require", "ca_file": "ca.pem"}),
        json!({"timeout": "0s"}),
        json!({"max_latency": "0s"}),
    ]));
}

#[test]
fn postgres_and_mysql_have_the_schema_that_editors_were_promised() {
    insta::assert_json_snapshot!(schema("postgres"));
    assert_eq!(schema("postgres"), schema("mysql"));
}

#[tokio::test]
async fn what_postgres_would_write_is_refused_and_not_written() {
    let Some(server) = server().await else { return };
    server
        .sql(
            "CREATE TABLE written (id int); CREATE SEQUENCE counted;
             CREATE FUNCTION write() RETURNS int LANGUAGE sql AS 'INSERT INTO written VALUES (1) RETURNING id';",
        )
        .await;
    for query in [
        "SELECT write()",
        "WITH x AS (INSERT INTO written VALUES (2) RETURNING id) SELECT id FROM x",
        "WITH x AS (DELETE FROM written RETURNING id) SELECT id FROM x",
        "SELECT 3 AS id INTO taken",
        "EXPLAIN ANALYZE INSERT INTO written VALUES (4)",
        "SELECT nextval('counted')",
        "SELECT * FROM written FOR UPDATE",
    ] {
        let error = ask(server, json!({"query": query})).await.unwrap_err().to_string();
        assert!(error.contains("→ the query would write, and the server refused it: cannot execute"), "{error}");
        assert!(error.contains("in a read-only transaction (25006)"), "{error}");
    }
    // Nor does it help to ask for another transaction first.
    let free = "SELECT set_config('transaction_read_only', 'off', true), write()";
    assert!(ask(server, json!({"query": free})).await.is_err());
    // A setting of the session is gone with the session.
    let reading = ask(server, json!({"query": "SELECT set_config('search_path', 'x', false)"})).await.unwrap();
    assert_reading(&reading, Health::Healthy, "= \"x\" in");
    assert_eq!(server.sql("SELECT count(*) FROM written").await, "0");
    assert_eq!(server.sql("SELECT last_value, is_called FROM counted").await, "1|f");
    assert_eq!(server.sql("SELECT to_regclass('taken') IS NULL").await, "t");
}

/// How many connections ask this.
async fn asking(server: &PostgreSql, what: &str) -> usize {
    let count =
        format!("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%{what}%' AND pid <> pg_backend_pid()");
    server.sql(&count).await.parse().unwrap()
}

#[tokio::test]
async fn a_slow_postgres_query_ends_in_time_and_leaves_nothing_behind() {
    let Some(server) = server().await else { return };
    let started = Instant::now();
    let slow = json!({"query": "SELECT pg_sleep(61)", "timeout": "500ms"});
    let reading = ask(server, slow).await.unwrap();
    assert_eq!(reading.health, Health::Unhealthy, "{}", reading.evidence);
    let words = ["no answer to the question within 500 ms", "the query was not finished in time"];
    assert!(words.iter().any(|words| reading.evidence.contains(words)), "{}", reading.evidence);
    assert!(started.elapsed() < Duration::from_secs(5));
    until("the query is gone", async || asking(server, "pg_sleep(61)").await == 0).await;
}

/// Also when nobody waits for the answer any more.
#[tokio::test]
async fn a_dropped_postgres_sample_leaves_nothing_behind() {
    let Some(server) = server().await else { return };
    let slow: Value = json!({"query": "SELECT pg_sleep(62)", "timeout": "3s"});
    let probe: PostgresProbe = try_build(settings(server, &slow), &database_scope(None)).unwrap();
    let mut sample = Box::pin(probe.sample());
    let is_asked = until("the query runs", async || asking(server, "pg_sleep(62)").await == 1);
    tokio::select! {
        reading = &mut sample => panic!("it slept too little: {reading:?}"),
        () = is_asked => {}
    }
    drop(sample);
    until("the query is gone", async || asking(server, "pg_sleep(62)").await == 0).await;
}
