//! Redirects: not followed unless asked, counted, and never given what was meant for another origin.

use runbook_core::Health::{Healthy, Unhealthy};

use crate::{
    server::{Server, answer, ok},
    support::{TOKEN, assert_reading, http, shown},
};

async fn redirecting(to: &str, status: &str) -> Server {
    Server::answering(answer(status, &format!("location: {to}\r\n"), "")).await
}

#[tokio::test]
async fn a_redirect_is_judged_itself_by_default() {
    let server = redirecting("/elsewhere", "302 Found").await;
    assert_reading(&http(&server.url("/"), "{}").await.unwrap(), Unhealthy, "→ 302 in");
    let expected = http(&server.url("/"), r#"{"expect": {"status": 302, "header": {"location": "/elsewhere"}}}"#).await;
    assert_reading(&expected.unwrap(), Healthy, "→ 302 in");
    assert_eq!(server.heard().len(), 2);
}

#[tokio::test]
async fn a_followed_redirect_is_counted_and_shown() {
    let last = Server::answering(ok("here")).await;
    let first = redirecting(&last.url("/end?key=hidden"), "301 Moved Permanently").await;
    let settings = r#"{"redirects": 3, "expect": {"body": "here"}}"#;
    let reading = http(&first.url("/start"), settings).await.unwrap();
    let line = shown(&reading, first.address.port()).replace(&last.address.port().to_string(), "LAST");
    insta::assert_snapshot!(
        line,
        @"healthy: GET http://127.0.0.1:PORT/start → 1 redirect → http://127.0.0.1:LAST/end?key=*** → 200 in N ms"
    );
    assert!(last.heard()[0].starts_with("GET /end?key=hidden HTTP/1.1"));
}

#[tokio::test]
async fn redirects_without_end_are_followed_as_far_as_allowed() {
    let server = redirecting("/again", "307 Temporary Redirect").await;
    let reading = http(&server.url("/"), r#"{"redirects": 5}"#).await.unwrap();
    assert_reading(&reading, Unhealthy, "→ 5 redirects →");
    assert_reading(&reading, Unhealthy, "→ 307 in");
    assert_eq!(server.heard().len(), 6);
}

#[tokio::test]
async fn another_origin_gets_no_secret() {
    let other = Server::answering(ok("")).await;
    let first = redirecting(&other.url("/"), "307 Temporary Redirect").await;
    let settings = r#"{"redirects": 1, "bearer_env": "API_TOKEN", "headers": {"X-Key": "mine"}}"#;
    assert_reading(&http(&first.url("/"), settings).await.unwrap(), Healthy, "1 redirect");
    let (asked, followed) = (first.heard()[0].to_lowercase(), other.heard()[0].to_lowercase());
    assert!(asked.contains("authorization: bearer ") && asked.contains("x-key: mine"), "{asked}");
    assert!(!followed.contains("authorization") && !followed.contains("x-key"), "{followed}");
    assert!(followed.contains("user-agent: runbook/"), "{followed}");
}

/// Names and formats may tell who asks, and from the variables of `headers_env` they may be secret.
#[tokio::test]
async fn another_origin_gets_no_configured_header_of_any_name() {
    for headers in [
        r#""headers": {"User-Agent": "mine/1", "Accept": "application/vnd.mine"}"#,
        r#""headers_env": {"User-Agent": "API_TOKEN", "Accept": "API_TOKEN"}"#,
    ] {
        let other = Server::answering(ok("")).await;
        let first = redirecting(&other.url("/"), "302 Found").await;
        assert_reading(
            &http(&first.url("/"), &format!(r#"{{"redirects": 1, {headers}}}"#)).await.unwrap(),
            Healthy,
            "1 redirect",
        );
        let (asked, followed) = (first.heard()[0].clone(), other.heard()[0].to_lowercase());
        assert!(!asked.contains("runbook/"), "{asked}");
        assert!(!followed.contains("mine") && !followed.contains(TOKEN), "{followed}");
        assert!(followed.contains("user-agent: runbook/") && followed.contains("accept: */*"), "{followed}");
    }
}

/// Without the body it would be another request, so the redirect itself is judged.
#[tokio::test]
async fn a_body_is_not_taken_to_another_origin() {
    for status in ["307 Temporary Redirect", "308 Permanent Redirect"] {
        let other = Server::answering(ok("")).await;
        let first = redirecting(&other.url("/in?key=hidden"), status).await;
        let code = &status[..3];
        let post = |more: &str| format!(r#"{{"method": "POST", "body": "of-mine", "redirects": 3{more}}}"#);
        let reading = http(&first.url("/"), &post("")).await.unwrap();
        let stayed = format!(
            "; not followed to {}, another origin, which must not get the body; expected status 200-299",
            other.url("/in?key=***")
        );
        assert_reading(&reading, Unhealthy, &format!("→ {code} in "));
        assert_reading(&reading, Unhealthy, &stayed);
        assert!(other.heard().is_empty(), "{:?}", other.heard());
        let expected = http(&first.url("/"), &post(&format!(r#", "expect": {{"status": {code}}}"#))).await.unwrap();
        assert_reading(&expected, Healthy, "which must not get the body");
    }
    // After 303 there is no body any more.
    let other = Server::answering(ok("")).await;
    let first = redirecting(&other.url("/"), "303 See Other").await;
    let reading = http(&first.url("/"), r#"{"method": "POST", "body": "of-mine", "redirects": 1}"#).await.unwrap();
    assert_reading(&reading, Healthy, "1 redirect");
    assert!(other.heard()[0].starts_with("GET / ") && !other.heard()[0].contains("of-mine"), "{:?}", other.heard());
}

#[tokio::test]
async fn a_post_becomes_a_get_after_303_and_stays_after_307() {
    for (status, method) in
        [("303 See Other", "GET /x"), ("302 Found", "GET /x"), ("307 Temporary Redirect", "POST /x")]
    {
        let server = redirecting("/x", status).await;
        http(&server.url("/"), r#"{"method": "POST", "body": "b", "redirects": 1}"#).await.unwrap();
        assert!(server.heard()[1].starts_with(method), "{status}: {}", server.heard()[1]);
    }
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_unhealthy() {
    for (location, problem) in
        [("ftp://h/", "only `http://`"), ("http://h:0/", "port 0"), ("javascript:x", "a URL begins")]
    {
        let server = redirecting(location, "302 Found").await;
        let reading = http(&server.url("/"), r#"{"redirects": 1}"#).await.unwrap();
        assert_reading(&reading, Unhealthy, "→ 302, which leads nowhere: ");
        assert_reading(&reading, Unhealthy, problem);
    }
}
