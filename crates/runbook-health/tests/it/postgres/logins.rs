//! Who asks, over what.

use runbook_core::{Health, ports::Probe};
use runbook_health::PostgresProbe;
use runbook_testkit::parts::PostgreSql;
use serde_json::json;

use super::{ask, server, settings};
use crate::{
    databases::{Papers, WRONG, database_scope, try_build},
    support::assert_reading,
};

#[tokio::test]
async fn postgres_that_refuses_who_asks_is_unknown() {
    let Some(server) = server().await else { return };
    for (more, words) in [
        (json!({"password_env": "WRONG_PASSWORD"}), "→ the login was refused: password authentication failed"),
        (json!({"user": "nobody"}), "→ the login was refused: password authentication failed"),
        (json!({"password_env": null}), "→ the server asks for a password, and none is configured (`password_env`)"),
        (
            json!({"database": "elsewhere"}),
            "→ there is no such database: database \"elsewhere\" does not exist (3D000)",
        ),
        (json!({"password_env": "NOT_THERE"}), "NOT_THERE is not set, so nobody can log in"),
        (json!({"query": "SELECT * FROM nothing"}), "→ the query cannot be answered: relation \"nothing\" does not"),
        (json!({"query": "SELECT 1/0"}), "→ the query cannot be answered: division by zero (22012)"),
    ] {
        let error = ask(server, more).await.unwrap_err().to_string();
        assert!(error.contains(words), "{words:?} is not in {error:?}");
        assert!(!error.contains(PostgreSql::PASSWORD) && !error.contains(WRONG), "{error}");
    }
}

#[tokio::test]
async fn postgres_secrets_stay_out_of_evidence() {
    let Some(server) = server().await else { return };
    let query = format!("SELECT 'it is {}'", PostgreSql::PASSWORD);
    let reading = ask(server, json!({"query": query, "expect": "x"})).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "found \"it is ***\"");
    assert!(!reading.evidence.contains("a-password"), "{}", reading.evidence);
    let probe: PostgresProbe = try_build(settings(server, &json!({})), &database_scope(None)).unwrap();
    assert!(!format!("{probe:?}").contains(PostgreSql::PASSWORD));
}

#[tokio::test]
async fn postgres_is_found_by_a_url_in_a_variable() {
    let Some(server) = server().await else { return };
    let (user, password, port) = (PostgreSql::USER, PostgreSql::PASSWORD, server.port());
    let good = format!("postgresql://{user}:{password}@127.0.0.1:{port}/app?sslmode=disable&pool=5");
    let probe: PostgresProbe = try_build(json!({"url_env": "DATABASE_URL"}), &database_scope(Some(&good))).unwrap();
    assert_reading(&probe.sample().await.unwrap(), Health::Healthy, &format!("postgres 127.0.0.1:{port}/app → "));
    for (url, words) in [
        (None, "DATABASE_URL is not set, so nobody knows where to ask"),
        (Some(format!("mysql://{user}:{password}@h/app")), "DATABASE_URL does not begin with `postgres://`"),
        (Some(format!("postgres://{user}:{password}@h:x/app")), "DATABASE_URL has no host and port"),
        (Some("postgres://h/app".to_owned()), "DATABASE_URL names no user"),
    ] {
        let scope = database_scope(url.as_deref());
        let probe: PostgresProbe = try_build(json!({"url_env": "DATABASE_URL"}), &scope).unwrap();
        let error = probe.sample().await.unwrap_err().to_string();
        assert!(error.starts_with(words) && !error.contains(password), "{error}");
    }
}

#[tokio::test]
async fn postgres_is_found_by_the_services_url() {
    let Some(server) = server().await else { return };
    let url = format!("postgres://{}:{}@localhost:{}/app", PostgreSql::USER, PostgreSql::PASSWORD, server.port());
    let mut scope = database_scope(None);
    scope.service.as_mut().unwrap().url = Some(url);
    let probe: PostgresProbe = try_build(json!({}), &scope).unwrap();
    assert_reading(&probe.sample().await.unwrap(), Health::Healthy, "postgres localhost:");
    // The password belongs to that host and that user alone.
    let other: PostgresProbe = try_build(json!({"user": "other"}), &scope).unwrap();
    assert!(other.sample().await.unwrap_err().to_string().contains("asks for a password, and none is configured"));
    // The web's port is not the database's.
    scope.service.as_mut().unwrap().url = Some("http://127.0.0.1:8000/x".to_owned());
    let web: PostgresProbe = try_build(json!({"user": "u"}), &scope).unwrap();
    assert!(format!("{web:?}").contains("5432"), "{web:?}");
    scope.service.as_mut().unwrap().out_of_reach = Some("FASTAPI_URL is not set".to_owned());
    let far: PostgresProbe = try_build(json!({"user": "u"}), &scope).unwrap();
    assert_eq!(far.sample().await.unwrap_err().to_string(), "FASTAPI_URL is not set");
}

