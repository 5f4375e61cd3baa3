//! What the rows say, and what it is worth.

use std::time::Duration;

use runbook_core::{Health, ports::Probe};
use runbook_health::PostgresProbe;
use runbook_testkit::{TcpBehaviour, TcpTarget, conformance};
use serde_json::{Value, json};

use super::{ask, server, settings};
use crate::{
    databases::{database_scope, try_build},
    support::{assert_reading, shown},
};

#[tokio::test]
async fn postgres_that_answers_is_healthy() {
    let Some(server) = server().await else { return };
    let reading = ask(server, json!({})).await.unwrap();
    insta::assert_snapshot!(shown(&reading, server.port()), @"healthy: postgres 127.0.0.1:PORT/app → SELECT 1 = 1 in N ms");
    let phases = reading.phases;
    assert!(phases.dns_ms.is_none() && phases.connect_ms.is_some() && phases.first_byte_ms.is_some(), "{phases:?}");
    assert!(reading.latency_ms.is_some_and(|total| total > 0.0));
}

#[tokio::test]
async fn postgres_values_are_judged() {
    let Some(server) = server().await else { return };
    let table: &[(&str, Value, Health, &str)] = &[
        ("SELECT count(*) FROM pg_class", json!("> 10"), Health::Healthy, "→ SELECT count(*) FROM pg_class = "),
        ("SELECT 7", json!("< 5"), Health::Unhealthy, "→ SELECT 7 = 7 in "),
        ("SELECT 7", json!("< 5"), Health::Unhealthy, "; expected the value < 5, found 7"),
        ("SELECT 1.50::numeric", json!(1.5), Health::Healthy, "= 1.5 in"),
        ("SELECT 'NaN'::float8", json!("> 0"), Health::Unknown, "but it is not a finite number"),
        ("SELECT now() > '2000-01-01'", json!(true), Health::Healthy, "= true in"),
        ("SELECT false", json!(true), Health::Unhealthy, "found false"),
        ("SELECT 'ready'", json!("ready"), Health::Healthy, "= \"ready\" in"),
        ("SELECT '7'", json!(7), Health::Unknown, "but it is the text \"7\""),
        ("SELECT 1", json!(true), Health::Unknown, "but it is the number 1"),
        ("SELECT NULL::int", json!("< 5"), Health::Unknown, "= NULL in"),
        ("SELECT NULL::int", json!({"exists": true}), Health::Healthy, "= NULL in"),
        ("SELECT 1 WHERE false", json!(0), Health::Unknown, "gave nothing in"),
        ("SELECT 1 WHERE false", json!(0), Health::Unknown, "; expected the value = 0, but it is missing"),
        ("SELECT 1 WHERE false", json!({"exists": false}), Health::Healthy, "gave nothing in"),
        ("SELECT", json!({"exists": true}), Health::Unhealthy, "but it is missing"),
        ("SHOW max_connections", json!("> 5"), Health::Healthy, "→ SHOW max_connections = \""),
        ("EXPLAIN SELECT 1", json!("~ Result"), Health::Healthy, "= \"Result"),
        ("VALUES (3), (4)", json!(3), Health::Healthy, "= 3 in"),
        ("WITH x AS (SELECT 5 AS a) SELECT a FROM x; -- done", json!(5), Health::Healthy, "= 5 in"),
        ("SELECT '2026-01-02'::date", json!("2026-01-02"), Health::Healthy, "= \"2026-01-02\" in"),
        ("SELECT '{\"a\": 1}'::jsonb", json!("~ \"a\": 1"), Health::Healthy, "in"),
        ("SELECT E'\\u001b[31m\nred'", json!("x"), Health::Unhealthy, "found \" [31m red\""),
    ];
    for (query, expect, health, words) in table {
        let reading = ask(server, json!({"query": query, "expect": expect})).await.unwrap();
        assert_reading(&reading, *health, words);
    }
}

#[tokio::test]
async fn postgres_can_be_degraded_only() {
    let Some(server) = server().await else { return };
    let query = |degrade: &str| json!({"query": "SELECT 120", "expect": "< 1000", "degrade": degrade});
    assert_reading(&ask(server, query("< 200")).await.unwrap(), Health::Healthy, "= 120 in");
    let reading = ask(server, query("< 100")).await.unwrap();
    assert_reading(&reading, Health::Degraded, "; expected the value < 100, found 120");
    let reading = ask(server, json!({"max_latency": "1us", "expect": 1})).await.unwrap();
    assert_reading(&reading, Health::Degraded, "; expected at most 0.001 ms");
}

