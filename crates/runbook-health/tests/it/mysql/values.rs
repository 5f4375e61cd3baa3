//! What the rows say, and what it is worth.

use std::time::Duration;

use runbook_core::{Health, ports::Probe};
use runbook_health::MySqlProbe;
use runbook_testkit::{TcpBehaviour, TcpTarget, conformance};
use serde_json::{Value, json};

use super::{ask, server, settings};
use crate::{
    databases::{database_scope, try_build},
    support::{assert_reading, shown},
};

#[tokio::test]
async fn mysql_that_answers_is_healthy() {
    let Some(server) = server().await else { return };
    let reading = ask(server, json!({})).await.unwrap();
    insta::assert_snapshot!(shown(&reading, server.port()), @"healthy: mysql 127.0.0.1:PORT/app → SELECT 1 = 1 in N ms");
    let phases = reading.phases;
    assert!(phases.connect_ms.is_some() && phases.first_byte_ms.is_some() && phases.tls_ms.is_none(), "{phases:?}");
    let reading = ask(server, json!({"database": null})).await.unwrap();
    insta::assert_snapshot!(shown(&reading, server.port()), @"healthy: mysql 127.0.0.1:PORT → SELECT 1 = 1 in N ms");
}

#[tokio::test]
async fn mysql_values_are_judged() {
    let Some(server) = server().await else { return };
    let table: &[(&str, Value, Health, &str)] = &[
        ("SELECT count(*) FROM information_schema.tables", json!("> 10"), Health::Healthy, "= "),
        ("SELECT 7", json!("< 5"), Health::Unhealthy, "; expected the value < 5, found 7"),
        ("SELECT 1.50", json!(1.5), Health::Healthy, "= 1.5 in"),
        ("SELECT 2e3", json!("> 1000"), Health::Healthy, "= 2000 in"),
        ("SELECT TRUE", json!(1), Health::Healthy, "= 1 in"),
        ("SELECT TRUE", json!(true), Health::Unknown, "but it is the number 1"),
        ("SELECT 'ready'", json!("ready"), Health::Healthy, "= \"ready\" in"),
        ("SELECT '7'", json!(7), Health::Unknown, "but it is the text \"7\""),
        ("SELECT NULL", json!("< 5"), Health::Unknown, "= NULL in"),
        ("SELECT NULL", json!({"exists": true}), Health::Healthy, "= NULL in"),
        ("SELECT 1 FROM DUAL WHERE false", json!(0), Health::Unknown, "; expected the value = 0, but it is missing"),
        ("SELECT 1 FROM DUAL WHERE false", json!({"exists": false}), Health::Healthy, "gave nothing in"),
        ("VALUES (3), (4)", json!(3), Health::Healthy, "= 3 in"),
        ("WITH x AS (SELECT 5 AS a) SELECT a FROM x; # done", json!(5), Health::Healthy, "= 5 in"),
        ("SELECT DATE '2026-01-02'", json!("2026-01-02"), Health::Healthy, "= \"2026-01-02\" in"),
        ("SELECT 'é🦀'", json!("é🦀"), Health::Healthy, "= \"é🦀\" in"),
        ("SELECT x'ff'", json!("x"), Health::Unknown, "but it is not UTF-8"),
        ("EXPLAIN SELECT 1", json!(1), Health::Healthy, "in"),
        ("SHOW VARIABLES LIKE 'max_connections'", json!("max_connections"), Health::Healthy, "in"),
    ];
    for (query, expect, health, words) in table {
        let reading = ask(server, json!({"query": query, "expect": expect})).await.unwrap();
        assert_reading(&reading, *health, words);
    }
}

#[tokio::test]
async fn mysql_columns_are_found_by_name() {
    let Some(server) = server().await else { return };
    let status = json!({"query": "SHOW GLOBAL STATUS LIKE 'Threads_connected'", "column": "Value", "expect": "< 1000"});
    assert_reading(&ask(server, status).await.unwrap(), Health::Healthy, "in");
    // Columns before it may be NULL, and long.
    let query = "SELECT NULL, repeat('x', 300) AS a, NULL AS b, 7 AS c";
    let reading = ask(server, json!({"query": query, "column": "c", "expect": 7})).await.unwrap();
    assert_reading(&reading, Health::Healthy, "= 7 in");
    let error = ask(server, json!({"query": query, "column": "d", "expect": 7})).await.unwrap_err();
    assert!(error.to_string().ends_with("→ the answer has no column `d`; it has NULL, a, b, c"), "{error}");
}

