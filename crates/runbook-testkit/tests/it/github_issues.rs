//! Issues, comments, labels, reactions: the way a status issue goes.

use std::sync::Arc;

use jiff::Timestamp;
use reqwest::Method;
use runbook_testkit::{VirtualClock, github::FakeGitHub};
use serde_json::json;

use crate::client::Client;

#[tokio::test]
async fn create_find_update_close_reopen() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    let made = client
        .post("/issues", json!({ "title": "🤖 Status", "body": "<!-- marker -->", "labels": ["runbook", "Runbook"] }))
        .await;
    assert_eq!((made.status, made.json["number"].as_u64()), (201, Some(1)));
    assert_eq!(made.json["labels"].as_array().unwrap().len(), 1, "labels differ by more than their case");
    assert_eq!(made.json["user"]["login"], "runbook[bot]");
    assert_eq!(made.json["user"]["type"], "Bot");
    assert_eq!(made.json["state_reason"], json!(null));

    let found = client.get("/issues?labels=RUNBOOK&creator=runbook[bot]").await;
    assert_eq!(found.json.as_array().unwrap().len(), 1);
    assert_eq!(client.get("/issues?labels=runbook,other").await.json, json!([]), "all the labels have to be there");

    github.close_issue(1);
    assert_eq!(client.get("/issues").await.json, json!([]), "the list shows open issues unless asked for others");
    assert_eq!(client.get("/issues?state=closed").await.json.as_array().unwrap().len(), 1);
    let reopened = client.patch("/issues/1", json!({ "state": "open", "body": "new" })).await;
    assert_eq!((reopened.status, &reopened.json["state_reason"]), (200, &json!("reopened")));
    assert_eq!(reopened.json["title"], "🤖 Status", "what is not named stays");
    let emptied = client.patch("/issues/1", json!({ "body": null, "labels": [] })).await;
    assert_eq!((&emptied.json["body"], &emptied.json["labels"]), (&json!(null), &json!([])));
    let closed = client.patch("/issues/1", json!({ "state": "closed", "state_reason": "not_planned" })).await;
    assert_eq!(
        (&closed.json["state_reason"], &closed.json["closed_by"]["login"]),
        (&json!("not_planned"), &json!("runbook[bot]"))
    );

    let issue = github.issue(1).unwrap();
    assert!(!issue.open && issue.body.is_none() && issue.labels.is_empty());
}

#[tokio::test]
async fn one_hundred_and_fifty_issues_come_in_pages() {
    let github = FakeGitHub::start().await;
    for at in 0..150 {
        github.add_issue(&format!("noise {at}"), "", &["noise, and more"], "octocat");
    }
    let client = Client::of(&github);
    assert_eq!(client.get("/issues").await.json.as_array().unwrap().len(), 30);
    assert_eq!(client.get("/issues?per_page=1000").await.json.as_array().unwrap().len(), 100, "a page has at most 100");

    let mut next = Some("/issues?state=all&creator=octo%63at&per_page=40&direction=asc".to_owned());
    let (mut numbers, mut pages) = (Vec::new(), 0);
    while let Some(path) = next {
        let page = client.get(&path).await;
        numbers.extend(page.json.as_array().unwrap().iter().map(|issue| issue["number"].as_u64().unwrap()));
        next = page.header("link").and_then(|links| link(links, "next"));
        pages += 1;
        if next.is_none() {
            let links = page.header("link").unwrap();
            assert!(link(links, "first").is_some() && link(links, "prev").is_some() && link(links, "last").is_none());
        }
    }
    assert_eq!((pages, numbers), (4, (1..=150).collect::<Vec<u64>>()));
    let beyond = client.get("/issues?page=99").await;
    assert_eq!((beyond.status, beyond.json), (200, json!([])));
}

fn link(header: &str, rel: &str) -> Option<String> {
    let wanted = format!("rel=\"{rel}\"");
    let one = header.split(", ").find(|one| one.ends_with(&wanted))?;
    Some(one.split('>').next()?.trim_start_matches('<').to_owned())
}

