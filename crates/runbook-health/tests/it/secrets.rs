//! Secrets go to the service and nowhere else.

use runbook_core::{
    Health,
    ports::Probe,
    registry::{Lookup, ProbeDefinition},
};
use runbook_health::HttpProbe;

use crate::{
    server::{Server, answer, ok},
    support::{TOKEN, assert_reading, http, scope, try_http},
};

#[tokio::test]
async fn secrets_are_sent_from_their_variables() {
    let server = Server::answering(ok("")).await;
    http(&server.url("/"), r#"{"bearer_env": "API_TOKEN"}"#).await.unwrap();
    http(&server.url("/"), r#"{"basic_env": "API_LOGIN"}"#).await.unwrap();
    http(&server.url("/").replace("http://", "http://us%40er:pw@"), "{}").await.unwrap();
    let heard = server.heard();
    assert!(heard[0].contains(&format!("authorization: Bearer {TOKEN}\r\n")), "{}", heard[0]);
    assert!(heard[1].contains("authorization: Basic dXNlcjpwYXNzLXRoYXQtaXMtc2VjcmV0\r\n"), "{}", heard[1]);
    assert!(heard[2].contains("authorization: Basic dXNAZXI6cHc=\r\n"), "{}", heard[2]);
}

#[tokio::test]
async fn secret_headers_are_sent_from_their_variables_and_to_nobody_else() {
    let other = Server::answering(ok("")).await;
    let moved = answer("307 Temporary Redirect", &format!("location: {}\r\n", other.url("/")), "");
    let server = Server::answering(moved).await;
    let settings = r#"{"headers_env": {"X-Api-Key": "API_TOKEN", "Authorization": "API_LOGIN"}, "redirects": 1}"#;
    assert_reading(&http(&server.url("/"), settings).await.unwrap(), Health::Healthy, "1 redirect");
    let (asked, followed) = (server.heard().remove(0), other.heard().remove(0));
    assert!(asked.contains(&format!("x-api-key: {TOKEN}\r\n")), "{asked}");
    assert!(asked.contains("authorization: user:pass-that-is-secret\r\n"), "{asked}");
    assert!(!followed.to_lowercase().contains("x-api-key") && !followed.contains(TOKEN), "{followed}");
}

#[tokio::test]
async fn a_variable_that_is_not_set_is_unknown() {
    let server = Server::answering(ok("")).await;
    let error = http(&server.url("/"), r#"{"bearer_env": "NOT_THERE"}"#).await.unwrap_err();
    assert!(error.to_string().starts_with("NOT_THERE is not set"), "{error}");
    let error = http(&server.url("/"), r#"{"bearer_env": "BROKEN"}"#).await.unwrap_err();
    assert!(error.to_string().starts_with("BROKEN has a character that no header may hold"), "{error}");
    let error = http(&server.url("/"), r#"{"headers_env": {"X-Key": "NOT_THERE"}}"#).await.unwrap_err();
    assert_eq!(error.to_string(), "NOT_THERE is not set, so the header X-Key cannot be sent");
    let error = http(&server.url("/"), r#"{"headers_env": {"X-Key": "BROKEN"}}"#).await.unwrap_err();
    assert!(error.to_string().starts_with("BROKEN has a character that no header may hold"), "{error}");
    assert!(server.heard().is_empty(), "nothing was sent");
}

/// The service echoes every secret; none of them stays in the evidence, in whatever form it was sent.
#[tokio::test]
async fn secrets_that_a_service_echoes_are_taken_out() {
    let login = "user:pass-that-is-secret";
    let echo = format!("{TOKEN} {login} dXNlcjpwYXNzLXRoYXQtaXMtc2VjcmV0 pass-that-is-secret known-to-the-runbook end");
    let server = Server::answering(ok(&echo)).await;
    for (settings, hidden) in [
        (r#"{"bearer_env": "API_TOKEN", "expect": {"body": "x"}}"#, vec![TOKEN]),
        (
            r#"{"headers_env": {"X-Key": "API_TOKEN"}, "degrade": {"body": "x"}, "expect": {"status": 500}}"#,
            vec![TOKEN],
        ),
        (
            r#"{"basic_env": "API_LOGIN", "expect": {"body": "x"}}"#,
            vec![login, "dXNlcjpwYXNzLXRoYXQtaXMtc2VjcmV0", "pass-that-is-secret"],
        ),
    ] {
        let reading = http(&server.url("/?token=in-the-query"), settings).await.unwrap();
        assert_reading(&reading, Health::Unhealthy, "/?token=*** → 200");
        for secret in hidden.into_iter().chain(["known-to-the-runbook", "in-the-query"]) {
            assert!(!reading.evidence.contains(secret), "{secret} is in {}", reading.evidence);
        }
    }
}

/// Interpolated from a variable, a token may stand in the URL; what a service is asked with, it may echo in any form.
#[tokio::test]
async fn values_of_the_query_that_a_service_echoes_are_taken_out() {
    let echo = "you sent in-the+query, in-the query, in-the%2Bquery, Token-alone and true";
    let server = Server::answering(ok(echo)).await;
    let url = server.url("/?token=in-the%2Bquery&on=true");
    let settings = r#"{"headers_env": {"X-Key": "SCHEMED"}, "expect": {"body": "x"}}"#;
    let mut scope = scope(Some(&url));
    scope.variables = Lookup::fixed([("SCHEMED", "Token Token-alone")]);
    let probe = HttpProbe::build(serde_json::from_str(settings).unwrap(), &scope).unwrap();
    let reading = probe.sample().await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "found \"you sent ***, in-the query, ***, *** and true\"");
    assert_reading(&reading, Health::Unhealthy, "/?token=***&on=*** → 200");
}

#[test]
fn debug_output_holds_no_secret() {
    let settings = r#"{"headers": {"X-Key": "in-a-header"}, "body": "in-the-body"}"#;
    let probe = try_http("http://user:in-the-url@localhost/", settings).unwrap();
    let printed = format!("{probe:?}");
    assert!(printed.contains("http://***@localhost/"), "{printed}");
    for secret in ["in-a-header", "in-the-body", "in-the-url"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
