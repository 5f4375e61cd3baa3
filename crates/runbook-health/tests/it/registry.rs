//! The kinds as the registry and editors see them.

use std::path::Path;

use runbook_core::{
    Health,
    config::{ConfigError, Document, Kinded},
    registry::{BuiltProbe, Lookup, ProbeDefinition, Registry},
};
use runbook_health::{HttpProbe, register};

use crate::{
    server::{Server, ok},
    support::{assert_reading, scope},
};

/// The first probe of a `runbook.toml` whose one service is at `url`.
fn built(url: &str, probe: &str) -> Result<BuiltProbe, Box<ConfigError>> {
    let text = format!(
        "schema = 1\n[project]\nname = \"Forge\"\n[[service]]\nid = \"api\"\nurl = \"{url}\"\n[[service.probe]]\n{probe}\n"
    );
    let document = Document::parse(Path::new("runbook.toml"), &text)?;
    let none = Lookup::fixed::<String, String>([]);
    let config = document.config(&"production".parse().unwrap(), &none)?;
    let mut registry = Registry::default();
    register(&mut registry);
    Ok(registry.build_probe(&config.services[0].probes[0], &scope(Some(url)))?)
}

/// The example of the contract, word for word.
#[tokio::test]
async fn the_documented_example_probes() {
    let server = Server::answering(ok(r#"{"status": "healthy"}"#)).await;
    let probe = r#"kind = "http"
path = "/health"
timeout = "${HEALTH_CHECK_TIMEOUT:-5}s"
expect = { status = ["200-299"], json = { "/status" = "healthy" }, max_latency = "30s" }"#;
    let reading = built(&server.url(""), probe).unwrap().probe.sample().await.unwrap();
    assert_reading(&reading, Health::Healthy, "/health → 200 in");
}

#[test]
fn what_is_wrong_has_its_place_in_the_file() {
    let problems: Vec<String> = [
        "kind = \"http\"\npth = \"/health\"",
        "kind = \"http\"\nexpect = { json = { \"/a\" = \"< x\" } }",
        "kind = \"http\"\nexpect = { json = { \"a.b\" = 1 } }",
        "kind = \"http\"\nexpect = { json = { \"/a\" = { exist = true } } }",
        "kind = \"http\"\nexpect = { status = [200, \"2xx\"] }",
        "kind = \"http\"\nexpect = { body = \"~ (\" }",
        "kind = \"http\"\nmax_body = 0",
        "kind = \"http\"\nheaders = { \"X Y\" = \"z\" }",
        "kind = \"tcp\"\nport = 0",
        "kind = \"http\"\ndegrade = { statsu = 200 }",
        "kind = \"http\"\ndegrade = { latency = { total = \"800ms\" } }",
        "kind = \"http\"\nexpect = { json = { \"/a\" = { length = \"many\" } } }",
        "kind = \"http\"\nversion = \"1\"",
        "kind = \"http\"\nversion = 2",
        "kind = \"http\"\nheaders_env = { \"X Y\" = \"API_KEY\" }",
        "kind = \"http\"\nexpect = { certificate_days = \">= 14\" }",
        "kind = \"tls\"\nexpect = { days_left = \"14 days\" }",
        "kind = \"tls\"\nexpect = { names = [\"*.example.com\"] }",
    ]
    .iter()
    .map(|probe| {
        let error = built("http://localhost:8000", probe).expect_err(probe);
        format!("{error}{}", error.hint.as_ref().map(|hint| format!(" – {hint}")).unwrap_or_default())
    })
    .collect();
    insta::assert_snapshot!(problems.join("\n"));
}

/// A comparison that no number could meet was taken for a text, so that the service was never healthy.
#[test]
fn numbers_of_rows_and_records_are_refused_at_their_place() {
    for (probe, path) in [
        ("kind = \"postgres\"\nuser = \"u\"\n", "rows"),
        ("kind = \"mysql\"\nuser = \"u\"\n", "rows"),
        ("kind = \"dns\"\nname = \"api.example\"\n", "expect.count"),
    ] {
        let key = |value: &str| match path.split_once('.') {
            Some((table, key)) => format!("{probe}{table} = {{ {key} = {value} }}"),
            None => format!("{probe}{path} = {value}"),
        };
        for wrong in ["\"many\"", "\"=< 5\"", "\"~ 5\"", "{ exists = true }", "true"] {
            let error = built("http://localhost:8000", &key(wrong)).expect_err(wrong).to_string();
            assert!(error.starts_with("runbook.toml:10:"), "{error}");
            assert!(error.ends_with(&format!("(at service[0].probe[0].{path})")), "{error}");
        }
        for right in ["3", "\"3\"", "\"<= 5\"", "\"!= 0\""] {
            built("http://localhost:8000", &key(right)).unwrap();
        }
    }
}

/// The signs of a status are read in the same way.
#[test]
fn a_status_with_a_sign_that_nobody_knows_is_refused_at_its_place() {
    let error = built("http://localhost:8000", "kind = \"http\"\nexpect = { status = \"=< 500\" }").unwrap_err();
    let words = "expected a status such as 200, \"200-299\" or \"< 500\", found \"=< 500\"";
    assert!(error.to_string().contains(words), "{error}");
    assert!(error.to_string().ends_with("(at service[0].probe[0].expect.status)"), "{error}");
}

#[test]
fn kinds_are_built_without_settings() {
    let mut registry = Registry::default();
    register(&mut registry);
    for kind in ["http", "tcp", "tls"] {
        let bare = Kinded::bare(kind.parse().unwrap());
        let built = registry.build_probe(&bare, &scope(Some("http://localhost:8000"))).unwrap();
        assert_eq!(built.kind, kind);
        assert!(format!("{:?}", built.probe).contains("8000"), "{:?}", built.probe);
    }
    assert_eq!(HttpProbe::KIND, "http");
}

#[test]
fn the_schemas_are_what_editors_were_promised() {
    let mut registry = Registry::default();
    register(&mut registry);
    let schemas = registry.schemas();
    insta::assert_json_snapshot!("http_schema", schemas["probe"]["http"]);
    insta::assert_json_snapshot!("tcp_schema", schemas["probe"]["tcp"]);
    insta::assert_json_snapshot!("tls_schema", schemas["probe"]["tls"]);
}
