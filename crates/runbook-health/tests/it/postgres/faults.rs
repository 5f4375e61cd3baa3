//! Whose fault it is when PostgreSQL does not answer, or something else does.

use std::time::{Duration, Instant};

use runbook_core::{
    Health, Reading,
    ports::{Probe, ProbeError},
    registry::Scope,
};
use runbook_health::PostgresProbe;
use runbook_testkit::parts::PostgreSql;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

use super::ask;
use crate::{
    authority::{Authority, Manner},
    databases::{database_scope, own_address, sample, try_build, until, with},
    server::{Act, Server, closed_port},
    support::{assert_reading, shown},
};

/// A message: its kind, its length, and what is inside.
fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 4).unwrap();
    [&[kind], length.to_be_bytes().as_slice(), content].concat()
}

fn error(code: &str, words: &str) -> Vec<u8> {
    message(b'E', format!("SFATAL\0C{code}\0M{words}\0\0").as_bytes())
}

/// What the probe makes of a server that says this, whatever it hears, and then waits.
async fn faced_with(said: Vec<u8>, more: Value) -> Result<Reading, ProbeError> {
    let server = Server::acting([Act::Say(said), Act::Hold]).await;
    let base = json!({"host": "127.0.0.1", "port": server.address.port(), "user": "u", "tls": "off", "timeout": "1s"});
    sample::<PostgresProbe>(with(base, &more)).await
}

#[tokio::test]
async fn a_postgres_that_is_gone_is_unhealthy() {
    let (_held, port) = closed_port();
    let reading = sample::<PostgresProbe>(json!({"host": "localhost", "port": port, "user": "u"})).await.unwrap();
    insta::assert_snapshot!(shown(&reading, port), @"unhealthy: postgres localhost:PORT → connection refused");
    let closing = Server::acting([]).await;
    let settings = json!({"host": "127.0.0.1", "port": closing.address.port(), "user": "u"});
    let reading = sample::<PostgresProbe>(settings).await.unwrap();
    assert_eq!(reading.health, Health::Unhealthy, "{}", reading.evidence);
    let error = sample::<PostgresProbe>(json!({"host": "no-such-service.invalid", "user": "u"})).await.unwrap_err();
    assert!(error.to_string().starts_with("failed to look up the name"), "{error}");
}

