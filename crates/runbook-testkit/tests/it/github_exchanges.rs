//! What the fake writes down for a check against GitHub's own description.

use std::fs;

use reqwest::Method;
use runbook_testkit::github::{FakeGitHub, Fault, FaultKind};
use serde_json::{Value, json};

use crate::client::Client;

#[tokio::test]
async fn exchanges_are_written_down_whole_and_ordered_answers_are_told_from_the_fakes_own() {
    let folder = tempfile::tempdir().unwrap();
    let github = FakeGitHub::builder().exchanges(folder.path()).start().await.unwrap();
    let client = Client::of(&github);
    client.post("/issues?a=b", json!({ "title": "t" })).await;
    github.fail(Fault::new(FaultKind::Html { code: 502 }));
    client.get("/issues").await;
    github.fail(Fault::new(FaultKind::LostResponse));
    assert!(client.send(client.request(Method::GET, "/labels")).await.is_err());
    client.get("/labels").await;

    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "one fake, one file");
    let text = fs::read_to_string(files[0].as_ref().unwrap().path()).unwrap();
    assert!(!text.contains(&github.token()), "a token is never written down");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = lines.iter().map(|l| (&l["method"], &l["status"], &l["fault"])).collect();
    assert_eq!(
        told,
        [
            (&json!("POST"), &json!(201), &json!(false)),
            (&json!("GET"), &json!(502), &json!(true)),
            (&json!("GET"), &Value::Null, &json!(true)),
            (&json!("GET"), &json!(200), &json!(false)),
        ]
    );
    assert_eq!((&lines[0]["query"], &lines[0]["request"]), (&json!("a=b"), &json!(r#"{"title":"t"}"#)));
    assert_eq!(lines[0]["package"], "runbook-testkit");
    let issue: Value = serde_json::from_str(lines[0]["response"].as_str().unwrap()).unwrap();
    assert_eq!(issue["title"], "t");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error_before_anything_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(FakeGitHub::builder().exchanges(&file).start().await.is_err());
}
