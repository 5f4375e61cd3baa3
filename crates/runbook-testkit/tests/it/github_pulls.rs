//! Pull requests, and the statuses of a commit by pages.

use runbook_testkit::github::FakeGitHub;
use serde_json::json;

use crate::client::Client;

#[tokio::test]
async fn a_branch_has_one_open_pull_request() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    let first = github.git_ref("refs/heads/main").unwrap();
    let commit = github.add_commit(Some(&first));
    github.set_ref("refs/heads/rollback/v1", &commit);
    let wanted = json!({ "title": "Roll back", "head": "rollback/v1", "base": "main", "body": "why" });
    let made = client.post("/pulls", wanted.clone()).await;
    assert_eq!((made.status, &made.json["state"], &made.json["head"]["sha"]), (201, &json!("open"), &json!(commit)));
    assert_eq!((&made.json["base"]["ref"], &made.json["merged"]), (&json!("main"), &json!(false)));
    let again = client.post("/pulls", wanted).await;
    assert_eq!(again.status, 422);
    assert!(again.json["errors"][0]["message"].as_str().unwrap().starts_with("A pull request already exists"));

    let (owner, number) = (github.owner(), made.json["number"].as_u64().unwrap());
    let one = client.get(&format!("/pulls/{number}")).await;
    assert_eq!(one.json["title"], "Roll back");
    github.close_issue(number);
    assert_eq!(client.get("/pulls").await.json, json!([]), "only open ones are listed unless all are asked for");
    let head = format!("/pulls?state=all&head={owner}:rollback/v1");
    let listed = client.get(&head).await.json;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["number"]), (1, &json!(number)));
    assert_eq!(listed[0]["merged"], json!(null), "a list tells less than the address of one");
    assert_eq!(client.get(&format!("/pulls?state=all&head={owner}:other")).await.json, json!([]));
    assert_eq!(client.get("/pulls/999").await.status, 404);
}

#[tokio::test]
async fn a_pull_request_brings_something_from_a_branch_that_is_there() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    let first = github.git_ref("refs/heads/main").unwrap();
    github.set_ref("refs/heads/same", &first);
    let none = client.post("/pulls", json!({ "title": "t", "head": "none", "base": "main" })).await;
    assert_eq!((none.status, &none.json["errors"][0]["field"]), (422, &json!("head")));
    let same = client.post("/pulls", json!({ "title": "t", "head": "same", "base": "main" })).await;
    assert!(same.json["errors"][0]["message"].as_str().unwrap().starts_with("No commits between"), "{}", same.json);
    assert!(github.pull_requests().is_empty());
}

#[tokio::test]
async fn the_statuses_of_a_commit_come_by_pages() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    let sha = github.git_ref("refs/heads/main").unwrap();
    (0..5).for_each(|n| github.set_status(&sha, &format!("c{n}"), "success"));
    let second = client.get(&format!("/commits/{sha}/status?per_page=2&page=2")).await;
    let statuses = second.json["statuses"].as_array().unwrap();
    assert_eq!((statuses.len(), &statuses[0]["context"]), (2, &json!("c2")));
    assert_eq!((&second.json["total_count"], &second.json["state"]), (&json!(5), &json!("success")));
}
