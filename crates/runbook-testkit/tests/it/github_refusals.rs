//! The fake refuses what GitHub refuses, in GitHub's form.

use reqwest::Method;
use runbook_testkit::github::{FakeGitHub, Grant, Level};
use serde_json::json;

use crate::client::Client;

#[tokio::test]
async fn who_may_not_come_in() {
    let github = FakeGitHub::start().await;
    let mut client = Client::of(&github);
    client.token = Some("ghp_wrong".to_owned());
    let refused = client.get("/issues").await;
    assert_eq!((refused.status, &refused.json["message"]), (401, &json!("Bad credentials")));
    assert!(refused.json["documentation_url"].is_string());
    client.token = None;
    assert_eq!(client.get("/issues").await.json["message"], "Requires authentication");

    let token = github.add_token(Grant::user("octocat"));
    client.token = Some(token.clone());
    assert_eq!(client.get(&format!("{}/user", github.url())).await.json["login"], "octocat");
    github.revoke(&token);
    assert_eq!(client.get("/issues").await.status, 401);
    let seen = format!("{:?}", github.requests());
    assert!(
        !seen.contains(&token) && !seen.contains("ghp_wrong") && seen.contains("Bearer ***"),
        "tokens are not kept"
    );

    let nameless = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = nameless.get(format!("{}/user", github.url())).bearer_auth(github.token()).send().await.unwrap();
    assert_eq!(response.status(), 403, "GitHub wants a User-Agent");
}

#[tokio::test]
async fn what_is_not_there() {
    let github = FakeGitHub::builder().repository("o", "one").repository("o", "two").start().await.unwrap();
    let client = Client::of(&github);
    let unknown = client.get(&format!("{}/repos/o/none/issues", github.url())).await;
    assert_eq!((unknown.status, &unknown.json["message"]), (404, &json!("Not Found")));
    assert_eq!(client.get("/issues/7").await.status, 404);
    assert_eq!(client.get("/no/such/route").await.status, 404);

    let [deleted, forgotten, moved] = [0; 3].map(|_| github.add_issue("an issue", "body", &[], "octocat"));
    github.delete_issue(deleted);
    github.forget_issue(forgotten);
    let there = github.transfer_issue(moved, "o", "two");
    assert_eq!(client.get(&format!("/issues/{deleted}")).await.json["message"], "This issue was deleted");
    assert_eq!(client.patch(&format!("/issues/{deleted}"), json!({ "body": "x" })).await.status, 410);
    assert_eq!(client.get(&format!("/issues/{forgotten}")).await.status, 404);
    let redirect = client.get(&format!("/issues/{moved}")).await;
    assert_eq!(redirect.status, 301);
    let followed = client.get(redirect.header("location").unwrap()).await;
    assert_eq!((followed.status, followed.json["number"].as_u64()), (200, Some(there)));
    assert_eq!(github.add_issue("next", "", &[], "octocat"), moved + 1, "numbers are never used again");
}

#[tokio::test]
async fn what_is_too_long_or_empty_or_nonsense() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    let created = async |body| client.post("/issues", body).await;
    // Characters count, not bytes.
    assert_eq!(created(json!({ "title": "t", "body": "ü".repeat(65_536) })).await.status, 201);
    let long = created(json!({ "title": "t", "body": "x".repeat(65_537) })).await;
    assert_eq!((long.status, &long.json["errors"][0]["field"]), (422, &json!("body")));
    assert_eq!(long.json["errors"][0]["message"], "body is too long (maximum is 65536 characters)");
    assert_eq!(created(json!({ "title": " " })).await.json["errors"][0]["code"], "missing_field");
    assert_eq!(created(json!({ "title": "x".repeat(257) })).await.status, 422);
    assert_eq!(created(json!({ "body": "no title" })).await.status, 422);
    assert_eq!(created(json!({ "title": 5 })).await.status, 422);
    assert_eq!(
        created(json!({ "title": "t", "labels": ["x".repeat(51)] })).await.json["errors"][0]["resource"],
        "Label"
    );
    assert_eq!(created(json!([])).await.status, 400);
    let broken = client.send(client.request(Method::POST, "/issues").body("{")).await.unwrap();
    assert_eq!((broken.status, &broken.json["message"]), (400, &json!("Problems parsing JSON")));
    let huge = client.send(client.request(Method::POST, "/issues").body(vec![b' '; 1024 * 1024 + 1])).await;
    assert!(huge.is_err() || huge.is_ok_and(|answer| answer.status == 413));
    assert_eq!(github.issues().len(), 1, "what is refused changes nothing");
    let comment = client.post("/issues/1/comments", json!({ "body": "x".repeat(65_537) })).await;
    assert_eq!(comment.status, 422);
}

#[tokio::test]
async fn who_may_not_write() {
    let github = FakeGitHub::start().await;
    let mut client = Client::of(&github);
    let number = github.add_issue("an issue", "", &[], "octocat");
    client.token = Some(github.add_token(Grant::installation("github-actions[bot]").with("issues", Level::Read)));
    let refused = client.post("/issues", json!({ "title": "t" })).await;
    assert_eq!((refused.status, &refused.json["message"]), (403, &json!("Resource not accessible by integration")));
    assert_eq!(refused.header("x-accepted-github-permissions"), Some("issues=write"));
    assert_eq!(client.get("/issues").await.status, 200, "reading is something else");
    assert_eq!(client.get(&format!("{}/user", github.url())).await.status, 403, "an installation is no user");

    client.token = Some(github.token());
    github.lock_issue(number);
    let comment = json!({ "body": "hello" });
    assert_eq!(client.post(&format!("/issues/{number}/comments"), comment.clone()).await.status, 403);
    github.set_permission("runbook[bot]", "write");
    assert_eq!(client.post(&format!("/issues/{number}/comments"), comment).await.status, 201);

    github.set_issues_enabled(false);
    assert_eq!(client.get("/issues").await.status, 410);
    assert_eq!(client.post("/issues", json!({ "title": "t" })).await.status, 410);
    github.set_private(true);
    client.token = Some(github.add_token(Grant::user("stranger").with("metadata", Level::None)));
    assert_eq!(client.get("").await.status, 404, "a stranger is not told that a private repository exists");
}
