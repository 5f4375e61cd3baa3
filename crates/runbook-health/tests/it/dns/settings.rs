//! What people write, and what follows from it before a server is asked.

use runbook_core::{
    ports::Probe,
    registry::{ProbeDefinition, Registry},
};
use runbook_health::{DnsProbe, DnsSettings, register};

use super::build;
use crate::support::scope;

#[test]
fn settings_that_cannot_be_used_name_their_key() {
    let named = |settings: &str| format!(r#"{{"name": "api.example", {settings}}}"#);
    let refused: Vec<String> = [
        (None, "{}".to_owned()),
        (Some("http://10.0.0.1"), "{}".to_owned()),
        (Some("http://a b"), "{}".to_owned()),
        (None, r#"{"name": ""}"#.to_owned()),
        (None, r#"{"name": "."}"#.to_owned()),
        (None, r#"{"name": "a..b"}"#.to_owned()),
        (None, r#"{"name": "10.0.0.1"}"#.to_owned()),
        (None, r#"{"name": "bücher.example"}"#.to_owned()),
        (None, r#"{"name": "a b"}"#.to_owned()),
        (None, format!(r#"{{"name": "{}.example"}}"#, "x".repeat(64))),
        (None, named(r#""server": """#)),
        (None, named(r#""server": "1.1.1.1:0""#)),
        (None, named(r#""server": "https://dns.example/dns-query""#)),
        (None, named(r#""timeout": "0s""#)),
        (None, named(r#""expect": {"answers": ["::1"]}"#)),
        (None, named(r#""type": "AAAA", "expect": {"answers": ["10.0.0.1"]}"#)),
        (None, named(r#""type": "CNAME", "expect": {"answers": ["a b"]}"#)),
        (None, named(r#""expect": {"only": true}"#)),
    ]
    .iter()
    .map(|(url, settings)| {
        let error = build(*url, settings).expect_err(settings);
        format!("{}: {}", error.key.unwrap_or_default(), error.message)
    })
    .collect();
    insta::assert_snapshot!(refused.join("\n"));
}

#[test]
fn what_types_can_say_is_refused_while_reading() {
    for wrong in [
        r#"{"type": "a"}"#,
        r#"{"type": "MX"}"#,
        r#"{"protocol": "quic"}"#,
        r#"{"expect": {"answer": ["10.0.0.1"]}}"#,
        r#"{"expect": {"count": "< many"}}"#,
        r#"{"expect": {"count": "many"}}"#,
        r#"{"expect": {"count": "~ 1"}}"#,
        r#"{"expect": {"count": "=< 5"}}"#,
        r#"{"expect": {"count": {"exists": true}}}"#,
        r#"{"attempts": 3}"#,
    ] {
        assert!(serde_json::from_str::<DnsSettings>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_server_is_written_with_and_without_a_port() {
    for (written, shown) in [
        ("1.1.1.1", "Named(Address(1.1.1.1), 53)"),
        ("1.1.1.1:5353", "Named(Address(1.1.1.1), 5353)"),
        ("2606:4700::1111", "Named(Address(2606:4700::1111), 53)"),
        ("[::1]:5353", "Named(Address(::1), 5353)"),
        ("ns1.example", "Named(Name(\"ns1.example\"), 53)"),
    ] {
        let probe = build(None, &format!(r#"{{"name": "_dmarc.example", "server": "{written}"}}"#)).unwrap();
        assert!(format!("{probe:?}").contains(shown), "{probe:?}");
    }
}

/// `.invalid` never exists (RFC 6761, section 6.4).
#[tokio::test]
async fn a_server_whose_own_name_is_not_known_is_unknown() {
    let probe = build(None, r#"{"name": "api.example", "server": "no-such-server.invalid"}"#).unwrap();
    let error = probe.sample().await.unwrap_err();
    assert!(error.to_string().starts_with("failed to look up the name `no-such-server.invalid`"), "{error}");
}

/// A loopback URL is what stands there while a variable is not set: the configuration stays usable.
#[tokio::test]
async fn a_loopback_url_has_no_name_to_look_up() {
    let sample = async |url: &str, words: Option<&str>| {
        let mut scope = scope(Some(url));
        scope.service.as_mut().unwrap().out_of_reach = words.map(str::to_owned);
        let probe = DnsProbe::build(DnsSettings::default(), &scope).unwrap();
        probe.sample().await.unwrap_err().to_string()
    };
    for host in ["localhost", "127.0.0.1"] {
        let error = sample(&format!("http://{host}:8000"), None).await;
        assert_eq!(error, format!("`{host}` is this machine and not looked up in DNS; give the probe a `name`"));
    }
    assert_eq!(sample("http://localhost:8000", Some("API_URL is not set")).await, "API_URL is not set");
}

#[tokio::test]
async fn a_named_loopback_server_is_as_far_away_as_the_service() {
    let mut scope = scope(Some("http://localhost:8000"));
    scope.service.as_mut().unwrap().out_of_reach = Some("API_URL is not set".to_owned());
    let settings = |server: &str| serde_json::from_str(&format!(r#"{{"name": "api.example", "server": "{server}"}}"#));
    let probe = DnsProbe::build(settings("127.0.0.1:9").unwrap(), &scope).unwrap();
    assert_eq!(probe.sample().await.unwrap_err().to_string(), "API_URL is not set");
}

#[test]
fn the_schema_is_what_editors_were_promised() {
    let mut registry = Registry::default();
    register(&mut registry);
    insta::assert_json_snapshot!("dns_schema", registry.schemas()["probe"]["dns"]);
}
