//! Whose fault it is when Redis does not answer, or something else does.

use std::time::{Duration, Instant};

use runbook_core::{Health, Reading, ports::ProbeError};
use runbook_health::RedisProbe;
use runbook_testkit::parts::Redis;
use serde_json::{Value, json};

use super::{ask, server};
use crate::{
    databases::{sample, until, with},
    server::{Act, Server, closed_port},
    support::{assert_reading, shown},
};

/// What the probe makes of a server that says this, whatever it hears, and then waits.
async fn faced_with(said: &[u8], more: Value) -> Result<Reading, ProbeError> {
    let server = Server::acting([Act::Say(said.to_vec()), Act::Hold]).await;
    let base = json!({"host": "127.0.0.1", "port": server.address.port(), "timeout": "1s"});
    sample::<RedisProbe>(with(base, &more)).await
}

#[tokio::test]
async fn a_redis_that_is_gone_is_unhealthy() {
    let (_held, port) = closed_port();
    let reading = sample::<RedisProbe>(json!({"host": "localhost", "port": port})).await.unwrap();
    insta::assert_snapshot!(shown(&reading, port), @"unhealthy: redis localhost:PORT → connection refused");
    let started = Instant::now();
    let reading = faced_with(b"", json!({"timeout": "300ms"})).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ connected, but no answer to the question within 300 ms");
    let reading = faced_with(b"$5\r\nhel", json!({"timeout": "300ms"})).await.unwrap();
    assert_eq!(reading.health, Health::Unhealthy, "{}", reading.evidence);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_redis_that_cannot_serve_is_unhealthy() {
    for (said, words) in [
        ("-LOADING Redis is loading the dataset in memory", "→ the server is still loading its data: LOADING Redis is"),
        ("-MASTERDOWN Link with MASTER is down", "→ the replica has lost its master: MASTERDOWN Link"),
        ("-CLUSTERDOWN Hash slot not served", "→ the cluster does not serve: CLUSTERDOWN"),
        ("-BUSY Redis is busy running a script", "→ the server is busy with a script: BUSY"),
        ("-MISCONF Errors writing to the AOF file", "→ the server has an error of its own: MISCONF"),
        ("-ERR max number of clients reached", "→ the server is at its limits: ERR max"),
    ] {
        // It may say so to the login as well as to the command.
        for more in [json!({}), json!({"password_env": "REDIS_PASSWORD", "database": 1})] {
            let reading = faced_with(format!("{said}\r\n").as_bytes(), more).await.unwrap();
            assert_reading(&reading, Health::Unhealthy, words);
        }
    }
    let moved = faced_with(b"-MOVED 3999 127.0.0.1:6381\r\n", json!({"command": ["GET", "a"]})).await.unwrap_err();
    assert!(moved.to_string().contains("→ another node of the cluster has this key: MOVED 3999"), "{moved}");
}

#[tokio::test]
async fn what_is_not_redis_is_unhealthy_at_once() {
    let started = Instant::now();
    for said in [
        b"SSH-2.0-OpenSSH_9.2\r\n".as_slice(),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
        b":seven\r\n",
        b"$-2\r\n",
        b"$99999999999999999999\r\n",
        b"$1\r\nabc",
        b"\r\n",
        &[b'+'; 5000],
        &[0; 5000],
    ] {
        let reading = faced_with(said, json!({"timeout": "10s"})).await.unwrap();
        assert_reading(&reading, Health::Unhealthy, "→ the answer is not Redis' protocol");
    }
    // Other clients begin to collect what is announced.
    let reading = faced_with(b"*1000000000\r\n", json!({})).await.unwrap();
    assert_reading(&reading, Health::Healthy, "= a list of 1000000000 in");
    let error = faced_with(b"$1000000000\r\n", json!({})).await.unwrap_err();
    assert!(error.to_string().contains("larger than 64 KiB"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5), "nobody waits for what was announced");
}

#[tokio::test]
async fn a_flood_without_an_end_is_cut_off() {
    let flood = Server::acting([Act::SayForever(vec![b'+'; 4096])]).await;
    let settings = json!({"host": "127.0.0.1", "port": flood.address.port()});
    let reading = sample::<RedisProbe>(settings).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ the answer is not Redis' protocol");
}

#[tokio::test]
async fn a_slow_redis_is_unhealthy_in_time() {
    let Some(server) = Redis::start().await else { return };
    server.command(&["CLIENT", "PAUSE", "3000"]).await;
    let started = Instant::now();
    let reading = ask(&server, json!({"timeout": "300ms"})).await.unwrap();
    assert_eq!(reading.health, Health::Unhealthy, "{}", reading.evidence);
    assert!(reading.evidence.ends_with("within 300 ms"), "{}", reading.evidence);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_redis_that_is_killed_in_mid_command_is_unhealthy() {
    let Some(server) = Redis::start().await else { return };
    server.command(&["CLIENT", "PAUSE", "20000"]).await;
    let asked = ask(&server, json!({"timeout": "15s"}));
    let kill = async {
        // The pause holds commands back, not connections.
        until("the probe is connected", async || {
            std::fs::read_to_string("/proc/net/tcp").is_ok_and(|table| {
                let port = format!(":{:04X}", server.port());
                table.lines().filter(|line| line.contains(&port) && line.contains(" 01 ")).count() >= 2
            })
        })
        .await;
        server.kill();
    };
    let (reading, ()) = tokio::join!(asked, kill);
    let reading = reading.unwrap();
    assert_eq!(reading.health, Health::Unhealthy, "{}", reading.evidence);
    let words = ["connection reset", "the connection was closed"];
    assert!(words.iter().any(|words| reading.evidence.contains(words)), "{}", reading.evidence);
}

#[tokio::test]
async fn a_redis_with_too_many_clients_is_unhealthy() {
    let Some(server) = server().await else { return };
    assert_reading(&ask(server, json!({})).await.unwrap(), Health::Healthy, "PONG");
    let options = runbook_testkit::parts::ServerOptions::default().argument("--maxclients").argument("4");
    let Some(small) = Redis::start_with(&options).await else { return };
    let mut held = Vec::new();
    until("the server is full", async || {
        held.push(tokio::net::TcpStream::connect(small.address()).await.unwrap());
        let reading = ask(&small, json!({})).await.unwrap();
        if reading.health == Health::Unhealthy {
            assert_reading(&reading, Health::Unhealthy, "→ the server is at its limits: ERR max number of clients");
        }
        reading.health == Health::Unhealthy
    })
    .await;
}
