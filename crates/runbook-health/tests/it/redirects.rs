//! Redirects: not followed unless asked, counted, and never given what was meant for another origin.

use runbook_core::Health::{Healthy, Unhealthy};

use crate::{
    server::{Server, answer, ok},
    support::{assert_reading, http, shown},
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
