//! Who asks, over what.

use runbook_core::{Health, ports::Probe, registry::Scope};
use runbook_health::MySqlProbe;
use runbook_testkit::parts::{MariaDb, ServerOptions};
use serde_json::{Value, json};

use super::{ask, server, settings};
use crate::{
    databases::{Papers, WRONG, database_scope, own_address, try_build, with},
    support::assert_reading,
};

#[tokio::test]
async fn mysql_that_refuses_who_asks_is_unknown() {
    let Some(server) = server().await else { return };
    server.sql("CREATE OR REPLACE USER 'poor'@'%' IDENTIFIED BY 'a-password-of-mariadb'").await;
    for (more, words) in [
        (json!({"password_env": "WRONG_PASSWORD"}), "→ the login was refused: Access denied for user 'runbook'@"),
        (json!({"user": "nobody"}), "→ the login was refused: Access denied for user 'nobody'@"),
        (json!({"password_env": null}), "→ the login was refused: Access denied for user 'runbook'@"),
        (
            json!({"database": "elsewhere"}),
            "→ there is no such database for this user: Unknown database 'elsewhere' (1049)",
        ),
        (json!({"user": "poor"}), "→ there is no such database for this user: Access denied for user 'poor'@"),
        (json!({"password_env": "NOT_THERE"}), "NOT_THERE is not set, so nobody can log in"),
        (
            json!({"query": "SELECT * FROM nothing"}),
            "→ the query cannot be answered: Table 'app.nothing' doesn't exist",
        ),
        (json!({"query": "SELECT * FROM"}), "→ the query cannot be answered: You have an error in your SQL syntax"),
    ] {
        let error = ask(server, more).await.unwrap_err().to_string();
        assert!(error.contains(words), "{words:?} is not in {error:?}");
        assert!(!error.contains(MariaDb::PASSWORD) && !error.contains(WRONG), "{error}");
    }
}

#[tokio::test]
async fn mysql_secrets_stay_out_of_evidence() {
    let Some(server) = server().await else { return };
    let query = format!("SELECT 'it is {}'", MariaDb::PASSWORD);
    let reading = ask(server, json!({"query": query, "expect": "x"})).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "found \"it is ***\"");
    assert!(!reading.evidence.contains("a-password"), "{}", reading.evidence);
}

#[tokio::test]
async fn mysql_is_found_by_a_url_in_a_variable() {
    let Some(server) = server().await else { return };
    for scheme in ["mysql", "mariadb"] {
        let url = format!(
            "{scheme}://{}:{}@127.0.0.1:{}/app?ssl-mode=PREFERRED",
            MariaDb::USER,
            MariaDb::PASSWORD,
            server.port()
        );
        let probe: MySqlProbe = try_build(json!({"url_env": "DATABASE_URL"}), &database_scope(Some(&url))).unwrap();
        assert_reading(&probe.sample().await.unwrap(), Health::Healthy, "/app → SELECT 1 = 1 in");
    }
}

#[tokio::test]
async fn mysql_over_tls_proves_who_it_is() {
    let papers = Papers::of(&["localhost"]);
    let Some(server) = MariaDb::start_with(&papers.options()).await else { return };
    let query = "SHOW SESSION STATUS LIKE 'Ssl_version'";
    let ask = async |scope: &Scope, more: Value| {
        let base = json!({"host": "localhost", "query": query, "column": "Value", "expect": "~ ^TLS"});
        let settings = settings(&server, &with(base, &more));
        try_build::<MySqlProbe>(settings, scope).unwrap().sample().await.unwrap()
    };
    for more in [json!({}), json!({"tls": "require"}), json!({"tls": "verify", "ca_file": "ca.pem"})] {
        let reading = ask(&papers.scope(), more).await;
        assert_reading(&reading, Health::Healthy, "= \"TLSv1.3\" in");
        assert!(reading.phases.tls_ms.is_some(), "{:?}", reading.phases);
    }
    assert_reading(&ask(&papers.scope(), json!({"tls": "off"})).await, Health::Unhealthy, "found \"\"");
    let other = Papers::of(&["localhost"]);
    let reading = ask(&other.scope(), json!({"ca_file": "ca.pem"})).await;
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate's issuer is not trusted");
    let reading = ask(&papers.scope(), json!({"ca_file": "ca.pem", "host": "127.0.0.1"})).await;
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the certificate is for another name");
}

#[tokio::test]
async fn mysql_without_tls_is_unhealthy_where_tls_is_required() {
    let Some(server) = server().await else { return };
    let reading = ask(server, json!({"tls": "require"})).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the server does not offer it");
}

#[tokio::test]
async fn a_kind_of_login_that_is_not_known_is_unknown() {
    let Some(server) = server().await else { return };
    server.sql("INSTALL SONAME 'auth_ed25519'").await;
    server
        .sql("CREATE OR REPLACE USER 'modern'@'%' IDENTIFIED VIA ed25519 USING PASSWORD('a-password-of-mariadb')")
        .await;
    let error = ask(server, json!({"user": "modern", "database": null})).await.unwrap_err().to_string();
    assert!(error.contains("→ the server asks for a kind of login that this probe does not know"), "{error}");
}

#[tokio::test]
async fn too_many_connections_are_unhealthy() {
    let options = ServerOptions::default().argument("--max-connections=10");
    let Some(server) = MariaDb::start_with(&options).await else { return };
    server.sql("CREATE USER 'guest'@'%' IDENTIFIED BY 'a-password-of-mariadb'").await;
    // Connections that say nothing count as soon as they are greeted.
    let mut held = Vec::new();
    crate::databases::until("the server is full", async || {
        held.push(tokio::net::TcpStream::connect(server.address()).await.unwrap());
        let reading = ask(&server, json!({"user": "guest", "database": null})).await.unwrap();
        if reading.health == Health::Unhealthy {
            assert_reading(&reading, Health::Unhealthy, "→ the server is at its limits: Too many connections (1040)");
        }
        reading.health == Health::Unhealthy
    })
    .await;
}

/// A host that breaks logins off too often is locked out, with everybody on it. Loopback never is.
#[tokio::test]
async fn a_mysql_login_that_is_declined_does_not_lock_this_host_out() {
    let Some(address) = own_address() else { return };
    let options = ServerOptions::default().argument("--bind-address=0.0.0.0").argument("--max-connect-errors=1");
    let Some(server) = MariaDb::start_with(&options).await else { return };
    server.sql("INSTALL SONAME 'auth_ed25519'").await;
    server.sql("CREATE USER 'modern'@'%' IDENTIFIED VIA ed25519 USING PASSWORD('a-password-of-mariadb')").await;
    let host = json!({"host": address.to_string(), "database": null});
    for _ in 0..3 {
        let reading = ask(&server, with(host.clone(), &json!({"tls": "require"}))).await.unwrap();
        assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the server does not offer it");
        assert!(ask(&server, with(host.clone(), &json!({"user": "modern"}))).await.is_err());
        assert!(ask(&server, with(host.clone(), &json!({"query": "SELECT broken"}))).await.is_err());
    }
    assert_reading(&ask(&server, host).await.unwrap(), Health::Healthy, "= 1 in");
    assert!(!server.log().contains("Aborted connection"), "{}", server.log());
}
