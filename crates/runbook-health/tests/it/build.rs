//! Settings that cannot be used are refused before anything is measured, at the key that is wrong.

use runbook_core::registry::ProbeDefinition;
use runbook_health::{HttpProbe, HttpSettings, TcpSettings};

use crate::support::{scope, try_http, try_tcp};

#[test]
fn http_settings_that_cannot_be_used_name_their_key() {
    let refused: Vec<String> = [
        r#"{"url": "localhost:8000"}"#,
        r#"{"url": "http://h:0/"}"#,
        r#"{"url": "http://h/", "path": "/x"}"#,
        r#"{"path": "/a b"}"#,
        r#"{"timeout": "0s"}"#,
        r#"{"method": "GE T"}"#,
        r#"{"method": "CONNECT"}"#,
        r#"{"max_body": 0}"#,
        r#"{"max_body": 99999999}"#,
        r#"{"headers": {"X Y": "z"}}"#,
        r#"{"headers": {"X-Y": "a\nb"}}"#,
        r#"{"headers": {"Content-Length": "5"}}"#,
        r#"{"headers": {"Authorization": "Bearer x"}, "bearer_env": "API_TOKEN"}"#,
        r#"{"basic_env": "API_LOGIN", "bearer_env": "API_TOKEN"}"#,
        r#"{"basic_env": ""}"#,
        r#"{"url": "http://u:p@h/", "bearer_env": "API_TOKEN"}"#,
        r#"{"ca_file": "ca.pem"}"#,
        r#"{"headers": {"X-Key": "a"}, "headers_env": {"x-key": "API_TOKEN"}}"#,
        r#"{"headers_env": {"X Y": "API_TOKEN"}}"#,
        r#"{"headers_env": {"X-Key": ""}}"#,
        r#"{"headers_env": {"X-Key": "API_TOKEN", "x-key": "API_TOKEN"}}"#,
        r#"{"headers_env": {"Authorization": "API_TOKEN"}, "bearer_env": "API_TOKEN"}"#,
        r#"{"headers_env": {"Connection": "API_TOKEN"}}"#,
        r#"{"client_cert_file": "client.pem", "client_key_file": "client.key", "redirects": 1}"#,
        r#"{"url": "https://h/", "client_cert_file": "client.pem"}"#,
        r#"{"url": "https://h/", "client_key_file": "client.key"}"#,
        r#"{"expect": {"certificate_days": ">= 14"}}"#,
        r#"{"degrade": {"certificate_days": ">= 14"}}"#,
        r#"{"expect": {"header": {"X Y": "z"}}}"#,
        r#"{"degrade": {"header": {"X Y": "z"}}}"#,
        r#"{"degrade": {"max_latency": "0s"}}"#,
        r#"{"method": "HEAD", "degrade": {"body": {"length": 0}}}"#,
        r#"{"expect": {"max_latency": "0s"}}"#,
        r#"{"method": "HEAD", "expect": {"body": "x"}}"#,
        r#"{"method": "HEAD", "expect": {"json": {"/x": 1}}}"#,
    ]
    .iter()
    .map(|settings| {
        let error = try_http("http://localhost:8000", settings).expect_err(settings);
        format!("{}: {}", error.key.unwrap_or_default(), error.message)
    })
    .collect();
    insta::assert_snapshot!(refused.join("\n"));
}

#[test]
fn tcp_settings_that_cannot_be_used_name_their_key() {
    let refused: Vec<String> = [
        (None, "{}"),
        (Some("db"), "{}"),
        (Some("db:0"), "{}"),
        (Some("http://db"), r#"{"port": 0}"#),
        (Some("http://db"), r#"{"host": "a b"}"#),
        (Some("http://db"), r#"{"timeout": "0s"}"#),
        (Some("http://db"), r#"{"expect": "~ ("}"#),
        (Some("http://db"), r#"{"expect": "~ "}"#),
        (Some("http://db"), r#"{"expect": ""}"#),
        (Some("http://db"), r#"{"expect": "< 5"}"#),
    ]
    .iter()
    .map(|(url, settings)| {
        let error = try_tcp(*url, settings).expect_err(settings);
        format!("{}: {}", error.key.unwrap_or_default(), error.message)
    })
    .collect();
    insta::assert_snapshot!(refused.join("\n"));
}

#[test]
fn what_types_can_say_is_refused_while_reading() {
    for wrong in [
        r#"{"expect": {"json": {"status": "x"}}}"#,
        r#"{"expect": {"json": {"/status": "< many"}}}"#,
        r#"{"expect": {"body": "~ ["}}"#,
        r#"{"expect": {"status": "2xx"}}"#,
        r#"{"expect": {"latency": "5s"}}"#,
        r#"{"expect": {"latency": {"total": "800ms"}}}"#,
        r#"{"degrade": {"latency": {"tls": "< 0s"}}}"#,
        r#"{"degrade": {"latency": {"ssl": "< 1s"}}}"#,
        r#"{"degrade": {"status": "2xx"}}"#,
        r#"{"expect": {"certificate_days": "~ 14"}}"#,
        r#"{"expect": {"json": {"/items": {"length": "many"}}}}"#,
        r#"{"version": "3"}"#,
        r#"{"version": 2}"#,
        r#"{"timeout": 5}"#,
        r#"{"redirects": -1}"#,
    ] {
        assert!(serde_json::from_str::<HttpSettings>(wrong).is_err(), "{wrong}");
    }
    assert!(serde_json::from_str::<TcpSettings>(r#"{"port": 70000}"#).is_err());
}

#[test]
fn a_service_without_a_url_needs_one_in_the_probe() {
    let error = HttpProbe::build(HttpSettings::default(), &scope(None)).unwrap_err();
    assert_eq!(error.to_string(), "the service has no `url`, so the probe needs one");
    let error = try_http("ftp://host", "{}").unwrap_err();
    assert_eq!(error.to_string(), "the service's `url` cannot be asked: only `http://` and `https://` can be asked");
}
