//! What people write, and what follows from it before a server is asked.

use runbook_core::{
    ports::Probe,
    registry::{ProbeDefinition, Registry},
};
use runbook_health::{GrpcProbe, GrpcSettings, register};

use super::build;
use crate::support::scope;

#[test]
fn settings_that_cannot_be_used_name_their_key() {
    let long = format!(r#"{{"service": "{}"}}"#, "x".repeat(2000));
    let refused: Vec<String> = [
        (None, "{}"),
        (None, r#"{"host": "h"}"#),
        (Some("grpc://h"), "{}"),
        (Some("grpcs://h"), "{}"),
        (Some("postgres://h:5432"), "{}"),
        (Some("http://a b"), "{}"),
        (Some("http://h"), r#"{"port": 0}"#),
        (Some("http://h"), r#"{"host": "a b"}"#),
        (Some("http://h"), r#"{"timeout": "0s"}"#),
        (Some("http://h"), r#"{"service": "a\nb"}"#),
        (Some("http://h"), long.as_str()),
        (Some("https://h"), r#"{"tls": false, "ca_file": "ca.pem"}"#),
        (Some("https://h"), r#"{"bearer_env": ""}"#),
    ]
    .iter()
    .map(|(url, settings)| {
        let error = build(*url, settings).expect_err(settings);
        format!("{}: {}", error.key.unwrap_or_default(), error.message)
    })
    .collect();
    insta::assert_snapshot!(refused.join("\n"));
    assert!(serde_json::from_str::<GrpcSettings>(r#"{"expect": "SERVING"}"#).is_err());
}

#[test]
fn where_and_how_to_ask_follows_from_the_url_and_the_keys() {
    for (url, settings, origin) in [
        (Some("http://Api.Example/x"), "{}", "http://api.example:80/"),
        (Some("https://h"), "{}", "https://h:443/"),
        (Some("https://h"), r#"{"tls": false}"#, "http://h:443/"),
        (Some("https://h"), r#"{"port": 50051}"#, "https://h:50051/"),
        (Some("grpc://[::1]:50051"), "{}", "http://[::1]:50051/"),
        (Some("grpc://h:50051"), r#"{"tls": true}"#, "https://h:50051/"),
        (Some("grpcs://u:p@h:50051/a?b"), "{}", "https://h:50051/"),
        (Some("h:50051"), "{}", "http://h:50051/"),
        (Some("https://h"), r#"{"host": "g", "port": 50051}"#, "http://g:50051/"),
        (None, r#"{"host": "g", "port": 50051, "ca_file": "ca.pem"}"#, "https://g:50051/"),
    ] {
        let probe = build(url, settings).unwrap();
        assert!(format!("{probe:?}").contains(&format!("origin: {origin},")), "{url:?} {settings}: {probe:?}");
    }
}

#[tokio::test]
async fn a_service_out_of_reach_is_unknown() {
    let mut scope = scope(Some("grpc://localhost:50051"));
    scope.service.as_mut().unwrap().out_of_reach = Some("API_URL is not set".to_owned());
    let probe = GrpcProbe::build(GrpcSettings::default(), &scope).unwrap();
    assert_eq!(probe.sample().await.unwrap_err().to_string(), "API_URL is not set");
}

/// `.invalid` never exists (RFC 6761, section 6.4).
#[tokio::test]
async fn a_name_that_does_not_exist_is_unknown() {
    let error = build(None, r#"{"host": "no-such-service.invalid", "port": 1}"#).unwrap().sample().await.unwrap_err();
    assert!(error.to_string().starts_with("failed to look up the name `no-such-service.invalid`"), "{error}");
}

#[test]
fn the_schema_is_what_editors_were_promised() {
    let mut registry = Registry::default();
    register(&mut registry);
    insta::assert_json_snapshot!("grpc_schema", registry.schemas()["probe"]["grpc"]);
}
