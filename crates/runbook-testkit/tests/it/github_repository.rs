//! Refs, checks, deployments, actions, permissions.

use reqwest::Method;
use runbook_testkit::github::{Dispatch, FakeGitHub};
use serde_json::json;

use crate::client::Client;

#[tokio::test]
async fn refs_move_forward_only() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    let first = github.git_ref("refs/heads/main").unwrap();
    let (second, other) = (github.add_commit(Some(&first)), github.add_commit(Some(&first)));
    let name = "refs/runbook/journal/production";
    let made = client.post("/git/refs", json!({ "ref": name, "sha": first })).await;
    assert_eq!((made.status, &made.json["object"]["sha"]), (201, &json!(first)));
    let again = client.post("/git/refs", json!({ "ref": name, "sha": second })).await;
    assert_eq!((again.status, &again.json["message"]), (422, &json!("Reference already exists")));
    assert_eq!(client.post("/git/refs", json!({ "ref": "journal", "sha": first })).await.status, 422);
    assert_eq!(client.post("/git/refs", json!({ "ref": "refs/x/y", "sha": "0".repeat(40) })).await.status, 422);

    let path = "/git/refs/runbook/journal/production";
    assert_eq!(client.patch(path, json!({ "sha": second })).await.status, 200);
    let lost = client.patch(path, json!({ "sha": other })).await;
    assert_eq!((lost.status, &lost.json["message"]), (422, &json!("Update is not a fast forward")));
    assert_eq!(client.get("/git/ref/runbook/journal/production").await.json["object"]["sha"], second.as_str());
    assert_eq!(client.patch(path, json!({ "sha": other, "force": true })).await.status, 200);
    assert_eq!(github.git_ref(name), Some(other));
    assert_eq!(client.get("/git/matching-refs/runbook/").await.json.as_array().unwrap().len(), 1);
    assert_eq!(client.get("/git/matching-refs/none").await.json, json!([]));
    assert_eq!(client.get("/git/ref/heads/none").await.status, 404);
}

#[tokio::test]
async fn checks_and_statuses_of_a_commit() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    let sha = github.git_ref("refs/heads/main").unwrap();
    assert_eq!(client.get("/commits/main/status").await.json["state"], "pending", "no status is not success");
    github.add_check_run(&sha, "build", "completed", Some("failure"));
    github.add_check_run(&sha, "build", "completed", Some("success"));
    github.add_check_run(&sha, "test", "in_progress", None);
    let runs = client.get("/commits/main/check-runs").await;
    assert_eq!(runs.json["total_count"], 2, "a newer run of the same name hides the older");
    assert_eq!(runs.json["check_runs"][0]["conclusion"], "success");
    assert_eq!(client.get("/commits/main/check-runs?filter=all").await.json["total_count"], 3);
    assert_eq!(client.get("/commits/main/check-runs?status=in_progress").await.json["total_count"], 1);

    github.set_status(&sha, "lint", "pending");
    github.set_status(&sha, "lint", "success");
    assert_eq!(client.get(&format!("/commits/{sha}/status")).await.json["state"], "success");
    github.set_status(&sha, "scan", "error");
    assert_eq!(client.get("/commits/heads/main/status").await.json["state"], "failure");
    assert_eq!(client.get("/commits/none/status").await.status, 422);
}

