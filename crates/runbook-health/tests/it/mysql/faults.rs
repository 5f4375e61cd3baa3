//! Whose fault it is when MySQL does not answer, or something else does.

use std::time::{Duration, Instant};

use runbook_core::{Health, Reading, ports::ProbeError};
use runbook_health::MySqlProbe;
use runbook_testkit::parts::MariaDb;
use serde_json::{Value, json};

use super::ask;
use crate::{
    databases::{sample, until, with},
    server::{Act, Server, closed_port},
    support::{assert_reading, shown},
};

/// What the probe makes of a server that says this, whatever it hears, and then waits.
async fn faced_with(said: &[u8], more: Value) -> Result<Reading, ProbeError> {
    let server = Server::acting([Act::Say(said.to_vec()), Act::Hold]).await;
    let base = json!({"host": "127.0.0.1", "port": server.address.port(), "user": "u", "timeout": "1s"});
    sample::<MySqlProbe>(with(base, &more)).await
}

#[tokio::test]
async fn a_mysql_that_is_gone_is_unhealthy() {
    let (_held, port) = closed_port();
    let reading = sample::<MySqlProbe>(json!({"host": "localhost", "port": port, "user": "u"})).await.unwrap();
    insta::assert_snapshot!(shown(&reading, port), @"unhealthy: mysql localhost:PORT → connection refused");
    let closing = Server::acting([]).await;
    let settings = json!({"host": "127.0.0.1", "port": closing.address.port(), "user": "u"});
    let reading = sample::<MySqlProbe>(settings).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ the connection was closed before the answer was complete");
}

#[tokio::test]
async fn a_silent_mysql_does_not_hang_the_watcher() {
    let started = Instant::now();
    let reading = faced_with(b"", json!({"timeout": "300ms"})).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ connected, but the login was not finished within 300 ms");
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// Other clients read beyond the end of a short packet here, and panic.
#[tokio::test]
async fn what_is_not_mysql_is_unhealthy_at_once() {
    let started = Instant::now();
    for said in [
        b"SSH-2.0-OpenSSH_9.2\r\n".as_slice(),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
        b"\0\0\0\0",
        b"\x01\0\0\0\x0a",
        b"\x05\0\0\0\x0a8.0\0",
        b"\x01\0\0\x07\x0a",
        b"\xff\xff\xff\0",
        b"\x02\0\0\0\xff\x10",
    ] {
        let reading = faced_with(said, json!({"timeout": "10s"})).await.unwrap();
        assert_reading(&reading, Health::Unhealthy, "→ the answer is not MySQL's protocol");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "nobody waits for what was announced");
}

#[tokio::test]
async fn a_mysql_that_says_no_before_its_greeting_is_understood() {
    let full = faced_with(b"\x17\0\0\0\xff\x10\x04Too many connections", json!({})).await.unwrap();
    assert_reading(&full, Health::Unhealthy, "→ the server is at its limits: Too many connections (1040)");
    let blocked = faced_with(b"\x12\0\0\0\xff\x69\x04Host is blocked", json!({})).await.unwrap_err();
    assert!(blocked.to_string().ends_with("→ the login was refused: Host is blocked (1129)"), "{blocked}");
}

#[tokio::test]
async fn a_mysql_that_is_killed_in_mid_query_is_unhealthy() {
    let Some(server) = MariaDb::start().await else { return };
    let asked = ask(&server, json!({"query": "SELECT SLEEP(30)", "timeout": "20s"}));
    let running = "SELECT count(*) FROM information_schema.processlist WHERE info = 'SELECT SLEEP(30)'";
    let kill = async {
        until("the query runs", async || server.sql(running).await == "1").await;
        server.kill();
    };
    let (reading, ()) = tokio::join!(asked, kill);
    let reading = reading.unwrap();
    assert_eq!(reading.health, Health::Unhealthy, "{}", reading.evidence);
    let words = ["connection reset", "the connection was closed"];
    assert!(words.iter().any(|words| reading.evidence.contains(words)), "{}", reading.evidence);
}