#[tokio::test]
async fn mysql_can_be_degraded_only() {
    let Some(server) = server().await else { return };
    let query = |degrade: &str| json!({"query": "SELECT 120", "expect": "< 1000", "degrade": degrade});
    assert_reading(&ask(server, query("< 200")).await.unwrap(), Health::Healthy, "= 120 in");
    let reading = ask(server, query("< 100")).await.unwrap();
    assert_reading(&reading, Health::Degraded, "; expected the value < 100, found 120");
}

#[tokio::test]
async fn mysql_rows_are_counted_up_to_a_hundred() {
    let Some(server) = server().await else { return };
    let rows = |count: u32, rows: &str| json!({"query": format!("SELECT seq FROM seq_1_to_{count}"), "rows": rows});
    assert_reading(&ask(server, rows(100, "= 100")).await.unwrap(), Health::Healthy, "= 1 in");
    assert_reading(&ask(server, rows(3, "> 5")).await.unwrap(), Health::Unhealthy, "; expected rows > 5, found 3");
    for count in [101, 1_000_000] {
        let reading = ask(server, rows(count, "> 5")).await.unwrap();
        assert_reading(&reading, Health::Unknown, "but there are more than 100; let the query count them");
    }
    let reading = ask(server, json!({"query": "SELECT seq FROM seq_1_to_1000000", "expect": 1})).await.unwrap();
    assert_reading(&reading, Health::Healthy, "= 1 in");
    // What SHOW says is not limited by the server.
    let reading = ask(server, json!({"query": "SHOW VARIABLES", "rows": "> 5"})).await.unwrap();
    assert_reading(&reading, Health::Unknown, "but there are more than 100");
    assert_reading(&ask(server, json!({"query": "SHOW VARIABLES"})).await.unwrap(), Health::Healthy, "in");
}

#[tokio::test]
async fn mysql_values_that_are_too_large_are_unknown() {
    let Some(server) = server().await else { return };
    let large = |bytes: u32| json!({"query": format!("SELECT repeat('x', {bytes})"), "expect": "~ ^x"});
    assert_reading(&ask(server, large(64 * 1024)).await.unwrap(), Health::Healthy, "= \"xxx");
    // The second is larger than a packet can be.
    for bytes in [80_000, 0xff_ffff] {
        let error = ask(server, large(bytes)).await.unwrap_err();
        assert!(error.to_string().contains("→ the first row is larger than 64 KiB"), "{error}");
    }
}

#[tokio::test]
async fn mysql_keeps_the_contract_of_probes() {
    let Some(server) = server().await else { return };
    let scope = database_scope(None);
    let build = |more: Value| try_build::<MySqlProbe>(settings(server, &more), &scope).unwrap();
    let silent = TcpTarget::start(TcpBehaviour::Hold).await;
    let silent = build(json!({"port": silent.address().port(), "timeout": "300ms"}));
    conformance::probe(conformance::ProbeCases {
        healthy: &build(json!({})),
        unhealthy: &build(json!({"expect": 2})),
        unmeasurable: Some(&build(json!({"query": "SELECT NULL", "expect": 1}))),
        silent: Some(&silent),
        limit: Duration::from_secs(10),
    })
    .await;
}

#[tokio::test]
async fn mysql_samples_in_parallel_do_not_disturb_each_other() {
    let Some(server) = server().await else { return };
    let settings = settings(server, &json!({"expect": 1, "timeout": "20s"}));
    let probe: MySqlProbe = try_build(settings, &database_scope(None)).unwrap();
    let readings = futures::future::join_all((0..20).map(|_| probe.sample())).await;
    assert!(readings.iter().all(|reading| reading.as_ref().unwrap().health == Health::Healthy));
}
