//! Who asks, over what.

use runbook_core::{Health, ports::Probe, registry::Scope};
use runbook_health::RedisProbe;
use runbook_testkit::parts::Redis;
use serde_json::{Value, json};

use super::{ask, server, settings};
use crate::{
    databases::{Papers, WRONG, database_scope, try_build, with},
    support::assert_reading,
};

#[tokio::test]
async fn redis_that_refuses_who_asks_is_unknown() {
    let Some(server) = server().await else { return };
    let user = [">", Redis::PASSWORD].concat();
    server.command(&["ACL", "SETUSER", "reader", "on", &user, "~allowed*", "+get", "+ping"]).await;
    server.command(&["RPUSH", "allowed-list", "a"]).await;
    let reader = |command: Value| json!({"user": "reader", "command": command});
    assert_reading(&ask(server, reader(json!(["PING"]))).await.unwrap(), Health::Healthy, "= \"PONG\" in");
    for (more, words) in [
        (json!({"password_env": "WRONG_PASSWORD"}), "→ the login was refused: WRONGPASS"),
        (json!({"user": "nobody"}), "→ the login was refused: WRONGPASS"),
        (json!({"password_env": null}), "→ the server asks for a password (`password_env`): NOAUTH"),
        (json!({"password_env": null, "database": 2}), "→ the server asks for a password (`password_env`): NOAUTH"),
        (json!({"password_env": "NOT_THERE"}), "NOT_THERE is not set, so nobody can log in"),
        (json!({"database": 99}), "→ the command cannot be answered: ERR DB index is out of range"),
        (reader(json!(["GET", "secret"])), "→ the user may not ask this: NOPERM"),
        (reader(json!(["LLEN", "allowed-list"])), "→ the user may not ask this: NOPERM"),
        (json!({"command": ["GET", "allowed-list"]}), "→ the command cannot be answered: WRONGTYPE"),
    ] {
        let error = ask(server, more).await.unwrap_err().to_string();
        assert!(error.contains(words), "{words:?} is not in {error:?}");
        assert!(!error.contains(Redis::PASSWORD) && !error.contains(WRONG), "{error}");
    }
}

#[tokio::test]
async fn redis_secrets_stay_out_of_evidence() {
    let Some(server) = server().await else { return };
    server.command(&["SET", "leak", &format!("it is {}", Redis::PASSWORD)]).await;
    let reading = ask(server, json!({"command": ["GET", "leak"], "expect": "x"})).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "found \"it is ***\"");
    assert!(!reading.evidence.contains("a-password"), "{}", reading.evidence);
}

#[tokio::test]
async fn redis_is_found_by_a_url() {
    let Some(server) = server().await else { return };
    for user in ["", "default"] {
        let url = format!("redis://{user}:{}@127.0.0.1:{}/1", Redis::PASSWORD, server.port());
        let probe: RedisProbe = try_build(json!({"url_env": "DATABASE_URL"}), &database_scope(Some(&url))).unwrap();
        assert_reading(&probe.sample().await.unwrap(), Health::Healthy, "/1 → PING = \"PONG\" in");
        let mut scope = database_scope(None);
        scope.service.as_mut().unwrap().url = Some(url);
        let probe: RedisProbe = try_build(json!({}), &scope).unwrap();
        assert_reading(&probe.sample().await.unwrap(), Health::Healthy, "/1 → PING = \"PONG\" in");
    }
}

#[tokio::test]
async fn redis_over_tls_proves_who_it_is() {
    let papers = Papers::of(&["localhost"]);
    let Some(server) = Redis::start_with(&papers.options()).await else { return };
    let ask = async |scope: &Scope, more: Value| {
        let settings = settings(&server, &with(json!({"host": "localhost", "timeout": "2s"}), &more));
        try_build::<RedisProbe>(settings, scope).unwrap().sample().await.unwrap()
    };
    for more in [json!({"tls": "require"}), json!({"ca_file": "ca.pem"})] {
        let reading = ask(&papers.scope(), more).await;
        assert_reading(&reading, Health::Healthy, "= \"PONG\" in");
        assert!(reading.phases.tls_ms.is_some(), "{:?}", reading.phases);
    }
    let other = Papers::of(&["localhost"]);
    let reading = ask(&other.scope(), json!({"ca_file": "ca.pem"})).await;
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate's issuer is not trusted");
    let reading = ask(&papers.scope(), json!({"ca_file": "ca.pem", "host": "127.0.0.1"})).await;
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate is for another name");
    assert_eq!(ask(&papers.scope(), json!({"tls": "off"})).await.health, Health::Unhealthy);
}

#[tokio::test]
async fn a_redis_without_tls_is_unhealthy_where_tls_is_required() {
    let Some(server) = server().await else { return };
    // It takes the handshake for the beginning of a command, and waits for the rest.
    let reading = ask(server, json!({"tls": "require", "timeout": "500ms"})).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ connected, but TLS was not agreed on within 500 ms");
}