#[tokio::test]
async fn deployments_and_their_statuses() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    let sha = github.git_ref("refs/heads/main").unwrap();
    github.set_status(&sha, "ci", "failure");
    let order = json!({ "ref": "main", "environment": "staging", "payload": { "run": "1" } });
    assert_eq!(client.post("/deployments", order).await.status, 409, "a failed status refuses a deployment");
    let order = json!({ "ref": "main", "environment": "staging", "required_contexts": [], "payload": { "run": "1" } });
    let first = client.post("/deployments", order.clone()).await;
    assert_eq!((first.status, &first.json["sha"], &first.json["payload"]["run"]), (201, &json!(sha), &json!("1")));
    let second = client.post("/deployments", order).await;
    for made in [&first, &second] {
        let path = format!("/deployments/{}/statuses", made.json["id"]);
        assert_eq!(client.post(&path, json!({ "state": "in_progress" })).await.status, 201);
        assert_eq!(client.post(&path, json!({ "state": "success", "log_url": "http://x.invalid/" })).await.status, 201);
    }
    let statuses = client.get(&format!("/deployments/{}/statuses", first.json["id"])).await;
    let states: Vec<_> = statuses.json.as_array().unwrap().iter().map(|status| status["state"].clone()).collect();
    assert_eq!(states, ["inactive", "success", "in_progress"], "newest first; the next success retires it");
    let list = client.get("/deployments?environment=staging&per_page=1").await;
    assert_eq!(list.json[0]["id"], second.json["id"], "newest first");
    assert!(list.header("link").is_some());
    let path = format!("/deployments/{}/statuses", first.json["id"]);
    assert_eq!(client.post(&path, json!({ "state": "done" })).await.status, 422);
    assert_eq!(client.post("/deployments", json!({ "ref": "none" })).await.json["message"], "No ref found for: none");
    assert_eq!(github.deployments().len(), 2);
}

#[tokio::test]
async fn dispatches_are_recorded_or_refused() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    let id = github.add_workflow("runbook.yml", "Runbook", false);
    let dispatch = json!({ "ref": "main", "inputs": { "action": "rollback" } });
    let path = "/actions/workflows/runbook.yml/dispatches";
    assert_eq!(client.post(path, dispatch.clone()).await.status, 422, "a disabled workflow refuses");
    let enabled = client.send(client.request(Method::PUT, &format!("/actions/workflows/{id}/enable"))).await.unwrap();
    assert_eq!(enabled.status, 204);
    assert_eq!(client.get("/actions/workflows/runbook.yml").await.json["state"], "active");
    assert_eq!(client.post(path, dispatch).await.status, 204);
    assert_eq!(client.post(path, json!({ "ref": "none" })).await.status, 422);
    assert_eq!(client.post("/actions/workflows/other.yml/dispatches", json!({ "ref": "main" })).await.status, 404);
    assert_eq!(github.dispatched_inputs(), [json!({ "action": "rollback" })]);

    let event = json!({ "event_type": "deploy", "client_payload": { "version": "v1" } });
    assert_eq!(client.post("/dispatches", event).await.status, 204);
    assert_eq!(client.post("/dispatches", json!({ "event_type": "x".repeat(101) })).await.status, 422);
    assert!(matches!(&github.dispatches()[1], Dispatch::Repository { event_type, payload }
        if event_type == "deploy" && payload["version"] == "v1"));
}

#[tokio::test]
async fn runs_of_workflows_have_attempts() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    let workflow = github.add_workflow("runbook.yml", "Runbook", true);
    github.set_workflow_run(77, workflow, 1, "completed", Some("cancelled"));
    github.set_workflow_run(77, workflow, 2, "in_progress", None);
    assert_eq!(client.get("/actions/runs/77").await.json["run_attempt"], 2, "the newest attempt");
    assert_eq!(client.get("/actions/runs/77/attempts/1").await.json["conclusion"], "cancelled");
    assert_eq!(client.get("/actions/runs/78").await.status, 404);
    assert_eq!(client.get("/actions/runs?status=in_progress").await.json["total_count"], 1);
    assert_eq!(client.get("/actions/workflows/runbook.yml/runs?status=cancelled").await.json["total_count"], 0);
}

#[tokio::test]
async fn permissions_of_people() {
    let github = FakeGitHub::start().await;
    let client = Client::of(&github);
    github.set_permission("alice", "maintain");
    github.set_permission("bob", "read");
    let of = async |login: &str| client.get(&format!("/collaborators/{login}/permission")).await;
    let alice = of("Alice").await;
    assert_eq!((&alice.json["permission"], &alice.json["role_name"]), (&json!("write"), &json!("maintain")));
    assert_eq!(of("bob").await.json["permission"], "read");
    assert_eq!(of("octo-org").await.json["permission"], "admin", "the owner");
    assert_eq!(of("nobody").await.status, 404);
    assert_eq!(client.get("").await.json["default_branch"], "main");
}