#[tokio::test]
async fn a_silent_postgres_does_not_hang_the_watcher() {
    let started = Instant::now();
    for (tls, words) in [
        ("off", "→ connected, but the login was not finished within 300 ms"),
        ("prefer", "→ connected, but TLS was not agreed on within 300 ms"),
    ] {
        let reading = faced_with(Vec::new(), json!({"tls": tls, "timeout": "300ms"})).await.unwrap();
        assert_reading(&reading, Health::Unhealthy, words);
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// Other clients set aside as many bytes as the first bytes seem to announce, which here is more than a gigabyte.
#[tokio::test]
async fn what_is_not_postgres_is_unhealthy_at_once() {
    let started = Instant::now();
    for said in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "220 mail.example ESMTP\r\n",
        "-ERR unknown command\r\n",
        "\0\0\0\0\0\0\0\0",
        "R\0\0\0\x03",
        "R\0\0\0\x08\0\0\0\x63",
        "S\x7f\x7f\x7f\x7f",
        "E\0\0\0\x05C",
        "D\0\0\0\x06\0\x09",
    ] {
        let reading = faced_with(said.into(), json!({"timeout": "10s"})).await.unwrap();
        assert_reading(&reading, Health::Unhealthy, "→ the answer is not PostgreSQL's protocol");
    }
    let reading = faced_with(b"HTTP/1.1 400 Bad Request\r\n\r\n".into(), json!({"tls": "prefer"})).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ the answer is not PostgreSQL's protocol");
    // `S` means yes, and then comes no TLS.
    let reading = faced_with(b"SSH-2.0-OpenSSH_9.2\r\n".into(), json!({"tls": "prefer"})).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: ");
    assert!(started.elapsed() < Duration::from_secs(5), "nobody waits for what was announced");
}

#[tokio::test]
async fn a_postgres_that_cannot_serve_is_unhealthy() {
    for (code, words, expected) in [
        ("57P03", "the database system is starting up", "→ the server does not serve: the database system is starting"),
        ("53300", "sorry, too many clients already", "→ the server is at its limits: sorry, too many clients already"),
        ("XX001", "could not read block", "→ the server has an error of its own: could not read block (XX001)"),
    ] {
        for tls in ["off", "prefer"] {
            let reading = faced_with(error(code, words), json!({"tls": tls})).await.unwrap();
            assert_reading(&reading, Health::Unhealthy, expected);
        }
    }
    let long = faced_with(error("28000", &"é\r\n".repeat(5000)), json!({})).await.unwrap_err().to_string();
    assert!(long.chars().count() < 400 && !long.contains('\n'), "{long}");
}

/// What a server that is no friend may say during a login.
#[tokio::test]
async fn a_login_that_is_not_sound_is_unknown() {
    let sasl = |mechanism: &str| message(b'R', format!("\0\0\0\x0a{mechanism}\0\0").as_bytes());
    let password = json!({"password_env": "POSTGRES_PASSWORD"});
    for (said, words) in [
        (message(b'R', &7_u32.to_be_bytes()), "a kind of login that this probe does not know"),
        (sasl("SCRAM-SHA-512"), "a kind of login that this probe does not know"),
        // It lets anybody in, so it is not known to be the server that has the password.
        ([sasl("SCRAM-SHA-256"), message(b'R', &0_u32.to_be_bytes())].concat(), "did not prove that it knows"),
        // Years of hashing.
        (
            [sasl("SCRAM-SHA-256"), message(b'R', b"\0\0\0\x0br=x,s=c2FsdA==,i=4000000000")].concat(),
            "the server's part of it cannot be used",
        ),
        // It never has enough.
        (message(b'R', b"\0\0\0\x05salt").repeat(20), "the login failed: the server asks again and again"),
    ] {
        let error = faced_with(said, password.clone()).await.unwrap_err().to_string();
        assert!(error.contains(words), "{words:?} is not in {error:?}");
    }
}

/// What a server is told that asks for the password in clear text.
const REFUSED: &str =
    "→ the server asks for the password in clear text, which only a server gets that proves who it is";

/// Over a network without TLS, whoever sits between could ask for it.
#[tokio::test]
async fn a_password_is_not_told_to_a_network() {
    let Some(address) = own_address() else { return };
    let clear = message(b'R', &3_u32.to_be_bytes());
    let server = Server::start("0.0.0.0:0", vec![Act::Say(clear), Act::Hold]).await;
    let settings = json!({"host": address.to_string(), "port": server.address.port(), "user": "u", "tls": "off",
        "password_env": "POSTGRES_PASSWORD"});
    let error = sample::<PostgresProbe>(settings).await.unwrap_err().to_string();
    assert!(error.contains(REFUSED), "{error}");
    assert!(error.ends_with("set `tls = \"verify\"`"), "{error}");
}

/// A server over TLS that asks for the password in clear text; its port, and what it is told.
async fn asking_over_tls(authority: &Authority) -> (u16, JoinHandle<Vec<u8>>) {
    let acceptor = authority.acceptor(&["0.0.0.0", "127.0.0.1"], Manner::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).await.unwrap();
        assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "a request for TLS");
        stream.write_all(b"S").await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        let hello = stream.read_u32().await.unwrap();
        stream.read_exact(&mut vec![0; hello as usize - 4]).await.unwrap();
        stream.write_all(&message(b'R', &3_u32.to_be_bytes())).await.unwrap();
        stream.flush().await.unwrap();
        let mut told = vec![0; 1024];
        let length = stream.read(&mut told).await.unwrap_or_default();
        told.truncate(length);
        told
    });
    (port, task)
}

/// TLS with whatever certificate keeps out who listens, and not who pretends to be the server.
#[tokio::test]
async fn a_password_is_told_only_to_a_server_that_proves_who_it_is() {
    let authority = Authority::new();
    let scope = Scope { root: authority.root(), ..database_scope(None) };
    // To the probe, 0.0.0.0 is a host elsewhere; to the system, this machine.
    for (host, more, is_told) in [
        ("0.0.0.0", json!({"tls": "prefer"}), false),
        ("0.0.0.0", json!({"tls": "require"}), false),
        ("0.0.0.0", json!({"ca_file": "ca.pem"}), true),
        ("127.0.0.1", json!({"tls": "prefer"}), true),
    ] {
        let (port, told) = asking_over_tls(&authority).await;
        let base = json!({"host": host, "port": port, "user": "u", "password_env": "POSTGRES_PASSWORD"});
        let probe: PostgresProbe = try_build(with(base, &more), &scope).unwrap();
        let ended = probe.sample().await;
        let told = told.await.unwrap();
        let has_password = told.windows(PostgreSql::PASSWORD.len()).any(|part| part == PostgreSql::PASSWORD.as_bytes());
        assert_eq!(has_password, is_told, "{host} {more}: {ended:?}");
        match ended {
            Ok(reading) => assert!(is_told && reading.health == Health::Unhealthy, "{}", reading.evidence),
            Err(error) => assert!(!is_told && error.to_string().contains(REFUSED), "{error}"),
        }
    }
}

#[tokio::test]
async fn a_postgres_that_is_killed_in_mid_query_is_unhealthy() {
    let Some(server) = PostgreSql::start().await else { return };
    let asked = ask(&server, json!({"query": "SELECT pg_sleep(30)", "timeout": "20s"}));
    let running = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)'";
    let kill = async {
        until("the query runs", async || server.sql(running).await == "1").await;
        server.kill();
    };
    let (reading, ()) = tokio::join!(asked, kill);
    let reading = reading.unwrap();
    assert_eq!(reading.health, Health::Unhealthy, "{}", reading.evidence);
    let words = ["connection reset", "the connection was closed", "the server does not serve"];
    assert!(words.iter().any(|words| reading.evidence.contains(words)), "{}", reading.evidence);
}