#[tokio::test]
async fn postgres_over_tls_proves_who_it_is() {
    let papers = Papers::of(&["localhost"]);
    let Some(server) = PostgreSql::start_with(&papers.options()).await else { return };
    // Its own connections tell whether they are encrypted.
    let query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let ask = async |scope: &runbook_core::registry::Scope, more: serde_json::Value| {
        let more = crate::databases::with(json!({"host": "localhost", "query": query, "expect": true}), &more);
        try_build::<PostgresProbe>(settings(&server, &more), scope).unwrap().sample().await.unwrap()
    };
    for more in [json!({}), json!({"tls": "require"}), json!({"tls": "verify", "ca_file": "ca.pem"})] {
        let reading = ask(&papers.scope(), more).await;
        assert_reading(&reading, Health::Healthy, "= true in");
        assert!(reading.phases.tls_ms.is_some(), "{:?}", reading.phases);
    }
    let plain = ask(&papers.scope(), json!({"tls": "off"})).await;
    assert_reading(&plain, Health::Unhealthy, "found false");
    let other = Papers::of(&["localhost"]);
    let reading = ask(&other.scope(), json!({"ca_file": "ca.pem"})).await;
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate's issuer is not trusted");
    let reading = ask(&papers.scope(), json!({"ca_file": "ca.pem", "host": "127.0.0.1"})).await;
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate is for another name");
}

/// Without `verify`, the certificate is nobody's business.
#[tokio::test]
async fn postgres_may_show_any_certificate_where_none_is_verified() {
    let papers = Papers::self_signed();
    let Some(server) = PostgreSql::start_with(&papers.options()).await else { return };
    for tls in ["prefer", "require"] {
        let reading = ask(&server, json!({"tls": tls})).await.unwrap();
        assert_reading(&reading, Health::Healthy, "= 1 in");
        assert!(reading.phases.tls_ms.is_some(), "{:?}", reading.phases);
    }
    std::fs::write(papers.folder.path().join("ca.pem"), &papers.certificate).unwrap();
    let verify: PostgresProbe = try_build(settings(&server, &json!({"ca_file": "ca.pem"})), &papers.scope()).unwrap();
    let reading = verify.sample().await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate is");
}

#[tokio::test]
async fn postgres_without_tls_is_unhealthy_where_tls_is_required() {
    let Some(server) = server().await else { return };
    // The machine itself may have no roots, and then cannot verify.
    let papers = Papers::of(&["localhost"]);
    for more in [json!({"tls": "require"}), json!({"tls": "verify", "ca_file": "ca.pem"})] {
        let probe: PostgresProbe = try_build(settings(server, &more), &papers.scope()).unwrap();
        let reading = probe.sample().await.unwrap();
        assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the server does not offer it");
    }
}

/// Each way to log in, as the server's own rules ask for it.
#[tokio::test]
async fn postgres_is_logged_into_by_every_usual_way() {
    let Some(server) = PostgreSql::start().await else { return };
    server
        .sql(&format!(
            "CREATE ROLE by_scram LOGIN PASSWORD '{password}'; CREATE ROLE by_clear LOGIN PASSWORD '{password}';
             CREATE ROLE by_nothing LOGIN; CREATE ROLE by_certificate LOGIN; CREATE ROLE full_up LOGIN CONNECTION LIMIT 0
             PASSWORD '{password}'; SET password_encryption = md5; CREATE ROLE by_md5 LOGIN PASSWORD '{password}';
             CREATE TEMP TABLE rules (line text); INSERT INTO rules VALUES ('host all by_clear all password'),
             ('host all by_md5 all md5'), ('host all by_nothing all trust'), ('host all by_peer all reject'),
             ('host all all all scram-sha-256');",
            password = PostgreSql::PASSWORD
        ))
        .await;
    let file = server.sql("SHOW hba_file").await;
    server
        .sql(&format!(
            "COPY (VALUES ('host all by_clear all password'), ('host all by_md5 all md5'), ('host all by_nothing all \
             trust'), ('host all by_nobody all reject'), ('host all all all scram-sha-256')) TO '{file}'"
        ))
        .await;
    server.sql("SELECT pg_reload_conf()").await;
    let who = json!({"query": "SELECT current_user"});
    for user in ["by_scram", "by_clear", "by_md5", "by_nothing"] {
        crate::databases::until("the rules are read", async || {
            let more = crate::databases::with(who.clone(), &json!({"user": user, "expect": user}));
            ask(&server, more).await.is_ok_and(|reading| reading.health == Health::Healthy)
        })
        .await;
    }
    let error = ask(&server, json!({"user": "by_nobody"})).await.unwrap_err().to_string();
    assert!(error.contains("→ the login was refused: pg_hba.conf rejects connection"), "{error}");
    for user in ["by_clear", "by_md5", "by_scram"] {
        let error =
            ask(&server, json!({"user": user, "password_env": "WRONG_PASSWORD"})).await.unwrap_err().to_string();
        assert!(error.contains("→ the login was refused: password authentication failed"), "{error}");
    }
    let reading = ask(&server, json!({"user": "full_up"})).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ the server is at its limits: too many connections for role");
}