#[tokio::test]
async fn lists_are_sorted_and_filtered_by_time() {
    let clock = VirtualClock::new("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
    let github = FakeGitHub::builder().clock(Arc::new(clock.clone())).start().await.unwrap();
    let client = Client::of(&github);
    for title in ["old", "middle", "new"] {
        github.add_issue(title, "", &[], "octocat");
        clock.advance(std::time::Duration::from_secs(60));
    }
    client.post("/issues/1/comments", json!({ "body": "ping" })).await;
    let titles = async |query: &str| -> Vec<String> {
        let list = client.get(&format!("/issues{query}")).await;
        list.json.as_array().unwrap().iter().map(|issue| issue["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(titles("").await, ["new", "middle", "old"]);
    assert_eq!(titles("?sort=updated").await, ["old", "new", "middle"], "a comment is an update");
    assert_eq!(titles("?sort=comments&direction=asc").await, ["middle", "new", "old"]);
    assert_eq!(titles("?since=2026-01-01T00:02:00Z&direction=asc").await, ["old", "new"]);
    assert_eq!(client.get("/issues/1").await.json["created_at"], "2026-01-01T00:00:00Z");
    assert_eq!(client.get("/issues?state=ajar").await.status, 422);
}

#[tokio::test]
async fn comments_and_reactions() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    let number = github.add_issue("status", "", &[], "octocat");
    let command = github.add_comment(number, "/runbook rollback", "octocat");
    let made = client.post(&format!("/issues/{number}/comments"), json!({ "body": "refused: why" })).await;
    assert_eq!((made.status, &made.json["author_association"]), (201, &json!("NONE")));
    let list = client.get(&format!("/issues/{number}/comments")).await;
    let bodies: Vec<_> = list.json.as_array().unwrap().iter().map(|comment| comment["body"].clone()).collect();
    assert_eq!(bodies, ["/runbook rollback", "refused: why"]);
    assert_eq!(client.get(&format!("/issues/{number}")).await.json["comments"], 2);

    let reaction = format!("/issues/comments/{command}/reactions");
    assert_eq!(client.post(&reaction, json!({ "content": "eyes" })).await.status, 201);
    assert_eq!(
        client.post(&reaction, json!({ "content": "eyes" })).await.status,
        200,
        "the second of the same is no new one"
    );
    assert_eq!(client.post(&reaction, json!({ "content": "grin" })).await.status, 422);
    assert_eq!(github.comments(number)[0].reactions.len(), 1);

    let edited = client.patch(&format!("/issues/comments/{command}"), json!({ "body": "edited" })).await;
    assert_eq!((edited.status, &edited.json["body"]), (200, &json!("edited")));
    assert_eq!(client.post(&format!("/issues/{number}/comments"), json!({ "body": " " })).await.status, 422);
    let deleted = client.send(client.request(Method::DELETE, &format!("/issues/comments/{command}"))).await.unwrap();
    assert_eq!((deleted.status, github.comments(number).len()), (204, 1));
    assert_eq!(client.get("/issues/comments?sort=created&direction=desc").await.json.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn labels() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    let number = github.add_issue("status", "", &["old"], "octocat");
    let made =
        client.post("/labels", json!({ "name": "ai agent/1", "color": "0e8a16", "description": "by machine" })).await;
    assert_eq!(made.status, 201);
    assert_eq!(client.get("/labels/ai%20agent%2F1").await.json["color"], "0e8a16");
    let again = client.post("/labels", json!({ "name": "AI AGENT/1" })).await;
    assert_eq!((again.status, &again.json["errors"][0]["code"]), (422, &json!("already_exists")));
    assert_eq!(client.get("/labels/unknown").await.status, 404);

    let added = client.post(&format!("/issues/{number}/labels"), json!({ "labels": ["AI agent/1", "fresh"] })).await;
    let names: Vec<_> = added.json.as_array().unwrap().iter().map(|label| label["name"].clone()).collect();
    assert_eq!(names, ["old", "ai agent/1", "fresh"], "what is there stays, and keeps its spelling");
    let removed = client.send(client.request(Method::DELETE, &format!("/issues/{number}/labels/old"))).await.unwrap();
    assert_eq!((removed.status, github.issue(number).unwrap().labels.len()), (200, 2));
    assert_eq!(client.get("/labels").await.json.as_array().unwrap().len(), 3, "labels put on an issue are made");
}
