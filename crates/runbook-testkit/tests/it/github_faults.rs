//! Each ordered fault really is one: on the connection, not only in a return value.

use std::time::{Duration, Instant};

use reqwest::Method;
use runbook_testkit::github::{FakeGitHub, Fault, FaultKind};
use serde_json::json;

use crate::client::{Answered, Client};

async fn create(client: &Client) -> reqwest::Result<Answered> {
    client.send(client.request(Method::POST, "/issues").json(&json!({ "title": "t" }))).await
}

#[tokio::test]
async fn a_lost_response_is_an_error_for_the_client_and_a_change_all_the_same() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    github.fail(Fault::new(FaultKind::LostResponse).on("POST", "/issues").nth(2));
    assert_eq!(create(&client).await.unwrap().status, 201);
    assert!(create(&client).await.is_err(), "the connection is closed without an answer");
    assert_eq!(github.issues().len(), 2, "but the issue is there");
    assert_eq!(github.requests().last().unwrap().status, None);
    assert_eq!(create(&client).await.unwrap().status, 201, "the fault is over");

    github.fail(Fault::new(FaultKind::LostRequest));
    assert!(create(&client).await.is_err());
    assert_eq!(github.issues().len(), 3, "a lost request changes nothing");
}

#[tokio::test]
async fn a_status_comes_instead_of_the_answer() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    github.fail(Fault::status(500, "Server Error").on("POST", "/issues").times(2));
    for _ in 0..2 {
        let failed = create(&client).await.unwrap();
        assert_eq!((failed.status, &failed.json["message"]), (500, &json!("Server Error")));
    }
    assert!(github.issues().is_empty());
    github.fail(Fault::status(502, "Bad Gateway").carried_out(true));
    assert_eq!(create(&client).await.unwrap().status, 502);
    assert_eq!(github.issues().len(), 1, "this one was made behind a broken gateway");

    github.fail(Fault::new(FaultKind::Html { code: 200 }).always());
    let page = client.get("/issues").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.json.as_str().unwrap().starts_with("<!DOCTYPE html>"));
    github.heal();
    assert!(client.get("/issues").await.json.is_array());
}

#[tokio::test]
async fn a_truncated_body_ends_early() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    github.fail(Fault::new(FaultKind::Truncated));
    let response = client.request(Method::POST, "/issues").json(&json!({ "title": "t" })).send().await.unwrap();
    assert_eq!(response.status(), 201);
    assert!(response.content_length().unwrap() > 500);
    assert!(response.bytes().await.is_err(), "the promised length never comes");
    assert_eq!(github.issues().len(), 1);
}

#[tokio::test]
async fn late_and_never() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    github.fail(Fault::new(FaultKind::Delay(Duration::from_millis(150))));
    let started = Instant::now();
    assert_eq!(create(&client).await.unwrap().status, 201);
    assert!(started.elapsed() >= Duration::from_millis(150));

    github.fail(Fault::new(FaultKind::Hang));
    let request =
        client.request(Method::POST, "/issues").json(&json!({ "title": "t" })).timeout(Duration::from_millis(200));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(github.issues().len(), 1);
    github.fail(Fault::new(FaultKind::Hang).carried_out(true));
    let request =
        client.request(Method::POST, "/issues").json(&json!({ "title": "t" })).timeout(Duration::from_millis(200));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(github.issues().len(), 2, "this one was made, and the answer never came");
}

#[tokio::test]
async fn rate_limits_look_like_githubs() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    let first = client.get("/issues").await;
    assert_eq!(
        (first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")),
        (Some("5000"), Some("4999"))
    );

    github.fail(Fault::new(FaultKind::RateLimitedPrimary));
    let primary = client.get("/issues").await;
    assert_eq!((primary.status, primary.header("x-ratelimit-remaining")), (403, Some("0")));
    let reset: i64 = primary.header("x-ratelimit-reset").unwrap().parse().unwrap();
    assert!(reset > jiff::Timestamp::now().as_second());
    assert!(primary.json["message"].as_str().unwrap().starts_with("API rate limit exceeded"));

    for (retry_after, header) in [(Some(Duration::from_secs(7)), Some("7")), (None, None)] {
        github.fail(Fault::new(FaultKind::RateLimitedSecondary { retry_after }));
        let secondary = create(&client).await.unwrap();
        assert_eq!((secondary.status, secondary.header("retry-after")), (403, header));
        assert!(secondary.json["message"].as_str().unwrap().contains("secondary rate limit"));
    }
    assert!(github.issues().is_empty());

    github.set_rate_limit_remaining(1);
    assert_eq!(client.get("/issues").await.status, 200);
    for _ in 0..2 {
        assert_eq!(client.get("/issues").await.status, 403, "the hour's budget is used up");
    }
}

#[tokio::test]
async fn an_unchanged_answer_is_304_and_costs_nothing() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    let first = client.get("/issues").await;
    let etag = first.header("etag").unwrap().to_owned();
    let again =
        async || client.send(client.request(Method::GET, "/issues").header("if-none-match", &etag)).await.unwrap();
    let same = again().await;
    assert_eq!((same.status, same.header("etag")), (304, Some(etag.as_str())));
    assert_eq!(same.header("x-ratelimit-remaining"), first.header("x-ratelimit-remaining"));
    github.add_issue("new", "", &[], "octocat");
    assert_eq!(again().await.status, 200);
}

#[tokio::test]
async fn the_server_ends_with_its_handle() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    github.fail(Fault::new(FaultKind::Hang));
    let waiting = tokio::spawn(client.request(Method::GET, "/issues").send());
    while github.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(github);
    let ended = tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("open connections end too").unwrap();
    assert!(ended.is_err());
    assert!(create(&client).await.unwrap_err().is_connect());
}
