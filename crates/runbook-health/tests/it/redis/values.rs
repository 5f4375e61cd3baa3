//! What Redis answers, and what it is worth.

use std::time::Duration;

use runbook_core::{Health, ports::Probe};
use runbook_health::RedisProbe;
use runbook_testkit::{TcpBehaviour, TcpTarget, conformance};
use serde_json::{Value, json};

use super::{ask, server, settings};
use crate::{
    databases::{database_scope, refusals, schema, try_build},
    support::{assert_reading, shown},
};

#[test]
fn redis_commands_that_cannot_be_asked_name_their_key() {
    insta::assert_snapshot!(refusals::<RedisProbe>(&[
        json!({"command": []}),
        json!({"command": ["SET", "a", "b"]}),
        json!({"command": ["GET"]}),
        json!({"command": ["INFO", "a", "b", "c", "d", "e"]}),
        json!({"command": ["GET", "a"], "field": "role"}),
        json!({"tls": "prefer"}),
        json!({"tls": "off", "ca_file": "ca.pem"}),
        json!({"port": 0}),
        json!({"timeout": "0s"}),
    ]));
}

#[test]
fn redis_has_the_schema_that_editors_were_promised() {
    insta::assert_json_snapshot!(schema("redis"));
}

#[tokio::test]
async fn redis_that_answers_is_healthy() {
    let Some(server) = server().await else { return };
    let reading = ask(server, json!({})).await.unwrap();
    insta::assert_snapshot!(shown(&reading, server.port()), @r#"healthy: redis 127.0.0.1:PORT → PING = "PONG" in N ms"#);
    let phases = reading.phases;
    assert!(phases.connect_ms.is_some() && phases.first_byte_ms.is_some(), "{phases:?}");
}

#[tokio::test]
async fn redis_values_are_judged() {
    let Some(server) = server().await else { return };
    server.command(&["SET", "text", "ready"]).await;
    server.command(&["SET", "count", "7"]).await;
    server.command(&["SET", "lines", "a\r\nb"]).await;
    server.command(&["RPUSH", "jobs", "a", "b", "c"]).await;
    server.command(&["HSET", "hash", "field", "5"]).await;
    server.command(&["-n", "3", "SET", "elsewhere", "here"]).await;
    let table: &[(&[&str], Value, Health, &str)] = &[
        (&["GET", "text"], json!("ready"), Health::Healthy, "→ GET text = \"ready\" in"),
        (&["GET", "text"], json!("other"), Health::Unhealthy, "; expected the value = \"other\", found \"ready\""),
        (&["get", "count"], json!("< 5"), Health::Unhealthy, "; expected the value < 5, found \"7\""),
        (&["GET", "count"], json!(7), Health::Healthy, "= \"7\" in"),
        (&["GET", "text"], json!("< 5"), Health::Unknown, "but \"ready\" cannot be compared with it"),
        (&["GET", "lines"], json!("x"), Health::Unhealthy, "found \"a  b\""),
        (&["GET", "missing"], json!("ready"), Health::Unknown, "; expected the value = \"ready\", but it is missing"),
        (&["GET", "missing"], json!({"exists": false}), Health::Healthy, "→ GET missing gave nothing in"),
        (&["EXISTS", "text", "missing"], json!(1), Health::Healthy, "= 1 in"),
        (&["LLEN", "jobs"], json!("<= 2"), Health::Unhealthy, "found 3"),
        (&["HGET", "hash", "field"], json!(5), Health::Healthy, "in"),
        (&["TTL", "text"], json!(-1), Health::Healthy, "= -1 in"),
        (&["DBSIZE"], json!("> 3"), Health::Healthy, "in"),
        (&["TIME"], json!({"exists": true}), Health::Healthy, "= a list of 2 in"),
        (&["INFO", "server"], json!("~ redis_version:"), Health::Healthy, "in"),
    ];
    for (command, expect, health, words) in table {
        let reading = ask(server, json!({"command": command, "expect": expect})).await.unwrap();
        assert_reading(&reading, *health, words);
    }
    let elsewhere = json!({"database": 3, "command": ["GET", "elsewhere"], "expect": "here"});
    assert_reading(&ask(server, elsewhere).await.unwrap(), Health::Healthy, "/3 → GET elsewhere = \"here\" in");
}

#[tokio::test]
async fn redis_tells_about_itself_by_fields() {
    let Some(server) = server().await else { return };
    let field = |field: &str, expect: Value| json!({"command": ["INFO"], "field": field, "expect": expect});
    let reading = ask(server, field("role", json!("master"))).await.unwrap();
    assert_reading(&reading, Health::Healthy, "→ INFO role = \"master\" in");
    assert_reading(&ask(server, field("role", json!("slave"))).await.unwrap(), Health::Unhealthy, "found \"master\"");
    assert_reading(&ask(server, field("used_memory", json!("> 1000"))).await.unwrap(), Health::Healthy, "in");
    assert_reading(&ask(server, field("rol", json!("master"))).await.unwrap(), Health::Unknown, "but it is missing");
    let degrade = json!({"command": ["INFO"], "field": "connected_clients", "degrade": "< 0"});
    assert_reading(&ask(server, degrade).await.unwrap(), Health::Degraded, "; expected the value < 0, found");
}

#[tokio::test]
async fn redis_values_that_are_too_large_are_unknown() {
    let Some(server) = server().await else { return };
    for (bytes, is_read) in [(64 * 1024, true), (64 * 1024 + 1, false), (100_000_000, false)] {
        let key = format!("large-{bytes}");
        // Redis fills up what lies before the offset.
        server.command(&["SETRANGE", &key, &(bytes - 1).to_string(), "x"]).await;
        match ask(server, json!({"command": ["GET", key], "expect": "~ x$"})).await {
            Ok(reading) => assert!(is_read && reading.health == Health::Healthy, "{bytes}: {}", reading.evidence),
            Err(error) => {
                let words = "→ the answer is larger than 64 KiB; ask for less of it, as with GETRANGE";
                assert!(!is_read && error.to_string().ends_with(words), "{bytes}: {error}");
            }
        }
        server.command(&["DEL", &key]).await;
    }
}

#[tokio::test]
async fn redis_keeps_the_contract_of_probes() {
    let Some(server) = server().await else { return };
    let scope = database_scope(None);
    let build = |more: Value| try_build::<RedisProbe>(settings(server, &more), &scope).unwrap();
    let silent = TcpTarget::start(TcpBehaviour::Hold).await;
    let silent = build(json!({"port": silent.address().port(), "timeout": "300ms"}));
    conformance::probe(conformance::ProbeCases {
        healthy: &build(json!({})),
        unhealthy: &build(json!({"expect": "PANG"})),
        unmeasurable: Some(&build(json!({"command": ["GET", "nothing"], "expect": 1}))),
        silent: Some(&silent),
        limit: Duration::from_secs(10),
    })
    .await;
}

#[tokio::test]
async fn redis_samples_leave_no_connection_behind() {
    let Some(server) = runbook_testkit::parts::Redis::start().await else { return };
    let probe: RedisProbe = try_build(settings(&server, &json!({})), &database_scope(None)).unwrap();
    let readings = futures::future::join_all((0..50).map(|_| probe.sample())).await;
    assert!(readings.iter().all(|reading| reading.as_ref().unwrap().health == Health::Healthy));
    // The one that asks counts itself.
    crate::databases::until("all connections are closed", async || {
        server.command(&["CLIENT", "LIST"]).await.lines().count() == 1
    })
    .await;
}