#[tokio::test]
async fn postgres_columns_are_found_by_name() {
    let Some(server) = server().await else { return };
    let query = "SELECT 1 AS a, NULL AS b, 'x' AS \"C d\"";
    for (column, expect) in [("a", json!(1)), ("C d", json!("x"))] {
        let reading = ask(server, json!({"query": query, "column": column, "expect": expect})).await.unwrap();
        assert_reading(&reading, Health::Healthy, "in");
    }
    let error = ask(server, json!({"query": query, "column": "A", "expect": 1})).await.unwrap_err();
    assert!(error.to_string().ends_with("→ the answer has no column `A`; it has a, b, C d"), "{error}");
}

#[tokio::test]
async fn postgres_rows_are_counted_up_to_a_hundred() {
    let Some(server) = server().await else { return };
    let rows = |count: u32, rows: &str| json!({"query": format!("SELECT generate_series(1, {count})"), "rows": rows});
    assert_reading(&ask(server, rows(100, "= 100")).await.unwrap(), Health::Healthy, "= 1 in");
    assert_reading(&ask(server, rows(3, "> 5")).await.unwrap(), Health::Unhealthy, "; expected rows > 5, found 3");
    assert_reading(&ask(server, rows(0, "= 0")).await.unwrap(), Health::Healthy, "gave nothing in");
    let reading = ask(server, rows(101, "> 5")).await.unwrap();
    assert_reading(
        &reading,
        Health::Unknown,
        "; expected rows > 5, but there are more than 100; let the query count them",
    );
    // A million rows are neither sent nor read.
    assert_reading(&ask(server, rows(1_000_000, "> 5")).await.unwrap(), Health::Unknown, "more than 100");
    let reading = ask(server, json!({"query": "SELECT generate_series(1, 1000000)", "expect": 1})).await.unwrap();
    assert_reading(&reading, Health::Healthy, "= 1 in");
}

#[tokio::test]
async fn postgres_values_that_are_too_large_are_unknown() {
    let Some(server) = server().await else { return };
    let large = |bytes: u32| json!({"query": format!("SELECT repeat('x', {bytes})"), "expect": "~ ^x"});
    let reading = ask(server, large(64 * 1024)).await.unwrap();
    assert_reading(&reading, Health::Healthy, &format!("= \"{}…\" in", "x".repeat(60)));
    for bytes in [80_000, 100_000_000] {
        let error = ask(server, large(bytes)).await.unwrap_err();
        assert!(error.to_string().contains("→ a row is larger than 64 KiB; let the query give less"), "{error}");
    }
    // Any row, not only the first.
    let query = "SELECT 'x' UNION ALL SELECT repeat('x', 80000)";
    let error = ask(server, json!({"query": query, "rows": "= 2"})).await.unwrap_err();
    assert!(error.to_string().contains("→ a row is larger than 64 KiB"), "{error}");
}

#[tokio::test]
async fn postgres_keeps_the_contract_of_probes() {
    let Some(server) = server().await else { return };
    let scope = database_scope(None);
    let build = |more: Value| try_build::<PostgresProbe>(settings(server, &more), &scope).unwrap();
    let silent = TcpTarget::start(TcpBehaviour::Hold).await;
    let silent = build(json!({"port": silent.address().port(), "timeout": "300ms"}));
    conformance::probe(conformance::ProbeCases {
        healthy: &build(json!({})),
        unhealthy: &build(json!({"expect": 2})),
        unmeasurable: Some(&build(json!({"query": "SELECT NULL::int", "expect": 1}))),
        silent: Some(&silent),
        limit: Duration::from_secs(10),
    })
    .await;
}

#[tokio::test]
async fn postgres_samples_in_parallel_do_not_disturb_each_other() {
    let Some(server) = server().await else { return };
    let probe: PostgresProbe =
        try_build(settings(server, &json!({"expect": 1, "timeout": "20s"})), &database_scope(None)).unwrap();
    let readings = futures::future::join_all((0..20).map(|_| probe.sample())).await;
    assert!(readings.iter().all(|reading| reading.as_ref().unwrap().health == Health::Healthy));
}
