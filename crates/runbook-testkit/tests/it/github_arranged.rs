//! What the test arranges, clients see; and people can look at an issue's page.

use runbook_testkit::github::FakeGitHub;
use serde_json::json;

use crate::client::Client;

#[tokio::test]
async fn pull_requests_stand_in_issue_lists() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    github.add_pull_request("a change", "<!-- marker -->", "octocat");
    let list = client.get("/issues").await;
    assert!(list.json[0]["pull_request"]["url"].is_string());
    github.change_issue(1, |issue| issue.title = "renamed by hand".to_owned());
    assert_eq!(client.get("/issues/1").await.json["title"], "renamed by hand");
}

#[tokio::test]
async fn requests_are_remembered_with_their_answers() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    client.post("/issues?x=1", json!({ "title": "t" })).await;
    client.get("/issues/9").await;
    let [made, missed] = github.requests().try_into().unwrap();
    assert_eq!((made.method.as_str(), made.query.as_str(), made.status), ("POST", "x=1", Some(201)));
    assert_eq!((made.path.as_str(), made.json()["title"].as_str()), ("/repos/octo-org/octo-repo/issues", Some("t")));
    assert_eq!((missed.status, missed.header("user-agent")), (Some(404), Some("runbook-testkit")));
    github.forget_requests();
    assert!(github.requests().is_empty());
}

#[tokio::test]
async fn the_page_of_an_issue_can_be_looked_at() {
    let github = FakeGitHub::start().await;
    let mut client = Client::of(&github);
    let number = github.add_issue("Status", "<b>all well</b>", &[], "octocat");
    github.add_comment(number, "hello", "octocat");
    let url = client.get(&format!("/issues/{number}")).await.json["html_url"].as_str().unwrap().to_owned();
    client.token = None;
    let page = client.get(&url).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    let text = page.json.as_str().unwrap();
    assert!(text.contains("<b>all well</b>") && text.contains("hello"), "{text}");
}
