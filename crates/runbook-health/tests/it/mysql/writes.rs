//! A probe writes nothing, whatever its query says.

use std::time::{Duration, Instant};

use runbook_core::{Health, ports::Probe};
use runbook_health::MySqlProbe;
use runbook_testkit::parts::MariaDb;
use serde_json::json;

use super::{ask, server, settings};
use crate::databases::{database_scope, refusals, try_build, until};

#[test]
fn mysql_queries_that_cannot_be_asked_name_their_key() {
    insta::assert_snapshot!(refusals::<MySqlProbe>(&[
        json!({"query": "DELETE FROM jobs"}),
        json!({"query": "SELECT 1; DELETE FROM jobs"}),
        json!({"query": "SELECT 1 INTO OUTFILE '/tmp/x'"}),
        json!({"query": "SELECT 1 /*! INTO OUTFILE '/tmp/x' */"}),
        json!({"query": "LOAD DATA INFILE '/tmp/x' INTO TABLE jobs"}),
        json!({"query": "CALL write()"}),
        json!({"user": null}),
        json!({"timeout": "0s"}),
    ]));
}

#[tokio::test]
async fn what_mysql_would_write_is_refused_and_not_written() {
    let Some(server) = server().await else { return };
    server.sql("CREATE TABLE written (id int); CREATE TABLE unsafe_written (id int) ENGINE = MyISAM").await;
    server.sql("CREATE SEQUENCE counted").await;
    for (function, table) in [("do_write", "written"), ("do_unsafe", "unsafe_written")] {
        let body = format!("BEGIN INSERT INTO {table} VALUES (1); RETURN 1; END");
        server.sql(&format!("DELIMITER $$\nCREATE FUNCTION {function}() RETURNS int {body} $$")).await;
    }
    for query in ["SELECT do_write()", "SELECT do_unsafe()", "SELECT NEXTVAL(counted)"] {
        let error = ask(server, json!({"query": query})).await.unwrap_err().to_string();
        assert!(error.contains("→ the query would write, and the server refused it: "), "{error}");
        assert!(error.contains("READ ONLY transaction (1792)"), "{error}");
    }
    assert_eq!(server.sql("SELECT count(*) FROM written").await, "0");
    assert_eq!(server.sql("SELECT count(*) FROM unsafe_written").await, "0");
    assert_eq!(server.sql("SELECT next_not_cached_value FROM counted").await, "1");
}

/// How many connections ask this.
async fn asking(server: &MariaDb, what: &str) -> usize {
    let count = "SELECT count(*) FROM information_schema.processlist WHERE id <> connection_id() AND info LIKE";
    server.sql(&format!("{count} '%{what}%'")).await.parse().unwrap()
}

#[tokio::test]
async fn a_slow_mysql_query_ends_in_time_and_leaves_nothing_behind() {
    let Some(server) = server().await else { return };
    let started = Instant::now();
    // SLEEP alone ends without an error when it is stopped.
    let query = "SELECT count(*) FROM seq_1_to_100000000 a, seq_1_to_100000000 b WHERE a.seq + b.seq < 61";
    let reading = ask(server, json!({"query": query, "timeout": "500ms"})).await.unwrap();
    assert_eq!(reading.health, Health::Unhealthy, "{}", reading.evidence);
    let words = ["no answer to the question within 500 ms", "the query was not finished in time"];
    assert!(words.iter().any(|words| reading.evidence.contains(words)), "{}", reading.evidence);
    assert!(started.elapsed() < Duration::from_secs(5));
    until("the query is gone", async || asking(server, "b.seq < 61").await == 0).await;
}

/// Also when nobody waits for the answer any more.
#[tokio::test]
async fn a_dropped_mysql_sample_leaves_nothing_behind() {
    let Some(server) = server().await else { return };
    let slow = json!({"query": "SELECT SLEEP(62)", "timeout": "3s"});
    let probe: MySqlProbe = try_build(settings(server, &slow), &database_scope(None)).unwrap();
    let mut sample = Box::pin(probe.sample());
    let is_asked = until("the query runs", async || asking(server, "SLEEP(62)").await == 1);
    tokio::select! {
        reading = &mut sample => panic!("it slept too little: {reading:?}"),
        () = is_asked => {}
    }
    drop(sample);
    until("the query is gone", async || asking(server, "SLEEP(62)").await == 0).await;
}
