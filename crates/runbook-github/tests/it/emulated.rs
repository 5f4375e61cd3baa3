//! The life of a status issue at a GitHub that nobody here wrote: npm `emulate`, which `cargo xtask contract emulate`
//! starts and names in `RUNBOOK_EMULATED_GITHUB`, as the JSON that it prints: `url`, `repository`, and `tokens` of
//! `runbook`, of the `owner` and of a `stranger`.

use std::sync::Arc;

use octocrab::Octocrab;
use runbook_core::{Secret, ports::IssueUpdate};
use runbook_github::{IssueSettings, StatusIssue};
use runbook_render::Renderer;
use serde_json::{Value, json};

use crate::support::{LABELS, marker, publish, update, update_of, view};

/// More than fit on one page of a list.
const OTHERS: usize = 150;

/// The emulated GitHub, in the eyes of one of its people.
struct Eyes {
    client: Octocrab,
    repository: String,
}

impl Eyes {
    fn of(github: &Value, who: &str) -> Self {
        let client = Octocrab::builder()
            .base_uri(text(&github["url"]))
            .unwrap()
            .personal_token(text(&github["tokens"][who]))
            .build()
            .unwrap();
        Self { client, repository: text(&github["repository"]).to_owned() }
    }

    fn path(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.repository)
    }

    async fn get(&self, rest: &str) -> Value {
        self.client.get::<Value, _, ()>(self.path(rest), None).await.unwrap()
    }

    async fn open(&self, title: &str, body: &str, labels: &[&str]) -> u64 {
        let wanted = json!({ "title": title, "body": body, "labels": labels });
        let made: Value = self.client.post(self.path("/issues"), Some(&wanted)).await.unwrap();
        made["number"].as_u64().unwrap()
    }

    async fn change(&self, number: u64, change: Value) {
        self.client.patch::<Value, _, _>(self.path(&format!("/issues/{number}")), Some(&change)).await.unwrap();
    }

    async fn issue(&self, number: u64) -> Value {
        self.get(&format!("/issues/{number}")).await
    }

    async fn comments(&self, number: u64) -> Vec<Value> {
        self.get(&format!("/issues/{number}/comments")).await.as_array().unwrap().clone()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn labels(issue: &Value) -> Vec<String> {
    issue["labels"].as_array().unwrap().iter().map(|label| text(&label["name"]).to_owned()).collect()
}

fn emulated() -> Value {
    let said = std::env::var("RUNBOOK_EMULATED_GITHUB")
        .expect("RUNBOOK_EMULATED_GITHUB must say where it is: start this by `cargo xtask contract emulate`");
    serde_json::from_str(&said).unwrap()
}

#[tokio::test]
#[ignore = "needs an emulated GitHub: cargo xtask contract emulate"]
async fn the_life_of_a_status_issue() {
    let github = emulated();
    let (owner, runbook, stranger) =
        (Eyes::of(&github, "owner"), Eyes::of(&github, "runbook"), Eyes::of(&github, "stranger"));
    let settings = IssueSettings::new(
        text(&github["url"]),
        text(&github["repository"]),
        Secret::new(text(&github["tokens"]["runbook"])),
        Arc::new(Renderer::new().unwrap()),
    );
    let tracker = StatusIssue::new(settings).unwrap();
    let forged = stranger.open("a copy", &format!("{}\n\nforged", marker()), &["runbook"]).await;
    for n in 0..OTHERS {
        owner.open(&format!("runbook idea {n}"), "no marker", &["runbook"]).await;
    }

    // Made once, and found again by its marker behind all others.
    let made = publish(&tracker, &update()).await.unwrap();
    assert!(made.created && made.number != forged, "{made:?}");
    let number = made.number;
    let issue = owner.issue(number).await;
    assert_eq!(issue["title"], "🤖 AI Agent Autonomous Runbook Status");
    assert_eq!(labels(&issue), LABELS);
    let again = publish(&tracker, &update()).await.unwrap();
    assert_eq!((again.number, again.created), (number, false));
    assert_eq!(owner.issue(number).await["updated_at"], issue["updated_at"], "what is current is not written again");

    // Updated by its number.
    let grown = IssueUpdate { view: view(3), ..update_of(number) };
    publish(&tracker, &grown).await.unwrap();
    assert!(text(&owner.issue(number).await["body"]).contains("Service 2"));

    // Closed, renamed and without its labels: opened again and mended; what people put on stays.
    owner.change(number, json!({ "state": "closed", "title": "renamed", "labels": ["pinned"] })).await;
    assert_eq!(publish(&tracker, &update()).await.unwrap().number, number);
    let mended = owner.issue(number).await;
    assert_eq!((text(&mended["state"]), &mended["title"]), ("open", &issue["title"]));
    assert_eq!(labels(&mended), ["pinned", "ai-agent", "automated", "runbook"]);

    // One comment for a run, however often it is told.
    let told = IssueUpdate { comment: true, ..update_of(number) };
    publish(&tracker, &told).await.unwrap();
    publish(&tracker, &told).await.unwrap();
    assert_eq!(owner.comments(number).await.len(), 1);

    // Of two, the older stays, and the other is closed with a link.
    let second = runbook.open("made by hand", &format!("{}\n\nsecond", marker()), &["runbook"]).await;
    assert_eq!(publish(&tracker, &update()).await.unwrap().number, number);
    assert_eq!(owner.issue(second).await["state"], "closed");
    let said = owner.comments(second).await;
    assert_eq!(said.len(), 1);
    assert!(text(&said[0]["body"]).contains(&format!("#{number}")), "{said:?}");

    // And nobody else's issue was touched.
    let copy = owner.issue(forged).await;
    assert_eq!((&copy["state"], &copy["comments"]), (&json!("open"), &json!(0)));
    let open = owner.get("/issues?state=open&labels=ai-agent&per_page=100").await;
    let open: Vec<u64> = open.as_array().unwrap().iter().filter_map(|issue| issue["number"].as_u64()).collect();
    assert_eq!(open, [number]);
}
